"""The CGI response (G)."""

import email.utils
import re
import time

import pytest

from harness import APPS, PROGRAM, crossed, program, until

FIRST_LINE = re.compile(rb"Status: \d{3} [^ \r\n][^\r\n]*\r\n")


def complete(reply, code, status=500):
    """Whether the program's own page is whole, and in the log."""
    assert reply.status == status, reply
    assert reply.exit == 1 or code == "crash"    # see test_pages.py
    assert reply.header("Content-Type").startswith("text/html")
    assert len(reply.body) == int(reply.header("Content-Length")) > 0
    assert code.encode() in reply.body
    assert re.search(rf"^(\S+ )?cgi2wsgi: {code} \[", reply.log,
                     re.M), reply
    return True


GOOD = "def application(e, s):\n    s('200 OK', [])\n    return [b'good']\n"
BROKEN = {
    "unknown option": (GOOD, "--unknown", "usage"),
    "bad number": (GOOD, "--timeout soon", "usage"),
    "missing argument": (GOOD, "--path", "usage"),
    "word behind the options": (GOOD, "other.py", "usage"),
    "unclosed quote": (GOOD, "--path 'a", "usage"),
    "missing virtual environment": (GOOD, "--venv nowhere", "venv"),
    "unwritable log": (GOOD, "--log nowhere/app.log", "log-file"),
    "missing module": ("import nosuchmodule\n", "", "import"),
    "syntax error": ("def application(:\n", "", "import"),
    "not UTF-8": ("# coding: nowhere\nx = 1\n", "", "import"),
    "exception at import": ("x = 1\n1 / 0\n", "", "import"),
    "exit at import": ("import sys\nsys.exit(0)\n", "", "import"),
    "interrupt at import": ("x = 1\nraise KeyboardInterrupt\n", "",
                            "import"),
    "empty file": ("\n", "", "no-callable"),
    "missing callable": (GOOD, ":other", "no-callable"),
    "not callable": ("x = 1\napplication = 7\n", "", "no-callable"),
    "failing factory": ("def make():\n    raise ValueError\n", ":make()",
                        "import"),
    "factory without result": ("def make():\n    pass\n", ":make()",
                               "no-callable"),
    "abort at import": ("import os\nos.abort()\n", "", "crash"),
    "crash at import": ("import ctypes\nctypes.string_at(0)\n", "", "crash"),
}


@pytest.mark.parametrize("what, method", crossed(
    list(BROKEN), ["GET", "HEAD", "POST"]))
def test_always_complete(cgi, what, method):
    """G1, G5: whatever failed; HEAD is obeyed."""
    source, options, code = BROKEN[what]
    body = b"x" * 100000 if method == "POST" else None
    reply = cgi.run(cgi.script(source, options), method=method, body=body)
    if method == "HEAD":
        assert reply.status == 500 and reply.body == b"", reply
        assert int(reply.header("Content-Length")) > 0
        assert f"cgi2wsgi: {code} [" in reply.log
    else:
        assert complete(reply, code)


@pytest.mark.parametrize("env, code", [
    ({"PYTHONHASHSEED": "nonsense"}, "python"),
    ({"CGI2WSGI_ARGS": "nowhere.py"}, "no-file"),
    ({"CGI2WSGI_ARGS": "nosuchmodule:app"}, "import"),
    ({"CGI2WSGI_ARGS": "--unknown app.cgi"}, "usage"),
    ({"CGI2WSGI_ARGS": ""}, "no-application"),
    ({"CONTENT_LENGTH": "five"}, "no-application"),
])
def test_complete_without_a_script(cgi, env, code):
    """G1: started by name, and by an interpreter that will not start."""
    how = {"env": env}
    if code == "python":
        reply = cgi.run(cgi.script("hello"), **how)
    else:
        reply = cgi.run(PROGRAM, cwd=cgi.folder, **how)
    assert complete(reply, code)


@pytest.mark.parametrize("env", [{"PYTHONHOME": "/nonexistent"},
                                 {"PYTHONPATH": "/nonexistent"},
                                 {"PYTHONMALLOC": "nonsense"},
                                 {"PYTHONIOENCODING": "nonsense"},
                                 {"PYTHONWARNINGS": "nonsense"},
                                 {"PYTHONSTARTUP": "/nonexistent"},
                                 {"PYTHONUTF8": "nonsense"}])
def test_complete_with_a_strange_python_environment(cgi, env):
    """G1: a good reply or the page of code python, never nothing."""
    reply = cgi.run(cgi.script("hello"), env=env)
    if reply.status == 200:
        assert reply.body == b"Hello, world!\n" and reply.exit == 0
    else:
        assert complete(reply, "python")


def test_complete_without_any_variable(cgi):
    """G1: of a request there is REQUEST_METHOD alone."""
    reply = cgi.exec([cgi.script("hello")], {"REQUEST_METHOD": "GET"})
    assert (reply.status, reply.body) == (200, b"Hello, world!\n"), reply


