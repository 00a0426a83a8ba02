"""An Apache whose suEXEC runs scripts as their owner; needs root.

Two users are made for it, with names that nobody has: Apache's, for whom
suEXEC's configuration says where scripts are, and the scripts' owner.
"""

import atexit
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path

from apache import ROOT, Apache
from harness import until

CONFIGURATION = Path("/etc/apache2/suexec")
# What suEXEC demands: files are the owner's, and others do not write them.
OWNED = ("cgi-bin", "htdocs", "apps", "data", "home")


def change_users(*command):
    """Run useradd or userdel; another may hold their lock for a while."""
    done = None

    def succeeds():
        nonlocal done
        done = subprocess.run(command, text=True, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        return "cannot lock" not in done.stderr
    until(succeeds)
    assert done.returncode == 0, done.stderr


def is_user(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


class Suexec(Apache):
    """Apache's tree, the scripts in it somebody's own.

    home/    a folder with the owner's home
    """

    def __init__(self):
        assert ROOT, "suEXEC needs root"
        super().__init__("suexec")
        word = secrets.token_hex(4)
        self.name = f"cgi2wsgi-server-{word}"
        self.owner = f"cgi2wsgi-owner-{word}"
        self.folder("home")
        self.home = self.tree / "home" / self.owner
        atexit.register(self.stop)
        self.add_users()

    def start(self):
        self.configuration.write_text(f"{self.tree}\npublic_html/cgi-bin\n")
        for name in OWNED:
            path = self.tree / name
            for each in (path, *path.rglob("*")):
                shutil.chown(each, self.owner, self.owner)
        shutil.chown(self.images, self.owner, self.owner)
        super().start()

    @property
    def configuration(self):
        return CONFIGURATION / self.name

    def add_users(self):
        change_users("useradd", "--system", "--no-create-home",
                     "--gid", "www-data", self.name)
        change_users("useradd", "--create-home", "--user-group",
                     "--home-dir", self.home, self.owner)
        self.home.chmod(0o755)

    def definitions(self):
        return {**super().definitions(), "USER": self.name,
                "OWNER": self.owner}

    def stop(self):
        super().stop()
        self.configuration.unlink(missing_ok=True)
        for user in (self.owner, self.name):
            if is_user(user):
                change_users("userdel", "--force", user)
