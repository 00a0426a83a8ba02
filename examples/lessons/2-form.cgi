#!/usr/local/bin/cgi2wsgi --max-body 100K
# Lesson 2: a form. What comes from a client may be anything: limit it, take
# it apart, and escape it on its way into a page.
from html import escape
from urllib.parse import parse_qs

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>A form</title>
<h1>Hello, {name}!</h1>
<form method="post">
  <input name="name" value="{name}"> <button>Greet me</button>
</form>
"""


def application(environ, start_response):
    # The browser sends what the form holds as "name=Ada&other=..."; after
    # a GET there is nothing to read.
    sent = environ["wsgi.input"].read().decode("ascii", "replace")
    name = parse_qs(sent).get("name", ["world"])[0]
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE.format(name=escape(name)).encode()]
