"""--explain and --timing: what the log and the browser are told.

The transcripts of the lessons are in tests/transcripts, with what differs
from run to run masked. `/usr/bin/python3 tests/test_explain.py` writes them
anew.
"""

import fcntl
import json
import os
import pty
import re
import tempfile
import time

import pytest

from harness import (PASSED_ON, PROGRAM, SANITIZED, TESTS, Cgi, is_asleep,
                     until)
from test_lessons import NUMBERS, asked, install, lesson

not_sanitized = pytest.mark.skipif(
    SANITIZED, reason="looking for leaks takes Python's objects apart")
TRANSCRIPTS = TESTS / "transcripts"
PHASES = ["fork, exec", "interpreter", "import", "application", "output",
          "exit"]
BAR = re.compile(r"^    (\w[\w, ]*?) +(\d+\.\d) ms +(\d+) %  ( *)(#+)$", re.M)
LAST = "Writing this down is not counted.\n"
SECRET = "sesame"
HELLO = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello"]
"""

# What a transcript has in place of what differs from run to run.
MODULES = r"(?: {4} *(?:all|\d+\.\d ms) .*\n)+"
MASKS = [
    (r"    It imported nothing new\.\n", "    MODULES\n"),
    (rf"    What it imported, inside each other:\n{MODULES}",
     "    MODULES\n"),
    (rf"    Imported since then:\n{MODULES}", ""),
    (BAR.pattern, r"    \1 TIME SHARE BAR"),
    (r"\[ *\d+\.\d ms\]", "[TIME]"),
    (r"together +", "together "),
    (r"\d+\.\d+(?: to \d+\.\d)? ms", "TIME"),
    (r"\b([Pp]rocess|user|group) \d+", r"\1 N"),
    (r"N \(.*\) started", "N (PARENT) started"),
    (r"Python 3\.\d+\.\d+ (.*) \d+ modules", r"Python 3.X \1 N modules"),
    (r"(of sys\.path:\n)(      .*\n)+", r"\1      FOLDERS\n"),
    (r"cgi2wsgi( |\.version=)[\d.]+\d[\w-]*", r"cgi2wsgi\1VERSION"),
    (r"wsgi\.errors=<\S+>", "wsgi.errors=<STREAM>"),
    (r"\b1\d{3} bytes", "N bytes"),
    (rf", (?:{'|'.join(PASSED_ON)})\b", ""),
]


# The lessons

def transcript(cgi, number):
    """What --explain says of a lesson; of environ only the first's."""
    script = install(cgi, number)
    reply = cgi.run(explained(script), **asked(number),
                    env={"UNIQUE_ID": "ap2xAn8AAQEAAAQ0kBgAAAAA"})
    assert (reply.status, reply.exit) == (200, 0), reply
    text = reply.log.replace(str(cgi.folder), "/srv/www/cgi-bin")
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text, flags=re.M)
    if number > 1:
        text = re.sub(r"(BECOMES environ\n)(?s:.*?)(\[TIME\] THE CALL)",
                      r"\1    ...\n\2", text)
    return text


def explained(script):
    """The script with the option on its first line, too."""
    first, _, rest = script.read_text().partition("\n")
    script.write_text(f"{first} --explain\n{rest}")
    return script


def golden(number):
    return TRANSCRIPTS / lesson(number).with_suffix(".txt").name


@not_sanitized
@pytest.mark.parametrize("number", NUMBERS)
def test_lesson(cgi, number):
    assert transcript(cgi, number) == golden(number).read_text()


def write_golden():
    TRANSCRIPTS.mkdir(exist_ok=True)
    for number in range(1, 7):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            cgi = Cgi(os.path.realpath(folder))
            golden(number).write_text(transcript(cgi, number))
            cgi.close()


# Tools

def explain(cgi, source=HELLO, options="", **how):
    """The reply to a request with --explain."""
    script = cgi.script(source, f"--explain {options}")
    return cgi.run(script, **how)


def station(log, title):
    """The lines of a station, joined."""
    part = re.search(rf"^\[ *\d+\.\d ms\] {re.escape(title)}.*\n"
                     r"((?: .*\n)*)", log, re.M)
    assert part, log
    return " ".join(part[1].split())


def fate(log, variable):
    """What is said of one variable, in one line."""
    part = re.search(rf"^      {re.escape(variable)}\n((?: {{10}}.*\n)+)",
                     log, re.M)
    assert part, log
    return " ".join(part[1].split())


def assert_complete(reply, status):
    """The transcript comes to its end, with the exit status there."""
    assert reply.exit == status, reply
    assert reply.log.endswith(LAST)
    assert f"Status {status}:" in station(reply.log, "EXIT")
    assert [bar[0] for bar in BAR.findall(reply.log)] == PHASES


