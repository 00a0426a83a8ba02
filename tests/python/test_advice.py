"""Mistakes of beginners and habits of other places: what the log says."""

import os
import subprocess

import pytest

from harness import PROGRAM, program

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello"]
"""


def version_of_python():
    said = subprocess.run([PROGRAM, "--version"], capture_output=True,
                          text=True, check=True).stdout
    return said.split("Python ")[1].split(")")[0]


def failure(cgi, source, code, options="", **how):
    """The log's first line about a script that fails with this code."""
    reply = cgi.run(cgi.script(program(source), options), **how)
    assert reply.exit == 1 and reply.status >= 500, reply
    line = reply.log[reply.log.index("cgi2wsgi: "):].splitlines()[0]
    assert line.startswith(f"cgi2wsgi: {code} ["), line
    return line


def need(cgi, module):
    """Skip a test if the program's own Python has no such package."""
    reply = cgi.run(cgi.script(HELLO + f"import {module}\n"))
    if f"No module named '{module}'" in reply.log:
        pytest.skip(f"this Python has no {module}")


# What is no application

@pytest.mark.parametrize("name", ["app", "application"])
@pytest.mark.parametrize("attribute, spelling", [
    ("wsgifunc", "wsgifunc()"), ("make_wsgi_app", "make_wsgi_app()"),
    ("wsgi_app", "wsgi_app")])
def test_spelling(cgi, name, attribute, spelling):
    """case 18: what to write for an object that has the application."""
    source = f"""
class Web:
    def {attribute}(self, *arguments):
        def run(environ, start_response):
            start_response("200 OK", [])
            return [b"found"]
        return run(*arguments) if arguments else run

{name} = Web()
"""
    line = failure(cgi, source, "no-callable")
    assert f"{name} in app_cgi is Web, which cannot be called" in line
    assert f"write :{name}.{spelling} at the end of the first line" in line
    reply = cgi.run(cgi.script(source, f":{name}.{spelling}"))
    assert reply.body == b"found"


def test_webpy(cgi):
    """case 18: the real web.py."""
    need(cgi, "web")
    line = failure(cgi, """
        import web
        app = web.application((), globals())
        """, "no-callable")
    assert ":app.wsgifunc() at the end" in line


FACTORY = """
def create_app():
    def hello(environ, start_response):
        start_response("200 OK", [])
        return [b"Hello"]
    return hello
"""


@pytest.mark.parametrize("source, spelling", [
    (FACTORY, "create_app()"), (HELLO.replace("application", "wsgi"), "wsgi"),
    (HELLO.replace("application", "hello") + "def make_app(): return hello\n",
     "make_app()")])
def test_other_names(cgi, source, spelling):
    """case 18, case 36: a script that has it under another known name."""
    line = failure(cgi, source, "no-callable")
    assert "has no 'application' or 'app'" in line
    assert line.endswith(f"; write :{spelling} at the end of the first line")
    assert cgi.run(cgi.script(source, f":{spelling}")).body == b"Hello"


def test_module_as_application(cgi):
    """case 18: import app, where from app import app was meant."""
    cgi.write("shop.py", HELLO.replace("application", "app"))
    source = "import shop as application\n\n"
    line = failure(cgi, source, "no-callable")
    assert line.endswith(
        "cannot be called: write :application.app at the end of the first line")
    assert cgi.run(cgi.script(source, ":application.app")).body == b"Hello"


@pytest.mark.parametrize("source", ["\n", "\n# nothing\n\n  # here\n"])
def test_empty(cgi, source):
    """case 20, case 36: a file of which nothing was saved."""
    line = failure(cgi, source, "no-callable")
    assert line.endswith("/app.cgi is empty: save or upload it again")


@pytest.mark.parametrize("result, words", [
    ("None", ": a function without a return gives None"),
    ("'text'", ": encode it, as in [text.encode('utf-8')]")])
def test_returned(cgi, result, words):
    """case 36: what to write instead of no return, and of a text."""
    line = failure(cgi, f"""
        def application(environ, start_response):
            start_response("200 OK", [])
            return {result}
        """, "protocol")
    assert line.endswith(words)


@pytest.mark.parametrize("value", ["1", "None", "'text'", "{}", "object()"])
def test_no_spelling(cgi, value):
    """case 18: nothing is advised where nothing is known."""
    line = failure(cgi, f"application = {value}\n", "no-callable")
    assert line.endswith("which cannot be called")


@pytest.mark.parametrize("source", [
    "async def application(scope, receive, send):\n    pass\n",
    "def application(scope):\n    pass\n",
    "class App:\n    async def __call__(self, scope, receive, send):\n"
    "        pass\napplication = App()\n",
    "class App:\n    async def run(self, scope, receive, send):\n"
    "        pass\napplication = App().run\n",
    "class application:\n    def __init__(self, scope):\n        pass\n",
    "async def application(one, two, three):\n    pass\n"])
def test_asgi(cgi, source):
    """case 19: an ASGI application is named, and what makes it WSGI's."""
    line = failure(cgi, source, "application")
    assert "ASGI" in line and "a2wsgi.ASGIMiddleware(app)" in line


@pytest.mark.parametrize("source", [
    "async def application(environ, start_response):\n    return []\n",
    "async def application(environ, start_response):\n    yield b''\n"])
