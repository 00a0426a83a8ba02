"""What was measured, and on what."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from apache import APACHE
from below_init import init
from harness import PROGRAM
from rungs import PYTHON

SHOWN = {
    "cgi2wsgi": [PROGRAM, "--version"],
    "Python": [PYTHON, "--version"],
    "Flask, Django": [PYTHON, "-c", "import importlib.metadata as m; "
                      "print('Flask', m.version('flask') + ',', "
                      "'Django', m.version('django'))"],
    "Perl": ["/usr/bin/perl", "-e", "print \"Perl $^V\""],
    "PHP": ["/usr/bin/php-cgi", "-v"],
    "Apache": [APACHE, "-v"],
    "mod_wsgi": ["/usr/bin/dpkg-query", "-W", "-f", "mod_wsgi ${Version}",
                 "libapache2-mod-wsgi-py3"],
    "uWSGI": ["/usr/bin/dpkg-query", "-W", "-f", "uWSGI ${Version}",
              "uwsgi-core"],
    "libc": ["/usr/bin/getconf", "GNU_LIBC_VERSION"],
}
NOISE = re.compile(r"^Server version: | \(built.*")


def versions():
    """A line by each program that is here."""
    found = {}
    for name, command in SHOWN.items():
        if not shutil.which(str(command[0])):
            continue
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL)
        if done.returncode == 0 and done.stdout:
            found[name] = NOISE.sub("", done.stdout.splitlines()[0])
    return found


def cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model", "cpu model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def machine():
    """Processor, kernel, init, and how busy it was when this began."""
    return (f"{os.cpu_count()} cores of {cpu()}, "
            f"{platform.system()} {platform.release()}, {init()} as init, "
            f"load {os.getloadavg()[0]:.1f} at the start")
