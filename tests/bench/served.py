"""The ways to have Apache answer a request."""

import os
import signal
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from apache import (AS_SERVER, MODULES, Apache, die_with_parent,
                    install_preload, make_images_folder)
from harness import until
from measure import Failed
from rungs import HELLO, sources, wait_for_image

UWSGI = "/usr/bin/uwsgi-core"
PROCESSES, THREADS = 2, 8
# For all the same: two processes of eight threads, or as many processes.
SIZE = f"""
<IfModule mpm_event_module>
    StartServers {PROCESSES}
    ServerLimit {2 * PROCESSES}
    ThreadsPerChild {THREADS}
    MinSpareThreads {THREADS}
    MaxSpareThreads {PROCESSES * THREADS}
    MaxRequestWorkers {PROCESSES * THREADS}
</IfModule>
<IfModule mpm_prefork_module>
    StartServers {THREADS}
    MinSpareServers {THREADS}
    MaxSpareServers {PROCESSES * THREADS}
    MaxRequestWorkers {PROCESSES * THREADS}
</IfModule>
"""
SCRIPT = 'ScriptAlias "/app" "${TREE}/cgi-bin/%s"'
FILE = 'Alias "/app/" "${TREE}/htdocs/hello.txt"'
PROXY = """
LoadModule proxy_module "${MODULES}/mod_proxy.so"
LoadModule %(module)s_module "${MODULES}/mod_%(module)s.so"
ProxyPass "/app" "unix:${TREE}/data/socket|%(scheme)s://localhost"
"""
WSGI = """
LoadModule wsgi_module "${MODULES}/mod_wsgi.so"
WSGISocketPrefix "${TREE}/data/wsgi"
WSGIApplicationGroup %%{GLOBAL}
WSGIScriptAlias "/app" "${TREE}/cgi-bin/%s"
"""
# As for the modules of an application: only a restart loads them again.
EMBEDDED = "WSGIScriptReloading Off\n"
DAEMON = f"""
WSGIRestrictEmbedded On
WSGIDaemonProcess bench processes={PROCESSES} threads={THREADS} \\
    display-name=%{{GROUP}} home="${{TREE}}/data"
WSGIProcessGroup bench
"""


@dataclass
class Way:
    """How Apache comes to the answer, what that keeps, what an edit needs."""

    model: str = "event"
    configuration: str = ""
    uwsgi: str = ""
    keeps: str = "nothing"
    refresh: str = "nothing"
    script: str = "{name}.py"
    needs: str = ""
    package: str = ""


def proxy(module, scheme, option):
    return Way(
        configuration=PROXY % {"module": module, "scheme": scheme},
        uwsgi=option, keeps="the application in uwsgi-core",
        refresh="SIGHUP to uwsgi", needs="/usr/lib/uwsgi/plugins/"
        "python3_plugin.so", package="uwsgi-core uwsgi-plugin-python3")


FLOOR = "Apache alone, a file"
PRELOADED = "cgi2wsgi-preload, mod_cgid"
WAYS = {
    FLOOR: Way(configuration=FILE),
    "cgi2wsgi, mod_cgi": Way("prefork", SCRIPT % "{name}.py"),
    "cgi2wsgi, mod_cgid": Way("event", SCRIPT % "{name}.py"),
    PRELOADED: Way("event", SCRIPT % "{name}_preloaded.py",
                   script="{name}_preloaded.py"),
    "CGIHandler, mod_cgid": Way("event", SCRIPT % "{name}_cgihandler.py"),
    "FastCGI, uwsgi": proxy("proxy_fcgi", "fcgi", "--fastcgi-socket"),
    "uWSGI, uwsgi": proxy("proxy_uwsgi", "uwsgi", "--socket"),
    "mod_wsgi, embedded": Way(
        configuration=WSGI % "{name}.py" + EMBEDDED, keeps="the application in apache2",
        refresh="apachectl graceful", needs=f"{MODULES}/mod_wsgi.so",
        package="libapache2-mod-wsgi-py3"),
    "mod_wsgi, daemon": Way(
        configuration=WSGI % "{name}.py" + DAEMON,
        keeps="the application in (wsgi:bench)",
        needs=f"{MODULES}/mod_wsgi.so", package="libapache2-mod-wsgi-py3"),
}


def ways(name):
    """Those that are installed and can run it; packages of the others."""
    found, missing = {}, []
    for title, way in WAYS.items():
        if title == FLOOR and name != "hello":
            continue
        if way.needs and not os.path.exists(way.needs):
            missing += way.package.split()
        else:
            found[title] = way
    return found, missing


