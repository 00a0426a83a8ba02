"""How the application is called, and what it may return (A)."""

import array
import fcntl
import os
import re
import signal
import termios

import pytest

from harness import CLOSING, is_asleep, program, until

F_GETPIPE_SZ = 1032     # fcntl's name for it came with Python 3.10

START = """
def start(start_response):
    return start_response("200 OK", [("Content-Type", "text/plain")])
"""


def failed(reply, code):
    """Whether the program's own page was sent for the code."""
    return (reply.status == 500 and reply.exit == 1
            and f"cgi2wsgi: {code} [" in reply.log
            and code.encode() in reply.body)


CALLABLES = {
    "function": """
        def application(environ, start_response):
            start(start_response)
            return [b"called"]
    """,
    "lambda": """
        application = lambda e, s: start(s) and [b"called"]
    """,
    "bound method": """
        class Site:
            def answer(self, environ, start_response):
                start(start_response)
                return [b"called"]

        application = Site().answer
    """,
    "class method": """
        class Site:
            @classmethod
            def application(cls, environ, start_response):
                start(start_response)
                return [b"called"]

        application = Site.application
    """,
    "class": """
        class application:
            def __init__(self, environ, start_response):
                self.start_response = start_response

            def __iter__(self):
                start(self.start_response)
                yield b"called"
    """,
    "instance": """
        class Site:
            def __call__(self, environ, start_response):
                start(start_response)
                return [b"called"]

        application = Site()
    """,
    "instance without attributes": """
        class Site:
            def __call__(self, environ, start_response):
                start(start_response)
                return [b"called"]

            def __getattribute__(self, name):
                raise RuntimeError("looked for " + name)

        application = Site()
    """,
    "false instance": """
        class Site:
            def __call__(self, environ, start_response):
                start(start_response)
                return [b"called"]

            def __bool__(self):
                raise RuntimeError("asked for its truth")

            def __len__(self):
                return 0

        application = Site()
    """,
    "partial": """
        import functools

        def answer(text, environ, start_response):
            start(start_response)
            return [text]

        application = functools.partial(answer, b"called")
    """,
}


@pytest.mark.parametrize("source", CALLABLES.values(), ids=CALLABLES)
def test_callable(cgi, source):
    """A1: any callable is an application, and is never introspected."""
    reply = cgi.run(cgi.script(program(START, source)))
    assert (reply.status, reply.body) == (200, b"called"), reply
    assert reply.log == "" and reply.exit == 0


def test_two_positional_arguments(cgi):
    """A2: exactly two positional arguments."""
    reply = cgi.run(cgi.script("""
        def application(*args, **kwargs):
            args[1]("200 OK", [])
            return [repr((len(args), kwargs)).encode()]
    """))
    assert reply.body == b"(2, {})"


def test_parameter_names_do_not_matter(cgi):
    """A2: PEP 3333: invoked with positional arguments."""
    reply = cgi.run(cgi.script("""
        def application(a, b, /, *, environ=None, start_response=None):
            b("200 OK", [])
            return [repr((environ, start_response)).encode()]
    """))
    assert reply.body == b"(None, None)"


def test_environ_is_a_dict(cgi):
    """A3: an exact built-in dict."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return [str(type(environ) is dict).encode()]
    """))
    assert reply.body == b"True"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_environ_may_be_emptied(cgi, method):
    """A3: nothing later depends on what the application left in it."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            environ.clear()
            start_response("200 OK", [])
            yield b"hello"
            yield b" world"
    """), method=method, body=b"unread" if method == "POST" else None)
    assert reply.status == 200 and reply.exit == 0, reply
    assert reply.body == (b"" if method == "HEAD" else b"hello world")


def test_environ_may_be_changed(cgi):
    """A3: the log tells of the real request, HEAD stays HEAD."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            for key in list(environ):
                environ[key] = None
            environ["REQUEST_METHOD"] = "GET"
            environ["PATH_INFO"] = "/other"
            environ[7] = environ
            raise ValueError("late")
    """), "/real", method="HEAD")
    assert reply.status == 500 and reply.body == b""
    assert re.search(r"^cgi2wsgi: application \[.*\] HEAD .*/real: ",
                     reply.log, re.M), reply


