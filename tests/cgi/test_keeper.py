"""The output ends when the process is gone, as Apache wants it."""

import subprocess
import sys

import pytest

from below_init import AS_INIT
from harness import APPS, SANITIZED, TESTS, program

COUNT = 10
needs_namespace = pytest.mark.skipif(
    subprocess.run([*AS_INIT, "true"], stderr=subprocess.DEVNULL).returncode,
    reason="no namespace of processes may be made here")
not_sanitized = pytest.mark.skipif(
    SANITIZED, reason="the sanitizer traces by itself")
HELLO = (APPS / "hello.py").read_text()
THREAD = program("""
import threading

threading.Thread(target=threading.Event().wait, daemon=True).start()
""", HELLO)
FORK = """
import os

def application(environ, start_response):
    start_response("200 OK", [])
    if os.fork() == 0:
        return []
    os.wait()
    return [b"hello"]
"""
# Last acts of libraries. The first: close(0), so that cat ends, and wait(NULL).
CLOSE_AND_WAIT = program("""
import ctypes
import os
import subprocess

cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
os.dup2(cat.stdin.fileno(), 0)
cat.stdin.close()
libc = ctypes.CDLL(None)
libc.on_exit(libc.wait, None)
libc.on_exit(libc.close, None)
""", HELLO)
WAIT = program("""
import ctypes

libc = ctypes.CDLL(None)
libc.on_exit(libc.wait, None)
""", HELLO)
APPLICATIONS = pytest.mark.parametrize(
    "source", [HELLO, THREAD, FORK, CLOSE_AND_WAIT, WAIT],
    ids=["hello", "thread", "fork", "close and wait", "wait"])


def serve(cgi, script, sigchld, *around, count=COUNT, env={}):
    """How many processes a hasty server found gone, and how many orphans."""
    reply = cgi.exec([*around, sys.executable, TESTS / "hasty.py", sigchld,
                      str(count), script], cgi.environ(script, env=env))
    assert reply.exit == 0, reply
    return tuple(map(int, reply.raw.split()))


@APPLICATIONS
def test_child_of_who_ignores_children(cgi, source):
    """mod_cgid's daemon; the keeper is a child of its own."""
    assert serve(cgi, cgi.script(source), "ignore") == (COUNT, 0)


@needs_namespace
@APPLICATIONS
def test_child_of_init(cgi, source):
    """mod_cgi; here init is the server, too."""
    assert serve(cgi, cgi.script(source), "block", *AS_INIT) == (
        COUNT, COUNT)


@needs_namespace
def test_init(cgi):
    """A server below an init that waits for whatever is left to it."""
    assert serve(cgi, cgi.script(HELLO), "default", sys.executable,
                 TESTS / "below_init.py") == (COUNT, 0)


# Gets what is left to it instead of init; exits with how much that was.
SUBREAPER = """
import ctypes
import os
import subprocess
import sys

ctypes.CDLL(None).prctl(36, 1)
subprocess.run(sys.argv[1:], check=True)
left = 0
try:
    while os.wait():
        left += 1
except ChildProcessError:
    sys.exit(left)
"""


@needs_namespace
@pytest.mark.parametrize("above", [[], [sys.executable, "-c", SUBREAPER]])
def test_nearest_subreaper(cgi, above):
    """attack 4: an ancestor may stand in for init, and wait for nobody."""
    below = [sys.executable, TESTS / "below_init.py"]
    gone, orphans = serve(cgi, cgi.script(HELLO), "default", *below, *above,
                          sys.executable, "-c", SUBREAPER)
    assert orphans == 0


@needs_namespace
@pytest.mark.parametrize("sigchld", ["default", "handle"])
def test_nobody_might_wait(cgi, sigchld):
    """Nothing is left to an init that may not expect it."""
    assert serve(cgi, cgi.script(HELLO), sigchld, *AS_INIT)[1] == 0


@needs_namespace
def test_another_server(cgi):
    """nginx, for one, just waits."""
    env = {"SERVER_SOFTWARE": "nginx/1.22.1"}
    assert serve(cgi, cgi.script(HELLO), "block", *AS_INIT, env=env)[1] == 0


def traced(cgi, sigchld, options="", env={}):
    """The system calls of interest that a request ends with, a line each."""
    log = cgi.folder / "calls"
    # -D: the server is still its parent.
    script = cgi.write("traced", f"""#!/bin/sh
exec strace -D -qq -e signal=none {options} -o {log} \
    -e trace=writev,pidfd_open,clone,clock_nanosleep {cgi.script(HELLO)}
""", 0o755)
    serve(cgi, script, sigchld, *AS_INIT, count=1, env=env)
    reply, *calls = log.read_text().partition("writev(")[2].splitlines()
    return calls


def are_of(calls, names):
    """Whether each call has its name, or an argument, in the line."""
    return len(calls) == len(names) and all(
        name in call for name, call in zip(names, calls))


@needs_namespace
@not_sanitized
@pytest.mark.parametrize("sigchld, software, calls", [
    ("default", "Apache/2.4.62 (Debian)", ["clock_nanosleep"]),
    ("block", "Apache/2.4.62 (Debian)", ["pidfd_open", "flags=CLONE_VM|CLONE_FILES)"]),
    ("ignore", "Apache/2.4.62 (Debian)", ["pidfd_open", "CLONE_PARENT"]),
    ("default", "nginx/1.22.1", []), ("block", "nginx/1.22.1", []),
    ("ignore", "nginx/1.22.1", [])])
def test_who_needs_it(cgi, sigchld, software, calls):
    """Where nobody would wait for a keeper, Apache may fall asleep first."""
    found = traced(cgi, sigchld, env={"SERVER_SOFTWARE": software})
    assert are_of(found, calls), found


@needs_namespace
@not_sanitized
@pytest.mark.parametrize("call, calls", [
    ("pidfd_open", ["pidfd_open", "clock_nanosleep"]),
    ("clone", ["pidfd_open", "clone", "clock_nanosleep"])])
def test_without_keeper(cgi, call, calls):
    """An old kernel, or a sandbox, may refuse what it takes."""
    found = traced(cgi, "block", f"-e inject={call}:error=ENOSYS")
    assert are_of(found, calls), found
