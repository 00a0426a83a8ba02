#!/usr/local/bin/cgi2wsgi --max-body 20M
# Lesson 5: an upload: parts between lines that name a boundary (RFC 7578).
# The reply is what sha256sum prints for the files.
from email import message_from_string
from hashlib import sha256

FORM = b"""<!doctype html>
<title>An upload</title>
<form method="post" enctype="multipart/form-data">
  <input type="file" name="file" multiple> <button>Send</button>
</form>
"""


def sums(body, boundary):
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        head = message_from_string(head.decode("utf-8", "replace").lstrip())
        yield f"{sha256(content).hexdigest()}  {head.get_filename()}\n".encode()


def application(environ, start_response):
    head = f"Content-Type: {environ.get('CONTENT_TYPE', 'none')}\n"
    boundary = message_from_string(head).get_boundary()
    kind = "text/plain" if boundary else "text/html"
    start_response("200 OK", [("Content-Type", f"{kind}; charset=utf-8")])
    body = environ["wsgi.input"].read()
    return sums(body, boundary.encode()) if boundary else [FORM]
