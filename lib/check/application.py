"""What --check does inside Python: see rehearsal.c, which calls this.

Before the application is imported nothing else may be, or the times would
be wrong: modules are imported where they are needed.  add(id, text, advice)
adds a finding; file is the script's, and command starts it in a terminal.
"""

import faulthandler
import os
import stat
import sys
from time import perf_counter as clock

SLOW = 1.0          # seconds that an import may take
MANY = 10           # things listed
FOLDER = "/dev/fd"

said = set()        # ids


def say(id, text, advice=""):
    said.add(id)
    add(id, *(part.replace("\n", " ").replace("\0", " ").encode(
        errors="backslashreplace").decode() for part in (text, advice)))


def listed(names):
    names = list(names)
    return ", ".join(names[:MANY]) + (", ..." if names[MANY:] else "")


def modes():
    """What the open descriptors are, without the one that lists them."""
    found = {}
    for name in os.listdir(FOLDER):
        try:
            found[int(name)] = os.fstat(int(name)).st_mode
        except OSError:
            pass
    return found


def before():
    global started, opened
    faulthandler.enable(2)
    opened = modes()
    started = clock()


def say_times(times):
    seconds = clock() - started
    times.append((os.path.basename(file) + " itself",
                  seconds - sum(own for _, own in times)))
    import resource
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    text = f"imported in {seconds:.3f} s; the process has {used} MB"
    if seconds < SLOW:
        say("import", text)
    else:
        say("import-slow", text + ", and each request waits for that",
            "import what few requests need in the functions that need it")
    times.sort(key=lambda item: -item[1])
    say("imports", "the slowest: " + ", ".join(
        f"{name} {own * 1000:.1f} ms" for name, own in times[:MANY]))


# The compiled form of the script

def is_fresh(cache):
    try:
        with open(cache, "rb") as opened:
            head = opened.read(16)
    except OSError:
        return False
    source = os.stat(file)
    return any(head[4:8]) or head[8:] == b"".join(
        (int(number) & 0xffffffff).to_bytes(4, "little")
        for number in (source.st_mtime, source.st_size))


def say_cache():
    if is_fresh(cache):
        say("cache", f"{cache} holds the compiled script")
    elif sys.dont_write_bytecode:
        say("cache-unusable", "each request compiles the script again: "
            "PYTHONDONTWRITEBYTECODE is set", "take it away")
    elif not cache:
        say("cache-unusable", "each request compiles the script again: "
            f"there is no folder for it: {complaint}",
            "make a folder that only this user may write, and name it with "
            "--cache")
    else:
        say("cache-unusable", f"each request compiles the script again: "
            f"{cache} cannot be written",
            "see who owns it, and whether the disk is full")


# What the import left behind

def say_threads():
    import _thread
    if not _thread._count():
        return 0
    import threading
    names = listed(thread.name for thread in threading.enumerate()
                   if thread is not threading.main_thread())
    say("threads-left", "the import leaves threads running: "
        + (names or "unnamed ones"),
        "start them in the request; each request waits for their end")
    return 1


def say_processes():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    say("processes-left", "the import leaves a child process",
        "start it in the request, and wait for it")
    return 1


def connection(number):
    """The other end in words, None if this is no connection."""
    import socket
    with socket.socket(fileno=os.dup(number)) as opened:
        try:
            return f"to {opened.getpeername()}" if opened.getpeername() \
                or opened.family != socket.AF_UNIX else None
        except OSError:
            return f"at {opened.getsockname()}"


def say_open():
    """Files that are appended to are logs, as they should be."""
    import fcntl
    connections, files = [], []
    for number, mode in modes().items():
        if number in opened:
            continue
        if stat.S_ISSOCK(mode):
            connections.append(connection(number))
        elif (stat.S_ISREG(mode) and not os.O_APPEND
                & fcntl.fcntl(number, fcntl.F_GETFL)):
            files.append(os.readlink(f"{FOLDER}/{number}"))
    if any(connections):
        say("connections-left", "the import leaves connections open: "
            + listed(filter(None, connections)),
            "connect in the request; other requests cannot use these")
    if files:
        say("files-left", "the import leaves files open: " + listed(files),
            "open them in the request, and close them")
    return any(connections) or bool(files)


