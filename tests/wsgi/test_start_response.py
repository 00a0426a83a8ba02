"""start_response, headers and write (E)."""

import select
import socket

import pytest

from harness import program


def respond(cgi, status="200 OK", headers=(), body=b"body", **how):
    """Run an application that answers with this."""
    return cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            start_response({status!r}, {list(headers)!r})
            return [{body!r}]
    """)), **how)


def attempt(cgi, call):
    """Evaluate a refused call in an application that then answers well.

    Gives the message of the exception, which the log must not contain.
    """
    reply = cgi.run(cgi.script(program(f"""
        import http
        import sys

        class Text(str):
            pass

        def application(environ, start_response):
            try:
                {call}
            except Exception as error:
                message = str(error)
            else:
                message = "ACCEPTED"
            start_response("299 Caught", [("X-Second", "yes")])
            return [message.encode("utf-8", "backslashreplace")]
    """)))
    assert b"ACCEPTED" not in reply.body, f"{call} was accepted"
    # E5: nothing of the first call was kept, the second one is the answer.
    assert (reply.status, reply.reason) == (299, "Caught"), reply
    assert [name for name, _ in reply.headers] == [
        "X-Second", "Content-Length"]
    assert reply.exit == 0 and reply.log == "", reply
    assert reply.body
    return reply.body.decode()


@pytest.mark.parametrize("status", [
    "200 OK", "404 Not Found", "999 Odd", "599 x", "200 Two  spaces",
    "418 I'm a teapot; \"really\"", "299 Sch\xf6n"])
def test_status(cgi, status):
    """E1, G2: passes as it is."""
    reply = respond(cgi, status)
    line = reply.raw.split(b"\r\n")[0]
    assert line == f"Status: {status}".encode("latin-1")


@pytest.mark.parametrize("status, expected", [
    ("200", b"200 OK"), ("200 ", b"200 OK"), ("404", b"404 Not Found"),
    ("503", b"503 Service Unavailable")])
def test_missing_reason(cgi, status, expected):
    """E1: is completed, never refused."""
    reply = respond(cgi, status)
    assert reply.raw.split(b"\r\n")[0] == b"Status: " + expected


@pytest.mark.parametrize("status", ["299", "299 ", "799", "999"])
def test_missing_reason_of_an_unknown_status(cgi, status):
    """E1: has a reason all the same."""
    reply = respond(cgi, status)
    assert reply.status == int(status) and reply.reason.strip()


WRONG_STATUSES = [
    "", " ", "OK", "99 Low", "099 Low", "000 Low", "20 OK", "2 OK",
    "1000 High", "2000 OK", "200OK", " 200 OK", "+20 OK", "-20 OK", "2e2 OK",
    "0x1 OK", "200-OK", "200\tOK", "200\nOK", "200\r\n", "200 OK\r\n",
    "200 OK\n", "200 OK\r", "200 O\nK", "200 O\r\nX-A: b", "200 OK\0",
    "200 \0", "200 O\0K", "200\0", "200 \x1b[0m", "200 \x7f", "200 O\x01K",
    "200 \u20ac", "200 \ud800", "\uff12\uff10\uff10 OK", "\u0662\u0660\u0660",
    "200 \U0001f40d"]


@pytest.mark.parametrize("status", WRONG_STATUSES, ids=ascii)
def test_wrong_status(cgi, status):
    """E1, E5: refused at the call."""
    message = attempt(cgi, f"start_response({status!r}, [])")
    assert "status" in message.lower()


@pytest.mark.parametrize("status", [
    "b'200 OK'", "200", "None", "('200', 'OK')", "http.HTTPStatus.OK",
    "bytearray(b'200 OK')", "200.0"])
def test_status_is_str(cgi, status):
    """E1: nothing but str."""
    message = attempt(cgi, f"start_response({status}, [])")
    assert "status" in message.lower()


def test_uncaught_refusal(cgi):
    """E1, A11: becomes the page of code protocol."""
    reply = respond(cgi, "200 O\nK")
    assert (reply.status, reply.exit) == (500, 1)
    assert "cgi2wsgi: protocol [" in reply.log, reply
    assert b"protocol" in reply.body


@pytest.mark.parametrize("call", [
    "start_response('2 OK', [])", "start_response('200 OK', [])('text')",
    "start_response('200 OK', [], 7)", "start_response()"])
def test_caught_refusal(cgi, call):
    """E5, A11: what the application raises later is its own fault."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            try:
                {call}
            except Exception:
                pass
            raise KeyError("own")
    """)))
    assert reply.status == 500 and "KeyError: 'own'" in reply.log, reply
    assert "cgi2wsgi: application [" in reply.log


@pytest.mark.parametrize("headers", [
    "()", "(('X-A', 'b'),)", "{}", "{'X-A': 'b'}", "None", "iter([])",
    "dict(a='b').items()", "'X-A: b'", "7", "{('X-A', 'b')}"])
def test_headers_is_a_list(cgi, headers):
    """E2: nothing but a list."""
    message = attempt(cgi, f"start_response('200 OK', {headers})")
    assert "list" in message


@pytest.mark.parametrize("item", [
    "['X-A', 'b']", "'XA'", "('X-A',)", "('X-A', 'b', 'c')", "()", "None",
    "7", "{'X-A', 'b'}", "b'XA'"])
def test_header_is_a_pair(cgi, item):
    """E2: nothing but a tuple of two."""
    message = attempt(
        cgi, f"start_response('200 OK', [('X-Fine', 'yes'), {item}])")
    assert "tuple" in message


@pytest.mark.parametrize("pair", [
    "(b'X-A', 'b')", "(None, 'b')", "(7, 'b')", "('X-A', b'b')",
    "('X-A', None)", "('X-A', 7)", "('X-A', ['b'])",
    "('X-A', bytearray(b'b'))"])
def test_header_is_of_str(cgi, pair):
    """E2: nothing but str."""
    message = attempt(cgi, f"start_response('200 OK', [{pair}])")
    assert "str" in message


CONTROLS = "\0\1\b\n\v\f\r\x1b\x1f\x7f"
WRONG_NAMES = ["", " ", "X A", " X", "X ", "X:", ":X", "X:A", "X\tA",
               "X(A)", "<X>", "X@A", "X,A", "X;A", 'X"A', "X/A", "X[A]",
               "X?A", "X=A", "X{A}", "X\\A", "\xe9", "X\xe9", "X\xa0",
               "X\u20ac", "X\ud800", "\uff38", "X\r\nSet-Cookie: a=b\r\nY"]


def everywhere(*forms):
    """A control character at each place, most of them slow."""
    return [pytest.param(form.format(control), marks=(
        pytest.mark.slow if control != "\n" and form != forms[0] else ()))
        for control in CONTROLS for form in forms]


@pytest.mark.parametrize("name", WRONG_NAMES + everywhere(
    "X{}A", "{}XA", "XA{}"), ids=ascii)
def test_wrong_name(cgi, name):
    """E2, E5: names are RFC 9110 tokens over their whole length."""
    message = attempt(cgi, "start_response('200 OK', [('X-Fine', 'yes'),"
                           f" ({name!r}, 'value')])")
    assert "name" in message.lower()


def test_every_token_character(cgi):
    """E2: RFC 9110 5.6.2."""
    name = ("!#$%&'*+-.^_`|~0123456789"
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert respond(cgi, headers=[(name, "yes")]).header(name) == "yes"


@pytest.mark.parametrize("value", [
    "a\r\n b", "a\r\nX: b", "a\n\n<html>", "\u20ac", "a\u0100", "\ud800",
    "a\udcff", "\U0001f40d", " \n", "a \0 ",
    *everywhere("a{}b", "{}ab", "ab{}", "{}")], ids=ascii)
def test_wrong_value(cgi, value):
    """E2, E5: no control characters, Latin-1; the message names it."""
    message = attempt(cgi, "start_response('200 OK', [('X-Fine', 'yes'),"
                           f" ('X-Wrong', {value!r})])")
    assert "X-Wrong" in message


@pytest.mark.parametrize("value, expected", [
    ("", ""), (" ", ""), ("  a", "a"), ("a  ", "a"), (" a b ", "a b"),
    ("a\tb", "a\tb"), ("a  b", "a  b"), ("\xe9\xff", "\xe9\xff"),
    ('"quoted, with; all: of=it"', '"quoted, with; all: of=it"'),
    ("%0d%0a", "%0d%0a")])
def test_value(cgi, value, expected):
    """E2: passes, without the spaces at its ends."""
    reply = respond(cgi, headers=[("X-A", value)])
    line = reply.raw.split(b"\r\n")[1]
    assert line.rstrip(b" ") == f"X-A: {expected}".rstrip(" ").encode(
        "latin-1")
    if expected:
        assert line == b"X-A: " + expected.encode("latin-1")
    assert reply.exit == 0


def test_headers_keep_their_order(cgi):
    """E2, F4: and their case, and repetitions."""
    headers = [("Set-Cookie", "a=1"), ("X-lower", "1"), ("SET-COOKIE", "b=2"),
               ("Content-Type", "text/x"), ("set-cookie", "a=1"),
               ("Vary", "Cookie"), ("Vary", "Accept")]
    reply = respond(cgi, headers=headers)
    assert reply.headers == headers + [("Content-Length", "4")]


HOP_BY_HOP = ["Connection", "Keep-Alive", "Proxy-Authenticate",
              "Proxy-Authorization", "TE", "Trailers",
              "Transfer-Encoding", "Upgrade"]


@pytest.mark.parametrize("name", HOP_BY_HOP)
@pytest.mark.parametrize("case", [str, str.lower, str.upper])
def test_hop_by_hop(cgi, name, case):
    """E3, E5: refused in any case."""
    name = case(name)
    message = attempt(cgi, f"start_response('200 OK', [({name!r}, 'x')])")
    assert name.lower() in message.lower() and "hop" in message.lower()


@pytest.mark.parametrize("name", ["Connections", "X-Connection", "T", "TEE",
                                  "Upgrade-Insecure-Requests", "Keep",
                                  "Content-Encoding", "Proxy-Status", "Trailer",
                                  "Statu", "X-Status", "Status-Code"])
def test_similar_names(cgi, name):
    """E3, E4: names are compared whole."""
    assert respond(cgi, headers=[(name, "x")]).header(name) == "x"


@pytest.mark.parametrize("length", [
    "", "+5", "-1", "5,5", "5, 5", "0x5", "5.0", "1e3", "five", "5 5",
    "\uff15", "18446744073709551616", "99999999999999999999", "5_0",
    "\xb2"])
def test_wrong_content_length(cgi, length):
    """E4: digits only, and it fits."""
    message = attempt(cgi, "start_response('200 OK', [('content-length', "
                           f"{length!r})])")
    assert "content-length" in message.lower()


@pytest.mark.parametrize("name, values", [
    ("Content-Length", ("4", "4")), ("Content-Length", ("4", "5")),
    ("Content-Type", ("text/plain", "text/plain")),
    ("Location", ("/a", "/b"))])
def test_once_only(cgi, name, values):
    """E4: a second one is refused, in any case."""
    message = attempt(
        cgi, f"start_response('302 Found', [({name!r}, {values[0]!r}), "
        f"('X-A', 'b'), ({name.swapcase()!r}, {values[1]!r})])")
    assert name.lower() in message.lower()


@pytest.mark.parametrize("name", ["Status", "status", "STATUS"])
def test_no_header_status(cgi, name):
    """E4: Status is CGI's."""
    message = attempt(cgi, f"start_response('200 OK', [({name!r}, "
                           "'404 Not Found')])")
    assert "status" in message.lower()


