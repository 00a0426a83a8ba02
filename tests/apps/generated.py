def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (b"line %d\n" % number for number in range(3))
