"""What --check says of the import: python.c runs this in a child.

The check's Python files are one text.  Before the application is imported
nothing else may be, or the times would be wrong: modules are imported where
they are needed.  The names that nothing here defines are from python_define()
and list_facts() in python.c.
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


def encoded(text):
    """Bytes, as of a file's name; what no name can have is escaped."""
    try:
        return text.replace("\0", " ").encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.replace("\0", " ").encode("utf-8", "backslashreplace")


def say(id, text, advice=""):
    said.add(id)
    add(id, encoded(text), encoded(advice))


def decoded(text):
    return text.decode("utf-8", "surrogateescape")


def masked(text):
    """Without the secrets inside it."""
    return decoded(mask(encoded(text)))


def place(text):
    """The user's own line in a traceback or a dump, or ""."""
    return decoded(find_place(encoded(text)))


def has(*beginnings):
    """Whether something was found whose id begins like one of these."""
    return any(id.startswith(beginnings) for id in said)


def hide(text):
    """"...: ValueError: TEXT" with what is secret in TEXT hidden.

    TEXT is the application's; the names in front of it are not.
    """
    at = 0
    while True:
        word, colon, _ = text[at:].partition(": ")
        if not colon:
            return text
        at += len(word) + 2
        if word and not set(word) & set(":/,'\"()[] "):
            return text[:at] + masked(text[at:])


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


# The compiled forms of what was imported

def is_fresh(cache, source, time="st_mtime"):
    """Whether Python will use it: it has the source's time and size.

    One with a hash instead counts as fresh. The script's has a time in
    nanoseconds (python/bytecode.c).
    """
    try:
        with open(cache, "rb") as opened:
            head = opened.read(16)
        found = os.stat(source)
    except OSError:
        return False
    return any(head[4:8]) or head[8:] == b"".join(
        (int(number) & 0xffffffff).to_bytes(4, "little")
        for number in (getattr(found, time), found.st_size))


def uncached():
    """The sources that each request compiles, with the modules' names."""
    found = {}
    for name, module in [*sys.modules.items()]:
        spec = getattr(module, "__spec__", None)
        source = getattr(spec, "origin", None)
        cache = getattr(spec, "cached", None)
        if (isinstance(source, str) and isinstance(cache, str)
                and source.endswith(".py") and os.path.isfile(source)
                and not is_fresh(cache, source)):
            found[source] = name
    return found


def quoted(path):
    return "'" + path.replace("'", "'\\''") + "'"


def say_script_uncached():
    text = "each request compiles the script again: "
    if sys.dont_write_bytecode:
        say("cache-unusable", text + "PYTHONDONTWRITEBYTECODE is set",
            "take it away")
    elif not cache:
        say("cache-unusable", text + f"there is no folder for it: {complaint}",
            "make a folder that only this user may write, and name it with "
            "--cache")
    else:
        say("cache-unusable", text + f"{cache} cannot be written",
            "see who owns it, and whether the disk is full")


def say_modules_uncached(found):
    folders = sorted({os.path.dirname(source) for source in found})
    why = ("PYTHONDONTWRITEBYTECODE is set" if sys.dont_write_bytecode
           else "their folders cannot be written")
    say("cache-unusable", "each request compiles modules again, since "
        f"{why}: " + listed(found.values()),
        "type, as the owner of the folders, which compiles and runs nothing: "
        f"{quoted(python)} -m compileall -q -l "
        + " ".join(map(quoted, folders)))


def say_cache():
    """After the import, which has written what it may write."""
    modules = uncached()
    fresh = cache and is_fresh(cache, file, "st_mtime_ns")
    if not fresh:
        say_script_uncached()
    if modules:
        say_modules_uncached(modules)
    if fresh and not modules:
        say("cache", f"{cache} holds the compiled script, and the modules "
            "have theirs")


# How the application can be called

def parameters(application):
    """The names of those that it needs or takes by place, None if unknown."""
    import inspect
    try:
        found = inspect.signature(application).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(each.kind == each.VAR_POSITIONAL for each in found):
        return None
    return [each.name for each in found
            if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
            and (each.default is each.empty or len(found) <= 2)]


def find_code(application):
    """That of the function that a call of it ends in, or None."""
    from functools import partial
    from inspect import getattr_static
    from types import FunctionType, MethodType
    for _ in range(MANY):
        wrapped = getattr_static(application, "__wrapped__", None)
        if isinstance(application, partial):
            application = application.func
        elif isinstance(application, (MethodType, staticmethod, classmethod)):
            application = application.__func__
        elif callable(wrapped):
            application = wrapped
        elif isinstance(application, FunctionType):
            return application.__code__
        elif isinstance(application, type):
            application = getattr_static(application, "__init__")
        else:
            application = getattr_static(
                type(application), "__call__", None)
    return None


def defined(application):
    """Where the user wrote it, in brackets: its own line, or the script."""
    code = find_code(application)
    script = f'  File "{file}", line 1\n'
    found = place(script if code is None else script + (
        f'  File "{code.co_filename}", line {code.co_firstlineno}, in '
        f"{code.co_name}\n"))
    return f" ({file if found == f'{file}, line 1' else found})"


