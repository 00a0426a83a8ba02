#!/usr/local/bin/cgi2wsgi
# What must be the same on both sides. Importing `own` marks, in a trace of the
# system calls, where an application's imports begin.
import own      # noqa: F401, I001
import sys


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    facts = [sys.version, *sys.path]
    return ["\n".join(facts).encode("utf-8", "surrogateescape")]