def test_start_response_may_be_called_lazily(cgi):
    """A4: from a generator's first step."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [("X-Lazy", "yes")])
            yield b"lazy"
    """))
    assert reply.header("X-Lazy") == "yes" and reply.body == b"lazy"


def test_start_response_may_be_called_after_empty_chunks(cgi):
    """A4, A10: an empty chunk is no header trigger."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            yield b""
            yield b""
            start_response("200 OK", [("X-Lazy", "yes")])
            yield b"lazy"
    """))
    assert reply.header("X-Lazy") == "yes" and reply.body == b"lazy"


@pytest.mark.parametrize("result", [
    "[b'data']", "[]", "()", "[b'']", "iter([b'data'])", "[b'', b'data']"])
def test_start_response_never_called(cgi, result):
    """A4: not called by the first data or by the end."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            return {result}
    """)))
    assert failed(reply, "protocol"), reply
    assert "start_response" in reply.log


def test_start_response_called_too_late(cgi):
    """A4: the first non-empty chunk needs it."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            yield b"data"
            start_response("200 OK", [])
    """))
    assert failed(reply, "protocol"), reply


ITERABLES = {
    "list": "[b'a', b'b']",
    "tuple": "(b'a', b'b')",
    "generator": "(c for c in [b'a', b'b'])",
    "iterator": "iter([b'a', b'b'])",
    "map": "map(bytes, [b'a', b'b'])",
    "deque": "collections.deque([b'a', b'b'])",
    "list subclass": "List([b'a', b'b'])",
    "__iter__": "WithIter()",
    "__getitem__": "WithGetitem()",
    "generator method": "type('T', (), {'__iter__': generate})()",
}


@pytest.mark.parametrize("result", ITERABLES.values(), ids=ITERABLES)
def test_iterable(cgi, result):
    """A5: the result is any iterable."""
    reply = cgi.run(cgi.script(program(f"""
        import collections


        class List(list):
            pass


        class WithIter:
            def __iter__(self):
                return iter([b"a", b"b"])


        class WithGetitem:
            def __getitem__(self, index):
                return [b"a", b"b"][index]


        def generate(self):
            yield b"a"
            yield b"b"


        def application(environ, start_response):
            start_response("200 OK", [])
            return {result}
    """)))
    assert (reply.status, reply.body, reply.exit) == (200, b"ab", 0), reply


@pytest.mark.parametrize("result, type", [
    ("None", "NoneType"), ("7", "int"), ("''", "str"), ("'text'", "str"),
    ("object()", "object"), ("{'key': 1}", "dict"), ("len", "builtin"),
    ("application", "function"), ("1.5", "float"), ("NotImplemented",
                                                   "NotImplementedType")])
