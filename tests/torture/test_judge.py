"""make torture sees what is wrong: its judge, and its exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(1, str(HERE))

from attacks import UNKNOWN, length_of                          # noqa: E402
from driver import CUT, NOTHING, PAGE, RIGHT, WRONG             # noqa: E402
from grammar import Recorded, request_of                        # noqa: E402
from scenarios import SCENARIOS, Outcome, judge                 # noqa: E402
from stuck import look_at                                       # noqa: E402

HELLO = b"Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello"
OPEN = b"Status: 200 OK\r\n\r\n"
A_PAGE = (b"Status: 500 Internal Server Error\r\nContent-Length: 4\r\n\r\n"
          b"sad\n")
NUMBERED = (b"Status: 500 Internal Server Error\r\nContent-Length: 46\r\n\r\n"
            b"<code>0123456789abcdef</code></p>\n</main>\n....")
TOLD = "cgi2wsgi: system [1] GET /: x\n"
INTERRUPTED = "close() raised an exception: KeyboardInterrupt\n"


@pytest.mark.parametrize("name, outcome, verdict", [
    ("hello", Outcome(HELLO), RIGHT),
    ("hello", Outcome(A_PAGE, TOLD, 1), PAGE),
    ("hello", Outcome(HELLO[:-1], TOLD, 1), CUT),
    ("hello", Outcome(b"", TOLD, 1), NOTHING),
    ("hello", Outcome(HELLO, "", -11), WRONG),
    ("hello", Outcome(HELLO, left="x"), WRONG),
    ("hello", Outcome(HELLO, stuck="x"), WRONG),
    ("hello", Outcome(HELLO, "ERROR: AddressSanitizer"), WRONG),
    ("hello", Outcome(HELLO[:-1], "", 0), WRONG),
    ("hello", Outcome(HELLO[:-1], "", 1), WRONG),
    ("hello", Outcome(HELLO + b"o", "", 0), WRONG),
    ("hello", Outcome(HELLO[:20], TOLD, 1), WRONG),
    ("hello", Outcome(b"", "", 1), WRONG),
    ("hello", Outcome(b"", TOLD, 0), WRONG),
    ("hello", Outcome(A_PAGE, TOLD, 0), WRONG),
    ("hello", Outcome(A_PAGE, "", 1), WRONG),
    ("hello", Outcome(A_PAGE, TOLD.replace("x", ""), 1), WRONG),
    ("hello", Outcome(NUMBERED, TOLD, 1), WRONG),
    ("hello", Outcome(NUMBERED, TOLD.replace("[1]", "[0123456789abcdef]"), 1),
     PAGE),
    ("hello", Outcome(OPEN + b"other", "", 0), WRONG),
    ("hello", Outcome(A_PAGE.replace(b"500", b"404"), TOLD, 1), WRONG),
    ("stream", Outcome(OPEN + b"one ", "", 0), WRONG),
    ("stream", Outcome(OPEN + b"one two three", "", 0), WRONG),
    ("stream", Outcome(OPEN + b"one two three", "<closed>\n", 0), RIGHT),
    ("stream", Outcome(OPEN + b"one two three", INTERRUPTED, 0), WRONG),
])
def test_judge(name, outcome, verdict):
    """G1, I4: what is right, and each way of being wrong."""
    assert judge(SCENARIOS[name], outcome)[0] == verdict


def test_interrupted():
    """I4: close() that a signal of ours ended is told, and says no more."""
    outcome = Outcome(OPEN + b"one two three", INTERRUPTED, 0)
    assert judge(SCENARIOS["stream"], outcome, killed=(2,))[0] == RIGHT


class NoSite:
    """For a request that is only looked at."""

    filename = folder = "/nowhere"
    script = Path("/nowhere/app.cgi")

    def variables(self, request, path):
        return []


def test_recorded():
    """G1: a number gives the same request again; a third is from servers."""
    requests = [request_of(number) for number in range(900)]
    variables = [request.variables(NoSite()) for request in requests]
    assert variables == [request_of(number).variables(NoSite())
                         for number in range(900)]
    recorded = [dict(pairs) for request, pairs in zip(requests, variables)
                if isinstance(request, Recorded)]
    assert len(recorded) == 300
    servers = {given[b"SERVER_SOFTWARE"].split(b"/")[0] for given in recorded}
    assert {b"Apache", b"lighttpd", b"nginx", b"Caddy", b"uWSGI"} <= servers
    hosts = [given.get(b"HTTP_HOST") for given in recorded]
    assert 200 < sum(host == b"127.0.0.1" for host in hosts) + sum(
        host is not None and host.startswith(b"127.0.0.1:")
        for host in hosts) < 300


@pytest.mark.parametrize("pairs, length", [
    ([], 0), ([("CONTENT_LENGTH", "")], 0), ([("CONTENT_LENGTH", "007")], 7),
    ([("CONTENT_LENGTH", "7"), ("CONTENT_LENGTH", "7")], 7),
    ([("CONTENT_LENGTH", "7"), ("CONTENT_LENGTH", "8")], None),
    ([("CONTENT_LENGTH", "0"), ("CONTENT_LENGTH", "")], None),
    ([("CONTENT_LENGTH", "-1")], None),
    ([("CONTENT_LENGTH", "-1"), ("SERVER_SOFTWARE", "Caddy/2")], UNKNOWN),
    ([("HTTP_TRANSFER_ENCODING", "chunked")], UNKNOWN),
    ([("HTTP_TRANSFER_ENCODING", "chunked"), ("CONTENT_LENGTH", "7")], 7),
])
def test_length(pairs, length):
    """C5, C6, B14: which length the judge of requests takes for right."""
    assert length_of([(name.encode(), value.encode()) for name, value in [
        ("SERVER_SOFTWARE", ""), *pairs]]) == length


@pytest.mark.parametrize("inject, status", [
    ("hello mmap:ENOMEM:40", 0), ("hello write:EPIPE:1+", 0)])
def test_one_case(inject, status):
    """G1: a case is run again by its words."""
    from harness import PROGRAM
    done = subprocess.run(
        [HERE / "run", "calls", f"{PROGRAM} {inject}"], capture_output=True,
        text=True, env={**os.environ, "CGI2WSGI": str(PROGRAM)})
    assert done.returncode == status, done.stdout + done.stderr
    assert "calls: 1 tried" in done.stdout


def test_what_is_wrong_is_told(tmp_path):
    """A program that cuts its replies: the case is printed, and status 1."""
    program = tmp_path / "cgi2wsgi"
    program.write_text("#!/bin/sh\nprintf 'Status: 200 OK\\r\\n"
                       "Content-Length: 5\\r\\n\\r\\nhell'\n")
    program.chmod(0o755)
    done = subprocess.run(
        [HERE / "run", "limits", f"{program}|hello|rlimit|core|0"],
        capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"run limits '{program}|hello|rlimit|core|0'" in done.stdout
    assert "WRONG: cut, and nobody is told" in done.stdout


def test_what_is_stuck_is_told():
    """I6: of a process that does not end, where it and its children wait."""
    process = subprocess.Popen(["sh", "-c", "sleep 1000 & wait"],
                               stdout=subprocess.PIPE)
    try:
        while "sleep 1000" not in (seen := look_at(process.pid)):
            assert process.poll() is None
    finally:
        process.kill()
        subprocess.run(["kill", seen.split("process ")[2].split()[0]])
        process.wait()
        process.stdout.close()
    assert "wchan: do_wait" in seen or "State: S (sleeping)" in seen
    assert "schedstat: " in seen and "fd 1: pipe:" in seen
