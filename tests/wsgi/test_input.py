"""wsgi.input: the request's body and nothing else (conformance C)."""

import ast
import fcntl
import hashlib
import io
import json
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import zlib
from pathlib import Path

import pytest

from harness import PROGRAM, alive, crossed, to_bytes, until
from test_framing import F_SETPIPE_SZ

LINES = (b"first\nsecond\r\n\nfourth \xff\x00\xfe\n" + b"x" * 70000
         + b"\nno newline at the end")
GIB5 = 5 << 30


def calls(cgi, body, *words, **how):
    """The results of these calls on the stream in one request."""
    script = cgi.script("input_calls")
    how.setdefault("method", "POST")
    env = {"HTTP_X_CALLS": json.dumps(words), **how.pop("env", {})}
    reply = cgi.run(script, body=body, env=env, **how)
    assert reply.status == 200, reply
    return ast.literal_eval(reply.body.decode("latin-1"))


def judged(body, *words):
    """The same calls on CPython's own reader, the model of a stream."""
    stream = io.BufferedReader(io.BytesIO(body))
    return [list(stream) if name == "iterate"
            else next(stream, None) if name == "next"
            else getattr(stream, name)(*map(small, arguments))
            for name, *arguments in words]


def small(size):
    """CPython's reader asks for all that memory at once."""
    return size if size is None else min(size, 1 << 20)


def waiting(descriptor):
    """How many bytes wait in a pipe."""
    size = fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4)
    return struct.unpack("i", size)[0]


# The methods

@pytest.mark.parametrize("words, body", crossed([
    [["read"]], [["read", -1]], [["read", None]], [["read", 0]],
    [["read", 1]], [["read", 10]], [["read", 65536]], [["read", 65537]],
    [["read", 2 ** 62]],
    [["readline"]], [["readline", None]], [["readline", -1]],
    [["readline", 0]], [["readline", 3]], [["readline", 6]],
    [["readline", 2 ** 62]],
    [["readlines"]], [["readlines", None]], [["readlines", 0]],
    [["readlines", 1]], [["readlines", 7]], [["readlines", 2 ** 62]],
    [["iterate"]], [["next"]]], [LINES, b"", b"\n", b"short"]))
def test_method(cgi, words, body):
    """C1, C3: each method, each kind of size, twice, and then the end."""
    words = words * 2 + [["read"], ["read"], ["read", 5], ["readline"],
                         ["readlines"], ["iterate"], ["next"]]
    assert calls(cgi, body, *words) == judged(body, *words)


def test_position(cgi):
    """C1: all methods share one position."""
    words = [["read", 2], ["readline"], ["next"], ["readline", 1],
             ["readlines", 1], ["read", 3], ["read", 0], ["iterate"]]
    assert calls(cgi, LINES, *words) == judged(LINES, *words)


@pytest.mark.parametrize("seed", range(12))
def test_random_calls(cgi, seed):
    """C1, C3, C4: any order of calls gives what CPython gives."""
    chance = random.Random(seed)
    body = bytes(chance.choices(b"ab\n\r\0", k=chance.choice(
        (10, 8191, 8192, 8193, 200000))))
    words = []
    for _ in range(60):
        name = chance.choice(("read", "readline", "readlines", "next"))
        size = chance.choice((0, 1, 2, 100, 8192, 9000, -1, None))
        words.append([name] if name == "next" else [name, size])
        if size in (-1, None) and chance.random() < 0.8:
            words.pop()
    assert calls(cgi, body, *words) == judged(body, *words)


def test_types(cgi):
    """C1: exact bytes, a list of them, and an iterator of them."""
    script = cgi.script("""
        def application(environ, start_response):
            body = environ["wsgi.input"]
            kinds = [type(body.read(1)), type(body.readline()),
                     type(next(iter(body))), type(body.readlines()),
                     type(body.read())]
            start_response("200 OK", [])
            return [" ".join(kind.__name__ for kind in kinds).encode()]
        """)
    reply = cgi.run(script, method="POST", body=b"a\n" * 9)
    assert reply.body == b"bytes bytes bytes list bytes"


@pytest.mark.parametrize("method", ["POST", "PUT", "GET", "DELETE", "X"])
def test_any_method(cgi, method):
    """C1: a body may come with every method."""
    assert calls(cgi, b"abc", ["read"], method=method) == [b"abc"]


@pytest.mark.parametrize("body", [bytes(range(256)) * 9, b"\r\n\r\n",
                                  b"\x1a\x04\x00"])
def test_binary(cgi, body):
    """C1: bytes pass as they are."""
    assert calls(cgi, body, ["read"]) == [body]


# The end of the body

def test_kept_open(cgi):
    """C2, C3: the end is at CONTENT_LENGTH, not at end of file."""
    for words in ([["read"], ["read"]], [["iterate"]], [["readlines"]],
                  [["read", 99], ["read", 1]], [["readline"]] * 3,
                  [["read", 2 ** 62]]):
        assert calls(cgi, b"a\nb", *words,
                     stdin="open") == judged(b"a\nb", *words)