def after(application, times):
    """times: what was imported, with the seconds of each itself."""
    say_times(times)
    say("callable", f"the application is of type "
        f"{type(application).__name__}")
    say_cache()
    if not say_threads() + say_processes() + say_open():
        say("rest", "the import leaves no thread, process, connection or "
            "file behind")
    sys.stdout.flush()


# Three requests, as wsgiref.validate sees them

def environ(method, body):
    import io
    from wsgiref.util import setup_testing_defaults
    made = {"REQUEST_METHOD": method, "QUERY_STRING": "",
            "HTTP_HOST": "localhost", "SERVER_NAME": "localhost",
            "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1", "SCRIPT_NAME": "", "PATH_INFO": "/",
            "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr,
            "wsgi.multithread": False, "wsgi.multiprocess": True,
            "wsgi.run_once": True}
    if body:
        made["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
        made["CONTENT_LENGTH"] = str(len(body))
    setup_testing_defaults(made)
    return made


class Answer:
    """What the application says to one request."""

    def __init__(self, method, body=b""):
        self.method = method
        self.environ = environ(method, body)
        self.status, self.headers, self.length = "", [], 0

    def start(self, status, headers, exc_info=None):
        self.status, self.headers = status, headers
        return self.take

    def take(self, block):
        self.length += len(block)

    def ask(self, application):
        result = application(self.environ, self.start)
        try:
            for block in result:
                self.take(block)
        finally:
            result.close()


def place(error, validator):
    """Where the application was, of all frames the last of its own."""
    import traceback
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename not in (validator, "<string>"):
            return f"at {frame.filename}, line {frame.lineno}"
    return "in what it returned"


def rule(error):
    """An assertion of wsgiref.validate, some of which have no words."""
    import traceback
    if error.args:
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-2]
    return f"{frame.name}(): {frame.line}"


def say_error(method, error, validator):
    import traceback
    frames = traceback.extract_tb(error.__traceback__)
    if (isinstance(error, AssertionError)
            and frames[-1].filename == validator):
        say("lint-rule", f"{method}: {rule(error)} "
            f"({place(error, validator)})",
            "correct that; PEP 3333 has the rule")
    else:
        say("lint-raised", f"{method}: {type(error).__name__}: {error} "
            f"({place(error, validator)})",
            f"type, for the traceback: {command} >/dev/null"
            if method == "GET" else "correct that")


def say_answer(answer):
    from wsgiref.util import is_hop_by_hop
    for name, value in answer.headers:
        if is_hop_by_hop(name):
            say("lint-header", f"{answer.method}: the header {name} belongs "
                "to the server", "take it away")
        if (name.lower() == "content-length" and value != str(answer.length)
                and answer.method != "HEAD" and answer.status[:3] != "304"):
            say("lint-length", f"{answer.method}: Content-Length is {value},"
                f" but the body has {answer.length} bytes",
                "leave Content-Length to the framework or the server")
    if answer.status >= "500":
        say("lint-status", f"{answer.method} / is answered by "
            f"{answer.status}", f"type, for its log: {command} >/dev/null")


def ask(answer, application):
    """Returns whether all went well."""
    import warnings
    from wsgiref import validate
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", validate.WSGIWarning)
        try:
            answer.ask(validate.validator(application))
        except BaseException as error:
            say_error(answer.method, error, validate.__file__)
            return False
    for warning in caught:
        say("lint-warning", f"{answer.method}: {warning.message}",
            "correct that")
    say_answer(answer)
    return not caught


def lint(application):
    faulthandler.enable(2)
    get, head, post = (Answer("GET"), Answer("HEAD"),
                       Answer("POST", b"name=value"))
    good = [ask(answer, application) for answer in (get, head, post)]
    if good[0] and good[1] and get.status[:3] != head.status[:3]:
        say("lint-head", f"HEAD is answered by {head.status}, GET by "
            f"{get.status}", "answer HEAD as GET")
    if not said:
        say("lint", "answers, with nothing wrong: " + ", ".join(
            f"{answer.method} {answer.status}"
            for answer in (get, head, post)))