def test_no_iterable(cgi, result, type):
    """A5: the error names the type."""
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            start_response("200 OK", [])
            return {result}
    """)))
    assert failed(reply, "protocol"), reply
    assert type in reply.log


def test_a_single_bytes_object_is_refused(cgi):
    """A5, A9: its items are int, and the error says so."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return b"bytes"
    """))
    assert failed(reply, "protocol"), reply
    assert re.search(r"\b(int|bytes)\b", reply.log)


def test_only_iteration_len_and_close_are_used(cgi):
    """A6: no other method or attribute of the result."""
    reply = cgi.run(cgi.script("""
        import sys

        def refuse(*args):
            raise RuntimeError("not to be used")


        class Body:
            __bool__ = __eq__ = __contains__ = __length_hint__ = refuse
            __getitem__ = __next__ = __call__ = __buffer__ = refuse
            __repr__ = __str__ = __bytes__ = __reversed__ = refuse
            read = fileno = readinto = __enter__ = __exit__ = refuse
            __hash__ = None

            def __getattribute__(self, name):
                print("used:", name, file=sys.stderr)
                return object.__getattribute__(self, name)

            def __len__(self):
                return 2

            def __iter__(self):
                return iter([b"a", b"b"])

            def close(self):
                pass


        def application(environ, start_response):
            start_response("200 OK", [])
            return Body()
    """))
    assert reply.body == b"ab" and reply.exit == 0, reply
    used = set(re.findall(r"used: (\w+)", reply.log))
    assert used <= {"close", "__len__", "__iter__"}


def closing(cgi, source, options="", **how):
    """Run a program that begins with CLOSING."""
    return cgi.run(cgi.script(program(CLOSING, source), options), **how)


def closed_once(reply):
    return reply.log.count("<closed>") == 1


@pytest.mark.parametrize("chunks", ["[]", "[b'a']", "[b'a', b'b']",
                                    "(c for c in [b'a'])", "[b'']"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_close_at_the_end(cgi, chunks, method):
    """A7, F3: normal end, HEAD."""
    reply = closing(cgi, f"""
        def application(environ, start_response):
            start_response("200 OK", [])
            return Body({chunks})
    """, method=method)
    assert reply.status == 200 and reply.exit == 0, reply
    assert closed_once(reply)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_close_without_body(cgi, status):
    """A7: a response that has no body."""
    reply = closing(cgi, f"""
        def application(environ, start_response):
            start_response("{status}", [])
            return Body([b"a"])
    """)
    assert closed_once(reply) and reply.body == b""


def test_close_belongs_to_the_returned_object(cgi):
    """A7: not to its iterator."""
    reply = closing(cgi, """
        class Iterator:
            def __next__(self):
                raise StopIteration

            def __iter__(self):
                return self

            def close(self):
                print("<wrong>", file=sys.stderr)


        class Outer(Body):
            def __iter__(self):
                return Iterator()


        def application(environ, start_response):
            start_response("200 OK", [])
            return Outer([])
    """)
    assert closed_once(reply) and "<wrong>" not in reply.log
    assert reply.exit == 0


def test_close_runs_a_generators_finally(cgi):
    """A7: a generator stopped early at Content-Length."""
    reply = cgi.run(cgi.script("""
        import sys

        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "3")])
            try:
                while True:
                    yield b"abc"
            finally:
                print("<closed>", file=sys.stderr)
    """))
    assert closed_once(reply) and reply.body == b"abc", reply


def test_close_without_iteration_possible(cgi):
    """A7: the returned object is no iterable, but has close()."""
    reply = closing(cgi, """
        class Dead:
            close = Body.close

        def application(environ, start_response):
            start_response("200 OK", [])
            return Dead()
    """)
    assert failed(reply, "protocol") and closed_once(reply), reply


FAILING_BODIES = {
    "__iter__": ("""
        class Failing(Body):
            def __iter__(self):
                raise ValueError("no")
     """, 500),
    "first __next__": ("""
        class Failing(Body):
            def __iter__(self):
                raise ValueError("no")
                yield
     """, 500),
    "second __next__": ("""
        class Failing(Body):
            def __iter__(self):
                yield b"abc"
                raise ValueError("no")
     """, 200),
    "SystemExit": ("""
        class Failing(Body):
            def __iter__(self):
                yield b"abc"
                sys.exit()
     """, 200),
    "wrong chunk": ("""
        class Failing(Body):
            def __iter__(self):
                yield "text"
     """, 500),
    "wrong second chunk": ("""
        class Failing(Body):
            def __iter__(self):
                yield b"abc"
                yield None
     """, 200),
    "no iterator": ("""
        class Failing(Body):
            def __iter__(self):
                return 7
     """, 500),
}


@pytest.mark.parametrize("source, status", FAILING_BODIES.values(),
                         ids=FAILING_BODIES)
def test_close_after_a_failure(cgi, source, status):
    """A7, A11: exception in the call to __iter__ or __next__."""
    reply = closing(cgi, program(source, """
        def application(environ, start_response):
            start_response("200 OK", [])
            return Failing([])
    """))
    assert closed_once(reply) and reply.exit == 1, reply
    assert reply.status == status
    if status == 200:
        assert reply.body == b"abc"


def test_close_when_start_response_was_not_called(cgi):
    """A7: error in start_response: not called at all."""
    reply = closing(cgi, """
        def application(environ, start_response):
            return Body([b"a"])
    """)
    assert closed_once(reply) and failed(reply, "protocol"), reply


def test_close_when_start_response_failed(cgi):
    """A7: error in start_response: refused in the first step."""
    reply = closing(cgi, """
        class Lazy(Body):
            def __iter__(self):
                self.start_response("200 OK", [("Bad Name", "x")])
                yield b"a"

        def application(environ, start_response):
            body = Lazy([])
            body.start_response = start_response
            return body
    """)
    assert closed_once(reply) and reply.status == 500, reply


@pytest.mark.parametrize("chunk", ["b'abc'", "b'abcdef'", "b'a'"])
def test_close_at_content_length(cgi, chunk):
    """A7, F1: early stop at Content-Length."""
    reply = closing(cgi, f"""
        import itertools

        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "3")])
            return Body(itertools.repeat({chunk}))
    """)
    assert closed_once(reply) and len(reply.body) == 3, reply


def test_close_when_the_client_is_gone(cgi):
    """A7, F5: client gone."""
    process = cgi.start(cgi.script(program(CLOSING, """
        import itertools

        def application(environ, start_response):
            start_response("200 OK", [])
            return Body(itertools.repeat(b"x" * 1000))
    """)))
    process.read_head()
    process.hang_up()
    reply = process.wait()
    assert closed_once(reply) and reply.exit == 1, reply


@pytest.mark.parametrize("first", [b"", b"data"])
def test_close_at_timeout(cgi, first):
    """A7, I6: the time is over before or after the first byte."""
    reply = closing(cgi, f"""
        import time

        def wait():
            yield {first!r}
            time.sleep(100)

        def application(environ, start_response):
            start_response("200 OK", [])
            return Body(wait())
    """, "--timeout 1", timeout=30)
    assert closed_once(reply) and reply.exit == 1, reply
    assert reply.status == (200 if first else 504)
    if first:
        assert reply.body == first


@pytest.mark.parametrize("first", [b"", b"data"])
def test_close_at_sigterm(cgi, first):
    """A7, I2: SIGTERM before or after the first byte."""
    process = cgi.start(cgi.script(program(CLOSING, f"""
        import time

        def wait():
            yield {first!r}
            print("<waits>", file=sys.stderr)
            time.sleep(100)

        def application(environ, start_response):
            start_response("200 OK", [])
            return Body(wait())
    """)))
    process.wait_log("<waits>")
    process.signal(signal.SIGTERM)
    reply = process.wait(30)
    assert closed_once(reply) and reply.exit == 1, reply
    if first:
        assert (reply.status, reply.body) == (200, first)
    else:
        assert failed(reply, "terminated"), reply


STALLED = {
    "endless": ("[]", "Body(itertools.repeat(b'x' * 1000))"),
    "one block": ("[]", "Body([b'x' * 1000000])"),
    "last block": ("[('Content-Length', '1000000')]",
                   "Body([b'x' * 1000000])"),
    "write": ("[]", "[write(b'x' * 1000000)]"),
    "file": ("[]", "environ['wsgi.file_wrapper'](File('data'))"),
    "kernel": ("[('Content-Length', '10000000')]",
               "environ['wsgi.file_wrapper'](open('data', 'rb'))"),
}


@pytest.mark.parametrize("headers, result", STALLED.values(), ids=STALLED)
@pytest.mark.parametrize("by", ["SIGTERM", "--timeout"])
def test_close_when_the_client_stalls(cgi, headers, result, by):
    """A7, I2, I6: the program waits in a write, the client does not read."""
    os.truncate(cgi.write("data"), 10000000)
    options = "--timeout 2" if by == "--timeout" else ""
    process = cgi.start(cgi.script(program(CLOSING, f"""
        import atexit
        import io
        import itertools


        class File(io.FileIO):
            pass


        def application(environ, start_response):
            atexit.register(print, "<ended>")
            write = start_response("200 OK", {headers})
            return {result}
    """), options))
    process.read_head()
    until_blocked(process)
    if by == "SIGTERM":
        process.signal(signal.SIGTERM)
    process.wait_log("<ended>", timeout=20)
    reply = process.wait()
    assert reply.exit == 1, reply
    if "Body" in result:
        assert closed_once(reply)


def until_blocked(process):
    """Wait until the reply's pipe is full and the program sleeps."""
    size = fcntl.fcntl(process.stdout, F_GETPIPE_SZ)

    def is_full():
        filled = array.array("i", [0])
        fcntl.ioctl(process.stdout, termios.FIONREAD, filled)
        return filled[0] >= size - 4096 * 2
    until(is_full)
    until(lambda: is_asleep(process.pid))


