#!/usr/local/bin/cgi2wsgi
# Lesson 0 with WSGI: what CGI told is in a dictionary, and the reply is what a
# function returns.
def application(environ, start_response):
    sent = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    path = environ["PATH_INFO"].encode("latin-1")
    return [b"You asked for %s, and sent: %s\n" % (path, sent)]