@pytest.mark.parametrize("call, words", [
    ("start_response('2 OK', [])", ["status"]),
    ("start_response('200 OK', [('X-Bad', 'a\\n')])", ["X-Bad"]),
    ("start_response('200 OK', [('Upgrade', 'h2')])", ["Upgrade", "hop"]),
    ("start_response('200 OK', [('Content-Length', 'x')])",
     ["Content-Length", "digits"]),
])
def test_messages(cgi, call, words):
    """E5: name the header and the rule."""
    message = attempt(cgi, call)
    assert all(word.lower() in message.lower() for word in words), message


def test_refused_call_with_exc_info_keeps_the_first(cgi):
    """E5, E7: checks come before anything is kept."""
    reply = cgi.run(cgi.script("""
        import sys

        def application(environ, start_response):
            start_response("201 Created", [("X-First", "yes")])
            try:
                raise ValueError
            except ValueError:
                try:
                    start_response("500 Bad", [("X-Second", "no"),
                                               ("Bad Name", "x")],
                                   sys.exc_info())
                except Exception:
                    pass
            return [b"first"]
    """))
    assert (reply.status, reply.reason) == (201, "Created"), reply
    assert reply.headers == [("X-First", "yes"), ("Content-Length", "5")]


def test_start_response_sends_nothing(cgi):
    """E6: the head waits for the first data."""
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            print("<started>")
            environ["wsgi.input"].read(1)
            yield b""
            print("<empty>")
            environ["wsgi.input"].read(1)
            yield b"data"
    """), method="POST", length=2, stdin="open")
    for mark in ("<started>", "<empty>"):
        process.wait_log(mark)
        # The application waits, so what was sent is there already.
        assert not select.select([process.stdout], [], [], 0)[0]
        process.stdin.write(b"x")
    assert process.wait().body == b"data"


def test_the_list_is_copied(cgi):
    """E6: changing it later changes nothing."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            headers = [("X-A", "1"), ("X-B", "2")]
            start_response("200 OK", headers)
            headers[0] = ("X-A", "changed")
            headers.append(("X-C", "added\\r\\n"))
            del headers[1]
            return [b"body"]
    """))
    assert reply.headers == [("X-A", "1"), ("X-B", "2"),
                             ("Content-Length", "4")]


def test_the_list_is_left_alone(cgi):
    """E6, F4: the application's own list gets no header added."""
    reply = cgi.run(cgi.script("""
        HEADERS = [("X-A", " 1 ")]

        def application(environ, start_response):
            start_response("200 OK", HEADERS)
            yield repr(HEADERS).encode()
    """))
    assert reply.body == b"[('X-A', ' 1 ')]"


