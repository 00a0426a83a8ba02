"""Runs web servers other than Apache on loopback, each in its own tree."""

import atexit
import os
import shutil
import signal
import subprocess
from pathlib import Path

from apache import (AS_SERVER, ROOT, SERVERS, Apache, die_with_parent,
                    free_port)
from harness import PASSED_ON, until
from recipes import command, files, here

# Runs what the manual prints; the rest of this is what no person needs.
FCGIWRAP = ["/usr/sbin/fcgiwrap",
            files()["/etc/default/fcgiwrap"].strip().partition("=")[2],
            "-s", "unix:{tree}/log/fcgiwrap.sock"]
COMMANDS = {
    "lighttpd": [["/usr/sbin/lighttpd", "-D", "-f", "{conf}"]],
    "nginx": [FCGIWRAP, ["/usr/sbin/nginx", "-c", "{conf}",
                         "-e", "{tree}/log/error.log"]],
    "caddy": [FCGIWRAP, ["/usr/bin/caddy", "run", "--adapter", "caddyfile",
                         "--config", "{conf}"]],
    "busybox": [command("busybox")],
    "python-http": [command("python3")],
    "mini-httpd": [["/usr/sbin/mini_httpd", "-D", "-C", "{conf}"]],
    "h2o": [["/usr/bin/h2o", "-m", "worker", "-c", "{conf}"]],
    "uwsgi": [command("uwsgi-core")],
    "civetweb": [command("civetweb")],
    # As its script in /etc/init.d does.
    "webfs": [["/bin/sh", "-c", ". {conf}; exec /usr/bin/webfsd -F "
               "-i 127.0.0.1 -p {port} -r $web_root -x $web_cgipath"]],
}
# The files whose text the manual prints. servers/<name>.conf, where there is
# such a file, is put around it.
RECIPES = {
    "lighttpd": "/etc/lighttpd/conf-available/50-cgi2wsgi.conf",
    "nginx": "/etc/nginx/sites-available/default",
    "caddy": "/etc/caddy/Caddyfile",
    "busybox": "/etc/httpd.conf",
    "mini-httpd": "/etc/mini-httpd.conf",
    "h2o": "/etc/h2o/h2o.conf",
    "uwsgi": "/etc/uwsgi/cgi.ini",
    "civetweb": "/etc/civetweb.conf",
    "webfs": "/etc/webfsd.conf",
}
# Where the application is found, by the ways of naming it.
WAYS = {
    "lighttpd": {"script": "/cgi-bin/app.cgi", "stream": "/stream/app.cgi",
                 "assign": "/assign/app.wsgi", "rewrite": "/front",
                 "error-404": "/fallback", "rewrite-root":
                 "//front.example.org", "error-404-root":
                 "//fallback.example.org"},
    "nginx": {"script": "/cgi-bin/app.cgi", "stream": "/stream/app.cgi",
              "try_files": "/front", "root": ""},
    "caddy": {"script": "/cgi-bin/app.cgi", "rewrite": "/front"},
    "busybox": {"script": "/cgi-bin/app.cgi", "interpreter":
                "/cgi-bin/app.wsgi"},
    "python-http": {"script": "/cgi-bin/app.cgi"},
    "mini-httpd": {"script": "/cgi-bin/app.cgi"},
    "h2o": {"script": "/cgi-bin/app.cgi"},
    "uwsgi": {"script": "/cgi-bin/app.cgi", "mount": "/mount",
              "helper": "/cgi-bin/app.wsgi"},
    "civetweb": {"script": "/cgi-bin/app.cgi",
                 "interpreter": "/cgi-bin/app.wsgi"},
    "webfs": {"script": "/cgi-bin/app.cgi"},
}
# stderr leads to the client, to nowhere, or to a pipe that nobody reads: the
# script's first line has to name a log.
WITHOUT_LOG = {"mini-httpd", "webfs", "civetweb"}
PLACES = ("cgi-bin/app.cgi", "cgi-bin/app.wsgi", "htdocs/cgi-bin/app.cgi",
          "htdocs/cgi-bin/app.wsgi", "htdocs/stream/app.cgi",
          "htdocs/assign/app.wsgi", "htdocs/front/app.cgi",
          "apps/front/app.cgi", "apps/app/app.cgi")