def test_ignored_kept_open(cgi):
    """C2, C11: nothing waits for the end of file at exit either."""
    assert cgi.run(cgi.script("hello"), method="POST", body=b"abc",
                   stdin="open").exit == 0


@pytest.mark.parametrize("words", [
    [["read"]], [["read", 99]], [["readline"]], [["iterate"]], []])
def test_never_beyond(cgi, words):
    """C2: what lies behind the body in a pipe stays there."""
    reader, writer = os.pipe()
    os.write(writer, b"hello" + b"BEHIND\n" * 100)
    results = calls(cgi, None, *words, stdin=reader,
                    env={"CONTENT_LENGTH": "5"})
    assert results == judged(b"hello", *words)
    assert waiting(reader) == 700
    os.close(writer)
    os.close(reader)


def test_never_beyond_in_file(cgi):
    """C2: lighttpd and h2o give a regular file; its offset tells."""
    path = cgi.write("body", b"hello" + b"BEHIND\n" * 9999)
    with open(path, "rb", buffering=0) as file:
        assert calls(cgi, None, ["read"], ["read"], stdin=file,
                     env={"CONTENT_LENGTH": "5"}) == [b"hello", b""]
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 5


def test_never_beyond_in_socket(cgi):
    """C2: mini-httpd and merecat give the client's socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"helloGET / HTTP/1.1\r\n")
        assert calls(cgi, None, ["read"], stdin=theirs,
                     env={"CONTENT_LENGTH": "5"}) == [b"hello"]
        assert theirs.recv(99) == b"GET / HTTP/1.1\r\n"


def test_file_position(cgi):
    """C2: a regular file is read from where it stands."""
    path = cgi.write("body", b"skipped" + LINES)
    with open(path, "rb", buffering=0) as file:
        file.seek(7)
        assert calls(cgi, None, ["read"], stdin=file,
                     env={"CONTENT_LENGTH": str(len(LINES))}) == [LINES]


def test_blocks_until_complete(cgi):
    """C4: read(n) gives n bytes, however slowly they come."""
    script = cgi.script("input_calls")
    words = [["read", 6], ["readline"], ["read"]]
    process = cgi.start(script, method="POST", length=11, stdin="open",
                        env={"HTTP_X_CALLS": json.dumps(words)})
    for byte in b"hello\nwor\nx":
        process.stdin.write(bytes([byte]))
        until(lambda: waiting(process.stdin) == 0)
    reply = process.wait()
    assert ast.literal_eval(reply.body.decode()) == [b"hello\n", b"wor\n",
                                                     b"x"]


def test_big_size(cgi):
    """C4: a size is no allocation."""
    script = cgi.script("""
        import resource

        def application(environ, start_response):
            read = environ["wsgi.input"].read
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            parts = [read(2 ** 62)]
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            start_response("200 OK", [("X-Grown", str(after - before))])
            return parts
        """)
    reply = cgi.run(script, method="POST", body=b"abc")
    assert reply.body == b"abc"
    assert int(reply.header("X-Grown")) < 4096


def test_big_length(cgi):
    """C4, C8: nor is a CONTENT_LENGTH that is not true."""
    result, = calls(cgi, b"abc", ["read"], length=2 ** 62)
    assert result.startswith("OSError")


# CONTENT_LENGTH

@pytest.mark.parametrize("value", [
    "+5", "-1", "-5", "-0", "0x5", "5 ", " 5", "5\t", "5\n", "5,5", "5, 5",
    "5, 3", "5abc", "abc", "5.0", "5e3", "1_0", "0b1", " ", "5;", "''",
    str(2 ** 64), str(2 ** 64 + 5), str(2 ** 63), "9" * 20, "9" * 400,
    b"\xd9\xa5", b"\xb2", b"5\xff"])
def test_bad_length(cgi, value):
    """C5: 400, before the application is loaded."""
    script = cgi.script("marker")
    reply = cgi.run(script, method="POST", body=b"hello", length=None,
                    env={"CONTENT_LENGTH": value})
    assert reply.status == 400
    assert "cgi2wsgi: content-length [" in reply.log
    assert reply.exit == 1
    assert not (cgi.folder / "imported").exists()


def test_bad_length_drained(cgi):
    """C5: the page arrives although a body that nobody reads waits."""
    process = cgi.start(cgi.script("hello"), method="POST",
                        body=b"x" * (1 << 20), length=None,
                        env={"CONTENT_LENGTH": "5,5"})
    assert process.wait().status == 400


@pytest.mark.parametrize("value", ["5", "0005", "0" * 400 + "5"])
def test_good_length(cgi, value):
    """C5: leading zeros are fine."""
    assert calls(cgi, b"hello", ["read"], length=value) == [b"hello"]


@pytest.mark.parametrize("value", ["0", "000"])
def test_zero_length(cgi, value):
    """C5: lighttpd says 0 for every GET."""
    assert calls(cgi, b"xx", ["read"], length=value, stdin="open") == [b""]


CADDY = {"CONTENT_LENGTH": "-1", "SERVER_SOFTWARE": "Caddy/2.6.2"}


def test_caddy(cgi):
    """C5: Caddy's -1 is a chunked upload, which ends at end of file."""
    assert calls(cgi, b"hello", ["read", 2], ["read"], ["read"], length=None,
                 env=CADDY) == [b"he", b"llo", b""]


