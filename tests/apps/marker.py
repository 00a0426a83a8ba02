"""Leaves a file when it is imported, another when it is called."""

import os

FOLDER = os.path.dirname(os.path.abspath(__file__))
open(os.path.join(FOLDER, "imported"), "w").close()


def application(environ, start_response):
    open(os.path.join(FOLDER, "called"), "w").close()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"called"]