SECOND_CALLS = {
    "at once": """
        def application(environ, start_response):
            start_response("200 OK", [])
            start_response("201 Created", [])
            return [b"body"]
    """,
    "with None": """
        def application(environ, start_response):
            start_response("200 OK", [])
            start_response("201 Created", [], None)
            return [b"body"]
    """,
    "in a handler": """
        def application(environ, start_response):
            try:
                start_response("200 OK", [])
                raise KeyError
            except KeyError:
                start_response("201 Created", [])
            return [b"body"]
    """,
    "in an iterable": """
        def application(environ, start_response):
            start_response("200 OK", [])
            yield b""
            start_response("201 Created", [])
            yield b"body"
    """,
    "after a replacement": """
        import sys

        def application(environ, start_response):
            try:
                raise KeyError
            except KeyError:
                start_response("200 OK", [], sys.exc_info())
            start_response("201 Created", [])
            return [b"body"]
    """,
}


@pytest.mark.parametrize("source", SECOND_CALLS.values(), ids=SECOND_CALLS)
def test_second_call_without_exc_info(cgi, source):
    """E7: is an error."""
    reply = cgi.run(cgi.script(program(source)))
    assert reply.status == 500 and reply.exit == 1, reply
    assert "start_response" in reply.log and "exc_info" in reply.log


