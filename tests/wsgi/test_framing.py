"""How much of a body is sent, and how (F)."""

import fcntl
import os
import re
import threading
import time

import pytest

from harness import CLOSING, program

F_SETPIPE_SZ = 1031     # fcntl's name for it came with Python 3.10


def answer(cgi, headers, result, before="", **how):
    """Run an application that answers with the value of an expression."""
    return cgi.run(cgi.script(program(before, f"""
        def application(environ, start_response):
            write = start_response("200 OK", {headers!r})
            return {result}
    """)), **how)


# Content-Length obeyed

@pytest.mark.parametrize("result", [
    "[b'hello world']", "[b'hello', b' world']", "[b'hel', b'lo world']",
    "(c for c in [b'', b'hello', b'', b' world'])",
    "[b'hello world', 7]", "(c for c in [b'hello world', 7])",
    "[bytes([c]) for c in b'hello world']"])
def test_too_long(cgi, result):
    """F1: the rest is dropped and logged."""
    reply = answer(cgi, [("Content-Length", "5")], result)
    assert (reply.body, reply.header("Content-Length")) == (b"hello", "5")
    assert "cgi2wsgi: long-body [" in reply.log, reply
    assert reply.exit == 0


def test_iteration_stops(cgi):
    """F1: nothing is asked for behind Content-Length and an excess."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "5")])
            for number in range(100):
                print("<step>")
                yield b"abc"
    """))
    assert reply.body == b"abcab"
    assert reply.log.count("<step>") <= 3


@pytest.mark.parametrize("chunk", [b"", b"x"])
def test_content_length_zero(cgi, chunk):
    """F1: nothing of a body."""
    reply = answer(cgi, [("Content-Length", "0")], f"[{chunk!r}]")
    assert (reply.body, reply.header("Content-Length")) == (b"", "0")
    assert ("long-body" in reply.log) == bool(chunk)
    assert reply.exit == 0


@pytest.mark.parametrize("result", ["[]", "[b'']", "[b'hell']",
                                    "iter([b'he', b'll'])", "iter([])"])
def test_too_short(cgi, result):
    """F1, I4: logged, exit status 1."""
    reply = answer(cgi, [("Content-Length", "5")], result)
    assert reply.header("Content-Length") == "5"
    assert "cgi2wsgi: short-body [" in reply.log and reply.exit == 1, reply


def test_content_length_met(cgi):
    """F1: is no reason for a word."""
    reply = answer(cgi, [("Content-Length", "5")], "iter([b'he', b'llo'])")
    assert (reply.body, reply.log, reply.exit) == (b"hello", "", 0)


def test_leading_zeros_of_content_length(cgi):
    """F1, E4: digits only, so they are fine."""
    reply = answer(cgi, [("Content-Length", "0005")], "[b'hello']")
    assert int(reply.header("Content-Length")) == 5 and reply.exit == 0


def test_write_beyond_content_length(cgi):
    """F1: raises."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            write = start_response("200 OK", [("Content-Length", "5")])
            write(b"he")
            write(b"llo")
            try:
                write(b" world")
            except Exception as error:
                print("<refused>", error)
            return []
    """))
    assert reply.body == b"hello" and "<refused>" in reply.log, reply


def test_one_write_beyond_content_length(cgi):
    """F1: raises, and never sends too much."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            write = start_response("200 OK", [("Content-Length", "5")])
            write(b"hello world")
            return []
    """))
    assert reply.exit == 1 and b" world" not in reply.raw, reply
    if reply.status == 200:
        assert b"hello".startswith(reply.body)


def test_chunk_after_a_full_write(cgi):
    """F1: write and iterable count together."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "5")])(b"hell")
            return [b"o world"]
    """))
    assert reply.body == b"hello" and "long-body" in reply.log


# Content-Length added

@pytest.mark.parametrize("result, length", [
    ("[b'hello']", "5"), ("(b'hello',)", "5"), ("[b'']", "0"),
    ("[Text(b'hello')]", "5"), ("[]", "0"), ("()", "0")])
def test_content_length_is_added(cgi, result, length):
    """F2: where len(result) is 1, or the result an empty list or tuple."""
    reply = answer(cgi, [("Content-Type", "text/plain")], result, """
        class Text(bytes):
            pass
    """)
    assert reply.headers == [("Content-Type", "text/plain"),
                             ("Content-Length", length)]
    assert len(reply.body) == int(length)


@pytest.mark.parametrize("result", [
    "[b'a', b'b']", "[b'', b'']", "iter([b'a'])", "iter([])", "Empty()",
    "(c for c in [b'a'])", "Unsized()"])
