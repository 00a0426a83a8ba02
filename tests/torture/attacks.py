"""Requests of a grammar, or recorded and damaged, and what comes of them.

A case is KIND WAY NUMBER: the program, how it was started, and the request that
this number gives; or KIND WAY NUMBERxMANY, for so many of them. Of each it is
seen what ran, with which options (forking.c asks again for each request), what
the application got, that the head is one, that nothing forges the log, which
files were written, and the exit status.

A process that starts Python for each request spends its time on that. So the
kinds "sanitized" and "forked", which has no sanitizers, go as far as the import,
and fork for each request; and "started" is the ordinary program, each time.
"""

import json
import os
import re
import select
import shutil
import struct
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from driver import PAGE, RIGHT, WRONG
from grammar import encode, request_of
from harness import PROGRAM, SANITIZER, Process
from scenarios import BUILT, HEAD, PATIENCE, adopt, end_orphans
from stuck import look_at

# The program, and how many requests are one case.
KINDS = {"forked": (BUILT / "forked/cgi2wsgi", 500),
         "sanitized": (BUILT / "forking/cgi2wsgi", 10),
         "started": (PROGRAM, 5)}

APP = """
import json
import os
import sys
from urllib.parse import unquote_to_bytes


def text(value):
    return value if type(value) is str else repr(value)


def application(environ, start_response):
    try:
        body = environ["wsgi.input"].read().decode("latin-1")
    except OSError:
        body = None
    headers = [("Content-Type", "text/plain")]
    if environ["QUERY_STRING"].startswith("reflect="):
        value = unquote_to_bytes(environ["QUERY_STRING"][8:])
        headers.append(("X-Reflected", value.decode("latin-1")))
    try:
        start_response("200 OK", headers)
    except (ValueError, AssertionError):
        start_response("200 OK", headers[:1])
    return [json.dumps({
        "file": os.path.realpath(__file__),
        "argv": sys.argv,
        "folder": os.getcwd(),
        "body": body,
        "environ": {text(k): text(v) for k, v in environ.items()},
        "process": {k.decode("latin-1"): v.decode("latin-1")
                    for k, v in os.environb.items()},
    }).encode()]
"""
# The ways of being started, with options that change what a request meets.
WAYS = {"script": "", "args": "--debug", "interpreter":
        "--max-body 1000 --script-name /mounted", "action": "",
        "log": "--explain --timing --log app.log"}