@pytest.mark.parametrize("error", ["ValueError('in close')",
                                   "SystemExit(3)", "KeyboardInterrupt"])
def test_exception_in_close(cgi, error):
    """A7: logged, and changes nothing already sent."""
    reply = cgi.run(cgi.script(program(CLOSING, f"""
        class Failing(Body):
            def close(self):
                super().close()
                raise {error}

        def application(environ, start_response):
            start_response("200 OK", [])
            return Failing([b"whole"])
    """)))
    assert (reply.status, reply.body, reply.exit) == (200, b"whole", 0), reply
    assert closed_once(reply) and "cgi2wsgi: close [" in reply.log


def test_exception_in_close_after_an_exception(cgi):
    """A7: both are logged, one page is sent."""
    reply = cgi.run(cgi.script("""
        class Failing:
            def __iter__(self):
                raise ValueError("in iter")

            def close(self):
                raise ValueError("in close")

        def application(environ, start_response):
            start_response("200 OK", [])
            return Failing()
    """))
    assert failed(reply, "application"), reply
    assert "in iter" in reply.log and "in close" in reply.log
    assert reply.raw.count(b"Status: ") == 1


@pytest.mark.parametrize("length", [
    "0", "1", "2", "-1", "2**70", "None", "'x'", "1/0", "sys.exit()",
    "[].pop()"])
