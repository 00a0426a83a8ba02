# Bottle: files, whole or in part.
import os

from bottle import Bottle, request, static_file

app = Bottle()


@app.get("/<name:path>")
def file(name):
    return static_file(name, root=os.environ["FILES"],
                       download="save" in request.query)
