"""Follows a page of examples/howto on a machine that is made for it.

Blocks are the customer's, or, if they say sudo, root's; see pages.py.
"""

import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pages
from harness import PROGRAM, TESTS, until

EXAMPLES = TESTS.parent / "examples"
PAGES = EXAMPLES / "howto"
MACHINE = Path(__file__).with_name("machine.sh")
HOME = "/srv/anna"
HOMES = {"anna": HOME, "root": "/root", "www-data": "/var/www"}
TIMEOUT = 300
DEBIAN = "/usr/lib/python3/dist-packages"


def without_pip(text):
    """Commands that do what pip would: no network is here, but Debian is."""
    return re.sub(r"^(\S+)/bin/pip install .*", rf"echo {DEBIAN} "
                  r">$(echo \1/lib/python3.*/site-packages)/debian.pth",
                  text, flags=re.MULTILINE)


class Machine:
    """A Debian of its own, with a user anna, below this one's kernel."""

    def __init__(self):
        assert os.getuid() == 0, "the how-tos need root"
        self.folder = tempfile.mkdtemp(prefix="cgi2wsgi-machine-",
                                       dir="/var/tmp")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork",
             "--kill-child", MACHINE, self.folder, PROGRAM, EXAMPLES],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = self.process.stdout.readline()
        assert said == "ready\n", said + self.process.stdout.read()
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}"
                        "/children")
        self.first, = until(lambda: children.read_text().split())

    def stop(self):
        os.kill(int(self.first), signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        os.rmdir(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()

    def start(self, command, user="anna"):
        """A process of a user, with what a login gives."""
        home = HOMES[user]
        return subprocess.Popen(
            ["nsenter", "--target", self.first, "--mount", "--net", "--pid",
             "setpriv", f"--reuid={user}", f"--regid={user}",
             "--init-groups", *command],
            env={"HOME": home, "USER": user, "LOGNAME": user,
                 "LC_ALL": "C.UTF-8", "PATH": f"{home}/bin:/usr/local/bin:"
                 "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def run(self, text, user="anna"):
        """What commands print; they must succeed."""
        process = self.start(["/bin/bash", "-e", "-c", "cd\n" + text], user)
        said = process.communicate(timeout=TIMEOUT)[0]
        assert process.returncode == 0, f"{text}\n{said}\n{self.log()}"
        return said

    def log(self):
        process = self.start(
            ["sh", "-c", "tail -n 20 /var/log/apache2/*.log"], "root")
        return process.communicate()[0]

    def write(self, name, text):
        user = "anna" if name.startswith("~") else "root"
        name = name.replace("~", HOME, 1)
        process = self.start(["sh", "-c", f"mkdir -p {os.path.dirname(name)} && cat >{name}"], user)
        said = process.communicate(text)[0]
        assert process.returncode == 0, said

    def follow(self, page):
        """Do all that a page says."""
        pages.follow(PAGES / page, self.write, lambda text: self.run(
            without_pip(text), "root" if "sudo " in text else "anna"))