def test_second_call_after_the_head(cgi):
    """E7: is an error too, and the reply stays as it is."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"first"
            start_response("201 Created", [])
            yield b"second"
    """))
    assert (reply.status, reply.body, reply.exit) == (200, b"first", 1), reply
    assert "start_response" in reply.log and "exc_info" in reply.log


FAIL = """
import sys


def fail(text="wrong"):
    raise ValueError(text)


def failure():
    try:
        fail()
    except ValueError:
        return sys.exc_info()
"""


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_exc_info_replaces(cgi, calls):
    """E7: status and headers wholly, before the head was sent."""
    reply = cgi.run(cgi.script(program(FAIL, f"""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "1000"),
                                      ("Content-Type", "text/plain"),
                                      ("X-First", "1")])
            for number in range({calls}):
                start_response(f"50{{number}} Replaced",
                               [("X-Second", str(number))], failure())
            return [b"replaced"]
    """)))
    assert (reply.status, reply.reason) == (500 + calls - 1, "Replaced")
    assert reply.headers == [("X-Second", str(calls - 1)),
                             ("Content-Length", "8")]
    assert reply.body == b"replaced" and reply.exit == 0, reply


def test_exc_info_in_the_first_call(cgi):
    """E7: is fine."""
    reply = cgi.run(cgi.script(program(FAIL, """
        def application(environ, start_response):
            start_response("500 Own Page", [], failure())
            return [b"own"]
    """)))
    assert (reply.reason, reply.body, reply.exit) == ("Own Page", b"own", 0)


