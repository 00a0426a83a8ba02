"""Starts the program the way a web server does, and reads its reply."""

import ast
import functools
import itertools
import os
import re
import select
import subprocess
import tempfile
import textwrap
import threading
import time
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

TESTS = Path(__file__).resolve().parent
APPS = TESTS / "apps"
PROGRAM = Path(os.environ.get("CGI2WSGI") or TESTS.parent / "cgi2wsgi")
PROGRAM = PROGRAM.resolve()
# `make check PRELOAD=1`: scripts are answered from an image.
PRELOAD = (PROGRAM.with_name("cgi2wsgi-preload")
           if os.environ.get("PRELOAD") else None)
SANITIZED = PROGRAM.exists() and b"__asan_init" in PROGRAM.read_bytes()

AUTO = object()
TIMEOUT = 60
# What a sanitizer build needs to be told; a web server would not pass it on.
PASSED_ON = ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
FIELD = re.compile(rb"(" + TOKEN + rb"): ?([^\r\n\0]*)\r\n")
HEAD = re.compile(rb"Status: (\d{3}) ([^\r\n\0]+)\r\n"
                  rb"((?:" + TOKEN + rb": ?[^\r\n\0]*\r\n)*)\r\n")
ENTRY_TIME = re.compile(r"^\d{4}(?:-\d\d){2}T\d\d(?::\d\d){2}Z "
                        r"(?=cgi2wsgi: )", re.MULTILINE)
# Of the request: no image depends on it.
REQUEST = re.compile(rb"(HTTP|REQUEST|REMOTE|CONTENT|REDIRECT)_"
                     rb"|(PATH_INFO|QUERY_STRING|SERVER_PROTOCOL)$")
NOT_FROM_IMAGE = " was to start from an image, but has imported the script"
NOTHING_TO_SAVE = "it cannot be imported"
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:")


# A part of a program: a body that tells the log when it is closed.
CLOSING = """
import sys


class Body:
    def __init__(self, chunks):
        self.chunks = chunks

    def __iter__(self):
        return iter(self.chunks)

    def close(self):
        print("<closed>", file=sys.stderr)
"""


def program(*parts):
    """Program text for Cgi.script, of parts indented as they like."""
    return "\n".join(textwrap.dedent(part) for part in parts)


def crossed(*lists):
    """Parameters: each value beside the first ones of the other lists.

    All other combinations are slow: see tests/pytest.ini.
    """
    for values in itertools.product(*lists):
        others = [value for value, first in zip(values, lists)
                  if value is not first[0]]
        yield pytest.param(
            *values, marks=pytest.mark.slow if len(others) > 1 else ())


class Variables(list):
    """Environment pairs; unlike in a dict, a name may occur twice."""

    def items(self):
        return self


def to_bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


def variable_name(header):
    """The CGI variable that carries a request header."""
    name = header.upper().replace("-", "_")
    if name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        return name
    return "HTTP_" + name


