"""The standard library's CGIHandler, side by side with the program.

Applications that keep the rules get the same reply from both; where the
program answers differently, the test says why.
"""

import ast
import sys

import pytest

from harness import crossed, program
from test_judges import WELL_BEHAVED

RUNNER = """
import importlib.machinery
import importlib.util
import sys
from wsgiref.handlers import CGIHandler

loader = importlib.machinery.SourceFileLoader("app", sys.argv[1])
spec = importlib.util.spec_from_loader("app", loader)
module = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(module)
CGIHandler().run(module.application)
"""


def run_both(cgi, source, *, timeout=60, stdin=None, body=None, **request):
    """The replies of the program and of CGIHandler to one request."""
    script = cgi.script(source)
    ours = cgi.run(script, stdin=stdin, body=body, timeout=timeout,
                   **request)
    theirs = cgi.exec([sys.executable, "-c", RUNNER, script],
                      cgi.environ(script, body=body, **request), stdin=stdin,
                      body=body, timeout=timeout)
    return ours, theirs


REQUESTS = {
    "GET": {},
    "query": {"target": "/a/%E4%00?x=y".replace("%00", "%01")},
    "POST": {"method": "POST", "body": b"one\ntwo\n"},
    "empty POST": {"method": "POST", "body": b""},
    "DELETE": {"method": "DELETE"},
}


@pytest.mark.parametrize("app, request_", crossed(
    ["echoed", *(app for app in WELL_BEHAVED if app != "echoed")],
    list(REQUESTS)))
def test_same_reply(cgi, app, request_):
    """F2, F4, G2: status, headers in their order, body, a clean end."""
    ours, theirs = run_both(cgi, app, **REQUESTS[request_])
    assert (ours.status, ours.reason) == (theirs.status, theirs.reason)
    assert ours.body == theirs.body
    assert ours.exit == theirs.exit == 0 and ours.log == theirs.log == ""
    # CGIHandler tells a length of 0 wherever no data came, a 204 included,
    # which RFC 9110 8.6 forbids.
    if app == "no_content":
        assert ours.headers + [("Content-Length", "0")] == theirs.headers
    else:
        assert ours.headers == theirs.headers


def environ_of(reply):
    return dict(ast.literal_eval(reply.body.decode("ascii")))


SHOW_ENVIRON = program("""
    def application(environ, start_response):
        start_response("200 OK", [])
        return [ascii([(key, value) for key, value in environ.items()
                       if isinstance(value, (str, int, tuple))]).encode()]
""")


def test_same_environ(cgi):
    """B2, B6, B8: the request's variables, and bytes read as Latin-1."""
    ours, theirs = run_both(
        cgi, SHOW_ENVIRON, target="/%C3%A9/%FF//x/../y?q=%C3%A9",
        headers=[("X-Latin", b"\xe9\xff"), ("X-UTF-8", "\u20ac"),
                 ("X-Empty", ""), ("Cookie", "a=b; c=d")],
        env={"DEPLOYED": "yes", "HTTPS": "on"})
    ours, theirs = environ_of(ours), environ_of(theirs)
    # The host's own, for Python and for the program.
    for name in ("LC_CTYPE", "cgi2wsgi.version", "cgi2wsgi.request_id",
                 "cgi2wsgi.preloaded", "wsgi.input_terminated"):
        ours.pop(name, None)
        theirs.pop(name, None)
    assert ours == theirs


def test_variables_of_the_server(cgi):
    """B6: CGIHandler reads only some as Latin-1, the rest by the locale."""
    ours, theirs = run_both(cgi, SHOW_ENVIRON,
                            env={"DEPLOYED": b"J\xf6rg",
                                 "REQUEST_URI": b"/\xc3\xa9"})
    assert environ_of(ours)["DEPLOYED"] == "J\xf6rg"
    assert environ_of(ours)["REQUEST_URI"] == "/\xc3\xa9"
    assert environ_of(theirs)["DEPLOYED"] != "J\xf6rg"


def test_empty_chunks(cgi):
    """A10: CGIHandler sends the head with the first, even an empty one."""
    ours, theirs = run_both(cgi, program("""
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])
            yield b""
            try:
                raise ValueError("late")
            except ValueError:
                start_response("404 Not Found", [], sys.exc_info())
            yield b"replaced"
    """))
    assert theirs.status == 200
    assert (ours.status, ours.body) == (404, b"replaced")


def test_missing_variables(cgi):
    """B2, B4: they raise KeyError in an application under CGIHandler."""
    names = ("PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT")
    ours, theirs = run_both(cgi, SHOW_ENVIRON, drop=names)
    assert not set(names) & set(environ_of(theirs))
    assert set(names) <= set(environ_of(ours))


def test_http_proxy(cgi):
    """B12: httpoxy; CGIHandler passes what the client sent."""
    ours, theirs = run_both(cgi, SHOW_ENVIRON,
                            headers=[("Proxy", "http://evil.example/")])
    assert "HTTP_PROXY" in environ_of(theirs)
    assert "HTTP_PROXY" not in environ_of(ours)


