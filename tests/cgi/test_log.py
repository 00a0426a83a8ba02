"""wsgi.errors, the log, stray output (D)."""

import calendar
import os
import pty
import re
import socket
import time

import pytest

from harness import ENTRY_TIME, alive, crossed, program, until

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
LINE = re.compile(r"^cgi2wsgi: (?P<code>[a-z-]+) \[(?P<id>[^\]]*)\] "
                  r"(?P<method>\S+) (?P<path>\S+): (?P<message>.*)$", re.M)


def test_errors_is_a_text_stream(cgi):
    """D1: write, writelines, flush."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            errors = environ["wsgi.errors"]
            errors.write("one\\n")
            errors.writelines(["two\\n", "three\\n"])
            errors.flush()
            print("four", file=errors)
            start_response("200 OK", [])
            return [b"reply"]
    """))
    assert reply.log == "one\ntwo\nthree\nfour\n"
    assert reply.body == b"reply" and reply.exit == 0


def test_errors_refuses_bytes(cgi):
    """D1: PEP 3333: a text mode stream."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            try:
                environ["wsgi.errors"].write(b"bytes")
            except TypeError:
                return [b"refused"]
    """))
    assert reply.body == b"refused"


@pytest.mark.parametrize("stream", ["environ['wsgi.errors']",
                                    "sys.stderr"])
@pytest.mark.parametrize("lang", ["C", "POSIX", "C.UTF-8", "tlh", None])
def test_any_unicode(cgi, stream, lang):
    """D1: any Unicode in any locale, lone surrogates too."""
    env = {} if lang is None else {"LANG": lang, "LC_ALL": lang}
    reply = cgi.run(cgi.script(program(f"""
        import sys

        def application(environ, start_response):
            {stream}.write("<\\xe9\\u6f22\\U0001f40d|\\ud800|\\x00>\\n")
            start_response("200 OK", [])
            return [b"reply"]
    """)), env=env)
    assert (reply.status, reply.body, reply.exit) == (200, b"reply", 0), reply
    assert "<\xe9\u6f22\U0001f40d|" in reply.log
    assert re.search(r"\|.+\|\x00>\n", reply.log)


