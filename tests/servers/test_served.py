"""J1, J2: what Python has compiled, and hidden files, are handed to nobody.

Each server but Apache (test_recipes.py), with the recipe that
cgi2wsgi-servers(7) prints for it.
"""

import http.client
import json

import pytest

from apache import serving
from webservers import WAYS, WebServer

pytestmark = pytest.mark.interop

SECRET = "a secret"
HIDDEN = ("__pycache__/app.pyc", ".env", ".git/config",
          "folder/__pycache__/app.pyc", "folder/.b/c/d")
CGI = {"cgi-bin": "/cgi-bin"}
PLACED = {"htdocs/cgi-bin": "/cgi-bin"}
# The folders in which the recipe has scripts or files, and their URLs.
FOLDERS = {
    "lighttpd": {**CGI, "htdocs/stream": "/stream", "htdocs/assign":
                 "/assign", "htdocs/front": "/front", "htdocs/fallback":
                 "/fallback", "htdocs": "", "apps/front":
                 "//front.example.org", "apps/fallback":
                 "//fallback.example.org"},
    "nginx": {**CGI, "htdocs/stream": "/stream", "htdocs/front": "/front",
              "htdocs": ""},
    "caddy": {**CGI, "htdocs/front": "/front"},
    "busybox": PLACED,
    "python-http": PLACED,
    "mini-httpd": PLACED,
    "h2o": {**CGI, "htdocs": ""},
    "uwsgi": {**CGI, "apps/app": "/mount"},
    "civetweb": {**PLACED, "htdocs": ""},
    "webfs": PLACED,
}
# Those of them where a file is sent. civetweb cannot leave out .well-known.
SENT = {"lighttpd": ["htdocs/front", "htdocs", "apps/front"],
        "nginx": ["htdocs/front", "htdocs"], "h2o": ["htdocs"],
        "civetweb": ["htdocs"]}
OPEN = (".well-known/acme-challenge/word", "style.css")
NOTHING = "nothing at all"


@pytest.fixture(scope="module", params=WAYS)
def server(request):
    yield from serving(WebServer(request.param))


def get(server, url):
    """The text at a URL, which may name a host."""
    if not url.startswith("//"):
        url = "//127.0.0.1" + url
    host, _, path = url[2:].partition("/")
    try:
        return server.get("/" + path, Host=f"{host}:{server.port}").text
    except http.client.RemoteDisconnected:
        return NOTHING      # mini-httpd could not start it


def write(server, folder, name, text, mode=0o644):
    server.folder(f"{folder}/{name}".rpartition("/")[0])
    server.write(f"{folder}/{name}", text, mode)


def test_hidden(server):
    """J1, J2: neither by the file's name nor by another spelling of it."""
    for folder, url in FOLDERS[server.name].items():
        for name in HIDDEN:
            for mode in (0o644, 0o755):
                write(server, folder, name, SECRET, mode)
                for spelled in (name, name.replace("_", "%5F"), "/" + name,
                                name.replace(".", "%2e"), "x.cgi/../" + name,
                                "x.cgi/%2e%2e/" + name):
                    assert SECRET not in get(server, f"{url}/{spelled}"), (
                        url, spelled)


def test_sent(server):
    """What proves whose host this is, and style sheets, are handed out."""
    for folder in SENT.get(server.name, ()):
        for name in OPEN[server.name == "civetweb":]:
            write(server, folder, name, "proof\n")
            url = FOLDERS[server.name][folder]
            assert get(server, f"{url}/{name}") == "proof\n", (url, name)


def test_names(server):
    """B11: an application may have pages of such names."""
    for url in WAYS[server.name].values():
        for path in ("/p/.hgignore", "/.x/a", "/a/__pycache__/b"):
            text = get(server, f"{url}{path}?echo")
            assert json.loads(text)["PATH_INFO"] == path, (url, text)
