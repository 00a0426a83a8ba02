"""The lessons print what the text beside them says they print."""

import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256

import pytest

from apache import AS_SERVER
from harness import PASSED_ON, PROGRAM, TESTS, TIMEOUT
from pages import follow, unseen
from test_frameworks import python_of_program

LESSONS = TESTS.parent / "examples/lessons"
PAGES = ["0-cgi.md", "7-mistakes.md", "8-image.md"]
TEXT = (LESSONS / "README.md").read_text()
with_django = pytest.mark.skipif(
    python_of_program() != "{}.{}".format(*sys.version_info),
    reason="Django is installed for another Python")
NUMBERS = [*range(1, 6), pytest.param(6, marks=with_django)]
# What is another's on another day or machine, and how the text has it.
ELSEWHERE = {
    r"(cgi2wsgi.version =) '[\w.-]+'": r"\1 '0.2.0'",
    rf"^({'|'.join(PASSED_ON)}) = .*\n": "",
}
FOLDER = "/srv/www/cgi-bin"


def lesson(number):
    """The lesson's file."""
    [file] = LESSONS.glob(f"{number}-*.cgi")
    return file


def printed(number):
    """The request and the reply in the text."""
    part = re.search(rf"^## {number}\. ((?s:.*?))(?=^## |\Z)", TEXT, re.M)[1]
    assert f"`{lesson(number).name}`" in part
    return re.search(r"^```http\n((?s:.*?))^```\n\n```\n((?s:.*?))^```$",
                     part, re.M).groups()


def asked(number):
    """The request, as arguments of Cgi.start."""
    head, _, body = printed(number)[0].partition("\n\n")
    line, *fields = head.splitlines()
    method, url, version = line.split()
    script = f"/cgi-bin/{lesson(number).name}"
    assert version == "HTTP/1.1" and url.startswith(script)
    headers = dict(field.split(": ", 1) for field in fields)
    assert headers.pop("Host") == "www.example.org"
    if body and "multipart" not in headers["Content-Type"]:
        body = body.rstrip("\n")
    return {"method": method, "target": url[len(script):],
            "headers": headers.items(),
            "body": body.replace("\n", "\r\n").encode() if body else None}


def install(cgi, number):
    first, _, source = lesson(number).read_text().partition("\n")
    return cgi.script(source, first.partition(" ")[2], lesson(number).name)


def told(raw, cgi):
    """A reply as the text has it, its length, too."""
    text = raw.decode().replace("\r\n", "\n").replace(str(cgi.folder), FOLDER)
    for pattern, instead in ELSEWHERE.items():
        text = re.sub(pattern, instead, text, flags=re.M)
    body = text.partition("\n\n")[2]
    return re.sub(r"^(Content-Length:) \d+$", rf"\1 {len(body.encode())}",
                  text, count=1, flags=re.M)


def run(cgi, number, **how):
    how = {**asked(number), "env": {"UNIQUE_ID": "ap2xAn8AAQEAAAQ0kBgAAAAA"},
           **how}
    return cgi.run(install(cgi, number), **how)


def test_there_are_nine():
    """Six in README.md, and three pages with what they need."""
    names = sorted(file.name for file in LESSONS.iterdir())
    assert names == sorted([*(lesson(n).name for n in range(1, 7)), *PAGES,
                            "0-shell.cgi", "0-program.c", "0-wsgi.cgi",
                            "8-image.cgi", "README.md"])
    assert TEXT.count("\n```") == 4 * 6
    assert sorted(re.findall(r"\]\((\d[\w-]+\.md)\)", TEXT)) == PAGES


class Checkout:
    """A copy of the lessons, in a tree as after make; not root's."""

    def __init__(self, folder):
        self.lessons = folder / "examples/lessons"
        shutil.copytree(LESSONS, self.lessons)
        for name in ("cgi2wsgi", "cgi2wsgi-preload"):
            shutil.copy(PROGRAM.with_name(name), folder)
        self.home = folder / "home"
        self.home.mkdir()
        self.written = 0
        for path in (self.home, self.lessons, *self.lessons.iterdir()):
            if AS_SERVER:
                shutil.chown(path, **AS_SERVER)

    def write(self, name, text):
        """Each file is a second older or younger: Python compares no more."""
        (self.lessons / name).write_text(text)
        self.written += 1
        os.utime(self.lessons / name, (10**9, 10**9 + self.written))
        if AS_SERVER:
            shutil.chown(self.lessons / name, **AS_SERVER)

    def run(self, text):
        done = subprocess.run(
            ["bash", "-e", "-c", text], cwd=self.lessons, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home)},
            **AS_SERVER)
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        return done.stdout


