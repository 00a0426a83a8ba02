"""Writes 1 MiB, then reads the body and adds its size and checksum."""

import zlib


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(16):
        yield b"o" * 65536
    body = environ["wsgi.input"].read()
    yield b"%d %d" % (len(body), zlib.crc32(body))
