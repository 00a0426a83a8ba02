"""For test_mount.py: where a request arrives, and pages full of links."""

import json

FRAMEWORKS = ("flask", "django", "bottle")


def application(environ, start_response):
    name = environ["PATH_INFO"].lstrip("/").partition("/")[0]
    if name == "flask":
        from flask_pages import app
        return app(environ, start_response)
    if name == "django":
        from django_pages import application
        return application(environ, start_response)
    if name == "bottle":
        from bottle_pages import app
        return app(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/" and not environ["QUERY_STRING"]:
        return [b"home"]
    return [json.dumps({name: value for name, value in environ.items()
                        if isinstance(value, str)}).encode()]
