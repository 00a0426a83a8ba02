"""Replays what sixteen web servers gave to a CGI program (corpus/pack.py).

What has to come of a request is worked out here, from its record and the
rules of conformance, in plain Python.
"""

import contextlib
import functools
import json
import os
import re
import shutil
import socket
import tempfile
import threading
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from corpus.recorded import body_of, pairs_of, records
from harness import PASSED_ON, PROGRAM, Cgi, Process, Variables

RECORDS = records()

# Less than --graceful-timeout has, behind which a wait for the end of stdin
# could hide.
PATIENCE = 20
# Tells the log, since there is no reply to HEAD, what it was given.
MARK = "RECORDED "
APP = f"""
import json
import os
import sys


def text(value):
    return value if type(value) is str else repr(value)


def application(environ, start_response):
    try:
        body = environ["wsgi.input"].read().decode("latin-1")
    except OSError:
        body = None
    print({MARK!r} + json.dumps({{
        "file": os.path.realpath(__file__),
        "argv": sys.argv,
        "folder": os.getcwd(),
        "body": body,
        "environ": {{text(k): text(v) for k, v in environ.items()}},
        "process": {{k.decode("latin-1"): v.decode("latin-1")
                    for k, v in os.environb.items()}},
    }}), file=environ["wsgi.errors"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ran"]
"""

SCRIPTS = [
    "apps/app.cgi", "auth/app.cgi", "cgi-bin/app.cgi", "cgi-bin/café.cgi",
    "cgi-bin/nph-app.cgi", "cgi-bin/sub/app.cgi", "cgi-bin/with space.cgi",
    "cgivar/app.cgi", "diridx/app.cgi", "fallback/app.cgi", "front/app.cgi",
    "frontauth/app.cgi", "nopass/app.cgi", "passauth/app.cgi",
]
# The server is told which program reads these; they need no #! line.
FILES = ["act/app.wsgi", "apps/app.wsgi", "auth/app.wsgi",
         "cgi-bin/app.wsgi", "diridx/app.wsgi", "front/app.wsgi"]

# What the client sees of an application that the server says to be
# elsewhere (B16).
MOUNTS = {
    "action": "/act/app.wsgi",
    "action-virtual": "",
    "directoryindex": "/diridx",
    "directoryindex-interp": "/diridx",
    "fallbackresource": "/fallback",
    "multiviews": "/apps/app",
    "server-rewrite-PT-B": "/rwb",
    "unbuffered": "/unbuf/app.cgi",
    "walk": "/walk/app.cgi",
    "cgivar-current-uri": "/cgivar",
    "front": "",
    "htaccess-front": "/front",
    "htaccess-front-E-auth": "/frontauth",
    "htaccess-front-passauth": "/passauth",
    "rewrite-front-interp": "/front",
    "rewrite-root-interp": "",
    "server-rewrite-PT": "/rw",
    "server-rewrite-PT-B": "/rwb",
    "ssi-include-virtual": "/cgi-bin/app.cgi",
    "tryfiles-front": "/front",
}

# Where SCRIPT_NAME and PATH_INFO do not name what the client asked for:
# server, mode, request, and why nobody can tell.
UNKNOWN = [
    ("apache-*", "ssi-*", "*",
     "REQUEST_URI is the page's that includes the script"),
    ("apache-*", "server-rewrite-PT-B", "pathinfo-*2f",
     "[B] also writes a plus for a blank in PATH_INFO"),
    ("mini-httpd", "*", "*", "no REQUEST_URI"),
    ("python-http", "*", "*", "no REQUEST_URI"),
    ("webrick", "shebang", "host-*", "REQUEST_URI is no URL"),
    ("webrick", "shebang", "hdr-dup-host", "REQUEST_URI is no URL"),
    ("merecat", "shebang", "pathinfo-special", "PATH_INFO ends at %3F"),
    ("yaws", "shebang", "pathinfo-special", "%-sequences are kept"),
    ("yaws", "shebang", "pathinfo-2f", "%2F is kept"),
    ("yaws", "shebang", "pathinfo-trailing-slash", "the slash is lost"),
    ("*", "*", "pathinfo-nul", "PATH_INFO ends at %00"),
]

