"""Answers with what was asked: variables and body, with the status wanted."""

import json


def application(environ, start_response):
    body = environ["wsgi.input"].read()
    found = {name: value for name, value in environ.items()
             if isinstance(value, str) and name.startswith((
                 "HTTP", "CONTENT_", "REQUEST_", "QUERY_", "PATH_INFO",
                 "SCRIPT_NAME", "SERVER_", "REMOTE_ADDR", "GATEWAY_"))}
    found["body"] = body.decode("latin-1")
    status = environ["QUERY_STRING"].rpartition("status=")[2]
    start_response(f"{status[:3]} Wanted" if status[:3].isdigit()
                   else "200 OK", [("Content-Type", "application/json"),
                                   ("X-Method", environ["REQUEST_METHOD"])])
    return [json.dumps(found, indent=1).encode() + b"\n"]