def test_caddy_environ(cgi):
    """C5, C6: int(environ["CONTENT_LENGTH"]) gives what came."""
    assert stored(cgi, b"hello", env=CADDY) == ("5", None, b"hello")
    assert stored(cgi, b"", env=CADDY) == ("0", None, b"")


@pytest.mark.parametrize("software", ["Apache", "NotCaddy", "caddyish", ""])
def test_not_caddy(cgi, software):
    """C5: nobody else may say -1."""
    reply = cgi.run(cgi.script("hello"), body=b"x", length=-1,
                    env={"SERVER_SOFTWARE": software})
    assert reply.status == 400


def stored(cgi, body, *options, **how):
    """CONTENT_LENGTH, HTTP_TRANSFER_ENCODING and the body of a call."""
    reply = cgi.run(cgi.script("""
        import ast

        def application(environ, start_response):
            start_response("200 OK", [])
            return [repr((environ.get("CONTENT_LENGTH"),
                          environ.get("HTTP_TRANSFER_ENCODING"),
                          environ["wsgi.input"].read())).encode()]
        """, *options), method="POST", body=body, length=None, **how)
    assert reply.status == 200 and reply.exit == 0, reply
    return ast.literal_eval(reply.body.decode())


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked"}


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 300000, 1 << 21])
def test_chunked_upload_becomes_a_body(cgi, size):
    """C6, case 5: stored whole, measured, and an ordinary body."""
    body = os.urandom(size)
    assert stored(cgi, body, env=CHUNKED) == (str(size), None, body)


def test_chunked_with_length(cgi):
    """C6: nginx gives both; the length counts."""
    env = {**CHUNKED, "CONTENT_LENGTH": "5"}
    assert stored(cgi, b"hello", env=env) == ("5", None, b"hello")


def test_chunked_comes_before_the_call(cgi):
    """C6: the application is called when all of it is there."""
    process = cgi.start(cgi.script("""
        import sys
        print("<imported>", file=sys.stderr)

        def application(environ, start_response):
            print("<called>", file=sys.stderr)
            start_response("200 OK", [])
            return [environ["CONTENT_LENGTH"].encode()]
        """), method="POST", stdin="open", length=None, env=CHUNKED)
    process.wait_log("<imported>")
    process.stdin.write(b"x" * 10)
    until(lambda: waiting(process.stdin.fileno()) == 0)
    assert "<called>" not in process.log
    process.stdin.close()
    assert process.wait().body == b"10"


@pytest.mark.parametrize("size", [1025, 1 << 20])
def test_chunked_too_large(cgi, size):
    """C6, C12, case 5: 413 before the call, and not one byte more is kept."""
    reply = cgi.run(cgi.script("marker", "--max-body 1K"), method="POST",
                    body=bytes(size), length=None, env=CHUNKED)
    assert reply.status == 413 and reply.exit == 1
    assert not (cgi.folder / "called").exists()
    assert "cgi2wsgi: too-large [" in reply.log
    assert stored(cgi, bytes(1024), "--max-body 1K",
                  env=CHUNKED) == ("1024", None, bytes(1024))


def test_chunked_that_stalls(cgi):
    """C6, I6: the time limit holds while the body is received."""
    process = cgi.start(
        cgi.script("marker", "--timeout 1 --graceful-timeout 1"),
        method="POST", stdin="open", length=None, env=CHUNKED)
    process.stdin.write(b"x")
    reply = process.wait(20)
    assert reply.status == 504 and reply.exit == 1
    assert not (cgi.folder / "called").exists()
    assert "cgi2wsgi: timeout [" in reply.log


def test_chunked_that_vanishes(cgi):
    """C6, C8: a client that left is not answered from half a body."""
    ours, theirs = socket.socketpair()
    theirs.send(b"which nobody reads, so that the end is a reset")
    process = cgi.start(cgi.script("marker"), method="POST", stdin=theirs,
                        length=None, env=CHUNKED)
    theirs.close()
    ours.send(b"half")
    ours.close()
    reply = process.wait(20)
    assert reply.exit == 1 and "cgi2wsgi: client-gone [" in reply.log
    assert not (cgi.folder / "called").exists()


def test_chunked_terminated(cgi):
    """C6, I2: SIGTERM while the body is received."""
    process = cgi.start(cgi.script("""
        import sys
        print("<imported>", file=sys.stderr)
        """ + "application = print"), method="POST", stdin="open",
        length=None, env=CHUNKED)
    process.wait_log("<imported>")
    process.stdin.write(b"x")
    until(lambda: waiting(process.stdin.fileno()) == 0)
    os.kill(process.pid, signal.SIGTERM)
    reply = process.wait(20)
    assert reply.status == 500 and "cgi2wsgi: terminated [" in reply.log


