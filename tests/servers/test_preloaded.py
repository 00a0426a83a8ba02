"""Behind each server that starts scripts by their first line: answers come
from an image, also with a body, several at once, and as another user."""

import concurrent.futures
import json
import os

import pytest

import apache_recipes
from apache import install_preload
from columns import COLUMNS, prepared
from harness import until
from webservers import WAYS

pytestmark = pytest.mark.interop

# http.server makes of an empty query an empty word: the ordinary way.
SERVERS = [name for name in COLUMNS if name != "python-http"]
# One knows no POST, the other one loses replies to it.
WITHOUT_BODIES = ("webfs", "mini-httpd")
APP = """
import json
import os


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([environ["cgi2wsgi.preloaded"], environ["PATH_INFO"],
                        len(environ["wsgi.input"].read()), os.getpid(),
                        os.urandom(8).hex()]).encode()]
"""


@pytest.fixture(params=SERVERS)
def server(request):
    made = prepared(request.param)
    try:
        program = made.program
        made.program = install_preload(made)
        folders = (["cgi-bin", "htdocs/cgi-bin"] if request.param in WAYS else
                   [os.path.dirname(apache_recipes.place(
                       made, apache_recipes.SITES["script"][1]))])
        for folder in folders:
            made.script(f"{folder}/preloaded.cgi", APP)
        made.program = program
        made.start()
        yield made
    finally:
        made.stop()


def test_servers_have_answers_from_an_image(server, request):
    """H7, B9: as the server starts it, with what the server passes on."""
    def ask(number, body=None):
        answer = server.request("POST" if body else "GET",
                                f"/cgi-bin/preloaded.cgi/{number}", body)
        assert answer.status == 200
        found = json.loads(answer.body)
        assert found[1:3] == [f"/{number}", len(body or b"")]
        return found
    until(lambda: ask(0)[0])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(40)))
    if request.node.callspec.params["server"] not in WITHOUT_BODIES:
        found += [ask(number, bytes(number * 100000))
                  for number in range(1, 6)]
    assert all(started for started, *_ in found)
    assert len({random for *_, random in found}) == len(found)