# --script-name says what no server tells.
PREFIXES = {
    "directoryindex": "/diridx",
    "directoryindex-interp": "/diridx",
    "error-handler-404-interp": "/",
    "fallbackresource": "/fallback",
    "multiviews": "/apps/app",
    "server-rewrite-PT-B": "/rwb",
    "unbuffered": "/unbuf/app.cgi",
    "walk": "/walk/app.cgi",
}

# RFC 3875 4.1, REQUEST_URI and what else tells of a request.
META = {"AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "GATEWAY_INTERFACE",
        "PATH_INFO", "PATH_TRANSLATED", "QUERY_STRING", "REMOTE_ADDR",
        "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_USER", "REQUEST_METHOD",
        "REQUEST_URI", "SCRIPT_FILENAME", "SCRIPT_NAME", "SERVER_NAME",
        "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE", "HTTPS"}
NEVER = {"HTTP_PROXY", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE"}
# The deployer's or the system's, for the process as well.
OWN = ("PATH", "HOME", "LANG", "MY_SETENV", "MARKER_ENV", "CGI2WSGI_ARGS")
KEPT = {"SCRIPT_NAME": "cgi2wsgi.script_name",
        "PATH_INFO": "cgi2wsgi.path_info",
        "QUERY_STRING": "cgi2wsgi.query_string",
        "SCRIPT_URL": "cgi2wsgi.script_url",
        "REDIRECT_URL": "cgi2wsgi.redirect_url"}


def names_no_application(record):
    """Whether the program itself is the CGI program, without an Action."""
    return (record["argv"] == ["{INTERP}"]
            or record["argv"][0] != "{INTERP}" and record["mode"] != "action")


class Pairs(Variables):
    """For os.execve, which asks a mapping for both."""

    def keys(self):
        return [name for name, _ in self]

    def values(self):
        return [value for _, value in self]


class Site:
    """The folders that the servers' configurations spoke of."""

    def __init__(self, folder, options=""):
        self.docroot = folder / "www"
        self.home = folder / "home"
        (self.home / "uwsgi").mkdir(mode=0o755, parents=True)
        files = Cgi(self.docroot)
        for name in SCRIPTS:
            files.script(APP, options, name)
        for name in FILES:
            line = f"#!{PROGRAM} {options}\n" if options else ""
            files.write(name, line + APP)
        self._write_special(files, options)
        self.deployed = Cgi(self.home).write("site/deployed.py", APP)

    def _write_special(self, files, options):
        files.script(APP, f"--env OPTION='a b' {options}",
                     "cgi-bin/args.cgi")
        files.write("cgi-bin/envs.cgi",
                    f"#!/usr/bin/env -S {PROGRAM} --env OPTION=ab\n" + APP,
                    0o755)
        # A shell's command and a Python expression.
        files.write("cgi-bin/shwrap.cgi",
                    f'#!/bin/sh\n"exec" "{PROGRAM}" "$0" "$@"\n' + APP,
                    0o755)
        scripts = self.docroot / "cgi-bin"
        (scripts / "linkapp.cgi").symlink_to("../apps/app.cgi")
        (scripts / "link.cgi").symlink_to(PROGRAM)

    def add_programs(self):
        """The program itself as a CGI program."""
        direct = self.docroot / "cgi-bin" / "direct"
        shutil.copy(PROGRAM, direct)
        os.link(direct, direct.with_name("direct.cgi"))

    def fill(self, text):
        """A record's text, with this site's folders, as bytes."""
        for name, path in (("{DOCROOT}", self.docroot),
                           ("{HOME}", self.home), ("{INTERP}", PROGRAM)):
            text = text.replace(name, os.fsencode(path).decode("latin-1"))
        return text.encode("latin-1")


@pytest.fixture(scope="module")
def site():
    """Gives the site whose scripts have these options."""
    folder = Path(tempfile.mkdtemp(prefix="cgi2wsgi-")).resolve()
    folder.chmod(0o755)
    made = {}

    def get(options=""):
        if options not in made:
            made[options] = Site(folder / str(len(made)), options)
        return made[options]

    get().add_programs()
    yield get
    shutil.rmtree(folder)


class Request:
    """A record at a site: how to run it, and what has to come of it."""

    def __init__(self, record, site, args=None, prefix=None):
        self.record = record
        self.site = site
        self.mode = record["mode"]
        self.prefix = prefix
        self.argv = [site.fill(word) for word in record["argv"]]
        self.cwd = site.fill(record["cwd"])
        self.stdin = body_of(record)
        self.pairs = [(site.fill(name), site.fill(value))
                      for name, value in pairs_of(record)]
        if args is not None:
            self.pairs.append((b"CGI2WSGI_ARGS", os.fsencode(args)))

    def __str__(self):
        record = self.record
        return (f"{record['server']} {self.mode} {record['req']}"
                f" ({record['method']} {record['target']})")

    # How to run it

    @property
    def runs_script(self):
        """Whether the server ran a file that begins with #!."""
        return (self.record["argv"][0] == "{INTERP}"
                and self.record["execfn"] != "{INTERP}"
                or self.mode in ("shebang-env-S", "sh-wrapper"))

    def _script_at(self):
        """Where argv names the script, for scripts and interpreters."""
        wanted = os.path.basename(self.site.fill(self.record["execfn"]))
        if self.record["execfn"] == "{INTERP}":
            wanted = os.path.basename(self.first(b"SCRIPT_FILENAME"))
        return next(i for i, word in enumerate(self.argv)
                    if i and os.path.basename(word) == wanted)

    def command(self):
        """The file to execute, and argv."""
        if not self.runs_script:
            return self.site.fill(self.record["execfn"]), self.argv
        # The kernel puts the program before these.
        at = self._script_at()
        return self.argv[at], self.argv[at:]

    def first(self, wanted):
        return next(value for name, value in self.pairs if name == wanted)

    # What has to come of it

    @property
    def given(self):
        """The variables by name, of those given twice as B14 has it."""
        values = {}
        for name, value in self.pairs:
            values.setdefault(name.decode("latin-1"), []).append(
                value.decode("latin-1"))
        return {name: one_of(name, several)
                for name, several in values.items()}

    @property
    def method(self):
        """Not the client's for an error page: Apache says GET."""
        return self.given["REQUEST_METHOD"]

    @functools.cached_property
    def script(self):
        """The file that has to run."""
        if names_no_application(self.record):
            path = self.site.deployed
        elif self.mode == "action":
            path = self.site.docroot / "act/app.wsgi"
        else:
            path = os.path.join(self.cwd, self.argv[self._script_at()])
        return os.fsdecode(os.path.realpath(path))

    @functools.cached_property
    def length(self):
        """CONTENT_LENGTH; None, "malformed", "unknown" or "lost"."""
        text = self.given.get("CONTENT_LENGTH", "")
        server = self.record["server"]
        if text == "":
            if "HTTP_TRANSFER_ENCODING" not in self.given:
                return None
            # These undo the chunks of no upload.
            return "lost" if server in ("busybox", "uwsgi") else "unknown"
        if text == "-1" and server == "caddy-fcgiwrap":
            return "unknown"
        if not re.fullmatch("[0-9]+", text) or int(text) >= 2 ** 63:
            return "malformed"
        return int(text)

    @property
    def body(self):
        """None if the client left before all of it came."""
        if self.length in (None, "lost"):
            return ""
        if self.length == "unknown":
            return self.stdin.decode("latin-1")
        if len(self.stdin) < self.length:
            return None
        return self.stdin[:self.length].decode("latin-1")

    @property
    def stays_open(self):
        """Whether stdin is left open behind the body.

        Not if the server never passed the whole body on: an application
        that reads it waits, rightly, for the client to leave.
        """
        return (self.record["stdin_end"] == "timeout"
                and (self.length == "malformed" or self.body is not None))

    @property
    def is_error_page(self):
        """Whether the script answers for a URL that is not its own."""
        return (self.prefix is None
                and self.given.get("REDIRECT_STATUS", "200") != "200")

    @property
    def asked(self):
        """The path that the client asked for, None if unknown."""
        given = self.given
        if any(is_about(row, self.record) for row in UNKNOWN):
            return None
        for name in ("REDIRECT_URL", "SCRIPT_URL"):
            if name in given:
                return normalized(given[name])
        return normalized(uri_path(given["REQUEST_URI"]))

    def mount(self):
        """SCRIPT_NAME and PATH_INFO (B16)."""
        script = self.given.get("SCRIPT_NAME", "")
        path = self.given.get("PATH_INFO", "")
        if self.prefix is not None:
            return self._prefixed(path)
        if self.is_error_page:
            return script, path
        if script.endswith("/"):
            script, path = script[:-1], path or "/"
        asked = self.asked
        included = self.given["SERVER_PROTOCOL"] == "INCLUDED"
        if (normalized(script + path) != asked
                and (asked is not None or included)):
            script = MOUNTS.get(self.mode, script)
            if path.startswith(script):
                path = path[len(script):]
            if not path:
                path = uri_path(self.given["REQUEST_URI"])[len(script):]
        # [B] and AllowEncodedSlashes NoDecode leave PATH_INFO encoded.
        assert asked in (None, normalized(script + path),
                         normalized(script + uri_path(path)))
        return script, path

    def _prefixed(self, path):
        script = self.prefix.rstrip("/")
        whole = uri_path(self.given["REQUEST_URI"])
        assert whole.startswith(script)
        return script, whole[len(script):]

    def environ(self):
        """All of environ but wsgi.* and what tells of the program."""
        given = self.given
        want = {name: value for name, value in given.items()
                if name not in NEVER}
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if want.get(name) == "":
                del want[name]
        if self.length == "unknown":
            want["CONTENT_LENGTH"] = str(len(self.stdin))
        want.pop("HTTP_TRANSFER_ENCODING", None)
        authorization = given.get("REDIRECT_HTTP_AUTHORIZATION")
        if authorization:
            want.setdefault("HTTP_AUTHORIZATION", authorization)
        self._set_defaults(want)
        self._set_mount(want)
        for name, kept in KEPT.items():
            if want.get(name, "") != given.get(name, ""):
                want[kept] = given.get(name, "")
        return want

    def _set_defaults(self, want):
        want.setdefault("QUERY_STRING", "")
        if want["SERVER_PROTOCOL"] == "INCLUDED":
            want["SERVER_PROTOCOL"] = "HTTP/1.0"
        if not re.fullmatch("[0-9]+", want.get("SERVER_PORT", "")):
            want["SERVER_PORT"] = self.default_port
        # mini-httpd writes host:port.
        host = want.get("SERVER_NAME", "")
        host = re.sub(rf":{want['SERVER_PORT']}$", "", host)
        want["SERVER_NAME"] = host or "localhost"

    @property
    def scheme(self):
        secure = self.given.get(
            "HTTPS", self.given.get("REQUEST_SCHEME")) in ("on", "https")
        return "https" if secure else "http"

    @property
    def default_port(self):
        return "443" if self.scheme == "https" else "80"

    def _set_mount(self, want):
        script, path = self.mount()
        want["SCRIPT_NAME"] = script
        want["PATH_INFO"] = path
        uri = want.get("REQUEST_URI", "")
        if self.is_error_page:
            return
        restored = path and not self.given.get("PATH_INFO")
        if (self.prefix is not None or restored) and not want["QUERY_STRING"]:
            want["QUERY_STRING"] = uri.partition("?")[2]
        # Django takes these for SCRIPT_NAME and PATH_INFO, less "//".
        for name in ("SCRIPT_URL", "REDIRECT_URL"):
            if name in want:
                want[name] = script + path
                if "//" in script + path:
                    del want[name]


def is_about(row, record):
    return all(fnmatch(record[key], pattern)
               for key, pattern in zip(("server", "mode", "req"), row))


def one_of(name, values):
    if name == "HTTP_COOKIE":
        return "; ".join(values)
    if name.startswith("HTTP_") and name != "HTTP_HOST":
        return ", ".join(values)
    return values[-1] if name in META | {"HTTP_HOST"} else values[0]


def uri_path(uri):
    """The decoded path of a path or URL."""
    path = re.sub(r"^[a-z]+://[^/?]*", "", uri).partition("?")[0]
    return unquote_to_bytes(path.encode("latin-1")).decode("latin-1")


def normalized(path):
    """A path without empty and dot segments, but with its last slash."""
    parts = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    last = path.rpartition("/")[2]
    ending = "/" if parts and last in ("", ".", "..") else ""
    return "/" + "/".join(parts) + ending


@contextlib.contextmanager
def stdin_of(request):
    """Arguments for Process: the kind of stdin that the server gave."""
    kind = request.record["stdin_kind"]
    if kind == "file":
        with tempfile.TemporaryFile() as file:
            file.write(request.stdin)
            file.seek(0)
            yield {"stdin": file}
    elif kind == "socket":
        with sending_socket(request) as connection:
            yield {"stdin": connection}
    elif kind == "null":
        yield {"stdin": "null"}
    else:
        yield {"stdin": "open" if request.stays_open else None,
               "body": request.stdin}


@contextlib.contextmanager
def sending_socket(request):
    ours, theirs = socket.socketpair()

    def send():
        with contextlib.suppress(OSError):
            ours.sendall(request.stdin)
            if not request.stays_open:
                ours.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with ours:
            with theirs:
                yield theirs
            sender.join()
    finally:
        sender.join()


def run(request):
    """The reply to a request."""
    file, argv = request.command()
    env = Pairs(request.pairs)
    env += [(name.encode(), os.environb[name.encode()])
            for name in PASSED_ON if name in os.environ]
    # Popen looks for a name without a slash in PATH; some servers do not.
    execute = functools.partial(os.execve, file, argv, env)
    with stdin_of(request) as stdin:
        process = Process(argv, env, executable=PROGRAM, cwd=request.cwd,
                          preexec_fn=execute, **stdin)
        try:
            return process.wait(PATIENCE)
        finally:
            process.close()


def status_and_body(request, reply):
    """Of a CGI reply, or a whole one of a script named nph-."""
    name = os.path.basename(request.script)
    server = request.record["server"]
    if not name.startswith("nph-"):
        return reply.status, reply.body
    form = (rb"HTTP/1\.1" if server.startswith("apache")
            or server in ("mini-httpd", "merecat")
            else rb"(?:HTTP/1\.1|Status:)")
    match = re.match(form + rb" (\d{3}) [^\r\n]+\r\n", reply.raw)
    assert match, f"not a reply: {reply}"
    return int(match[1]), reply.raw.partition(b"\r\n\r\n")[2]


def recorded(reply):
    """What the application told, None if it did not run."""
    told = [line for line in reply.log.splitlines()
            if line.startswith(MARK)]
    assert len(told) <= 1, "the application ran twice"
    return json.loads(told[0][len(MARK):]) if told else None


def check_refused(request, reply, status, code):
    """The program's own page, and nothing ran."""
    got, body = status_and_body(request, reply)
    assert recorded(reply) is None, "the application ran"
    assert (got, reply.exit) == (status, 1), reply
    assert f": {code} [" in reply.log, reply
    assert bool(body) == (request.method != "HEAD"), reply


def differences(got, want):
    return [f"{name} is {got.get(name)!r}, not {want.get(name)!r}"
            for name in sorted({*got, *want})
            if got.get(name) != want.get(name)]


def check_environ(request, told):
    environ = {name: value for name, value in told["environ"].items()
               if not name.startswith("wsgi.") and name not in PASSED_ON
               and name not in ("cgi2wsgi.version", "cgi2wsgi.request_id",
                                "cgi2wsgi.preloaded")}
    want = request.environ()
    if request.mode in ("shebang-args", "shebang-env-S"):
        want["OPTION"] = environ.get("OPTION")
    problems = differences(environ, want)
    if problems:
        raise AssertionError("\n".join(problems))
    assert told["environ"]["wsgi.url_scheme"] == request.scheme


def check_process(request, told):
    process = told["process"]
    request_data = [name for name in process if name in META
                    or name.startswith(("HTTP_", "REDIRECT_"))]
    assert not request_data
    given = request.given
    own = {name: given[name] for name in OWN if name in given}
    assert own == {name: process.get(name) for name in own}
    option = {"shebang-args": "a b", "shebang-env-S": "ab"}
    assert process.get("OPTION") == option.get(request.mode)


def check_application(request, reply):
    """The application ran, and was given what it had to be given."""
    status, body = status_and_body(request, reply)
    told = recorded(reply)
    assert told, f"the application did not run: {reply}"
    assert (status, reply.exit) == (200, 0), reply
    assert body == (b"" if request.method == "HEAD" else b"ran")
    assert told["file"] == request.script
    assert [os.path.realpath(word) for word in told["argv"]] == [
        request.script]
    assert told["folder"] == os.path.dirname(request.script)
    assert told["body"] == request.body, "another body"
    check_environ(request, told)
    check_process(request, told)


def check(request):
    reply = run(request)
    if request.length == "malformed":
        check_refused(request, reply, 400, "content-length")
    elif request.length == "lost":
        check_refused(request, reply, 411, "length-required")
    else:
        check_application(request, reply)


def check_all(requests, checking):
    """Runs them all, and tells of each that failed."""
    failed = []
    for request in requests:
        try:
            checking(request)
        except AssertionError as error:
            failed.append(f"{request}\n{error}")
    if failed:
        pytest.fail(f"{len(failed)} failed\n\n" + "\n\n".join(failed),
                    pytrace=False)


# Three kinds of servers, and each kind of a first line.
QUICK = ("apache-prefork-shebang", "apache-prefork-shebang-env-S",
         "busybox-shebang-args", "lighttpd-shebang", "nginx-fcgiwrap-shebang")


def by_mode(wanted=lambda record: True):
    """The records that are wanted, a parameter for each way of a server."""
    groups = {}
    for record in RECORDS:
        if wanted(record):
            groups.setdefault(f"{record['server']}-{record['mode']}",
                              []).append(record)
    return [pytest.param(group, id=name, marks=[] if name in QUICK
                         else [pytest.mark.slow])
            for name, group in groups.items()]


def test_all_are_there():
    assert len(RECORDS) == 2015
    assert len({record["server"] for record in RECORDS}) == 16
    # Nothing is excused that does not occur.
    assert not [row for row in UNKNOWN
                if not any(is_about(row, record) for record in RECORDS)]


@pytest.mark.parametrize("records", by_mode())
def test_request(records, site):
    """B2, B3, B4, B6, B11, B12, B13, B14, B15, B16, C2, C5, C6, C8, H1, H2:
    what a server gave is what arrives, and runs what it was to run."""
    here = site()
    check_all([Request(record, here, here.deployed
                       if names_no_application(record) else None)
               for record in records], check)


@pytest.mark.parametrize("records", by_mode(names_no_application))
def test_nothing_names_an_application(records, site):
    """G1, H1, H3: no word of the client's does, either."""
    check_all([Request(record, site()) for record in records],
              lambda request: check_refused(request, run(request), 500,
                                            "no-application"))


@pytest.mark.parametrize("records", by_mode(
    lambda record: record["mode"] in PREFIXES))
def test_script_name(records, site):
    """B16: the option tells what the server does not."""
    prefix = PREFIXES[records[0]["mode"]]
    here = site(f"--script-name {prefix}")
    check_all([Request(record, here, prefix=prefix) for record in records],
              check)
