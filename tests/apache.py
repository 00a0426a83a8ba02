"""Runs a real Apache on loopback, in a temporary tree of its own."""

import atexit
import base64
import ctypes
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import PASSED_ON, PRELOAD, PROGRAM, SANITIZER, TESTS, until

APACHE = "/usr/sbin/apache2"
MODULES = "/usr/lib/apache2/modules"
SERVERS = TESTS / "servers"
MODELS = ("prefork", pytest.param("event", marks=pytest.mark.slow))
ROOT = os.getuid() == 0
# As whom the scripts run: root's Apache gives its rights away.
AS_SERVER = {"user": "www-data", "group": "www-data"} if ROOT else {}
TIMEOUT = 120

# Where the site (servers/site.py) is found, by the way of naming it.
SITE = {
    "script": "/cgi-bin/site.cgi",
    "args": "/site",
    "action": "/action/site.wsgi",
    "htaccess": "/front",
    "fallback": "/fallback",
}
# A script that tells whose it is, should two servers race for a port.
READY = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
printf %s """
PR_SET_PDEATHSIG = 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    """Should the test run be killed, Apache shall not outlive it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def basic(name, password):
    """Headers of a login."""
    code = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": "Basic " + code}


class Answer:
    """A response: status, headers (names in any case), body."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()


class Apache:
    """A tree of files, and Apache serving it.

    bin/cgi2wsgi    the program
    cgi-bin/        scripts with #!, and the program as an Action
    apps/           applications that CGI2WSGI_ARGS names
    htdocs/         what is served as it is
    data/           where applications may write
    gates/          files that applications wait for
    """

    def __init__(self, model):
        self.model = model
        self.process = None
        # Not below a folder of pytest: those shut other users out.
        self.tree = Path(tempfile.mkdtemp(prefix="cgi2wsgi-apache-", dir="/tmp"))
        self.tree.chmod(0o755)
        # Some servers hand out all that is in the tree.
        self.images = Path(tempfile.mkdtemp(prefix="cgi2wsgi-images-"))
        for name in ("bin", "cgi-bin", "apps", "data", "gates"):
            self.folder(name)
        self.folder("htdocs/action")
        self.folder("htdocs/front")
        self.folder("htdocs/fallback")
        self.program = self.install_program("bin")
        self.write("cgi-bin/cgi2wsgi", PROGRAM.read_bytes(), 0o755)
        self.write("cgi-bin/ready", READY + str(self.tree), 0o755)
        if ROOT:
            shutil.chown(self.tree / "data", **AS_SERVER)
            shutil.chown(self.images, **AS_SERVER)

    def install_program(self, folder):
        """The program that applications name; with PRELOAD, both are there."""
        installed = [self.write(f"{folder}/{program.name}",
                                program.read_bytes(), 0o755)
                     for program in (PROGRAM, PRELOAD) if program]
        return installed[-1]

    def folder(self, name):
        path = self.tree / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        return path

    def write(self, name, content, mode=0o644):
        path = self.tree / name
        path.write_bytes(content if isinstance(content, bytes)
                         else content.encode())
        path.chmod(mode)
        return path

    def copy(self, source, name):
        """Copy a file or folder; everybody may read the copy."""
        if not source.is_dir():
            self.write(name, source.read_bytes())
        elif source.name != "__pycache__":
            self.folder(name)
            for inner in source.iterdir():
                self.copy(inner, f"{name}/{inner.name}")

    def script(self, name, source, options=""):
        """Install a program text as a script for this tree's program.

        A `#!` line of its own is kept, with another program.
        """
        if source.startswith("#!"):
            first, _, source = source.partition("\n")
            options = first.partition(" ")[2]
        if PRELOAD:
            options = f"--cache {self.images} {options}"
        first = f"#!{self.program} {options}".rstrip()
        return self.write(name, first + "\n" + source, 0o755)

    def copy_pages(self, folder):
        """Put what servers/interop.py imports into a folder."""
        self.folder(folder)
        self.copy(SERVERS / "site.py", f"{folder}/pages.py")
        for name in ("flask_pages.py", "django_pages.py"):
            self.copy(SERVERS / name, f"{folder}/{name}")

    def configure(self, text):
        """Add to the configuration; before start()."""
        with open(self.tree / "more.conf", "a") as file:
            file.write(text)

    def definitions(self):
        """What the configuration calls ${NAME}."""
        return {"TREE": self.tree, "SERVERS": SERVERS,
                "MODULES": MODULES, "PORT": self.port}

    def command(self):
        command = [APACHE, "-d", str(self.tree), "-DFOREGROUND",
                   "-f", str(SERVERS / f"apache-{self.model}.conf")]
        for name, value in self.definitions().items():
            command += ["-C", f'Define {name} "{value}"']
        for name in PASSED_ON:
            if name in os.environ:
                command += ["-c", f"PassEnv {name}"]
        return command + ["-DROOT"] * ROOT

    def start(self):
        while not self.try_start():
            pass            # somebody else took the port meanwhile
        atexit.register(self.stop)

    def try_start(self):
        self.port = free_port()
        # A session of its own: Apache signals its whole process group.
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True, preexec_fn=die_with_parent)
        until(lambda: self.process.poll() is not None or self.answers())
        if self.process.poll() is None:
            return True
        complaint = self.process.stderr.read().decode()
        assert "Address already in use" in complaint, (
            complaint + self.log())
        return False

    def answers(self):
        """Whether scripts run; mod_cgid's daemon starts after Apache."""
        try:
            return self.get("/cgi-bin/ready").text == str(self.tree)
        except ConnectionError:
            return False

    def stop(self):
        """End Apache and whatever it started."""
        atexit.unregister(self.stop)
        if self.process:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process.stderr.close()
            self.process = None
        self.remove()

    def remove(self):
        """The files. An image may still be being written."""
        def removed():
            for folder in (self.tree, self.images):
                shutil.rmtree(folder, ignore_errors=True)
            return not self.images.exists()
        until(removed)

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def log(self, start=0):
        """The error log, from an offset on."""
        try:
            data = (self.tree / "error.log").read_bytes()
        except FileNotFoundError:
            return ""
        return data[start:].decode(errors="backslashreplace")

    def log_size(self):
        return (self.tree / "error.log").stat().st_size

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=TIMEOUT)

    def request(self, method, path, body=None, headers={}, **how):
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers, **how)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, body, **headers):
        return self.request("POST", path, body, headers)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def run_as_server(self, command, **how):
        """Run a command as the user that scripts run as."""
        return subprocess.run(command, check=True, timeout=TIMEOUT,
                              cwd=self.tree, **AS_SERVER, **how)