class WebServer(Apache):
    """The same tree as Apache's, served by another.

    htdocs/cgi-bin/    scripts for servers that want them there
    log/               the server's logs, and whatever else it keeps
    """

    def __init__(self, name):
        super().__init__(name)
        self.name = name
        self.processes = []
        self.folder("htdocs/cgi-bin")
        self.folder("log")
        if ROOT:
            shutil.chown(self.tree / "log", **AS_SERVER)
        for folder in ("cgi-bin", "htdocs/cgi-bin"):
            self.write(f"{folder}/ready.cgi",
                       (self.tree / "cgi-bin/ready").read_bytes(), 0o755)
        self.install()

    def install(self):
        """The application, in all its places."""
        source = (SERVERS / "interop.py").read_text()
        options = f"--env DATA={self.tree}/data --env GATES={self.tree}/gates"
        (self.tree / "htdocs/fallback").rmdir()
        if self.name in WITHOUT_LOG:
            options += f" --log {self.tree}/log/app.log"
        for place in PLACES:
            self.copy_pages(Path(place).parent)
            self.script(place, source, options)
        self.script("cgi-bin/fallback.cgi", source,
                    options + " --script-name /fallback")
        self.copy_pages("apps/fallback")
        self.script("apps/fallback/app.cgi", source,
                    options + " --script-name /")

    def here(self, text):
        """A printed text for this tree, file and port."""
        if self.name in RECIPES:
            text = text.replace(RECIPES[self.name], "{conf}")
        return here(text, self.tree).replace("8080", str(self.port)).replace(
            "{conf}", f"{self.tree}/server.conf")

    def write_configuration(self):
        """Write the manual's text, with what is put around it."""
        frame = SERVERS / f"{self.name}.conf"
        text = frame.read_text() if frame.exists() else "${RECIPE}"
        recipe = files().get(RECIPES.get(self.name), "")
        for name, value in {"RECIPE": self.here(recipe), "TREE": self.tree,
                            "PORT": self.port}.items():
            text = text.replace("${%s}" % name, str(value))
        self.write("server.conf", text)

    def commands(self):
        values = {"tree": self.tree, "port": self.port,
                  "conf": self.tree / "server.conf"}
        for words in COMMANDS[self.name]:
            yield [self.here(word).format(**values) for word in words]

    def try_start(self):
        self.port = free_port()
        self.write_configuration()
        with open(self.tree / "output.log", "ab") as output:
            for words in self.commands():
                self.processes.append(subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=output,
                    stderr=output, cwd=self.tree, start_new_session=True,
                    env=self.environment(), preexec_fn=die_with_parent,
                    **self.user()))
        until(lambda: self.ended() or self.answers())
        if not self.ended():
            return True
        complaint = self.log()
        self.end()
        assert "in use" in complaint, complaint
        return False

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": str(self.tree / "log"),
                **{name: os.environ[name] for name in PASSED_ON
                   if name in os.environ}}

    @staticmethod
    def user():
        return {**AS_SERVER, "extra_groups": []} if ROOT else {}

    def ended(self):
        return any(process.poll() is not None for process in self.processes)

    def answers(self):
        try:
            answer = self.get("/cgi-bin/ready.cgi")
            return answer.text == str(self.tree)
        except ConnectionError:
            return False

    def end(self):
        """End all processes, and whatever they started."""
        for process in reversed(self.processes):
            for number in (signal.SIGTERM, signal.SIGKILL):
                self.process = process
                self.signal(number)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    pass
        self.processes = []

    def stop(self):
        atexit.unregister(self.stop)
        self.end()
        self.remove()

    def log(self, start=0):
        """All that the server and the application logged."""
        files = [self.tree / "output.log",
                 *sorted((self.tree / "log").glob("*.log"))]
        return "".join(file.read_text(errors="backslashreplace")
                       for file in files if file.exists())[start:]