def test_async(cgi, source):
    """case 19: a function that is async, with WSGI's parameters."""
    line = failure(cgi, source, "protocol")
    assert "as async def does" in line and "ASGIMiddleware" in line


@pytest.mark.parametrize("parameters, words", [
    ("request", "it has 1 parameter, but WSGI calls"),
    ("one, two, three", "it has 3 parameters, but WSGI calls"),
    ("", "it has no parameter: if it returns the application"),
    ("start_response, environ", "its parameters are swapped"),
    ("start, env", "its parameters are swapped")])
@pytest.mark.parametrize("form", [
    "def application({0}):\n    {1}\n",
    "class App:\n    def __call__(self{2}):\n        {1}\n"
    "application = App()\n",
    "class App:\n    def run(self{2}):\n        {1}\n"
    "application = App().run\n"])
def test_parameters(cgi, form, parameters, words):
    """case 19, case 23, case 36: a wrong number of parameters, or their order."""
    body = parameters.rpartition(", ")[2] + "['PATH_INFO']"
    line = failure(cgi, form.format(
        parameters, body, ", " + parameters if parameters else ""),
        "application")
    assert words in line, line


def test_no_parameters_are_blamed(cgi):
    """case 19: a TypeError inside is the application's own."""
    line = failure(cgi, """
        def application(environ, start_response):
            len()
        """, "application")
    assert "parameter" not in line and "WSGI" not in line


# CGI habits

@pytest.mark.parametrize("name", ["QUERY_STRING", "REQUEST_METHOD",
                                  "HTTP_COOKIE", "PATH_INFO"])
@pytest.mark.parametrize("variables", ["environ['{0}']", "environb[b'{0}']"])
def test_variable_of_the_request(cgi, variables, name):
    """case 23: os.environ has nothing of the request."""
    line = failure(cgi, f"""
        import os

        def application(environ, start_response):
            os.{variables.format(name)}
        """, "application")
    assert f"{name} is in environ, the application's first argument" in line
    assert "app.cgi, line 6, in application" in line


def test_variable_of_the_server(cgi):
    """case 23: nor all that a shell has."""
    line = failure(cgi, "import os\nos.environ['DATABASE_URL']\n", "import")
    assert "set DATABASE_URL with SetEnv or --env" in line


def test_own_key_error(cgi):
    """case 23: a KeyError of another dict has no advice."""
    line = failure(cgi, """
        def application(environ, start_response):
            {}["QUERY_STRING"]
        """, "application")
    assert line.endswith("KeyError: 'QUERY_STRING'")


# Exceptions of all kinds

def minor():
    return int(version_of_python().split(".")[1])


@pytest.mark.parametrize("source, words", [
    ("import flaks_of_snow\n",
     "no folder of sys.path has it: install it for Python 3."),
    ("import jsn\n", "'jsn'; is it json?"),
    ("import urllib2\n", "that is Python 2's name of urllib.request"),
    ("import asynchat_ as x, flup.server.fcgi\n", "is it asynchat"),
    ("from flup.server.fcgi import WSGIServer\n", "no server is needed here"),
    ("import uwsgi\n", "no server is needed here"),
    ("import old\n", "lib/old.cpython-27-x.so is for another Python"),
    ("import package\n",
     "lib/package/_c.cpython-27-x.so is for another Python"),
    ("import package2._c\n",
     "lib/package2/_c.cpython-27-x.so is for another Python"),
    ("import email.message\n", "email.py hides the module email"),
    ("from email import message\n", "email.py hides the module email"),
    ("import zeros\n", "that file is no text: it has bytes that are 0"),
    ("import sys\nsys.exit(0)\n", "SystemExit: 0; take sys.exit() away"),
    ("import sys\nsys.exit('no')\n", "SystemExit: no; take sys.exit() away"),
    ("import sys\nsys.exit()\n", "SystemExit; take sys.exit() away")])
def test_import(cgi, source, words):
    """case 36: what to do about an import that fails."""
    if "asynchat" in source and minor() >= 12:
        pytest.xfail("there is no such module any more")
    for name in ("old", "package/_c", "package2/_c"):
        cgi.write(f"lib/{name}.cpython-27-x.so", "")
    cgi.write("lib/package/__init__.py", "from . import _c\n")
    cgi.write("lib/package2/__init__.py")
    cgi.write("email.py", "x = 1\n")
    (cgi.folder / "zeros.py").write_bytes(b"\0")
    line = failure(cgi, source, "import", "--path lib")
    assert words in line


def test_script_hides_a_package(cgi):
    """case 36: a script that is called as what it imports."""
    need(cgi, "flask")
    reply = cgi.run(cgi.script("from flask import Flask\napp = Flask('x')\n",
                               name="flask.py"))
    assert "flask.py hides the module flask: give it another name" in reply.log


@pytest.mark.parametrize("source, line, words", [
    ("def f(:\n    pass\n", 2, "SyntaxError"),
    ("def f():\n    x = 1\n      y = 2\n", 4, "IndentationError"),
    ("def f():\n        x = 1\n\ty = 2\n", 4, "TabError"),
    ("x = '\xe9'\n", 2, "save the file as UTF-8"),
    ("print 'hello'\n", 2, "SyntaxError"),
    ("import helper\n", 3, "SyntaxError")])
