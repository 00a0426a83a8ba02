"""Runs a program below an init that waits for orphans, as a host's does.

In a container the first process may be anything.
"""

import os
import subprocess
import sys
from pathlib import Path

INIT = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
        *([] if os.getuid() == 0 else ["--map-root-user"]), "tini", "--"]


def init():
    """The name of the one that is there."""
    return Path("/proc/1/comm").read_text().strip()


def is_possible():
    """Whether there is another one, and may be a tini."""
    return (init() != "tini" and
            subprocess.run([*INIT, "true"],
                           stderr=subprocess.DEVNULL).returncode == 0)


def start_again():
    """Run this program so."""
    os.execvp(INIT[0], [*INIT, *sys.argv])


if __name__ == "__main__":
    os.execvp(INIT[0], [*INIT, *sys.argv[1:]])
