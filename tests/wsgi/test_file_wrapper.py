"""wsgi.file_wrapper, and files sent by the kernel (F6, F7)."""

import contextlib
import os
import re
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from harness import is_asleep, program, until
from test_framing import answer

CONTENT = b"line one\nline two\n\0\xff binary " + b"0123456789" * 5000


def wrap(cgi, expression, headers=(), before="", **how):
    """Return file_wrapper(expression) for a file `data` with CONTENT."""
    cgi.write("data", CONTENT)
    return answer(cgi, list(headers), "environ['wsgi.file_wrapper']"
                  f"({expression})", program("""
        import gzip
        import io
        import mmap
        import os
        import socket
        import subprocess
        import tempfile
    """, before), **how)


FILES = {
    "file": "open('data', 'rb')",
    "unbuffered": "open('data', 'rb', buffering=0)",
    "small buffer": "open('data', 'rb', buffering=16)",
    "read and write": "open('data', 'r+b')",
    "FileIO": "io.FileIO('data')",
    "fdopen": "os.fdopen(os.open('data', os.O_RDONLY), 'rb')",
    "block size": "open('data', 'rb'), 100",
    "large block size": "open('data', 'rb'), 10**7",
    "BytesIO": "io.BytesIO(open('data', 'rb').read())",
    "pipe": "subprocess.Popen(['cat', 'data'], stdout=-1).stdout",
    "unbuffered pipe": "subprocess.Popen(['cat', 'data'], stdout=-1,"
                       " bufsize=0).stdout",
    "gzip": "compressed()",
    "SpooledTemporaryFile": "filled(tempfile.SpooledTemporaryFile())",
    "NamedTemporaryFile": "filled(tempfile.NamedTemporaryFile())",
    "TemporaryFile": "filled(tempfile.TemporaryFile())",
    "own object": "Reader()",
    "own object with a descriptor": "Liar()",
    "own subclass of FileIO": "Upper('data')",
    "own subclass of BufferedReader": "Buffered(io.FileIO('data'))",
    "own instance method": "patched()",
    "mmap": "mmap.mmap(os.open('data', os.O_RDONLY), 0,"
            " access=mmap.ACCESS_READ)",
    "socket": "connected()",
}
MAKERS = """
    DATA = open("data", "rb").read()


    def filled(file):
        file.write(DATA)
        file.seek(0)
        return file


    def compressed():
        with gzip.open("data.gz", "wb") as file:
            file.write(DATA)
        return gzip.open("data.gz")


    def connected():
        ours, theirs = socket.socketpair()
        os.write(theirs.fileno(), DATA)
        theirs.close()
        return ours.makefile("rb")


    class Reader:
        def __init__(self):
            self.file = io.BytesIO(DATA)

        def read(self, size):
            return self.file.read(size)


    class Liar(Reader):
        # The descriptor is not what read() gives.
        def fileno(self):
            return os.open("app.cgi", os.O_RDONLY)

        def tell(self):
            return 0


    class Upper(io.FileIO):
        def read(self, size=-1):
            return super().read(size).swapcase()


    class Buffered(io.BufferedReader):
        def read(self, size=-1):
            return super().read(size).swapcase()


    def patched():
        class Plain(io.FileIO):
            pass

        file = Plain("data")
        file.read = lambda size: io.FileIO.read(file, size).swapcase()
        return file
"""


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_file_wrapper(cgi, name, method):
    """F6: works for anything with read."""
    reply = wrap(cgi, FILES[name], before=MAKERS, method=method)
    expected = CONTENT.swapcase() if "own " in name and (
        "subclass" in name or "method" in name) else CONTENT
    assert reply.status == 200 and reply.exit == 0, reply
    assert reply.body == (expected if method == "GET" else b"")
    assert reply.log == "" and reply.header("Content-Length") is None


POSITIONS = {
    "seek": ("file.seek(9)", 9),
    "read": ("file.read(9)", 9),
    "readline": ("file.readline()", 9),
    "next": ("next(file)", 9),
    "peek": ("file.peek(100)", 0),
    "read all": ("file.read()", len(CONTENT)),
    "seek behind the end": ("file.seek(10**9)", len(CONTENT)),
}


