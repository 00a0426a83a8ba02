def application(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written\n")
    write(b"")
    return [b"returned\n"]
