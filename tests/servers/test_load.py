"""Many at once: nobody goes without an answer."""

import os
import threading

import pytest

from apache import running

CLIENTS = 64
# Where replies got lost, most. A slow build may be asked for less.
REQUESTS = {"event": int(os.environ.get("LOAD_REQUESTS", 5000)),
            "prefork": 1000}
HELLO = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello " + environ["QUERY_STRING"].encode()]
"""


@pytest.fixture(params=REQUESTS)
def apache(request):
    yield from running(request.param, lambda apache: apache.script(
        "cgi-bin/hello.cgi", HELLO))


def visit(apache, number):
    """One request; every other one brings a body that nobody reads.

    On a connection of its own: one that is kept may be closed by Apache at
    any time, with a request on its way.
    """
    method, body = [("GET", None), ("POST", b"hello=world")][number % 2]
    answer = apache.request(method, f"/cgi-bin/hello.cgi?{number}", body)
    assert (answer.status, answer.body) == (200, b"hello %d" % number)


def client(apache, numbers, lost):
    """One request after the other, as long as there are numbers."""
    for number in numbers:
        try:
            visit(apache, number)
        except Exception as error:
            lost.append(f"{number}: {error!r}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_lost(apache):
    """C11: each of 64 clients gets all of its replies."""
    numbers, lost = iter(range(REQUESTS[apache.model])), []
    clients = [threading.Thread(target=client, args=(apache, numbers, lost))
               for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert next(numbers, None) is None
    assert not lost, apache.log()[-5000:]
