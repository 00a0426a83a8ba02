#!/usr/local/bin/cgi2wsgi
# Large bodies; the query tells the number of bytes or of chunks.
import os


def file(environ, count):
    source = open(os.path.join(os.path.dirname(__file__), "zeros"), "rb")
    return environ["wsgi.file_wrapper"](source)


def chunks(environ, count):
    chunk = b"x" * 100
    for _ in range(count):
        yield chunk


def listed(environ, count):
    return [b"x" * 100] * count


def upload(environ, count):
    read = environ["wsgi.input"].read
    while data := read(65536):
        count -= len(data)
    return [b"ok\n" if count == 0 else b"incomplete\n"]


def application(environ, start_response):
    bodies = {"/file": file, "/chunks": chunks, "/list": listed,
              "/upload": upload}
    body = bodies[environ["PATH_INFO"]]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return body(environ, int(environ["QUERY_STRING"]))
