#!/usr/local/bin/cgi2wsgi
# web.py: routes, a form, an error page.
import web

web.config.debug = False        # its debugger would show secrets

urls = (
    "/", "Home",
    "/greet", "Greet",
    "/hello/(.+)", "Hello",
)

HOME = web.template.Template("""$def with (url)
<!doctype html>
<title>Greetings</title>
<p><a href="${url('/hello/world')}">Greet the world</a>
<form method="post" action="${url('/greet')}">
  <input name="name" placeholder="Your name"> <button>Greet me</button>
</form>
""", filter=web.websafe)
HELLO = web.template.Template("""$def with (url, name)
<!doctype html>
<title>Hello</title>
<h1>Hello, $name!</h1>
<a href="${url('/')}">Back</a>
""", filter=web.websafe)


def html(page):
    web.header("Content-Type", "text/html; charset=utf-8")
    return page


class Home:
    def GET(self):
        return html(HOME(web.url))


class Greet:
    def POST(self):
        web.seeother("/hello/" + web.urlquote(web.input().name))


class Hello:
    def GET(self, name):
        return html(HELLO(web.url, name))


def not_found():
    return web.notfound(
        "<!doctype html><title>404</title><h1>No such page</h1>")


site = web.application(urls, globals())
site.notfound = not_found
application = site.wsgifunc()
