"""The application of cgi2wsgi(7) under each of the servers there.

What the manual prints is what runs here: Apache's configuration, the service,
uWSGI's file, with other paths.
"""

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from apache import AS_SERVER, ROOT, Apache, die_with_parent
from harness import SANITIZER, TESTS, TIMEOUT, until

MANUAL = (TESTS.parent / "man/cgi2wsgi.7").read_text()
MOVING_ON = re.search(r"^\.Sh MOVING ON\n((?s:.*?))^\.Sh", MANUAL, re.M)[1]
*WAYS, CHANGES = re.findall(r"^\.Ss (.*)", MOVING_ON, re.MULTILINE)
# Whose application it is, if root may choose: not the server's user.
USER = {"user": "nobody", "group": AS_SERVER["group"],
        "extra_groups": ()} if ROOT else {}
BODY = "J\u00fcrgen".encode()

# The application lets us look through a window into the place where it runs.
WINDOW = """

def window(inner):
    import json
    import sys

    def application(environ, start_response):
        if "HTTP_X_FACTS" not in environ:
            return inner(environ, start_response)
        facts = {name: value for name, value in environ.items()
                 if isinstance(value, str)}
        facts.update(folder=os.getcwd(), variables=dict(os.environ),
                     folders=[os.path.abspath(name) for name in sys.path])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(facts).encode()]
    return application


application = window(application)
"""


def section(way):
    return re.search(rf"^\.Ss {way}\n((?s:.*?))^\.Ss", MOVING_ON, re.M)[1]


def blocks(text):
    """What a part of the manual shows literally, as its reader sees it."""
    found = re.findall(r"^\.Bd -literal.*\n((?s:.*?))^\.Ed$", text, re.M)
    return [text.replace(r"\e", "\\") for text in found]


def named(text, noun):
    """The packages or modules that a section asks for."""
    plain = re.sub(r"\s+", " ", text)
    words = re.search(rf"\b{noun}s? ([\w-]+(?: and [\w-]+)?)", plain,
                      re.IGNORECASE)[1]
    return words.split(" and ")


def asked(request):
    """Method, URL, headers and body of a request in the manual."""
    head, _, body = request.partition("\n\n")
    line, *fields = head.splitlines()
    method, url, version = line.split()
    body = body.removesuffix("\n").encode()
    headers = dict(field.split(": ") for field in fields)
    assert headers["Content-Length"] == str(len(body))
    return method, url, headers, body


def block(start):
    """The only block that starts so."""
    [found] = [text for text in blocks(MOVING_ON) if text.startswith(start)]
    return found


APPLICATION = block("#!")
CONFIGURATION = {way: next(text for text in blocks(section(way))
                           if '"/hello"' in text) for way in WAYS}
UNIT = block("[Unit]")
UWSGI = block("[uwsgi]")
COMMAND = block("ExecStart=")
SOCKET = block("fastcgi-socket")


def under_uwsgi(unit):
    """The service as the manual changes it for uWSGI."""
    unit = re.sub(r"^Environment=.*\n", "", unit, flags=re.M)
    return re.sub(r"^ExecStart=.*\\\n.*\n", COMMAND, unit, flags=re.M)


# A service and the file it needs, by way.
SERVICES = {
    "gunicorn behind Apache": (UNIT, ""),
    "uWSGI behind Apache": (under_uwsgi(UNIT), UWSGI),
    "FastCGI": (under_uwsgi(UNIT),
                re.sub(r"^socket.*\n", SOCKET, UWSGI, flags=re.M)),
}


