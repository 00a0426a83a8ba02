"""Whoever writes an image may be killed at any moment: the next answers are
right, one of them leaves an image, and nothing else stays."""

import os
import re
import subprocess

import pytest

from harness import until

pytestmark = pytest.mark.slow

# Each is one stage: who makes the call dies instead, by SIGKILL.
STAGES = """openat:1 flock:1 ftruncate:1 pwrite64:1 pwrite64:2 pwrite64:9
pwrite64:20 fsync:1""".split()
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