def test_content_length_is_not_added(cgi, result):
    """F2, F4: anywhere else."""
    reply = answer(cgi, [("Content-Type", "text/plain")], result, """
        class Unsized:
            def __iter__(self):
                yield b"hello"

        class Empty(list):
            pass
    """)
    assert reply.headers == [("Content-Type", "text/plain")]


@pytest.mark.parametrize("status, method", [
    ("204 No Content", "GET"), ("304 Not Modified", "GET"), ("200 OK", "HEAD")])
def test_content_length_is_not_added_to_no_body(cgi, status, method):
    """F2, F3: an empty list says nothing where there is no body."""
    reply = cgi.run(cgi.script(f"""
        def application(environ, start_response):
            start_response({status!r}, [])
            return []
    """), method=method)
    assert reply.headers == [] and reply.exit == 0


def test_content_length_is_not_added_after_write(cgi):
    """F2: where write was used."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])(b"one ")
            return [b"two"] if environ["QUERY_STRING"] else []
    """), "/?two")
    assert reply.headers == [] and reply.body == b"one two"
    reply = cgi.run(cgi.folder / "app.cgi")
    assert reply.headers == [] and reply.body == b"one "


def test_content_length_is_not_added_twice(cgi):
    """F2: the application's own stays, as it wrote it."""
    reply = answer(cgi, [("content-length", "5")], "[b'hello']")
    assert reply.headers == [("content-length", "5")]


# No body

@pytest.mark.parametrize("result", [
    "[b'hello']", "[b'a', b'b']", "iter([b'a'])", "[]",
    "write(b'hello') or []",
    "environ['wsgi.file_wrapper'](open(__file__, 'rb'))"])
@pytest.mark.parametrize("headers", [
    [], [("Content-Length", "5")], [("Content-Type", "text/plain"),
                                    ("X-A", "b")]])
def test_head(cgi, result, headers):
    """F3: the headers of GET, and no body."""
    get = answer(cgi, headers, result)
    head = answer(cgi, headers, result, method="HEAD")
    assert head.status == 200
    # An application that leaves out HEAD's body itself has an empty list, too:
    # its length would be a lie (RFC 9110 9.3.2).
    assert head.headers == [header for header in get.headers
                            if header != ("Content-Length", "0")]
    assert head.body == b""
    assert head.exit == 0 and head.log == "", head


def test_head_body_is_closed(cgi):
    """F3, A7: the iterable is still closed."""
    reply = cgi.run(cgi.script(program(CLOSING, """
        def application(environ, start_response):
            start_response("200 OK", [])
            return Body([b"a", b"b"])
    """)), method="HEAD")
    assert reply.log == "<closed>\n" and reply.body == b""


def test_head_of_an_endless_body(cgi):
    """F3: ends."""
    reply = cgi.run(cgi.script("""
        import itertools

        def application(environ, start_response):
            start_response("200 OK", [])
            return itertools.repeat(b"data")
    """), method="HEAD", timeout=30)
    assert reply.status == 200 and reply.exit == 0


def test_head_needs_start_response(cgi):
    """F3, A4: the application's mistakes stay mistakes."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            return [b"data"]
    """), method="HEAD")
    assert (reply.status, reply.body, reply.exit) == (500, b"", 1)


def test_methods_are_compared_whole(cgi):
    """F3, B1: only HEAD is HEAD."""
    for method in ("head", "HEADER", "Head"):
        reply = answer(cgi, [], "[b'hello']", method=method)
        assert reply.body == b"hello"


@pytest.mark.parametrize("status", ["100 Continue", "101 Switch", "199 Own",
                                    "204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("result", [
    "[]", "[b'']", "[b'body']", "iter([b'a', b'b'])",
    "write(b'body') or []"])
def test_statuses_without_body(cgi, status, result):
    """F3: no body, and no Content-Length made up."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            write = start_response("{status}", [("X-A", "b")])
            return {result}
    """)))
    assert reply.status == int(status[:3]) and reply.body == b""
    assert reply.headers == [("X-A", "b")] and reply.exit == 0, reply


@pytest.mark.parametrize("status", ["200 OK", "205 Reset", "203 Own",
                                    "303 See", "305 Use", "404 No", "500 E"])
def test_statuses_with_body(cgi, status):
    """F3: every other may have one."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            start_response("{status}", [])
            return [b"body"]
    """)))
    assert (reply.status, reply.body) == (int(status[:3]), b"body")


def test_not_modified_with_length(cgi):
    """F3: RFC 9110 8.6: a 304 may tell the length that 200 would have."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("304 Not Modified", [("Content-Length", "5"),
                                                ("ETag", '"a"')])
            return []
    """))
    assert reply.headers == [("Content-Length", "5"), ("ETag", '"a"')]
    assert reply.body == b"" and reply.exit == 0, reply


