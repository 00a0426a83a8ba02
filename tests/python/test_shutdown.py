"""What an application leaves behind is ended as python3 would end it."""

import gzip
import subprocess

import pytest

from harness import program

HEAD = """
import os

DATA = os.environ["DATA"]
"""
HELLO = """

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello"]
"""


def run(cgi, *parts):
    """Run a program that leaves something; the name of its file."""
    data = cgi.folder / "data"
    reply = cgi.run(cgi.script(program(HEAD, *parts, HELLO)),
                    env={"DATA": data})
    assert (reply.status, reply.body, reply.exit) == (200, b"Hello", 0), reply
    return data


@pytest.mark.parametrize("source", [
    'left = open(DATA, "w")\nleft.write("text")\n',
    'left = open(DATA, "wb")\nleft.write(b"text")\n',
    'left = open(DATA, "w+b")\nleft.write(b"text")\n',
    'import tempfile\n'
    'left = os.fdopen(os.open(DATA, os.O_WRONLY | os.O_CREAT), "w")\n'
    'left.write("text")\n'])
def test_open_file(cgi, source):
    """I3: what was written to a file that nobody closed."""
    assert run(cgi, source).read_text() == "text"


def unpacked(file):
    try:
        return gzip.decompress(file.read_bytes())
    except EOFError:
        return None


def test_wrapped_file(cgi, python):
    """I3: a file around a file ends as it does in python3.

    The outer one first, and nothing is lost; but Python 3.13.5 loses it.
    """
    left = """
        import gzip
        left = gzip.GzipFile(fileobj=open(DATA, "wb"), mode="wb")
        left.write(b"text" * 1000)
        """
    theirs = cgi.folder / "theirs"
    subprocess.run([python, "-c", program(HEAD, left, HELLO)], check=True,
                   env={"DATA": theirs}, stderr=subprocess.DEVNULL)
    assert unpacked(run(cgi, left)) == unpacked(theirs)
    assert unpacked(theirs) in (b"text" * 1000, None)


@pytest.mark.parametrize("source", [
    "{open}\ngc.freeze()\n",
    "gc.freeze()\n{open}\n",
    "{open}\ngc.collect()\n",
    "{open}\ngc.freeze()\ngc.unfreeze()\n",
    "gc.set_threshold(50)\n{open}\n"])
@pytest.mark.parametrize("late", [False, True])
def test_collector_told(cgi, source, late):
    """I3: what an application asks of the collector hides no file."""
    source = source.format(open='left = open(DATA, "w"); left.write("text")')
    if late:
        source = "def leave():\n    global left\n" + "".join(
            f"    {line}\n" for line in source.splitlines())
    data = cgi.folder / "data"
    reply = cgi.run(cgi.script(program(HEAD, "import gc", source, """
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            globals().get("leave", str)()
            return [b"Hello"]
        """)), env={"DATA": data})
    assert (reply.status, reply.exit, data.read_text()) == (200, 0, "text")


def read_back(cgi, source):
    """What a second run finds."""
    reply = cgi.run(cgi.script(program(HEAD, """
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [repr(read()).encode()]
        """, source)), env={"DATA": cgi.folder / "data"})
    return reply.body


def test_shelf(cgi):
    """I3: a dictionary in a file."""
    run(cgi, """
        import shelve
        left = shelve.open(DATA, writeback=True)
        left["list"] = []
        left["list"].append("text")
        """)
    assert read_back(cgi, """
        import shelve

        def read():
            with shelve.open(DATA) as found:
                return found["list"]
        """) == b"['text']"


@pytest.mark.parametrize("name", ["dbm.gnu", "dbm.ndbm", "dbm.dumb"])
def test_database(cgi, name):
    """I3: a database that nobody closed."""
    run(cgi, f"""
        import {name}
        left = {name}.open(DATA, "c")
        left[b"key"] = b"text"
        """)
    assert read_back(cgi, f"""
        import {name}

        def read():
            with {name}.open(DATA) as found:
                return found[b"key"]
        """) == b"b'text'"


def test_write_ahead_log(cgi):
    """I3: SQLite's last connection merges its log into the database."""
    data = run(cgi, """
        import sqlite3
        left = sqlite3.connect(DATA)
        left.execute("pragma journal_mode = wal")
        left.execute("create table t (x)")
        left.commit()
        """)
    assert [file.name for file in data.parent.glob("data*")] == ["data"]