def test_syntax_error(cgi, source, line, words):
    """case 36: its file and line stand in the message itself."""
    cgi.write("helper.py", "one\n\nsyntax error\n")
    script = cgi.script("x = 1\n")
    before, _, _ = script.read_bytes().partition(b"x = 1\n")
    script.write_bytes(before + source.encode("latin-1"))
    reply = cgi.run(script)
    first = reply.log.splitlines()[0]
    name = "helper.py" if "helper" in source else "app.cgi"
    assert f"({cgi.folder}/{name}, line {line})" in first
    assert words in first


@pytest.mark.parametrize("body, words", [
    ("raise ValueError", "SystemExit"), ("import sys; sys.exit(3)", "exits"),
    ("raise KeyboardInterrupt", ""), ("return 1", ""),
    ("return str(self)", "recursion")])
def test_message_that_fails(cgi, body, words):
    """case 36, attack 2: an exception whose own text cannot be had."""
    line = failure(cgi, f"""
        class Own(Exception):
            def __str__(self):
                {body}

        def application(environ, start_response):
            raise Own
        """, "application")
    assert "Own: <" in line  # then it differs by version


def test_message_that_loops(cgi):
    """I6: nor may it take all time."""
    line = failure(cgi, """
        class Own(Exception):
            def __str__(self):
                while True:
                    pass

        raise Own
        """, "timeout", "--timeout 2")
    assert "--timeout is over, at " in line and "app.cgi, line 8" in line


def test_message_is_asked_once(cgi):
    """case 36: what __str__() prints, and does, happens once."""
    reply = cgi.run(cgi.script("""
        class Own(ValueError):
            def __str__(self):
                print("asked")
                return "text"

        def application(environ, start_response):
            raise Own
        """))
    assert reply.log.count("asked") == 1


def test_notes(cgi):
    """case 36: the message is the exception's, not its last note's."""
    if minor() < 11:
        pytest.xfail("before PEP 678")
    line = failure(cgi, """
        def application(environ, start_response):
            error = ValueError("bad")
            error.add_note("one")
            error.add_note("two")
            raise error
        """, "application")
    assert line.endswith("ValueError: bad")


def test_long_message(cgi):
    """case 36, attack 3: neither a long message nor a long traceback fills a log."""
    reply = cgi.run(cgi.script("""
        def one(depth):
            if depth == 0:
                raise ValueError("x" * 10_000_000)
            two(depth - 1)

        def two(depth):
            one(depth)

        def application(environ, start_response):
            one(200)
        """))
    assert reply.status == 500 and "ValueError: xxx" in reply.log
    assert len(reply.log) < 20_000
    assert " more frames]" in reply.log and "in application" in reply.log


@pytest.mark.parametrize("spoil", [
    "import sys\nsys.modules['traceback'] = None\n",
    "import sys, traceback\ntraceback.TracebackException = None\n",
    "import traceback\n"])
def test_traceback_module_is_broken(cgi, spoil):
    """case 36: the exception and its lines are told without it, too."""
    if spoil == "import traceback\n":
        cgi.write("traceback.py", "")
    reply = cgi.run(cgi.script(spoil + """
def helper():
    raise ValueError("bad")
helper()
"""))
    assert reply.status == 500 and "ValueError: bad" in reply.log, reply
    assert 'app.cgi", line' in reply.log and "in helper" in reply.log


# Secrets in what an exception says

@pytest.mark.parametrize("source", [
    "PASSWORD = 'hunter2xyz'\nraise ValueError('no ' + PASSWORD)\n",
    "raise ValueError('no hunter2xyz', PASSWORD := 'hunter2xyz')\n",
    "import os\nos.environ['DB_PASSWORD'] = 'hunter2xyz'\n"
    "raise ValueError('no hunter2xyz')\n",
    "def f(token):\n    raise ValueError('no ' + token)\nf('hunter2xyz')\n",
    "class S:\n    def __init__(self):\n        self.secret = 'hunter2xyz'\n"
    "settings = S()\nraise ValueError(f'no {settings.secret}')\n",
    "settings = {'db': [{'password': 'hunter2xyz'}]}\n"
    "raise ValueError(str(settings))\n",
    "URL = 'postgres://me:hunter2xyz@host/db'\nraise ValueError(URL)\n",
    "URL = 'https://host/?token=hunter2xyz&a=1'\nraise ValueError(URL)\n",
    "raise ValueError('for https://host/?a=1&api_key=hunter2xyz')\n",
    "raise ValueError('with Bearer hunter2xyz')\n",
    "auth = ('me', b'hunter2xyz')\nraise ValueError(str(auth))\n",
    "class E(Exception):\n    pass\ndef f(key):\n    try:\n"
    "        raise E(key)\n    except E as e:\n"
    "        raise ValueError('other') from e\nf('hunter2xyz')\n",
    "def f(key):\n    raise KeyError(f'no {key}')\ntry:\n"
    "    f('hunter2xyz')\nexcept KeyError as e:\n"
    "    raise ValueError('other') from e\n",
    "def f(key):\n    raise KeyError(f'no {key}')\ntry:\n"
    "    f('hunter2xyz')\nfinally:\n    raise ValueError('other')\n",
    "class Config:\n    SECRET_KEY = 'hunter2xyz'\n"
    "raise ValueError('no ' + Config.SECRET_KEY)\n",
    "import config\nraise ValueError('no ' + config.API_TOKEN)\n"])