def is_right(source):
    """Whether another line behind it leaves the rest as it is."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def starts_with_preload(script):
    """Whether a script is executable, and its first line names that."""
    if not os.access(script, os.X_OK):
        return False
    with open(script, "rb") as file:
        return file.readline().split()[:1] == [b"#!" + os.fsencode(PRELOAD)]


class Reply:
    """What a run of the program left: reply, log and exit status.

    The head is taken apart when it is first asked for, and strictly: a
    `Status` line first, CRLF everywhere, or an AssertionError.
    """

    def __init__(self, raw, log, exit):
        self.raw = raw
        self.log = log
        self.exit = exit

    @functools.cached_property
    def _head(self):
        match = HEAD.match(self.raw)
        assert match, f"not a CGI reply: {self.raw[:2000]!r}\n{self.log}"
        return match

    @property
    def status(self):
        return int(self._head[1])

    @property
    def reason(self):
        return self._head[2].decode("latin-1")

    @property
    def headers(self):
        return [(name.decode("latin-1"), value.decode("latin-1"))
                for name, value in FIELD.findall(self._head[3])]

    @property
    def body(self):
        return self.raw[self._head.end():]

    def header(self, name):
        """The only value of a header, None without one."""
        values = [value for key, value in self.headers
                  if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} twice: {values}"
        return values[0] if values else None

    def __repr__(self):
        return (f"<exit {self.exit}, reply {self.raw[:2000]!r},"
                f" log:\n{self.log}>")


class Process:
    """The program, started: the other ends of its pipes, its log."""

    def __init__(self, argv, env, body=None, stdin=None, stdout=None,
                 stderr=None, preexec_fn=None, **popen):
        self._log = tempfile.TemporaryFile("a+b") if stderr is None else None
        self._seen = bytearray()
        self._read = 0
        self._keep_open = stdin == "open"
        if stdin == "closed":
            preexec_fn = _close_first(preexec_fn)
        source = {None: subprocess.PIPE, "open": subprocess.PIPE,
                  "closed": subprocess.DEVNULL,
                  "null": subprocess.DEVNULL}.get(stdin, stdin)
        self._popen = subprocess.Popen(
            [to_bytes(arg) for arg in argv], bufsize=0,
            env=Variables((to_bytes(k), to_bytes(v)) for k, v in env),
            stdin=source,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=self._log if stderr is None else stderr,
            preexec_fn=preexec_fn, **popen)
        self.pid = self._popen.pid
        self.stdin = self._popen.stdin
        self.stdout = self._popen.stdout
        self._sender = threading.Thread(target=self._send,
                                        args=(body or b"",), daemon=True)
        if self.stdin and (body is not None or not self._keep_open):
            self._sender.start()

    def _send(self, body):
        try:
            view = memoryview(body)
            while view:
                view = view[self.stdin.write(view):]
        except (OSError, ValueError):
            pass        # the program need not read it all
        if not self._keep_open:
            self.stdin.close()

    @property
    def log(self):
        """What came on stderr so far; the times of entries are left out."""
        return ENTRY_TIME.sub("", self.whole_log)

    @property
    def whole_log(self):
        if self._log is None:
            return ""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(
            errors="backslashreplace")

    def _more(self, deadline):
        """Read what there is, False at the end."""
        left = max(0, deadline - time.monotonic())
        if not select.select([self.stdout], [], [], left)[0]:
            self.kill()
            raise AssertionError("no end of the reply; so far "
                                 f"{self._seen[:2000]!r}\n{self.log}")
        data = os.read(self.stdout.fileno(), 1 << 20)
        self._seen += data
        return bool(data)

    def read_head(self, timeout=TIMEOUT):
        """Read to the empty line; give the head with it."""
        deadline = time.monotonic() + timeout
        while b"\r\n\r\n" not in self._seen and self._more(deadline):
            pass
        assert b"\r\n\r\n" in self._seen, f"{self._seen[:2000]!r}\n{self.log}"
        self._read = self._seen.index(b"\r\n\r\n") + 4
        return bytes(self._seen[:self._read])

    def read(self, size, timeout=TIMEOUT):
        """The next size bytes of the body (after read_head)."""
        deadline = time.monotonic() + timeout
        while len(self._seen) < self._read + size and self._more(deadline):
            pass
        data = self._seen[self._read:self._read + size]
        self._read += len(data)
        return bytes(data)

    def wait_log(self, text, timeout=TIMEOUT):
        """Wait until the log contains text."""
        deadline = time.monotonic() + timeout
        while text not in self.log:
            assert time.monotonic() < deadline, f"no {text!r}: {self.log}"
            time.sleep(0.01)

    def hang_up(self):
        """Close the reply's pipe, as a server does for a lost client."""
        self.stdout.close()

    def signal(self, number):
        """Signal it where it waits, if it does.

        Python would notice a signal just before a wait only after it.
        """
        deadline = time.monotonic() + 1
        while self._runs() and time.monotonic() < deadline:
            time.sleep(0.005)
        self._popen.send_signal(number)

    def _runs(self):
        stat = Path(f"/proc/{self._popen.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "R"

    def kill(self):
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()

    def wait(self, timeout=TIMEOUT):
        """Read to the end, wait for the exit, give the Reply."""
        deadline = time.monotonic() + timeout
        while (self.stdout and not self.stdout.closed
               and self._more(deadline)):
            pass
        try:
            self._popen.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"does not exit: {self._seen[:2000]!r}\n"
                                 + self.log) from None
        log = self.log
        assert not SANITIZER.search(log), log
        self.close()
        return Reply(bytes(self._seen), log, self._popen.returncode)

    def close(self):
        """Leave nothing behind."""
        self.kill()
        if self._sender.is_alive():
            self._sender.join(TIMEOUT)
        for stream in (self.stdin, self.stdout):
            if stream and not stream.closed:
                stream.close()


def _close_first(then):
    def close():
        os.close(0)
        if then:
            then()
    return close