# Where it goes, and how it looks

def test_reply_is_the_same(cgi):
    with_it = explain(cgi)
    without = cgi.run(cgi.script(HELLO))
    assert_complete(with_it, 0)
    assert (with_it.raw, without.log) == (without.raw, "")


def test_log_file(cgi):
    reply = explain(cgi, options="--log own.log")
    assert (reply.status, reply.log) == (200, "")
    assert (cgi.folder / "own.log").read_text().endswith(LAST)


def test_every_line_is_short(cgi):
    deep = "x" * 90
    cgi.write(f"{deep}/__init__.py", f"from {deep} import {deep[1:]}")
    cgi.write(f"{deep}/{deep[1:]}.py")
    cgi.write(f"{deep}/app.py", HELLO)
    reply = explain(cgi, f"""
        import {deep}

        def application(environ, start_response):
            start_response("200 OK", [("X-Long", "y" * 500),
                                      ("X-{deep}", "z" * 500)])
            yield b"Hello"
    """, options=f"--path {deep}", target="/" + "%20long" * 50,
        headers=[("X-Long", "ä" * 100), (deep, "value"), (deep * 2, deep)])
    assert_complete(reply, 0)
    assert max(map(len, reply.log.splitlines())) == 80
    assert reply.log.isascii()
    assert "yyy... (500 characters)\n" in reply.log


def on_terminal(cgi, env):
    """The log of a request whose standard error is a terminal."""
    outer, inner = pty.openpty()
    with open(outer, "rb", buffering=0) as master:
        process = cgi.start(cgi.script(HELLO, "--explain"), env=env,
                            stderr=inner)
        os.close(inner)
        text = b""
        try:
            while part := master.read(1 << 16):
                text += part
        except OSError:
            pass            # nobody has the terminal any more
    assert process.wait().exit == 0
    return text.decode().replace("\r\n", "\n")


def test_colours_on_a_terminal(cgi):
    text = on_terminal(cgi, {"TERM": "xterm"})
    assert "\33[36mREQUEST_METHOD\33[m=GET\n" in text
    plain = re.sub("\33\\[\\d*m", "", text)
    assert plain.endswith(LAST) and "\33" not in plain
    assert max(map(len, plain.splitlines())) <= 80


