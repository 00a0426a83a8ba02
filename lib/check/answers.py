

# What the program answered, and wsgiref.validate's view (answers.c)
#
# An answer is what the program printed and logged when a request was made.
# Its own rules come first: what it logs as a failure is one, once for all the
# requests that fail alike. wsgiref.validate, which knows what other servers
# refuse, is asked about the others.

STATUS_CODES = {"content-length", "length-required", "too-large"}
CODES = {"protocol": "request-rule", "short-body": "request-rule",
         "long-body": "request-rule", "timeout": "request-endless",
         "shutdown": "request-endless", "crash": "request-ended",
         "location": "request-log", "header-size": "request-log",
         "client-gone": "request-log", "script-name": "request-log",
         "terminated": "request-ended"}
ADVICE = {
    "request-failed": "correct that line; type, for the traceback: ",
    "request-rule": "correct that; PEP 3333 has the rule",
    "request-endless": "see what it waits for there",
    "request-ended": "look for os._exit(), os.kill(), a broken module in C, "
    "or a limit that is too low",
    "request-error": "type, for the log: ",
    "request-log": "correct that"}
ENOUGH = 1000       # blocks: some answers never end
TYPED = {"request-failed", "request-error"}


def bracketed(text):
    """The user's own line in a traceback or a dump, in brackets, or ''."""
    found = place(text)
    return f" ({found})" if found else ""


def find_exception(text):
    """What a traceback ends with, of one that the application logged."""
    lines = text.splitlines()
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].lstrip().startswith('File "'):
            for line in lines[number + 1:]:
                if line and not line[0].isspace():
                    return ": " + hide(line)
    return ""


class Answer:
    """What came of one request."""

    def __init__(self, where, method, late, output, log):
        self.where = where      # the application, in brackets
        self.method, self.late = method, late
        self.log = log.decode(errors="backslashreplace")
        first = output.partition(b"\r\n")[0].decode("latin-1")
        self.status = first.partition(" ")[2]

    def entries(self):
        """The program's own in its log: code, message and traceback."""
        import re
        return [(code, message, trace) for code, message, trace in re.findall(
            r"^(?:\S+Z )?cgi2wsgi: ([a-z-]+) \[[^]\n]*\] \S+ \S*: (.*)\n"
            r"((?:  .*\n)*)", self.log, re.MULTILINE)]

    def complaint(self):
        """What the process that reads the reply says (terminal/client.c)."""
        import re
        found = re.search(r"^cgi2wsgi: ((?:signal \d|the application ended|"
                          r"cannot start).*)$", self.log, re.MULTILINE)
        return found[1] if found else ""

    def fault(self, code, message, trace):
        """An entry of the log, as an id and a text."""
        if ": [Errno 9] Bad file descriptor" in message and (
                'File "' not in trace):
            return ("request-ended", ": it closed the reply's descriptor, as "
                    "os.closerange() does")
        message = hide(message.replace("the server sent SIGTERM",
                                       "SIGTERM ended it"))
        id = CODES.get(code, "request-failed")
        if ", line " not in message:
            message += bracketed(trace or self.log) or (
                self.where if id == "request-rule" else "")
        return id, ": " + message

    def faults(self):
        """Pairs of an id and a text."""
        found = [self.fault(*entry) for entry in self.entries()
                 if entry[0] not in STATUS_CODES
                 # Who came to no end was ended by the check, by SIGABRT.
                 and not (self.late and entry[0] in ("signal", "crash"))]
        if self.late and not found:
            found.append(("request-endless", ": it did not come to an end"
                          + bracketed(self.log)))
        if not self.status and not found:
            found.append(("request-ended", ": " + (self.complaint() or "no reply")
                          + bracketed(self.log)))
        if not found and self.status >= "500":
            found.append(("request-error", f" is answered by {self.status}"
                          + find_exception(self.log)
                          + (bracketed(self.log) or self.where)))
        return found


def path_of(url):
    """The path and the query of a URL, as messages have it."""
    from urllib.parse import urlsplit
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def headers_of(url):
    """The request's headers as pairs of a name in capitals and a value."""
    from urllib.parse import urlsplit
    found = {"HOST": urlsplit(url).netloc.rpartition("@")[2] or "localhost"}
    for letter, line in given:
        name, colon, value = (line or "").partition(":")
        if letter == "-H" and colon:
            found[name.strip().upper().replace("-", "_")] = os.fsencode(
                value.strip()).decode("latin-1")
    return found


def say_once(found, path):
    """found: (method, id, text); the same of several methods is one."""
    grouped = {}
    for method, id, text in found:
        grouped.setdefault((id, text), []).append(method)
    for (id, text), methods in grouped.items():
        names = " and ".join(filter(None, (", ".join(methods[:-1]),
                                           methods[-1])))
        say(id, f"{names} {path}{text}", ADVICE.get(id, "correct that")
            + (f"{command()} {quoted(path)} >/dev/null" if id in TYPED
               else ""))