def test_library_in_c(cgi):
    """I3: an object whose end nothing announces; Debian's Xapian writes."""
    run(cgi, """
        import xapian
        left = xapian.WritableDatabase(DATA, xapian.DB_CREATE_OR_OPEN)
        left.add_document(xapian.Document())
        """)
    assert read_back(cgi, """
        import xapian

        def read():
            return xapian.Database(DATA).get_doccount()
        """) == b"1"


DEL = """
class Left:
    {slots}

    def __del__(self, name=DATA, open=open):
        with open(name, "ab") as data:
            data.write(b"end")
"""


@pytest.mark.parametrize("slots", ["__slots__ = ()", "pass"])
def test_del(cgi, slots):
    """I3: __del__() of a global, also of a class the collector leaves out."""
    data = run(cgi, DEL.format(slots=slots), "left = Left()\n")
    assert data.read_text() == "end"


@pytest.mark.parametrize("wait", [
    "try: yield\n    finally: write()", "with Closing(): yield",
    "yield from Closing()"])
def test_generator(cgi, wait):
    """I3: what close() runs of a generator that waits for ever."""
    data = run(cgi, """
        def write(name=DATA, open=open):
            with open(name, "wb") as data:
                data.write(b"end")

        class Closing:
            def __iter__(self):
                return self

            def __next__(self):
                pass

            def close(self, *args):
                write()

            __enter__, __exit__ = __next__, close
        """, f"""
def wait():
    {wait}

outer = (None for _ in wait())
next(outer)
""")
    assert data.read_text() == "end"


@pytest.mark.parametrize("own", [
    "Stream.close", "Stream.flush", "Stream.__del__", "left.close",
    "left.flush"])
def test_stream(cgi, own):
    """I3: a stream of the application's own, whose end does something."""
    data = run(cgi, """
        import io

        def write(*args, name=DATA, open=open):
            with open(name, "wb") as data:
                data.write(b"end")

        class Stream(io.RawIOBase):
            pass

        left = Stream()
        """, f"{own} = write\n")
    assert data.read_text() == "end"


def test_temporary_folder(cgi):
    """I3: what tempfile promises to remove."""
    data = run(cgi, """
        import tempfile
        folder = tempfile.TemporaryDirectory(dir=os.path.dirname(DATA))
        file = tempfile.NamedTemporaryFile(dir=os.path.dirname(DATA))
        with open(DATA, "w") as data:
            print(folder.name, file.name, sep="\\n", file=data)
        """)
    for name in data.read_text().split():
        assert not (data.parent / name).exists()


def test_replaced_stdout(cgi):
    """I3: a sys.stdout of the application's own is flushed."""
    data = run(cgi, """
        import sys
        sys.stdout = open(DATA, "w")
        print("text", end="")
        """)
    assert data.read_text() == "text"


@pytest.mark.parametrize("keep", ["", "kept.append(left)"])
def test_circle(cgi, keep):
    """I3: what a request has left that refers to itself."""
    data = cgi.folder / "data"
    reply = cgi.run(cgi.script(HEAD + DEL.format(slots="pass") + f"""
kept = []


def application(environ, start_response):
    left = Left()
    left.itself = left
    {keep}
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello"]
"""), env={"DATA": data})
    assert (reply.body, reply.exit) == (b"Hello", 0), reply
    assert data.read_text() == "end"


@pytest.mark.parametrize("number, start", [
    ("SIGALRM", "setitimer(signal.ITIMER_REAL, 0.01, 0.01)"),
    ("SIGVTALRM", "setitimer(signal.ITIMER_VIRTUAL, 0.01, 0.01)"),
    ("SIGPROF", "setitimer(signal.ITIMER_PROF, 0.01, 0.01)")])
def test_timer_that_goes_on(cgi, number, start):
    """I3, case 4: the end of Python is not the end of its handlers."""
    data = run(cgi, f"""
        import signal
        import time


        class Left:
            def __del__(self, name=DATA, open=open, time=time.process_time):
                end = time() + 0.2
                while time() < end:
                    pass
                # Not as text: Python 3.9 has lost its encodings by now.
                with open(name, "wb") as file:
                    file.write(b"ended")


        signal.signal(signal.{number}, lambda *args: None)
        signal.{start}
        left = Left()
        """)
    assert data.read_text() == "ended"
