"""A request from a command line: what curl would ask, and print."""

import base64
import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
from pathlib import Path

import pytest

from apache import running
from harness import (APPS, CLOSING, PASSED_ON, PROGRAM, alive, program,
                     until)

TERMINAL = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
            **{name: os.environ[name] for name in PASSED_ON
               if name in os.environ}}

FILES = {
    "lines.txt": b"a=1\r\nb=2\n\n&c=3\n",
    "bytes.bin": bytes(range(256)) * 3,
    "page.html": b"<p>\n",
    "empty": b"",
    "a,b.png": b"comma",
    "it's \"x\".svg": b"quotes",
    "headers": b"X-From: file\nX-Other:  2 \n\nAccept:\n",
    "crlf": b"X-From: file\r\nX-Other: 2\r\n",
}


# The same words for curl and for the program

SAME = [
    [], ["/a/b?c=d&e=%20f"], ["/a%20b/%C3%A9"], ["/?"], ["/a/../b/./c?x=/../"],
    ["/a//b"], ["/p#fragment"], ["/p?q#fragment"],
    ["/caf\xe9?\xe9"], ["/a+b"],
    # methods
    ["-X", "DELETE"], ["-XPUT"], ["--request", "PROPFIND"], ["-X", "lower"],
    ["-X", "GET", "-d", "a=b"], ["-I"], ["-I", "/p?status=404"], ["--head"],
    ["-X", "POST"], ["-X", "POST", "-H", "Content-Length: 0"],
    # headers
    ["-H", "X-One: 1"], ["-H", "X-One:1"], ["-H", "X-One: 1", "-H", "X-One: 2"],
    ["-H", "X-One: 1", "-H", "x-one: 2", "-H", "X-ONE;"],
    ["-H", "Accept:"], ["-H", "accept: text/html"], ["-H", "X-Empty;"],
    ["-H", "User-Agent:"], ["-H", "X-Nothing:"], ["-H", "X-Nothing: "],
    ["-H", "Host: www.example.org"], ["-H", "Host: www.example.org:8443"],
    ["-H", "X-Blanks:  a \t b  "], ["-H", "X_Under: 1"], ["-H", "X.Dot: 1"],
    ["-H", "Content-Type: text/x"], ["-H", "X-Bytes: caf\xe9"],
    ["-H", "@headers"], ["-H", "Cookie: a=1", "-b", "b=2"],
    ["-H", "Authorization: Bearer x", "-u", "a:b"],
    ["-H", "Connection: close"], ["-H", "Proxy: evil"],
    ["-A", "Mozilla/5.0 (x)"], ["-A", ""], ["-e", "http://a.example/"],
    ["-e", ""], ["-u", "user:pass:word"], ["-u", "user:"], ["-u", ":"],
    ["-u", "caf\xe9:x"], ["-u", "a:b", "-u", "ab:c"],
    ["-b", "a=1"], ["-b", "a=1; b=2"], ["-b", "a=1", "-b", "b=2"],
    ["-H", "Cookie: a=1", "-H", "Cookie: b=2"],
    # data
    ["-d", "a=b"], ["-d", ""], ["-d", "a=b", "-d", "c=d"], ["-d=x"],
    ["-d", "", "-d", "c"], ["-d", "@lines.txt"], ["-d", "@empty", "-d", "x"],
    ["-d@lines.txt", "--data-binary", "@lines.txt"], ["-d", "@-"],
    ["--data-binary", "@-"], ["--data-binary", "@bytes.bin"],
    ["--data-binary", "a\nb"], ["-d", "a\nb"], ["-d", "@-", "-d", "@-"],
    ["--json", '{"a": 1}'], ["--json", "@lines.txt", "--json", "more"],
    ["--json", "1", "-H", "Content-Type: x/y"],
    ["--json", "1", "-H", "Accept: x/y"],
    ["-d", "x", "-H", "Content-Type: x/y; z"], ["-d", "x", "-H",
                                                "Content-Type:"],
    ["-d", "x", "-H", "Content-Type;"],
    ["-d", "a=b", "-H", "Transfer-Encoding: chunked"],
    ["--json", "1", "-X", "PATCH"],
    # forms
    ["-F", "a=b"], ["-F", "a=b", "-F", "c=@lines.txt"], ["-F", "a="],
    ["-F", "f=@bytes.bin"], ["-F", "f=@page.html;type=text/x; charset=a"],
    ["-F", "f=@page.html;filename=other.png"],
    ["-F", "f=@bytes.bin;type=a/b;filename=\"q\\\"q.txt\""],
    ["-F", "f=<page.html"], ["-F", "a\nb\rc\"=d"], ["-F", "f=<lines.txt"], ["-F", "f=<bytes.bin"],
    ["-F", "f=@\"a,b.png\""], ["-F", "f=@\"it's \\\"x\\\".svg\""],
    ["-F", "a=b;type=text/html"], ["-F", "a=\"b;c\""], ["-F", "a=\"b"],
    ["-F", "a=x;filename=n.gif"], ["-F", "a=b=c"], ["-F", "\"n\"=1"],
    ["-F", "f=@-"], ["-F", "f=@-;filename=in.pdf"], ["-F", "f=@empty"],
    ["-F", "a=b", "-H", "Content-Type: multipart/related"],
    ["-F", "f=<-"],
    # what is printed
    ["-i"], ["-i", "/p?status=404"], ["/p?status=500"],
    ["-I", "/p?status=404"], ["-i", "-d", "x", "/p?status=418"],
    ["-o", "-"], ["-o", "out"], ["-i", "-o", "out"], ["-I", "-o", "out"],
    ["-o", "out", "/p?status=404"], ["-o", "out", "-X", "PUT"],
    ["-o", "missing/out"],
]
# What another curl makes of some of them, in other words.
ELSE = {
    # 8.14 drops the mark, 7.88 and 8.22 keep it.
    ("/?",): ["/"],
    # 7.88 has an & behind data that is empty.
    ("-d", "", "-d", "c"): ["-d", "&c"],
    ("-d", "@empty", "-d", "x"): ["-d", "&x"],
    # 8.22 has a blank between cookies, sends no name without a password, and
    # encodes bytes of a path in capitals.
    ("-b", "a=1", "-b", "b=2"): ["-b", "a=1; b=2"],
    ("-u", ":"): [],
    ("/caf\xe9?\xe9",): ["/caf%E9?\xe9"],
}
# What only one of them can know, or a server adds.
OWN = ("Date", "Server", "Connection", "Keep-Alive", "Transfer-Encoding",
       "Content-Length", "Vary")
