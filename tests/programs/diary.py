# Flask: a diary behind a login, with messages that are shown once.
from functools import wraps

from flask import (Flask, flash, redirect, render_template_string, request,
                   session, url_for)

app = Flask(__name__)
app.secret_key = "only for this test"
app.permanent_session_lifetime = 3600
PASSWORDS = {"anna": "wörd", "bert": "word"}
PAGE = """<!doctype html>
<title>Diary</title>
{% for kind, message in get_flashed_messages(with_categories=true) %}
<p class="{{ kind }}">{{ message }}</p>
{% endfor %}
{% if session.name %}
<h1>{{ session.name }}</h1>
<ol>{% for line in session.lines %}<li>{{ line }}</li>{% endfor %}</ol>
<form method="post" action="{{ url_for('add') }}"><input name="line"></form>
<a href="{{ url_for('log_out') }}">Log out</a>
{% else %}
<form method="post" action="{{ url_for('log_in', next=request.args.next) }}">
  <input name="name"> <input name="password" type="password">
</form>
{% endif %}
"""


def for_members(view):
    """Send others to the login, and back here behind it."""
    @wraps(view)
    def guarded(**arguments):
        if "name" in session:
            return view(**arguments)
        flash("Please log in.", "hint")
        return redirect(url_for("log_in", next=request.script_root
                                + request.full_path.rstrip("?")))
    return guarded


@app.route("/login", methods=["GET", "POST"])
def log_in():
    if request.method == "GET":
        return render_template_string(PAGE)
    name = request.form["name"]
    if PASSWORDS.get(name) != request.form["password"]:
        flash("Wrong name or password.", "error")
        return render_template_string(PAGE), 403
    session.permanent = True
    session.update(name=name, lines=[])
    flash(f"Welcome, {name}!", "hint")
    return redirect(request.args.get("next") or url_for("lines"))


@app.get("/")
@for_members
def lines():
    return render_template_string(PAGE)


@app.post("/add")
@for_members
def add():
    session["lines"] = session["lines"] + [request.form["line"]]
    flash("Written down.", "hint")
    flash("Nobody else reads it.", "hint")
    return redirect(url_for("lines"), 303)


@app.get("/logout")
def log_out():
    session.clear()
    flash("Bye.", "hint")
    return redirect(url_for("log_in"))
