#!/usr/local/bin/cgi2wsgi
# Lesson 4: a middleware. To the server it is an application, to the
# application it is the server; it can change what passes in each direction.
def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello, world!\n"]


def watched(application):
    def middleware(environ, start_response):
        def start(status, headers, exc_info=None):
            path = environ.get("PATH_INFO", "")
            print(f"{path!a}: {status}", file=environ["wsgi.errors"])
            headers = [*headers, ("X-Content-Type-Options", "nosniff")]
            return start_response(status, headers, exc_info)
        # The body passes as it is, and its close() with it.
        return application(environ, start)
    return middleware


application = watched(hello)