@pytest.mark.parametrize("lang", ["C", "C.UTF-8", None])
def test_unicode_on_stdout(cgi, lang):
    """D1, D2: print takes any text, names of undecodable files too."""
    env = {} if lang is None else {"LANG": lang, "LC_ALL": lang}
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            print("<\\xe9\\u6f22\\U0001f40d|\\udcff>")
            start_response("200 OK", [])
            return [b"reply"]
    """), env=env)
    assert (reply.status, reply.exit) == (200, 0), reply
    assert "<\xe9\u6f22\U0001f40d|" in reply.log


ENDINGS = {
    "exit": "pass",
    "exception": "raise ValueError",
    "SystemExit": "sys.exit(3)",
    "abort": "os.abort()",
    "os._exit": "os._exit(3)",
    "segmentation fault": "ctypes.string_at(0)",
    "kill": "os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_nothing_is_lost(cgi, ending):
    """D1: at exit or abort, without flush, without a newline."""
    reply = cgi.run(cgi.script(program(f"""
        import ctypes
        import os
        import signal
        import sys

        def application(environ, start_response):
            environ["wsgi.errors"].write("<errors>")
            sys.stderr.write("<stderr>")
            start_response("200 OK", [])
            {ending}
            return []
    """)))
    assert "<errors>" in reply.log and "<stderr>" in reply.log, reply


def test_nothing_of_stdout_is_lost(cgi):
    """D1, D2: a print without flush is in the log after the exit."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            print("<printed>", end="")
            start_response("200 OK", [])
            return [b"reply"]
    """))
    assert "<printed>" in reply.log and reply.body == b"reply"


STRAY = {
    "print": "print('<stray>')",
    "sys.__stdout__": "print('<stray>', file=sys.__stdout__)",
    "os.write": "os.write(1, b'<stray>')",
    "C": "libc = ctypes.CDLL(None); libc.puts(b'<stray>'); libc.fflush(0)",
    "C, not flushed": "ctypes.CDLL(None).puts(b'<stray>')",
    "os.system": "os.system('echo \"<stray>\"')",
    "subprocess": "subprocess.run(['echo', '<stray>'], check=True)",
    "shell's stderr": "os.system('echo \"<stray>\" >&2')",
    "/dev/stdout": "os.system('echo \"<stray>\" >>/dev/stdout')",
    "every descriptor": "spray()",
}


@pytest.mark.parametrize("statement", STRAY.values(), ids=STRAY)
def test_stray_output(cgi, statement):
    """D2: goes to the log, never into the reply."""
    reply = cgi.run(cgi.script(program(f"""
        import ctypes
        import os
        import subprocess
        import sys

        def spray():
            # What a child process can reach at all.
            subprocess.run(["sh", "-c", "for fd in 0 1 2 3 4 5 6 7 8 9; do"
                            " echo '<stray>' >&$fd; done 2>/dev/null"],
                           close_fds=False)

        {statement}

        def application(environ, start_response):
            {statement}
            start_response("200 OK", [])
            {statement}
            yield b"reply"
            {statement}
    """)))
    assert (reply.status, reply.body, reply.exit) == (200, b"reply", 0), reply
    assert reply.log.count("<stray>") >= 4


def test_reply_is_close_on_exec(cgi):
    """D2, I1: a child process inherits 0, 1 and 2 only."""
    reply = cgi.run(cgi.script("""
        import os
        import subprocess

        def application(environ, start_response):
            start_response("200 OK", [])
            return [subprocess.run(["ls", "-l", "/proc/self/fd"],
                                   close_fds=False, check=True,
                                   stdout=subprocess.PIPE).stdout]
    """), method="POST", body=b"body", stdin="open")
    opened = re.findall(r" (\d+) -> (\S+)", reply.body.decode())
    # 3 is the folder that ls itself reads.
    assert {number for number, _ in opened} == {"0", "1", "2", "3"}, opened
    assert dict(opened)["0"] == "/dev/null"


def test_a_daemon_does_not_hold_the_reply(cgi):
    """D2: a child that outlives the request."""
    reply = cgi.run(cgi.script("""
        import subprocess

        def application(environ, start_response):
            child = subprocess.Popen(["sleep", "100"], close_fds=False)
            start_response("200 OK", [])
            return [str(child.pid).encode()]
    """), timeout=30)
    pid = int(reply.body)
    assert alive(pid)
    os.kill(pid, 9)
    until(lambda: not alive(pid))


def test_a_forked_child_cannot_write_the_reply(cgi):
    """D2: the reply is unusable in a forked child."""
    reply = cgi.run(cgi.script("""
        import os

        def application(environ, start_response):
            write = start_response("200 OK", [])
            pid = os.fork()
            if pid == 0:
                try:
                    write(b"child")
                except BaseException:
                    os._exit(0)
                os._exit(1)
            status = os.waitpid(pid, 0)[1]
            return [b"child refused: %d" % status]
    """))
    assert reply.body == b"child refused: 0", reply


@pytest.mark.parametrize("end", ["return [b'child']", "sys.exit(7)",
                                 "raise ValueError('child')"])
def test_a_forked_child_that_goes_on(cgi, end):
    """D2: a child that returns from the application sends nothing."""
    reply = cgi.run(cgi.script(program(f"""
        import os
        import sys

        def application(environ, start_response):
            pid = os.fork()
            if pid == 0:
                start_response("404 Child", [])
                {end}
            os.waitpid(pid, 0)
            start_response("200 OK", [])
            return [b"parent"]
    """)), timeout=30)
    assert (reply.status, reply.body, reply.exit) == (200, b"parent", 0), reply
    assert reply.raw.count(b"Status:") == 1


def test_multiprocessing_leaves_the_reply_alone(cgi):
    """D2: children forked by the library end without a reply."""
    reply = cgi.run(cgi.script("""
        import multiprocessing

        def double(number):
            print("<worker>")
            return 2 * number

        def application(environ, start_response):
            start_response("200 OK", [])
            context = multiprocessing.get_context("fork")
            with context.Pool(2) as pool:
                return [str(pool.map(double, [1, 2, 3])).encode()]
    """))
    assert reply.body == b"[2, 4, 6]" and reply.exit == 0, reply


def test_traceback_goes_to_stderr(cgi):
    """D3: each of its lines indented by two spaces."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            raise ValueError("first line\\nsecond line")
    """))
    first, *rest = reply.log.rstrip("\n").split("\n")
    assert LINE.match(first)["code"] == "application"
    assert rest[0] == "  Traceback (most recent call last):"
    assert all(line.startswith("  ") for line in rest), reply.log
    assert any("app.cgi" in line for line in rest)
    assert "  second line" in rest


def test_log_file(cgi):
    """D3: --log makes 1 and 2 that file."""
    reply = cgi.run(cgi.script("""
        import os

        def application(environ, start_response):
            print("<printed>")
            os.system("echo '<child>'; echo '<error>' >&2")
            environ["wsgi.errors"].write("<errors>\\n")
            raise ValueError("wrong")
    """, "--log app.log"))
    assert reply.status == 500 and reply.log == "", reply
    log = (cgi.folder / "app.log").read_text()
    for text in ("<printed>", "<child>", "<error>", "<errors>", "Traceback"):
        assert text in log
    assert re.search(rf"^{TIME} cgi2wsgi: application \[", log, re.M), log


@pytest.mark.parametrize("code", ["raise ValueError('wrong')", "os.abort()"])
def test_time_of_an_entry(cgi, code):
    """D4: the entry has the present time, after a crash, too."""
    script = cgi.script(f"""
        import os

        def application(environ, start_response):
            {code}
        """)
    begin = int(time.time())
    process = cgi.start(script)
    process.wait_log("cgi2wsgi: ")
    log = process.whole_log
    found = re.search(rf"^({TIME}) cgi2wsgi: ", log, re.M)
    assert found, log
    told = calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%SZ"))
    assert begin <= told <= time.time()
    process.wait()


def test_no_time_on_a_terminal(cgi):
    """D4: who looks on knows it."""
    outer, inner = pty.openpty()
    cgi.run(cgi.script("import nothing_of_this_name\n"), stderr=inner)
    os.close(inner)
    log = os.read(outer, 10000).decode()
    os.close(outer)
    assert re.search(r"^cgi2wsgi: import \[", log, re.M), log
    assert not re.search(TIME, log)


def test_log_file_is_appended_to(cgi):
    """D3: two requests, one file."""
    script = cgi.script("""
        def application(environ, start_response):
            print(environ["PATH_INFO"])
            start_response("200 OK", [])
            return []
    """, f"--log {cgi.folder}/app.log")
    for path in ("/one", "/two"):
        assert cgi.run(script, path).log == ""
    assert (cgi.folder / "app.log").read_text() == "/one\n/two\n"


def test_log_file_has_early_failures(cgi):
    """D3: a failure before the application is loaded."""
    script = cgi.script("import nosuchmodule\n", "--log app.log")
    reply = cgi.run(script)
    assert reply.status == 500 and reply.log == "", reply
    assert "nosuchmodule" in (cgi.folder / "app.log").read_text()


@pytest.mark.parametrize("where", ["path", "method"])
@pytest.mark.parametrize("byte", [b"\n", b"\r", b"\x1b", b"\x01", b"\x7f",
                                  b"\t"])
def test_control_characters_are_escaped(cgi, where, byte):
    """D3: a request cannot forge a line of the log."""
    hostile = b"/a" + byte + b"cgi2wsgi: forged [x] GET /: line"
    env = ({"PATH_INFO": hostile, "REQUEST_URI": b"/x" + hostile}
           if where == "path" else {"REQUEST_METHOD": hostile[1:]})
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            raise ValueError
    """), env=env)
    first = reply.log.split("\n")[0].encode()
    assert b"forged" in first and byte not in first, reply
    assert b"\\x%02x" % byte[0] in first.lower()
    assert not re.search("^cgi2wsgi: forged", reply.log, re.M)