def parents():
    """The parent of each process."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(stat.parent.name)] = int(fields[1])
    return found


def family(pid):
    """A process and all that it started."""
    known = parents()
    found = [pid]
    for one in found:
        found += [child for child, parent in known.items() if parent == one]
    return found


def process_name(pid):
    """The name that ps would show; of a dead process, an IndexError."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split()
    return os.path.basename(words[0].split(b"\0")[0].decode())


def memory(pid):
    """MiB that it uses, of what it shares only its part."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kib = next(line.split()[1] for line in text.splitlines()
               if line.startswith("Pss:"))
    return int(kib) / 1024


class Served(Apache):
    """An Apache for one way and one application, below /app/."""

    path, body = "/app/", ""

    def __init__(self, way, name):
        super().__init__(way.model)
        self.way = way
        self.uwsgi = None
        self.file = "cgi-bin/" + way.script.replace("{name}", name)
        self.images = make_images_folder(self)
        install_preload(self)
        for file, text in sources(name, self.images, self.program).items():
            self.write(f"cgi-bin/{file}", text, 0o755)
        self.write("htdocs/hello.txt", HELLO)
        self.warm_cache(name)
        self.configure(SIZE + way.configuration.replace("{name}", name))

    def warm_cache(self, name):
        """Apache's user may not write bytecode there; the owner may."""
        for script in (f"{name}.py", f"{name}_cgihandler.py"):
            subprocess.run(
                [self.tree / "cgi-bin" / script], check=True,
                stdout=subprocess.DEVNULL, cwd=self.tree / "cgi-bin",
                env={"REQUEST_METHOD": "GET", "GATEWAY_INTERFACE": "CGI/1.1",
                     "SERVER_NAME": "localhost", "SERVER_PORT": "80",
                     "SERVER_PROTOCOL": "HTTP/1.0", "PATH_INFO": "/",
                     "SCRIPT_NAME": "/app"})

    def start(self):
        if self.way.uwsgi:
            self.start_uwsgi()
        super().start()
        until(self.greets)
        if "preloaded" in self.way.script:
            wait_for_image(self.greets, self.images)

    def start_uwsgi(self):
        socket = self.tree / "data/socket"
        rights = [f"--{'uid' if key == 'user' else 'gid'}={value}"
                  for key, value in AS_SERVER.items()]
        with open(self.tree / "uwsgi.log", "wb") as log:
            self.uwsgi = subprocess.Popen(
                [UWSGI, "--plugin", "python3", self.way.uwsgi, socket,
                 "--wsgi-file", self.tree / self.file, "--need-app",
                 "--master", "--processes", str(PROCESSES), "--threads",
                 str(THREADS), "--disable-logging", "--die-on-term",
                 "--chmod-socket=666", *rights],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent)
        until(lambda: socket.exists() or self.uwsgi.poll() is not None)

    def complaints(self):
        log = self.tree / "uwsgi.log"
        return self.log() + (log.read_text() if log.exists() else "")

    def says(self, text):
        """Whether the application answers with the text."""
        try:
            answer = self.get(self.path)
        except (OSError, HTTPException):
            return False
        return answer.status == 200 and answer.body == text

    def greets(self):
        return self.says(HELLO)

    def held(self):
        """MiB by the names of processes."""
        pids = family(self.process.pid)
        pids += family(self.uwsgi.pid) if self.uwsgi else []
        sizes = Counter()
        for pid in pids:
            try:
                sizes[process_name(pid)] += memory(pid)
            except (FileNotFoundError, ProcessLookupError, IndexError):
                pass        # it was a script, and is gone
        return dict(sizes)

    def change(self):
        """Seconds from an edit to the first new reply."""
        path = self.tree / self.file
        new = b"Hello, changed world!\n"
        text = path.read_bytes().replace(HELLO[:-1], new[:-1])
        begin = time.monotonic()
        self.write(self.file + ".new", text, 0o755)
        os.replace(f"{path}.new", path)
        self.refresh()
        while not self.says(new):
            if time.monotonic() > begin + 60:
                raise Failed(f"no new reply: {self.complaints()}")
        return time.monotonic() - begin

    def refresh(self):
        """Let the new code be seen, where it is not seen by itself."""
        if self.way.refresh == "SIGHUP to uwsgi":
            self.uwsgi.send_signal(signal.SIGHUP)
        elif self.way.refresh == "apachectl graceful":
            self.process.send_signal(signal.SIGUSR1)

    def stop(self):
        if self.uwsgi:
            self.uwsgi.terminate()
            try:
                self.uwsgi.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.uwsgi.pid, signal.SIGKILL)
                self.uwsgi.wait()
            self.uwsgi = None
        super().stop()


@contextmanager
def serving(way, name):
    server = Served(way, name)
    try:
        server.start()
        yield server
    except AssertionError as failure:
        raise Failed(f"{failure}: {server.complaints()}") from None
    finally:
        server.stop()