@pytest.mark.parametrize("statement, position", POSITIONS.values(),
                         ids=POSITIONS)
@pytest.mark.parametrize("length", [None, 5])
def test_file_wrapper_position(cgi, statement, position, length):
    """F6, F1: the object's position counts, not the descriptor's."""
    cgi.write("data", CONTENT)
    expected = CONTENT[position:]
    if length and len(expected) >= length:
        expected = expected[:length]
        headers = [("Content-Length", str(length))]
    else:
        headers = []
    reply = cgi.run(cgi.script(program(f"""
        import os

        def application(environ, start_response):
            file = open("data", "rb")
            {statement}
            start_response("200 OK", {headers!r})
            return environ["wsgi.file_wrapper"](file)
    """)))
    assert reply.body == expected and reply.exit == 0, reply


def test_file_wrapper_of_a_file_just_written(cgi):
    """F6, F7: buffered writes are part of the file."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            file = open("made", "w+b")
            file.write(b"0123456789")
            file.seek(0)
            file.write(b"abc")
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](file)
    """))
    assert reply.body == b"3456789", reply


@pytest.mark.parametrize("path", ["/proc/self/status", "/proc/cpuinfo"])
def test_file_wrapper_of_a_file_that_says_it_is_empty(cgi, path):
    """F6: to end of file, not to st_size."""
    reply = wrap(cgi, f"open({path!r}, 'rb')")
    assert reply.body.count(b"\n") > 5 and reply.exit == 0, reply


def test_file_wrapper_of_a_device(cgi):
    """F6, F1: Content-Length ends an endless file."""
    reply = wrap(cgi, "open('/dev/zero', 'rb')",
                 [("Content-Length", "100000")])
    assert reply.body == bytes(100000) and reply.exit == 0


@pytest.mark.parametrize("name", ["file", "unbuffered", "BytesIO", "pipe",
                                  "gzip", "own object"])
def test_file_wrapper_obeys_content_length(cgi, name):
    """F6, F1: a shorter one is no fault when a file is sent."""
    reply = wrap(cgi, FILES[name], [("Content-Length", "12")], MAKERS)
    assert reply.body == CONTENT[:12] and reply.exit == 0, reply


@pytest.mark.parametrize("length", ["0", "12", "70000"])
@pytest.mark.parametrize("size", [0, 1 << 20])
def test_file_wrapper_of_a_range(cgi, length, size):
    """F6, F1: a part of a file is no fault, so nothing is logged."""
    cgi.write("data", CONTENT + bytes(70000 + size))
    reply = cgi.run(cgi.script(f"""
        def application(environ, start_response):
            file = open("data", "rb")
            file.seek(5)
            start_response("206 Partial Content",
                           [("Content-Length", "{length}")])
            return environ["wsgi.file_wrapper"](file)
    """))
    whole = (CONTENT + bytes(70000))[5:]
    assert reply.body == whole[:int(length)]
    assert (reply.status, reply.log, reply.exit) == (206, "", 0)


@pytest.mark.parametrize("name", ["file", "BytesIO"])
def test_file_wrapper_of_a_short_file(cgi, name):
    """F6, F1: shorter than Content-Length."""
    reply = wrap(cgi, FILES[name], [("Content-Length", "1000000")], MAKERS)
    assert reply.body == CONTENT and reply.exit == 1, reply
    assert "cgi2wsgi: short-body [" in reply.log


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_file_wrapper_without_body(cgi, status):
    """F6, F3: nothing of the file, but it is closed."""
    cgi.write("data", CONTENT)
    reply = cgi.run(cgi.script(program(f"""
        FILE = open("data", "rb")

        def application(environ, start_response):
            start_response("{status}", [])
            return environ["wsgi.file_wrapper"](FILE)

        import atexit
        atexit.register(lambda: print("<closed>", FILE.closed))
    """)))
    assert reply.body == b"" and reply.log == "<closed> True\n"