@pytest.mark.parametrize("late", [False, True])
def test_secret_in_a_message(cgi, source, late):
    """case 32, attack 1: a page has no secret in messages and source lines."""
    if late:
        source = "def application(environ, start_response):\n" + "".join(
            f"    {line}\n" for line in source.splitlines())
    cgi.write("config.py", "API_TOKEN = 'hunter2xyz'\n")
    reply = cgi.run(cgi.script(source, "--debug"))
    page = reply.body.decode()
    assert "ValueError" in page and "****" in page, page
    assert "hunter2xyz" not in page
    assert "hunter2xyz" in reply.log


@pytest.mark.parametrize("assignment, message, shown", [
    # short ones: as words of their own
    ("password = 'hunt2'", "no hunt2, hunt22", "no ****, hunt22"),
    ("PIN = '123'", "is 123 x123", "is **** x123"),
    ("token = ','", "a, b", "a, b"),
    ("sig = 'abcd1234'", "no abcd1234", "no ****"),
    ("JWT = 'abcd1234'", "no abcd1234", "no ****"),
    ("userSid = 'abcd1234'", "no abcd1234", "no ****"),
    ("X = {'X-Signature': 'abcd1234'}", "no abcd1234", "no ****"),
    ("design = 'abcd1234'", "no abcd1234", "no abcd1234"),
    # in other spellings, of base64 at three places
    ("password = 'hunter2xyz'", "is aHVudGVyMnh5eg==", "is ****g=="),
    ("password = 'hunter2xyz'", "is bTpodW50ZXIyeHl6", "is bTp****"),
    ("password = 'hunter2xyz'", "is bWU6aHVudGVyMnh5eg==",
     "is bWU6****g=="),
    ("password = '????>>>>'", "is Pz8_Pz4-Pj4", "is ****4"),
    ("password = 'it\\'s \"it\"'", "x {password!r}", "x '****'"),
    ("password = 'p w/r%d'", "/?p=p+w%2Fr%25d", "/?p=****"),
    # named tuples, slots, sets
    ("from collections import namedtuple\n"
     "a = namedtuple('A', 'user token')(1, 'hunter2xyz')",
     "no hunter2xyz", "no ****"),
    ("TOKENS = {'hunter2xyz'}", "no hunter2xyz", "no ****")])
def test_spelled_secret_in_a_message(cgi, assignment, message, shown):
    """case 32, attack 1: whatever it is called and however it is written."""
    reply = cgi.run(cgi.script(
        f"{assignment}\nraise ValueError(f{message!r})\n", "--debug"),
        headers=[("Accept", "text/plain")])
    last = reply.body.decode().splitlines()[-1]
    assert last == f"ValueError: {shown}", reply


def test_search_for_secrets_ends(cgi):
    """attack 1: nobody can make it long, with a header that is all slashes, or
    with colons, each of which may stand behind a name; nor do settings, each
    of which may stand anywhere."""
    def seconds(*headers, options=""):
        before = os.times().children_user
        reply = cgi.run(cgi.script(
            "TEXTS = ['//a' * 1300 + str(i) for i in range(500)]\n"
            "def application(environ, start_response):\n"
            "    raise ValueError('bad')\n", "--debug " + options),
            headers=headers)
        assert b"ValueError: bad" in reply.body
        return os.times().children_user - before
    assert seconds(("X-A", "/" * 8000), ("X-B", "//a:b" * 1600)) < 5
    assert seconds(("X-A", ":" * 8000), ("X-B", "a%3D" * 2000)) < 5
    assert seconds(*(("X-" + name, "//a:" * 2000 + " @%")
                     for name in "ABCDEFGH")) < 5
    cgi.write("settings", "".join(f"NAME{i}={i}th value\n"
                                  for i in range(100)), 0o600)
    assert seconds(options="--env-file settings") < 5


def test_search_of_a_line_ends(cgi):
    """attack 1: a line of the source may be one word of any length."""
    before = os.times().children_user
    reply = cgi.run(cgi.script(
        "def application(environ, start_response):\n"
        f"    {'a' * 100000} = 1 / 0\n", "--debug"))
    assert b"ZeroDivisionError" in reply.body
    assert os.times().children_user - before < 5


def test_secret_of_the_server(cgi):
    """case 32, attack 1: what SetEnv gives is one, too."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            raise ValueError("no " + environ["SECRET_KEY"])
        """, "--debug"), env={"SECRET_KEY": "hunter2xyz"})
    assert "ValueError: no ****" in reply.body.decode()
    assert "hunter2xyz" not in reply.body.decode()


# The user's own line

LIBRARY = """
import time

def wait():
    time.sleep(100)

def fail():
    raise ValueError("deep")
"""


@pytest.mark.parametrize("place", ["venv/lib/site-packages",
                                   "lib/dist-packages"])
def test_own_line_of_an_exception(cgi, place):
    """case 22: the last line of the user's own, when a library raised."""
    cgi.write(f"{place}/library.py", LIBRARY)
    line = failure(cgi, """
        import library

        def helper():
            library.fail()

        def application(environ, start_response):
            helper()
        """, "application", f"--path {place}")
    assert "ValueError: deep (" in line
    assert line.endswith("app.cgi, line 6, in helper)")