def ignores_hangup(process):
    """Whether it does, or has just ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    ignored = re.search(r"^SigIgn:\t(.*)", status, re.M)[1]
    return bool(int(ignored, 16) & 1 << signal.SIGHUP - 1)


class Service:
    """Does what systemd would with a unit."""

    def __init__(self, unit, tree):
        parser = configparser.ConfigParser(interpolation=None)
        parser.optionxform = str
        parser.read_string(unit)
        self.unit = parser["Service"]
        self.tree = tree
        self.log = open(tree / "service.log", "w+b")
        assert (self.unit["User"], self.unit["Group"]) == (
            "hello", "www-data")
        self.make_folder()
        self.process = subprocess.Popen(
            shlex.split(self.unit["ExecStart"].replace("\\\n", " ")),
            env={"PATH": "/usr/bin:/bin", **self.variables()},
            cwd=self.unit["WorkingDirectory"], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=die_with_parent, **USER)
        until(self.listens)
        until(self.is_ready)

    def variables(self):
        line = self.unit.get("Environment")
        return dict([line.split("=", 1)] if line else [])

    def make_folder(self):
        self.folder = self.tree / "run" / self.unit["RuntimeDirectory"]
        self.folder.mkdir()
        self.folder.chmod(int(self.unit["RuntimeDirectoryMode"], 8))
        if ROOT:
            shutil.chown(self.folder, USER["user"], USER["group"])

    def listens(self):
        assert self.process.poll() is None, self.said()
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.folder / "hello.sock")) == 0

    def said(self):
        return Path(self.log.name).read_text()

    def workers(self):
        main = self.process.pid
        listed = Path(f"/proc/{main}/task/{main}/children").read_text()
        return set(listed.split())

    def is_ready(self):
        """Whether none ignores signals, as uWSGI does while it starts: one of
        its workers that missed one goes on for a minute."""
        workers = self.workers()
        return workers and not any(map(ignores_hangup,
                                       [self.process.pid, *workers]))

    def reload(self):
        """Until the last of the old workers is gone."""
        old = self.workers()
        command = self.unit["ExecReload"]
        subprocess.run(shlex.split(command.replace(
            "$MAINPID", str(self.process.pid))), check=True)
        until(lambda: self.workers().isdisjoint(old))
        until(self.is_ready)

    def stop(self):
        """The service ends when it is told to, as systemd does it."""
        try:
            self.process.terminate()
            self.process.wait(TIMEOUT)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.log.close()


def moved(text, tree):
    """Text with the paths and the user of this test."""
    text = re.sub(r"(?<![\w/])/(srv|run)/", rf"{tree}/\1/", text)
    return text.replace(" user=hello", " user=nobody" if ROOT else "")


def enable(apache, module):
    """What a2enmod does."""
    load = Path(f"/etc/apache2/mods-available/{module}.load").read_text()
    for names in re.findall(r"^# Depends: (.*)$", load, re.MULTILINE):
        for name in names.split():
            enable(apache, name)
    apache.configure(load)


def install(apache, way):
    apache.folder("srv/hello")
    apache.folder("run")
    apache.script("srv/hello/hello.py", APPLICATION + WINDOW)
    [*modules] = named(section(way), "module")
    for module in set(modules) - {"cgid"}:
        enable(apache, module)
    # Where mod_wsgi puts its sockets, for which a package has a default.
    apache.configure(f"""
        <IfModule wsgi_module>
            WSGISocketPrefix "{apache.tree}/run/wsgi"
        </IfModule>
        SetEnv SETTING "set"
        """ + moved(CONFIGURATION[way], apache.tree))


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return request.param


@pytest.fixture(scope="module")
def site(way):
    """Apache with the application, and what runs behind it."""
    apache, service = Apache("event"), None
    try:
        install(apache, way)
        if way in SERVICES:
            unit, file = [moved(text, apache.tree) for text in SERVICES[way]]
            apache.write("srv/hello/uwsgi.ini", file)
            service = Service(unit, apache.tree)
        apache.start()
        apache.service = service
        yield apache
        assert not SANITIZER.search(apache.log()), apache.log()
        if service:
            service.stop()
            service = None
    finally:
        if service:
            os.killpg(service.process.pid, signal.SIGKILL)
        apache.stop()


def ask(site, path="/hello/J%C3%BCrgen?colour=green"):
    """The lines of the reply to a request with a body."""
    answer = site.post(path, BODY)
    assert answer.status == 200, answer.text + site.log()
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return answer.text.splitlines()


def call(site):
    """The number of the call and of the process."""
    return re.fullmatch(r"This is call (\d+) of process (\d+)\.",
                        ask(site)[2]).groups()


def facts(site, method="POST", url="/hello/a%20b?colour=green",
          headers={"Authorization": "Basic QWRhOg==",
                   "X-Forwarded-Proto": "https"}, body=BODY):
    """What can be seen through the window."""
    answer = site.request(method, url, body, {**headers, "X-Facts": "yes"})
    assert answer.status == 200, answer.text + site.log()
    return json.loads(answer.body)


def test_the_ways_are_seen():
    assert len(WAYS) == len(CONFIGURATION) == 6
    assert set(SERVICES) < set(WAYS)
    known = [APPLICATION, *CONFIGURATION.values(), UNIT, UWSGI, COMMAND,
             SOCKET]
    assert sorted(known) == sorted(blocks(MOVING_ON))


@pytest.mark.parametrize("way", [way for way in WAYS
                                 if "\nPackage" in "\n" + section(way)])
def test_packages_are_installed(way):
    listed = (TESTS / "packages").read_text().split()
    assert set(named(section(way), "package")) <= set(listed)


def test_same_reply(site):
    assert ask(site)[:2] == [f"Hello, J\u00fcrgen, you sent {len(BODY)} bytes",
                             f"to {site.url('/hello')}."]
    assert ask(site, "/hello")[0].startswith("Hello, world, ")


def test_calls_are_counted(site, way):
    """Only CGI makes a new process for each."""
    if way == "CGI":
        numbers, processes = zip(*[call(site) for _ in range(3)])
        assert set(numbers) == {"1"} and len(set(processes)) == 3
    else:
        # There may be some processes to choose from.
        until(lambda: call(site)[0] == "2")


def test_same_variables(site):
    """Nor may a client say of itself that it came by https."""
    told = facts(site)
    assert {name: told.get(name) for name in (
        "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING",
        "CONTENT_LENGTH", "HTTP_AUTHORIZATION", "HTTP_HOST",
        "wsgi.url_scheme")} == {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "/hello",
            "PATH_INFO": "/a b",
            "QUERY_STRING": "colour=green",
            "CONTENT_LENGTH": str(len(BODY)),
            "HTTP_AUTHORIZATION": "Basic QWRhOg==",
            "HTTP_HOST": f"127.0.0.1:{site.port}",
            "wsgi.url_scheme": "http",
        }


def test_variables_as_told(site):
    """Those that the manual makes of its first request."""
    told = re.findall(r"^\.It Ev ([A-Z_]+)\nis\n\.Ql (.*?)(?: [;,])?$",
                      MANUAL, re.MULTILINE)
    assert len(told) == 5
    found = facts(site, *asked(blocks(MANUAL)[0]))
    assert {name: found[name] for name, _ in told} == dict(told)


def test_modules_beside_it(site):
    assert str(site.tree / "srv/hello") in facts(site)["folders"]


def test_what_changes(site, way):
    """What the manual says about SetEnv, folder and address."""
    told = facts(site)
    folder = str(site.tree / "srv/hello")
    assert ("SETTING" in told) == (way != "gunicorn behind Apache")
    assert ("SETTING" in told["variables"]) == (way == "CGI")
    assert (told["folder"] == folder) == (way != "mod_wsgi, embedded")
    if way == "gunicorn behind Apache":
        assert told["REMOTE_ADDR"] == ""
        assert told["HTTP_X_FORWARDED_FOR"].split(", ")[-1] == "127.0.0.1"
    else:
        assert told["REMOTE_ADDR"] == "127.0.0.1"


def greeted(site, way, greeting):
    """Until each of the processes that answer has said it.

    mod_wsgi's daemon has two. Each loads the file as it starts, and looks only
    then when that was changed: a change made meanwhile would never count.
    """
    number = re.search(r" processes=(\d+)", CONFIGURATION[way])
    processes = set()

    def all_did():
        lines = ask(site)
        if lines[0].startswith(greeting):
            processes.add(lines[2].split()[-1])
        return len(processes) == int(number[1] if number else 1)
    until(all_did)


def change(site, way, text, greeting):
    (site.tree / "srv/hello/hello.py").write_text(text)
    if site.service:
        site.service.reload()
    greeted(site, way, greeting)


def test_a_change_counts(site, way):
    """The next request sees it, after the service was told to reload."""
    before = (site.tree / "srv/hello/hello.py").read_text()
    greeted(site, way, "Hello, ")
    try:
        change(site, way, before.replace("Hello, ", "Good day, "), "Good day, ")
    finally:
        change(site, way, before, "Hello, ")