# Random: of 16 digits in curl 7.88 and this program, of 22 in curl 8.14.
BOUNDARY = re.compile(rb"-{24}[0-9A-Za-z]{16,22}\b")
CURL = subprocess.run(["curl", "--version"], stdout=subprocess.PIPE,
                      text=True, check=True).stdout.partition(" (")[0]


@pytest.fixture(scope="module")
def apache():
    """Apache, and the program as it runs there."""
    def install(apache):
        apache.script("cgi-bin/asked.cgi", (APPS / "asked.py").read_text(),
                      "--script-name /cgi-bin/asked.cgi")
    yield from running("prefork", install)


def put_files(folder):
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


def split(words, base):
    """The words with a whole URL; one of them, or none, is a path."""
    path = [word for word in words if word.startswith("/")] or ["/"]
    words = [word for word in words if word not in path]
    return [*words, base + path[0]]


def outcome(command, cwd):
    """Exit status, output without what is the server's own, file."""
    done = subprocess.run(
        [word if isinstance(word, bytes) else os.fsencode(word)
         for word in command], cwd=cwd, env=TERMINAL, input=b"in\r\nput\n",
        capture_output=True, timeout=60)
    file = cwd / "out"
    written = file.read_bytes() if file.exists() else None
    file.unlink(missing_ok=True)
    return done.returncode, clean(done.stdout), written and clean(written)