def test_exc_info_after_the_head(cgi):
    """E7: re-raises that very exception with its traceback."""
    reply = cgi.run(cgi.script(program(FAIL, """
        import traceback

        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"first "
            info = failure()
            try:
                start_response("500 Bad", [], info)
            except ValueError as error:
                names = [frame.name for frame in
                         traceback.extract_tb(error.__traceback__)]
                yield repr((error is info[1], "fail" in names)).encode()
    """)))
    assert (reply.status, reply.body) == (200, b"first (True, True)"), reply


@pytest.mark.parametrize("first", ["yield b'first'", "write(b'first')"])
def test_uncaught_exc_info_after_the_head(cgi, first):
    """E7, A11: stops the body, and the log has the original traceback."""
    reply = cgi.run(cgi.script(program(FAIL, f"""
        def application(environ, start_response):
            write = start_response("200 OK", [])
            {first}
            start_response("500 Bad", [], failure())
            yield b"second"
    """)))
    assert (reply.status, reply.body, reply.exit) == (200, b"first", 1), reply
    assert "cgi2wsgi: application [" in reply.log
    assert "in fail" in reply.log and "ValueError: wrong" in reply.log


def test_exc_info_of_a_base_exception(cgi):
    """E7: re-raised like any other."""
    reply = cgi.run(cgi.script("""
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"first"
            try:
                sys.exit("away")
            except SystemExit:
                start_response("500 Bad", [], sys.exc_info())
    """))
    assert (reply.status, reply.body, reply.exit) == (200, b"first", 1), reply
    assert "SystemExit" in reply.log


@pytest.mark.parametrize("sent", ["pass", "write(b'sent')"])
def test_no_reference_to_exc_info(cgi, sent):
    """E7: none is kept, in either case."""
    reply = cgi.run(cgi.script(program(f"""
        import sys
        import weakref

        class Lost(Exception):
            pass

        def use(start_response):
            try:
                raise Lost
            except Lost as error:
                found = weakref.ref(error)
                try:
                    start_response("200 OK", [], sys.exc_info())
                except Lost:
                    pass
            return found

        def application(environ, start_response):
            write = start_response("200 OK", [])
            {sent}
            found = use(start_response)
            return [b" none" if found() is None else b" kept"]
    """)))
    assert reply.body.endswith(b" none") and reply.exit == 0, reply


def test_refused_exc_info_is_not_kept(cgi):
    """E7, E5: not by a call that failed either."""
    reply = cgi.run(cgi.script("""
        import sys
        import weakref

        class Lost(Exception):
            pass

        def use(start_response):
            try:
                raise Lost
            except Lost as error:
                found = weakref.ref(error)
                try:
                    start_response("200 OK", "none", sys.exc_info())
                except Exception:
                    pass
            return found

        def application(environ, start_response):
            found = use(start_response)
            start_response("200 OK", [])
            return [b"none" if found() is None else b"kept"]
    """))
    assert reply.body == b"none", reply


def test_exc_info_by_keyword(cgi):
    """E8: PEP 3333 names the parameter."""
    reply = cgi.run(cgi.script(program(FAIL, """
        def application(environ, start_response):
            start_response("200 OK", [], exc_info=None)
            start_response("404 Not Found", [], exc_info=failure())
            return [b"keyword"]
    """)))
    assert (reply.status, reply.body) == (404, b"keyword"), reply


@pytest.mark.parametrize("value", [
    "7", "'text'", "[]", "()", "(1, 2)", "(1, 2, 3, 4)", "True", "False",
    "0", "ValueError('x')", "list(failure())", "(1, 2, 3)"])
