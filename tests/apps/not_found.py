def application(environ, start_response):
    start_response("404 Not Found", [("Content-Type", "text/html")])
    return (b"<h1>", b"Not here</h1>")