def test_chunked_that_cannot_be_kept(cgi):
    """C6, G1: a full disk is a page, not half a body."""
    reply = cgi.run(
        cgi.script("marker"), method="POST", body=bytes(200000), length=None,
        env=CHUNKED, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (100000, 100000)))
    assert reply.status == 500 and "cgi2wsgi: system [" in reply.log
    assert not (cgi.folder / "called").exists()


@pytest.mark.parametrize("how", [
    {"length": None}, {"length": None, "env": {"CONTENT_LENGTH": ""}}])
def test_chunked(cgi, how):
    """C6: Apache takes the chunks apart and ends with end of file."""
    env = {"HTTP_TRANSFER_ENCODING": "chunked", **how.pop("env", {})}
    assert calls(cgi, LINES, ["read", 3], ["readline"], ["read"], ["read"],
                 env=env, **how) == judged(
                     LINES, ["read", 3], ["readline"], ["read"], ["read"])


@pytest.mark.parametrize("coding, status", [
    ("CHUNKED", 200), (" Chunked\t", 200), ("gzip, chunked", 411),
    ("gzip", 411), ("chunked, chunked", 411), ("chunkedx", 411),
    ("identity", 411), ("x", 411)])
def test_transfer_coding(cgi, coding, status):
    """C6, case 5: what the server has not undone is no body."""
    reply = cgi.run(cgi.script("echoed"), method="POST", body=b"hello",
                    length=None, env={"HTTP_TRANSFER_ENCODING": coding})
    assert reply.status == status
    if status == 200:
        assert reply.body == b"hello"
    else:
        assert "cgi2wsgi: length-required [" in reply.log
        assert coding in reply.log


def test_chunked_empty(cgi):
    """C6: an empty one."""
    assert calls(cgi, b"", ["read"], length=None,
                 env={"HTTP_TRANSFER_ENCODING": "chunked"}) == [b""]


@pytest.mark.parametrize("software", ["busybox httpd/1.35.0", "uWSGI"])
def test_chunks_lost(cgi, software):
    """C6: what these hand over is a part of the body, or nothing."""
    reply = cgi.run(cgi.script("hello"), body=b"5\r\nhel", length=None,
                    method="POST", stdin="open",
                    env={"HTTP_TRANSFER_ENCODING": "chunked",
                         "SERVER_SOFTWARE": software})
    assert reply.status == 411
    assert b"length-required" in reply.body
    assert "cgi2wsgi: length-required [" in reply.log


@pytest.mark.parametrize("env", [{}, {"CONTENT_LENGTH": ""},
                                 {"HTTP_CONTENT_LENGTH": "5"}])
@pytest.mark.parametrize("words", [[["read"]], [["iterate"]],
                                   [["read", 5]], []])
def test_no_length(cgi, env, words):
    """C6: no length, no body: standard input is not touched."""
    reader, writer = os.pipe()
    os.write(writer, b"hello")
    assert calls(cgi, None, *words, stdin=reader,
                 env=env) == judged(b"", *words)
    assert waiting(reader) == 5
    os.close(writer)
    os.close(reader)


@pytest.mark.parametrize("stdin", ["null", "closed"])
def test_no_stdin(cgi, stdin):
    """C6, I1: no standard input at all."""
    assert calls(cgi, None, ["read"], stdin=stdin) == [b""]


@pytest.mark.parametrize("how", [
    {}, {"body": b"x"}, {"body": b"x", "length": None,
                         "headers": [("Transfer-Encoding", "chunked")]}])
def test_terminated(cgi, how):
    """C7: wsgi.input_terminated tells frameworks to read to the end."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return [repr(environ["wsgi.input_terminated"]).encode()]
        """)
    assert cgi.run(script, **how).body == b"True"


# A client that vanishes

@pytest.mark.parametrize("words", [
    ["read"], ["read", -1], ["read", 11], ["read", 2 ** 62], ["readline"],
    ["readlines"]])
def test_short(cgi, words):
    """C8: a body cut short is an error, never a short body."""
    result, = calls(cgi, b"hello", words, length=11)
    assert isinstance(result, str) and result.startswith("OSError"), result


def test_short_iteration(cgi):
    """C8: also when iterated over."""
    script = cgi.script("""
        def application(environ, start_response):
            lines = []
            try:
                for line in environ["wsgi.input"]:
                    lines.append(line)
            except OSError as error:
                lines.append(b"OSError")
            start_response("200 OK", [])
            return lines
        """)
    reply = cgi.run(script, method="POST", body=b"one\ntwo\nthr", length=99)
    assert reply.body == b"one\ntwo\nOSError"


def test_short_again(cgi):
    """C8: what came can be read; then it fails again and again."""
    results = calls(cgi, b"hello", ["read", 3], ["read", 3], ["read"],
                    ["read", 1], length=11)
    assert results[0] == b"hel"
    assert all(isinstance(result, str) for result in results[1:3]), results


