"""Pages for test_interop.py, beside those of site.py (here: pages.py)."""

import hashlib
import itertools
import json
import os
import time

from pages import BLOCK, HELLO, PAGES, blocks, not_found, plain

NOISE = 300000
# What is sent to a client that leaves, and how fast.
BLOCKS, PAUSE = 400, 0.01


def word(environ):
    """The file that a request's query names."""
    return os.path.join(environ["DATA"], environ["QUERY_STRING"])


def late(environ, start_response):
    """Something first, then the body's checksum."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first\n"
    time.sleep(0.3)
    checksum = hashlib.sha256()
    for block in blocks(environ["wsgi.input"]):
        checksum.update(block)
    yield checksum.hexdigest().encode()


def half(environ, start_response):
    """Half of the body."""
    size = int(environ["CONTENT_LENGTH"]) // 2
    data = environ["wsgi.input"].read(size)
    return plain(start_response, hashlib.sha256(data).hexdigest())


def no_content(environ, start_response):
    """204, and a body that must not be sent."""
    return plain(start_response, "nothing", "204 No Content")


def not_modified(environ, start_response):
    """304, and a body that must not be sent."""
    return plain(start_response, "nothing", "304 Not Modified",
                 [("ETag", '"now"')])


def cookies(environ, start_response):
    """The client's cookies, and two for it."""
    return plain(start_response, environ.get("HTTP_COOKIE", ""), headers=[
        ("Set-Cookie", "one=1; Path=/"), ("Set-Cookie", "two=2; Path=/")])


def proxy(environ, start_response):
    """Where a header named Proxy is seen."""
    return plain(start_response, json.dumps(
        [name for name in ("HTTP_PROXY", "http_proxy")
         if name in environ or name in os.environ]))


def steps(environ, start_response):
    """Leave word between two chunks, and wait there."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"chunk 0\n"
    open(word(environ), "w").close()
    gate = os.path.join(environ["GATES"], environ["QUERY_STRING"])
    deadline = time.monotonic() + 60
    while not os.path.exists(gate):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield b"chunk 1\n"


class Blocks:
    """Slow blocks; leaves word of how many were asked for."""

    def __init__(self, path):
        self.file = open(path, "w", buffering=1)
        self.count = 0
        print(os.getpid(), file=self.file)

    def __iter__(self):
        for self.count in range(1, BLOCKS + 1):
            time.sleep(PAUSE)
            yield HELLO

    def close(self):
        print(self.count, file=self.file)


def slow(environ, start_response):
    """A reply that takes its time."""
    start_response("200 OK", [("Content-Type", "text/plain"),
                              ("Content-Length", str(BLOCK * BLOCKS))])
    return Blocks(word(environ))


class Work(list):
    """A reply with work to do behind it."""

    path = None

    def close(self):
        time.sleep(1)
        with open(self.path, "w") as file:
            file.write("done")


def closing(environ, start_response):
    """Work after the last byte."""
    body = Work(plain(start_response, "a reply",
                      headers=[("Content-Length", "7")]))
    body.path = word(environ)
    return body


def fail_late(environ, start_response):
    """An exception behind the first byte."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first\n"
    raise ValueError(environ["QUERY_STRING"])


def noise(environ, start_response):
    """Much to say in the log."""
    line = "x" * 99 + "\n"
    environ["wsgi.errors"].writelines(
        itertools.repeat(line, NOISE // len(line)))
    environ["wsgi.errors"].write(environ["QUERY_STRING"] + "\n")
    return plain(start_response, "said")


def flask(environ, start_response):
    """An application of its own."""
    from flask_pages import app
    return app(environ, start_response)


def django(environ, start_response):
    """Another one."""
    from django_pages import application
    return application(environ, start_response)


PAGES.update({page.__name__: page for page in (
    late, half, no_content, not_modified, cookies, proxy, steps, slow,
    closing, fail_late, noise, flask, django)})
PAGES["django_upload"] = django


def application(environ, start_response):
    name = environ["PATH_INFO"].lstrip("/").partition("/")[0]
    if environ["QUERY_STRING"] == "echo":
        name = "echo"
    return PAGES.get(name, not_found)(environ, start_response)