@pytest.mark.parametrize("form", ["{}", "exc_info={}"])
def test_other_exc_info(cgi, value, form):
    """E8: anything else is TypeError."""
    reply = cgi.run(cgi.script(program(FAIL, f"""
        def application(environ, start_response):
            try:
                start_response("200 OK", [], {form.format(value)})
            except TypeError as error:
                start_response("299 Caught", [])
                return [str(error).encode()]
            return [b"accepted"]
    """)))
    assert reply.status == 299 and b"exc_info" in reply.body, reply


@pytest.mark.parametrize("call", [
    "start_response()", "start_response('200 OK')",
    "start_response('200 OK', [], None, None)",
    "start_response('200 OK', [], unknown=None)"])
def test_wrong_arguments(cgi, call):
    """E8: TypeError, as for any function."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            try:
                {call}
            except TypeError:
                start_response("299 Caught", [])
                return []
            return [b"accepted"]
    """)))
    assert reply.status == 299, reply


@pytest.mark.parametrize("sent", ["", "write(b'sent')"])
def test_empty_exc_info_tuple(cgi, sent):
    """E8: sys.exc_info() without an exception crashes nothing."""
    reply = cgi.run(cgi.script(program(f"""
        import sys

        def application(environ, start_response):
            write = start_response("200 OK", [])
            {sent or "pass"}
            try:
                start_response("404 Not Found", [], sys.exc_info())
            except Exception:
                pass
            return [b""]
    """)))
    assert reply.status in (200, 404) and reply.exit == 0, reply
    assert reply.body == (b"sent" if sent else b"")


def test_write_precedes_the_iterable(cgi):
    """E9: data in the order of the calls."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            write = start_response("200 OK", [])
            write(b"one ")
            write(b"two ")
            return [b"three ", b"four"]
    """))
    assert reply.body == b"one two three four" and reply.exit == 0
    assert reply.header("Content-Length") is None


def test_write_of_nothing(cgi):
    """E9: write(b"") sends nothing, not even the head."""
    reply = cgi.run(cgi.script(program(FAIL, """
        def application(environ, start_response):
            start_response("200 OK", [])(b"")
            start_response("404 Not Found", [], failure())(b"")
            return [b"gone"]
    """)))
    assert (reply.status, reply.body) == (404, b"gone"), reply


def test_write_alone(cgi):
    """E9: an empty iterable behind it."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [("X-A", "b")])(b"all")
            return []
    """))
    assert (reply.body, reply.exit) == (b"all", 0)
    assert reply.header("X-A") == "b"


@pytest.mark.parametrize("value, type", [
    ("'text'", "str"), ("''", "str"), ("None", "NoneType"), ("7", "int"),
    ("bytearray(b'x')", "bytearray"), ("memoryview(b'x')", "memoryview"),
    ("[b'x']", "list")])
def test_write_of_something_else(cgi, value, type):
    """E9, A9: an error that names the type; it can be caught."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            write = start_response("200 OK", [])
            try:
                write({value})
            except Exception as error:
                return [str(error).encode()]
            return [b"accepted"]
    """)))
    assert type.encode() in reply.body, reply


@pytest.mark.parametrize("call", ["write()", "write(b'a', b'b')",
                                  "write(data=b'a', end=b'')"])
def test_write_with_wrong_arguments(cgi, call):
    """E9: TypeError."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            write = start_response("200 OK", [])
            try:
                {call}
            except TypeError:
                return [b"refused"]
            return [b"accepted"]
    """)))
    assert reply.body == b"refused"


def test_bytes_subclass_is_written(cgi):
    """E9, A9: its own __len__ is not asked."""
    reply = cgi.run(cgi.script("""
        class Bytes(bytes):
            def __len__(self):
                return 0

        def application(environ, start_response):
            start_response("200 OK", [])(Bytes(b"sub"))
            return []
    """))
    assert reply.body == b"sub"