@pytest.mark.parametrize("env", [
    {}, {"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_no_colours_on_a_terminal(cgi, env):
    text = on_terminal(cgi, env)
    assert text.endswith(LAST) and "\33" not in text


def test_empty_no_color_says_nothing(cgi):
    """https://no-color.org: "when present and not an empty string"."""
    assert "\33" in on_terminal(cgi, {"TERM": "xterm", "NO_COLOR": ""})


def test_no_colours_in_a_log(cgi):
    assert "\33" not in explain(cgi, env={"TERM": "xterm"}).log


def test_control_characters_are_escaped(cgi):
    log = explain(cgi, target="/%1b[31m%0a[0.0 ms] EXIT",
                  headers=[("X-Word", "\x9b31m\n")]).log
    assert "PATH_INFO=/\\x1b[31m\\x0a[0.0 ms] EXIT\n" in log
    assert "HTTP_X_WORD=\\xc2\\x9b31m\\x0a\n" in log


def test_nothing_secret(cgi):
    """What --debug masks, here too."""
    reply = explain(cgi, f"""
        def application(environ, start_response):
            assert environ["HTTP_COOKIE"] == "id={SECRET}"
            start_response("200 OK", [
                ("Set-Cookie", "id={SECRET}"),
                ("Location", "http://u:{SECRET}@host/?token={SECRET}"),
                ("Content-Type", "text/plain")])
            return [b""]
    """, options=f"--env API_KEY={SECRET} --env URL=db://me:{SECRET}@host/",
        target=f"/?a=1&Access_Token={SECRET}&b=2", headers=[
            ("Cookie", f"id={SECRET}"), ("Authorization", f"Basic {SECRET}"),
            ("X-Auth", SECRET), ("Referer", f"http://x/?password={SECRET}"),
            ("X-X", f"db://me:{SECRET}@host/"),
            ("X-Words", f'secret="a {SECRET}", Authorization: x {SECRET}')],
        env={"SETTING": SECRET, "AUTH_PASSWORD": SECRET})
    assert_complete(reply, 0)
    assert SECRET not in reply.log
    for shown in ("QUERY_STRING=a=1&Access_Token=****&b=2\n",
                  "HTTP_COOKIE=****\n", "Set-Cookie: ****\n",
                  "X=db://me:****@host/\n", "URL=****\n", "SETTING"):
        assert shown in reply.log


def test_not_everything_is_secret(cgi):
    log = explain(cgi, target="/authors?page=2").log
    assert "REQUEST_URI=/cgi-bin/app.cgi/authors?page=2\n" in log


# Who started the program

def who(log):
    return station(log, "WHO STARTED THE PROGRAM")


def test_by_line(cgi):
    script = cgi.script(HELLO, "--explain --env A=1")
    reply = cgi.run(script)
    assert f"process {os.getpid()} (" in who(reply.log).lower()
    assert "REQUEST_METHOD is set (RFC 3875 4.1)" in who(reply.log)
    assert f"{script} The kernel was given that file." in who(reply.log)
    assert who(reply.log).endswith("options there are --explain --env A=****")


def test_by_arguments(cgi):
    cgi.write("app.py", HELLO)
    reply = cgi.exec([PROGRAM], {
        "SERVER_PROTOCOL": "HTTP/1.0", "REQUEST_METHOD": "",
        "CGI2WSGI_ARGS": "--explain app.py:application"})
    assert_complete(reply, 0)
    assert "configuration says so, in CGI2WSGI_ARGS" in who(reply.log)
    assert f"{cgi.folder}/app.py:application" in who(reply.log)


def test_by_interpreter(cgi):
    script = cgi.script(HELLO, "--explain")
    reply = cgi.exec([PROGRAM, script], cgi.environ(script))
    assert_complete(reply, 0)
    assert "program as its interpreter" in who(reply.log)


def test_by_action(cgi):
    script = cgi.script(HELLO, "--explain", "app.wsgi")
    reply = cgi.exec([PROGRAM], cgi.environ(script, env={
        "SCRIPT_FILENAME": PROGRAM, "REDIRECT_HANDLER": "x",
        "REDIRECT_URL": "/app.wsgi", "REDIRECT_STATUS": "200",
        "PATH_INFO": "/app.wsgi/a", "PATH_TRANSLATED": f"{script}/a"}))
    assert_complete(reply, 0)
    assert "handler of an Apache Action" in who(reply.log)
    assert "changed: so that" in fate(
        reply.log, "SCRIPT_NAME=/cgi-bin/app.wsgi")


def test_by_person(cgi):
    cgi.write("app.py", HELLO)
    reply = cgi.exec([PROGRAM, "--explain", "app.py", "/a?b"], {})
    assert_complete(reply, 0)
    assert "started from a terminal" in who(reply.log)
    assert ("The command line says so. The command line's options are "
            "--explain" in who(reply.log))
    assert re.search(r"Process \d+ \(\S+\) forked it, and reads its reply",
                     who(reply.log))
    assert "RFC 3875 4.1.5" in fate(reply.log, "PATH_INFO=/a")


def test_secret_options(cgi):
    """case 32, attack 8: whatever way an option is written."""
    cgi.write("app.py", HELLO)
    reply = cgi.exec([
        PROGRAM, "--explain", "-u", f"me:{SECRET}", f"--user=me:{SECRET}",
        "-b", f"id={SECRET}", f"-bid={SECRET}", "-H", f"X-Key: {SECRET}",
        "-d", f"password={SECRET}", "--env", f"DSN={SECRET}",
        "-iu", f"me:{SECRET}", "app.py"], {})
    assert_complete(reply, 0)
    assert SECRET not in reply.log


@pytest.mark.parametrize("words", [
    ["-iu", "me:{}"], ["-iume:{}"], ["--user=me:{}"],
    ["-iIb", "id={}"], ["--coo=id={}"], ["--env", "API_KEY={}"],
    ["--env=API_KEY={}"], ["-iIH", "Authorization: Basic {}"],
    ["--heade=X-Token: {}"], ["-u", "me:a b {}"]])
def test_secret_options_are_masked(cgi, words):
    """case 34, attack 8: however an option is written, its value is masked."""
    cgi.write("app.py", HELLO)
    words = [word.format(SECRET) for word in words]
    reply = cgi.exec([PROGRAM, "--explain", *words, "app.py"], {})
    assert_complete(reply, 0)
    assert "****" in who(reply.log)
    assert SECRET not in reply.log


def test_options_where_they_stand(cgi):
    """case 34: an empty first line has none; the command line has."""
    script = cgi.script(HELLO)
    told = who(cgi.exec([script, "--explain", "-i"], {}).log)
    assert "The options there" not in told
    assert "The command line's options are --explain -i" in told
    script = cgi.script(HELLO, "--timeout 9")
    told = who(cgi.exec([script, "--explain"], {}).log)
    assert "The options there are --timeout 9" in told
    assert "The command line's options are --explain" in told


def test_request_is_not_looked_at_before_the_import(cgi):
    """The border: above it nothing of the request is told."""
    marker = "m4rker"
    reply = explain(cgi, target=f"/{marker}", env={
        "UNIQUE_ID": marker, "SERVER_SOFTWARE": marker})
    before, _, after = reply.log.partition("THE REQUEST BECOMES environ")
    assert marker not in before and marker in after


# What becomes of the variables

def test_every_variable(cgi):
    """Each variable of a server is told of, each key of environ, too."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return ["\\n".join(environ).encode()]
    """, "--explain")
    given = cgi.environ(script, env={"SETTING": "x", "HTTP_PROXY": "x",
                                     "CONTENT_TYPE": ""})
    reply = cgi.exec([script], given)
    names = {name for name, _ in given} | set(reply.body.decode().split())
    assert len(names) > 25
    told = set(re.findall(r"^      ([\w.]+)=", reply.log, re.M))
    assert names - told - set(PASSED_ON) == {"PATH", "SETTING"}
    assert "hence in os.environ, too: PATH, SETTING" in reply.log


@pytest.mark.parametrize("variable, expected", [
    ("REQUEST_METHOD=GET", "the method, as the client wrote it (RFC 3875 "
     "4.1.12)"),
    ("HTTP_ACCEPT_LANGUAGE=de", "the client's header Accept-Language (RFC "
     "3875 4.1.18)"),
    ("PATH_INFO=/\\xff", "the path behind the script's, decoded by the server "
     "and never again; for the application to route by (RFC 3875 4.1.5)"),
    ("HTTP_PROXY=x", "left out: a client's header Proxy would become the "
     "proxy that libraries ask (httpoxy, CVE-2016-5385)"),
    ("HTTP_CONTENT_LENGTH=5", "left out: a client's header with '_' in its "
     "name would pass for the server's word (RFC 3875 4.1.18)"),
    ("CONTENT_TYPE=", "left out: empty or -1 means that there is none (PEP "
     "3333: may be absent)"),
    ("SERVER_PROTOCOL=INCLUDED", "changed: a version of HTTP, and never empty "
     "(PEP 3333: never empty) SERVER_PROTOCOL=HTTP/1.0"),
    ("SERVER_NAME=host:80", "changed: without the port, and never empty (PEP "
     "3333: never empty) SERVER_NAME=host"),
    ("REMOTE_ADDR=192.0.2.2", "changed: by --env (cgi2wsgi(1)) "
     "REMOTE_ADDR=****"),
    ("SETTING=theirs", "changed: by --env (cgi2wsgi(1)) SETTING=****"),
    ("ADDED=****", "by --env"),
    ("SSL_CIPHER=x", "about the TLS connection (in no standard: Apache's "
     "mod_ssl)"),
    ("NEW_NAME=", None),
    ("REMOTE_USER=me", "from the name with REDIRECT_ before it (Apache "
     "renames on redirects)"),
    ("wsgi.run_once=True", "this process calls it once: this is CGI (PEP "
     "3333)"),
])
def test_fate(cgi, variable, expected):
    log = explain(cgi, options="--env REMOTE_ADDR=::1 --env SETTING=mine "
                  "--env ADDED=1", target="/%FF", env={
                      "HTTP_ACCEPT_LANGUAGE": "de", "HTTP_PROXY": "x",
                      "HTTP_CONTENT_LENGTH": "5", "CONTENT_TYPE": "",
                      "SERVER_PROTOCOL": "INCLUDED", "SETTING": "theirs",
                      "SERVER_NAME": "host:80", "SSL_CIPHER": "x",
                      "REDIRECT_REMOTE_USER": "me"}).log
    if expected is None:
        assert variable not in log
    else:
        assert fate(log, variable) == expected


def test_fate_of_a_repair(cgi):
    log = explain(cgi, env={"SCRIPT_NAME": "/site/app.cgi", "PATH_INFO": "/a",
                            "REQUEST_URI": "/site/a"}).log
    assert fate(log, "SCRIPT_NAME=/site/app.cgi") == (
        "changed: so that SCRIPT_NAME and PATH_INFO are the path that the "
        "client asked for (PEP 3333: URL reconstruction) SCRIPT_NAME=/site")
    assert fate(log, "cgi2wsgi.script_name=/site/app.cgi") == (
        "what the server had said (PEP 3333: a server's own)")


@pytest.mark.parametrize("name, rule", [
    ("HTTP_ACCEPT", "it came more than once: joined with ', ' (RFC 9110 5.3) "
     "HTTP_ACCEPT=a, b"),
    ("HTTP_HOST", "it came more than once: the last counts (RFC 9110 7.2: "
     "one host) HTTP_HOST=b"),
    ("REMOTE_HOST", "it came more than once: one of them counts (cgi2wsgi-application(7)) "
     "REMOTE_HOST=b"),
])
def test_fate_of_what_came_twice(cgi, name, rule):
    log = explain(cgi, raw=[(name, "a"), (name, "b")], drop=[name]).log
    assert fate(log, f"{name}=a") == "changed: " + rule


# The import

def modules(log, title="THE APPLICATION IS IMPORTED"):
    """Names with their depth, and times in milliseconds."""
    part = log[log.index(title):].partition("\n[")[0]
    return [(name, len(space) // 2, float(whole), float(own))
            for whole, own, space, name in re.findall(
                r"^ {4} *(\d+\.\d) ms *(\d+\.\d) ms  ( *)(\S.*)$", part,
                re.M)]


def test_modules(cgi):
    """One inside the other, in their order, with the time of each."""
    cgi.write("outer/__init__.py", "import outer.first, outer.second")
    cgi.write("outer/first.py", "import time\ntime.sleep(.05)")
    cgi.write("outer/second.py", "import importlib\n"
              "importlib.import_module('last')")
    cgi.write("last.py", "import outer.first\n"
              "try:\n    import missing\nexcept ImportError:\n    pass\n")
    log = explain(cgi, "import outer\n" + HELLO).log
    found = [row for row in modules(log) if row[0].startswith(
        ("outer", "last", "missing"))]
    assert [row[:2] for row in found] == [
        ("outer", 0), ("outer.first", 1), ("outer.second", 1), ("last", 2),
        ("missing (failed)", 3)]
    times = {name: (whole, own) for name, _, whole, own in found}
    assert min(times["outer"][0], *times["outer.first"]) >= 50
    assert times["outer"][1] < times["outer"][0] - 49.5
    took = re.search(r"It took (\S+) ms", station(log, "THE APPLICATION"))
    assert float(took[1]) >= times["outer"][0] - 0.1


def test_many_modules(cgi):
    """The slowest are told, the others counted."""
    for i in range(40):
        cgi.write(f"m{i}.py", "import time\ntime.sleep(.01)" * (i == 30))
    imports = "".join(f"import m{i}\n" for i in range(40))
    log = explain(cgi, imports + HELLO).log
    found = modules(log)
    assert len(found) == 20
    assert "m30" in [name for name, *_ in found]
    rest = re.search(r"(\d+) shorter ones$", log, re.M)
    assert int(rest[1]) >= 20


def test_import_during_the_call(cgi):
    cgi.write("late.py")
    log = explain(cgi, """
        def application(environ, start_response):
            import late
            start_response("200 OK", [])
            return [b""]
    """).log
    assert ("late", 0) in [row[:2] for row in modules(log, "Imported since")]
    assert "late" not in [row[0] for row in modules(log)]


def test_import_in_a_thread(cgi):
    """It is inside nothing that the main thread imports meanwhile."""
    cgi.write("other.py")
    cgi.write("waiting.py", "import threading\n"
              "def run():\n    import other\n"
              "thread = threading.Thread(target=run)\n"
              "thread.start()\nthread.join()\n")
    found = modules(explain(cgi, "import waiting\n" + HELLO).log)
    assert ("waiting", 0) in [row[:2] for row in found]
    assert "other" not in [row[0] for row in found]


def test_import_system_looks_the_same(cgi):
    """An application sees no difference but in one private name."""
    cgi.write("broken.py", "import importlib\n"
              "importlib.import_module('missing.name')")
    source = """
        import builtins, importlib, json, sys, threading, traceback

        def tell(what):
            try:
                __import__(what)
            except ImportError:
                return traceback.format_exc()

        def application(environ, start_response):
            facts = [[str(type(finder)) for finder in sys.meta_path],
                     repr(builtins.__import__), tell("broken"),
                     tell("missing"), sorted(vars(importlib._bootstrap))]
            threads = [threading.Thread(target=tell, args=("broken",))
                       for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            start_response("200 OK", [])
            return [json.dumps(facts).encode()]
    """
    with_it = explain(cgi, source)
    without = cgi.run(cgi.script(source))
    assert_complete(with_it, 0)
    assert json.loads(with_it.body) == json.loads(without.body)


# The call and the reply

def test_stations_in_order(cgi):
    log = explain(cgi, """
        import sys

        class Body:
            def __iter__(self):
                yield b"one"
                yield b""
                yield b"three"

            def close(self):
                print("<closed>", file=sys.stderr)

        def application(environ, start_response):
            print("<called>", file=sys.stderr)
            write = start_response("201 Created", [("X-A", "b")])
            write(b"zero!")
            return Body()
    """).log
    expected = [
        r"\] WHO", r"\] PYTHON", r"\] THE APPLICATION IS", r"\] THE REQUEST",
        r"\] THE CALL", "<called>", r"\] start_response\(status, headers\)",
        "      201 Created", "      X-A: b",
        r"\] block 1 has left: 5 bytes, behind a head of 31; \d+\.\d\d ms",
        r"\] IT RETURNED", "    A Body, an iterable",
        r"\] block 2 has left: 3 bytes; \d+\.\d\d ms",
        r"\] block 3 has left: 5 bytes; \d+\.\d\d ms",
        r"\] close\(\) OF WHAT IT RETURNED", "<closed>",
        r"\] THE END BEGINS", r"\] EXIT", "    Status 0:"]
    assert re.search("(?s:.*?)".join(expected), log), log
    times = [float(time) for time in re.findall(r"^\[ *(\S+) ms", log, re.M)]
    assert times == sorted(times) and times[0] > 0


def test_replaced_head(cgi):
    log = explain(cgi, """
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])
            try:
                {}["x"]
            except KeyError:
                start_response("500 Oops", [], sys.exc_info())
            return [b""]
    """).log
    assert log.count("start_response(status, headers)") == 2
    assert "behind a head of" in log


def test_many_blocks(cgi):
    log = explain(cgi, """
        def application(environ, start_response):
            start_response("200 OK", [])
            for number in range(60):
                yield b"12345"
    """).log
    assert len(re.findall(r"block \d+ has left: 5 bytes", log)) == 40
    assert "and 20 more: 100 bytes\n" in log


def test_blocks_of_a_list(cgi):
    log = explain(cgi, """
        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"one", b"two"] + [b"three"] * 98
    """).log
    assert "A list of blocks: they are there, and leave together.\n" in log
    assert "blocks 1 to 64 have left: 316 bytes, behind a head of" in log
    assert "blocks 65 to 100 have left: 180 bytes; " in log


def test_file_by_the_kernel(cgi):
    cgi.write("file", bytes(200000))
    reply = explain(cgi, """
        def application(environ, start_response):
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](open("file", "rb"))
    """)
    sizes = re.findall(r"has left: (\d+) bytes", reply.log)
    assert sum(map(int, sizes)) == len(reply.body) == 200000
    assert "close() OF WHAT" in reply.log


def test_head_request(cgi):
    log = explain(cgi, method="HEAD").log
    assert re.search(r"block 1 has left: 0 bytes, behind a head of \d+", log)


def test_unread_body(cgi):
    assert "body is read and dropped" in station(
        explain(cgi, method="POST", body=b"text").log, "THE END BEGINS")
    assert "Nothing is left" in station(explain(cgi).log, "THE END BEGINS")


def steps(log):
    """What the end is made of: milliseconds and reasons."""
    return {what: (float(ms), why) for what, ms, why in re.findall(
        r"(Waiting for threads|The functions of atexit|Collecting garbage|"
        r"Taking Python's objects apart) took (\d+\.\d) ms(?:: (.*?))?\.(?= |$)",
        station(log, "THE END BEGINS"))}


def test_slow_end(cgi):
    """case 30: which step makes it slow, and what it is taken for."""
    log = explain(cgi, """
        import atexit, threading, time

        class Slow:
            def __del__(self):
                time.sleep(.03)

        slow = Slow()
        threading.Thread(target=lambda: time.sleep(.3)).start()
        atexit.register(time.sleep, .05)
        """ + HELLO.replace("\n", "\n        ")).log
    found = steps(log)
    assert found["Waiting for threads"][0] > 1
    assert found["The functions of atexit"][0] >= 50
    took, why = found["Taking Python's objects apart"]
    assert took >= 30
    assert why == ("an object of the type Slow is left, whose end may do "
                   "something")


@pytest.mark.parametrize("source, why", [
    ("import sqlite3\nkept = sqlite3.connect(':memory:')\n",
     "a connection of sqlite3 is left"),
    ("file = open('file', 'w')\n",
     "an object of the type _io."),
])
def test_reason_of_the_end(cgi, source, why):
    """case 30: what Python's own end is for."""
    found = steps(explain(cgi, source + HELLO).log)
    assert found["Taking Python's objects apart"][1].startswith(why)


@not_sanitized
def test_quick_end(cgi):
    """Nothing is taken apart for nobody."""
    assert set(steps(explain(cgi).log)) == {"Waiting for threads",
                                            "The functions of atexit"}


@not_sanitized
@pytest.mark.parametrize("keep, apart", [("pass", False),
                                         ("kept.append(book)", True)])
def test_circle_is_collected(cgi, keep, apart):
    """I3: what nobody can reach needs the collector alone."""
    found = steps(explain(cgi, f"""
import sqlite3

kept = []

def application(environ, start_response):
    book = [sqlite3.connect(":memory:")]
    book.append(book)
    {keep}
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello"]
""").log)
    why = "a connection of sqlite3 is left"
    assert found["Collecting garbage"][1] == why
    assert found.get("Taking Python's objects apart", (0, None))[1] == (
        why if apart else None)


IDLE = """
def wait(other):
    try:
        pass
    finally:
        yield from other
    yield

left = wait([])
"""


@pytest.mark.parametrize("then", ["", "next(left)\n", "list(left)\n"])
def test_idle_generator(cgi, python, then):
    """I3: Python 3.13 tells that nothing would run; before, it may."""
    told = int(python.rpartition(".")[2]) >= 13
    found = steps(explain(cgi, IDLE + then + HELLO).log)
    assert ("Taking Python's objects apart" in found) != told


@not_sanitized
def test_plain_stream(cgi):
    """I3: one whose end is io.IOBase's alone."""
    found = steps(explain(cgi, """
        import io

        class Stream(io.RawIOBase):
            def read(self, size=-1):
                return b""

        left = Stream()
        """ + HELLO.replace("\n", "\n        ")).log)
    assert "Taking Python's objects apart" not in found


def test_child_is_silent(cgi):
    reply = explain(cgi, """
        import os

        def application(environ, start_response):
            if os.fork() == 0:
                import this
                start_response("200 OK", [])
            os.wait()
            start_response("200 OK", [])
            return [b"parent"]
    """)
    assert_complete(reply, 0)
    assert reply.log.count("start_response(status, headers)") == 1
    assert reply.log.count("THE END BEGINS") == 1


@pytest.mark.parametrize("source, said", [
    ("import missing_module\n", "THE IMPORT HAS FAILED"),
    ("def application(\n", "THE IMPORT HAS FAILED"),
    ("application = 5\n", "THE IMPORT HAS FAILED"),
    ("def application(environ, start_response):\n    1 / 0\n", "THE CALL"),
    ("def application(environ, start_response):\n"
     "    start_response('200 OK', [])\n    yield b'x'\n    1 / 0\n",
     "block 1 has left"),
    ("def application(environ, start_response):\n    raise SystemExit\n",
     "THE CALL"),
])
def test_failure(cgi, source, said):
    """The log has the failure, and the transcript its end."""
    reply = explain(cgi, source)
    assert said in reply.log
    assert re.search(r"^cgi2wsgi: (import|no-callable|application) \[",
                     reply.log, re.M)
    assert_complete(reply, 1)


@pytest.mark.parametrize("options, code", [
    ("--chdir missing", "system"), ("--venv missing", "venv")])
def test_failure_before_python(cgi, options, code):
    reply = explain(cgi, options=options)
    assert f"\ncgi2wsgi: {code} [" in reply.log
    assert "Python" not in reply.log
    assert_complete(reply, 1)


def test_timeout(cgi):
    reply = explain(cgi, "import time\n"
                    "def application(environ, start_response):\n"
                    "    time.sleep(1000)\n", options="--timeout 1")
    assert reply.status == 504
    assert_complete(reply, 1)


def test_refused_body(cgi):
    reply = explain(cgi, options="--max-body 1", method="POST", body=b"text")
    assert reply.status == 413
    assert_complete(reply, 1)


def test_client_that_leaves(cgi):
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            while True:
                yield b"x" * 65536
    """, "--explain"))
    process.read_head()
    process.hang_up()
    reply = process.wait()
    assert "client-gone" in reply.log
    assert_complete(reply, 1)


# The time line

def test_time_line(cgi):
    """Its shares are those of its times, its bars stand in a row."""
    log = explain(cgi, """
        import time
        time.sleep(.1)

        def application(environ, start_response):
            start_response("200 OK", [])
            time.sleep(.2)
            yield b"block"
            time.sleep(.1)
    """).log
    bars = BAR.findall(log)
    times = {name: float(time) for name, time, *_ in bars}
    together = float(re.search(r"together +(\S+) ms", log)[1])
    assert abs(sum(times.values()) - together) < 0.5
    assert times["import"] >= 100 and times["application"] >= 300
    assert times["interpreter"] > 1
    for name, time, share, *_ in bars:
        assert abs(int(share) - 100 * times[name] / together) < 0.7
    starts = [len(space) for *_, space, bar in bars]
    ends = [len(space + bar) for *_, space, bar in bars]
    assert starts[0] == 0
    assert {end - start for start, end in zip(starts[1:], ends)} == {1}
    assert ends[-1] == 45


def test_output_is_the_time_of_writing(cgi):
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return [bytes(1 << 20)]
    """, "--explain"))
    until(lambda: "start_response(status" in process.log)
    until(lambda: is_asleep(process.pid))
    time.sleep(.2)
    times = {name: float(ms) for name, ms, *_ in BAR.findall(
        process.wait().log)}
    assert times["output"] >= 200


def test_the_transcript_itself_is_not_counted(cgi):
    """Not even if nobody takes it for a while."""
    outer, inner = os.pipe()
    filled = os.write(inner, b"." * fcntl.fcntl(inner, fcntl.F_GETPIPE_SZ))
    before = time.monotonic()
    with open(outer, "rb") as pipe:
        process = cgi.start(cgi.script(HELLO, "--explain"), stderr=inner)
        os.close(inner)
        until(lambda: is_asleep(process.pid))
        time.sleep(.3)
        log = pipe.read()[filled:].decode()
    assert process.wait().exit == 0
    passed = 1000 * (time.monotonic() - before)
    together = float(re.search(r"together +(\S+) ms", log)[1])
    assert together <= passed - 300
    ended = float(re.search(r"^\[ *(\S+) ms\] EXIT", log, re.M)[1])
    assert abs(ended - together) < 1


def test_time_line_of_the_manual():
    """It has the same form."""
    manual = (TESTS.parent / "man/cgi2wsgi-explain.1").read_text()
    bars = BAR.findall(manual)
    assert [name for name, *_ in bars] == PHASES
    together = float(re.search(r"together +(\S+) ms", manual)[1])
    assert abs(together - sum(float(time) for _, time, *_ in bars)) < .3
    assert {len(space + bar) - len(after[3]) for (*_, space, bar), after
            in zip(bars, bars[1:])} == {1}


def test_fork_and_exec(cgi):
    """Both ends of what the kernel knows are plausible."""
    log = explain(cgi).log
    least, most = map(float, re.search(
        r"Fork and exec took (\S+) to (\S+) ms", log).groups())
    assert 0 <= least <= most < 10000
    assert least == float(BAR.findall(log)[0][1])
    tick = 1000 / os.sysconf("SC_CLK_TCK")
    assert most - least <= tick + 0.2


# --timing

def timing(reply):
    """The milliseconds of the program's own header."""
    [value] = [value for name, value in reply.headers
               if name == "Server-Timing" and value.startswith("interp;")]
    assert re.fullmatch(r"interp;dur=\d+\.\d{3}, import;dur=\d+\.\d{3}, "
                        r"app;dur=\d+\.\d{3}", value)
    return [float(number) for number in re.findall(r"[\d.]+", value)]


SLOW = """
import time
time.sleep(.1)

def application(environ, start_response):
    start_response("200 OK", [("Server-Timing", 'db;desc="x";dur=53')])
    time.sleep({seconds})
    yield b"block"
"""


def test_timing(cgi):
    """Each is what it took at least; together they are what passed."""
    before = time.monotonic()
    reply = cgi.run(cgi.script(SLOW.format(seconds=.2), "--timing"))
    passed = 1000 * (time.monotonic() - before)
    interpreter, imported, application = timing(reply)
    assert interpreter > 1 and imported >= 100 and application >= 200
    assert interpreter + imported + application < passed
    assert reply.log == ""


def test_timing_keeps_the_application_s_own(cgi):
    reply = cgi.run(cgi.script(SLOW.format(seconds=0), "--timing"))
    assert [value for name, value in reply.headers
            if name == "Server-Timing"][0] == 'db;desc="x";dur=53'
    assert len(reply.headers) == 2 and timing(reply)


def test_timing_grows_with_the_work(cgi):
    times = [timing(cgi.run(cgi.script(
        SLOW.format(seconds=seconds), "--timing", f"app{seconds}.cgi")))[2]
        for seconds in (0, .3, .6)]
    assert times == sorted(times)


@pytest.mark.parametrize("options", ["--timing", "--timing --nph",
                                     "--timing --explain"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_timing_with(cgi, options, method):
    script = cgi.script(HELLO, options)
    process = cgi.start(script, method=method)
    head = process.read_head()
    assert process.wait().exit == 0
    assert head.count(b"\r\nServer-Timing: interp;dur=") == 1
    assert head.count(b"\r\nContent-Length: 5\r\n") == 1


def test_timing_is_left_to_the_application_otherwise(cgi):
    assert cgi.run(cgi.script(HELLO)).header("Server-Timing") is None
    assert explain(cgi).header("Server-Timing") is None


if __name__ == "__main__":
    write_golden()