def test_control_characters_in_the_id_are_escaped(cgi):
    """D3, D4: whoever sets UNIQUE_ID."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            raise ValueError
    """), env={"UNIQUE_ID": "a\nb<script>"})
    assert reply.log.startswith("cgi2wsgi: application [a\\x0ab"), reply
    assert b"<script>" not in reply.body


def test_failure_line(cgi):
    """D4: a stable code, the request's id, method and path."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            raise ValueError("what is wrong")
    """), "/some/path?query", method="POST", body=b"x")
    line = LINE.match(reply.log)
    assert line["code"] == "application" and line["method"] == "POST"
    assert line["path"].endswith("/some/path")
    assert "what is wrong" in line["message"]
    assert re.fullmatch(r"[0-9a-f]{16}", line["id"])
    assert line["id"].encode() in reply.body


def test_each_request_has_its_id(cgi):
    """D4: and the application knows it."""
    script = cgi.script("""
        def application(environ, start_response):
            raise ValueError("<" + environ["cgi2wsgi.request_id"] + ">")
    """)
    ids = set()
    for _ in range(3):
        line = LINE.match(cgi.run(script).log)
        assert f"<{line['id']}>" in line["message"]
        ids.add(line["id"])
    assert len(ids) == 3


def test_the_servers_id_is_used(cgi):
    """D4: UNIQUE_ID, as Apache's mod_unique_id sets it."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            raise ValueError(environ["cgi2wsgi.request_id"])
    """), env={"UNIQUE_ID": "Zx9-@Qk4AAEAAB"})
    line = LINE.match(reply.log)
    assert line["id"] == "Zx9-@Qk4AAEAAB" in line["message"]
    assert b"Zx9-@Qk4AAEAAB" in reply.body