def test_empty_content_length(cgi):
    """B3: int("") raises ValueError in an application."""
    ours, theirs = run_both(cgi, SHOW_ENVIRON, length="",
                            env={"CONTENT_TYPE": ""})
    for name in ("CONTENT_LENGTH", "CONTENT_TYPE"):
        assert environ_of(theirs)[name] == ""
        assert name not in environ_of(ours)


@pytest.mark.parametrize("app", ["hello", "generated", "written",
                                 "wrapped_file", "not_found"])
def test_head(cgi, app):
    """F3: CGIHandler sends the body, and some servers pass it on."""
    ours, theirs = run_both(cgi, app, method="HEAD")
    assert theirs.body and ours.body == b""
    assert ours.headers == theirs.headers and ours.status == theirs.status


@pytest.mark.parametrize("result, headers", [
    ("[]", [("Content-Length", "0")]), ("iter([])", [])])
def test_empty_body(cgi, result, headers):
    """F2: of an empty list it is known, of an iterator the server sees."""
    ours, theirs = run_both(cgi, program(f"""
        def application(environ, start_response):
            start_response("200 OK", [])
            return {result}
    """))
    assert theirs.headers == [("Content-Length", "0")]
    assert ours.headers == headers and ours.body == theirs.body == b""


@pytest.mark.parametrize("statement", ["raise ValueError('wrong')",
                                       "return None", "return [1]"])
def test_failing_application(cgi, statement):
    """A11, D4, I4: a page with code and id; exit status 1."""
    ours, theirs = run_both(cgi, program(f"""
        def application(environ, start_response):
            start_response("200 OK", [])
            {statement}
    """))
    assert ours.status == theirs.status == 500
    assert b"cgi2wsgi" in ours.body and b"cgi2wsgi" not in theirs.body
    assert (ours.exit, theirs.exit) == (1, 0)


def test_crash(cgi):
    """G1: CGIHandler leaves nothing: the server says 500 or less."""
    ours, theirs = run_both(cgi, program("""
        import ctypes

        def application(environ, start_response):
            start_response("200 OK", [])
            ctypes.string_at(0)
    """))
    assert theirs.raw == b"" and ours.status == 500


def test_broken_module(cgi):
    """G1: an import error is a traceback and no reply under CGIHandler."""
    ours, theirs = run_both(cgi, "import nosuchmodule\n")
    assert theirs.raw == b"" and ours.status == 500 and ours.exit == 1


def test_stray_output(cgi):
    """D2: a print, early or late, spoils CGIHandler's reply."""
    ours, theirs = run_both(cgi, program("""
        print("stray")

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"body"]
    """))
    assert b"stray" in theirs.raw and b"stray" not in ours.raw
    assert ours.log == "stray\n" and ours.body == b"body"


def test_response_splitting(cgi):
    """E2: CGIHandler passes line ends on as further headers."""
    ours, theirs = run_both(cgi, program("""
        def application(environ, start_response):
            start_response("200 OK", [("X-A", "b\\\\r\\\\nSet-Cookie: c=d")])
            return [b"body"]
    """.replace("\\\\", "\\")))
    # Newer Pythons refuse these as well.
    assert theirs.status == 500 or theirs.header("Set-Cookie") == "c=d"
    assert ours.status == 500 and ours.header("Set-Cookie") is None


def test_content_length_too_small(cgi):
    """F1: CGIHandler raises only where it happens to notice."""
    ours, theirs = run_both(cgi, program("""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "4")])
            return [b"body", b" and more"]
    """))
    assert len(theirs.body) > 4 and ours.body == b"body"


def test_body_without_end(cgi):
    """C2, C3: read() waits for ever where the server keeps stdin open."""
    script = cgi.script("""
        def application(environ, start_response):
            data = environ["wsgi.input"].read()
            start_response("200 OK", [])
            return [data]
    """)
    request = {"method": "POST", "body": b"data"}
    ours = cgi.run(script, stdin="open", **request)
    assert ours.body == b"data"
    theirs = cgi.start_exec([sys.executable, "-c", RUNNER, script],
                            cgi.environ(script, **request), body=b"data",
                            stdin="open")
    with pytest.raises(AssertionError, match="no end of the reply"):
        theirs.wait(2)


def test_location_with_200(cgi):
    """G3: Apache would serve that URL and throw the body away."""
    ours, theirs = run_both(cgi, program("""
        def application(environ, start_response):
            start_response("200 OK", [("Location", "/other")])
            return [b"body"]
    """))
    assert theirs.header("Location") == "/other"
    assert ours.header("Location") is None and ours.body == theirs.body


def test_status_without_reason(cgi):
    """E1: completed; for CGIHandler a mistake."""
    ours, theirs = run_both(cgi, program("""
        def application(environ, start_response):
            start_response("404", [])
            return [b"body"]
    """))
    assert theirs.status == 500
    assert (ours.status, ours.reason) == (404, "Not Found")


def test_lone_surrogate_in_the_log(cgi):
    """D1: CGIHandler's stream follows the locale, and refuses some."""
    ours, theirs = run_both(cgi, program("""
        def application(environ, start_response):
            environ["wsgi.errors"].write("\\\\ud800\\\\u20ac\\\\n")
            start_response("200 OK", [])
            return [b"body"]
    """.replace("\\\\", "\\")))
    assert ours.status == 200 and "\u20ac" in ours.log
    assert theirs.status == 200
