"""One image, and very many requests that start from it, side by side.

THAWS=10000 makes so many of each application, and -s shows the counts.
"""

import collections
import concurrent.futures
import os
import subprocess
from pathlib import Path

import pytest

from harness import PROGRAM, until

BENCH = Path(__file__).resolve().parents[1] / "bench"
PRELOAD = PROGRAM.with_name("cgi2wsgi-preload")
THAWS = int(os.environ.get("THAWS", 500))
AT_ONCE = 4
APPS = {"hello": "hello", "Bottle": "bottle_hello", "Flask": "flask_hello",
        "Django": "django_hello"}


def ask(script, env):
    """What became of a request, and its random number, or what was seen."""
    # Not by the harness, which keeps each process until the test ends.
    try:
        done = subprocess.run([script], env=env, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
    except subprocess.TimeoutExpired as error:
        return "hung", error
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    facts = [line.split()[1:] for line in head.split(b"\r\n")
             if line.startswith(b"X-Facts:")]
    if done.returncode < 0 or b"Signal" in done.stderr:
        return "crashed", done
    if (done.returncode, done.stderr, body, len(facts)) != (
            0, b"", b"Hello, world!\n", 1):
        return "wrong", done
    return "preloaded" if facts[0][0] == b"True" else "ordinary", facts[0][2]


@pytest.mark.slow
@pytest.mark.parametrize("name", APPS)
def test_very_many_thaws(cgi, name):
    """B9, C6: each answer is right, none is from a crash, and nearly all are
    from the image; each has random numbers and an id of its own."""
    images = cgi.folder / "images"
    images.mkdir(mode=0o700)
    text = (BENCH / "apps" / f"{APPS[name]}.py").read_text()
    script = cgi.write(
        "app.cgi", f"#!{PRELOAD} --cache {images} --preload-request /\n"
        + text.partition("\n")[2] + """
import os
greet = application
def application(environ, start_response):
    def start(status, headers, *more):
        return start_response(status, [*headers, ("X-Facts", " ".join((
            str(environ["cgi2wsgi.preloaded"]), str(os.getpid()),
            os.urandom(8).hex())))], *more)
    return greet(environ, start)
""", 0o755)
    env = {key: os.fsdecode(value) if isinstance(value, bytes) else str(value)
           for key, value in cgi.environ(script)}
    # The one that leaves the image behind says so in the log.
    until(lambda: ask(script, env) and list(images.glob("*.image")))
    counts, random, seen = collections.Counter(), set(), []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for kind, fact in pool.map(
                lambda _: ask(script, env), range(THAWS)):
            counts[kind] += 1
            if isinstance(fact, bytes):
                random.add(fact)
            else:
                seen.append(fact)
    print(f"{name}: {dict(counts)}", *seen[:5], sep="\n")
    assert not seen
    assert counts["preloaded"] > 0.99 * THAWS
    assert len(random) == THAWS