def clean(output):
    output = re.sub(rb"(?im)^(?:%s): .*\r\n" % "|".join(OWN).encode(), b"",
                    output)
    output = re.sub(rb'("HTTP_USER_AGENT": ")(?:curl|cgi2wsgi)/[\w.-]+',
                    rb"\1", output)
    boundaries = BOUNDARY.findall(output)
    output = BOUNDARY.sub(b"BOUNDARY", output)
    head, mark, body = output.partition(b"{\n")
    found = json.loads(mark + body) if mark else {}
    if boundaries:      # the first one or the last one is the type's
        found["CONTENT_LENGTH"] = int(found["CONTENT_LENGTH"]) - sum(
            map(len, boundaries[1:]))
    for name in ("SERVER_SOFTWARE", "SERVER_ADDR", "SERVER_ADMIN",
                 "SERVER_SIGNATURE", "HTTP_EXPECT"):
        found.pop(name, None)
    return sorted(head.splitlines()), found


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_same_as_curl(apache, cgi, words):
    """H4: the application sees, and the person gets, what curl makes."""
    folder = put_files(cgi.folder)
    script = apache.tree / "cgi-bin/asked.cgi"

    def run(*command, words):
        return outcome([*command, *(word.encode("latin-1") for word in split(
            words, apache.url("/cgi-bin/asked.cgi")))], folder)
    theirs = run("curl", "-q", "-g", "-sS", words=words)
    ours = run(script, words=words)
    if ours != theirs and tuple(words) in ELSE:
        assert run(script, words=ELSE[tuple(words)]) == theirs, CURL
    else:
        assert ours == theirs, CURL


# URLs

def ask(cgi, *words, app="asked", stdin=b"", **how):
    """Run an application of tests/apps, or of text, with these words."""
    source = app if "\n" in app else (APPS / f"{app}.py").read_text()
    path = cgi.write("app.py", program(source))
    return subprocess.run([PROGRAM, path, *words], cwd=cgi.folder,
                          env=how.pop("env", TERMINAL), input=stdin,
                          capture_output=True, timeout=60, **how)


def asked(*args, **how):
    """What the application was asked."""
    done = ask(*args, **how)
    assert done.returncode == 0, done
    assert done.stderr == b""
    return json.loads(done.stdout)


@pytest.mark.parametrize("url, host, name, port, scheme", [
    ("/", "localhost", "localhost", "80", "http"),
    ("?q", "localhost", "localhost", "80", "http"),
    ("http://h.example", "h.example", "h.example", "80", "http"),
    ("HTTP://h.example:80/", "h.example", "h.example", "80", "http"),
    ("http://h.example:443/", "h.example:443", "h.example", "443", "http"),
    ("http://h.example:/", "h.example", "h.example", "80", "http"),
    ("https://h.example?q", "h.example", "h.example", "443", "https"),
    ("https://h:8443/", "h:8443", "h", "8443", "https"),
    ("https://[::1]/", "[::1]", "[::1]", "443", "https"),
    ("http://[::1]:8080/", "[::1]:8080", "[::1]", "8080", "http")])
def test_host(cgi, url, host, name, port, scheme):
    """H4: host, port and scheme of a whole URL."""
    found = asked(cgi, url)
    assert found["HTTP_HOST"] == host
    assert found["SERVER_NAME"] == name
    assert found["SERVER_PORT"] == port
    assert found["REQUEST_SCHEME"] == scheme
    assert found.get("HTTPS") == ("on" if scheme == "https" else None)
    assert found["PATH_INFO"] == "/"


def test_without_host(cgi):
    """J2: the name that the URL has is the server's still."""
    found = asked(cgi, "-H", "Host:", "http://h.example:8080/")
    assert "HTTP_HOST" not in found
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("h.example", "8080")