@pytest.mark.parametrize("call", [
    "write(b'late')", "start_response('200 OK', [])",
    "start_response('200 OK', [], failure())", "write(b'')"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_calls_after_the_end(cgi, call, method):
    """E9: both raise once the request is over."""
    reply = cgi.run(cgi.script(program(FAIL, f"""
        import atexit

        def application(environ, start_response):
            write = start_response("200 OK", [])

            @atexit.register
            def late():
                try:
                    {call}
                except Exception as error:
                    print("<refused>", error)
                else:
                    print("<accepted>")

            return [b"body"]
    """)), method=method)
    assert "<refused>" in reply.log and reply.exit == 0, reply
    assert reply.body == (b"" if method == "HEAD" else b"body")


def test_calls_after_a_failure(cgi):
    """E9: nothing follows the program's own page."""
    reply = cgi.run(cgi.script("""
        import atexit

        def application(environ, start_response):
            write = start_response("200 OK", [])
            atexit.register(write, b"late")
            raise ValueError
    """))
    assert reply.status == 500 and b"late" not in reply.raw, reply
    assert reply.raw.rstrip().endswith(b"</html>")


def test_calls_of_a_thread_after_the_end(cgi):
    """E9: a thread that outlives the request."""
    reply = cgi.run(cgi.script("""
        import threading

        def application(environ, start_response):
            write = start_response("200 OK", [])

            def late():
                # Until the main thread waits for the others to end.
                threading.main_thread().join()
                try:
                    write(b"late")
                except Exception:
                    print("<refused>")

            threading.Thread(target=late).start()
            return [b"body"]
    """))
    assert "<refused>" in reply.log and reply.body == b"body", reply


def packets(cgi, source, method="GET"):
    """What each write of the program carried, in order."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(30)
    with ours:
        with theirs:
            process = cgi.start(cgi.script(program(source)), method=method,
                                stdout=theirs)
        received = []
        while packet := ours.recv(1 << 20):
            received.append(packet)
    assert process.wait().exit == 0
    return received


def test_head_leaves_in_one_write(cgi):
    """E10, A10: with the first data; each block in a write of its own."""
    first, second = packets(cgi, """
        def application(environ, start_response):
            start_response("200 OK", [("X-%d" % n, "v") for n in range(99)])
            yield b""
            yield b"one"
            yield b"two"
    """)
    assert first.startswith(b"Status: 200 OK\r\nX-0: v\r\nX-1: v\r\n")
    assert first.endswith(b"X-98: v\r\n\r\none") and second == b"two"


def test_head_leaves_in_one_write_with_written_data(cgi):
    """E10: write() too."""
    assert packets(cgi, """
        def application(environ, start_response):
            write = start_response("200 OK", [])
            write(b"one")
            write(b"two")
            return []
    """) == [b"Status: 200 OK\r\n\r\none", b"two"]


@pytest.mark.parametrize("result", [
    "[b'one', b'', b'two', b'three']",
    "(b'one', b'two', b'three')",
    "Body()"])
def test_blocks_that_are_there_leave_in_one_write(cgi, result):
    """E10, A10: no block waits for another, and none for its own write."""
    packet, = packets(cgi, f"""
        class Body:
            def __iter__(self):
                return iter([b"one", b"two", b"three"])

        def application(environ, start_response):
            start_response("200 OK", [])
            return {result}
    """)
    assert packet == b"Status: 200 OK\r\n\r\nonetwothree"


def test_many_blocks_leave_in_a_few_writes(cgi):
    """A10: a list may have more of them than one system call takes."""
    blocks = [b"%d " % number for number in range(3000)]
    found = packets(cgi, """
        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"%d " % number for number in range(3000)]
    """)
    assert b"".join(found).partition(b"\r\n\r\n")[2] == b"".join(blocks)
    assert len(found) < 100


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_head_alone_leaves_in_one_write(cgi, method):
    """E10: a response without body."""
    packet, = packets(cgi, """
        def application(environ, start_response):
            start_response("204 No Content", [("X-A", "b"), ("X-C", "d")])
            return []
    """, method)
    assert packet == b"Status: 204 No Content\r\nX-A: b\r\nX-C: d\r\n\r\n"


def test_large_head_leaves_in_one_write(cgi):
    """E10, I5: a header of 100 KB."""
    first, = packets(cgi, """
        def application(environ, start_response):
            start_response("200 OK", [("X-Large", "x" * 100000)])
            return [b"body"]
    """)
    assert first.count(b"x") == 100000 and first.endswith(b"\r\n\r\nbody")
