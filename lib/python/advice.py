"""What an exception means to the one who wrote the application.

Habits of CGI, of ASGI and of development servers end in exceptions that say
nothing to those who have them. source.c runs this after one was raised; each
function whose name begins with for_ returns a text or None, and what it raises
counts as None. is_own(file) tells whether the user wrote a file, and library
is the folder of Python's own. Nothing here calls str(), which is the
application's.
"""

import sys

VERSION = "%d.%d" % sys.version_info[:2]

# Files of servers that frameworks bring for development, by their ends.
SERVERS = ("/werkzeug/serving.py", "/waitress/server.py", "/uvicorn/server.py",
           "/hypercorn/run.py", "/cheroot/server.py", "/wsgiref/"
           "simple_server.py", "/gunicorn/app/base.py",
           "/gunicorn/app/wsgiapp.py")

# RFC 3875 4.1, and what servers add: it is in environ, not in os.environ.
OF_REQUEST = set("""AUTH_TYPE CONTENT_LENGTH CONTENT_TYPE DOCUMENT_ROOT
    GATEWAY_INTERFACE HTTPS PATH_INFO PATH_TRANSLATED QUERY_STRING REMOTE_ADDR
    REMOTE_HOST REMOTE_IDENT REMOTE_PORT REMOTE_USER REQUEST_METHOD
    REQUEST_SCHEME REQUEST_URI SCRIPT_FILENAME SCRIPT_NAME SERVER_ADDR
    SERVER_NAME SERVER_PORT SERVER_PROTOCOL SERVER_SOFTWARE""".split())

# Modules that cannot be imported, and why that is.
NEEDLESS = set("fcgi flipflop flup gunicorn mod_wsgi uwsgi uwsgidecorators "
               "waitress".split())
RENAMED = {  # since Python 2
    "BaseHTTPServer": "http.server", "ConfigParser": "configparser",
    "Cookie": "http.cookies", "HTMLParser": "html.parser", "Queue": "queue",
    "SocketServer": "socketserver", "StringIO": "io", "__builtin__": "builtins",
    "anydbm": "dbm", "cPickle": "pickle", "cStringIO": "io",
    "commands": "subprocess", "cookielib": "http.cookiejar",
    "htmlentitydefs": "html.entities", "httplib": "http.client",
    "md5": "hashlib", "sha": "hashlib", "thread": "_thread",
    "urllib2": "urllib.request", "urlparse": "urllib.parse"}
REMOVED = {  # from Python 3.12 and 3.13, PEP 594 and 632
    "cgi": "urllib.parse.parse_qs() reads environ['QUERY_STRING'], and the "
    "package legacy-cgi still has it",
    "cgitb": "the log has the traceback, and with --debug the page", "imp":
    "importlib has it", "distutils": "the package setuptools has it",
    "asyncore": "use asyncio", "asynchat": "use asyncio", "pipes":
    "use subprocess", "crypt": "use hashlib or a package"}

ASGI = ("it is an ASGI application, as of FastAPI, Starlette or Quart, but this"
        " is WSGI: wrap it, as in application = a2wsgi.ASGIMiddleware(app)")


def is_server(file, line, function):
    return (function in ("serve_forever", "handle_request")
            or file.endswith(SERVERS))


# ImportError

def find_foreign(folders, name):
    """The file of an extension module for another Python, or None."""
    import os
    for folder in folders:
        try:
            files = os.listdir(folder)
        except OSError:
            continue
        for file in files:
            if file.startswith(name + ".") and file.endswith(".so"):
                return os.path.join(folder, file)
    return None


def find_hidden(name, file):
    """What to do if the user's file has the name of another module."""
    import os
    from importlib.machinery import PathFinder
    if not isinstance(file, str) or not is_own(file):
        return None
    others = [folder for folder in sys.path
              if folder != os.path.dirname(file)]
    if PathFinder.find_spec(name, others) is None:
        return None
    return f"{file} hides the module {name}: give it another name"


def find_similar(name):
    import difflib
    import os
    known = set(getattr(sys, "stdlib_module_names", sys.builtin_module_names))
    for folder in sys.path:
        if os.path.isdir(folder):
            known.update(file.partition(".")[0] for file in os.listdir(folder))
    known.discard(name)
    return next(iter(difflib.get_close_matches(name, known, 1, 0.75)), None)


def for_missing_module(name):
    """What to do about a module that was not found."""
    top = name.partition(".")[0]
    if top in NEEDLESS:
        return ("no server is needed here: take the lines away that import and "
                "run it, but for what it was given, the application")
    if top in RENAMED:
        return f"that is Python 2's name of {RENAMED[top]}"
    if top in REMOVED:
        return f"Python {VERSION} has it no more; {REMOVED[top]}"
    package, _, last = name.rpartition(".")
    folders = getattr(sys.modules.get(package), "__path__",
                      () if package else sys.path)
    foreign = find_foreign(folders, last)
    if foreign:
        return for_foreign(foreign)
    if top in sys.modules:
        return find_hidden(top, getattr(sys.modules[top], "__file__", None))
    similar = find_similar(top)
    if similar:
        return f"is it {similar}?"
    return (f"no folder of sys.path has it: install it for Python {VERSION}, "
            "or name its folder with --venv or --path")


