#!/usr/local/bin/cgi2wsgi
# The same answer by Flask.
from flask import Flask

application = Flask(__name__)


@application.get("/")
def hello():
    return "Hello, world!\n", {"Content-Type": "text/plain"}
