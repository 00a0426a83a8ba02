"""A process is saved once its application is imported, and starts from there
for each later request."""

import gzip
import os
import pwd
import re
import resource
import shutil
import signal
import stat
import subprocess
import textwrap
import time
from pathlib import Path

import pytest

from harness import PROGRAM, until
from preloaded import HEAD, PRELOAD


STATE = """
    import random, sys, tempfile, time
    calls = []
    def application(environ, start_response):
        calls.append(1)
        import secrets, uuid
        return reply(start_response, [
            environ["cgi2wsgi.preloaded"], len(calls), os.getpid(),
            os.urandom(8), random.random(), secrets.token_hex(),
            uuid.uuid4(), tempfile.mktemp(), time.time()])
"""


def test_later_requests_start_from_an_image(preloaded):
    """B9: the first answer is the ordinary one, a later one is not."""
    script = preloaded.script("""
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    image = preloaded.make(script)
    reply = preloaded.run(script)
    assert reply.body == b"True" and reply.exit == 0 and reply.log == ""
    assert stat.S_IMODE(image.stat().st_mode) == 0o600
    assert stat.S_IMODE(image.parent.stat().st_mode) == 0o700
    # Without the other program, nothing is different.
    plain = preloaded.cgi.write(
        "plain.cgi", script.read_text().replace("-preload", "", 1), 0o755)
    assert preloaded.run(plain).body == b"False"


@pytest.mark.parametrize("home", ["HOME", "no HOME"])
def test_where_images_lie_by_default(preloaded, home):
    """J1: a place that the other program finds, too, without a password file.

    suEXEC and most servers set no HOME.
    """
    # Others' lie there, too: the process tells which one it has mapped.
    script = preloaded.cgi.write("app.cgi", f"#!{PRELOAD}\n" + textwrap.dedent(
        HEAD + """
    def application(environ, start_response):
        with open("/proc/self/maps") as file:
            # Another one may have taken its place meanwhile: "(deleted)".
            mapped = {line.split()[5] for line in file if ".image" in line}
        return reply(start_response, sorted(mapped))
    """), 0o755)
    drop = ["HOME"] if home == "no HOME" else []
    [image] = map(Path, until(
        lambda: eval(preloaded.run(script, drop=drop).body)))
    image.unlink(missing_ok=True)
    assert image.parent == (preloaded.home / ".cache/cgi2wsgi"
                            if home == "HOME" else
                            Path(f"/var/tmp/cgi2wsgi-{os.geteuid()}"))


def test_nothing_repeats_itself(preloaded):
    """Each request is a process of its own: state, pid, random numbers."""
    script = preloaded.script(STATE)
    preloaded.make(script)
    fields = [re.findall(r"[^,\[\]]+", preloaded.run(script).body.decode())
              for _ in range(4)]
    for number, column in enumerate(zip(*fields)):
        expected = 1 if number < 2 else 4
        assert len(set(column)) == expected, column
    assert fields[0][:2] == ["True", " 1"]
    assert abs(float(fields[-1][-1]) - time.time()) < 60


@pytest.mark.parametrize("change", [
    "script", "module", "new module", "variable",
    *(pytest.param(change, marks=pytest.mark.slow) for change in (
        "module of a package", "program", "new variable", "TZ", "env-file",
        "library", "folder", "link", "link of --path"))])
def test_no_answer_is_stale(preloaded, change):
    """Whatever the import looked at: an edit counts at once."""
    cgi = preloaded.cgi
    cgi.write("real/mine.py", "value = 'old'\n")
    cgi.write("real/pack/__init__.py", """
        try:
            from pack import late
        except ImportError:
            late = None
    """.replace("\n        ", "\n"))
    site = cgi.folder / "site"
    site.symlink_to("real")
    settings = cgi.write("settings.env", "SECRET=one\n", 0o600)
    program = PRELOAD
    if change == "program":
        for file in (PRELOAD, PROGRAM):
            program = shutil.copy2(file, cgi.folder / file.name)
        program = program.with_name(PRELOAD.name)
    script = preloaded.script("""
        import os, mine, pack
        value = mine.value + os.environ.get("DEPLOYED", "")
        value += "+" if "LATER" in os.environ else ""
        value += os.environ["SECRET"] + (pack.late.value if pack.late else "")
        try:
            import extra
            value = extra.value
        except ImportError:
            pass
        def application(environ, start_response):
            import time
            return reply(start_response, [
                environ["cgi2wsgi.preloaded"], value, time.tzname[0]])
    """, f"--path {site} --env-file settings.env", program=program)
    env = {"DEPLOYED": "1", "TZ": "UTC"}
    preloaded.make(script, env=env)
    reply = preloaded.run(script, env=env)
    assert reply.body == b"[True, 'old1one', 'UTC']"
    expected = "'old1one', 'UTC'"
    if change == "script":
        # In place, and as old as before.
        kept = script.stat()
        text = script.read_text().replace("mine.value +", "'new' +")
        with script.open("w") as file:
            file.write(text)
        os.utime(script, ns=(kept.st_atime_ns, kept.st_mtime_ns))
        expected = "'new1one', 'UTC'"
    elif change == "module":
        time.sleep(1.1)     # CPython believes bytecode of the same second
        with (site / "mine.py").open("w") as file:
            file.write("value = 'other'\n")
        expected = "'other1one', 'UTC'"
    elif change == "new module":
        cgi.write("real/extra.py", "value = 'extra'\n")
        expected = "'extra', 'UTC'"
    elif change == "module of a package":
        cgi.write("real/pack/late.py", "value = '!'\n")
        expected = "'old1one!', 'UTC'"
    elif change == "program":
        os.utime(program.with_name(PROGRAM.name))
    elif change == "variable":
        env["DEPLOYED"], expected = "2", "'old2one', 'UTC'"
    elif change == "new variable":
        env["LATER"], expected = "", "'old1+one', 'UTC'"
    elif change == "TZ":
        env["TZ"], expected = "ABC1", "'old1one', 'ABC'"
    elif change == "env-file":
        kept = settings.stat()
        with settings.open("w") as file:
            file.write("SECRET=two\n")
        os.utime(settings, ns=(kept.st_atime_ns, kept.st_mtime_ns))
        expected = "'old1two', 'UTC'"
    elif change == "library":
        (cgi.folder / "real").rename(cgi.folder / "gone")
        cgi.write("real/mine.py", "value = 'moved'\n")
        cgi.write("real/pack/__init__.py", "late = None")
        expected = "'moved1one', 'UTC'"
    elif change == "folder":
        site.chmod(0o700)
    elif change == "link":
        script.rename(cgi.folder / "was.cgi")
        cgi.write("new/settings.env", "SECRET=linked", 0o600)
        cgi.write("new/app.cgi", script.with_name("was.cgi").read_text(),
                  0o755)
        script.symlink_to("new/app.cgi")
        expected = "'old1linked', 'UTC'"
    elif change == "link of --path":
        cgi.write("next/mine.py", "value = 'next'\n")
        cgi.write("next/pack/__init__.py", "late = None")
        site.unlink()
        site.symlink_to("next")
        expected = "'next1one', 'UTC'"
    assert preloaded.run(script, env=env).body == (
        f"[False, {expected}]".encode())
    preloaded.make(script, env=env)
    assert preloaded.run(script, env=env).body == (
        f"[True, {expected}]".encode())


def test_a_database_beside_the_script(preloaded):
    """What an application writes into its own folder is no module."""
    script = preloaded.script("""
        import sqlite3
        def application(environ, start_response):
            database = sqlite3.connect("notes.db")
            database.execute("create table if not exists note (text)")
            database.execute("insert into note values ('x')")
            database.commit()
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    preloaded.make(script)
    for number in range(3):
        preloaded.cgi.write(f"log.{number}", "")
        assert preloaded.run(script).body == b"True"
    preloaded.cgi.write("sqlite3/__init__.py", "")
    assert b"True" not in preloaded.run(script).body


def test_a_file_that_was_changed_meanwhile(preloaded):
    """An edit during the import would be in the key and not in the image."""
    script = preloaded.script("""
        os.utime(__file__)
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    for _ in range(3):
        assert preloaded.run(script).body == b"False"
    assert not preloaded.files() and not preloaded.files("refusal")


def test_environment(preloaded):
    """B13: as after a fork: the new process's, and what the import has set.

    Nothing of the first request is in the file."""
    script = preloaded.script("""
        os.environ.setdefault("SETTINGS", "mine")
        os.environ.pop("REMOVED", None)
        def application(environ, start_response):
            return reply(start_response, [
                os.environ.get("SETTINGS"), os.environ.get("REMOVED"),
                os.environ.get("VARIES"), os.environ.get("REMOTE_ADDR"),
                os.environ.get("HTTP_COOKIE"), environ.get("HTTP_COOKIE"),
                os.getenv("CGI2WSGI_PRELOAD"),
                os.popen("echo $VARIES $SETTINGS").read(),
                environ["cgi2wsgi.preloaded"]])
    """)
    secret = "first-of-all-requests"
    image = preloaded.make(
        script, env={"VARIES": "1", "REMOVED": "x", "HTTP_COOKIE": secret})
    reply = preloaded.run(
        script, env={"VARIES": "2", "REMOVED": "x", "HTTP_COOKIE": "now"})
    assert eval(reply.body) == ["mine", None, "2", None, None, "now", None,
                                "2 mine\n", True]
    assert secret.encode() not in image.read_bytes()


def test_whoever_reads_all_variables(preloaded):
    """Then any other one counts, but those of the request."""
    script = preloaded.script("""
        settings = dict(os.environ)
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    preloaded.make(script, env={"ONE": "1"})
    run = preloaded.run
    assert run(script, env={"ONE": "1", "HTTP_X": "y"}).body == b"True"
    assert run(script, env={"ONE": "2"}).body == b"False"
    assert run(script, env={"ONE": "1", "TWO": ""}).body == b"False"


def test_a_thaw_is_a_fork(preloaded):
    """Hooks of os.register_at_fork run, before in what is saved."""
    script = preloaded.script("""
        told = []
        os.register_at_fork(before=lambda: told.append("before"),
                            after_in_child=lambda: told.append("child"),
                            after_in_parent=lambda: told.append("parent"))
        def application(environ, start_response):
            import threading
            told.append(threading.main_thread().native_id == os.getpid())
            return reply(start_response, told)
    """)
    preloaded.make(script)
    assert eval(preloaded.run(script).body) == ["before", "child", True]


@pytest.mark.parametrize("line, reason", [
    ("kept = open('/etc/passwd')", "left a descriptor open: /etc/passwd"),
    ("import socket; kept = socket.socket()", "descriptor open: socket:"),
    ("import sqlite3; kept = sqlite3.connect('x.db'); kept.execute("
     "'select * from sqlite_master').fetchall()", "x.db"),
    ("import threading; threading.Thread(target=lambda: __import__("
     "'time').sleep(1), daemon=True).start()", "started a thread"),
    ("import subprocess; subprocess.Popen(['sleep', '1'])",
     "started a process"),
    ("import mmap; kept = mmap.mmap(-1, 4096)", "shared and written to"),
    ("import random; kept = random.Random()",
     "own Random would repeat its random numbers: app"),
])
def test_what_cannot_be_saved(preloaded, line, reason):
    """What a fork would share is refused, with its reason, and answered."""
    script = preloaded.script(f"""
        {line}
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)

    def refused():
        reply = preloaded.run(script)
        assert reply.body == b"False"
        return preloaded.files("refusal")
    text = until(refused)[0].read_text()
    assert reason in text
    assert preloaded.run(script).log == ""      # once is enough
    until(lambda: not preloaded.files("image.new"))
    assert not preloaded.files()


OPENS = """
    import ctypes, mine
    library = ctypes.CDLL(os.environ["HOME"] + "/libown.so")._name
    kept = os.open(FILE, FLAGS)
    os.dup2(kept, 40, inheritable=INHERITED)
    os.close(kept)
    os.lseek(40, 1, os.SEEK_SET)
    def application(environ, start_response):
        try:
            read, again = os.read(40, 3), open(40, "rb", closefd=False)
        except OSError:
            read = again = None
        return reply(start_response, [
            environ["cgi2wsgi.preloaded"], read, again is not None and
            os.path.samestat(os.fstat(40), os.stat(FILE)),
            os.get_inheritable(40)])
"""


def a_script_that_keeps_open(preloaded, file, flags, inherited=True):
    [libm] = {line.split()[-1] for line in open("/proc/self/maps")
              if "/libm.so" in line or "/libm-" in line}
    shutil.copy(libm, preloaded.home / "libown.so")
    preloaded.cgi.write("mine.py", "value = 1\n")
    return preloaded.script(OPENS.replace("FILE", file).replace(
        "FLAGS", flags).replace("INHERITED", str(inherited)))


@pytest.mark.parametrize("file, start, inherited", [
    ("library", b"ELF", True), ("mine.__file__", b"alu", False)])
def test_a_file_that_stays_open(preloaded, file, start, inherited):
    """H7: libffi keeps its library open: what is only read, and is in memory
    or counts, is open again under its number, where it was read to."""
    script = a_script_that_keeps_open(
        preloaded, file, "os.O_RDONLY", inherited)
    preloaded.make(script)
    expected = [True, start, True, inherited]
    assert eval(preloaded.run(script).body) == expected
    env = [*preloaded.cgi.environ(script), ("HOME", preloaded.home)]

    def run(shell):
        return preloaded.cgi.exec(["/bin/bash", "-c", shell, script], env)
    # A server may have left others open, there and everywhere.
    for number in (3, 40):
        reply = run(f'exec "$0" {number}</dev/null')
        assert eval(reply.body) == expected
    reply = run('ulimit -n 30; exec "$0"')
    assert reply.status == 500
    assert "cannot open a file of the import again: " in reply.log
    if file == "library":
        shutil.copy(preloaded.home / "libown.so", preloaded.home / "new.so")
        (preloaded.home / "new.so").rename(preloaded.home / "libown.so")
    else:
        (script.parent / "mine.py").write_text("Value = 2\n")
    assert eval(preloaded.run(script).body)[0] is False


def test_a_file_that_both_read(preloaded):
    """H7: who makes the requests before the image reads from it elsewhere
    than who answers, and each process goes on from where that has ended."""
    preloaded.cgi.write("mine.py", "value = 1\n")
    script = preloaded.script("""
        import mine, time
        read = os.environ["HOME"] + "/read"
        kept = open(mine.__file__, "rb", buffering=0)
        def application(environ, start_response):
            before = environ["PATH_INFO"] == "/before"
            while not (before or os.path.exists(read)):
                time.sleep(0.01)
            got = kept.read(3)
            if before:
                open(read, "w").close()
            return reply(start_response, [environ["cgi2wsgi.preloaded"], got])
    """, "--preload-request /before")
    assert eval(preloaded.run(script).body) == [False, b"val"]
    preloaded.make(script)
    for _ in range(2):
        assert eval(preloaded.run(script).body) == [True, b"ue "]


@pytest.mark.parametrize("lock", [
    "fcntl.flock(kept, fcntl.LOCK_EX)", "fcntl.lockf(kept, fcntl.LOCK_SH)"])
def test_a_file_that_is_locked(preloaded, lock):
    """H7: another process would not have the lock."""
    script = preloaded.script(f"""
        import fcntl
        kept = open(__file__)
        {lock}
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    until(lambda: preloaded.run(script) and preloaded.files("refusal"))
    assert ("the import left a descriptor open: " + str(script)
            in preloaded.files("refusal")[0].read_text())


def test_calls_from_c(preloaded):
    """H7: ctypes is imported before, and needs its descriptor for many."""
    script = preloaded.script("""
        import ctypes
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
        def application(environ, start_response):
            more = [kind(lambda x, y=n: x + y) for n in range(1000)]
            return reply(start_response, [
                environ["cgi2wsgi.preloaded"], sum(each(1) for each in more)])
    """)
    preloaded.make(script)
    assert eval(preloaded.run(script).body) == [True, 500500]


@pytest.mark.parametrize("file, flags", [
    ("library", "os.O_RDWR"), ("'/etc/passwd'", "os.O_RDONLY"),
    ("os.environ['HOME']", "os.O_RDONLY")])
def test_a_file_that_must_not_stay_open(preloaded, file, flags):
    """H7: what could be written, and what nobody else looks at."""
    script = a_script_that_keeps_open(preloaded, file, flags)
    until(lambda: preloaded.run(script) and preloaded.files("refusal"))
    assert re.match("the import left a descriptor open: /.",
                    preloaded.files("refusal")[0].read_text())


def test_query_words_choose_nothing(preloaded):
    """H7, H1: a query without `=` becomes words in argv."""
    script = preloaded.script("""
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    preloaded.make(script)
    for words in (["--debug"], ["x", "y"], [str(script)]):
        reply = preloaded.run(script, argv=words)
        assert (reply.status, reply.body) == (200, b"False")
    assert preloaded.run(script).body == b"True"
    assert len(preloaded.files()) == 1


def test_two_first_requests(preloaded):
    """One of them writes, all of them answer."""
    script = preloaded.script(STATE)
    time.sleep(0.1)
    env = {"HOME": preloaded.home}
    started = [preloaded.cgi.start(script, env=env) for _ in range(6)]
    assert {process.wait().status for process in started} == {200}
    until(preloaded.files)
    until(lambda: not preloaded.files("image.new"))
    assert preloaded.run(script).body.startswith(b"[True, 1,")


def test_a_read_only_folder(preloaded):
    """The ordinary way, and nothing in a page."""
    preloaded.cache = Path("/proc/nowhere")
    script = preloaded.script(STATE)
    for _ in range(2):
        reply = preloaded.run(script)
        assert reply.body.startswith(b"[False, 1,")


def test_work_in_a_process_from_an_image(preloaded):
    """Threads, processes, files, TLS, the collector, deep recursion."""
    script = preloaded.script("""
        import threading
        def deep(n):
            return n and 1 + deep(n - 1)
        def application(environ, start_response):
            import decimal, hashlib, multiprocessing, signal, sqlite3, ssl
            import subprocess, sys, concurrent.futures, gc, socket, ctypes
            done = [environ["cgi2wsgi.preloaded"], deep(900)]
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                done.append(sum(pool.map(len, ["abc"] * 100)))
            done.append(subprocess.run(
                ["cat"], input=b"x", capture_output=True).stdout)
            database = sqlite3.connect(":memory:")
            done.append(database.execute("select 6 * 7").fetchone())
            done.append(decimal.Decimal("0.1") * 3)
            done.append(bool(ssl.create_default_context()))
            done.append(os.waitpid(os.fork() or os._exit(7), 0)[1] >> 8)
            done.append(len(bytearray(100 << 20)))
            done.append(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)(1))
            try:
                def endless(): endless()
                endless()
            except RecursionError:
                done.append("deep")
            gc.collect()
            signal.signal(signal.SIGUSR1, lambda *ignored: done.append("hit"))
            os.kill(os.getpid(), signal.SIGUSR1)
            # By the thread's id, as libc has kept it.
            other = threading.Thread(target=signal.pthread_kill, args=(
                threading.get_ident(), signal.SIGUSR1))
            other.start()
            other.join()
            done.append(environ["wsgi.input"].read())
            return reply(start_response, done)
    """)
    preloaded.make(script)
    reply = preloaded.run(script, method="POST", body=b"body")
    assert reply.log == "" and reply.exit == 0
    assert reply.body == (
        b"[True, 900, 300, b'x', (42,), Decimal('0.3'), True, 7, 104857600, "
        b"2, 'deep', 'hit', 'hit', b'body']")


def test_failures_in_a_process_from_an_image(preloaded):
    """G1, I6: exceptions, crashes, timeouts, SIGTERM have their pages."""
    script = preloaded.script("""
        import time
        def application(environ, start_response):
            wanted = environ["PATH_INFO"]
            if wanted == "/raise":
                raise ValueError("wrong")
            if wanted == "/crash":
                import ctypes
                ctypes.string_at(0)
            if wanted == "/sleep":
                time.sleep(30)
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """, options="--timeout 1")
    preloaded.make(script)
    ids = set()
    for target, status, word in (("/raise", 500, "application"),
                                 ("/crash", 500, "crash"),
                                 ("/sleep", 504, "timeout")):
        reply = preloaded.run(script, target)
        assert (reply.status, reply.exit) == (status, 1)
        assert f"cgi2wsgi: {word} [" in reply.log
        ids.update(re.findall(r"cgi2wsgi: \w+ \[(\w+)\]", reply.log))
    assert len(ids) == 3
    process = preloaded.cgi.start(
        script, "/sleep", env={"HOME": preloaded.home})
    until(lambda: os.readlink(f"/proc/{process.pid}/cwd") == str(
        script.parent) and process.signal(signal.SIGTERM) is None)
    assert process.wait().status == 500
    assert preloaded.run(script).body == b"True"


@pytest.mark.slow
@pytest.mark.parametrize("made_with", [(-1, -1), (5, 20)])
def test_processor_time_in_an_image(preloaded, made_with):
    """G1, I3a, case 6: the limit is that of the request, not of the image."""
    def limit(soft, hard):
        return {"preexec_fn": lambda: resource.setrlimit(
            resource.RLIMIT_CPU, (soft, hard)), "timeout": 150}
    script = preloaded.script("""
        import signal
        import time
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        def application(environ, start_response):
            while (environ["PATH_INFO"] == "/loop" or
                   environ["PATH_INFO"] == "/long" and
                   time.process_time() < 6):
                pass
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    assert preloaded.make(script, **limit(*made_with)).suffix == ".image"
    reply = preloaded.run(script, "/loop", **limit(1, 10))
    assert (reply.status, reply.exit) == (504, 1)
    assert "cgi2wsgi: cpu-time [" in reply.log
    assert preloaded.run(script, "/long", timeout=150).body == b"True"


def test_the_deployers_words(preloaded):
    """H3, H7: CGI2WSGI_ARGS; other words have another image or none."""
    script = preloaded.cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            return [str(environ["cgi2wsgi.preloaded"]).encode()]
    """)
    other = preloaded.cgi.write("other.py", script.read_text().replace(
        "str(", "(b'other' if 1 else b'') + str("))

    def run(file, *words):
        env = preloaded.cgi.environ(PRELOAD, env={
            "HOME": preloaded.home, "CGI2WSGI_ARGS": file})
        return preloaded.cgi.exec([PRELOAD, *words], env).body
    mine = f"--cache {preloaded.cache} {script}"
    until(lambda: run(mine) and preloaded.files())
    assert run(mine) == b"True"
    assert run(mine, "--debug") == b"True"
    assert run(mine, "--debug", other) == b"False"
    assert run(f"--cache {preloaded.cache} {other}") == b"otherFalse"


@pytest.mark.parametrize("name", ["folder/app.cgi", "./folder/app.cgi", ""])
def test_where_a_server_starts_it(preloaded, name):
    """H7: Apache where the program is, mini_httpd by a name from its own
    folder: what that stands for elsewhere is another application."""
    write, folder = preloaded.cgi.write, preloaded.cgi.folder
    first = f"#!{PRELOAD} --cache {preloaded.cache}\n"
    source = textwrap.dedent(HEAD) + textwrap.dedent("""
        def application(environ, start_response):
            return reply(start_response, [
                environ["cgi2wsgi.preloaded"], os.path.basename(os.getcwd())])
    """)
    here, there = (write(f"{where}/folder/app.cgi", first + source, 0o755)
                   for where in ("one", "two"))

    def run(where):
        env = preloaded.cgi.environ(here)
        command = ["/bin/sh", "-c", f'cd {folder}/{where}; exec "$0"',
                   name or PRELOAD]
        return eval(preloaded.cgi.exec(command, [*env, ("HOME", folder), *(
            [("CGI2WSGI_ARGS", f"--cache {preloaded.cache} {here}")]
            if not name else [])]).body)
    until(lambda: run("one") == [True, "folder"])
    if name:
        assert run("two") == [False, "folder"]
        until(lambda: run("two") == [True, "folder"])
    write("one/folder/app.cgi", here.read_text() + "# edited\n", 0o755)
    assert run("one") == [False, "folder"]


def test_a_process_with_a_child(preloaded):
    """H7: mini_httpd's has one before it becomes the script's."""
    script = preloaded.script("""
        import subprocess
        if os.environ.get("START"):
            kept = subprocess.Popen(["sleep", "10"])
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)

    def run(*more):
        env = [*preloaded.cgi.environ(script), ("HOME", preloaded.home), *more]
        return preloaded.cgi.exec(["/bin/sh", "-c", (
            'sleep 10 >/dev/null 2>&1 & exec "$0"'), script], env).body
    until(lambda: run() == b"True")
    assert run(("START", "1")) == b"False"
    until(lambda: run(("START", "1")) and preloaded.files("refusal"))
    assert "started a process" in preloaded.files("refusal")[0].read_text()


@pytest.mark.parametrize("other, told", [
    (lambda own, file: file.symlink_to(own), "but another name of it"),
    (shutil.copy2, "but another name of it"),
    (lambda own, file: file.mkdir(), "cannot execute cgi2wsgi")])
def test_another_program_by_the_name_of_cgi2wsgi(preloaded, other, told):
    """Who executes itself would go on for ever."""
    folder = preloaded.cgi.folder / "bin"
    folder.mkdir()
    own = shutil.copy2(PRELOAD, folder / PRELOAD.name)
    other(own, folder / "cgi2wsgi")
    reply = subprocess.run([own, "app.py"], capture_output=True, text=True,
                           timeout=60, env={"REQUEST_METHOD": "GET"})
    assert (reply.returncode, reply.stdout) == (127, "")
    assert told in reply.stderr


def test_a_person_is_answered_as_ever(preloaded):
    """H4: no server, so the ordinary program runs, options and all."""
    script = preloaded.script("""
        def application(environ, start_response):
            return reply(start_response, environ["QUERY_STRING"])
    """)
    done = subprocess.run([script, "-i", "/?q=1"], capture_output=True,
                          env={"PATH": "/usr/bin:/bin"}, check=True)
    assert done.stdout.endswith(b"\r\n\r\nq=1")


def preload(preloaded, script, *options):
    """`cgi2wsgi --preload` as this user, in a terminal."""
    return subprocess.run(
        [PROGRAM, "--preload", "--web-user", pwd.getpwuid(os.geteuid())[0],
         *options, script], capture_output=True, text=True,
        env={"PATH": "/bin", "LANG": "C.UTF-8"}, check=False)


SERVED = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def test_an_image_made_in_a_terminal(preloaded):
    """Before the first request; whoever asks with the same variables has it."""
    script = preloaded.script("""
        value = os.environ.get("DEPLOYED"), "SECRET" in os.environ
        open("imported", "a").write("x")
        def application(environ, start_response):
            open("called", "a").write("x")
            return reply(start_response, [environ["cgi2wsgi.preloaded"], value])
    """)
    done = preload(preloaded, script, "--env", "DEPLOYED=here",
                   "--env", f"HOME={preloaded.home}")
    [image] = preloaded.files()
    assert (done.returncode, done.stderr) == (0, "")
    lines = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert lines["image"] == str(image)
    assert lines["size"] == f"{image.stat().st_size / 1e6:.1f} MB"
    assert re.fullmatch(r"\d+\.\d ms; by importing it, \d+\.\d ms",
                        lines["start"])
    assert "DEPLOYED, SECRET" in done.stdout
    assert not (script.parent / "called").exists()
    imports = (script.parent / "imported").read_text()
    env = {**SERVED, "DEPLOYED": "here"}
    assert preloaded.run(script, env=env).body == b"[True, ('here', False)]"
    assert (script.parent / "imported").read_text() == imports


@pytest.mark.parametrize("text, reason", [
    ("kept = open('/etc/passwd')", "left a descriptor open: /etc/passwd"),
    ("1 / 0", "ZeroDivisionError"),
])
def test_no_image_in_a_terminal(preloaded, text, reason):
    """What stands against it is told, and the exit status is 1."""
    script = preloaded.script(f"""
        {text}
        def application(environ, start_response):
            return reply(start_response, "")
    """)
    done = preload(preloaded, script)
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr and f"no image of {script}: " in done.stderr
    assert not preloaded.files() and not preloaded.files("image.new")


def test_a_line_that_has_no_images(preloaded):
    """Then --preload says what to write there; other options are refused."""
    script = preloaded.cgi.script("application = None\n")
    for options, words in (([], "does not name cgi2wsgi-preload"),
                           (["--timeout", "1"], "write --timeout there")):
        done = preload(preloaded, script, *options)
        assert done.returncode == 2 and words in done.stderr
    done = preload(preloaded, script, script)
    assert done.returncode == 2 and "takes one script" in done.stderr
    done = preload(preloaded, script.with_name("missing.cgi"))
    assert done.returncode == 2
    assert "missing.cgi: No such file or directory\n" in done.stderr


@pytest.mark.parametrize("line", [b"#!", b"#! ", b"#!\r", b"\xef\xbb\xbf#!\t"])
def test_a_line_without_words(preloaded, line):
    """It names no program, and is told so."""
    script = preloaded.cgi.script("application = None\n")
    script.write_bytes(line + b"\n")
    done = preload(preloaded, script)
    assert done.returncode == 2
    assert "does not name cgi2wsgi-preload" in done.stderr


@pytest.mark.parametrize("program", ["cgi2wsgi", "cgi2wsgi-preload"])
@pytest.mark.parametrize("text", ["", "kept = open('/etc/passwd')"])
def test_check(preloaded, program, text):
    """--check tries it, whatever the first line names, and keeps nothing."""
    script = preloaded.script(f"""
        {text}
        def application(environ, start_response):
            return reply(start_response, "")
    """, program=PROGRAM.with_name(program))
    if os.geteuid() == 0:
        shutil.chown(preloaded.cache, "nobody")
    done = subprocess.run(
        [PROGRAM, "--check", *(["--web-user", "nobody"] * (
            os.geteuid() == 0)), script], capture_output=True, text=True,
        check=False)
    [line] = re.findall(r"^(\w+ +preload.*)$", done.stdout, re.M)
    if not text:
        assert re.match(r"ok    preload: a request can start from an image, "
                        r"in \d+ ms instead of \d+", line), done.stdout
        assert line.endswith(" in the first line") == (program == "cgi2wsgi")
    elif program == "cgi2wsgi":
        assert line.startswith("ok    preload: no request could start from")
    else:
        assert line.startswith("warn  preload-refused: no request can start")
    assert ("/etc/passwd" in line) == bool(text)
    assert "line-other" not in done.stdout
    assert not preloaded.files() and not preloaded.files("image.new")


def test_explain(preloaded):
    """The transcript has the start from an image in place of the import."""
    script = preloaded.script("""
        import json
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """, "--explain")
    first = preloaded.run(script)
    assert "THE APPLICATION IS IMPORTED" in first.log
    preloaded.make(script)
    reply = preloaded.run(script, "/later")
    assert reply.body == b"True"
    assert "THE PROCESS STARTS FROM AN IMAGE" in reply.log
    assert "THE APPLICATION IS IMPORTED" not in reply.log
    assert "PATH_INFO" in reply.log and "EXIT" in reply.log


def test_requests_before_the_image(preloaded):
    """--preload-request: what they import is in, and depended on, too."""
    script = preloaded.script("""
        seen = []
        def application(environ, start_response):
            import late, sys
            os.environ.get("LATE")
            seen.append([environ[name] for name in (
                "REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_HOST")])
            cookie = environ.get("HTTP_COOKIE")
            if not environ["cgi2wsgi.preloaded"] and cookie is None:
                print("not in the reply")
            return reply(start_response, [seen, cookie, late.value])
    """, "--preload-request /one%20 --preload-request /two?x=y")
    preloaded.cgi.write("late.py", "value = 1\n")
    image = preloaded.make(script, headers=[("Cookie", "secret=1")])
    [one, two, now], cookie, value = eval(preloaded.run(script, "/now").body)
    host = "www.example.org"
    assert one == ["GET", "/one ", "", host]
    assert two == ["GET", "/two", "x=y", host]
    assert now == ["GET", "/now", "", host] and cookie is None and value == 1
    def imported(**env):
        return len(eval(preloaded.run(script, "/now", env=env).body)[0])
    with preloaded.no_writer(image):
        assert imported(LATE="1") == 1
        assert imported() == 3
    preloaded.cgi.write("late.py", "value = 22\n")
    assert imported() == 1


def test_a_request_before_the_image_that_fails(preloaded):
    """Whatever goes wrong there has an entry, and there is no image."""
    script = preloaded.script("""
        def application(environ, start_response):
            if environ["PATH_INFO"] == "/wrong":
                raise ValueError("before")
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """, "--preload-request /wrong")
    other = preloaded.script(
        script.read_text().partition("\n")[2], "--preload-request /right",
        "other.cgi")
    done = preload(preloaded, other)
    assert (done.returncode, done.stderr) == (0, "")
    [made] = preloaded.files()
    done = preload(preloaded, script)
    assert done.returncode == 1 and preloaded.files() == [made]
    assert "ValueError: before" in done.stderr
    assert "--preload-request was not answered: /wrong" in done.stderr


def test_pages_that_are_written_to_anyhow(preloaded):
    """What a first start wrote to is copied at once, before it is needed."""
    script = preloaded.script("""
        import resource
        pages = memoryview(bytearray(256 * 4096))
        def application(environ, start_response):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for place in range(0, len(pages), 4096):
                pages[place] = 1
            after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            return reply(start_response, [
                environ["cgi2wsgi.preloaded"], after - before])
    """, "--preload-request /")
    preloaded.make(script)
    from_image, faults = eval(preloaded.run(script).body)
    assert from_image and faults < 64


def test_habit_before_the_image(preloaded):
    """C9: each request's log says that sys.stdin is empty, whatever those
    before the image did."""
    script = preloaded.script("""
        import sys
        def application(environ, start_response):
            sys.stdin.read()
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """, "--preload-request /")
    preloaded.make(script)
    for _ in range(2):
        reply = preloaded.run(script)
        assert reply.body == b"True"
        assert reply.log.count("sys.stdin is empty") == 1


def test_what_libraries_do_at_the_end(preloaded):
    """I3: what a library in C registers during a request runs at its end.

    What it registered when it was imported was another process's."""
    script = preloaded.script("""
        import ctypes
        libc = ctypes.CDLL(None)
        words = b"of the import", b"of the request"
        libc.__cxa_atexit(libc.perror, words[0], None)
        def application(environ, start_response):
            libc.__cxa_atexit(libc.perror, words[1], None)
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    preloaded.make(script)
    reply = preloaded.run(script)
    assert reply.body == b"True" and "of the request" in reply.log
    assert "of the import" not in reply.log


@pytest.mark.parametrize("keep", [
    "Holder.kept = one", "application.kept = one", "given.append(one)",
    "kept[0].append(one)", "globals().update(kept_now=one)", "cell(one)",
    "sys.modules['json'].kept = one", "Holder.kept = [one, Holder]"])
@pytest.mark.parametrize("what", [
    "open(data, 'w')", "Outer(open(data, 'w'))", "gzip.open(data, 'wt')",
    "Late(open(data, 'w'))", "generate(data)"])
def test_what_is_left_in_what_lives_for_ever(preloaded, keep, what):
    """I3: a file that a request leaves in a class, a function or a module of
    the import is complete in the end, whatever is around it."""
    script = preloaded.script("""
        import gzip, json, sys, threading
        data = os.environ["HOME"] + "/data"
        class Holder:
            pass
        class Outer:
            def __init__(self, file):
                self.file = file
            def write(self, text):
                self.file.write(text)
            def __del__(self):
                self.file.write(" and its end" + os.linesep)
        class Late(Outer):
            def __init__(self, file):
                self.before = Outer.__new__(Outer)
                self.before.file = file
            def write(self, text):
                self.before.file.write(text)
            def __del__(self):
                self.before.file.write("late")
        def generate(name):
            def run():
                with open(name, "w") as file:
                    while True:
                        file.write((yield))
            generator = run()
            next(generator)
            return generator
        def cells():
            inside = None
            def cell(value):
                nonlocal inside
                inside = value
            return cell
        cell = cells()
        kept = ([],)
        def given_to(value, given=[]):
            return given
        given = given_to(None)
        def application(environ, start_response):
            one = WHAT
            one.write("text" * 3)
            KEEP
            del one
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """.replace("WHAT", what).replace("KEEP", keep)
        .replace('one.write("text" * 3)',
                 'one.send("text" * 3)' if "generate" in what
                 else 'one.write("text" * 3)'))
    preloaded.make(script)
    data = preloaded.home / "data"
    data.unlink(missing_ok=True)
    reply = preloaded.run(script)
    assert (reply.body, reply.exit, reply.log) == (b"True", 0, "")
    text = data.read_bytes()
    if "gzip" in what:
        text = gzip.decompress(text)
    assert text == b"text" * 3 + {
        "Outer": b" and its end\n", "Late(": b"late and its end\n"}.get(
            what[:5], b"")


@pytest.mark.parametrize("options", ["", "--preload-request /before"])
def test_what_the_import_has_left(preloaded, options):
    """I3: its end counts in each process, and garbage of it is no more."""
    script = preloaded.script("""
        class Ending:
            def __init__(self, words):
                self.words, self.own = words, self
            def __del__(self):
                os.write(2, self.words)
        kept = Ending(b"kept")
        Ending(b"dropped")
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """, options)
    preloaded.make(script)
    reply = preloaded.run(script)
    assert (reply.body, reply.log) == (b"True", "kept")


def test_a_database_left_in_a_class(preloaded):
    """I3: the last connection merges what was logged ahead into its file."""
    script = preloaded.script("""
        import sqlite3
        name = os.environ["HOME"] + "/data"
        class Holder:
            pass
        def application(environ, start_response):
            Holder.kept = sqlite3.connect(name)
            Holder.kept.execute("pragma journal_mode = wal")
            Holder.kept.execute("create table if not exists lines (line)")
            Holder.kept.execute("insert into lines values ('text')")
            Holder.kept.commit()
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    preloaded.make(script)
    assert preloaded.run(script).body == b"True"
    assert [path.name for path in preloaded.home.iterdir()] == ["data"]
