"""Makes the calls that a header lists on wsgi.input, gives the results."""

import json


def call(stream, name, *arguments):
    if name == "iterate":
        return list(stream)
    if name == "next":
        return next(stream, None)
    try:
        return getattr(stream, name)(*arguments)
    except OSError as error:
        return "OSError: " + str(error)


def application(environ, start_response):
    stream = environ["wsgi.input"]
    results = [call(stream, *words)
               for words in json.loads(environ["HTTP_X_CALLS"])]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(results).encode("latin-1")]