def test_a_header_is_not_the_servers_id(cgi):
    """D4: the client's HTTP_UNIQUE_ID is nothing."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            raise ValueError
    """), headers=[("Unique-Id", "mine")])
    assert re.fullmatch(r"[0-9a-f]{16}", LINE.match(reply.log)["id"])


def test_a_good_request_logs_nothing(cgi):
    """D4: failures only."""
    reply = cgi.run(cgi.script("hello"), method="POST", body=b"unread")
    assert reply.log == "" and reply.exit == 0


def test_exception_text_with_control_characters(cgi):
    """D3: a NUL does not cut the traceback short, no line is forged."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            raise ValueError("a\\0b\\x1b[0m\\ncgi2wsgi: forged [x] - -: end")
    """))
    assert "end" in reply.log.splitlines()[-1], reply
    assert "\0" not in reply.log and "\x1b" not in reply.log
    assert not re.search("^cgi2wsgi: forged", reply.log, re.M)


# Where a line begins

BEFORE = {
    "errors": "environ['wsgi.errors'].write('no end')",
    "descriptor": "os.write(2, b'no end')",
    "print": "print('no end', end='', flush=True)",
    "child": "os.system('printf \"no end\" >&2')",
    "child's output": "os.system('printf \"no end\"')",
    "C": "libc = ctypes.CDLL(None); libc.dprintf(2, b'no end')",
    "ended": "os.write(2, b'an end\\n')",
    "nothing": "pass",
}


def open_log(kind, folder):
    """Where the log goes, and a function that reads it."""
    if kind == "file":
        file = folder / "error.log"
        return (os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT),
                file.read_text)
    if kind == "pipe":
        reader, writer = os.pipe()
    elif kind == "socket":
        ours, theirs = socket.socketpair()
        reader, writer = ours.detach(), theirs.detach()
    else:
        os.mkfifo(folder / "fifo")
        reader = os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        writer = os.open(folder / "fifo", os.O_WRONLY)
    return writer, lambda: os.read(reader, 1 << 16).decode()


