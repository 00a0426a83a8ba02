def application(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH", 0))
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [environ["wsgi.input"].read(size)]
