import sys


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    try:
        raise ValueError
    except ValueError:
        start_response("503 Try Later", [("Content-Type", "text/plain"),
                                         ("Retry-After", "9")],
                       sys.exc_info())
    return [b"later"]