def install_preload(server):
    """The second program, beside the copy that the server's user can reach."""
    return server.write("bin/cgi2wsgi-preload", PROGRAM.with_name(
        "cgi2wsgi-preload").read_bytes(), 0o755)


def make_images_folder(server):
    """Where its scripts may keep images of their process, for --cache."""
    images = server.folder("data/images")
    images.chmod(0o700)
    if ROOT:
        shutil.chown(images, **AS_SERVER)
    return images


def install_site(apache):
    """Install the site in each of its ways."""
    source = (SERVERS / "site.py").read_text()
    apache.script("cgi-bin/site.cgi", source)
    apache.write("apps/site.py", source)
    apache.write("apps/large.bin", os.urandom(1 << 20) * 50)
    apache.write("htdocs/action/site.wsgi", source)
    apache.script("htdocs/front/app.cgi", source)
    apache.script("htdocs/fallback/app.cgi", source,
                  "--script-name /fallback")
    apache.copy(TESTS.parent / "examples/htaccess", "htdocs/front/.htaccess")


def serving(apache, *prepare):
    """For fixtures: an Apache, prepared by functions, run and ended."""
    try:
        for step in prepare:
            step(apache)
        apache.start()
        yield apache
        assert not SANITIZER.search(apache.log()), apache.log()
    finally:
        apache.stop()


def running(model, *prepare):
    yield from serving(Apache(model), *prepare)


@pytest.fixture(scope="module", params=MODELS)
def apache(request):
    """Apache with the site, once as processes and once as threads."""
    yield from running(request.param, install_site)
