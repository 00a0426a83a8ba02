"""The program's own pages, each code provoked for real."""

import html
import os
import re
import signal

import pytest

from harness import PROGRAM, program

ID = re.compile(r"^(?:\S+ )?cgi2wsgi: ([a-z-]+) \[([^\]]+)\]", re.M)

FAILURES = {
    "import": ("import nosuchmodule\n", ""),
    "no-callable": ("x = 1\n", ""),
    "application": ("""
        def application(environ, start_response):
            raise ValueError("wrong")
     """, ""),
    "protocol": ("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return None
     """, ""),
    "timeout": ("""
        import time

        def application(environ, start_response):
            time.sleep(100)
     """, "--timeout 1"),
    "terminated": ("""
        import os
        import signal
        import time

        def application(environ, start_response):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(100)
     """, ""),
    "crash": ("""
        import os

        def application(environ, start_response):
            os.abort()
     """, ""),
    "content-length": ("""
        def application(environ, start_response):
            print("<called>")
     """, ""),
    "too-large": ("""
        def application(environ, start_response):
            print("<called>")
     """, "--max-body 10"),
}
STATUSES = {"timeout": (504, "Gateway Timeout"),
            "content-length": (400, "Bad Request"),
            "too-large": (413, None)}


def provoke(cgi, code, options="", **how):
    """Make the program fail with a code."""
    source, own_options = FAILURES[code]
    how.setdefault("method", "POST")
    if code == "content-length":
        how["length"] = "five"
    elif code == "too-large":
        how["body"] = b"01234567890"
    return cgi.run(cgi.script(program(source), f"{own_options} {options}"),
                   "/private/path", timeout=40, **how)


@pytest.mark.parametrize("code", FAILURES)
def test_page(cgi, code):
    """G1, D4: complete, code and id on the page and in the log."""
    reply = provoke(cgi, code)
    status, reason = STATUSES.get(code, (500, "Internal Server Error"))
    assert reply.status == status and reply.exit != 0, reply
    assert reason is None or reply.reason == reason
    assert [name for name, _ in reply.headers] == ["Content-Type",
                                                   "Content-Length"]
    assert reply.header("Content-Type") == "text/html; charset=utf-8"
    assert int(reply.header("Content-Length")) == len(reply.body)
    logged, id = ID.search(reply.log).groups()
    page = reply.body.decode()
    assert logged == code and code in page and id in page
    assert page.lower().lstrip().startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert "<called>" not in reply.log


@pytest.mark.parametrize("code", FAILURES)
def test_page_tells_nothing(cgi, code):
    """G5: no path, environment or traceback without --debug."""
    page = provoke(cgi, code, env={"DEPLOYED": "hunter2"}).body.decode()
    for leak in (str(cgi.folder), "app.cgi", "Traceback", "hunter2",
                 "File ", "nosuchmodule", "private"):
        assert leak not in page


@pytest.mark.parametrize("code", FAILURES)
def test_page_for_head(cgi, code):
    """G5, F3: HEAD is obeyed."""
    reply = provoke(cgi, code, method="HEAD")
    assert reply.status == STATUSES.get(code, (500,))[0] and reply.exit != 0
    assert reply.body == b"" and int(reply.header("Content-Length")) > 0


@pytest.mark.parametrize("code", FAILURES)
def test_page_as_text(cgi, code):
    """G1: for who prefers it."""
    reply = provoke(cgi, code, headers=[("Accept", "text/plain")])
    assert reply.header("Content-Type") == "text/plain; charset=utf-8"
    assert int(reply.header("Content-Length")) == len(reply.body)
    text = reply.body.decode()
    assert code in text and ID.search(reply.log)[2] in text
    assert "<" not in text


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept, type", [
    (None, "text/html"), ("", "text/html"), ("*/*", "text/html"),
    (BROWSER, "text/html"), ("text/html", "text/html"),
    ("text/plain", "text/plain"), ("TEXT/PLAIN", "text/plain"),
    ("text/plain, text/*;q=0.9", "text/plain"),
    ("text/plain;q=0.5, text/html", "text/html"),
    ("text/html, text/plain;q=0.5", "text/html"),
    ("text/html;q=0.5, text/plain", "text/plain"),
    ("text/plain;q=0.9, text/html;q=0.8", "text/plain"),
    ("text/html; q=0.1 , text/plain ;q=0.2", "text/plain"),
    ("text/plain;q=0", "text/html"),
    ("text/plain;q=0, text/html;q=0.1", "text/html"),
    ("text/*", "text/html"), ("application/json", "text/html"),
    ("text/plainer", "text/html"), ("x-text/plain", "text/html"),
    ("text/plain;q=1.000, text/html;q=0.999", "text/plain"),
    ("text/html;q=1000000, text/plain", "text/html"),
    ("text/plain;q=inf, text/html;q=0.1", "text/html"),
    ("text/plain;seq=1, text/html;q=0.1", "text/plain"),
    ("text/html;seq=1, text/plain;q=0.1", "text/html"),
    (",,;;q=,text/plain;q=x" + "," * 1000, None)])
def test_accept(cgi, accept, type):
    """G1: text when Accept prefers it, by its q values."""
    headers = [] if accept is None else [("Accept", accept)]
    reply = provoke(cgi, "application", headers=headers)
    assert reply.status == 500
    if type:
        assert reply.header("Content-Type") == type + "; charset=utf-8"


@pytest.mark.parametrize("statement", [
    "os.abort()", "ctypes.string_at(0)",
    "os.kill(os.getpid(), signal.SIGSEGV)",
    "os.kill(os.getpid(), signal.SIGBUS)",
    "os.kill(os.getpid(), signal.SIGFPE)",
    "os.kill(os.getpid(), signal.SIGILL)",
    "threading.Thread(target=ctypes.string_at, args=(0,)).start();"
    " time.sleep(100)"])
@pytest.mark.parametrize("sent", [False, True])
def test_crash(cgi, statement, sent):
    """G1: a fatal signal; after the first byte the log alone tells."""
    reply = cgi.run(cgi.script(program(f"""
        import ctypes
        import os
        import signal
        import threading
        import time

        def application(environ, start_response):
            write = start_response("200 OK", [])
            if {sent}:
                write(b"first")
            {statement}
    """)), timeout=30)
    if sent:
        assert reply.raw == b"Status: 200 OK\r\n\r\nfirst", reply
    else:
        assert reply.status == 500 and b"crash" in reply.body
        assert int(reply.header("Content-Length")) == len(reply.body)
    logged, id = ID.search(reply.log).groups()
    assert logged == "crash"
    assert sent or id.encode() in reply.body
    assert reply.exit != 0


def test_crash_of_the_stack(cgi):
    """G1, I5: the signal handler has a stack of its own."""
    reply = cgi.run(cgi.script("""
        import sys

        def application(environ, start_response):
            item = ()
            for number in range(300000):
                item = (item, None)
            sys.setrecursionlimit(10 ** 9)
            repr(item)
    """), timeout=60)
    assert reply.status == 500 and reply.exit != 0, reply
    # Python 3.12 guards the stack of C code: RecursionError.
    assert ID.search(reply.log)[1] in ("crash", "application")


def test_exit_status_of_a_crash(cgi):
    """I4: 1: the response was not delivered whole."""
    assert provoke(cgi, "crash").exit == 1


def test_crash_with_faulthandler(cgi):
    """G1, D3: PYTHONFAULTHANDLER=1 adds the Python stack to the log."""
    reply = provoke(cgi, "crash", env={"PYTHONFAULTHANDLER": "1"})
    assert reply.status == 500 and b"crash" in reply.body, reply
    assert "in application" in reply.log


@pytest.mark.parametrize("sent", [False, True])
def test_sigterm_from_outside(cgi, sent):
    """G1, I2: an exception in the application, then the page."""
    process = cgi.start(cgi.script(program(f"""
        import time

        def application(environ, start_response):
            write = start_response("200 OK", [])
            if {sent}:
                write(b"first")
            try:
                print("<waits>")
                time.sleep(100)
            except SystemExit:
                print("<ended>")
                raise
    """)))
    process.wait_log("<waits>")
    process.signal(signal.SIGTERM)
    reply = process.wait(30)
    assert "<ended>" in reply.log and reply.exit == 1, reply
    assert ID.search(reply.log)[1] == "terminated"
    if sent:
        assert reply.raw == b"Status: 200 OK\r\n\r\nfirst"
    else:
        assert reply.status == 500 and b"terminated" in reply.body


def test_timeout_writes_the_stack(cgi):
    """G1, I6: where the application was."""
    reply = provoke(cgi, "timeout")
    assert "time.sleep(100)" in reply.log or re.search(
        r'app\.cgi", line \d+ in application', reply.log), reply


@pytest.mark.parametrize("code", ["import", "no-callable"])
def test_log_tells_what_the_page_does_not(cgi, code):
    """G5, D3: the administrator's part."""
    log = provoke(cgi, code).log
    assert ("nosuchmodule" if code == "import" else "app.cgi") in log


def test_missing_callable_lists_what_there_is(cgi):
    """G1: the module's own callables."""
    reply = cgi.run(cgi.script("""
        import os

        def make_site():
            pass

        class Handler:
            pass

        NUMBER = 7
    """))
    assert ID.search(reply.log)[1] == "no-callable"
    assert "make_site" in reply.log and "Handler" in reply.log
    assert "NUMBER" not in reply.log


def test_missing_module_mentions_a_virtual_environment(cgi):
    """G1: that lies beside the script and is not used unasked."""
    script = cgi.script("import nosuchmodule\n")
    assert ".venv" not in cgi.run(script).log
    cgi.write(".venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n")
    reply = cgi.run(script)
    assert "--venv" in reply.log and ".venv" in reply.log, reply


# --debug

SECRETS = """
    CONFIGURATION = {"API_KEY": "hidden1", "nested": {"db_password": "hidden2",
                     "Cookie": "hidden3"}, "visible": "shown1"}


    class Settings:
        def __repr__(self):
            return "Settings()"


    def inner(password, user, number):
        SECRET_THING = "hidden4"
        my_token = ["hidden5"]
        authorization = b"hidden6"
        listed = [{"auth_header": "hidden7", "plain": "shown2"}]
        local = dict(CONFIGURATION)
        settings = Settings()
        raise ValueError("<script>alert(1)</script> & \\"quotes\\"")


    def application(environ, start_response):
        inner("hidden8", "shown3", 12345)
"""


def test_debug_page(cgi):
    """G5: with --debug: traceback, source lines, local variables."""
    reply = cgi.run(cgi.script(program(SECRETS), "--debug"))
    assert reply.status == 500 and reply.exit == 1
    assert len(reply.body) == int(reply.header("Content-Length"))
    page = reply.body.decode()
    assert "<script" not in page and "&lt;script&gt;" in page
    text = html.unescape(re.sub("<[^>]*>", "", page))
    assert "<script>alert(1)</script> & \"quotes\"" in text
    for expected in ("Traceback", str(cgi.folder), "inner", "raise ValueErr",
                     'inner("****"', "12345", "shown1", "shown2",
                     "shown3", "****", "Settings()"):
        assert expected in text, expected


def own_page(cgi, source, **how):
    """The main part of --debug's page."""
    page = cgi.run(cgi.script(program(source), "--debug"), **how).body.decode()
    return page.partition("<main>")[2]


def test_debug_page_puts_the_own_code_first(cgi):
    """Issue 15: the exception as heading, libraries folded, a reminder."""
    page = own_page(cgi, """
        import json

        def load(text):
            return json.loads(text)

        def application(environ, start_response):
            load("{<b>")
    """)
    assert page.lstrip().startswith(
        "<h1>json.decoder.JSONDecodeError: Expecting property name")
    assert "Everyone who asks for this page sees this" in page
    own, _, way = page.partition("<h2>How it came there</h2>")
    _, _, own = own.partition("<h2>Where it was in your code</h2>")
    assert "app.cgi, line 6, in load" in own and "json/" not in own
    folded = re.findall(r"<details><summary>(\d) calls in libraries</summary>"
                        r"(.*?)</details>", way, re.DOTALL)
    assert [number for number, _ in folded] == ["3"]
    assert folded[0][1].count("/json/") == 3
    assert way.replace(folded[0][1], "").count("/json/") == 0
    assert way.count("app.cgi, line ") == 2


def test_debug_page_has_one_variable_in_a_line(cgi):
    """G5: the request's, masked, and with hostile names."""
    page = own_page(cgi, """
        def application(environ, start_response):
            1 / 0
    """, env={"<b>": "1", "SECRET_<i>": "hidden"}, headers=[
        ("X-Long", "x" * 5000), ("Cookie", "a=hidden")])
    rows = dict(re.findall(r'<p><code><span class="name">(.*?)</span>=(.*?)'
                           r"</code></p>\n", page))
    assert rows["HTTP_X_LONG"] == "x" * 5000
    assert rows["&lt;b&gt;"] == "1" and rows["SECRET_&lt;i&gt;"] == "****"
    assert rows["HTTP_COOKIE"] == "****" and "hidden" not in page
    assert "<b>" not in page and "<i>" not in page


@pytest.mark.parametrize("source", [
    "import json\njson.loads('x')\n", "x = 1\nif x =< 2: 3\n",
    "exec(compile('1 / 0', '<b>\"&', 'exec'))\n",
    "raise ExceptionGroup('two', [ValueError(1), KeyError(2)])\n",
    "raise ValueError('one\\n  File \"<i>\", line 1, in x\\n    y')\n",
    "raise ValueError('')\n", "raise ValueError('\\n\\n')\n",
    "def f(): f()\nf()\n"])
def test_debug_page_of_strange_traces(cgi, source):
    """G5: whatever they look like, the page is whole and escaped."""
    page = own_page(cgi, source)
    assert page.rstrip().endswith("</main></body></html>")
    for tag in ("pre", "details", "summary", "p", "code", "h1", "h2"):
        assert (len(re.findall(rf"<{tag}[ >]", page))
                == page.count(f"</{tag}>")), tag
    assert "<b>" not in page and "<i>" not in page
    assert re.search("<h1>[^<]+</h1>", page)


def test_debug_page_masks_secrets(cgi):
    """G5: by the names of variables and dict keys, in any case."""
    page = cgi.run(cgi.script(program(SECRETS), "--debug"),
                   headers=[("Cookie", "session=hidden9"),
                            ("Authorization", "Basic hidden10")],
                   env={"DATABASE_PASSWORD": "hidden11"}).body.decode()
    assert not re.findall(r"hidden\d+", page), page
    assert "inner(&quot;****&quot;" in page


@pytest.mark.parametrize("line", [
    'raise ValueError("SEEN postgres://user:LEAK@host/SEEN")',
    'raise ValueError("SEEN password=LEAK")',
    'raise ValueError("SEEN\\npassword=LEAK: LEAK")',
    'raise KeyError("SEEN", "Bearer LEAK")',
    'login("SEEN", password="LEAK")', 'login("SEEN", {"api_key": "LEAK"})',
    'login("SEEN", ("password", "LEAK"))', "login('SEEN', pw='LEAK')",
    'SEEN["password"] = "LEAK"', 'SEEN("https://user:LEAK@host/")',
    'creds = "LEAK"; SEEN()'])
def test_debug_page_masks_literals(cgi, line):
    """G5, attack 1, case 32: secrets in a message, and in lines of source."""
    page = own_page(cgi, f"""
        def application(environ, start_response):
            try:
                {line}
            except LookupError as error:
                raise ValueError("chained") from error
    """)
    assert "SEEN" in page and "LEAK" not in page, page


def test_debug_page_shows_the_source(cgi):
    """G5, attack 1: what is no secret stays as it was written."""
    page = own_page(cgi, """
        def application(environ, start_response):
            raise ValueError("it: a=b", {"name": 'x'}["name"], "c: d")
    """)
    page = html.unescape(page)
    assert "ValueError: ('it: a=b', 'x', 'c: d')" in page
    assert """{"name": 'x'}["name"], "c: d")""" in page


def test_debug_page_of_a_loop_over_a_dict(cgi):
    """G5: key has a name then, which is masked in its own line alone."""
    page = own_page(cgi, """
        def application(environ, start_response):
            for key, value in {"user-name": 1}.items():
                raise ValueError(f"{key} of user-name")
    """)
    assert "user-name of user-name" in page and "key = '****'" in page
    page = own_page(cgi, """
        def application(environ, start_response):
            key = "hidden1"
            raise ValueError("it is " + key)
    """)
    assert "it is ****" in page and "hidden1" not in page


@pytest.mark.parametrize("value", [
    '{"API_KEYS": ["hidden1", "hidden2"]}',
    '{"token": ("hidden1", {"x": "hidden2"})}',
    '{"SECRET": {"a": "hidden1", "b": ["hidden2"]}, "plain": "shown"}',
    '{b"cookie": b"hidden1"}', '[("Authorization", "hidden1")]',
    '{"it\'s a key": "hidden1"}', '{"password": "it\'s \\"hidden1\\""}',
    '{"password": "a,b)hidden1"}', '{"secret": b"\\\\\'hidden1"}',
    'types.SimpleNamespace(headers={"X-Auth": "hidden1"})'])
def test_debug_page_masks_secrets_in_containers(cgi, value):
    """G5: the whole value behind a dict key, whatever it is."""
    page = cgi.run(cgi.script(program(f"""
        import types

        CONTAINER = {value}

        def application(environ, start_response):
            container = CONTAINER
            raise ValueError
    """), "--debug")).body.decode()
    assert "container" in page and "hidden" not in page, page


# Values with LEAK behind a name that says so, and SEEN behind others. @ stands
# for the name; each is a local variable of its own.
LEAVES = [
    "'LEAK'", "'a,LEAK'", "'a\\'b, LEAK'", "'a\\nLEAK'", "b'LEAK'",
    "bytearray(b'a,LEAK')", "memoryview(b'LEAK')", "array.array('b', b'LEAK')",
    "['LEAK', 'LEAK']", "('LEAK',)", "{'LEAK'}", "frozenset({'LEAK'})",
    "{'x': 'LEAK'}", "{'LEAK': 1}", "[[['LEAK']]]", "deque(['LEAK'])",
    "Text('LEAK')", "Held('LEAK')", "Told('LEAK')", "Slots('LEAK')",
    "Point('LEAK', 'LEAK')", "Data('LEAK')", "ValueError('LEAK')",
    "Enumerated.LEAK", "Told", "{1: ('LEAK', {'LEAK'})}"]
HOLDERS = [
    "{'user': 'monkey', '@': VALUE}", "{'@': VALUE, 'a': 'SEEN'}",
    "{b'user': b'SEEN', b'@': VALUE}", "{('a', '@'): VALUE}",
    "OrderedDict(user='SEEN', @=VALUE)", "defaultdict(list, {'@': VALUE})",
    "Table({'a': 'SEEN', '@': VALUE})", "[{'@': VALUE}, 'SEEN']",
    "({'@': VALUE},)", "[('a', 'SEEN'), ('@', VALUE)]", "['--@', VALUE]",
    "('user', 'SEEN', '@', VALUE)", "{'headers': [(b'@', VALUE)]}",
    "SimpleNamespace(a='SEEN', @=VALUE)", "Login('SEEN', VALUE)",
    "Account('SEEN', VALUE)", "Slotted('SEEN', VALUE)", "Table(a=Table(@=VALUE))",
    "{'name': '@', 'value': VALUE}", "[{'key': b'@', 'data': [VALUE]}]",
    "ValueError('@', VALUE)", "{'a': {'b': {'c': [('@', VALUE)]}}}",
    "deque([{'@': VALUE}])", "iter([{'@': VALUE}])", "{'@': VALUE}.values()",
    "MappingProxyType({'@': VALUE})", "partial(print, @=VALUE)",
    "ChainMap({'@': VALUE})", "Held(VALUE)", "Hidden(VALUE)", "Looks(VALUE)"]
SHAPES = """
import array
import enum
import os
from collections import (ChainMap, OrderedDict, defaultdict, deque,
                         namedtuple)
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType, SimpleNamespace


class Text(str):
    def __repr__(self):
        return f"LEAK by repr {self}"


class Held:
    def __init__(self, value):
        self.value = value


class Told(Held):
    def __repr__(self):
        return f"Told(a,LEAK {self.value})"


class Slots:
    __slots__ = "value",
    __init__ = Held.__init__
    __repr__ = Told.__repr__


class Looks(dict):
    def __init__(self, value):
        super().__init__(password=value)

    def items(self):
        return [("a", "LEAK")]

    __iter__ = keys = __repr__ = __len__ = __getitem__ = items


class Table(dict):
    pass


class Enumerated(enum.Enum):
    LEAK = "LEAK"


@dataclass
class Data:
    secret: object


@dataclass
class Account:
    user: str
    password: object = None


@dataclass
class Slotted:
    __slots__ = "user", "token"
    user: str
    token: object


@dataclass
class Hidden:
    value: object = field(repr=False)


Point = namedtuple("Point", "secret_x secret_y")
Login = namedtuple("Login", "user password")


def application(environ, start_response):
    VARIABLES
    raise ValueError
"""
WORDS = ["password", "API_KEY", "my_token", "Secret", "HTTP_COOKIE",
         "authorization"]


def shapes():
    """Pairs of a holder and a value for it: each with each, at least once."""
    count = max(len(HOLDERS), len(LEAVES))
    for step in range(7):
        for number in range(count):
            word = WORDS[(number + step) % len(WORDS)]
            yield HOLDERS[number % len(HOLDERS)].replace("@", word).replace(
                "VALUE", LEAVES[(number * 3 + step) % len(LEAVES)])


def show(cgi, values):
    """What the page says of local variables, by their number."""
    lines = [f"v{number} = {value}" for number, value in enumerate(values)]
    shown = {}
    # Of one frame no more is shown than a page has room for.
    for first in range(0, len(lines), 15):
        text = "\n    ".join(lines[first:first + 15])
        reply = cgi.run(
            cgi.script(SHAPES.replace("VARIABLES", text), "--debug"),
            headers=[("Accept", "text/plain")])
        assert reply.status == 500, reply
        shown.update(re.findall(r"^ *v(\d+) = (.*)$", reply.body.decode(),
                                re.MULTILINE))
    return shown


def test_debug_page_walks_values(cgi):
    """G5, attack 1: no shape of a value shows what is under a secret's name."""
    values = list(shapes())
    assert len(set(values)) >= 200
    shown = show(cgi, values)
    assert len(shown) == len(values)
    assert not [(values[int(number)], text) for number, text in shown.items()
                if "LEAK" in text]
    for number, value in enumerate(values):
        if "SEEN" in value:
            assert "SEEN" in shown[str(number)], value


def test_debug_page_shows_what_is_no_secret(cgi):
    """G5: values are told as Python writes them."""
    values = {"{'user': 'monkey', 'n': 1.5}": "{'user': 'monkey', 'n': 1.5}",
              "[None, True, 2j, ..., b'x']": "[None, True, 2j, Ellipsis, b'x']",
              "('one',)": "('one',)", "Table(a=[1])": "{'a': [1]}",
              "Login('me', 1)": "Login(user='me', password='****')",
              "SimpleNamespace(a=1)": "SimpleNamespace(a=1)",
              "Account('me')": "Account(user='me', password='****')",
              "Slotted('me', 1)": "Slotted(user='me', token='****')",
              "Held('x')": "Held(...)", "deque([1, 2])": "<deque of 2>",
              "Table": "<class Table>", "Held.__init__":
              "<function Held.__init__>", "ValueError(7, 'x')":
              "ValueError(7, 'x')", "range(3)": "range(0, 3)",
              "__import__('datetime').date(2000, 1, 2)":
              "datetime.date(2000, 1, 2)", "'db://me:pw@host/x'":
              "'db://me:****@host/x'", "10 ** 5000": "<int>"}
    shown = show(cgi, values)
    assert {value: shown[str(number)] for number, value in enumerate(values)} \
        == {**values, "10 ** 5000": shown[str(len(values) - 1)]}


def test_debug_page_of_the_environ(cgi):
    """G5, attack 1: in environ and os.environ names say what is secret."""
    reply = cgi.run(cgi.script("""
        import os

        def application(environ, start_response):
            one = {name: environ[name] for name in environ
                   if "SEEN" in name or "LEAK" in str(environ[name])}
            two = os.environ
            raise ValueError
        """, "--debug"), env={"SECRET_KEY": "LEAK", "SEEN": "yes",
                              "DATABASE_URL": "db://me:LEAK@host/"},
        headers=[("Authorization", "Digest username=a, response=LEAK"),
                 ("Accept", "text/plain")])
    page = reply.body.decode()
    assert "one = {" in page and "two = {" in page
    assert "'SEEN': 'yes'" in page and "LEAK" not in page.replace(
        'or "LEAK" in', ""), page


@pytest.mark.parametrize("value", [
    "'<b>bold</b>'", "'\\ud800'", "b'\\xff<i>'", "'x' * 10**6",
    "Unprintable()", "list(range(10**5))", "recursive()", "'\\x00\\x1b[0m'",
    "Endless()", "[Endless()]", "{Endless(): Endless()}", "nested()",
    "type('<b>', (), {})()"])
def test_debug_page_with_strange_values(cgi, value):
    """G5: any local variable, everything escaped."""
    reply = cgi.run(cgi.script(program(f"""
        class Unprintable:
            def __repr__(self):
                raise AttributeError("in repr")

        class Endless:
            def __repr__(self):
                while True:
                    pass

            __str__ = __len__ = __iter__ = __getattr__ = __repr__
            __class__ = property(__repr__)

        def nested():
            value = []
            for _ in range(10 ** 5):
                value = [value]
            return value

        def recursive():
            value = {{}}
            value["self"] = [value]
            return value

        def application(environ, start_response):
            strange = {value}
            raise ValueError(7)
    """), "--debug"))
    assert reply.status == 500 and reply.exit == 1, reply
    page = reply.body.decode()
    assert "<b>" not in page and "<i>" not in page and "\0" not in page
    assert "strange" in page
    assert page.rstrip().endswith("</html>")


@pytest.mark.parametrize("code", FAILURES)
@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_debug_page_of_every_code(cgi, code, accept):
    """G1, G5: --debug breaks none."""
    reply = provoke(cgi, code, "--debug", headers=[("Accept", accept)])
    assert reply.header("Content-Type") == accept + "; charset=utf-8"
    assert len(reply.body) == int(reply.header("Content-Length"))
    assert code.encode() in reply.body and reply.exit != 0
    if code == "import":
        assert b"nosuchmodule" in reply.body


def test_debug_page_as_text_is_not_escaped(cgi):
    """G5: and has the same content."""
    reply = cgi.run(cgi.script(program(SECRETS), "--debug"),
                    headers=[("Accept", "text/plain")])
    text = reply.body.decode()
    assert "<script>alert(1)</script>" in text and "&lt;" not in text
    assert "shown1" in text and "hidden5" not in text.replace(
        'my_token = ["hidden5"]', "")


def test_debug_page_for_head(cgi):
    """G5: HEAD is obeyed."""
    reply = cgi.run(cgi.script(program(SECRETS), "--debug"), method="HEAD")
    assert reply.status == 500 and reply.body == b""


def test_debug_is_the_deployers_word_only(cgi):
    """G5, H1: no part of a request turns it on."""
    reply = cgi.run(cgi.script(program(SECRETS)), "/--debug?--debug",
                    argv=["--debug"], headers=[("Debug", "1")],
                    env={"HTTP_CGI2WSGI_ARGS": "--debug",
                         "CGI2WSGI_ARGS": "--debug"})
    assert reply.status == 500 and b"Traceback" not in reply.body


def test_debug_after_the_first_byte(cgi):
    """G5, A11: no page in the middle of a body."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])(b"first")
            raise ValueError
    """, "--debug"))
    assert reply.raw == b"Status: 200 OK\r\n\r\nfirst"
    assert "ValueError" in reply.log


