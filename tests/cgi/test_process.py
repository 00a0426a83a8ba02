"""Descriptors, signals, the end, limits (conformance I)."""

import contextlib
import itertools
import json
import os
import re
import resource
import signal
import socket
import time

import pytest

from harness import PROGRAM, SANITIZED, alive, program, until

not_sanitized = pytest.mark.skipif(
    SANITIZED,
    reason="the sanitizer handles fatal signals and traces by itself")


def facts(reply):
    assert reply.status == 200, reply
    assert reply.exit == 0, reply
    return json.loads(reply.body)


def bits(mask):
    """The signals of a mask in /proc/PID/status."""
    value = int(mask, 16)
    return {number for number in range(1, 65) if value >> number - 1 & 1}


def trace(cgi):
    """The steps that the application noted, none before the first."""
    path = cgi.folder / "trace"
    return path.read_text().splitlines() if path.exists() else []


# Descriptors

SERVERS = [numbers for size in range(4)
           for numbers in itertools.combinations((0, 1, 2), size)]


@pytest.mark.parametrize("closed", SERVERS)
def test_closed(cgi, closed):
    """I1: descriptors 0 to 2 closed at start, in every combination."""
    cgi.write("secret", "do not write here")
    script = cgi.script("""
        import os

        folder = os.path.dirname(__file__)
        file = open(os.path.join(folder, "secret"), "r+")
        seen = [os.readlink(f"/proc/self/fd/{n}") for n in (0, 1, 2)]


        def application(environ, start_response):
            print("stray")
            os.write(1, b"stray")
            os.write(2, b"error")
            body = environ["wsgi.input"].read()
            with open(os.path.join(folder, "seen"), "w") as out:
                print(len(seen), file.fileno(), os.read(0, 9), body,
                      file=out)
            start_response("200 OK", [])
            return [b"body"]
        """)

    def close():
        for number in closed:
            os.close(number)

    reply = cgi.run(script, method="POST", body=b"in", stdin=None,
                    preexec_fn=close, length=0 if 0 in closed else 2)
    assert (cgi.folder / "secret").read_text() == "do not write here"
    seen = (cgi.folder / "seen").read_text()
    number = int(seen.split()[1])
    assert number > 2
    assert seen.endswith("b'' b''\n" if 0 in closed else "b'' b'in'\n")
    if 1 not in closed:
        assert reply.body == b"body"
        assert reply.exit == 0
    else:
        assert reply.raw == b""
    assert ("stray" in reply.log) == (2 not in closed)


@pytest.mark.parametrize("closed", SERVERS)
def test_closed_and_failing(cgi, closed):
    """I1, G1: the same when the application fails."""
    def close():
        for number in closed:
            os.close(number)

    script = cgi.script("""
        import nothing_of_this_name
        """)
    reply = cgi.run(script, preexec_fn=close)
    assert reply.exit == 1
    if 1 not in closed:
        assert reply.status == 500


def test_leaked(cgi):
    """I1: fcgiwrap leaks its socket; no child of ours inherits it."""
    ours, theirs = socket.socketpair()
    descriptors = [theirs.fileno()]
    with ours, theirs:
        for _ in range(5):
            descriptors.append(os.dup(theirs.fileno()))
        high = os.dup2(theirs.fileno(), 200)
        descriptors.append(high)
        found = facts(cgi.run(cgi.script("process_facts"), body=b"x",
                              method="POST", pass_fds=descriptors))
        for number in descriptors[1:]:
            os.close(number)
    opened = {int(number) for number in found["child"]}
    assert not opened & set(descriptors) - {0, 1, 2}, found["child"]


def test_child_descriptors(cgi):
    """I1, D2: a child gets 0, 1 and 2 and none of our own."""
    found = facts(cgi.run(cgi.script("process_facts"), body=b"x",
                          method="POST"))
    assert {number for number in found["child"]} <= {"0", "1", "2", "3"}
    kinds = {number: target for number, target in found["child"].items()
             if int(number) > 2}
    assert all(target.startswith("/proc/") for target in kinds.values())
    assert found["descriptors"]["0"] == "/dev/null"
    assert found["descriptors"]["1"] == found["descriptors"]["2"]
    assert found["body"] == "x"


