#!/usr/local/bin/cgi2wsgi
# The same answer by Bottle.
from bottle import Bottle, response

application = Bottle()


@application.get("/")
def hello():
    response.content_type = "text/plain"
    return "Hello, world!\n"
