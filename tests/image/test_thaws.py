"""One image, and very many requests that start from it, side by side.

THAWS=10000 makes so many of each application, and -s shows the counts.
"""

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

    def ask(_=None):
        # Not by the harness, which keeps each process until the test ends.
        done = subprocess.run([script], env=env, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        facts = [line.split()[1:] for line in head.split(b"\r\n")
                 if line.startswith(b"X-Facts:")]
        assert (done.returncode, done.stderr, body, len(facts)) == (
            0, b"", b"Hello, world!\n", 1), done
        return facts[0]

    until(lambda: ask_quietly(script, env) and list(images.glob("*.image")))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        all_facts = list(pool.map(ask, range(THAWS)))
    preloaded = sum(facts[0] == b"True" for facts in all_facts)
    print(f"{name}: {len(all_facts)} right answers, {preloaded} from an image")
    assert preloaded > 0.99 * THAWS
    assert len({facts[2] for facts in all_facts}) == THAWS


def ask_quietly(script, env):
    """The one that leaves the image behind says so in the log."""
    return subprocess.run([script], env=env, capture_output=True,
                          stdin=subprocess.DEVNULL, check=True)
