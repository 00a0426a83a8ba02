"""Links that Bottle builds, and where they lead."""

from bottle import Bottle, request, template

app = Bottle()
PAGE = """<!doctype html>
% for link in links:
<a href="{{link}}">link</a>
% end
"""


@app.get("/", name="home")
def home():
    return "home"       # mounted.py answers in its place


@app.get("/bottle")
def links():
    found = [app.get_url("home"), app.get_url("page", name="a"),
             app.get_url("page", name="a b/é") + "?q=1+%26+2"]
    return template(PAGE, links=found)


@app.get("/bottle/<name:path>", name="page")
def page(name):
    return f"{name} {dict(request.query)}"
