"""A site for test_apache.py: each page shows one thing a server carries."""

import base64
import hashlib
import html
import json
import os
import time
from urllib.parse import parse_qs

BLOCK = 65536
HELLO = b"0123456789abcdef" * (BLOCK // 16)


def plain(start_response, text, status="200 OK", headers=()):
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"),
                            *headers])
    return [text.encode()]


def blocks(stream):
    return iter(lambda: stream.read(BLOCK), b"")


def echo(environ, start_response):
    """What the application learns about the URL, as JSON."""
    names = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING",
             "REMOTE_USER", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING",
             "REDIRECT_URL", "cgi2wsgi.preloaded")
    known = {name: environ[name] for name in names if name in environ}
    return plain(start_response, json.dumps(known), headers=[("X-Page",
                                                              "echo")])


def form(environ, start_response):
    """Read a form."""
    fields = parse_qs(environ["wsgi.input"].read().decode(),
                      keep_blank_values=True)
    return plain(start_response, json.dumps(fields))


def upload(environ, start_response):
    """Read a body in blocks: its size and checksum."""
    size, checksum = 0, hashlib.sha256()
    for block in blocks(environ["wsgi.input"]):
        size += len(block)
        checksum.update(block)
    return plain(start_response, f"{size} {checksum.hexdigest()}")


def download(environ, start_response):
    """As many blocks as the query says."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return (HELLO for _ in range(int(environ["QUERY_STRING"])))


def file(environ, start_response):
    """A large file."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](open(environ["LARGE"], "rb"))


def reply_first(environ, start_response):
    """A large reply before the body is read, its checksum after it."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for _ in range(64):
        yield HELLO
    checksum = hashlib.sha256()
    for block in blocks(environ["wsgi.input"]):
        checksum.update(block)
    yield checksum.hexdigest().encode()


def unread(environ, start_response):
    """Answer without a look at the body."""
    return plain(start_response, "not read")


def gate(environ, start_response):
    """Chunks; each but the first waits for a file to appear."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    gates = os.path.join(environ["GATES"], environ["QUERY_STRING"])
    yield b"chunk 0\n"
    for number in (1, 2, 3):
        deadline = time.monotonic() + 60
        while not os.path.exists(f"{gates}-{number}"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield b"chunk %d\n" % number


def leave_word(environ, start_response):
    """Leave word of who reads the body, and of its size once it is read."""
    path = os.path.join(environ["DATA"], environ["QUERY_STRING"])
    with open(path, "w", buffering=1) as file:
        print(os.getpid(), file=file)
        print(len(environ["wsgi.input"].read()), file=file)
    return plain(start_response, "read")


def login(environ, start_response):
    """Only for Jörg, who knows the word."""
    kind, _, code = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind == "Basic" and base64.b64decode(code) == "Jörg:wörd".encode():
        return plain(start_response, "welcome")
    return plain(start_response, "who are you?", "401 Unauthorized",
                 [("WWW-Authenticate", 'Basic realm="site"')])


def links(environ, start_response):
    """Links as frameworks build them, below SCRIPT_NAME."""
    start_response("200 OK", [("Content-Type", "text/html")])
    for target in ("/", "/echo/a", "/echo/a%20b/%C3%A9?q=1"):
        link = html.escape(environ["SCRIPT_NAME"] + target)
        yield f'<a href="{link}">{target}</a>\n'.encode()


def redirect(environ, start_response):
    """To another page, below SCRIPT_NAME."""
    return plain(start_response, "", "303 See Other",
                 [("Location", environ["SCRIPT_NAME"] + "/echo/there")])


def fail(environ, start_response):
    """An exception."""
    raise ValueError("no such luck")


def home(environ, start_response):
    return plain(start_response, "home")


def not_found(environ, start_response):
    return plain(start_response, "no such page here", "404 Not Found")


PAGES = {page.__name__: page for page in (
    echo, form, upload, download, file, reply_first, unread, gate,
    leave_word, login, links, redirect, fail)}
PAGES[""] = home


def application(environ, start_response):
    name = environ["PATH_INFO"].lstrip("/").partition("/")[0]
    return PAGES.get(name, not_found)(environ, start_response)