LIMIT = {"interpreter": 1000}
UNKNOWN = -1
UNPRINTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Site:
    """A folder with an application, started in one way, waiting to fork."""

    def __init__(self, kind, way, folder):
        self.kind = kind
        self.way = way
        self.folder = folder
        self.program = KINDS[kind][0]
        folder.mkdir(mode=0o755)
        self.script = folder / ("app.wsgi" if way == "action" else "app.cgi")
        # The kernel would have the program in the first line execute it.
        first = f"#!{self.program if way != 'args' else '/bin/false'} {WAYS[way]}"
        self.script.write_text(first.rstrip() + "\n" + APP)
        self.script.chmod(0o755)
        other = folder / "other.wsgi"
        other.write_text(self.script.read_text().replace("ran", "other ran"))
        self.filename = str(self.program if way in ("args", "action")
                            else self.script)
        self.args = f"{WAYS[way]} {self.script}" if way == "args" else ""
        self.argv = [str(self.script)] if way in ("script", "log") else [
            str(self.program), *([str(self.script)] * (way == "interpreter"))]
        self.files = folder.with_name(f"{folder.name}-files")
        self.files.mkdir()
        self.home = folder.with_name(f"{folder.name}-home")
        self.home.mkdir()
        self.server = None
        self.before = None

    def variables(self, request, path):
        """What the deployer and this server add."""
        pairs = [("HOME", str(self.home))]
        if self.way == "args":
            pairs.append(("CGI2WSGI_ARGS", self.args))
        if self.way == "action":
            pairs += [("REDIRECT_HANDLER", "wsgi-script"),
                      ("REDIRECT_STATUS", "200"),
                      ("REDIRECT_URL", b"/app.wsgi" + path),
                      ("PATH_TRANSLATED", encode(str(self.script)) + (
                          b"/" + path if path else b""))]
        elif request and request.often(4):
            pairs += [("PATH_TRANSLATED", request.text(4)),
                      ("REDIRECT_URL", request.text(4)),
                      ("REDIRECT_STATUS", request.one(["200", "404", "x"]))]
        return pairs

    def start(self):
        """The program, up to the border, if it goes on there."""
        self.before = self.listed()
        if self.kind == "started":
            return
        for name in ("requests", "ends"):
            os.mkfifo(self.files / name)
        env = {"PATH": "/usr/bin:/bin", "GATEWAY_INTERFACE": "CGI/1.1",
               "REQUEST_METHOD": "GET", "SCRIPT_FILENAME": self.filename,
               "SCRIPT_NAME": "/cgi-bin/" + self.script.name,
               "FORKING": str(self.files), "QUERY_STRING": "",
               "ASAN_OPTIONS": "detect_leaks=0", **{
                   key: os.fsdecode(value) for key, value in
                   self.variables(None, b"")}}
        self.error = open(self.files / "server-log", "wb")
        argv = self.argv
        if self.way in ("script", "log"):       # the kernel adds the options
            argv = [self.script]
        self.server = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.error, cwd=self.folder)
        self.requests = open(self.files / "requests", "wb", buffering=0)
        self.ends = open(self.files / "ends", "rb", buffering=0)
        self.before = self.listed()

    def listed(self):
        """Files, but for their log."""
        return {(entry.name, entry.stat().st_mtime_ns)
                for entry in os.scandir(self.folder)
                if entry.name not in ("app.log", "__pycache__")}

    def ask(self, requests):
        """Gives variables, reply, log and exit status of each."""
        if self.kind == "started":
            return [self.run(request) for request in requests]
        lists = [request.variables(self) for request in requests]
        message = b""
        for number, request in enumerate(requests):
            argv = self.kernel_words() + request.words()
            (self.files / f"body.{number}").write_bytes(request.body)
            text = struct.pack("=II", number, len(argv))
            text += b"".join(encode(word) + b"\0" for word in argv)
            text += b"".join(
                key + b"=" + value.replace(b"\0", b"") + b"\0"
                for key, value in lists[number])
            message += struct.pack("=I", len(text)) + text
        self.requests.write(message)
        return [(pairs, *self.answer(number))
                for number, pairs in enumerate(lists)]

    def answer(self, number):
        """What a child has left."""
        if not select.select([self.ends], [], [], PATIENCE)[0]:
            raise AssertionError(look_at(self.server.pid))
        end = self.ends.read(4)
        if len(end) < 4:
            raise AssertionError((self.files / "server-log").read_text())
        return ((self.files / f"reply.{number}").read_bytes(),
                (self.files / f"log.{number}").read_bytes(),
                struct.unpack("=i", end)[0])

    def run(self, request):
        """The program itself, as a server starts it."""
        pairs = request.variables(self)
        argv = [*self.argv, *request.words()]
        process = Process(argv, [(key, value.replace(b"\0", b""))
                                 for key, value in pairs],
                          body=request.body, cwd=self.folder)
        try:
            reply = process.wait(PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{look_at(process.pid)}") from None
        finally:
            process.close()
        return (pairs, reply.raw, reply.log.encode(
            errors="surrogateescape"), reply.exit << 8)

    def take_log(self):
        """The file of --log, which begins anew."""
        log = self.folder / "app.log"
        if not log.exists():
            return b""
        text = log.read_bytes()
        log.write_bytes(b"")
        return text

    def kernel_words(self):
        """argv as the kernel makes it of a #! line."""
        if self.way in ("script", "log"):
            options = [WAYS[self.way]] if WAYS[self.way] else []
            return [str(self.program), *options, str(self.script)]
        return self.argv

    def judge_rest(self):
        """What is wrong with what some requests have left, or ""."""
        log, now = self.take_log(), self.listed()
        if now != self.before:
            problem = f"wrote {now ^ self.before}"
            self.before = now
            return problem
        problem = judge_log(log)
        return problem and f"{problem}: {log[-3000:]!r}"

    def give_up(self):
        if self.server:
            self.server.kill()
            self.close()
        shutil.rmtree(self.folder)
        shutil.rmtree(self.files)
        shutil.rmtree(self.home)

    def close(self):
        if self.server:
            self.requests.close()
            self.server.wait()
            self.ends.close()
            self.error.close()


class Part:
    """Sites of a worker, one for each way and kind."""

    GOAL = 1_000_000

    def __init__(self, random, given):
        self.random = random
        self.sites = {}
        self.folder = None

    def cases(self):
        while True:
            for way in WAYS:
                for kind, (_, many) in KINDS.items():
                    number = self.random.randrange(1 << 60)
                    yield f"{kind} {way} {number}x{many}"

    def site(self, kind, way):
        if self.folder is None:
            adopt()
            memory = "/dev/shm"
            self.folder = Path(tempfile.mkdtemp(
                prefix="torture-", dir=memory if os.access(memory, os.W_OK)
                else "/tmp"))
            self.folder.chmod(0o755)
        if (kind, way) not in self.sites:
            site = Site(kind, way, self.folder / f"{kind}-{way}")
            site.start()
            self.sites[kind, way] = site
        return self.sites[kind, way]

    def try_case(self, case):
        kind, way, number = case.split()
        number, _, many = number.partition("x")
        numbers = [int(number) + i for i in range(int(many or 1))]
        site = self.site(kind, way)
        requests = [request_of(number) for number in numbers]
        try:
            answers = site.ask(requests)
        except (AssertionError, BrokenPipeError) as error:
            self.sites.pop((kind, way)).give_up()
            return WRONG, f"stuck, or ended: {error}"
        self.notes[kind] += len(answers)
        count, wrong = Counter(), []
        for request, number, answer in zip(requests, numbers, answers):
            verdict, seen = self.verdict(site, request, *answer)
            if verdict == WRONG or not many:
                wrong.append((verdict, seen, 1, f"{kind} {way} {number}"))
            else:
                count[verdict] += 1
        if problem := site.judge_rest():
            wrong.append((WRONG, problem, 1))
        return wrong + [(verdict, "", times)
                        for verdict, times in count.items()]

    def verdict(self, site, request, pairs, raw, log, status):
        problem, page = judge(site, request, pairs, raw, log, status)
        if problem:
            return WRONG, (f"{problem}: {pairs}, body {request.body[:100]!r}, "
                           f"status {status}, {raw[:2000]!r}, "
                           f"log {log[-2000:]!r}")
        return (PAGE if page else RIGHT), f"{raw[:2000]!r} {log!r}"

    def close(self):
        for site in self.sites.values():
            site.close()
        if self.folder:
            end_orphans()
            shutil.rmtree(self.folder, ignore_errors=True)


def judge_log(log):
    """What is wrong with what was logged, or ""."""
    text = log.decode("utf-8", "backslashreplace")
    if SANITIZER.search(text):
        return "the sanitizer"
    return ("the log has control characters" if UNPRINTED.search(text)
            else "")


def length_of(pairs):
    """CONTENT_LENGTH as C5, C6 and B14 have it.

    A number, UNKNOWN, or None for a 400.
    """
    given = dict(pairs)
    values = {value for key, value in pairs if key == b"CONTENT_LENGTH"}
    value = max(values, default=b"")
    if values <= {b""}:
        return UNKNOWN if given.get(b"HTTP_TRANSFER_ENCODING") else 0
    if values == {b"-1"} and given[b"SERVER_SOFTWARE"].startswith(b"Caddy"):
        return UNKNOWN
    if len(values) > 1 or not re.fullmatch(rb"[0-9]+", value) or (
            int(value) >= 1 << 63):
        return None
    return int(value)


def judge(site, request, pairs, raw, log, status):
    """What is wrong, or ""; and whether it is a page."""
    if problem := judge_log(log):
        return problem, False
    if status not in (0, 256):
        return "the exit status", False
    head = HEAD.match(raw)
    if not head:
        return "no head", False
    body, code = raw[head.end():], int(head[1])
    length = re.search(rb"(?im)^content-length: (\d+)\r$", head[2])
    if not length or (int(length[1]) != len(body)
                      and (body or request.method != "HEAD")):
        return "another Content-Length", False
    return judge_status(site, request, pairs, head, body, code, status)


def judge_status(site, request, pairs, head, body, code, status):
    length = length_of(pairs)
    if length is None:
        wanted = {400}
    elif length == UNKNOWN:
        wanted = {200, 411, 413}
    elif length > LIMIT.get(site.way, 1 << 63):
        wanted = {413}
    else:
        wanted = {200}
    if code not in wanted:
        return f"a status that is not of {wanted}", True
    if (code == 200) != (status == 0):
        return "status and exit status", True
    if code != 200:
        return "", True
    names = [line.partition(b":")[0] for line in head[2].split(b"\r\n")[:-1]]
    if not set(names) <= {b"Content-Type", b"Content-Length", b"X-Reflected",
                          b"Server-Timing"} or len(names) != len(set(names)):
        return f"headers {names}", False
    if request.method == "HEAD":
        return "a body" if body else "", False
    return judge_facts(site, request, pairs, json.loads(body)), False


def judge_facts(site, request, pairs, facts):
    """What the application saw of the request, and of the world."""
    if facts["file"] != str(site.script):
        return "another application ran"
    if facts["folder"] != str(site.folder):
        return "another folder"
    for name in facts["process"]:
        if name.startswith(("HTTP_", "REQUEST_", "PATH_", "CONTENT_",
                            "QUERY_", "REMOTE_", "SCRIPT_")):
            return f"{name} is in the process's environment"
    if "HTTP_PROXY" in facts["environ"]:
        return "HTTP_PROXY"
    length = length_of(pairs)
    body = request.body.decode("latin-1")
    if length == UNKNOWN:
        cut = len(body) > LIMIT.get(site.way, 1 << 63)
    else:
        cut, body = len(body) < length, body[:length]
    if facts["body"] != (None if cut else body):
        return "another body"
    given = {}
    for key, value in pairs:
        key, value = key.decode("latin-1"), value.decode("latin-1")
        if key.startswith("HTTP_"):
            given.setdefault(key, []).append(value)
    for key, values in given.items():
        if key in ("HTTP_PROXY", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_TYPE",
                   "HTTP_CONTENT_LENGTH", "HTTP_"):
            continue
        mark = "; " if key == "HTTP_COOKIE" else ", "
        joined = values[-1] if key == "HTTP_HOST" else mark.join(values)
        if facts["environ"].get(key) != joined:
            return f"{key} is {facts['environ'].get(key)!r}"
    return ""