def test_own_line_of_a_timeout(cgi):
    """case 22: the same when time was over."""
    cgi.write("lib/site-packages/library.py", LIBRARY)
    line = failure(cgi, """
        import library

        def application(environ, start_response):
            library.wait()
        """, "timeout", "--path lib/site-packages --timeout 1")
    assert line.endswith(", at " + str(cgi.folder)
                         + "/app.cgi, line 6, in application")


def test_loop(cgi):
    """case 22: an endless loop says where it is."""
    line = failure(cgi, """
        def application(environ, start_response):
            while True:
                pass
        """, "timeout", "--timeout 1")
    assert "app.cgi, line " in line and "in application" in line


def test_server_left_in(cgi):
    """case 21: a server that the script starts is named, with the line."""
    line = failure(cgi, HELLO + """
import socketserver
socketserver.TCPServer(('127.0.0.1', 0), None).serve_forever()
""", "timeout", "--timeout 1")
    assert "a server of its own was started" in line
    assert "app.cgi, line " in line and "selectors.py" not in line


def test_port_is_taken(cgi):
    """case 21: the same where the server cannot start."""
    line = failure(cgi, HELLO + """
import socket
from wsgiref.simple_server import make_server
other = socket.create_server(("127.0.0.1", 0))
make_server("127.0.0.1", other.getsockname()[1], application)
""", "import")
    assert "Address already in use" in line
    assert "app.cgi, line 10, in <module>); a server of its own" in line


def test_syntax_error_in_a_module(cgi):
    """case 36: no frames of importlib stand before a syntax error."""
    cgi.write("helper.py", "one\nsyntax error\n")
    reply = cgi.run(cgi.script("import helper\n" + HELLO))
    assert reply.status == 500 and 'helper.py", line 2' in reply.log
    assert "importlib" not in reply.log


# Scripts that were CGI programs of wsgiref

FLUP = """
class WSGIServer:
    def __init__(self, application, environ=None):
        self.application = application

    def run(self):
        raise ValueError("not here")
"""
HANDED = [
    "from wsgiref.handlers import CGIHandler\nCGIHandler().run(mine)\n",
    "from wsgiref.handlers import CGIHandler as H\nH().run(mine)\n",
    "from wsgiref.handlers import IISCGIHandler\nIISCGIHandler().run(mine)\n",
    "import wsgiref.handlers\nwsgiref.handlers.CGIHandler().run(mine)\n",
    "import wsgiref.handlers as h\nh.CGIHandler().run(application=mine)\n",
    "from wsgiref import handlers\n"
    "getattr(handlers, 'CGI' + 'Handler')().run(mine)\n",
    "from wsgiref.handlers import CGIHandler\nclass Own(CGIHandler):\n"
    "    wsgi_run_once = True\nOwn().run(mine)\n",
    "from wsgiref.handlers import CGIHandler\nclass Own(CGIHandler):\n"
    "    def run(self, app):\n        return super().run(app)\n"
    "Own().run(mine)\n",
    "def main():\n    from wsgiref.handlers import CGIHandler\n"
    "    CGIHandler().run(mine)\nmain()\n",
    "from wsgiref.handlers import CGIHandler\nimport sys\n"
    "CGIHandler().run(mine)\nsys.exit(0)\n",
    "import os, sys\nfrom wsgiref.handlers import BaseCGIHandler, CGIHandler\n"
    "BaseCGIHandler(sys.stdin.buffer, sys.stdout.buffer, sys.stderr,\n"
    "               dict(os.environ)).run(mine)\n",
    "import os, sys\nfrom wsgiref.handlers import SimpleHandler\n"
    "SimpleHandler(sys.stdin.buffer, sys.stdout.buffer, sys.stderr,\n"
    "              dict(os.environ)).run(mine)\n",
    "from wsgiref.simple_server import make_server\n"
    "with make_server('127.0.0.1', 0, mine) as server:\n"
    "    server.serve_forever()\n",
    "from mysite import main\nmain(mine)\n",
    "from flup.server.cgi import WSGIServer\nWSGIServer(mine).run()\n",
    "import flup.server.fcgi_fork\n"
    "flup.server.fcgi_fork.WSGIServer(mine).run()\n",
    "from flipflop import WSGIServer\nWSGIServer(mine).run()\n"]


@pytest.mark.parametrize("run", HANDED)
def test_handed_over(cgi, run):
    """case 28: an unchanged script says which application it is."""
    cgi.write("mysite.py", "from wsgiref.handlers import CGIHandler\n"
              "def main(app):\n    CGIHandler().run(app)\n")
    for name in ("flup/__init__", "flup/server/__init__"):
        cgi.write(name + ".py")
    for name in ("flup/server/cgi", "flup/server/fcgi_fork", "flipflop"):
        cgi.write(name + ".py", FLUP)
    reply = cgi.run(cgi.script(HELLO.replace("application", "mine") + run),
                    method="POST", body=b"x")
    assert (reply.status, reply.body, reply.exit) == (200, b"Hello", 0)
    assert reply.log == ""