# Nothing invented

@pytest.mark.parametrize("env", [
    {}, {"HTTP_ACCEPT_ENCODING": "gzip"}, {"HTTP_TE": "trailers, chunked"},
    {"SERVER_PROTOCOL": "HTTP/1.0"}, {"HTTP_CONNECTION": "close"},
    {"HTTP_RANGE": "bytes=0-1"}, {"HTTP_IF_NONE_MATCH": "*"}])
def test_nothing_is_invented(cgi, env):
    """F4: no coding, no header beyond the application's."""
    reply = answer(cgi, [("ETag", '"a"')], "iter([b'one', b'two'])", env=env)
    assert reply.raw == b'Status: 200 OK\r\nETag: "a"\r\n\r\nonetwo'


def test_content_codings_pass(cgi):
    """F4: no content rewriting."""
    reply = answer(cgi, [("Content-Encoding", "gzip"),
                         ("Content-Type", "text/html; charset=x")],
                   "[b'<p>\\r\\n5\\r\\n']")
    assert reply.body == b"<p>\r\n5\r\n"
    assert reply.headers[:2] == [("Content-Encoding", "gzip"),
                                 ("Content-Type", "text/html; charset=x")]


# Writing

def slow_reader(descriptor, received, pause):
    """A thread that reads slowly to the end."""
    def read():
        while data := os.read(descriptor, 50000):
            received.append(data)
            time.sleep(pause)
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


MEGABYTES = """
    BLOCK = bytes(range(256)) * 4096

    def application(environ, start_response):
        start_response("200 OK", [])
        {body}
"""
EXPECTED = bytes(range(256)) * 4096 * 4


@pytest.mark.parametrize("body", [
    "return [BLOCK * 4]", "return [BLOCK] * 4",
    "return [BLOCK[n:n + 999] for n in range(0, len(BLOCK), 999)] * 4"])
@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("size", [4096, 65536])
def test_partial_writes(cgi, body, blocking, size):
    """F5: EAGAIN on a non-blocking pipe, a small one, a slow reader."""
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, F_SETPIPE_SZ, size)
    os.set_blocking(theirs, blocking)
    received = []
    thread = slow_reader(ours, received, 0.0005)
    process = cgi.start(cgi.script(program(MEGABYTES.format(body=body))),
                        stdout=theirs)
    os.close(theirs)
    reply = process.wait()
    thread.join()
    os.close(ours)
    head, _, data = b"".join(received).partition(b"\r\n\r\n")
    assert head.startswith(b"Status: 200 OK") and data == EXPECTED
    assert reply.exit == 0 and reply.log == ""


def test_partial_writes_of_a_file(cgi):
    """F5, F6: sendfile on a non-blocking pipe."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    received = []
    thread = slow_reader(ours, received, 0.0005)
    cgi.write("data", EXPECTED)
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](open("data", "rb"))
    """), stdout=theirs)
    os.close(theirs)
    reply = process.wait()
    thread.join()
    os.close(ours)
    assert b"".join(received).partition(b"\r\n\r\n")[2] == EXPECTED
    assert reply.exit == 0 and reply.log == ""


@pytest.mark.parametrize("result", [
    "[BLOCK] * 4", "environ['wsgi.file_wrapper'](open('data', 'rb'))"])
def test_interrupted_writes(cgi, result):
    """F5: EINTR: Python's signal handlers run, nothing is lost."""
    ours, theirs = os.pipe()
    received = []
    thread = slow_reader(ours, received, 0.002)
    cgi.write("data", EXPECTED)
    process = cgi.start(cgi.script(program(f"""
        import signal

        BLOCK = bytes(range(256)) * 4096
        TICKS = []

        def application(environ, start_response):
            signal.signal(signal.SIGALRM, lambda *args: TICKS.append(1))
            signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
            start_response("200 OK", [])
            yield from {result}
            signal.setitimer(signal.ITIMER_REAL, 0)
            print("<ticks>", len(TICKS))
    """)), stdout=theirs)
    os.close(theirs)
    reply = process.wait()
    thread.join()
    os.close(ours)
    assert b"".join(received).partition(b"\r\n\r\n")[2] == EXPECTED
    assert reply.exit == 0, reply
    # At least one between any two blocks, at best many during each.
    assert int(re.search(r"<ticks> (\d+)", reply.log)[1]) >= 1