COUNTING = """
    import io

    class Counting(io.{kind}):
        def close(self):
            if not self.closed:
                print("<closed>")
            super().close()
"""


@pytest.mark.parametrize("kind, argument", [("FileIO", "'data'"),
                                            ("BytesIO", "b'data'")])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("length", [[], [("Content-Length", "2")]])
def test_file_wrapper_closes(cgi, kind, argument, method, length):
    """F6, A7: the file, once."""
    cgi.write("data", CONTENT)
    reply = answer(cgi, length, "environ['wsgi.file_wrapper']"
                   f"(Counting({argument}))", COUNTING.format(kind=kind),
                   method=method)
    assert reply.log.count("<closed>") == 1 and reply.exit == 0, reply


def test_file_wrapper_calls_the_close_of_any_object(cgi):
    """F6: once, also of an object that does not count itself."""
    reply = answer(cgi, [], "environ['wsgi.file_wrapper'](File())", """
        class File:
            def read(self, size):
                return b""

            def close(self):
                print("<closed>")
    """)
    assert reply.log == "<closed>\n"


def test_file_wrapper_has_close_iff_the_file_has(cgi):
    """F6: PEP 3333: wsgi.file_wrapper."""
    reply = cgi.run(cgi.script("""
        import io

        class Reader:
            def read(self, size):
                return b""

        def application(environ, start_response):
            start_response("200 OK", [])
            wrapper = environ["wsgi.file_wrapper"]
            yield repr([hasattr(wrapper(file), "close")
                        for file in (io.BytesIO(), Reader())]).encode()
    """))
    assert reply.body == b"[True, False]"


def test_file_wrapper_asks_for_blocks(cgi):
    """F6: read(blksize)."""
    reply = cgi.run(cgi.script("""
        import io

        class Reader(io.BytesIO):
            def read(self, size=-1):
                print("<%d>" % size)
                return super().read(size)

        def application(environ, start_response):
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](Reader(b"0123456789"), 4)
    """))
    assert reply.body == b"0123456789"
    assert set(reply.log.split()) == {"<4>"}


@pytest.mark.parametrize("arguments, accepted", [
    ("io.BytesIO(b'x')", True), ("io.BytesIO(b'x'), 1", True),
    ("io.BytesIO(b'x'), blksize=1", None), ("", False),
    ("io.BytesIO(b'x'), 'x'", False), ("io.BytesIO(b'x'), 1, 2", False)])
def test_file_wrapper_arguments(cgi, arguments, accepted):
    """F6: a file and, optionally, a block size."""
    reply = answer(cgi, [], f"attempt(environ, lambda wrap: wrap({arguments}"
                   "))", """
        import io

        def attempt(environ, call):
            try:
                return [b"".join(call(environ["wsgi.file_wrapper"]))]
            except TypeError:
                return [b"TypeError"]
    """)
    assert reply.exit == 0, reply
    if accepted is not None:
        assert reply.body == (b"x" if accepted else b"TypeError")


USES = {
    "list": "list(wrapper)",
    "join": "[b''.join(wrapper)]",
    "for": "(chunk.swapcase() for chunk in wrapper)",
    "iter": "iter(wrapper)",
    "middleware": "Middleware(wrapper)",
    "chain": "itertools.chain([b'first'], wrapper)",
    "nested": "environ['wsgi.file_wrapper'](Reader(wrapper))",
}


@pytest.mark.parametrize("use", USES)
def test_file_wrapper_in_middleware(cgi, use):
    """F6: iterable in plain Python, harmless when wrapped."""
    cgi.write("data", CONTENT)
    reply = cgi.run(cgi.script(program(f"""
        import itertools

        class Middleware:
            def __init__(self, body):
                self.body = body

            def __iter__(self):
                for chunk in self.body:
                    yield chunk

            def close(self):
                self.body.close()

        class Reader:
            def __init__(self, body):
                self.body = iter(body)

            def read(self, size):
                return next(self.body, b"")

        def application(environ, start_response):
            wrapper = environ["wsgi.file_wrapper"](open("data", "rb"))
            start_response("200 OK", [])
            return {USES[use]}
    """)))
    expected = {"for": CONTENT.swapcase(),
                "chain": b"first" + CONTENT}.get(use, CONTENT)
    assert reply.body == expected and reply.exit == 0, reply