@pytest.mark.parametrize("before, kind", crossed(
    list(BEFORE), ["file", "pipe", "socket", "fifo"]))
def test_entry_begins_a_line(cgi, kind, before):
    """D4, case 12: whatever was written before it."""
    writer, read = open_log(kind, cgi.folder)
    reply = cgi.run(cgi.script(f"""
        import ctypes
        import os

        def application(environ, start_response):
            {BEFORE[before]}
            start_response("200 OK", [("Location", "/x")])
            {BEFORE[before]}
            raise ValueError
        """), stderr=writer)
    log = ENTRY_TIME.sub("", read())
    assert reply.status == 500
    lines = log.split("\n")
    assert lines.pop() == ""
    assert [line.split()[1] for line in lines
            if line.startswith("cgi2wsgi: ")] == ["location", "application"]
    assert log.count("cgi2wsgi: ") == 2
    if before == "nothing":
        assert "" not in lines
    if before == "ended" and kind == "file":
        assert "" not in lines


def test_no_empty_line_for_own_writes(cgi):
    """D4, case 12: bytecode, a body on disk and the reply are not in the log."""
    writer, read = open_log("pipe", cgi.folder)
    cgi.run(cgi.script("""
        def application(environ, start_response):
            environ["wsgi.input"].read()
            write = start_response("200 OK", [("Content-Length", "4")])
            write(b"ab")
            write(b"cd")
            raise ValueError
        """), method="POST", length=None, body=b"x" * (1 << 20),
        env={"HTTP_TRANSFER_ENCODING": "chunked"}, stderr=writer)
    lines = read().split("\n")
    assert " application " in lines[0]
    assert "" not in lines[:-1]


def test_last_words_begin_a_line(cgi):
    """D4, case 12: those of a crash, too."""
    reply = cgi.run(cgi.script("""
        import os

        def application(environ, start_response):
            os.write(2, b"no end")
            os.abort()
        """))
    assert "no end\ncgi2wsgi: crash [" in reply.log


@pytest.mark.parametrize("told, where", crossed([
    ("\x9b".encode("latin-1"), "\\x9b"), ("\x9b".encode(), "\\xc2\\x9b"),
    (b"\xff", "\\xff"), (b"\xc3", "\\xc3"), (b"\xc0\xaf", "\\xc0\\xaf"),
    (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
    ("\u202e".encode(), "\\xe2\\x80\\xae"),
    ("\u2066".encode(), "\\xe2\\x81\\xa6"),
    ("\u061c".encode(), "\\xd8\\x9c"),
    ("\u2028".encode(), "\\xe2\\x80\\xa8"), ("é日😀".encode(), "é日😀")],
    ["message", "path", "page"]))
def test_what_may_be_shown(cgi, told, where):
    """D3, attack 7: C1 controls, bidi marks and what is not UTF-8."""
    hostile, shown = told
    reply = cgi.run(cgi.script("""
        import os

        def application(environ, start_response):
            path = os.fsdecode(environ["PATH_INFO"].encode("latin-1"))
            raise ValueError(path)
        """, "--debug" if where == "page" else ""),
        env={"PATH_INFO": b"/<" + hostile + b">"},
        headers=[("Accept", "text/plain")])
    text = (reply.body.decode() if where == "page"
            else reply.log if where == "message" else
            reply.log.split("\n")[0])
    assert f"/<{shown}>" in text or (
        where != "path" and "/<\\udc" in text), text
    for character in "\x9b\x80\u202e\u2066\u200f\u061c\u2028":
        assert character not in reply.log


def test_nothing_watches_the_log(cgi):
    """I1: the end of a process with a watch of inotify takes 10 ms more."""
    reader, writer = os.pipe()
    reply = cgi.run(cgi.script("""
        import os

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [os.readlink(f"/proc/self/fd/{each}").encode() + b"\\n"
                    for each in os.listdir("/proc/self/fd")
                    if os.path.lexists(f"/proc/self/fd/{each}")]
        """), stderr=writer)
    os.close(reader)
    assert b"pipe:" in reply.body and b"inotify" not in reply.body
