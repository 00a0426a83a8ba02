"""What the system refuses: memory, descriptors, calls, and who reads."""

import hashlib
import os
import re
import resource
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from harness import PROGRAM, SANITIZED, TESTS, crossed, until

not_sanitized = pytest.mark.skipif(
    SANITIZED, reason="the sanitizer has an allocator and traces of its own")
CC = shlex.split(os.environ.get("CC", "cc"))


@pytest.fixture(scope="session")
def faults(tmp_path_factory):
    """A library to preload, which makes memory fail."""
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    subprocess.run([*CC, "-std=c11", "-shared", "-fPIC", "-O1", "-o", library,
                    TESTS / "faults.c"], check=True)
    return library


def strace(cgi, script, *inject):
    """A script that runs another where system calls fail."""
    words = " ".join(f"-e inject={word}" for word in inject)
    return cgi.write("traced", "#!/bin/sh\nexec strace -D -f -qq -o /dev/null"
                     f" -e signal=none {words} {script}\n", 0o755)


# Memory

FAILS = {
    "raises": """
        raise ValueError("<wrong>" * 100)""",
    "answers": """
        start_response("200 OK", [("X-%d" % i, "x" * 200)
                                  for i in range(40)])
        return [b"whole"]""",
    "refused": """
        start_response("200 OK", [("X", "a\\nb")])""",
    "returns nothing": """
        return None""",
    "late": """
        start_response("200 OK", [("Content-Length", "9")])
        return [b"whole"]""",
}


@not_sanitized
@pytest.mark.parametrize("how, debug, times", crossed(
    list(FAILS), ["", "--debug"], [1, 1 << 30]))
@pytest.mark.parametrize("some", [
    [1, 2, 3, 5, 8, 13, 21, 34],
    pytest.param([*range(1, 40), 50, 70, 100, 200],
                 marks=pytest.mark.slow)], ids=["some", "all"])
def test_memory(cgi, faults, how, debug, times, some):
    """attack 2, G1: a reply is whole, whichever allocation fails."""
    script = cgi.script(f"""
        import ctypes
        arm = ctypes.CDLL(None).fault_arm

        def application(environ, start_response):
            arm(int(environ["QUERY_STRING"]), {times})
        {FAILS[how].replace(chr(10), chr(10) + "    ")}
        """, debug)
    seen = set()
    for after in some:
        reply = cgi.run(script, f"/?{after}", env={"LD_PRELOAD": faults})
        assert reply.log or reply.status == 200, (after, reply)
        length = reply.header("Content-Length")
        if reply.status == 200:
            assert reply.body == b"whole", (after, reply)
            if how == "answers":
                assert len(reply.headers) == 41, (after, reply)
        else:
            assert reply.body and reply.exit == 1, (after, reply)
            assert length in (None, str(len(reply.body))), (after, reply)
            assert length or reply.body == b"500 Internal Server Error\n"
        seen.add(reply.status)
    assert seen <= {200, 500}


@not_sanitized
@pytest.mark.parametrize("times", [1, 1 << 30])
def test_memory_at_the_start(cgi, faults, tmp_path, times):
    """attack 2, G1: while the first line is read there is a page.

    Its entry has words, and names the request.
    """
    (cgi.folder / "more").mkdir()
    script = cgi.script("hello", "--env NAME=VALUE --path more --chdir more "
                        "--log - --script-name /mounted :application")
    told = 0
    for after in range(1, 60):
        reply = cgi.run(script, env={
            "LD_PRELOAD": faults,
            "FAULTS": f"own {after} {times} {tmp_path}/count"})
        assert reply.status in (200, 500), (after, reply)
        if reply.status == 500:
            # Its method and path may be what there is no memory for.
            assert re.match(r"cgi2wsgi: \S+ \[\w{16}\] \S+ \S+: .", reply.log)
            assert reply.log and reply.exit == 1, (after, reply)
            assert reply.body.rstrip().endswith((b"</html>", b"Error"))
        told += "cgi2wsgi: system [" in reply.log and "memory" in reply.log
    assert told > 10


@not_sanitized
def test_memory_at_a_terminal(cgi, faults, tmp_path):
    """attack 2, H4: while the command line is read there is a message."""
    script = cgi.script("hello")
    told = 0
    for after in range(1, 60):
        done = subprocess.run(
            [PROGRAM, "-u", "a:b", "-H", "A: b", "-H", "A: c", "-b", "a=b",
             "-F", "name=value", script, "http://h/path?query"],
            capture_output=True, text=True, env={
                **os.environ, "LD_PRELOAD": str(faults),
                "FAULTS": f"own {after} 1 {tmp_path}/count"})
        if done.returncode:
            assert "cgi2wsgi: " in done.stderr, (after, done)
        else:
            assert done.stdout, (after, done)
        told += "out of memory" in done.stderr and done.returncode == 1
    assert told > 10


# System calls