def find_similar():
    """Where the script has a function like an application, in brackets."""
    from types import FunctionType
    found = [each for module in [*sys.modules.values()]
             if getattr(module, "__file__", None) == file
             for each in vars(module).values()
             if isinstance(each, FunctionType)
             and each.__code__.co_filename == file]
    found.sort(key=lambda each: len(parameters(each) or ()) != 2)
    return defined(found[0] if found else None)


def command():
    """What starts the script in a terminal, by the user that was checked.

    Its first line can only if nothing is wrong with it.
    """
    return " ".join([*(["runuser", "-u", user, "--"] if by_root else []),
                     *([] if starts and os.access(file, os.X_OK)
                       else [quoted(program)]), quoted(file)])


def say_refused(facts):
    """Why no application came of the import."""
    failure, kind, trace = facts
    failure, where = hide(failure), place(trace)
    at = f", at {where}" if where else ""
    placed = "" if ", line " in failure else at
    if kind == "callable":
        say("callable-missing", failure + find_similar(),
            "name an object that can be called at the end of the first line"
            if "cannot be called" in failure else
            "name it application, or write :name at the end of the first line")
    elif ": SystemExit" in failure:
        say("import-exit", f"sys.exit() ends the import: {failure}{placed}",
            "take sys.exit() and what belongs to a command line away")
    elif kind == "terminated":
        say("process-crash", f"SIGTERM ended the import{at}",
            "look for os.kill() or os.killpg() there")
    else:
        # os.environ["NAME"], which a shell does not set but a server may.
        name = failure.partition(": KeyError: '")[2]
        say("import-failed", failure + placed,
            ("if the server sets this variable, check with --env NAME=VALUE, "
             "too; " if "A" <= name[:1] <= "Z" else "")
            + f"type, for the traceback: {command()}")


def is_asgi(application, names):
    from inspect import iscoroutinefunction
    call = getattr(type(application), "__call__", None)
    return (iscoroutinefunction(application) or iscoroutinefunction(call)
            or names == ["scope", "receive", "send"])


def say_callable(application):
    names = parameters(application)
    kind = f"the application is of type {type(application).__name__}"
    if is_asgi(application, names):
        say("callable-asgi", f"{kind}, and asynchronous: this is ASGI, not "
            "WSGI" + defined(application), "put an adapter around it: from a2wsgi import "
            "ASGIMiddleware; application = ASGIMiddleware(application)")
    elif names is not None and len(names) != 2:
        say("callable-parameters", f"{kind}, and has not two parameters, "
            f"but {len(names)}: {', '.join(names) or 'none'}"
            + defined(application),
            "write: def application(environ, start_response):")
    elif names is not None and "env" in names[1] and "start" in names[0]:
        say("callable-parameters", f"{kind}, with its parameters swapped"
            + defined(application),
            "write: def application(environ, start_response):")
    else:
        say("callable", kind)


# Habits of CGI, which find nothing here

REQUEST = {"AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "PATH_INFO",
           "PATH_TRANSLATED", "QUERY_STRING", "REMOTE_ADDR", "REMOTE_HOST",
           "REMOTE_USER", "REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME",
           "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "HTTP_COOKIE",
           "HTTP_HOST", "HTTP_AUTHORIZATION", "HTTP_REFERER",
           "HTTP_USER_AGENT"}


def habit(node, ast):
    """What is wrong with a part of the source, and what to write."""
    text = ast.unparse(node)
    if text == "sys.stdin":
        return ("sys.stdin is empty", "the request's body is "
                "environ['wsgi.input']")
    if (isinstance(node, ast.Call) and not node.args
            and ast.unparse(node.func).split(".")[-1] == "FieldStorage"
            and "environ" not in {word.arg for word in node.keywords}):
        return (f"{text} reads a request that is not there",
                "write: FieldStorage(fp=environ['wsgi.input'], "
                "environ=environ)")
    if isinstance(node, ast.Subscript):
        name, where = node.slice, node.value
    elif isinstance(node, ast.Call) and node.args:
        name, where = node.args[0], node.func
    else:
        return None
    if (isinstance(name, ast.Constant) and name.value in REQUEST
            and ast.unparse(where) in ("os.environ", "os.environ.get",
                                       "os.getenv")):
        return (f"{text}: os.environ has nothing of the request",
                f"write: environ.get({name.value!r})")
    return None


def say_source():
    import ast
    try:
        with open(file, "rb") as opened:
            tree = ast.parse(opened.read())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        found = (habit(node, ast)
                 if isinstance(node, (ast.Attribute, ast.Call, ast.Subscript))
                 else None)
        if found:
            say("source-cgi", f"{file}, line {node.lineno}: {found[0]}",
                found[1])
    if "source-cgi" not in said:
        say("source", "the script looks for the request in environ only")


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


def say_closed():
    """Those of the reply are among them (D2)."""
    closed = sorted(opened.keys() - modes().keys())
    if closed:
        say("descriptors-closed", "the import closes descriptors that it has "
            "not opened: " + listed(map(str, closed)),
            "close the files that you have opened, not a range of numbers")
    return bool(closed)


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
    say_callable(application)
    say_source()
    say_cache()
    if not say_threads() + say_processes() + say_closed() + say_open():
        say("rest", "the import leaves no thread, process, connection or "
            "file behind")
    try:
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):
        pass    # the application has closed it, or put something else there
