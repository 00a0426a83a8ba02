#!/usr/local/bin/cgi2wsgi
# Flask: routes, a form, a session, an upload, an error page.
import os

from flask import (Flask, redirect, render_template_string, request, session,
                   url_for)

app = Flask(__name__)
# It signs the session cookies; who knows it can forge them. Therefore it is
# not written here but set for the server: make one by
#   python3 -c "import secrets; print(secrets.token_hex())"
# and put it into Apache's configuration: SetEnv SECRET_KEY "..."
# On a shared host it lies in a file for --env-file: see howto/flask.md.
app.secret_key = os.environ["SECRET_KEY"]

HOME = """<!doctype html>
<title>Greetings</title>
<p><a href="{{ url_for('hello', name='world') }}">Greet the world</a>
<form method="post" action="{{ url_for('greet') }}">
  <input name="name" placeholder="Your name"> <button>Greet me</button>
</form>
<form method="post" action="{{ url_for('measure') }}"
      enctype="multipart/form-data">
  <input type="file" name="file"> <button>Measure it</button>
</form>
<p>Greeted so far: {{ session.get("greeted", []) | join(", ") }}
"""


@app.get("/")
def home():
    return render_template_string(HOME)


@app.post("/greet")
def greet():
    name = request.form["name"]
    session["greeted"] = session.get("greeted", []) + [name]
    return redirect(url_for("hello", name=name), 303)


@app.get("/hello/<name>")
def hello(name):
    return render_template_string(
        """<!doctype html><title>Hello</title><h1>Hello, {{ name }}!</h1>
        <a href="{{ url_for('home') }}">Back</a>""", name=name)


@app.post("/measure")
def measure():
    file = request.files["file"]
    size = file.stream.seek(0, os.SEEK_END)
    return render_template_string(
        "{{ name }} has {{ size }} bytes.", name=file.filename, size=size)


@app.errorhandler(404)
def not_found(error):
    return "<!doctype html><title>404</title><h1>No such page</h1>", 404