def hosts_problem(host):
    """What Django's ALLOWED_HOSTS says of a host that it refuses."""
    conf = sys.modules.get("django.conf")
    if conf is None or not conf.settings.configured:
        return ""
    from django.http.request import split_domain_port, validate_host
    allowed = conf.settings.ALLOWED_HOSTS
    if conf.settings.DEBUG and not allowed:
        allowed = [".localhost", "127.0.0.1", "[::1]"]
    domain = split_domain_port(host)[0]
    if domain and validate_host(domain, allowed):
        return ""
    return hide(f"Django: ALLOWED_HOSTS is {allowed}, without {host!r}")


def say_status(answer, path, host):
    """For an answer to GET that says the request was wrong."""
    problem = hosts_problem(host) if answer.status[:3] == "400" else ""
    if problem:
        say("request-status", f"GET {path} is answered by {answer.status}: "
            + problem, "give the site's name, as in: cgi2wsgi --check "
            f"{quoted(file)} http://NAME/")
    else:
        say("request-status", f"GET {path} is answered by {answer.status}",
            "if that is not meant, give a URL that it answers: cgi2wsgi "
            f"--check {quoted(file)} URL")


def environ(method, url, headers):
    import io
    from urllib.parse import unquote_to_bytes, urlsplit
    from wsgiref.util import setup_testing_defaults
    body = b"name=value" if method == "POST" else b""
    parts = urlsplit(url)
    path = unquote_to_bytes(parts.path or "/").decode("latin-1")
    name = (prefix or "").rstrip("/")
    if not name.startswith("/") or not path.startswith(name):
        name = ""       # "off", or outside
    made = {"REQUEST_METHOD": method, "QUERY_STRING": parts.query,
            "SERVER_NAME": headers["HOST"].rpartition(":")[0]
            or headers["HOST"], "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
            "SCRIPT_NAME": name, "PATH_INFO": path[len(name):],
            "wsgi.url_scheme": parts.scheme or "http",
            "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr,
            "wsgi.multithread": False, "wsgi.multiprocess": True,
            "wsgi.run_once": True}
    for header, value in headers.items():
        made[f"HTTP_{header}"] = value
    made.pop("HTTP_CONTENT_TYPE", None)
    if body:
        made["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
        made["CONTENT_LENGTH"] = str(len(body))
    setup_testing_defaults(made)
    return made


def run(application, made):
    """One call, as a server makes it, with nobody to read."""
    def start(status, headers, exc_info=None):
        return lambda block: None
    result = application(made, start)
    try:
        # The program, too, asks for no more than the first block for HEAD.
        for _ in zip(range(1 if made["REQUEST_METHOD"] == "HEAD" else ENOUGH),
                     result):
            pass
    finally:
        result.close()


def rule(error):
    """What wsgiref.validate says; an assertion without words, as its line."""
    import traceback
    if error.args or not isinstance(error, AssertionError):
        return "".join(
            traceback.format_exception_only(type(error), error)).strip()
    frame = traceback.extract_tb(error.__traceback__)[-2]
    return f"{frame.name}(): {frame.line}"


def validate(application, made):
    """Pairs of an id and a text."""
    import traceback
    import warnings
    from wsgiref import validate
    found = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", validate.WSGIWarning)
        try:
            run(validate.validator(application), made)
        except BaseException as error:
            text = "".join(traceback.format_tb(error.__traceback__))
            own = bracketed(text)
            if os.path.dirname(os.__file__) in own:
                own = ""
            found.append(("wsgi-rule", ": wsgiref.validate: " + hide(rule(error))
                          + own))
    return found + [
        ("wsgi-warning", ": " + hide(f"wsgiref.validate: {each.message}"))
        for each in caught]


def apart(act, *arguments):
    """What act() returns when a process of its own calls it.

    An application for CGI may be one that can be called once.  Threads are
    not in a forked process; who has some is called here.
    """
    import _thread
    import marshal
    if _thread._count():
        return act(*arguments)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            # No more than a pipe holds: nobody reads before the end.
            os.write(writing, marshal.dumps(
                [(id, text[:2000]) for id, text in act(*arguments)][:MANY]))
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    os.set_blocking(reading, False)
    try:
        return marshal.loads(os.read(reading, 1 << 16))
    except (OSError, EOFError):
        return []   # the application ended it; the answers tell of that
    finally:
        os.close(reading)


def judge(answers, application):
    faulthandler.enable(2)
    where = defined(application)
    answers = [Answer(where, *each) for each in answers]
    path, headers = path_of(url), headers_of(url)
    found = [(answer.method, *fault)
             for answer in answers for fault in answer.faults()]
    failed = {method for method, *_ in found}
    say_once(found, path)
    get, head = answers[0], answers[min(1, len(answers) - 1)]
    if "GET" not in failed and get.status >= "400":
        say_status(get, path, headers["HOST"])
    if not failed & {"GET", "HEAD"} and get.status[:3] != head.status[:3]:
        say("request-head", f"HEAD {path} is answered by {head.status}, GET "
            f"by {get.status}", "answer HEAD as GET")
    say_once([(answer.method, *fault) for answer in answers
              if answer.method not in failed
              for fault in apart(validate, application, environ(
                  answer.method, url, headers))], path)
    if not said:
        say("request", f"{path} is answered, with nothing wrong: "
            + ", ".join(f"{answer.method} {answer.status}"
                        for answer in answers))
