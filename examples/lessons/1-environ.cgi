#!/usr/local/bin/cgi2wsgi
# Lesson 1: what the application is told. The server's variables are text;
# the names with a dot in them are WSGI's, and may be anything of Python's.
def application(environ, start_response):
    lines = [f"{name} = {environ[name]!a}\n" for name in sorted(environ)]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return ["".join(lines).encode()]