@pytest.mark.parametrize("words, what", [
    (["-d", "@-"], "request's body"), (["-F", "a=<-"], "request's body"),
    (["-H", "@-"], "header lines")])
def test_nothing_to_store_it_in(cgi, words, what):
    """G1: a request that cannot be made whole is not made."""
    done = ask(cgi, *words, stdin=b"X: " + b"x" * 100000,
               restore_signals=False, preexec_fn=lambda: resource.setrlimit(
                   resource.RLIMIT_FSIZE, (8000, 8000)))
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr.decode() == (
        f"cgi2wsgi: cannot store the {what}: File too large\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="root has no such limit")
def test_no_process(cgi, tmp_path):
    """G1: where no process can be started there is no reply."""
    done = ask(cgi, user="nobody", preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NPROC, (0, 0)))
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr.startswith(b"cgi2wsgi: cannot start a process: ")


@pytest.mark.parametrize("words, login", [
    (["http://user:word@h/"], "user:word"),
    (["http://us%65r:w%3Ard@h/a@b"], "user:w:rd"),
    (["http://user@h/"], "user:"), (["http://a:b@c@h/"], "a:b@c"),
    (["-u", "x:y", "http://user:word@h/"], "x:y")])
def test_login(cgi, words, login):
    """H4: user and password in the URL; -u comes first."""
    found = asked(cgi, *words)
    code = base64.b64encode(login.encode()).decode()
    assert found["HTTP_AUTHORIZATION"] == f"Basic {code}"
    assert found["HTTP_HOST"] == "h"


def test_header_file(cgi):
    """H4: its lines may end as in DOS; curl 8 would send the ends."""
    put_files(cgi.folder)
    found = asked(cgi, "-H", "@crlf")
    assert (found["HTTP_X_FROM"], found["HTTP_X_OTHER"]) == ("file", "2")


def test_path(cgi):
    """H4: decoded, and without what a server takes out."""
    found = asked(cgi, "/a//b%2e/%2E%2e/./c%2fd%00?e//../f")
    assert found["PATH_INFO"] == "/a/c/d%00"
    assert found["REQUEST_URI"] == "/a/b%2e/%2E%2e/c%2fd%00?e//../f"
    assert found["SCRIPT_NAME"] == ""


def test_no_request(cgi):
    """H4: a plain word asks for / and sends no body."""
    found = asked(cgi, stdin=b"ignored")
    assert (found["REQUEST_METHOD"], found["REQUEST_URI"],
            found["body"]) == ("GET", "/", "")
    assert "CONTENT_LENGTH" not in found
    assert "CONTENT_TYPE" not in found
    assert found["HTTP_USER_AGENT"].startswith("cgi2wsgi/")


def test_leftover_variables(cgi):
    """H4: the command line counts, not what the shell has from elsewhere."""
    env = {**TERMINAL, "QUERY_STRING": "old", "CONTENT_LENGTH": "7",
           "CONTENT_TYPE": "x/y", "HTTPS": "on", "HTTP_COOKIE": "a=b",
           "HTTP_AUTHORIZATION": "Basic x", "HTTP_REFERER": "x",
           "REMOTE_USER": "me", "PATH_INFO": "/old"}
    assert asked(cgi, "/new", env=env) == asked(
        cgi, "/new", env={**TERMINAL, "REMOTE_USER": "me"})


# Bodies

def test_issue_form_of_standard_input(cgi):
    """H4: - is standard input, too."""
    assert asked(cgi, "-d", "-", stdin=b"a=b\n")["body"] == "a=b"
    assert asked(cgi, "--data-binary", "-", stdin=b"x")["body"] == "-"


def test_zero_bytes(cgi):
    """H4: -d @file drops line ends and NUL, --data-binary nothing."""
    cgi.write("nul", b"a\0b\r\nc\r\0")
    assert asked(cgi, "-d", "@nul")["body"] == "abc"
    assert asked(cgi, "--data-binary", "@nul")["body"] == "a\0b\r\nc\r\0"


