"""Hosts for whole programs: each has a URL path, a script, its data."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from apache import AS_SERVER, TIMEOUT, Apache
from webservers import WebServer

HERE = Path(__file__).resolve().parent
CONFIGURATION = """
ScriptAlias "/{name}" "${{TREE}}/apps/{name}.cgi"
<Directory "${{TREE}}/apps">
    Require all granted
    CGIPassAuth On
</Directory>
<Location "/{name}">
    # Apache makes up the length of replies unless it is told this.
    SetEnv ap_trust_cgilike_cl yes
</Location>
"""


class Host:
    """What both servers offer to a program."""

    def data(self, name):
        """A folder that the program may write."""
        folder = self.folder(f"data/{name}")
        if AS_SERVER:
            shutil.chown(folder, **AS_SERVER)
        return folder

    def run(self, command, **env):
        """Run a command as the user that scripts run as."""
        subprocess.run(
            command, check=True, timeout=TIMEOUT, cwd=self.tree,
            env={"PATH": os.environ["PATH"], "HOME": str(self.tree / "data"),
                 "LC_ALL": "C.UTF-8", **env}, **AS_SERVER)

    def python(self, *arguments, **env):
        self.run([sys.executable, *arguments], **env)


class ApacheHost(Host, Apache):
    """A program has a URL of its own, without the script's name."""

    def __init__(self):
        super().__init__("event")
        self.name = "apache"

    def prefix(self, name):
        return f"/{name}"

    def deploy(self, name, source, options=""):
        self.script(f"apps/{name}.cgi", source, options)
        self.configure(CONFIGURATION.format(name=name))


class LighttpdHost(Host, WebServer):
    """Programs are scripts in cgi-bin."""

    def __init__(self):
        super().__init__("lighttpd")

    def prefix(self, name):
        return f"/cgi-bin/{name}.cgi"

    def deploy(self, name, source, options=""):
        self.script(f"cgi-bin/{name}.cgi", source, options)


class NginxHost(Host, WebServer):
    """Programs are scripts in cgi-bin."""

    def __init__(self):
        super().__init__("nginx")

    def prefix(self, name):
        return f"/cgi-bin/{name}.cgi"

    def deploy(self, name, source, options=""):
        self.script(f"cgi-bin/{name}.cgi", source, options)


HOSTS = {"apache": ApacheHost, "lighttpd": LighttpdHost}