def test_short_unhandled(cgi):
    """C8, A11: an application that does not care answers 500."""
    script = cgi.script("count_input")
    reply = cgi.run(script, method="POST", body=b"hello", length=11)
    assert reply.status == 500
    assert reply.exit == 1
    assert "ConnectionResetError: " in reply.log    # an OSError


# An application that does not read

@pytest.mark.parametrize("size", [0, 1, 65536, 1 << 20])
def test_unread(cgi, size):
    """C9, C11: the application need not read."""
    reply = cgi.run(cgi.script("hello"), method="POST", body=b"x" * size)
    assert reply.status == 200
    assert reply.exit == 0
    assert reply.log == ""


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_close(cgi, method):
    """C9: close() on the stream does no harm."""
    script = cgi.script("""
        def application(environ, start_response):
            body = environ["wsgi.input"]
            body.read(1)
            body.close()
            body.close()
            start_response("200 OK", [("Content-Length", "4")])
            return [b"done"]
        """)
    process = cgi.start(script, method=method, body=b"x" * (1 << 20))
    reply = process.wait()
    assert reply.status == 200
    assert reply.body == (b"" if method == "HEAD" else b"done")
    assert reply.exit == 0
    assert reply.log == ""


def test_deleted(cgi):
    """C9, A3: nor does its loss."""
    script = cgi.script("""
        import gc

        def application(environ, start_response):
            del environ["wsgi.input"]
            environ.clear()
            gc.collect()
            start_response("200 OK", [])
            return [b"done"]
        """)
    reply = cgi.run(script, method="POST", body=b"x" * (1 << 20))
    assert (reply.body, reply.exit, reply.log) == (b"done", 0, "")


def test_sys_stdin(cgi):
    """C9: sys.stdin and descriptor 0 are empty."""
    script = cgi.script("""
        import os
        import subprocess
        import sys

        def application(environ, start_response):
            found = [os.read(0, 99), sys.stdin.buffer.read(),
                     subprocess.run(["cat"], stdout=-1).stdout]
            start_response("200 OK", [])
            return [repr(found).encode(), environ["wsgi.input"].read()]
        """)
    reply = cgi.run(script, method="POST", body=b"body")
    assert reply.body == b"[b'', b'', b'']body"


# Deadlocks and resets

def test_server_writes_first(cgi):
    """C10: fcgiwrap writes the whole body before it reads a byte."""
    body = random.Random(1).randbytes(1 << 20)
    process = cgi.start(cgi.script("output_first"), method="POST",
                        stdin="open", length=len(body))
    send(process.stdin.fileno(), body)
    process.stdin.close()
    check_output_first(process.wait(), body)


def send(descriptor, body, seconds=30):
    """Write all, as a server does that does nothing else meanwhile."""
    errors = []

    def write():
        try:
            view = memoryview(body)
            while view:
                view = view[os.write(descriptor, view):]
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "deadlock"
    assert not errors, errors


def check_output_first(reply, body):
    assert reply.status == 200, reply
    assert reply.body[:1 << 20] == b"o" * (1 << 20)
    assert reply.body[1 << 20:] == b"%d %d" % (len(body), zlib.crc32(body))
    assert reply.exit == 0


def test_server_writes_first_through_socket(cgi):
    """C10: the same with mod_cgid's one socket for both directions."""
    body = random.Random(2).randbytes(1 << 20)
    ours, theirs = socket.socketpair()
    with ours:
        process = cgi.start(cgi.script("output_first"), method="POST",
                            stdin=theirs, stdout=theirs, length=len(body))
        theirs.close()
        send(ours.fileno(), body)
        ours.shutdown(socket.SHUT_WR)
        raw = receive(ours)
        check_output_first(socket_reply(process, raw), body)


def receive(connection, seconds=30):
    """Everything up to the end; ConnectionResetError is a failure."""
    connection.settimeout(seconds)
    parts = iter(lambda: connection.recv(1 << 16), b"")
    return b"".join(parts)


def socket_reply(process, raw):
    reply = process.wait()
    reply.raw = raw
    return reply


def test_written_in_one_block(cgi):
    """C10: one large block instead of many, and nobody reads."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"o" * 3000000]
        """)
    body = bytes(1 << 20)
    process = cgi.start(script, method="POST", stdin="open",
                        length=len(body))
    send(process.stdin.fileno(), body)
    reply = process.wait()
    assert len(reply.body) == 3000000
    assert reply.exit == 0


def test_write_and_file(cgi):
    """C10, F7: write() and a file sent by the kernel do not block either."""
    cgi.write("file", bytes(1 << 20))
    script = cgi.script("""
        import os

        def application(environ, start_response):
            write = start_response("200 OK", [])
            write(b"o" * (1 << 20))
            folder = os.path.dirname(__file__)
            file = open(os.path.join(folder, "file"), "rb")
            return environ["wsgi.file_wrapper"](file)
        """)
    body = bytes(1 << 20)
    process = cgi.start(script, method="POST", stdin="open",
                        length=len(body))
    send(process.stdin.fileno(), body)
    reply = process.wait()
    assert len(reply.body) == 2 << 20
    assert reply.exit == 0