@pytest.mark.parametrize("module, source, log", [
    ("flask", """
        import flask
        mine = flask.Flask("mine")
        mine.route("/")(lambda: "found")
        mine.run(port=0)
        """, " * Serving Flask app 'mine'\n * Debug mode: off\n"),
    ("werkzeug", """
        from werkzeug.serving import run_simple
        from werkzeug.wrappers import Response
        run_simple("127.0.0.1", 0, Response("found"))
        """, ""),
    ("bottle", """
        from bottle import route, run
        route("/")(lambda: "found")
        run(server="cgi")
        """, ""),
    ("bottle", """
        import bottle
        mine = bottle.Bottle()
        mine.route("/")(lambda: "found")
        mine.run(port=0)
        """, ""),
    ("web", """
        import web
        class Page:
            def GET(self):
                return "found"
        web.application(("/", Page), globals()).run()
        """, ""),
    ("web", """
        import web
        class Page:
            def GET(self):
                return "found"
        web.application(("/", Page), globals()).cgirun()
        """, ""),
    ("cherrypy", """
        import cherrypy
        cherrypy.log.screen = False
        class Root:
            @cherrypy.expose
            def index(self):
                return "found"
        cherrypy.quickstart(Root())
        """, ""),
    ("waitress", """
        import waitress
        def mine(environ, start_response):
            start_response("200 OK", [])
            return [b"found"]
        waitress.serve(mine, port=0)
        """, ""),
    ("django", """
        import sys
        from django.conf import settings
        from django.core.management import execute_from_command_line
        from django.http import HttpResponse
        from django.urls import path
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
        urlpatterns = [path("", lambda request: HttpResponse("found"))]
        execute_from_command_line(["manage.py", "runserver", "0"])
        """, "")])
def test_frameworks(cgi, module, source, log):
    """case 28: what starts a framework's server names the application."""
    need(cgi, module)
    script = cgi.script(source)
    reply = cgi.run(script, env={
        "HTTP_HOST": "localhost", "SCRIPT_NAME": "/app.cgi"})
    assert (reply.status, reply.body) == (200, b"found"), reply
    assert reply.log == log


@pytest.mark.parametrize("source, words", [
    (HELLO.replace("application", "mine") + """
from wsgiref.handlers import CGIHandler
if __name__ == '__main__':
    CGIHandler().run(mine)
""", "line 8: here __name__ is not '__main__', so what follows there does not "
     "run; take it out of that if"),
    ("print('Content-Type: text/html')\nprint()\n",
     "line 2 prints a reply, as a CGI program"),
    ("import sys\nsys.stdout.write('Content-type: text/html\\n\\n')\n",
     "line 3 prints a reply, as a CGI program"),
    ("import sys\n", "its callables are: none")])
def test_no_application(cgi, source, words):
    """case 28, case 36: where none is found, the log says what is there."""
    line = failure(cgi, source, "no-callable")
    assert "has no 'application' or 'app'" in line
    if "line" in words:
        assert f"{cgi.folder}/app.cgi, {words}" in line
    else:
        assert line.endswith(words)


def test_guarded(cgi):
    """case 28: an application that is found needs nothing behind the guard."""
    reply = cgi.run(cgi.script(HELLO + """
from wsgiref.handlers import CGIHandler
if __name__ == '__main__':
    CGIHandler().run(mine)
"""))
    assert reply.body == b"Hello"


def test_server_in_a_thread(cgi):
    """case 28: what another thread runs is not the application."""
    reply = cgi.run(cgi.script(HELLO + """
import threading
from wsgiref.simple_server import make_server

def other(environ, start_response):
    pass

server = make_server("127.0.0.1", 0, other)
thread = threading.Thread(target=server.serve_forever)
thread.start()
server.shutdown()
thread.join()
"""))
    assert (reply.body, reply.log) == (b"Hello", "")


def test_cgihandler_is_itself_again(cgi):
    """case 28: after the import it works as ever."""
    reply = cgi.run(cgi.script("""
        import io
        from wsgiref.handlers import BaseCGIHandler, CGIHandler

        def inner(environ, start_response):
            start_response("200 OK", [])
            return [b"inner"]

        def outer(environ, start_response):
            out = io.BytesIO()
            BaseCGIHandler(io.BytesIO(), out, io.StringIO(), {}).run(inner)
            start_response("200 OK", [])
            return [b"run" in vars(BaseCGIHandler) and b"kept"
                    or out.getvalue()[-5:]]

        CGIHandler().run(outer)
        """))
    assert reply.body == b"inner", reply


def test_cgihandler_and_a_name(cgi):
    """case 28: a callable in the first line counts before it."""
    reply = cgi.run(cgi.script(
        HELLO + "def other(environ, start_response):\n    return 1\n"
        "from wsgiref.handlers import CGIHandler\nCGIHandler().run(other)\n",
        ":application"))
    assert reply.body == b"Hello"


def test_hgweb(cgi):
    """case 28: as Mercurial's stock hgweb.cgi has it."""
    cgi.write("mercurial/hgweb/wsgicgi.py", "def launch(application):\n"
              "    print('Content-Type: text/plain')\n")
    reply = cgi.run(cgi.script("""
        import os; from mercurial.hgweb import wsgicgi

        def mine(environ, start_response):
            start_response("200 OK", [])
            return [b"launched"]

        wsgicgi.launch(mine)
        """))
    assert (reply.body, reply.log) == (b"launched", "")


