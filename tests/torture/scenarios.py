"""A dozen ways of one request, and the judge of what is left of them.

A Scene is a folder of its own with all scenarios' scripts for one program. Its
run() starts one of them and judges: all of what a server and an administrator
see has to be right, or to say that it is not.
"""

import ctypes
import hashlib
import os
import re
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from driver import CUT, NOTHING, PAGE, RIGHT, WRONG
from harness import ENTRY_TIME, PROGRAM, SANITIZER, Cgi, Process
from stuck import look_at

BUILT = PROGRAM.parent / "build"
PROGRAMS = {"static": PROGRAM, "shared": BUILT / "shared/cgi2wsgi",
            "sanitized": BUILT / "sanitized/cgi2wsgi"}
UNEXPLAINED = "[--explain: no memory for what belongs here]"
# By a signal after the reply: what --explain or close() would say is not said.
ENDED = re.compile("the process ended at once, by signal|"
                   "raised an exception: (KeyboardInterrupt|SystemExit)")
PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 60       # seconds until a case hangs
BODY = bytes(range(256)) * 1200         # 307,200 bytes
LARGE = b"0123456789abcdef" * 65536     # 1 MiB
ENTRY = re.compile(r"^cgi2wsgi: [a-z-]+ \[", re.MULTILINE)
WORDLESS = re.compile(r"^cgi2wsgi: [a-z-]+ \[.*\] .*:\s*$", re.MULTILINE)
HEAD = re.compile(rb"(?:Status:|HTTP/1\.1) (\d{3})[^\r\n\0]*\r\n"
                  rb"((?:[!-9;-~]+: ?[^\r\n\0]*\r\n)*)\r\n")
NUMBER = re.compile(rb"<code>([0-9a-f]{16})</code></p>\n</main>")
# Whom a page of the program's own may blame.
STATUSES = {400, 408, 411, 413, 500, 502, 503, 504}

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""
# The body is read behind 100,000 bytes of the reply.
LATE = """
import hashlib
def application(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"o" * 100000)
    body = environ["wsgi.input"].read()
    write(hashlib.sha256(body).hexdigest().encode())
    return []
"""
CHUNKED = """
import hashlib
def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [hashlib.sha256(body).hexdigest().encode()]
"""
FILE = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "307200")])
    return environ["wsgi.file_wrapper"](open("content", "rb"))