def test_a_signal_handler_can_end_a_blocked_write(cgi):
    """F5, A11: its exception is the application's, though none reads."""
    process = cgi.start(cgi.script(program(CLOSING, """
        import itertools
        import signal

        def ring(*args):
            raise TimeoutError("rung")

        def application(environ, start_response):
            signal.signal(signal.SIGALRM, ring)
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            start_response("200 OK", [])
            return Body(itertools.repeat(b"x" * 100000))
    """)))
    process.wait_log("<closed>", timeout=20)
    reply = process.wait()
    assert "rung" in reply.log and reply.exit == 1, reply


@pytest.mark.parametrize("result", [
    "[BLOCK] * 4", "environ['wsgi.file_wrapper'](open('data', 'rb'))",
    "write_all(write)"])
def test_a_signal_handler_writes_during_a_write(cgi, result):
    """F5, A11: it is refused: a block has nothing of another in it."""
    ours, theirs = os.pipe()
    received = []
    thread = slow_reader(ours, received, 0.002)
    cgi.write("data", EXPECTED)
    process = cgi.start(cgi.script(program(f"""
        import signal

        BLOCK = bytes(range(256)) * 4096

        def write_all(write):
            for _ in range(4):
                write(BLOCK)
            return []

        def application(environ, start_response):
            def ring(*args):
                try:
                    write(b"between")
                except RuntimeError as error:
                    print(error)

            signal.signal(signal.SIGALRM, ring)
            write = start_response("200 OK", [])
            signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
            return {result}
    """)), stdout=theirs)
    os.close(theirs)
    reply = process.wait()
    thread.join()
    os.close(ours)
    assert "called by a signal handler" in reply.log, reply
    body = b"".join(received).partition(b"\r\n\r\n")[2]
    # Between two blocks it may write.
    assert body.replace(b"between", b"") == EXPECTED and reply.exit == 0


@pytest.mark.parametrize("restore", [True, False],
                         ids=["SIGPIPE default", "SIGPIPE ignored"])
@pytest.mark.parametrize("body", [
    "return Body(itertools.repeat(b'x' * 1000))",
    "[write(b'x' * 1000) for n in itertools.count()]",
    "return environ['wsgi.file_wrapper'](open('/dev/zero', 'rb'))"])
def test_client_gone(cgi, restore, body):
    """F5: ends quietly, whatever SIGPIPE was, one log line at most."""
    process = cgi.start(cgi.script(program(CLOSING, f"""
        import itertools

        def application(environ, start_response):
            write = start_response("200 OK", [])
            {body}
    """)), restore_signals=restore)
    process.read_head()
    process.hang_up()
    reply = process.wait()
    lines = [line for line in reply.log.splitlines() if line != "<closed>"]
    assert reply.exit == 1 and len(lines) <= 1, reply
    assert all(line.startswith("cgi2wsgi: client-gone [") for line in lines)


def test_client_gone_at_once(cgi):
    """F5, A7: before the first byte."""
    ours, theirs = os.pipe()
    os.close(ours)
    process = cgi.start(cgi.script(program(CLOSING, """
        def application(environ, start_response):
            start_response("200 OK", [])
            return Body([b"one", b"two"])
    """)), stdout=theirs)
    os.close(theirs)
    reply = process.wait()
    assert reply.log.count("<closed>") == 1 and reply.exit == 1
    assert len(reply.log.splitlines()) <= 2, reply


def test_client_gone_while_a_file_is_sent(cgi):
    """F5, F6: the file is closed."""
    cgi.write("data", b"x" * 1000000)
    process = cgi.start(cgi.script("""
        import io

        class File(io.FileIO):
            def close(self):
                if not self.closed:
                    print("<closed>")
                super().close()

        def application(environ, start_response):
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](File("data"))
    """))
    process.read_head()
    process.hang_up()
    reply = process.wait()
    assert reply.log.count("<closed>") == 1 and reply.exit == 1, reply


def test_client_gone_during_its_own_page(cgi):
    """F5, G1: the failure is in the log all the same."""
    ours, theirs = os.pipe()
    os.close(ours)
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            raise ValueError("wrong")
    """), stdout=theirs)
    os.close(theirs)
    reply = process.wait()
    assert "ValueError: wrong" in reply.log and reply.exit == 1, reply


def test_sigpipe_is_ignored_in_the_application(cgi):
    """F5, I2: a pipe of the application's own does not kill it."""
    reply = cgi.run(cgi.script("""
        import os

        def application(environ, start_response):
            start_response("200 OK", [])
            ours, theirs = os.pipe()
            os.close(ours)
            try:
                os.write(theirs, b"x")
            except BrokenPipeError:
                return [b"survived"]
    """))
    assert reply.body == b"survived"
