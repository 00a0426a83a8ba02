#!/usr/local/bin/cgi2wsgi-preload
# Lesson 8: an image. The lines up to "def" run once, and their result is kept
# in a file; each request is a process that begins behind them.
import os
import time

BORN = time.time()
MOTHER = os.getpid()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    age = time.time() - BORN
    who = "this" if os.getpid() == MOTHER else "another"
    yield f"Imported {age:.1f} s ago, by {who} process.\n".encode()
    if environ["cgi2wsgi.preloaded"]:
        yield b"This process began from an image.\n"