def test_large(cgi):
    """H4: more than pipes and buffers hold, both ways."""
    body = os.urandom(5 << 20)
    done = ask(cgi, "--data-binary", "@-", app="echoed", stdin=body)
    assert done.returncode == 0
    assert done.stdout == body


def test_wrong_length(cgi):
    """H4: a length that is a lie, to see what becomes of it."""
    done = ask(cgi, "-d", "abc", "-H", "Content-Length: 5")
    assert done.returncode == 1
    assert b"ConnectionResetError" in done.stderr
    found = asked(cgi, "-d", "abc", "-H", "Content-Length: 2")
    assert found["body"] == "ab"


def test_standard_input_is_left(cgi):
    """H4: without @- the next command finds it untouched."""
    app = cgi.write("app.py", (APPS / "hello.py").read_text())
    done = subprocess.run(f"'{PROGRAM}' '{app}' >/dev/null; cat",
                          shell=True, input=b"for cat", env=TERMINAL,
                          capture_output=True, timeout=60)
    assert done.stdout == b"for cat"


# What is wrong

@pytest.mark.parametrize("words, text", [
    (["-d"], "-d needs a value"), (["-zi"], "-z is no option"),
    (["-iz"], "-z is no option"), (["--debug", "-iz"], "-z is no option"),
    (["--no-such"], "--no-such is no option"),
    (["--head=1"], "-I takes no value"),
    (["--debug=1"], "--debug takes no value"),
    (["--data-binary"], "--data-binary needs a value"),
    (["-X", ""], "-X needs a method"), (["-X", "G T"], "-X needs a method"),
    (["-H", "Name"], "-H 'Name'"), (["-H", ": x"], "-H"),
    (["-H", "A B: x"], "-H"), (["-H", "A: x\ny"], "-H"),
    (["-H", "A; x"], "-H"),
    (["-F", "name"], "-F 'name'"), (["-F", "a=b;c"], "double quotes"),
    (["-F", "f=@a,b"], "one file"), (["-u", "user"], "USER:PASSWORD"),
    (["-b", "jar"], "-b needs NAME=VALUE"),
    (["-d", "x", "-F", "a=b"], "one method"),
    (["-d", "x", "-I"], "one method"),
    *[([word], f"{word} is no option") for word in (
        "-G", "-T", "--data-urlencode", "--form-string", "--upload-file")],
    (["/a b"], "blank"), (["/a\nb"], "blank"),
    (["path"], "is no URL"), (["ftp://h/"], "is no URL"),
    (["http:///x"], "has no host"), (["http://h:x/"], "port"),
    (["http://h:65536/"], "port"), (["http://:80/"], "has no host"),
    (["/a", "/b"], "not also '/b'")])
def test_usage(cgi, words, text):
    """H4, I4: status 2, what is wrong, and no request."""
    done = ask(cgi, *words, app="marker")
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"cgi2wsgi: ")
    assert text in done.stderr.decode()
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("word, name", [
    ("-d x", "-d"), ("-i", "-i"), ("--data-binary=x", "--data-binary"),
    ("--header 'A: b'", "-H"), ("-o /tmp/x", "-o"), ("-dx", "-d")])
def test_not_for_scripts(cgi, word, name):
    """H1, H2, H3: a script or a server's configuration asks for nothing."""
    wanted = f"{name} is for a request from a command line"
    script = cgi.script("marker", word)
    reply = cgi.run(script)
    assert "cgi2wsgi: usage [" in reply.log
    assert wanted in reply.log
    done = subprocess.run([script], env=TERMINAL, capture_output=True)
    assert done.returncode == 2
    assert wanted in done.stderr.decode()
    app = cgi.write("app.py", (APPS / "marker.py").read_text())
    reply = cgi.exec([PROGRAM], cgi.environ(PROGRAM, env={
        "CGI2WSGI_ARGS": f"{word} {app}"}))
    assert wanted in reply.log
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("words", [
    ["-d", "@missing"], ["--data-binary", "@missing"], ["-F", "f=@missing"],
    ["-F", "f=<missing"], ["-F", "f=@."], ["-H", "@missing"]])
