"""Answers with environ and the process environment, as JSON."""

import json
import os


def text(value):
    return value if type(value) is str else repr(value)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({
        "environ": {key: text(value) for key, value in environ.items()},
        "inexact": [key for key, value in environ.items()
                    if type(key) is not str
                    or not key.startswith(("wsgi.", "cgi2wsgi.preloaded"))
                    and type(value) is not str],
        "process": {key.decode("latin-1"): value.decode("latin-1")
                    for key, value in os.environb.items()},
        "type": type(environ).__qualname__,
    }).encode("ascii")]