"""
FAILING = """
def application(environ, start_response):
    return [b"x" * (1 // 0)]
"""
LOGS = """
import sys
def application(environ, start_response):
    print("<said>", file=environ["wsgi.errors"])
    print("<printed>")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"logged"]
"""
OPTIONS = """
import os
import besides
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [os.environ["GREETING"].encode(), besides.NAME,
            environ["wsgi.input"].read()]
"""
SLOW = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", str(1 << 20))])
    for _ in range(64):
        yield b"0123456789abcdef" * 1024
"""
STREAM = """
import sys
class Body:
    def __iter__(self):
        yield from (b"one ", b"two ", b"three")
    def close(self):
        print("<closed>", file=sys.stderr)
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Body()
"""


@dataclass
class Scenario:
    """One request: a script, and what a whole correct reply has."""

    source: str
    body: bytes = b""           # of the right reply; for a page, a part of it
    options: str = ""
    status: int = 200
    sent: bytes = None
    chunked: bool = False
    slow: bool = False
    server: str = "Apache"
    name: str = "app.cgi"
    preload: str = ""           # "make": no image yet; "thaw": one is there
    log: str = ""               # what the right reply's log has
    cold: bool = False          # no bytecode is kept from an earlier request


DIGEST = hashlib.sha256(BODY).hexdigest().encode()
SCENARIOS = {
    "hello": Scenario(HELLO, b"hello"),
    "late": Scenario(LATE, b"o" * 100000 + DIGEST, sent=BODY),
    "chunked": Scenario(CHUNKED, DIGEST, sent=BODY, chunked=True),
    "file": Scenario(FILE, BODY),
    "failing": Scenario(FAILING, b"", status=500, log="ZeroDivisionError"),
    "log": Scenario(LOGS, b"logged", "--log app.log"),
    "debug": Scenario(FAILING, b"ZeroDivisionError", "--debug", 500,
                      log="ZeroDivisionError"),
    "explain": Scenario(HELLO, b"hello", "--explain", log="REPLY IS OVER"),
    "nph": Scenario(HELLO, b"hello", name="nph-app.cgi", server="thttpd"),
    "options": Scenario(
        OPTIONS, b"good day" b"besides" + BODY[:5000],
        "--env 'GREETING=good day' --path lib --timeout 20 --max-body 5000 "
        "--timing", sent=BODY[:5000], cold=True),
    "slow": Scenario(SLOW, LARGE, slow=True, server="lighttpd/1.4"),
    "stream": Scenario(STREAM, b"one two three", log="<closed>"),
    "making": Scenario(HELLO, b"hello", preload="make"),
    "thawing": Scenario(HELLO, b"hello", preload="thaw"),
}


@dataclass
class Outcome:
    """What a server and an administrator see of a request."""

    raw: bytes = b""
    log: str = ""
    exit: int = 0
    stuck: str = ""             # what hung, and what was left behind
    left: str = ""


class Scenes(dict):
    """Of a worker, one for each program, made when it is first wanted."""

    def __missing__(self, program):
        self[program] = Scene(program)
        return self[program]

    def close(self):
        for scene in self.values():
            scene.close()


class Watched(Process):
    """Is looked at before it is killed."""

    stuck = ""

    def kill(self):
        if self._popen.poll() is None:
            self.stuck += look_at(self.pid)
        super().kill()


class Scene:
    """A folder with all scripts for one of the programs."""

    def __init__(self, program):
        adopt()
        self.program = Path(PROGRAMS.get(program, program))
        self.folder = Path(tempfile.mkdtemp(prefix="torture-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.cgi = Cgi(self.folder)
        self.cgi.write("content", BODY)
        self.cgi.write("lib/besides.py", "NAME = b'besides'\n")
        self.home = self.folder / "home"
        self.home.mkdir()
        self.images = self.folder / "images"
        self.images.mkdir(mode=0o700)
        self.scripts = {name: self._script(name) for name in SCENARIOS}
        self.files = self._files()

    def _script(self, name):
        scenario = SCENARIOS[name]
        folder = f"{name}/{scenario.name}"
        options = scenario.options.replace("--path lib", "--path ../lib")
        program = self.program
        if scenario.preload:
            program = program.with_name("cgi2wsgi-preload")
            options += f" --cache {self.images}/{name}"
            (self.images / name).mkdir(mode=0o700)
        self.cgi.write(f"{name}/content", BODY)
        return self.cgi.write(
            folder, f"#!{program} {options}".rstrip() + "\n" + scenario.source,
            0o755)

    def _files(self):
        """All that lies there, but what may come and go.

        An image that is not finished is written anew by the next process.
        """
        return {str(path.relative_to(self.folder))
                for path in self.folder.rglob("*")
                if path.suffix not in (".pyc", ".image", ".refusal")
                and not path.name.endswith(".image.new")
                and path.name not in ("__pycache__", "app.log", ".htaccess")
                and not (path.is_dir() and self.home in path.parents)}

    def environ(self, name, **more):
        scenario = SCENARIOS[name]
        env = {"HOME": self.home, "SERVER_SOFTWARE": scenario.server, **more}
        if scenario.chunked:
            env["HTTP_TRANSFER_ENCODING"] = "chunked"
        elif scenario.sent is not None:
            env["CONTENT_LENGTH"] = len(scenario.sent)
        return self.cgi.environ(self.scripts[name], env=env, method="GET"
                                if scenario.sent is None else "POST")

    def prepare(self, name):
        """What an earlier request has left, or not."""
        scenario = SCENARIOS[name]
        (self.folder / name / "app.log").unlink(missing_ok=True)
        images = self.images / name
        if scenario.preload == "make":
            for file in images.iterdir():
                if file.suffix != ".new":
                    file.unlink()
        elif scenario.preload == "thaw":
            for _ in range(50):
                if list(images.glob("*.image")):
                    break
                for file in images.glob("*.refusal"):
                    file.unlink()
                self._ask(name)
                time.sleep(0.1)
        if scenario.cold:
            shutil.rmtree(self.home)
            self.home.mkdir()

    def _ask(self, name, before=(), **how):
        """The request itself; before is put before the script's name."""
        scenario = SCENARIOS[name]
        process = Watched(
            [*before, self.scripts[name]],
            self.environ(name, **how.pop("env", {})), body=scenario.sent,
            stdin=None if scenario.sent is not None else "null",
            cwd=self.scripts[name].parent, start_new_session=True, **how)
        outcome = Outcome()
        try:
            if scenario.slow:
                time.sleep(0.02)
                process._seen += os.read(process.stdout.fileno(), 1000)
                time.sleep(0.02)
            reply = process.wait(PATIENCE)
            outcome.raw, outcome.exit = reply.raw, reply.exit
        except AssertionError as error:
            outcome.stuck = f"{error}\n{process.stuck}"
        outcome.log = process.log
        outcome.stuck += end_orphans()
        process.close()
        log = self.scripts[name].with_name("app.log")
        if "--log" in scenario.options and log.exists():
            outcome.log += ENTRY_TIME.sub("", log.read_text())
        return outcome

    def start(self, name, **how):
        """A request of a scenario, and what is left of it."""
        self.prepare(name)
        outcome = self._ask(name, **how)
        outcome.left = " ".join(sorted(self._files() - self.files))
        for file in outcome.left.split():
            (self.folder / file).unlink(missing_ok=True)
        return outcome

    def close(self):
        self.cgi.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def adopt():
    """Orphans become this process's children, so that it sees their end."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def children():
    """Ids of this process's children."""
    mine = os.getpid()
    return [int(child) for child in Path(
        f"/proc/{mine}/task/{mine}/children").read_text().split()]


def end_orphans():
    """Wait until no process is left; says what had to be killed."""
    pause, deadline, left = 0.001, time.monotonic() + PATIENCE / 2, ""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return left
        if time.monotonic() > deadline:
            for pid in children():
                left += f"\nleft: {look_at(pid)}"
                os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + PATIENCE
        time.sleep(pause)
        pause = min(0.05, pause * 1.5)


def judge(scenario, outcome, mute=False, killed=()):
    """The verdict on an outcome, and in words what was seen.

    mute: the log may be missing; killed: by these signals it may have ended.
    """
    seen = (f"exit {outcome.exit}, {len(outcome.raw)} bytes "
            f"{outcome.raw[:300]!r}…{outcome.raw[-40:]!r}, log "
            f"{outcome.log[-1500:]!r}")

    def wrong(what):
        return WRONG, f"{what}: {seen}"

    if outcome.stuck:
        return wrong(f"hangs, or leaves a process ({outcome.stuck})")
    if outcome.left:
        return wrong(f"leaves {outcome.left}")
    if SANITIZER.search(outcome.log):
        return wrong("the sanitizer")
    if WORDLESS.search(outcome.log):
        return wrong("an entry that says nothing")
    if outcome.exit < 0 and -outcome.exit not in killed:
        return wrong(f"ended by signal {-outcome.exit}")
    told = mute or outcome.log or outcome.exit < 0
    if not outcome.raw:
        if outcome.exit == 0:
            return wrong("nothing sent, but success")
        return (NOTHING, seen) if told else wrong("nothing sent or told")
    head = HEAD.match(outcome.raw)
    if not head:
        if outcome.exit < 0:
            return CUT, seen
        return wrong("no whole head")
    body = outcome.raw[head.end():]
    status = int(head[1])
    length = re.search(rb"(?im)^content-length: (\d+)\r$", head[2])
    if length and len(body) > int(length[1]):
        return wrong("longer than its Content-Length")
    if status == scenario.status == 200:
        if body == scenario.body:
            if (outcome.exit == 0 and not mute and UNEXPLAINED
                    not in outcome.log and scenario.log not in outcome.log
                    and not (killed and ENDED.search(outcome.log))):
                return wrong("something is missing in the log")
            return RIGHT, seen
        if not scenario.body.startswith(body):
            return wrong("another body")
        if outcome.exit == 0 or not told:
            return wrong("cut, and nobody is told")
        return CUT, seen
    if length and len(body) < int(length[1]):
        if outcome.exit == 0 or not told:
            return wrong("a cut page, and nobody is told")
        return CUT, seen
    if status not in STATUSES or not body or not (
            length or body == b"500 Internal Server Error\n"):
        return wrong("no page of ours")
    if outcome.exit == 0 or not told or not (mute or ENTRY.search(outcome.log)):
        return wrong("a page, and nobody is told")
    number = NUMBER.search(body)
    if number and not mute and f"[{number[1].decode()}]" not in outcome.log:
        return wrong("the page's number is in no entry")
    if (status == scenario.status and scenario.body in body
            and scenario.log in outcome.log):
        return RIGHT, seen
    return PAGE, seen
