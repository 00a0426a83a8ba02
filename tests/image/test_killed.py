"""Whoever writes an image may be killed at any moment: the next answers are
right, one of them leaves an image, and nothing else stays."""

import os
import re
import signal
import subprocess
import time

import pytest

from harness import alive, until

pytestmark = pytest.mark.slow

# Each is one stage: who makes the call dies instead, by SIGKILL.
STAGES = """openat:1 flock:1 ftruncate:1 pwrite64:1 pwrite64:2 pwrite64:9
pwrite64:12 fsync:1""".split()
CALLS = """setsid:1 alarm:1 clone:1 clone:2 wait4:1 wait4:2 prctl:1
set_robust_list:1 renameat:1""".split()


def strace(preloaded, script, *options):
    """A request, and all that it leaves to be done; the lines of a trace."""
    out = preloaded.cgi.folder / "trace"
    env = {os.fsdecode(key): os.fsdecode(
        value if isinstance(value, bytes) else str(value))
        for key, value in preloaded.cgi.environ(
            script, env={"HOME": preloaded.home})}
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", out, *options, script], env=env,
        capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return done.stdout, out.read_text()


@pytest.fixture
def script(preloaded):
    made = preloaded.script("""
        import json
        state = [1]
        def application(environ, start_response):
            state.append(1)
            return reply(start_response, [environ["cgi2wsgi.preloaded"],
                                          len(state)])
    """)
    preloaded.make(made).unlink()
    return made


def check_afterwards(preloaded, script):
    answers = []

    def preloads():
        reply = preloaded.run(script)
        assert (reply.status, reply.exit) == (200, 0)
        answers.append(eval(reply.body))
        return answers[-1][0]
    until(preloads)
    assert {count for _, count in answers} == {2}
    until(lambda: not list(preloaded.cache.glob("*.new")))
    assert len(preloaded.files()) == 1


@pytest.mark.parametrize("stage", [*STAGES, *CALLS])
def test_killed_while_writing(preloaded, script, stage):
    """J2: at each kind of call that makes the file, and each step between."""
    name, _, number = stage.partition(":")
    path = []
    if stage in STAGES:
        _, lines = strace(preloaded, script)
        [unfinished] = set(re.findall(r'"(/[^"]*\.image\.new)"', lines))
        until(preloaded.files)[0].unlink()
        path = ["-P", unfinished]
    _, lines = strace(preloaded, script, *path, "-e", f"trace={name}", "-e",
                      f"inject={name}:signal=SIGKILL:when={number}")
    assert "+++ killed by SIGKILL +++" in lines, lines[-2000:]
    check_afterwards(preloaded, script)


@pytest.mark.parametrize("number, soon", [
    ("SIGKILL", True), ("SIGTERM", True), ("SIGSEGV", False)])
def test_a_killed_probe_says_nothing(preloaded, number, soon):
    """J2: whoever is killed from outside is tried again soon; a crash is the
    application's."""
    script = preloaded.script(f"""
        import signal, time
        calls = []
        def application(environ, start_response):
            calls.append(environ["PATH_INFO"])
            if calls == ["/before"] * 2 and os.path.exists("kill"):
                os.unlink("kill")
                os.kill(os.getpid(), signal.{number})
                time.sleep(60)
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """, "--preload-request /before")
    kill = preloaded.cgi.write("kill")
    until(lambda: preloaded.run(script) and preloaded.files("refusal"))
    [refusal] = preloaded.files("refusal")
    assert not kill.exists()
    assert refusal.read_text() == "a process that was started from it failed\n"
    left = 600 - (time.time() - refusal.stat().st_mtime)
    assert (left < 6) == soon
    if soon:
        until(lambda: preloaded.run(script).body == b"True")
        assert not refusal.exists()


@pytest.mark.parametrize("preloads", [False, True])
def test_whatever_takes_too_long(preloaded, preloads):
    """I3a, J2: a request before the image that does not end, or only in the
    process that tries it. SIGALRM comes to who writes, as after its time."""
    script = preloaded.script(f"""
        import subprocess, time
        calls = []
        def application(environ, start_response):
            calls.append(environ["PATH_INFO"])
            if calls == ["/before"] * {1 + preloads}:
                child = subprocess.Popen(["sleep", "60"])
                with open("pids~", "w") as file:
                    print(os.getppid() if {preloads} else os.getpid(),
                          os.getpid(), child.pid, file=file)
                os.rename("pids~", "pids")
                time.sleep(60)
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """, "--preload-request /before")
    pids = preloaded.cgi.folder / "pids"
    until(lambda: preloaded.run(script) and pids.exists())
    writer, *others = map(int, pids.read_text().split())
    os.kill(writer, signal.SIGALRM)
    until(lambda: preloaded.files("refusal"))
    assert preloaded.files("refusal")[0].read_text() == "it took too long\n"
    until(lambda: not any(map(alive, others)))
    assert preloaded.run(script).body == b"False"
