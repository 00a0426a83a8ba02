"""Runs a program below an init that waits for orphans, as a host's does.

In a container the first process may be anything. catatonit has SIGCHLD blocked,
as systemd has; of other inits nobody can see that they wait for orphans.
"""

import os
import subprocess
import sys
from pathlib import Path

AS_INIT = ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc",
           "--kill-child", *([] if os.getuid() == 0 else ["--map-root-user"])]
INIT = [*AS_INIT, "catatonit", "--"]


def init():
    """The name of the one that is there."""
    return Path("/proc/1/comm").read_text().strip()


def is_possible():
    """Whether there is another one, and may be a catatonit."""
    return (init() != "catatonit" and
            subprocess.run([*INIT, "true"],
                           stderr=subprocess.DEVNULL).returncode == 0)


def become(command):
    """Run a command so, in place of this program."""
    os.execvp(INIT[0], [*INIT, *command])


if __name__ == "__main__":
    become(sys.argv[1:])