def test_unreadable_file(cgi, words):
    """H4, I4: status 26, and no request."""
    done = ask(cgi, *words, app="marker")
    assert done.returncode == 26
    assert done.stdout == b""
    assert b"cannot read" in done.stderr
    assert not (cgi.folder / "imported").exists()


# What is printed

def test_failure(cgi):
    """G1, G2, H4: a page of text, the traceback on standard error."""
    app = """
        def application(environ, start_response):
            raise ValueError("no luck")
    """
    done = ask(cgi, app=app)
    assert done.returncode == 1
    assert done.stdout.startswith(b"500 Internal Server Error\n")
    assert b"cgi2wsgi: application [" in done.stderr
    assert b"ValueError: no luck" in done.stderr
    done = ask(cgi, "-H", "Accept: text/html", app=app)
    assert done.stdout.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("word", [
    "-f", "-s", "-S", "-G", "-T", "--data-raw", "--fail", "--silent",
    "--show-error", "--data-urlencode", "--form-string", "--get"])
def test_what_nobody_types_is_no_option(cgi, word):
    """H4: the request of a command line has twelve of curl's options."""
    done = ask(cgi, word)
    assert done.returncode == 2
    assert b" is no option" in done.stderr


def test_reply_without_a_status(cgi):
    """I4: an application that writes to the reply behind the program's back."""
    done = ask(cgi, app="""
        import os

        def application(environ, start_response):
            for number in range(3, 20):
                try:
                    os.write(number, b"<html>\\r\\n\\r\\n")
                except OSError:
                    pass
            start_response("200 OK", [])
            return [b"Hello"]
        """)
    assert done.returncode == 1 and done.stdout == b""
    assert b"cgi2wsgi: the reply has no status\n" in done.stderr


def test_cut_short(cgi):
    """I4: what came is printed; the status tells that more was to come."""
    done = ask(cgi, app="""
        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"half"
            raise ValueError
    """)
    assert (done.returncode, done.stdout) == (1, b"half")
    assert b"ValueError" in done.stderr


@pytest.mark.parametrize("end, text", [
    ("ctypes.CDLL(None)._exit(0)", "without a reply"),
    ("ctypes.CDLL(None)._exit(3)", "without a reply"),
    ("os.kill(os.getpid(), 9)", "signal 9 (Killed)")])
def test_no_reply(cgi, end, text):
    """H4, I4: a process that ends without a word."""
    done = ask(cgi, app=f"""
        import ctypes
        import os

        def application(environ, start_response):
            {end}
    """)
    assert (done.returncode, done.stdout) == (1, b"")
    assert text in done.stderr.decode()


@pytest.mark.parametrize("name, words", [
    ("nph-app.py", []), ("app.py", ["--nph"])])
def test_nph(cgi, name, words):
    """G6, H4: a whole HTTP response is one for a person, too."""
    app = cgi.write(name, (APPS / "hello.py").read_text())
    done = subprocess.run([PROGRAM, *words, "-i", app], env=TERMINAL,
                          capture_output=True, timeout=60)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert done.returncode == 0
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nServer: cgi2wsgi/" in head
    assert b"Hello" in body
    done = subprocess.run([PROGRAM, *words, app], env=TERMINAL,
                          capture_output=True, timeout=60)
    assert done.stdout == body