class Cgi:
    """A folder of scripts, and the server that runs them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._started = []
        self._images = {}       # of each, why there is none, or ""
        self.expected = []      # processes that have to start from one
        self.imports = self.folder.with_name(f"{self.folder.name}.imports")
        # The last line of each script, with PRELOAD: who imports it.
        self._marking = (
            "with __import__('builtins').open(%r, 'a') as _imports: "
            "_imports.write('%%d\\n' %% __import__('os').getpid())"
            % str(self.imports))

    def write(self, name, text="", mode=0o644):
        """Put a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    def script(self, source, options="", name="app.cgi"):
        """Make a script of program text or of a file in tests/apps."""
        if "\n" in source:
            source = textwrap.dedent(source)
        else:
            source = (APPS / (source + ".py")).read_text()
        first = f"#!{PRELOAD or PROGRAM} {options}".rstrip()
        if PRELOAD and is_right(source):
            source = source.rstrip("\n") + f"\n{self._marking}\n"
        return self.write(name, first + "\n" + source, 0o755)

    def environ(self, script, target="/", method="GET", headers=(),
                body=None, env={}, drop=(), raw=(), length=AUTO):
        """The variables a server (here: Apache) sets for a request."""
        path, mark, query = target.partition("?")
        name = f"/cgi-bin/{Path(os.fsdecode(script)).name}"
        values = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "Apache",
            "SERVER_NAME": "www.example.org",
            "SERVER_ADDR": "192.0.2.1",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "192.0.2.2",
            "REMOTE_PORT": "50000",
            "REQUEST_SCHEME": "http",
            "REQUEST_METHOD": method,
            "REQUEST_URI": name + target,
            "SCRIPT_NAME": name,
            "SCRIPT_FILENAME": script,
            "QUERY_STRING": query,
            "HTTP_HOST": "www.example.org",
        }
        if path:
            values["PATH_INFO"] = unquote_to_bytes(path)
        if length is AUTO:
            length = None if body is None else len(body)
        if length is not None:
            values["CONTENT_LENGTH"] = length
        values.update((variable_name(k), v) for k, v in headers)
        values.update(env)
        return [(k, v) for k, v in values.items()
                if k not in drop] + list(raw)

    def start(self, script, target="/", method="GET", headers=(),
              body=None, env={}, drop=(), raw=(), argv=(), length=AUTO,
              **how):
        """Start a script for a request; `how` goes to Process."""
        pairs = self.environ(script, target, method, headers, body, env,
                             drop, raw, length)
        how.setdefault("cwd", os.path.dirname(script))
        if PRELOAD and not argv and starts_with_preload(script):
            return self._start_preloaded(script, pairs, body, how)
        return self.start_exec([script, *argv], pairs, body=body, **how)

    def _start_preloaded(self, script, pairs, body, how):
        """Start from an image, which is made before if there is none."""
        self.imports.touch()
        self.imports.chmod(0o666)
        pairs = [(to_bytes(key), to_bytes(value)) for key, value in pairs]
        own = [pair for pair in pairs if not REQUEST.match(pair[0])]
        who = {key: value for key, value in how.items() if key in (
            "cwd", "preexec_fn", "umask", "user", "group", "extra_groups")}
        kind = repr((script, sorted(own), sorted(who.items(), key=str),
                     self._files(script)))
        if kind not in self._images:
            self._images[kind] = self._make_image(script, own, who)
        process = self.start_exec([script], pairs, body=body, **how)
        if not self._images[kind]:
            self.expected.append(process.pid)
        return process

    def _files(self, script):
        """What a script can import, as it is now."""
        found = [os.stat(script).st_ctime_ns]
        for folder, folders, names in os.walk(self.folder):
            for name in folders + names:
                if name.endswith((".py", ".cgi", ".wsgi", ".env")):
                    path = os.path.join(folder, name)
                    found.append((path, os.lstat(path).st_ctime_ns))
        return sorted(found, key=str)

    def _make_image(self, script, own, who):
        """Give "", or why there is none.

        The script is started as for a request, but the application is not
        called: a variable has cgi2wsgi save the process, and tell.
        """
        for _ in range(3):
            # What was written just now, as bytecode, is not trusted.
            time.sleep(0.03)
            reply = self.start_exec(
                [script], [*own, ("REQUEST_METHOD", "GET"),
                           ("CGI2WSGI_MAKE", "save")], stdin="null",
                **who).wait()
            if reply.raw or reply.log:
                break
        if reply.raw.startswith(b"image "):
            return ""
        if ("cgi2wsgi: import [" in reply.log
                or re.match(rb"(Status:|HTTP/1.1) 5\d\d ", reply.raw)):
            return NOTHING_TO_SAVE
        return (reply.raw.decode(errors="replace") + reply.log
                or "nobody tells")

    def not_preloaded(self):
        """Why there are no images, and who has not started from its image.

        What cannot be imported at all is not told.
        """
        imported = (self.imports.read_text().split()
                    if self.imports.exists() else ())
        return [text for text in self._images.values()
                if text not in ("", NOTHING_TO_SAVE)] + [
            f"{pid}{NOT_FROM_IMAGE}"
            for pid in self.expected if str(pid) in imported]

    def run(self, *args, timeout=TIMEOUT, **how):
        return self.start(*args, **how).wait(timeout)

    def start_exec(self, argv, env, **how):
        """Start any command with exactly this environment."""
        env = list(env.items() if hasattr(env, "items") else env)
        env += [(key, os.environ[key]) for key in PASSED_ON
                if key in os.environ]
        # With a cwd subprocess never takes posix_spawn, which wants a dict.
        how.setdefault("cwd", self.folder)
        process = Process(argv, env, **how)
        self._started.append(process)
        return process

    def exec(self, argv, env, timeout=TIMEOUT, **how):
        return self.start_exec(argv, env, **how).wait(timeout)

    def close(self):
        for process in self._started:
            process.close()
        without = self.not_preloaded() if PRELOAD else []
        self.imports.unlink(missing_ok=True)
        return without


def alive(pid):
    """Whether a process exists (a zombie counts as gone)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.split()[0] != "Z"


def is_asleep(pid):
    """Whether a process waits in the kernel."""
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    return state.split()[0] == "S"


def until(condition, timeout=TIMEOUT):
    """Wait until the condition holds, and give its value."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value