# What ends the process

@pytest.mark.parametrize("call", [
    "os.execl(INTERP, INTERP, *sys.argv)", "os.execv(INTERP, [INTERP])",
    "os.execve(INTERP, [INTERP], {})", "os.execlp(INTERP, INTERP)",
    "os.execvp(INTERP, [INTERP])", "os.execle(INTERP, INTERP, {})",
    "os.execvpe(INTERP, [INTERP], {})", "os.execv(path=INTERP, argv=[INTERP])"])
@pytest.mark.parametrize("late", [False, True])
def test_exec(cgi, call, late):
    """I3a, case 13: refused in the process that owes the reply."""
    cgi.write("venv/pyvenv.cfg", "version = 3\n")
    cgi.write("venv/bin/python3", "#!/bin/sh\n", 0o755)
    source = f"import os, sys\nINTERP = '{cgi.folder}/venv/bin/python3'\n"
    source += f"def application(environ, start_response):\n    {call}\n" \
        if late else f"{call}\n"
    reply = cgi.run(cgi.script(source))
    assert reply.status == 500 and reply.exit == 1
    assert "owes the web server a reply" in reply.log
    assert f"write --venv {cgi.folder}/venv into the first line" in reply.log


def test_exec_of_another_program(cgi):
    """I3a: any other is refused as well."""
    line = failure(cgi, "import os\nos.execv('/bin/true', ['true'])\n",
                   "import")
    assert "--venv DIR" in line


def test_exec_in_a_child(cgi):
    """I3a: a forked child may; so may what subprocess starts."""
    reply = cgi.run(cgi.script("""
        import os
        import subprocess

        def application(environ, start_response):
            if os.fork() == 0:
                os.execv("/bin/true", ["true"])
            status = os.wait()[1]
            out = subprocess.check_output(["echo", "hello"],
                                          preexec_fn=os.getpid)
            start_response("200 OK", [])
            return [str(status).encode(), out]
        """))
    assert reply.body == b"0hello\n", reply


def test_venv_is_normalized(cgi):
    """case 13: sys.executable has no '..' in it."""
    cgi.write("x/venv/pyvenv.cfg",
              f"home = /usr/bin\nversion = {version_of_python()}\n")
    cgi.write("a/b/keep")
    script = cgi.script("""
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])
            return [f"{sys.executable} {sys.prefix}".encode()]
        """, "--venv ../../x/../x/./venv", name="a/b/app.cgi")
    venv = f"{cgi.folder}/x/venv"
    assert cgi.run(script).body.decode() == f"{venv}/bin/python3 {venv}"


@pytest.mark.parametrize("source, line", [
    ("import os\nos._exit(0)\n", 3),
    (HELLO + "import os\ndef mine():\n    os._exit(0)\nmine()\n", 8),
    ("import os\ndef application(environ, start_response):\n"
     "    os._exit(0)\n", 4),
    ("import os, threading\ndef application(environ, start_response):\n"
     "    def end():\n        os._exit(0)\n"
     "    thread = threading.Thread(target=end)\n"
     "    thread.start()\n    thread.join()\n", 5)])
def test_os_exit(cgi, source, line):
    """G1, attack 2: os._exit() sends a page first, and the log says where."""
    reply = cgi.run(cgi.script(source))
    assert reply.status == 500 and reply.exit == 1
    assert b"os._exit() or a module written in C" in reply.body
    assert "cgi2wsgi: crash [" in reply.log
    assert f"os._exit() was called, at {cgi.folder}/app.cgi, line {line}\n" \
        in reply.log


def test_os_exit_later(cgi):
    """I4: a child ends as ever, and so does a process that has answered."""
    reply = cgi.run(cgi.script("""
        import atexit
        import os

        def application(environ, start_response):
            if os.fork() == 0:
                os._exit(7)
            status = os.wait()[1] >> 8
            atexit.register(os._exit, 0)
            start_response("200 OK", [])
            return [str(status).encode()]
        """))
    assert (reply.body, reply.log, reply.exit) == (b"7", "", 0)


# What is gone or broken below the application

def without_library(*command):
    return ["/usr/bin/unshare", "-m", "sh", "-c",
            'mount -t tmpfs none "$LIBRARY" && exec "$@"', "sh", *command]


@pytest.mark.skipif(os.geteuid() != 0 or subprocess.run(
    ["unshare", "-m", "true"], capture_output=True).returncode != 0,
    reason="only root can hide a folder")
def test_library_is_gone(cgi):
    """G1, case 16: the standard library is gone."""
    script = cgi.script("""
        import os

        def application(environ, start_response):
            start_response("200 OK", [])
            return [os.__file__.encode()]
        """)
    library = os.path.dirname(cgi.run(script).body.decode())
    if library.startswith("<") or library == "":
        library = os.path.dirname(os.__file__)
    reply = cgi.exec(without_library(script), cgi.environ(
        script, env={"LIBRARY": library, "PATH": os.environ["PATH"]}))
    assert reply.status == 500 and reply.exit == 1
    assert "cgi2wsgi: python [" in reply.log
    assert f"the library in {library} is gone" in reply.log
    assert "build cgi2wsgi again" in reply.log
    assert b"build it again" in reply.body


