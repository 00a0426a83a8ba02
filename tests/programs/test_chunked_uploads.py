"""Uploads in chunks, as curl and git send them, arrive whole (C6)."""

import hashlib
import subprocess

import pytest

from apache import TIMEOUT
from hosts import ApacheHost, NginxHost

UPLOAD = hashlib.shake_256(b"300 kB").digest(300_000)
# Each answers with the size and the checksum of the body.
TELL = """
import hashlib


def tell(body):
    return f"{len(body)} {hashlib.sha256(body).hexdigest()}"
"""
APPLICATIONS = {
    "bottle": """
from bottle import Bottle, request
application = Bottle()


@application.post("/upload")
def upload():
    return tell(request.body.read())
""",
    "cherrypy": """
import cherrypy


class Root:
    @cherrypy.expose
    def upload(self):
        return tell(cherrypy.request.body.read())


application = cherrypy.Application(Root(), "", {"/": {
    "request.body.processors": {}}})


def application(environ, start_response, cherrypy=application):
    cherrypy.script_name = environ["SCRIPT_NAME"]
    return cherrypy(environ, start_response)
""",
    "django": """
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
settings.configure(
    ALLOWED_HOSTS=["*"], SECRET_KEY="only here", ROOT_URLCONF=(
        path("upload", lambda request: HttpResponse(tell(request.body))),))
application = get_wsgi_application()
""",
    "falcon": """
import falcon


class Upload:
    def on_post(self, request, response):
        response.text = tell(request.bounded_stream.read())


application = falcon.App()
application.add_route("/upload", Upload())
""",
    "flask": """
from flask import Flask, request
application = Flask(__name__)


@application.post("/upload")
def upload():
    return tell(request.get_data())
""",
    "pyramid": """
from pyramid.config import Configurator
from pyramid.response import Response
with Configurator() as configuration:
    configuration.add_route("upload", "/upload")
    configuration.add_view(lambda request: Response(tell(request.body)),
                           route_name="upload")
    application = configuration.make_wsgi_app()
""",
    "webpy": """
import web


class upload:
    def POST(self):
        return tell(web.data())


application = web.application(("/upload", "upload"), globals()).wsgifunc()
""",
    # A body that nobody reads counts, too.
    "limited": """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"called"]
""",
}


@pytest.fixture(scope="module", params=[
    ApacheHost, pytest.param(NginxHost, marks=pytest.mark.interop)])
def host(request):
    host = request.param()
    try:
        for name, source in APPLICATIONS.items():
            host.deploy(name, TELL + source,
                        "--max-body 1K" if name == "limited" else "")
        host.start()
        yield host
    finally:
        host.stop()


def upload(host, name):
    """What curl gets for an upload in chunks: the text, then the status."""
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time",
         str(TIMEOUT), "--header", "Transfer-Encoding: chunked", "--header",
         "Content-Type: application/octet-stream", "--data-binary", "@-",
         "--write-out", " %{http_code}",
         host.url(f"{host.prefix(name)}/upload")],
        input=UPLOAD, stdout=subprocess.PIPE).stdout.decode()


@pytest.mark.parametrize("name", [name for name in APPLICATIONS
                                  if name != "limited"])
def test_upload(host, name):
    """C6, case 5: all 300 kB, whatever the framework asks for."""
    checksum = hashlib.sha256(UPLOAD).hexdigest()
    assert upload(host, name) == f"300000 {checksum} 200", host.log()


def test_limit(host):
    """C6, case 5: --max-body counts chunks, even if nobody reads them."""
    text = upload(host, "limited")
    assert "called" not in text
    assert text.endswith(" 413")