@pytest.mark.parametrize("chunks", [[], [b"one"], [b"one", b"two"]])
def test_lying_len(cgi, length, chunks):
    """A8: a lying or raising __len__ does not crash."""
    reply = closing(cgi, f"""
        class Liar(Body):
            def __len__(self):
                return {length}

        def application(environ, start_response):
            start_response("200 OK", [])
            return Liar({chunks})
    """)
    assert reply.status == 200, reply
    assert closed_once(reply)
    promised = reply.header("Content-Length")
    if promised is None:
        assert reply.body == b"".join(chunks) and reply.exit == 0
    else:
        # Where it is believed at all, only 1 tells the length (F2).
        assert length == "1" and int(promised) == len(reply.body)


def test_bytes_subclass(cgi):
    """A9: chunks may be of a subclass of bytes."""
    reply = cgi.run(cgi.script("""
        class Bytes(bytes):
            def __len__(self):
                return 1000

            def __bool__(self):
                return False

        def application(environ, start_response):
            start_response("200 OK", [])
            return [Bytes(b"sub")]
    """))
    assert reply.body == b"sub" and reply.exit == 0, reply
    assert reply.header("Content-Length") == "3"


@pytest.mark.parametrize("chunk, type", [
    ("'text'", "str"), ("''", "str"), ("7", "int"), ("None", "NoneType"),
    ("bytearray(b'x')", "bytearray"), ("memoryview(b'x')", "memoryview"),
    ("[b'x']", "list")])
@pytest.mark.parametrize("first", [b"", b"first"])
@pytest.mark.parametrize("result", ["[{}]", "(chunk for chunk in [{}])"])
def test_wrong_chunk(cgi, chunk, type, first, result):
    """A9: an error that names the type."""
    chunks = f"{first!r}, {chunk}, b'more'"
    reply = cgi.run(cgi.script(program(f"""
        def application(environ, start_response):
            start_response("200 OK", [])
            return {result.format(chunks)}
    """)))
    assert reply.exit == 1 and type in reply.log, reply
    if first:
        assert (reply.status, reply.body) == (200, first)
        assert "cgi2wsgi: protocol [" in reply.log
    else:
        assert failed(reply, "protocol"), reply


def test_body_passes_unmodified(cgi):
    """A9: NUL, CR, LF and every other byte."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return [bytes(range(256)), b"\\n", b"\\r\\n\\0", b"\\0" * 70000]
    """))
    assert reply.body == (bytes(range(256)) + b"\n" + b"\r\n\0"
                          + b"\0" * 70000)