def test_half_read(cgi):
    """C10: a body partly read, then spooled, then read on."""
    script = cgi.script("""
        import hashlib

        def application(environ, start_response):
            body = environ["wsgi.input"]
            digest = hashlib.sha256(body.read(100001))
            write = start_response("200 OK", [])
            for _ in range(20):
                write(b"o" * 50000)
                digest.update(body.readline())
            digest.update(body.read())
            return [digest.digest()]
        """)
    body = random.Random(3).randbytes(1 << 20)
    process = cgi.start(script, method="POST", stdin="open",
                        length=len(body))
    send(process.stdin.fileno(), body + b"BEHIND")
    reply = process.wait()
    assert reply.body[1000000:] == hashlib.sha256(body).digest()


def test_drained(cgi):
    """C11: the server can always deliver the whole body."""
    process = cgi.start(cgi.script("hello"), method="POST", stdin="open",
                        length=1 << 20)
    send(process.stdin.fileno(), bytes(1 << 20))
    reply = process.wait()
    assert (reply.status, reply.exit) == (200, 0)


def test_drained_after_failure(cgi):
    """C11, A11: also when the application failed."""
    script = cgi.script("""
        def application(environ, start_response):
            raise RuntimeError
        """)
    process = cgi.start(script, method="POST", stdin="open", length=1 << 20)
    send(process.stdin.fileno(), bytes(1 << 20))
    assert process.wait().status == 500


def unnamed(pid):
    """How many bytes a process keeps in files without a name but its log."""
    links = Path(f"/proc/{pid}/fd")
    return sum(link.stat().st_size for link in links.iterdir()
               if os.readlink(link).endswith("(deleted)")
               and not link.samefile(links / "2"))


FAIL = 'raise ValueError("many words, " * 999)\n'


@pytest.mark.parametrize("options, length, source", [
    ("--max-body 1K", None, FAIL),
    ("--max-body 1K", -1, FAIL),
    ("", None, FAIL),
    ("", 1 << 30, FAIL),
    ("--max-body 2G", 1 << 30, "def application(*given):\n    " + FAIL)])
def test_nothing_is_kept_for_a_page(cgi, options, length, source):
    """C6, C10, C12: nobody can read what comes while a page is sent."""
    env = {None: CHUNKED, -1: CADDY}.get(length, {})
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, F_SETPIPE_SZ, 4096)     # less than a page
    with open(ours, "rb") as pages:
        process = cgi.start(cgi.script(source, "--debug " + options),
                            method="POST", stdin="open", stdout=theirs,
                            length=length, env=env)
        os.close(theirs)
        send(process.stdin.fileno(), bytes(4 << 20))
        until(lambda: waiting(process.stdin) == 0)
        assert unnamed(process.pid) == 0
        process.stdin.close()
        raw = pages.read()
    reply = socket_reply(process, raw)
    assert (reply.status, reply.exit) == (500, 1)
    assert len(reply.body) == int(reply.header("Content-Length")) > 4096


@pytest.mark.parametrize("source", [
    "hello", "import nothing_of_this_name\n", "x = 1\n"])
@pytest.mark.parametrize("size", [11, 1 << 20])
def test_no_reset(cgi, source, size):
    """C11: closing a socket with data in it loses the reply."""
    script = cgi.script(source)
    for _ in range(3):
        ours, theirs = socket.socketpair()
        with ours:
            process = cgi.start(script, method="POST", stdin=theirs,
                                stdout=theirs, length=size)
            theirs.close()
            send(ours.fileno(), bytes(size))
            raw = receive(ours)
            reply = socket_reply(process, raw)
            assert reply.status == (200 if source == "hello" else 500)


@pytest.mark.parametrize("options", [
    "--max-body 1K", "--graceful-timeout 1"])
def test_no_reset_by_the_rest(cgi, options):
    """C11, case 9: nor by a body that comes on and on; the sender is told."""
    ours, theirs = socket.socketpair()
    told = []

    def feed():
        try:
            while True:
                ours.sendall(bytes(100000))
        except BrokenPipeError as error:
            told.append(error)
    process = cgi.start(cgi.script("hello", options), method="POST",
                        stdin=theirs, stdout=theirs, length=1 << 40)
    theirs.close()
    sender = threading.Thread(target=feed, daemon=True)
    sender.start()
    with ours:
        raw = receive(ours)
        sender.join(30)
        assert len(told) == 1
        reply = socket_reply(process, raw)
    assert reply.status == (413 if "max-body" in options else 200)


def test_late_body(cgi):
    """C11: a body that comes after the reply still finds a reader."""
    process = cgi.start(cgi.script("hello"), method="POST", stdin="open",
                        length=6)
    process.read_head()
    time.sleep(0.2)     # as a slow client: nothing to wait for
    send(process.stdin.fileno(), b"late..")
    reply = process.wait()
    assert (reply.status, reply.exit) == (200, 0)