def test_debug_of_a_syntax_error(cgi):
    """G5: the line that is wrong."""
    reply = cgi.run(cgi.script("x = 1\nif x =< 2: <oops>\n", "--debug"))
    page = html.unescape(reply.body.decode())
    assert "SyntaxError" in page and "if x =< 2: <oops>" in page
    assert b"<oops>" not in reply.body


def test_no_file_is_left_behind(cgi):
    """I5, G1: no core, no temporary file."""
    provoke(cgi, "crash")
    assert set(os.listdir(cgi.folder)) <= {"app.cgi", "__pycache__"}


@pytest.mark.parametrize("options, software, said, not_said", [
    ("", "Apache/2.4.62 (Debian)", "main server", "standard error"),
    ("", "lighttpd/1.4.69", "the server's error log", "main server"),
    ("", "nginx/1.22.1", "Started in a shell", "virtual host"),
    ("--log -", "lighttpd/1.4.69", "the server's error log", "--log names"),
    ("--log log", "Apache", "the file that --log names", "add --log")])
def test_where_the_log_is(cgi, options, software, said, not_said):
    """G5, case 33: a page says where the entry is, and no more."""
    reply = cgi.run(cgi.script("raise ValueError\n\n", options),
                    env={"SERVER_SOFTWARE": software})
    page = reply.body.decode()
    assert said in html.unescape(page) and not_said not in page
    assert str(cgi.folder) not in page


@pytest.mark.parametrize("options", [[], ["--log", "log"]])
def test_where_the_log_is_in_a_terminal(cgi, options):
    """case 33: no shell is advised in a shell, nor a log where there is one."""
    app = cgi.write("app.py", "raise ValueError\n")
    page = cgi.exec([PROGRAM, *options, app], {}).raw.decode()
    assert "Started in a shell" not in page and "add --log" not in page
    assert ("--log names" if options else "on standard error") in page
