#!/usr/local/bin/cgi2wsgi
# The smallest application.
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello, world!\n"]