def test_stalled(cgi):
    """C11: a client that stalls does not keep the process."""
    begin = time.monotonic()
    process = cgi.start(cgi.script("hello", "--graceful-timeout 1"),
                        method="POST", stdin="open", body=b"hello",
                        length=11)
    reply = process.wait(30)
    assert reply.status == 200
    assert 0.9 < time.monotonic() - begin < 15


def test_trickling(cgi):
    """C11: nor does one that sends a byte now and then."""
    process = cgi.start(cgi.script("hello", "--graceful-timeout 1"),
                        method="POST", stdin="open", length=1000000)
    begin = time.monotonic()

    def trickle():
        try:
            while time.monotonic() - begin < 30:
                os.write(process.stdin.fileno(), b"x")
                time.sleep(0.1)
        except (OSError, ValueError):
            pass        # it has ended

    threading.Thread(target=trickle, daemon=True).start()
    assert process.wait(30).status == 200
    assert time.monotonic() - begin < 15


def test_drain_only_the_body(cgi):
    """C11, C2: and not a byte more."""
    reader, writer = os.pipe()
    os.write(writer, b"hello" + b"BEHIND")
    cgi.run(cgi.script("hello"), method="POST", stdin=reader, length=5)
    assert waiting(reader) == 6
    os.close(reader)
    os.close(writer)


# Size

def upload(cgi, size):
    """Send that many bytes; the child's largest resident set in KiB."""
    script = cgi.script("count_input")
    with subprocess.Popen(["head", "-c", str(size), "/dev/zero"],
                          stdout=subprocess.PIPE) as source:
        env = {name: to_bytes(value) for name, value
               in cgi.environ(script, method="POST", length=size)}
        if "ASAN_OPTIONS" in env:
            # Freed blocks kept for its reports are no use of memory.
            env["ASAN_OPTIONS"] += b":quarantine_size_mb=1"
        program = subprocess.Popen([script], env=env, stdin=source.stdout,
                                   stdout=subprocess.PIPE)
        output = program.stdout.read()
        program.stdout.close()
        _, status, usage = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    assert program.returncode == 0
    assert output.endswith(b"\r\n\r\n%d" % size), output
    return usage.ru_maxrss


@pytest.mark.slow
def test_five_gib(cgi):
    """C4, I5: 5 GiB in constant memory."""
    assert upload(cgi, GIB5) < upload(cgi, 1 << 22) + 16384


# --max-body

@pytest.mark.parametrize("limit, size, status", [
    ("10", 10, 200), ("10", 11, 413), ("0", 1, 413), ("0", 0, 200),
    ("1K", 1024, 200), ("1K", 1025, 413), ("1M", 1 << 20, 200),
    ("1M", (1 << 20) + 1, 413), ("1G", 1 << 20, 200),
    ("1G", (1 << 30) + 1, 413), ("8G", (1 << 33) + 1, 413)])
def test_max_body(cgi, limit, size, status):
    """C12: too much is refused before the application runs."""
    script = cgi.script("marker", f"--max-body {limit}")
    reply = cgi.run(script, method="POST", length=size,
                    body=bytes(min(size, 1 << 21)))
    assert reply.status == status
    assert (cgi.folder / "called").exists() == (status == 200)
    assert ("cgi2wsgi: too-large [" in reply.log) == (status == 413)
    assert reply.exit == (0 if status == 200 else 1)


@pytest.mark.parametrize("limit", ["", "x", "-1", "1X", "1KK", "1.5M", "K",
                                   "99999999999G", "+1", "0x10"])
def test_max_body_usage(cgi, limit):
    """C12, G1: a limit that is none is a usage error, not ignored."""
    reply = cgi.run(cgi.script("hello", f"--max-body '{limit}'"))
    assert reply.status == 500
    assert "cgi2wsgi: usage [" in reply.log


@pytest.mark.parametrize("options", [
    "--graceful-timeout 1", "--graceful-timeout 20 --max-body 1K"])
def test_drain_is_bounded(cgi, options):
    """C11, case 9: altogether, and a second for what --max-body refused."""
    process = cgi.start(cgi.script("hello", options), method="POST",
                        stdin="open", length=1 << 30)
    process.read_head()
    begin = time.monotonic()

    def feed():
        try:
            while True:
                process.stdin.write(bytes(100000))
                time.sleep(0.05)
        except (OSError, ValueError):  # the program has gone
            pass
    threading.Thread(target=feed, daemon=True).start()
    until(lambda: not alive(process.pid), 20)
    assert time.monotonic() - begin < 4


@pytest.mark.parametrize("encoding, length, logged", [
    ("gzip", 5, True), ("gzip", 9, False), ("", 5, False), (None, 5, False)])