def test_nonblocking(cgi):
    """I1, F5: lighttpd's /dev/null and log are O_NONBLOCK."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    script = cgi.script("count_input")
    process = cgi.start(script, method="POST", stdin=reader, length=6)
    os.close(reader)
    time.sleep(0.3)     # let it find the pipe empty
    os.write(writer, b"abc")
    time.sleep(0.1)
    os.write(writer, b"def")
    os.close(writer)
    reply = process.wait()
    assert reply.body == b"6"


def test_nonblocking_output(cgi):
    """I1, F5: an O_NONBLOCK reply that nobody reads for a while."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"x" * 65536] * 32
        """)
    process = cgi.start(script, stdout=writer)
    os.close(writer)
    time.sleep(0.5)
    with open(reader, "rb") as stream:
        raw = stream.read()
    reply = process.wait()
    assert raw.endswith(b"x" * 65536 * 32)
    assert reply.exit == 0


# Signals

def ignore(*numbers):
    def change():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
    return change


def test_ignored(cgi):
    """I2: what the server ignores is not ignored by us."""
    found = facts(cgi.run(
        cgi.script("process_facts"), restore_signals=False,
        preexec_fn=ignore(signal.SIGCHLD, signal.SIGINT, signal.SIGTERM,
                          signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1,
                          signal.SIGPIPE, signal.SIGXFSZ)))
    ignored = bits(found["signals"]["SigIgn"])
    assert not ignored & {signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM,
                          signal.SIGINT, signal.SIGHUP, signal.SIGUSR1}
    assert signal.SIGPIPE in ignored
    assert found["chld"]


def test_blocked(cgi):
    """I2: a blocked mask is opened."""
    def block():
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))

    found = facts(cgi.run(cgi.script("process_facts"), preexec_fn=block,
                          restore_signals=False))
    assert bits(found["signals"]["SigBlk"]) == set()


def test_ignored_sigchld(cgi):
    """I2: webfs ignores SIGCHLD; exit statuses of children are known."""
    script = cgi.script("""
        import subprocess

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"%d" % subprocess.run(["sh", "-c", "exit 7"]).returncode]
        """)
    assert cgi.run(script, preexec_fn=ignore(signal.SIGCHLD)).body == b"7"


WAITS = """
import os
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))


def trace(step):
    with open(os.path.join(FOLDER, "trace"), "a") as file:
        file.write(step + "\\n")


class Result:
    def __init__(self, chunks):
        self.chunks = chunks

    def __iter__(self):
        return self.chunks

    def close(self):
        trace("close")


