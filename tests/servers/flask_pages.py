"""Links that Flask builds, and where they lead."""

from flask import Flask, render_template_string, request, url_for

app = Flask(__name__)
PAGE = """<!doctype html>
<title>Links</title>
{% for link in links %}<a href="{{ link }}">{{ loop.index }}</a>
{% endfor %}
"""


@app.get("/")
def home():
    return "home"       # interop.py answers in its place


@app.get("/flask")
def links():
    """Paths first, then the same as whole URLs."""
    found = [url_for(view, _external=external, **words)
             for external in (False, True)
             for view, words in (("home", {}), ("page", {"name": "a"}),
                                 ("page", {"name": "a b/é", "q": "1 & 2"}))]
    return render_template_string(PAGE, links=found)


@app.get("/flask/<path:name>")
def page(name):
    return f"{name} {dict(request.args)}"
