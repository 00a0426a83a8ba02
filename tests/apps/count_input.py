"""Counts the bytes of the body without keeping them."""


def application(environ, start_response):
    read = environ["wsgi.input"].read
    size = 0
    while True:
        block = read(1 << 20)
        if not block:
            break
        size += len(block)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % size]