def test_file_wrapper_never_returned(cgi):
    """F6: nothing of its file is sent."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            wrapper = environ["wsgi.file_wrapper"](open(__file__, "rb"))
            start_response("200 OK", [])
            return [b"other"]
    """))
    assert reply.body == b"other" and reply.exit == 0


def test_file_wrapper_partly_iterated(cgi):
    """F6: the rest is sent."""
    cgi.write("data", CONTENT)
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            wrapper = environ["wsgi.file_wrapper"](open("data", "rb"), 9)
            first = next(iter(wrapper))
            start_response("200 OK", [("X-First", first.decode().strip())])
            return wrapper
    """))
    assert reply.header("X-First") == "line one"
    assert reply.body == CONTENT[9:], reply


def test_file_wrapper_after_write(cgi):
    """F6, E9: written data precede the file."""
    cgi.write("data", CONTENT)
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])(b"first ")
            return environ["wsgi.file_wrapper"](open("data", "rb"))
    """))
    assert reply.body == b"first " + CONTENT and reply.exit == 0


def test_file_wrapper_of_an_empty_file(cgi):
    """F6: an empty body."""
    cgi.write("empty")
    reply = answer(cgi, [], "environ['wsgi.file_wrapper']"
                   "(open('empty', 'rb'))")
    assert reply.raw == b"Status: 200 OK\r\n\r\n" and reply.exit == 0


def test_file_wrapper_of_a_closed_file(cgi):
    """F6, A11: an exception like any other."""
    reply = wrap(cgi, "closed()", before="""
        def closed():
            file = open("data", "rb")
            file.close()
            return file
    """)
    assert reply.status == 500 and reply.exit == 1, reply
    assert "ValueError" in reply.log


@pytest.mark.parametrize("file", ["open('data', encoding='latin-1')",
                                  "io.StringIO('text')"])
def test_file_wrapper_of_a_text_file(cgi, file):
    """F6, A9: its read gives str, which the error says."""
    reply = wrap(cgi, file)
    assert reply.status == 500 and "str" in reply.log, reply


@pytest.mark.parametrize("first", [b"", b"first"])
def test_file_wrapper_when_read_fails(cgi, first):
    """F6, A11: before and after the first byte."""
    reply = wrap(cgi, "Failing()", before=f"""
        class Failing:
            calls = 0

            def read(self, size):
                self.calls += 1
                if self.calls > {bool(first):d}:
                    raise OSError("disk")
                return {first!r}

            def close(self):
                print("<closed>")
    """)
    assert reply.exit == 1 and reply.log.count("<closed>") == 1, reply
    assert reply.status == (200 if first else 500)
    if first:
        assert reply.body == first


def test_file_wrapper_without_start_response(cgi):
    """F6, A4: the same error as for any iterable."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    """))
    assert reply.status == 500 and "protocol" in reply.log, reply


@contextlib.contextmanager
def uncached(path):
    """Keep a large file from filling the memory of a small machine."""
    over = threading.Event()

    def forget():
        with open(path, "rb") as file:
            while not over.wait(0.02):
                os.posix_fadvise(file.fileno(), 0, 0,
                                 os.POSIX_FADV_DONTNEED)
    thread = threading.Thread(target=forget)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def count_output(cgi, script):
    """Run a script, count what it sends, without keeping it."""
    ours, theirs = os.pipe()
    counter = subprocess.Popen(["wc", "-c"], stdin=ours,
                               stdout=subprocess.PIPE)
    os.close(ours)
    process = cgi.start(script, stdout=theirs)
    os.close(theirs)
    reply = process.wait()
    return reply, int(counter.communicate()[0])