def test_inflated(cgi, encoding, length, logged):
    """C13: the body ends at CONTENT_LENGTH; the log tells the cause."""
    reader, writer = os.pipe()
    os.write(writer, b"inflated!")
    headers = [] if encoding is None else [("Content-Encoding", encoding)]
    reply = cgi.run(cgi.script("echoed"), method="POST", stdin=reader,
                    length=length, headers=headers)
    assert reply.body == b"inflated!"[:length] and reply.exit == 0
    assert ("cgi2wsgi: inflated [" in reply.log) == logged
    assert reply.log.count("\n") == logged
    assert waiting(reader) == 9 - length
    os.close(reader)
    os.close(writer)


# What was spooled

@pytest.mark.parametrize("limit", [4096, 100000])
def test_spool_cannot_be_written(cgi, limit):
    """C8, C10: an error to the application; the server is not blocked."""
    script = cgi.script("""
        def application(environ, start_response):
            write = start_response("200 OK", [])
            write(b"o" * (1 << 20))
            body = environ["wsgi.input"]
            for _ in range(2):
                try:
                    found = b"%d bytes" % len(body.read())
                except OSError:
                    found = b"OSError"
                write(found + b";")
            return []
        """)
    body = bytes(1 << 20)
    process = cgi.start(
        script, method="POST", stdin="open", length=len(body),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                              (limit, limit)))
    send(process.stdin.fileno(), body)
    reply = process.wait()
    assert reply.body[:1 << 20] == b"o" * (1 << 20)
    assert reply.body[1 << 20:] == b"OSError;OSError;"
    assert reply.exit == 0


def test_spool_and_forked_child(cgi):
    """C10, I1: a child that reads has nothing of the parent's body."""
    script = cgi.script("""
        import os
        import zlib

        def application(environ, start_response):
            write = start_response("200 OK", [])
            write(b"o" * (1 << 20))
            child = os.fork()
            if not child:
                try:
                    environ["wsgi.input"].read()
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            body = environ["wsgi.input"].read()
            return [b"%d %d" % (len(body), zlib.crc32(body))]
        """)
    body = random.Random(4).randbytes(1 << 20)
    process = cgi.start(script, method="POST", stdin="open",
                        length=len(body))
    send(process.stdin.fileno(), body)
    check_output_first(process.wait(), body)


def test_spool_not_inherited(cgi):
    """I1, C10: the spool's descriptor is no other program's affair."""
    script = cgi.script("""
        import subprocess

        def application(environ, start_response):
            write = start_response("200 OK", [])
            write(b"o" * (1 << 20))
            return [subprocess.run(["ls", "/proc/self/fd"], stdout=-1,
                                   close_fds=False).stdout]
        """)
    process = cgi.start(script, method="POST", stdin="open",
                        length=1 << 20)
    send(process.stdin.fileno(), bytes(1 << 20))
    found = process.wait().body[1 << 20:]
    # 3 is the folder that ls reads.
    assert set(found.split()) == {b"0", b"1", b"2", b"3"}


# A body that nobody asks for

@pytest.mark.parametrize("options", ["--no-such-option", "--timeout x"])
def test_drained_before_options(cgi, options):
    """C11, G1: nothing is known yet, and still the server can write."""
    check_drained(cgi.start(cgi.script("hello", options), method="POST",
                            stdin="open", length=1 << 20))


@pytest.mark.parametrize("env", [{}, {"CGI2WSGI_ARGS": "missing.py"}])
def test_drained_without_application(cgi, env):
    """C11, G1: nor is there an application."""
    check_drained(cgi.start_exec(
        [PROGRAM], cgi.environ(PROGRAM, method="POST", env=env,
                               length=1 << 20), stdin="open"))


def check_drained(process):
    send(process.stdin.fileno(), bytes(1 << 20))
    reply = process.wait()
    assert reply.status == 500
    assert reply.exit == 1


def test_drained_beside_a_signal(cgi):
    """C11, I2: a signal that the application handles ends no draining."""
    script = cgi.script("""
        import os
        import signal
        import time

        def application(environ, start_response):
            signal.signal(signal.SIGCHLD, lambda *_: None)
            child = os.fork()
            if not child:
                deadline = time.monotonic() + 20
                while (not os.path.exists("go")
                       and time.monotonic() < deadline):
                    time.sleep(0.01)
                os._exit(0)
            body = b"%d" % child
            start_response("200 OK", [("Content-Length", str(len(body)))])
            return [body]
        """)
    process = cgi.start(script, method="POST", stdin="open",
                        length=1 << 20)
    length = re.search(rb"Content-Length: (\d+)", process.read_head())[1]
    child = int(process.read(int(length)))
    time.sleep(0.3)     # let it begin to drain
    cgi.write("go")
    until(lambda: not alive(child))
    time.sleep(0.1)     # let it notice
    send(process.stdin.fileno(), bytes(1 << 20))
    assert process.wait().exit == 0


def test_bad_length_kept_open(cgi):
    """C5, C11: no end is known, so none is waited for."""
    process = cgi.start(cgi.script("hello"), method="POST", stdin="open",
                        body=b"hello", length=2 ** 64)
    assert process.wait(15).status == 400