def for_foreign(file):
    return (f"{file} is for another Python: install its package again for "
            f"Python {VERSION}")


def for_import_error(error):
    import os
    import re
    if isinstance(error, ModuleNotFoundError):
        return for_missing_module(error.name)
    found = re.match("cannot import name '(.*?)'", error.msg or "")
    if not found or not error.path:
        return None
    foreign = find_foreign([os.path.dirname(error.path)], found[1])
    if foreign:
        return for_foreign(foreign)
    return find_hidden(error.name, error.path)


# Other exceptions

def for_syntax_error(error):
    text = error.args[0]
    if "null bytes" in text:
        return "that file is no text: it has bytes that are 0, as UTF-16 has"
    if "codec can't decode" in text or "Non-UTF-8" in text:
        return ("save the file as UTF-8, or name its encoding in its second "
                "line, as in # -*- coding: latin-1 -*- (PEP 263)")
    return None


def for_variable(name):
    name = name.decode() if type(name) is bytes else name  # os.environb
    if name in OF_REQUEST or name.startswith("HTTP_"):
        return (f"{name} is in environ, the application's first argument, not "
                "in os.environ")
    return ("servers pass on next to none of their own variables: set "
            f"{name} with SetEnv or --env")


def for_memory():
    import resource
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    return f"the process may have {limit >> 20} MB, by a limit of the host's"


def for_exception(error, ended):
    """What to change so that it is not raised; ended: a limit raised it."""
    frames = list(list_frames(error))  # of traceback.py
    if any(is_server(*frame) for frame in frames):
        return ("a server of its own was started: take that line, as "
                "app.run(), away")
    if ended:
        return None
    if isinstance(error, ImportError):
        return for_import_error(error)
    if isinstance(error, SyntaxError) or type(error) is ValueError:
        return for_syntax_error(error)
    if isinstance(error, AttributeError):
        module = getattr(error, "obj", None)  # from Python 3.10 on
        return (find_hidden(module.__name__, module.__file__)
                if type(module) is type(sys) else None)
    if isinstance(error, KeyError):
        if len(frames) > 1 and frames[-1][0] in (
                "<frozen os>", library + "/os.py"):
            return for_variable(error.args[0])
        return None
    if isinstance(error, SystemExit):
        return "take sys.exit() away: here it is an error, not an end"
    return for_memory() if isinstance(error, MemoryError) else None


# What is no application, or has other parameters

def find_function(application):
    """The function that a call ends in, and whether it has a self."""
    from types import FunctionType, MethodType
    if isinstance(application, FunctionType):
        return application, False
    if isinstance(application, MethodType):
        return application.__func__, True
    found = (application.__init__ if isinstance(application, type)
             else type(application).__call__)
    return found if isinstance(found, FunctionType) else None, True


def for_call(error, application):
    """What to change if the call of this application raised it."""
    if not isinstance(error, (TypeError, AttributeError)):
        return None
    function, bound = find_function(application)
    if function is None:
        return None
    code = function.__code__
    count = code.co_argcount - bound
    first = code.co_varnames[bound] if count > 0 else ""
    if first.startswith("start"):
        return ("its parameters are swapped: WSGI calls application(environ, "
                "start_response)")
    if error.__traceback__ is not None:
        return None
    if first == "scope" or code.co_flags & (0x80 | 0x200):  # async def
        return ASGI
    if count == 0:
        return ("it has no parameter: if it returns the application, write "
                ":NAME() into the first line")
    if count == 2:
        return None
    return (f"it has {count} parameter{'s'[count == 1:]}, but WSGI calls "
            "application(environ, start_response)")


def for_object(object, *names):
    """What to write if it cannot be called but holds the application."""
    for attribute in ("wsgifunc()", "make_wsgi_app()",  # web.py, Pyramid
                      "get_wsgi_application()", "create_app()", "make_app()",
                      "get_app()", "wsgi_app", "wsgi_application", "wsgi",
                      "application", "app"):
        if callable(getattr(object, attribute.rstrip("()"), None)):
            callable_name = ".".join([*names, attribute])
            return f"write :{callable_name} at the end of the first line"
    return None


def list_callables(module):
    """The public callables of a module: "a, b, c"."""
    names = vars(module) if issubclass(type(module), type(sys)) else {}
    return ", ".join(sorted(name for name, value in names.items()
                            if type(name) is str and callable(value)
                            and not name.startswith("_")))


def for_script(file):
    """What a script does instead of having an application."""
    empty = True
    with open(file, encoding="latin-1") as lines:
        for number, line in enumerate(lines, 1):
            empty = empty and line.lstrip()[:1] in ("", "#")
            place = f"{file}, line {number}"
            if "__name__" in line and "__main__" in line:
                return (f"{place}: here __name__ is not '__main__', so what "
                        "follows there does not run; take it out of that if")
            if "content-type:" in line.lower() and (
                    "print" in line or "write(" in line):
                return (f"{place} prints a reply, as a CGI program: here a "
                        "function, application(environ, start_response), "
                        "returns it; or run the script with python3 itself")
    return f"{file} is empty: save or upload it again" if empty else None