LARGE = 5 << 30
USAGE = """
    import atexit
    import resource


    @atexit.register
    def tell():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print("<memory>", usage.ru_maxrss)
"""


@pytest.mark.slow
def test_large_file_is_sent_by_the_kernel(cgi):
    """F7, I5: 5 GiB, in constant memory."""
    path = cgi.write("large")
    os.truncate(path, LARGE)
    script = cgi.script(program(USAGE, f"""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "{LARGE}")])
            return environ["wsgi.file_wrapper"](open("large", "rb"))
    """))
    with uncached(path):
        reply, size = count_output(cgi, script)
    assert reply.exit == 0 and reply.log.count("\n") == 1, reply
    assert LARGE < size < LARGE + 100
    assert int(re.search(r"<memory> (\d+)", reply.log)[1]) < 300000


def system_call(name):
    """The number of a system call here, as C knows it."""
    done = subprocess.run(["cc", "-E", "-P", "-"], check=True, text=True,
                          input=f"#include <sys/syscall.h>\nSYS_{name}\n",
                          stdout=subprocess.PIPE)
    return done.stdout.split()[-1]


def test_the_kernel_sends_the_file(cgi):
    """F7: while the client does not read, the program waits in sendfile."""
    number = system_call("sendfile")
    os.truncate(cgi.write("large"), LARGE)
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            file = open("large", "rb")
            file.readline(10)
            return environ["wsgi.file_wrapper"](file)
    """))
    process.read_head()
    until(lambda: Path(f"/proc/{process.pid}/syscall").read_text()
          .split()[0] == number)
    process.hang_up()
    assert process.wait().exit == 1


def test_large_file_obeys_content_length(cgi):
    """F7, F1: the kernel sends no more."""
    path = cgi.write("large")
    os.truncate(path, LARGE)
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            file = open("large", "rb")
            file.read(10)
            start_response("200 OK", [("Content-Length", "100001")])
            return environ["wsgi.file_wrapper"](file)
    """))
    assert reply.body == bytes(100001) and reply.exit == 0


@pytest.mark.parametrize("size, exit, word", [
    (8000000, 0, "long-body"), (9000000, 0, "long-body"),
    (7000000, 1, "short-body")])
def test_large_file_and_a_thread_that_writes(cgi, size, exit, word):
    """F1, F7: together not more than Content-Length, through a socket."""
    number = system_call("sendfile")
    cgi.write("large", b"A" * size)
    os.mkfifo(cgi.folder / "go")
    script = cgi.script("""
        import sys
        import threading

        def application(environ, start_response):
            def spoil():
                open("go").read()
                print(f"<thread {threading.get_native_id()}>",
                      file=sys.stderr)
                write(b"B" * 3000)

            write = start_response("200 OK", [("Content-Length", "8000000")])
            threading.Thread(target=spoil).start()
            return environ["wsgi.file_wrapper"](open("large", "rb"))
    """)
    ours, theirs = socket.socketpair()
    ours.settimeout(30)
    with ours:
        with theirs:
            process = cgi.start(script, stdin="null", stdout=theirs)
        until(lambda: Path(f"/proc/{process.pid}/syscall").read_text()
              .split()[0] == number)
        (cgi.folder / "go").write_text("")
        process.wait_log("<thread ")
        thread = re.search(r"<thread (\d+)>", process.log)[1]
        until(lambda: is_asleep(f"{process.pid}/task/{thread}"))
        raw = b"".join(iter(lambda: ours.recv(1 << 16), b""))
    reply = process.wait()
    body = raw.partition(b"\r\n\r\n")[2]
    assert body.count(b"A") == min(size, 8000000)
    assert len(body) <= 8000000
    assert reply.exit == exit and f"cgi2wsgi: {word} [" in reply.log, reply


def test_large_file_for_head(cgi):
    """F7, F3: nothing is sent."""
    path = cgi.write("large")
    os.truncate(path, LARGE)
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](open("large", "rb"))
    """), method="HEAD", timeout=10)
    assert reply.body == b"" and reply.exit == 0