@not_sanitized
def test_without_close_range(cgi):
    """I1: an older kernel; /dev/fd tells what is open."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    script = strace(cgi, cgi.script("""
        import subprocess

        def application(environ, start_response):
            start_response("200 OK", [])
            return [subprocess.run(["ls", "/proc/self/fd"],
                                   close_fds=False,
                                   capture_output=True).stdout]
        """), "close_range:error=ENOSYS")
    reply = cgi.run(script, pass_fds=[writer])
    # ls has the folder open, too.
    assert reply.body.split() == [b"0", b"1", b"2", b"3"]
    os.close(reader)
    os.close(writer)


@not_sanitized
@pytest.mark.parametrize("error", ["EINVAL", "ENOSYS"])
def test_without_sendfile(cgi, error):
    """F7: where the kernel refuses, the file is copied."""
    content = os.urandom(300000)
    (cgi.folder / "content").write_bytes(content)
    script = strace(cgi, cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "299990")])
            file = open("content", "rb")
            file.seek(10)
            return environ["wsgi.file_wrapper"](file)
        """), f"sendfile:error={error}")
    reply = cgi.run(script)
    assert reply.body == content[10:] and reply.exit == 0


@not_sanitized
@pytest.mark.parametrize("env", [{}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_interrupted_while_keeping(cgi, env):
    """attack 3: a signal while a body is put into a file changes nothing."""
    body = os.urandom(1 << 20)
    script = strace(cgi, cgi.script("""
        import hashlib

        def application(environ, start_response):
            write = start_response("200 OK", [])
            write(b"o" * (1 << 20))
            write(hashlib.sha256(
                environ["wsgi.input"].read()).hexdigest().encode())
            return []
        """), "pwrite64:error=EINTR:when=1+2")
    process = cgi.start(script, method="POST", stdin="open",
                        length=None if env else len(body), env=env)
    process.stdin.write(body)
    process.stdin.close()
    reply = process.wait()
    assert reply.body[1 << 20:].decode() == hashlib.sha256(body).hexdigest()
    assert reply.exit == 0


def waits(pid):
    """Whether a process waits in poll(2)."""
    return "poll" in Path(f"/proc/{pid}/wchan").read_text()


def test_body_that_is_not_ready(cgi):
    """C4: O_NONBLOCK on standard input is waited for."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    process = cgi.start(cgi.script("echoed"), method="POST", stdin=theirs,
                        length=10)
    ours.send(b"first")
    until(lambda: waits(process.pid))
    ours.send(b"other")
    assert process.wait().body == b"firstother"
    ours.close()
    theirs.close()


# Descriptors

@pytest.mark.parametrize("limit", [4, 5])
def test_no_descriptors(cgi, limit):
    """attack 5, G1: too few of them; the output is usable."""
    reply = cgi.run(cgi.script("hello"), preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (limit, limit)))
    assert reply.status == 500 and reply.exit == 1
    assert "cgi2wsgi: system [" in reply.log
    assert len(reply.body) == int(reply.header("Content-Length"))


def test_no_null(cgi):
    """attack 5, G1: no /dev/null; the output is usable."""
    script = cgi.script("hello")
    root = [] if os.getuid() == 0 else ["--map-root-user"]
    reply = cgi.exec(["/usr/bin/unshare", "--mount", *root, "sh", "-c",
                      'mount -t tmpfs none /dev && exec "$0"', script],
                     cgi.environ(script))
    assert reply.status == 500 and reply.exit == 1
    assert "cgi2wsgi: system [" in reply.log


@pytest.mark.parametrize("failing", [False, True])
def test_closed_output(cgi, failing):
    """I4, attack 8: nothing was delivered, so the exit status is 1."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"x"]
        """ if not failing else "import nosuchmodule\n")
    reply = cgi.run(script, preexec_fn=lambda: os.close(1))
    assert reply.exit == 1
    assert ("client-gone [" in reply.log) == (not failing)


def test_full_output(cgi):
    """I4: nor where the output takes nothing."""
    with open("/dev/full", "wb") as full:
        reply = cgi.run(cgi.script("hello"), stdout=full)
    assert reply.exit == 1 and "cgi2wsgi: application [" in reply.log
    assert "No space left on device: 'the reply'\n" in reply.log


# A log that nobody reads

def test_log_is_a_fifo(cgi):
    """J3, attack 8: --log names a FIFO without a reader: a page, at once."""
    os.mkfifo(cgi.folder / "fifo")
    reply = cgi.run(cgi.script("hello", "--log fifo"), timeout=20)
    assert reply.status == 500 and "cgi2wsgi: log-file [" in reply.log


def test_log_that_is_full(cgi):
    """I6: a server that does not read the log cannot keep the process."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(65536))
    except BlockingIOError:
        os.set_blocking(writer, True)
    process = cgi.start(cgi.script("""
        import time

        def application(environ, start_response):
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass
        """, "--timeout 1 --graceful-timeout 1"), stderr=writer)
    until(lambda: process._popen.poll() is not None, 30)
    os.close(reader)
    os.close(writer)


# NPH

@pytest.mark.parametrize("software", ["Bad\r\nX: y", "Bad\x01", "Bad\nX: y"])
def test_server_software_that_is_no_header(cgi, software):
    """G6, attack 8: it does not get into an NPH head."""
    reply = cgi.run(cgi.script("hello", "--nph"),
                    env={"SERVER_SOFTWARE": software})
    head = reply.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert b"Server: cgi2wsgi" in head
    assert b"Bad" not in reply.raw and b"X: y" not in reply.raw
