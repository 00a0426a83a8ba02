#!/usr/local/bin/cgi2wsgi
# Falcon: resources, a form, an error page.
from html import escape
from urllib.parse import quote

import falcon


class Home:
    def on_get(self, request, response):
        response.text = f"""<!doctype html>
            <title>Greetings</title>
            <p><a href="{request.prefix}/hello/world">Greet the world</a>
            <form method="post" action="{request.prefix}/greet">
              <input name="name" placeholder="Your name">
              <button>Greet me</button>
            </form>"""


class Greet:
    def on_post(self, request, response):
        name = request.get_media()["name"]
        raise falcon.HTTPSeeOther(f"{request.prefix}/hello/{quote(name)}")


class Hello:
    def on_get(self, request, response, name):
        response.text = f"""<!doctype html>
            <title>Hello</title>
            <h1>Hello, {escape(name)}!</h1>
            <a href="{request.prefix}/">Back</a>"""


def not_found(request, response, **params):
    response.status = falcon.HTTP_404
    response.text = "<!doctype html><title>404</title><h1>No such page</h1>"


application = falcon.App(media_type=falcon.MEDIA_HTML)
application.add_route("/", Home())
application.add_route("/greet", Greet())
application.add_route("/hello/{name}", Hello())
application.add_sink(not_found)