def test_each_block_is_sent_at_once(cgi):
    """A10: before the next is asked for."""
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            read = environ["wsgi.input"].read
            yield b"one"
            yield read(1) and b"two"
            yield read(1) and b"three"
    """), method="POST", length=2, stdin="open")
    process.read_head()
    assert process.read(3) == b"one"
    process.stdin.write(b"x")
    assert process.read(3) == b"two"
    process.stdin.write(b"x")
    assert process.read(5) == b"three"
    assert process.wait().exit == 0


def test_the_block_of_a_sized_result_is_sent_at_once(cgi):
    """A10, A8: len() 1 is no reason to ask for a second block first."""
    process = cgi.start(cgi.script("""
        class Sized:
            def __init__(self, body):
                self.body = body

            def __len__(self):
                return 1

            def __iter__(self):
                yield b"one"
                self.body.read(1)

        def application(environ, start_response):
            start_response("200 OK", [])
            return Sized(environ["wsgi.input"])
    """), method="POST", length=1, stdin="open")
    process.read_head(timeout=20)
    assert process.read(3) == b"one"
    process.stdin.write(b"x")
    assert process.wait().exit == 0


def test_each_written_block_is_sent_at_once(cgi):
    """A10, E9: write() too."""
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            write = start_response("200 OK", [])
            write(b"one")
            environ["wsgi.input"].read(1)
            write(b"two")
            environ["wsgi.input"].read(1)
            return [b"three"]
    """), method="POST", length=2, stdin="open")
    process.read_head()
    assert process.read(3) == b"one"
    process.stdin.write(b"x")
    assert process.read(3) == b"two"
    process.stdin.write(b"x")
    assert process.read(5) == b"three"
    assert process.wait().exit == 0


def test_empty_chunks_are_no_end(cgi):
    """A10: empty chunks in between."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"", b"a", b"", b"", b"b", b""]
    """))
    assert reply.body == b"ab" and reply.exit == 0


def test_empty_chunks_send_no_head(cgi):
    """A10: after an empty chunk the head can still be replaced."""
    reply = cgi.run(cgi.script("""
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])
            yield b""
            try:
                raise ValueError
            except ValueError:
                start_response("404 Not Found", [], sys.exc_info())
            yield b"gone"
    """))
    assert (reply.status, reply.body) == (404, b"gone"), reply


EXCEPTIONS = ["ValueError('wrong')", "SystemExit", "SystemExit(0)",
              "SystemExit('text')", "KeyboardInterrupt", "GeneratorExit",
              "MemoryError", "StopIteration", "RecursionError",
              "BaseException('base')", "OSError(32, 'Broken pipe')",
              "BrokenPipeError", "Unprintable", "ValueError('\\ud800')"]
UNPRINTABLE = """
    class Unprintable(Exception):
        def __str__(self):
            raise ValueError
        __repr__ = __str__
"""


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_exception_in_the_call(cgi, error):
    """A11, G1: a complete 500 response."""
    reply = cgi.run(cgi.script(program(UNPRINTABLE, f"""
        def application(environ, start_response):
            start_response("200 OK", [("X-App", "yes")])
            raise {error}
    """)))
    assert failed(reply, "application"), reply
    assert len(reply.body) == int(reply.header("Content-Length"))
    assert reply.header("X-App") is None
    assert error.partition("(")[0] in reply.log
    assert re.search(r"^  Traceback ", reply.log, re.M)


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_exception_in_the_first_step(cgi, error):
    """A11: before the first body byte."""
    reply = cgi.run(cgi.script(program(UNPRINTABLE, f"""
        class Body:
            def __iter__(self):
                return self

            def __next__(self):
                raise {error}

        def application(environ, start_response):
            start_response("200 OK", [])
            return Body()
    """)))
    if error == "StopIteration":
        assert (reply.status, reply.body) == (200, b"")
    else:
        assert failed(reply, "application"), reply


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_exception_after_the_first_byte(cgi, error):
    """A11, I4: the body stops, the log says so."""
    reply = cgi.run(cgi.script(program(UNPRINTABLE, f"""
        def application(environ, start_response):
            start_response("200 OK", [])("first".encode())
            raise {error}
    """)))
    assert (reply.status, reply.body, reply.exit) == (200, b"first", 1), reply
    assert "cgi2wsgi: application [" in reply.log
    assert error.partition("(")[0] in reply.log


def test_deep_recursion(cgi):
    """A11: a real RecursionError."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            return application(environ, start_response)
    """))
    assert failed(reply, "application"), reply
    assert "RecursionError" in reply.log


def test_exception_with_a_cause(cgi):
    """A11, D3: the traceback shows the whole chain."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            try:
                {}["missing"]
            except KeyError as error:
                raise ValueError("chained") from error
    """))
    assert failed(reply, "application"), reply
    assert "KeyError" in reply.log and "chained" in reply.log
    assert "direct cause" in reply.log
