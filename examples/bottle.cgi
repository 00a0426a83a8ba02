#!/usr/local/bin/cgi2wsgi
# Bottle: routes, a form, an error page.
from bottle import Bottle, redirect, request, template

app = Bottle()

HOME = """<!doctype html>
<title>Greetings</title>
<p><a href="{{ url('hello', name='world') }}">Greet the world</a>
<form method="post" action="{{ url('greet') }}">
  <input name="name" placeholder="Your name"> <button>Greet me</button>
</form>
"""
HELLO = """<!doctype html>
<title>Hello</title>
<h1>Hello, {{ name }}!</h1>
<a href="{{ url('home') }}">Back</a>
"""


@app.get("/", name="home")
def home():
    return template(HOME, url=app.get_url)


@app.post("/greet", name="greet")
def greet():
    redirect(app.get_url("hello", name=request.forms.getunicode("name")))


@app.get("/hello/<name>", name="hello")
def hello(name):
    return template(HELLO, name=name, url=app.get_url)


@app.error(404)
def not_found(error):
    return "<!doctype html><title>404</title><h1>No such page</h1>"