def test_script_words(cgi):
    """H2, H4: a script takes the words behind its name, and its own."""
    script = cgi.script("asked", "--env REMOTE_USER=me --env OPTION=1")
    done = subprocess.run([script, "-d", "a=b", "--env", "HTTP_X=2", "/p?q",
                           "-X", "PUT"], env=TERMINAL, check=True,
                          capture_output=True, timeout=60)
    found = json.loads(done.stdout)
    assert (found["REQUEST_METHOD"], found["body"], found["HTTP_X"],
            found["REQUEST_URI"]) == ("PUT", "a=b", "2", "/p?q")
    done = subprocess.run([script, script, "/x"], env=TERMINAL,
                          capture_output=True)
    assert done.returncode == 2
    for option in ("--help", "--version"):
        done = subprocess.run([script, option], env=TERMINAL, check=True,
                              capture_output=True)
        assert b"cgi2wsgi" in done.stdout


@pytest.mark.parametrize("line", ["cgi2wsgi", "-S cgi2wsgi --env HTTP_X=2"])
def test_env_words(cgi, line):
    """H4: the same through env(1)."""
    folder = cgi.folder / "bin"
    folder.mkdir()
    (folder / "cgi2wsgi").symlink_to(PROGRAM)
    text = (APPS / "asked.py").read_text()
    script = cgi.write("app.cgi", f"#!/usr/bin/env {line}\n{text}", 0o755)
    done = subprocess.run(
        [script, "-d", "a=b", "/p", "-XPUT"], check=True, timeout=60,
        env={**TERMINAL, "PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True)
    found = json.loads(done.stdout)
    assert (found["REQUEST_METHOD"], found["body"]) == ("PUT", "a=b")
    assert found.get("HTTP_X") == ("2" if "-S" in line else None)


STREAM = program(CLOSING, """
import itertools
import os
import time


def application(environ, start_response):
    start_response("200 OK", [])
    return Body(chunks(environ["QUERY_STRING"]))


def chunks(gate):
    yield b"one\\n"
    while gate and not os.path.exists(gate):
        time.sleep(0.01)
    for number in itertools.count():
        yield b"%d\\n" % number * 100
""")


def start(cgi, *words, app=STREAM, **how):
    path = cgi.write("app.py", program(app))
    return cgi.start_exec([PROGRAM, path, *words], TERMINAL, **how)


def child_of(process):
    """The process that runs the application."""
    path = f"/proc/{process.pid}/task/{process.pid}/children"
    return int(until(lambda: Path(path).read_text().split())[0])


def test_streaming(cgi):
    """A10, H4: a block is printed before the next is asked for."""
    gate = cgi.folder / "gate"
    process = start(cgi, f"/?{gate}")
    assert process.read(4) == b"one\n"
    assert not select.select([process.stdout], [], [], 0.1)[0]
    gate.touch()
    assert process.read(4) == b"0\n0\n"
    process.hang_up()
    process.wait()


def test_closed_pipe(cgi):
    """A7, H4, I4: head(1) has enough: the application is closed, 23."""
    process = start(cgi)
    assert process.read(4) == b"one\n"
    process.hang_up()
    reply = process.wait()
    assert reply.exit == 23
    assert "<closed>" in reply.log
    assert "cgi2wsgi: client-gone [" in reply.log
    assert "cannot write" not in reply.log


def test_head(cgi):
    """H4: in a pipeline, from a shell."""
    app = cgi.write("app.py", program(STREAM))
    done = subprocess.run(f"'{PROGRAM}' '{app}' | head -n 2", shell=True,
                          env=TERMINAL, capture_output=True, timeout=60)
    assert done.stdout == b"one\n0\n"


@pytest.mark.parametrize("words", [[], ["-o", "/dev/full"]])
def test_full(cgi, words):
    """H4, I4: no room for the reply."""
    with open("/dev/full", "w") as full:
        process = start(cgi, *words, stdout=full)
        reply = process.wait()
    assert reply.exit == 23
    assert "cgi2wsgi: cannot write " in reply.log
    assert "No space left on device" in reply.log


def test_closed_descriptors(cgi):
    """I1, H4: standard input and output may be closed."""
    app = cgi.write("app.py", (APPS / "asked.py").read_text())
    done = subprocess.run(f"'{PROGRAM}' '{app}' -d a=b <&- 2>&-",
                          shell=True, env=TERMINAL, capture_output=True,
                          timeout=60)
    assert json.loads(done.stdout)["body"] == "a=b"
    done = subprocess.run(f"'{PROGRAM}' '{app}' -d a=b >&- -o out",
                          shell=True, env=TERMINAL, cwd=cgi.folder,
                          capture_output=True, timeout=60)
    assert done.returncode == 0
    assert json.loads((cgi.folder / "out").read_text())["body"] == "a=b"


# Signals

WAITS = program(CLOSING, """
import sys
import time


def application(environ, start_response):
    start_response("200 OK", [])
    return Body(chunks(environ["QUERY_STRING"]))


def chunks(stay):
    yield b"one\\n"
    while True:
        try:
            print("<waits>", file=sys.stderr)
            time.sleep(60)
        except BaseException as e:
            print("<%s>" % type(e).__name__, file=sys.stderr)
            if not stay:
                raise
""")


def test_hangup(cgi):
    """I2, H4: SIGHUP ends both at once, as it does under a server."""
    process = start(cgi, app=WAITS)
    process.wait_log("<waits>")
    child = child_of(process)
    process.signal(signal.SIGHUP)
    reply = process.wait()
    assert reply.exit == -signal.SIGHUP
    assert "cgi2wsgi: signal [" in reply.log and "<closed>" not in reply.log
    assert not alive(child)


@pytest.mark.parametrize("number, name", [
    (signal.SIGTERM, "SystemExit"), (signal.SIGINT, "KeyboardInterrupt")])
def test_signal(cgi, number, name):
    """I2, H4: what ends the client ends the application, in order."""
    process = start(cgi, app=WAITS)
    process.wait_log("<waits>")
    child = child_of(process)
    process.signal(number)
    reply = process.wait()
    assert reply.exit == -number
    assert f"<{name}>" in reply.log
    assert "<closed>" in reply.log
    assert not alive(child)


def test_second_signal(cgi):
    """I2, H4: the second one does not wait."""
    process = start(cgi, "/?stay", app=WAITS)
    process.wait_log("<waits>")
    child = child_of(process)
    process.signal(signal.SIGTERM)
    process.wait_log("<SystemExit>")
    process.signal(signal.SIGTERM)
    reply = process.wait()
    assert reply.exit == -signal.SIGTERM
    assert not alive(child)


class Terminal:
    """A pseudo-terminal with a program in it."""

    def __init__(self, command, **how):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(command[0], [os.fsencode(w) for w in command],
                          TERMINAL)
            finally:
                os._exit(127)
        self.seen = b""

    def wait_for(self, text):
        while text not in self.seen:
            assert select.select([self.fd], [], [], 60)[0], self.seen
            self.seen += os.read(self.fd, 65536)

    def type(self, text):
        os.write(self.fd, text)

    def end(self):
        """What came on the screen, and the wait status."""
        try:
            while data := os.read(self.fd, 65536):
                self.seen += data
        except OSError:
            pass        # Linux says EIO at the end
        os.close(self.fd)
        return self.seen, os.waitpid(self.pid, 0)[1]


def test_interrupt_key(cgi):
    """I2, H4: Ctrl-C ends both, once."""
    app = cgi.write("app.py", program(WAITS))
    terminal = Terminal([PROGRAM, app])
    terminal.wait_for(b"<waits>")
    terminal.type(b"\x03")
    seen, status = terminal.end()
    assert os.WTERMSIG(status) == signal.SIGINT
    assert seen.count(b"<KeyboardInterrupt>") == 1
    assert b"<closed>" in seen


def test_typed_body(cgi):
    """H4: @- in a terminal reads until Ctrl-D."""
    app = cgi.write("app.py", (APPS / "asked.py").read_text())
    terminal = Terminal([PROGRAM, app, "-d", "@-"])
    terminal.type(b"typed=1\n\x04")
    seen, status = terminal.end()
    assert status == 0
    assert b'"body": "typed=1"' in seen
