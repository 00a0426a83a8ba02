"""wsgiref.validate and WebTest's lint find no fault with the program."""

import pytest

from harness import APPS, program

WELL_BEHAVED = ["hello", "generated", "echoed", "empty", "wrapped_file",
                "written", "not_found", "redirect", "no_content", "replaced"]
JUDGES = {
    "validate": "from wsgiref.validate import validator as judge",
    "lint": "from webtest.lint import middleware as judge",
}
REQUESTS = {
    "GET": {"method": "GET"},
    "HEAD": {"method": "HEAD"},
    "query": {"method": "GET", "target": "/a%20b/%E4?q=1&r=%26"},
    "no path": {"method": "GET", "target": ""},
    "POST": {"method": "POST", "body": b"one\ntwo\n",
             "headers": [("Content-Type", "text/plain")]},
    "large POST": {"method": "POST", "body": b"x" * 300000},
    "empty POST": {"method": "POST", "body": b""},
    "OPTIONS": {"method": "OPTIONS"},
    "bare": {"drop": ("QUERY_STRING", "SERVER_NAME", "SERVER_PORT",
                      "SERVER_SOFTWARE", "HTTP_HOST", "REQUEST_URI")},
}


def run(cgi, source, **how):
    """Run a program that can import the modules in tests/apps."""
    return cgi.run(cgi.script(source, f"--path {APPS}"),
                   env={"PYTHONDONTWRITEBYTECODE": "1"}, **how)


def pairs():
    """Each application, and each request, once; all pairs are slow."""
    return [pytest.param(app, request, id=f"{app}-{name}",
                         marks=[] if name == "GET" or app == "echoed"
                         else [pytest.mark.slow])
            for app in WELL_BEHAVED for name, request in REQUESTS.items()]


def judged(cgi, source, judge, **how):
    """Run an application under a judge whose warnings are errors."""
    return run(cgi, program("import warnings", JUDGES[judge], source, """
        warnings.simplefilter("error")
        application = judge(inner)
    """), **how)


@pytest.mark.parametrize("app, request_", pairs())
@pytest.mark.parametrize("judge", JUDGES)
def test_no_complaint(cgi, app, judge, request_):
    """A3, A7, B4, C1, E9: the rules as two others read them."""
    how = dict(request_)
    reply = judged(cgi, f"from {app} import application as inner", judge,
                   **how)
    alone = run(cgi, f"from {app} import application\n", **how)
    assert reply.exit == 0 and reply.log == "", reply
    assert reply.status == alone.status and reply.body == alone.body
    # A judge's iterable has no len(), so no Content-Length is made up.
    assert reply.headers == [
        (name, value) for name, value in alone.headers
        if name != "Content-Length" or app == "empty"]


@pytest.mark.parametrize("judge", JUDGES)
def test_input_under_a_judge(cgi, judge):
    """C1: every method of wsgi.input, with the arguments they allow."""
    reply = judged(cgi, """
        def inner(environ, start_response):
            body = environ["wsgi.input"]
            parts = [body.read(2), body.readline(), body.readline(),
                     b"".join(body.readlines()), body.read(10)]
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [repr(parts).encode()]
    """, judge, method="POST",
        body=b"one\ntwo\nthree\nfour", stdin="open")
    assert reply.body == (b"[b'on', b'e\\n', b'two\\n', b'three\\nfour',"
                          b" b'']"), reply


@pytest.mark.parametrize("judge", JUDGES)
def test_errors_under_a_judge(cgi, judge):
    """D1: every method of wsgi.errors."""
    reply = judged(cgi, """
        def inner(environ, start_response):
            errors = environ["wsgi.errors"]
            errors.write("one\\n")
            errors.writelines(["two\\n"])
            errors.flush()
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"body"]
    """, judge)
    assert reply.log == "one\ntwo\n" and reply.body == b"body", reply


@pytest.mark.parametrize("judge", JUDGES)
def test_the_judges_are_awake(cgi, judge):
    """A4, A11: what they refuse becomes the page of an exception."""
    reply = judged(cgi, "inner = lambda e, s: s('200 OK', ()) and []", judge)
    assert reply.status == 500 and "in check_headers" in reply.log, reply
