"""--explain of requests that fail, and where memory does."""

import re

import pytest

from harness import PROGRAM, crossed
from test_explain import SECRET
from test_faults import faults, not_sanitized
from test_page import Page

assert faults       # a fixture
NO_MEMORY = "[--explain: no memory for what belongs here]\n"
FAILING = {
    "import": ("import missing\n", "", 500),
    "none": ("x = 1\n", "", 500),
    "call": ("def application(environ, start_response):\n    1 / 0\n", "", 500),
    "rule": ("def application(environ, start_response):\n"
             "    start_response('200 OK', {})\n", "", 500),
    "late": ("def application(environ, start_response):\n"
             "    start_response('200 OK', [('X-Token', TOKEN),\n"
             "        ('Set-Cookie', 'a=' + TOKEN),\n"
             "        ('Location', '/?token=' + TOKEN)])\n"
             "    yield b'x'\n    1 / 0\n", "", 200),
    "silent": ("import time\ndef application(environ, start_response):\n"
               "    time.sleep(60)\n", "--timeout 1", 504),
    "large": ("def application(environ, start_response):\n    pass\n",
              "--max-body 1", 413),
    "folder": ("", "--chdir missing", 500),
}


@pytest.mark.parametrize("how", ["", "=html"])
@pytest.mark.parametrize("failing", FAILING)
def test_failing_request(cgi, failing, how):
    """case 32: each station that fails; no part tells a secret."""
    source, options, status = FAILING[failing]
    script = cgi.script(
        "import os\nTOKEN = os.environ.pop('DEPLOYED_TOKEN', '')\n" + source,
        f"--explain{how} --env DSN=db://me:{SECRET}@host/ --log app.log "
        f"--env-file secret.env {options}")
    cgi.write("secret.env", f"MINE={SECRET}\n", 0o600)
    reply = cgi.run(
        script, f"/a?token={SECRET}&next=db%3A%2F%2Fu%3A{SECRET}%40h",
        method="POST", body=f"password={SECRET}".encode(),
        headers=[("Cookie", f"id={SECRET}"), ("X-Api-Key", SECRET),
                 ("Authorization", f"Bearer {SECRET}"),
                 ("Referer", f"http://u:{SECRET}@host/?key={SECRET}")],
        env={"DEPLOYED_TOKEN": SECRET, "REDIRECT_HTTP_COOKIE": SECRET})
    assert (reply.status, reply.exit) == (status, 1)
    log = (cgi.folder / "app.log").read_text()
    assert re.search(r"cgi2wsgi: [a-z-]+ \[", log)
    told = Page(reply.log).text if how else log
    assert "Status 1: the application's reply was not sent whole" in told
    assert SECRET not in reply.log + log
    if failing in ("call", "late"):
        assert told.count("****") > 10


def test_client_that_leaves(cgi):
    """case 32: the page of who has nobody to answer is whole."""
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            while True:
                yield b"x" * 65536
    """, "--explain=html --log app.log"))
    process.read_head()
    process.hang_up()
    reply = process.wait()
    assert "client-gone" in (cgi.folder / "app.log").read_text()
    assert "Status 1:" in Page(reply.log).text


@not_sanitized
@pytest.mark.parametrize("where, times, how", crossed(
    ["call", "import"], [1, 1 << 30], ["=html", ""]))
def test_memory(cgi, faults, where, times, how):
    """attack 2, G1: the reply is whole, and what is told, not a half of it."""
    script = cgi.script(f"""
        import ctypes, os
        arm = ctypes.CDLL(None).fault_arm

        def application(environ, start_response):
            if "call" in environ["QUERY_STRING"]:
                arm(int(os.environ["AFTER"]), {times})
            start_response("200 OK", [("X-Token", "x" * 300)])
            return iter([b"one", b"two"])

        if os.environ["WHERE"] == "import":
            arm(int(os.environ["AFTER"]), {times})
        """, f"--explain{how} --log app.log")
    complete = set()
    # How many there are differs between Pythons; the last never fails.
    for after in [*range(1, 30), 40, 60, 100, 200, 400, 1 << 20]:
        (cgi.folder / "app.log").unlink(missing_ok=True)
        reply = cgi.run(script, f"/?{where}", env={
            "LD_PRELOAD": faults, "AFTER": after, "WHERE": where})
        assert reply.body and reply.exit in (0, 1), (after, reply)
        told = ((cgi.folder / "app.log").read_text()
                if (cgi.folder / "app.log").exists() else "")
        if how:
            assert reply.log == NO_MEMORY or Page(reply.log), (after, reply)
        for line in told.splitlines():
            assert len(line) <= 80 or "cgi2wsgi: " in line or (
                line.startswith("  ")), (after, line)
        complete.add("Status " in (reply.log if how else told))
    assert True in complete or (where, times) == ("import", 1 << 30)


@not_sanitized
def test_memory_of_the_whole_page(cgi, faults):
    """attack 2: a page that cannot be made says so."""
    script = cgi.script(f"""
        import atexit, ctypes

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"whole"]

        atexit.register(ctypes.CDLL(None).fault_arm, 1, {1 << 30})
        """, "--explain=html")
    reply = cgi.run(script, env={"LD_PRELOAD": faults})
    assert (reply.status, reply.body) == (200, b"whole")
    assert reply.log.endswith(NO_MEMORY) and "<" not in reply.log


def test_options_of_a_page(cgi):
    """case 34: an option that may have a value has it behind '='."""
    cgi.write("app.py", "def application(environ, start_response):\n    1\n")
    reply = cgi.exec([PROGRAM, "--explain=html", "app.py"], {})
    assert "The command line's options are --explain=html<" in reply.log