@pytest.mark.parametrize("source", [
    "return [b'body']", "return []", "return iter([b'a', b'b'])",
    "raise ValueError", "return None", "return s('404 Nothing', [])"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_form_of_the_head(cgi, source, method):
    """G2: Status first and once, then the rest, CRLF, an empty line."""
    reply = cgi.run(cgi.script(program(f"""
        def application(e, s):
            s("200 OK", [("X-A", "b"), ("Set-Cookie", "a=b")])
            {source}
    """)), method=method)
    head = reply.raw[:reply.raw.index(b"\r\n\r\n") + 2]
    assert FIRST_LINE.match(head), reply
    assert len(re.findall(rb"(?i)^status:", head, re.M)) == 1
    assert head.count(b"\n") == head.count(b"\r\n") == head.count(b"\r")
    for line in head.split(b"\r\n")[1:-1]:
        assert re.fullmatch(rb"[\w-]+: \S.*", line), line


def test_head_is_what_the_application_said(cgi):
    """G2, F4: to the byte."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("418 I'm a teapot", [
                ("content-TYPE", "text/x; a=b"), ("X-Empty", "x")])
            yield b"body"
    """))
    assert reply.raw == (b"Status: 418 I'm a teapot\r\n"
                         b"content-TYPE: text/x; a=b\r\n"
                         b"X-Empty: x\r\n\r\nbody")


@pytest.mark.parametrize("name", ["Location", "location"])
@pytest.mark.parametrize("value", ["/local", "http://example.org/x"])
def test_location_is_dropped_from_200(cgi, name, value):
    """G3: Apache would serve that URL and throw the body away."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            start_response("200 OK", [("X-A", "b"), ({name!r}, {value!r}),
                                      ("X-C", "d")])
            return [b"body"]
    """)))
    assert reply.headers == [("X-A", "b"), ("X-C", "d"),
                             ("Content-Length", "4")]
    assert reply.body == b"body" and reply.exit == 0
    assert "cgi2wsgi: location [" in reply.log


@pytest.mark.parametrize("status", ["201 Created", "302 Found", "308 Other",
                                    "202 Accepted", "404 Not Found"])
def test_location_stays_elsewhere(cgi, status):
    """G3: only 200 is touched."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            start_response("{status}", [("Location", "/other")])
            return [b"body"]
    """)))
    assert reply.header("Location") == "/other" and reply.log == ""


def with_header(cgi, size, count=1):
    """A reply with header lines of so many bytes, line end included."""
    return cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            value = "v" * ({size} - len("X-Large: \\r\\n"))
            start_response("200 OK", [("X-Large", value)] * {count})
            return [b"body"]
    """)))


@pytest.mark.parametrize("size, count, warned", [
    (1000, 1, False), (8100, 1, False), (8300, 1, True), (100000, 1, True),
    (6000, 10, False), (6500, 10, False), (6700, 10, True)])
def test_large_headers(cgi, size, count, warned):
    """G4, I5: logged as a warning, not cut."""
    reply = with_header(cgi, size, count)
    assert reply.raw.count(b"v") == count * (size - len("X-Large: \r\n"))
    assert reply.body == b"body" and reply.exit == 0
    assert ("cgi2wsgi: header-size [" in reply.log) == warned, reply.log


LEAKS = ["app.cgi", "Traceback", "hunter2", "MARK", "python3", "/usr/lib"]


@pytest.mark.parametrize("source, options", [
    ("import nosuchmodule\n", ""), ("x = 1\n1 / 0\n", ""),
    ("x = 1\n", ""), (GOOD, "--unknown"), (GOOD, "--venv MARK"),
    ("def application(e, s):\n    raise ValueError('MARK', e)\n", ""),
    ("def application(e, s):\n    s('MARK', [])\n", ""),
    ("def application(e, s):\n    import os; os.abort()\n", ""),
])
@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_own_pages_tell_nothing(cgi, source, options, accept):
    """G5: no path, environment or traceback without --debug."""
    reply = cgi.run(cgi.script(source, options), "/MARK?MARK",
                    headers=[("Accept", accept), ("Cookie", "MARK")],
                    env={"DEPLOYED": "hunter2"})
    assert reply.status == 500
    assert reply.header("Content-Type").startswith(accept)
    text = reply.body.decode()
    assert not [leak for leak in LEAKS if leak in text], text
    assert str(cgi.folder) not in text and str(PROGRAM) not in text


HTTP = re.compile(rb"HTTP/1\.1 (\d{3}) ([^\r\n]+)\r\n((?:[^\r\n]+\r\n)*)"
                  rb"\r\n", re.S)


def nph_head(reply):
    """Status, reason, headers and body of a full HTTP response."""
    match = HTTP.match(reply.raw)
    assert match, reply
    headers = [tuple(line.split(": ", 1)) for line
               in match[3].decode("latin-1").split("\r\n")[:-1]]
    return int(match[1]), match[2], headers, reply.raw[match.end():]


NPH = {"by name": {"name": "nph-app.cgi"}, "by option": {"options": "--nph"}}


@pytest.mark.parametrize("how", NPH.values(), ids=NPH)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nph(cgi, how, method):
    """G6: status line, Date, Server, Connection: close."""
    reply = cgi.run(cgi.script("hello", **how), method=method)
    status, reason, headers, body = nph_head(reply)
    assert (status, reason) == (200, b"OK")
    assert body == (b"" if method == "HEAD" else b"Hello, world!\n")
    names = [name for name, _ in headers]
    assert sorted(names) == ["Connection", "Content-Length", "Content-Type",
                             "Date", "Server"]
    headers = dict(headers)
    assert headers["Connection"] == "close" and headers["Server"]
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
                        headers["Date"])
    assert email.utils.parsedate_to_datetime(headers["Date"])
    assert reply.exit == 0


@pytest.mark.parametrize("how", NPH.values(), ids=NPH)
def test_nph_page(cgi, how):
    """G6, G1: the program's own pages too."""
    reply = cgi.run(cgi.script("import nosuchmodule\n", **how))
    status, _, headers, body = nph_head(reply)
    assert status == 500 and b"import" in body and reply.exit == 1
    assert int(dict(headers)["Content-Length"]) == len(body)
    assert dict(headers)["Connection"] == "close"