def chunks():
    try:
        yield b"first"
        trace("waits")
        time.sleep(60)
        trace("not stopped")
    except BaseException as error:
        trace(type(error).__name__)
        raise
    finally:
        trace("finally")


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Result(chunks())
"""


@pytest.mark.parametrize("options", ["", "--graceful-timeout 1"])
def test_terminated(cgi, options):
    """I2, A7: SIGTERM ends the application by an exception."""
    process = cgi.start(cgi.script(WAITS, options))
    process.read_head()
    assert process.read(5) == b"first"
    until(lambda: "waits" in trace(cgi))
    begin = time.monotonic()
    process.signal(signal.SIGTERM)
    reply = process.wait()
    assert time.monotonic() - begin < 20
    assert trace(cgi) == ["waits", "SystemExit", "finally", "close"]
    assert reply.body == b"first"
    assert reply.exit == 1
    assert "cgi2wsgi: terminated [" in reply.log


def terminated(cgi, script, line, **how):
    """What got SIGTERM when it had written the line to the log."""
    process = cgi.start(script, **how)
    process.wait_log(line)
    process.signal(signal.SIGTERM)
    return process


def test_terminated_early(cgi):
    """I2, A11, G1: nothing was sent: a page."""
    script = cgi.script("""
        import os
        import time

        def application(environ, start_response):
            try:
                os.write(2, b"waits\\n")
                time.sleep(60)
            finally:
                os.write(2, b"finally\\n")
        """)
    reply = terminated(cgi, script, "waits").wait()
    assert reply.status == 500
    assert reply.exit == 1
    assert "finally" in reply.log
    assert "cgi2wsgi: terminated [" in reply.log


def test_terminated_while_importing(cgi):
    """I2, G1: SIGTERM during a slow import."""
    script = cgi.script("""
        import os
        import time

        os.write(2, b"waits\\n")
        time.sleep(60)
        """)
    reply = terminated(cgi, script, "waits").wait()
    assert reply.status == 500
    assert reply.exit == 1
    assert "cgi2wsgi: terminated [" in reply.log


def test_terminated_while_reading(cgi):
    """I2: SIGTERM while the client does not send its body."""
    script = cgi.script("""
        import os

        def application(environ, start_response):
            os.write(2, b"waits\\n")
            environ["wsgi.input"].read()
        """)
    reply = terminated(cgi, script, "waits", method="POST", length=10,
                       stdin="open").wait()
    assert reply.status == 500
    assert "cgi2wsgi: terminated [" in reply.log


def test_terminated_while_writing(cgi):
    """I2, F5: SIGTERM while nobody reads the reply."""
    script = cgi.script("""
        import os

        def application(environ, start_response):
            start_response("200 OK", [])
            try:
                yield b"x"
                os.write(2, b"waits\\n")
                yield b"x" * (1 << 22)
            finally:
                os.write(2, b"finally\\n")
        """)
    process = terminated(cgi, script, "waits")
    process.wait_log("finally", 20)
    reply = process.wait()
    assert reply.exit == 1


def test_terminated_and_stubborn(cgi):
    """I2, I3: an application that goes on regardless is bounded."""
    script = cgi.script("""
        import os
        import time

        def application(environ, start_response):
            os.write(2, b"waits\\n")
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass
        """, "--graceful-timeout 1")
    begin = time.monotonic()
    reply = terminated(cgi, script, "waits").wait(30)
    assert time.monotonic() - begin < 20
    assert reply.status == 500
    assert reply.exit == 1


def test_not_cut_short(cgi):
    """I2: lighttpd sends SIGTERM at the last byte, Apache soon after."""
    process = cgi.start(cgi.script("shutdown"))
    process.read_head()
    assert process.read(4) == b"last"
    for _ in range(10):
        process.signal(signal.SIGTERM)
        time.sleep(0.02)
    reply = process.wait()
    assert trace(cgi) == ["close begins", "close", "thread", "atexit"]
    assert reply.exit == 0
    assert "terminated" not in reply.log


def test_not_cut_short_without_length(cgi):
    """I2: likewise where only the end of the iterable is the end."""
    script = cgi.script("""
        import atexit
        import os
        import time

        def finish():
            os.write(2, b"begins\\n")
            time.sleep(0.5)
            os.write(2, b"atexit ran\\n")

        def application(environ, start_response):
            atexit.register(finish)
            start_response("200 OK", [])
            yield b"a"
            yield b"b"
        """)
    reply = terminated(cgi, script, "begins").wait()
    assert reply.body == b"ab"
    assert "atexit ran" in reply.log
    assert reply.exit == 0


def test_own_handler(cgi):
    """I2: an application may handle SIGTERM itself."""
    script = cgi.script("""
        import os
        import signal

        caught = []

        def application(environ, start_response):
            signal.signal(signal.SIGTERM, lambda *_: caught.append(1))
            os.kill(os.getpid(), signal.SIGTERM)
            start_response("200 OK", [])
            return [b"%d" % len(caught)]
        """)
    assert cgi.run(script).body == b"1"


def test_forked_child_terminated(cgi):
    """I2: SIGTERM simply ends a forked child, as multiprocessing expects.

    As an exception it may arrive where nothing passes it on, and a Pool
    then waits for its worker for ever.
    """
    script = cgi.script("""
        import os
        import signal
        import time

        def application(environ, start_response):
            reader, writer = os.pipe()
            child = os.fork()
            while not child:
                try:
                    os.write(writer, b"x")
                    time.sleep(60)
                except BaseException:
                    pass
            os.read(reader, 1)
            os.kill(child, signal.SIGTERM)
            time.sleep(0.2)
            ended, status = os.waitpid(child, os.WNOHANG)
            if not ended:
                os.kill(child, signal.SIGKILL)
            start_response("200 OK", [])
            return [b"%d" % (ended and os.WTERMSIG(status))]
        """)
    assert cgi.run(script).body == b"%d" % signal.SIGTERM


def test_newborn_child_terminated(cgi):
    """I2: SIGTERM is not lost while a child is being born."""
    script = cgi.script("""
        import os
        import signal
        import time

        def born():
            child = os.fork()
            while not child:
                try:
                    time.sleep(60)
                except BaseException:
                    pass
            os.kill(child, signal.SIGTERM)
            return child

        def ends(child):
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                if os.waitpid(child, os.WNOHANG)[0]:
                    return True
                time.sleep(0.001)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False

        def application(environ, start_response):
            lost = 0
            for _ in range(300):
                lost += not ends(born())
                if lost:
                    break
            start_response("200 OK", [])
            return [b"lost: %d" % lost]
        """)
    assert cgi.run(script).body == b"lost: 0"


# The end

def test_order(cgi):
    """I3: close(), threads, atexit, in this order."""
    reply = cgi.run(cgi.script("shutdown"))
    assert reply.body == b"last"
    assert trace(cgi) == ["close begins", "close", "thread", "atexit"]
    assert (reply.exit, reply.log) == (0, "")


def test_flushed(cgi):
    """I3, D1: what print() and open() hold back is written at exit."""
    script = cgi.script("""
        import atexit
        import os
        import sys

        file = open(os.path.join(os.path.dirname(__file__), "kept"), "w")


        def application(environ, start_response):
            file.write("in the file")
            print("on stdout", end="")
            sys.stderr.write("on stderr")
            environ["wsgi.errors"].write("in errors")
            atexit.register(print, "at exit", end="")
            start_response("200 OK", [])
            return [b"x"]
        """)
    reply = cgi.run(script)
    assert (cgi.folder / "kept").read_text() == "in the file"
    for text in ("on stdout", "on stderr", "in errors", "at exit"):
        assert reply.log.count(text) == 1, reply
    assert reply.body == b"x"


def test_daemon_thread(cgi):
    """I3: a daemon thread is not waited for."""
    script = cgi.script("""
        import threading
        import time

        def application(environ, start_response):
            threading.Thread(target=time.sleep, args=(60,),
                             daemon=True).start()
            start_response("200 OK", [])
            return [b"x"]
        """)
    begin = time.monotonic()
    reply = cgi.run(script)
    assert (reply.body, reply.exit) == (b"x", 0)
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("how", ["thread", "atexit", "close", "del", "lock"])
def test_deadlock(cgi, how):
    """I3: what hangs after the reply is ended and named in the log."""
    script = cgi.script(f"""
        import atexit
        import threading
        import time

        HOW = {how!r}


        def hang():
            while True:
                time.sleep(60)


        class Result(list):
            def close(self):
                if HOW == "close":
                    hang()


        class Late:
            def __del__(self):
                if HOW == "del":
                    hang()


        late = Late()


        def application(environ, start_response):
            if HOW == "thread":
                threading.Thread(target=hang).start()
            if HOW == "atexit":
                atexit.register(hang)
            if HOW == "lock":
                lock = threading.Lock()
                lock.acquire()
                atexit.register(lock.acquire)
            start_response("200 OK", [])
            return Result([b"whole"])
        """, "--graceful-timeout 1")
    begin = time.monotonic()
    reply = cgi.run(script, timeout=30)
    assert time.monotonic() - begin < 20
    assert reply.status == 200
    assert reply.body == b"whole"
    assert how == "del" or "cgi2wsgi: shutdown [" in reply.log
    if how in ("thread", "atexit", "close"):
        assert "close(), threads, atexit or" in reply.log
        assert "app.cgi\", line" in reply.log and "in hang" in reply.log


def test_deadlock_with_a_full_log(cgi):
    """I3: who does not read the log does not keep the process either."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    process = cgi.start(cgi.script("""
        import atexit
        import threading

        lock = threading.Lock()
        lock.acquire()
        atexit.register(lock.acquire)

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"whole"]
        """, "--graceful-timeout 1"), stderr=writer)
    reply = process.wait(timeout=60)
    os.close(writer)
    os.close(reader)
    assert reply.body == b"whole"


def test_atexit_fails(cgi):
    """I3: an exception in atexit is logged and harms nobody."""
    script = cgi.script("""
        import atexit

        def fail():
            raise RuntimeError("in atexit")

        def application(environ, start_response):
            atexit.register(print, "still run")
            atexit.register(fail)
            start_response("200 OK", [])
            return [b"x"]
        """)
    reply = cgi.run(script)
    assert reply.body == b"x"
    assert "in atexit" in reply.log
    assert "still run" in reply.log


def test_child_left_behind(cgi):
    """I3, D2: a child that lives on does not hold the reply open."""
    script = cgi.script("""
        import subprocess

        def application(environ, start_response):
            child = subprocess.Popen(["sleep", "300"], close_fds=False,
                                     stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            start_response("200 OK", [])
            return [b"%d" % child.pid]
        """)
    begin = time.monotonic()
    process = cgi.start(script)
    reply = process.wait()
    child = int(reply.body)
    try:
        assert time.monotonic() - begin < 20
        assert alive(child)
    finally:
        os.kill(child, signal.SIGKILL)


def traced(cgi, options, env, source="hello"):
    """The system calls of one good request, a line each."""
    log = cgi.folder / "calls"
    reply = cgi.run(cgi.write("traced", f"""#!/bin/sh
exec strace -qq -e signal=none {options} -o {log} {cgi.script(source)}
""", 0o755), env=env)
    assert (reply.status, reply.exit) == (200, 0)
    return log.read_text()


@not_sanitized
@pytest.mark.parametrize("call, number", [
    ("userfaultfd", 1), ("ioctl", 1), ("ioctl", 2), ("ioctl", 3),
    ("mremap", 1)])
def test_start_in_a_sandbox(cgi, call, number):
    """It may refuse what copies variables quickly; a slower way is left."""
    calls = traced(cgi, "-e trace=userfaultfd,ioctl,mremap,madvise -e inject="
                   f"{call}:error=EPERM:when={number}", {})
    # With libpython as a shared library there is nothing to copy.
    assert ("userfaultfd" in calls) == ("MADV_POPULATE_WRITE" in calls)
    # Before the next part is tried, or os is imported.
    for refused in calls.split("userfaultfd(")[1:2]:
        assert "MADV_POPULATE_WRITE" in refused


@not_sanitized
def test_huge_pages(cgi):
    """The heap lies in huge pages, with libpython shared or not."""
    assert traced(cgi, "-e trace=madvise", {}).count("MADV_HUGEPAGE") == 1


@not_sanitized
def test_variables_of_os(cgi):
    """Those of frozen modules that applications import come along with it."""
    def fetched(import_os):
        calls = traced(cgi, "-e trace=madvise", {}, program(import_os, """
            def application(environ, start_response):
                start_response("200 OK", [])
                return [b"hello"]
        """))
        return calls.count("MADV_POPULATE_WRITE")

    again = fetched("import sys\nsys.modules.pop('os', None)\nimport os")
    # Elsewhere they are no variables of the program.
    deep_frozen = b"__wrap__Py_Deepfreeze_Init" in PROGRAM.read_bytes()
    assert again - fetched("") == deep_frozen


@pytest.mark.parametrize("source, code", [
    ("hello", 0),
    ("def application(e, s):\n    s('500 Mine', [])\n    return []\n", 0),
    ("def application(e, s):\n    s('404 Mine', [])\n    return [b'x']\n", 0),
    ("def application(e, s):\n    raise SystemExit(0)\n", 1),
    ("def application(e, s):\n    raise SystemExit(7)\n", 1),
    ("def application(e, s):\n    s('200 OK', [])\n    yield b'x'\n"
     "    raise RuntimeError\n", 1),
    ("def application(e, s):\n    s('200 OK', [('Content-Length', '3')])\n"
     "    return [b'xx']\n", 1),
    ("raise SystemExit(0)\n", 1), ("raise SystemExit(5)\n", 1),
    ("syntax error\n", 1), ("\n", 1)])
def test_exit_status(cgi, source, code):
    """I4: 0 the reply was delivered whole, 1 it was not."""
    assert cgi.run(cgi.script(source)).exit == code


def test_exit_status_client_gone(cgi):
    """I4, F5: the client left."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"x"
            while True:
                yield b"x" * 65536
        """)
    process = cgi.start(script)
    process.read_head()
    process.hang_up()
    assert process.wait().exit == 1


def test_os_exit(cgi):
    """I4, I3: os._exit() in a reply ends it, and the log says so."""
    script = cgi.script("""
        import os

        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"x"
            os._exit(3)
        """)
    reply = cgi.run(script)
    assert reply.body == b"x"
    assert reply.exit == 3
    assert "os._exit() was called, at " in reply.log


# Limits

def test_no_core(cgi):
    """I5: no core dump by default."""
    def allow():
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    found = facts(cgi.run(cgi.script("process_facts"), preexec_fn=allow))
    assert found["core"][0] == 0


CRASH = """
import ctypes
import os


def application(environ, start_response):
    print("before the crash")
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    ctypes.string_at(0)
"""


@not_sanitized
def test_crash(cgi):
    """I5, G1: a fatal signal still makes a page, and no core file."""
    reply = cgi.run(cgi.script(CRASH))
    assert reply.status == 500
    assert reply.exit != 0
    assert "cgi2wsgi: crash [" in reply.log
    assert not [name for name in os.listdir(cgi.folder) if "core" in name]


@not_sanitized
@pytest.mark.parametrize("code", ["os.abort()", "recurse()",
                                  "os.kill(os.getpid(), signal.SIGBUS)",
                                  "os.kill(os.getpid(), signal.SIGFPE)"])
def test_fatal(cgi, code):
    """G1, I4: other fatal signals, a used up stack among them."""
    script = cgi.script(f"""
        import os
        import signal
        import sys

        def recurse():
            sys.setrecursionlimit(1 << 30)
            value = []
            for _ in range(300000):
                value = [value]
            repr(value)

        def application(environ, start_response):
            {code}
        """)
    reply = cgi.run(script)
    assert reply.status == 500
    assert reply.exit != 0
    # Newer Pythons notice in time that their stack is used up.
    assert ("cgi2wsgi: crash [" in reply.log
            or code == "recurse()" and "RecursionError" in reply.log)


@pytest.mark.parametrize("count, size", [(1, 100000), (12, 100000),
                                         (100, 10000), (10000, 100)])
def test_environment(cgi, count, size):
    """I5: an environment of 1 MiB."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            found = [value for name, value in environ.items()
                     if name.startswith("HTTP_X_")]
            yield b"%d %d" % (len(found), sum(map(len, found)))
        """)
    env = {f"HTTP_X_{number}": "v" * size for number in range(count)}
    reply = cgi.run(script, env=env)
    assert reply.body == b"%d %d" % (count, count * size)


def test_headers(cgi):
    """I5, G4: a header of 100 KB out, and a thousand of them."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [("X-Long", "v" * 100000)] + [
                (f"X-{number}", "v") for number in range(1000)])
            return []
        """)
    reply = cgi.run(script)
    assert reply.header("X-Long") == "v" * 100000
    assert len(reply.headers) >= 1001
    assert "cgi2wsgi: header-size [" in reply.log


def test_long_variables(cgi):
    """I5: long paths and queries."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"%d %d" % (len(environ["PATH_INFO"]),
                              len(environ["QUERY_STRING"]))
        """)
    reply = cgi.run(script, "/" + "p" * 60000 + "?" + "q" * 60000)
    assert reply.body == b"60001 60000"
    reply = cgi.run(cgi.script("raise RuntimeError\n", name="failing.cgi"),
                    "/" + "p" * 60000)
    assert reply.status == 500


def test_memory_of_output(cgi):
    """I5: 1 GiB of output in constant memory."""
    script = cgi.script("""
        import resource

        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        def application(environ, start_response):
            start_response("200 OK", [])
            block = b"x" * (1 << 20)
            yield block
            before = peak()
            for _ in range(1023):
                yield block
            print("grown by", peak() - before)
        """)
    null = os.open("/dev/null", os.O_WRONLY)
    reply = cgi.run(script, stdout=null)
    os.close(null)
    assert reply.exit == 0
    assert int(re.search(r"grown by (\d+)", reply.log)[1]) < 8192


# --timeout

HANGS = {
    "busy": "while True:\n        pass",
    "sleep": "time.sleep(60)",
    "lock": "threading.Lock().acquire() and threading.Event().wait()",
    "read": "os.read(os.pipe()[0], 1)",
    "input": "environ['wsgi.input'].read()",
}


def hanging(body, before=""):
    return ("import os, time, threading, ctypes\n\n\n"
            "def this_one_hangs(environ):\n"
            f"    {body}\n\n\n"
            "def application(environ, start_response):\n"
            f"    {before or 'pass'}\n"
            "    try:\n"
            "        this_one_hangs(environ)\n"
            "    finally:\n"
            "        os.write(2, b'finally ran\\n')\n")


@pytest.mark.parametrize("kind", HANGS)
def test_timeout(cgi, kind):
    """I6: 504, the Python stack in the log, finally runs."""
    script = cgi.script(hanging(HANGS[kind]),
                        "--timeout 1 --graceful-timeout 2")
    begin = time.monotonic()
    reply = cgi.run(script, method="POST", length=5, stdin="open",
                    timeout=30)
    assert 0.9 < time.monotonic() - begin < 20
    assert reply.status == 504
    assert reply.exit == 1
    assert "cgi2wsgi: timeout [" in reply.log
    assert "this_one_hangs" in reply.log
    assert "finally ran" in reply.log


def test_timeout_close(cgi):
    """I6, A7: close() runs; what was sent stays."""
    reply = cgi.run(cgi.script(WAITS, "--timeout 1"), timeout=30)
    assert reply.status == 200
    assert reply.body == b"first"
    assert reply.exit == 1
    assert trace(cgi) == ["waits", "SystemExit", "finally", "close"]
    assert "cgi2wsgi: timeout [" in reply.log
    assert "in chunks" in reply.log


@pytest.mark.parametrize("body", [
    "while True:\n        try:\n            time.sleep(60)\n"
    "        except BaseException:\n            pass",
    "ctypes.PyDLL(None).sleep(600)",
    "lock = ctypes.create_string_buffer(256)\n    for _ in range(2):\n"
    "        ctypes.PyDLL(None).pthread_mutex_lock(lock)"],
    ids=["catches", "sleeps", "deadlock"])
def test_timeout_stubborn(cgi, body):
    """I6: C code, or code that catches everything, is ended all the same."""
    script = cgi.script(hanging(body), "--timeout 1 --graceful-timeout 1")
    begin = time.monotonic()
    reply = cgi.run(script, timeout=40)
    assert time.monotonic() - begin < 30
    assert reply.status == 504
    assert reply.exit != 0
    assert "cgi2wsgi: timeout [" in reply.log
    assert "this_one_hangs" in reply.log


def test_timeout_import(cgi):
    """I6: an import that hangs counts as well."""
    script = cgi.script("import time\ntime.sleep(60)\n", "--timeout 1")
    reply = cgi.run(script, timeout=30)
    assert reply.status == 504
    assert "cgi2wsgi: timeout [" in reply.log


def test_timeout_client_does_not_read(cgi):
    """I6, F5: nobody reads the reply."""
    script = cgi.script("""
        import os

        def application(environ, start_response):
            start_response("200 OK", [])
            try:
                while True:
                    yield b"x" * 65536
            finally:
                os.write(2, b"finally ran\\n")
        """, "--timeout 1 --graceful-timeout 1")
    process = cgi.start(script)
    process.wait_log("finally ran", 20)
    assert process.wait(20).exit == 1


def test_timeout_not_reached(cgi):
    """I6: an application that is quick enough notices nothing."""
    reply = cgi.run(cgi.script("shutdown", "--timeout 30"))
    assert (reply.exit, reply.log) == (0, "")
    assert trace(cgi) == ["close begins", "close", "thread", "atexit"]


def test_timeout_child(cgi):
    """I6: 504 is sent although a child process still runs."""
    script = cgi.script("""
        import subprocess

        def application(environ, start_response):
            subprocess.run(["sleep", "60"])
        """, "--timeout 1")
    begin = time.monotonic()
    reply = cgi.run(script, timeout=40)
    assert time.monotonic() - begin < 30
    assert reply.status == 504


# Signals at unusual times

def test_terminated_behind_the_last_byte(cgi):
    """I2, I3: an application that works on then has its time, no more."""
    script = cgi.script("""
        import os
        import time

        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "5")])
            yield b"whole"
            os.write(2, b"works on\\n")
            time.sleep(60)
        """, "--graceful-timeout 1")
    reply = terminated(cgi, script, "works on").wait(20)
    assert reply.body == b"whole"


def late(statement):
    """An application with an object that Python deletes at its end."""
    return program(f"""
        import os
        import threading
        import time


        class Late:
            lock = threading.Lock()

            def __del__(self, os=os, time=time):
                os.write(2, b"begins\\n")
                {statement}
                os.write(2, b"ends\\n")


        late = Late()


        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"whole"]
        """)


def test_terminated_while_python_ends(cgi):
    """I2, I3: SIGTERM does not cut short what Python still deletes."""
    script = cgi.script(late("time.sleep(0.5)"))
    reply = terminated(cgi, script, "begins").wait()
    assert reply.body == b"whole"
    assert reply.exit == 0
    assert reply.log == "begins\nends\n"


def test_deadlock_while_python_ends(cgi):
    """I3: bounded there, too, and the log says so."""
    reply = cgi.run(cgi.script(
        late("self.lock.acquire() and self.lock.acquire()"),
        "--graceful-timeout 1"), timeout=20)
    assert reply.body == b"whole"
    assert "cgi2wsgi: shutdown [" in reply.log
    assert "ends" not in reply.log
    assert reply.exit >= 0


def test_terminated_twice(cgi):
    """I2: what cleans up is not interrupted by another SIGTERM."""
    script = cgi.script("""
        import os
        import time

        def application(environ, start_response):
            try:
                os.write(2, b"waits\\n")
                time.sleep(60)
            finally:
                os.write(2, b"begins\\n")
                time.sleep(0.5)
                os.write(2, b"ends\\n")
        """)
    process = terminated(cgi, script, "waits")
    process.wait_log("begins")
    process.signal(signal.SIGTERM)
    reply = process.wait()
    assert reply.log.count("begins") == reply.log.count("ends") == 1
    assert "cgi2wsgi: terminated [" in reply.log
    assert reply.status == 500
    assert reply.exit == 1


@not_sanitized
def test_little_memory(cgi):
    """I5: what the program takes in advance is not missing then."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (64 << 20, 64 << 20))

    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(len(bytearray(24 << 20))).encode()]
        """), preexec_fn=limit)
    assert (reply.status, reply.body) == (200, b"%d" % (24 << 20))


@not_sanitized
@pytest.mark.parametrize("begin", ["", "write"])
def test_no_memory_in_a_with_block(cgi, begin):
    """I5: Python 3.11 to 3.13 would try for ever to leave the block."""
    reply = cgi.run(cgi.script("""
        import resource

        class Guard:
            def __enter__(self):
                pass

            def __exit__(self, *error):
                return False

        def application(environ, start_response):
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            if environ["QUERY_STRING"] == "write":
                write(b"begun")
            slots = [None] * 3000000
            number = 0
            resource.setrlimit(resource.RLIMIT_DATA, (60 << 20,) * 2)
            FILL
            with Guard():
                while True:
                    slots[number] = number + 1000
                    number += 1
        """.replace("FILL", "number += number * 2; " * 200)),
        f"/?{begin}", timeout=60)
    assert reply.exit == 1
    if begin:
        assert reply.body == b"begun"
    else:
        assert reply.status == 500
    assert "memory" in reply.log.lower()


@not_sanitized
def test_no_memory_for_the_head(cgi):
    """I5, D1: that breaks no rule of WSGI, and the entry does not say so."""
    reply = cgi.run(cgi.script("""
        import resource

        def application(environ, start_response):
            headers = [("X-Long", "x" * (64 << 20))]
            resource.setrlimit(resource.RLIMIT_DATA, (1 << 20,) * 2)
            start_response("200 OK", headers)
            return []
        """))
    assert (reply.status, reply.exit) == (500, 1)
    assert "cgi2wsgi: application [" in reply.log
    assert "raised an exception: MemoryError" in reply.log


@not_sanitized
def test_memory_that_is_freed(cgi):
    """I5: who runs out of memory, frees some and goes on is not ended."""
    reply = cgi.run(cgi.script("""
        import resource

        class Item:
            __slots__ = ("next",)

        def application(environ, start_response):
            items = None
            freed = 0
            before = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (60 << 20, before[1]))
            while freed < 300000:
                try:
                    item = Item()
                    item.next = items
                    items = item
                except MemoryError:
                    items = items.next
                    freed += 1
            resource.setrlimit(resource.RLIMIT_DATA, before)
            while items:
                items = items.next
            start_response("200 OK", [])
            return [b"all"]
        """), timeout=60)
    assert (reply.body, reply.exit) == (b"all", 0)