@pytest.mark.parametrize("text", ["import sys; sys.exit('by site')",
                                  "import os; exec('raise KeyboardInterrupt')"])
def test_pth_that_ends_it(cgi, text):
    """G1, case 35: the page says what the log says."""
    minor = version_of_python().split(".")[1]
    cgi.write(f".local/lib/python3.{minor}/site-packages/bad.pth", text + "\n")
    reply = cgi.run(cgi.script(HELLO), env={"HOME": cgi.folder})
    assert reply.status == 500 and "cgi2wsgi: site [" in reply.log, reply
    assert "a .pth file, sitecustomize or usercustomize ended it" in reply.log
    page = reply.body.decode()
    assert "A .pth file, sitecustomize or usercustomize" in page
    assert "Install the Python" not in page


@pytest.mark.parametrize("name", ["sitecustomize", "usercustomize"])
@pytest.mark.parametrize("text, ends", [
    ("raise ValueError('oops')", False), ("1 / 0", False),
    ("import nosuchmodule", False), ("syntax error", False),
    ("raise SystemExit('oops')", True), ("raise KeyboardInterrupt", True)])
def test_customize(cgi, name, text, ends):
    """G1, H6: errors of sitecustomize are logged, what ends it is an error."""
    cgi.write(f"path/{name}.py", text + "\n")
    reply = cgi.run(cgi.script(HELLO), env={
        "PYTHONPATH": cgi.folder / "path", "HOME": cgi.folder})
    if ends:
        assert reply.status == 500 and "cgi2wsgi: site [" in reply.log
    else:
        assert reply.body == b"Hello"
        assert f"Error in {name}; set PYTHONVERBOSE" in reply.log


# What is empty, and raises nothing

@pytest.mark.parametrize("look", [
    "sys.stdin.read()", "sys.stdin.readline()", "sys.stdin.buffer.read(5)",
    "sys.stdin.buffer.readlines()", "sys.stdin.readlines()"])
def test_stdin(cgi, look):
    """Case 23, C9: sys.stdin is empty, and the log says where the body is."""
    reply = cgi.run(cgi.script(f"""
        import sys

        def application(environ, start_response):
            found = [{look} for _ in range(3)]
            assert not any(found)
            start_response("200 OK", [])
            return [environ["wsgi.input"].read()]
        """), method="POST", body=b"name=value")
    assert reply.body == b"name=value", reply
    assert reply.log.count("cgi2wsgi: habit [") == 1
    assert "the request's body is in environ['wsgi.input']" in reply.log


@pytest.mark.parametrize("form, told", [
    ("FieldStorage()", True), ("FieldStorage(keep_blank_values=True)", True),
    ("FieldStorage(fp=environ['wsgi.input'])", True),
    ("FieldStorage(fp=environ['wsgi.input'], environ=environ)", False),
    ("FieldStorage(environ['wsgi.input'], None, b'', environ)", False)])
def test_field_storage(cgi, form, told):
    """case 23: cgi.FieldStorage() needs environ."""
    cgi.write("cgi.py", """
class FieldStorage:
    def __init__(self, fp=None, headers=None, outerboundary=b"", environ={},
                 keep_blank_values=0):
        self.found = "QUERY_STRING" in environ
""")
    reply = cgi.run(cgi.script(f"""
        import cgi

        class Own(cgi.FieldStorage):
            pass

        def application(environ, start_response):
            found = cgi.{form}.found, Own{form[12:]}.found
            start_response("200 OK", [])
            return [str(found).encode()]
        """))
    assert reply.body == str((not told, not told)).encode(), reply
    assert ("cgi.FieldStorage() finds no request" in reply.log) == told
    assert reply.log.count("cgi2wsgi: ") == told


@pytest.mark.parametrize("imported", [
    "import cgi", "from cgi import FieldStorage as cgi; cgi.FieldStorage = cgi",
    "import importlib; cgi = importlib.import_module('cgi')"])
def test_field_storage_in_the_call(cgi, imported):
    """case 23: also if cgi is imported only when the application is called."""
    cgi.write("cgi.py", "class FieldStorage:\n"
              "    def __init__(self, environ={}):\n"
              "        self.found = 'QUERY_STRING' in environ\n")
    reply = cgi.run(cgi.script(f"""
        def application(environ, start_response):
            import json
            {imported}
            start_response("200 OK", [])
            return [str(cgi.FieldStorage().found).encode()]
        """))
    assert reply.body == b"False", reply
    assert reply.log.count("cgi.FieldStorage() finds no request") == 1


def test_no_content_type(cgi):
    """case 36: with --debug the log says that Content-Type is missing."""
    source = """
        def application(environ, start_response):
            kind = environ["QUERY_STRING"]
            start_response("204 None" if kind == "none" else "200 OK",
                           [("Content-Type", "text/x")] * (kind == "typed"))
            return [] if kind in ("none", "empty") else [b"Hello"]
        """
    script = cgi.script(source, "--debug")
    for target, told in (("/", 1), ("/?typed", 0), ("/?none", 0),
                         ("/?empty", 0)):
        log = cgi.run(script, target).log
        assert log.count("cgi2wsgi: no-type [") == told, (target, log)
    assert cgi.run(script, method="HEAD").log == ""
    assert cgi.run(cgi.script(source)).log == ""
