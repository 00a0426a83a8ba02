def application(environ, start_response):
    start_response("302 Found", [("Content-Type", "text/plain"),
                                 ("Location", "/cgi-bin/other?a=b&c=d"),
                                 ("Set-Cookie", "a=1; Path=/"),
                                 ("Set-Cookie", "b=2; HttpOnly")])
    return [b"elsewhere"]