def test_nph_page_of_a_crash(cgi):
    """G6, G1: also when it is made by a signal handler."""
    reply = cgi.run(cgi.script("""
        import os

        def application(environ, start_response):
            os.abort()
    """, "--nph"))
    status, _, headers, body = nph_head(reply)
    assert status == 500 and b"crash" in body
    assert int(dict(headers)["Content-Length"]) == len(body)


def test_nph_keeps_the_applications_headers(cgi):
    """G6: its own Date and Server are not doubled."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [
                ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
                ("server", "Own/1"), ("X-A", "b")])
            return [b"body"]
    """, "--nph"))
    headers = [(name.lower(), value)
               for name, value in nph_head(reply)[2]]
    assert [v for n, v in headers if n == "date"] == [
        "Thu, 01 Jan 1970 00:00:00 GMT"]
    assert [v for n, v in headers if n == "server"] == ["Own/1"]


def test_not_nph(cgi):
    """G6: the name begins with `nph-`, nothing less; the URL is nothing."""
    for name in ("nph.cgi", "my-nph-app.cgi", "NPH-app.cgi"):
        reply = cgi.run(cgi.script("hello", name=name), "/nph-x")
        assert reply.status == 200


def test_nph_by_the_name_asked_for(cgi):
    """G6: the server looks at the link's name, and so do we."""
    script = cgi.script("hello")
    link = cgi.folder / "nph-app.cgi"
    link.symlink_to(script)
    assert nph_head(cgi.run(link))[0] == 200
    assert cgi.run(script).status == 200


def test_not_nph_by_the_applications_name(cgi):
    """G6: how the deployer's file is called is nothing to the server."""
    app = cgi.write("nph-x.py", (APPS / "hello.py").read_text())
    reply = cgi.exec([PROGRAM], cgi.environ(
        PROGRAM, env={"CGI2WSGI_ARGS": str(app)}))
    assert reply.status == 200
    link = cgi.folder / "app.cgi"
    link.symlink_to(cgi.script("hello", name="nph-y.cgi"))
    assert cgi.run(link).status == 200


@pytest.mark.parametrize("how", [{}, {"options": "--nph"}])
def test_expect_continue(cgi, how):
    """G7: 100-continue belongs to the server."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            data = environ["wsgi.input"].read()
            start_response("200 OK", [])
            return [data]
    """, **how), method="POST", body=b"data",
        headers=[("Expect", "100-continue")])
    assert reply.raw.startswith((b"Status: 200 OK\r\n", b"HTTP/1.1 200 OK"))
    assert reply.raw.endswith(b"\r\n\r\ndata") and b"100" not in reply.raw


def test_write_from_several_threads(cgi):
    """E9, E10: one of them sends the head, and nobody else."""
    process = cgi.start(cgi.script("""
        import os
        import threading

        def application(environ, start_response):
            write = start_response("200 OK", [("X-Once", "yes")])

            def work(number):
                os.write(2, b"<writes>")
                write(b"ABCD"[number:number + 1] * 200000)

            threads = [threading.Thread(target=work, args=(number,))
                       for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return []
    """))
    until(lambda: process.log.count("<writes>") == 4)
    time.sleep(0.2)     # nobody reads: each of them waits for room
    reply = process.wait()
    assert reply.raw.count(b"X-Once") == reply.raw.count(b"Status:") == 1
    assert reply.raw.startswith(b"Status: 200 OK\r\n")
    assert [reply.raw.count(letter) for letter
            in (b"A", b"B", b"C", b"D")] == [200000] * 4
    assert reply.exit == 0
