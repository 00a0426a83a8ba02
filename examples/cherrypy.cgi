#!/usr/local/bin/cgi2wsgi
# CherryPy: objects and methods as pages, a form, an error page.
from html import escape
from urllib.parse import quote

import cherrypy

# No log on the screen, no reloader, no signal handlers: a server rules here.
cherrypy.config.update({"environment": "embedded"})


def not_found(status, message, traceback, version):
    return "<!doctype html><title>404</title><h1>No such page</h1>"


class Greetings:
    @cherrypy.expose
    def index(self):
        return f"""<!doctype html>
            <title>Greetings</title>
            <p><a href="{cherrypy.url('/hello/world')}">Greet the world</a>
            <form method="post" action="{cherrypy.url('/greet')}">
              <input name="name" placeholder="Your name">
              <button>Greet me</button>
            </form>"""

    @cherrypy.expose
    @cherrypy.tools.allow(methods=["POST"])
    def greet(self, name):
        raise cherrypy.HTTPRedirect(
            cherrypy.url("/hello/" + quote(name)), 303)

    @cherrypy.expose
    def hello(self, name):
        return f"""<!doctype html>
            <title>Hello</title>
            <h1>Hello, {escape(name)}!</h1>
            <a href="{cherrypy.url('/')}">Back</a>"""


# Without a name of its own the application asks the server where it is.
application = cherrypy.Application(Greetings(), script_name=None, config={
    "/": {"error_page.404": not_found}})