@pytest.mark.parametrize("page", [
    pytest.param(page, marks=with_django if page == "8-image.md" else ())
    for page in PAGES])
def test_page(cgi, page):
    """Each of its commands says what the page says."""
    checkout = Checkout(cgi.folder)
    assert not unseen(LESSONS / page)
    follow(LESSONS / page, checkout.write, checkout.run)


def test_size_of_the_first():
    """Lesson 0 promises four lines of sh; C needs twelve behind a comment."""
    def lines(name, comment):
        return [line for line in (LESSONS / name).read_text().splitlines()
                if line.strip() and not line.startswith(comment)]
    assert len(lines("0-shell.cgi", "#")) == 4
    assert len(lines("0-program.c", "/*")) <= 12


@pytest.mark.parametrize("number", range(1, 7))
def test_size(number):
    """At most 30 lines, 80 columns, to be executed."""
    lines = lesson(number).read_text().splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("#!/usr/local/bin/cgi2wsgi")
    assert lines[1].startswith(f"# Lesson {number}: ")
    assert os.access(lesson(number), os.X_OK)


@pytest.mark.parametrize("number", NUMBERS)
def test_reply(cgi, number):
    reply = run(cgi, number)
    assert (reply.status, reply.exit) == (200, 0), reply
    assert told(reply.raw, cgi) == printed(number)[1]


@pytest.mark.parametrize("number", [2, 5])
def test_page_before_the_form_is_sent(cgi, number):
    reply = run(cgi, number, method="GET", headers=(), body=None)
    assert (reply.status, reply.exit, reply.log) == (200, 0, "")
    assert reply.header("Content-Type") == "text/html; charset=utf-8"
    assert b'<form method="post"' in reply.body


@pytest.mark.parametrize("number, limit", [(2, 100 << 10), (5, 20 << 20)])
def test_limit(cgi, number, limit):
    assert run(cgi, number, body=b"", length=limit + 1).status == 413


@pytest.mark.parametrize("sent, shown", [
    (b"", b"Hello, world!"),
    (b"name=", b"Hello, world!"),
    (b"name=J%C3%BCrgen", "Hello, J\u00fcrgen!".encode()),
    (b"name=%FF\xff", "Hello, \ufffd\ufffd!".encode()),
    (b"name=%22%27", b"Hello, &quot;&#x27;!"),
    (b"name={name}", b"Hello, {name}!"),
])
def test_form_with(cgi, sent, shown):
    reply = run(cgi, 2, body=sent)
    assert (reply.status, reply.exit) == (200, 0), reply
    assert shown in reply.body


def test_blocks_leave_one_by_one(cgi):
    """A pipe of packets keeps what one write had apart from the next."""
    outer, inner = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    with open(outer, "rb", buffering=0) as pipe:
        process = cgi.start(install(cgi, 3), **asked(3), stdout=inner)
        os.close(inner)
        first = pipe.read(1000)
        rest = list(iter(lambda: pipe.read(1000), b""))
    assert first.endswith(b"\r\n\r\n3 ...\n")
    assert rest == [b"2 ...\n", b"1 ...\n", b"Lift-off!\n"]
    assert (reply := process.wait()).exit == 0
    assert reply.log == "over\n"


def test_streaming_to_nobody(cgi):
    process = cgi.start(install(cgi, 3), **asked(3))
    process.read_head()
    process.hang_up()
    reply = process.wait()
    assert "client-gone" in reply.log
    assert reply.log.endswith("over\n")


def test_middleware_logs(cgi):
    assert run(cgi, 4).log == "'/anything': 200 OK\n"
    assert run(cgi, 4, target="/%0Aforged").log == "'/\\nforged': 200 OK\n"


def multipart(*contents):
    """A body with files of these contents."""
    for content in contents:
        yield (b"--here\r\nContent-Disposition: form-data; name=file;"
               b' filename="\xc3\xbc %22.bin"\r\n'
               b"Content-Type: message/rfc822\r\n\r\n" + content + b"\r\n")
    yield b"--here--\r\n"


def test_upload_of_any_bytes(cgi):
    contents = (bytes(range(256)), b"\r\n", b"\n\r\n--her\r\n", b"\r" * 5,
                os.urandom(1 << 20))
    reply = run(cgi, 5, body=b"".join(multipart(*contents)))
    assert (reply.status, reply.exit, reply.log) == (200, 0, "")
    assert reply.body.decode().splitlines() == [
        f"{sha256(content).hexdigest()}  \u00fc %22.bin"
        for content in contents]


@with_django
def test_django_pages(cgi):
    script = install(cgi, 6)
    home = cgi.run(script, target="/")
    assert b"Hello, world!" in home.body
    assert cgi.run(script, target="/a/b").status == 404
