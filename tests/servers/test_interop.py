"""Every server, each behaviour, as it is and as it should be.

A behaviour is measured; what was measured must be what is right, or what
IMPOSSIBLE says that this server makes of it.
"""

import hashlib
import html
import http.client
import json
import re
import select
import socket
import threading
import time
import uuid
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from apache import TIMEOUT, basic
from columns import COLUMNS, LEFT_OUT, prepared
from harness import PRELOAD, alive, until
from webservers import WAYS

pytestmark = pytest.mark.interop

MIB = 1 << 20
UPLOAD = bytes(range(251)) * (20 * MIB // 251)
FIRST_HALF = hashlib.sha256(UPLOAD[:len(UPLOAD) // 2]).hexdigest()
WHOLE = hashlib.sha256(UPLOAD).hexdigest()
HELLO = "0123456789abcdef"
HOSTILE = ("-s", "--version", "/etc/passwd", "-c+x", "--help", ":fail",
           "--debug", "--log+x", "")
# How long to wait for something that should not come.
PATIENCE = 1
LOGGED = 5
REFUSED = "refused"
BEHAVIOURS = {}


def behaviour(name, right):
    """Register a measurement, with what is right."""
    def register(measure):
        BEHAVIOURS[name] = measure, right
        return measure
    return register


def send_all(connection, body):
    try:
        connection.send(body)
    except OSError:
        pass            # the answer says why


class Site:
    """The application, in one way of naming it to one server."""

    def __init__(self, server, name, way):
        self.server = server
        self.name = name
        self.way = way
        url = urlsplit(COLUMNS[name][way])
        self.host = f"{url.netloc or '127.0.0.1'}:{server.port}"
        self.base = url.path

    def request(self, method, path, body=None, headers={}, **how):
        return self.server.request(method, self.base + path, body,
                                   {"Host": self.host, **headers}, **how)

    def follow(self, link):
        """What a link on a page leads to; what is wrong with its host."""
        url = urlsplit(urljoin(f"http://{self.host}{self.base}/", link))
        if url.port != self.server.port:
            return "without the port"
        if url.netloc != self.host:
            return "another name"
        path = url._replace(scheme="", netloc="").geturl()
        return self.server.get(path, Host=self.host)

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, body, **headers):
        """The text that answers a POST; REFUSED without a good answer."""
        try:
            answer = self.request(
                "POST", path, body, headers,
                encode_chunked="Transfer-Encoding" in headers)
        except (ConnectionError, http.client.HTTPException):
            return REFUSED
        return answer.text if answer.status == 200 else REFUSED

    def exchange(self, path, body):
        """The same by a client that reads while it sends."""
        connection = self.server.connect()
        connection.putrequest("POST", self.base + path, skip_host=True)
        connection.putheader("Host", self.host)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        sender = threading.Thread(target=send_all, args=(connection, body))
        sender.start()
        try:
            response = connection.getresponse()
            text = response.read().decode()
            return text if response.status == 200 else REFUSED
        except (ConnectionError, http.client.HTTPException):
            return REFUSED
        finally:
            sender.join(TIMEOUT)
            connection.close()

    def send(self, method, path, *headers):
        """Send the head of a request; give the connection."""
        head = [f"{method} {self.base}{path} HTTP/1.1",
                f"Host: {self.host}", "Connection: close", *headers, "", ""]
        client = socket.create_connection(("127.0.0.1", self.server.port),
                                          TIMEOUT)
        client.sendall("\r\n".join(head).encode())
        return client

    def bytes(self, method, path, *headers):
        """Head and body as the connection carries them, to its end."""
        with self.send(method, path, *headers) as client:
            with client.makefile("rb") as file:
                head, _, body = file.read().partition(b"\r\n\r\n")
        return head.decode("latin-1"), body

    def word(self, token):
        """What the application left in its file; None without one."""
        try:
            return (self.server.tree / "data" / token).read_text()
        except FileNotFoundError:
            return None

    def open_gate(self, token):
        (self.server.tree / "gates" / token).touch()

    def expects(self, name):
        """What is expected of this server."""
        return expected(self.name, self.way, name)

    def logs(self, holds):
        """Whether the log comes to be as a function wants it."""
        try:
            until(lambda: holds(self.server.log()), LOGGED)
        except AssertionError:
            return False
        return True


def status_of(head):
    return int(head.split()[1])


def seen(answer):
    """SCRIPT_NAME and PATH_INFO of an echo, in bytes; or its status."""
    if answer.status != 200:
        return answer.status
    known = json.loads(answer.text)
    return (known["SCRIPT_NAME"],
            known["PATH_INFO"].encode("latin-1"))


def paths(site, path):
    """SCRIPT_NAME without the base (nothing, if right), and PATH_INFO."""
    found = seen(site.get("/echo" + path))
    if isinstance(found, tuple):
        name, info = found
        if name == site.base:
            return info
    return found


@behaviour("root", ["home", "home"])
def root(site):
    answers = [site.get("/")]
    if site.base:
        answers.append(site.get(""))
    return [answer.text if answer.status == 200 else answer.status
            for answer in (answers * 2)[:2]]


@behaviour("root URL", b"/")
def root_url(site):
    """B16: it has an empty SCRIPT_NAME, or the application's own."""
    found = seen(site.get("/?echo"))
    if isinstance(found, tuple) and found[0] == site.base:
        return found[1]
    return found


def of_apache(site, path):
    """What is known of a request to what columns.py made beside the ways."""
    if not site.name.startswith("apache"):
        return None
    answer = site.server.get(path, Host=f"localhost:{site.server.port}")
    return json.loads(answer.text) if answer.status < 500 else answer.text


@behaviour("two-step rewrite", ("/twice", "/echo/a/b"))
def two_steps(site):
    known = of_apache(site, "/twice/echo/a/b")
    return known and (known["SCRIPT_NAME"], known["PATH_INFO"])


@behaviour("error document", ("/cgi-bin/app.cgi", "/echo", "/gone/a"))
def error_document(site):
    known = of_apache(site, "/gone/a?x=1")
    return known and (known["SCRIPT_NAME"], known["PATH_INFO"],
                      known["REDIRECT_URL"])


@behaviour("path", b"/echo/a/b.html")
def path(site):
    return paths(site, "/a/b.html")


@behaviour("encoded path", b"/echo/a b+c%d%20\"e;f=g,h'&i?j#k")
def encoded_path(site):
    return paths(site, "/a%20b+c%25d%2520%22e;f=g,h'%26i%3Fj%23k")


@behaviour("path with a slash at its end", b"/echo/a/")
def trailing_slash(site):
    return paths(site, "/a/")


@behaviour("non-ASCII path", "/echo/é/€/日本".encode())
def utf8_path(site):
    return paths(site, "/%C3%A9/%E2%82%AC/%E6%97%A5%E6%9C%AC")


@behaviour("path that is not UTF-8", b"/echo/\xff\xe9")
def latin1_path(site):
    return paths(site, "/%FF%E9")


@behaviour("double slash", b"/echo//a//b")
def double_slash(site):
    return paths(site, "//a//b")


@behaviour("encoded slash", b"/echo/a/b")
def encoded_slash(site):
    return paths(site, "/a%2Fb")


@behaviour("query", "a=1&b=%20+c&d=%C3%A9/?&a=2")
def query(site):
    answer = site.get("/echo?a=1&b=%20+c&d=%C3%A9/?&a=2")
    return json.loads(answer.text)["QUERY_STRING"]


def leads_to(site, link):
    """The text there, or the status, or what is wrong with the host."""
    answer = site.follow(link)
    if isinstance(answer, str):
        return answer
    return answer.text if answer.status == 200 else answer.status


def followed(site, page):
    """Where the links of a page lead."""
    answer = site.get(page)
    if answer.status != 200:
        return answer.status
    return [leads_to(site, html.unescape(link))
            for link in re.findall('href="(.*?)"', answer.text)]


LINKS = ("links of Flask: paths, URLs", "links of Django: paths, URLs")
LINKED = ["home", "a {}", "a b/é {'q': '1 & 2'}"]


@behaviour(LINKS[0], LINKED * 2)
def flask_links(site):
    return followed(site, "/flask")


@behaviour(LINKS[1], LINKED * 2)
def django_links(site):
    return followed(site, "/django")


@behaviour("form", json.dumps({"name": ["Jörg & Söhne"], "empty": [""]}))
def form(site):
    fields = {"name": "Jörg & Söhne", "empty": ""}
    return site.post("/form", urlencode(fields), **{
        "Content-Type": "application/x-www-form-urlencoded"})


@behaviour("20 MB body, read at once", f"{len(UPLOAD)} {WHOLE}")
def upload(site):
    return site.post("/upload", UPLOAD)


@behaviour("20 MB body, read late", f"first\n{WHOLE}")
def late(site):
    return site.post("/late", UPLOAD)


@behaviour("20 MB body, half read", FIRST_HALF)
def half(site):
    return site.post("/half", UPLOAD)


@behaviour("20 MB body, never read", "not read")
def unread(site):
    return site.post("/unread", UPLOAD)


@behaviour("small body, never read", ["not read"] * 10)
def small_unread(site):
    return [site.post("/unread", b"hello=world") for _ in range(10)]


@behaviour("large reply before a large body is read", "all of it")
def reply_first(site):
    body = UPLOAD[:4 * MIB]
    text = site.exchange("/reply_first", body)
    whole = HELLO * (4 * MIB // 16) + hashlib.sha256(body).hexdigest()
    return {whole: "all of it", REFUSED: REFUSED}.get(text, "a part")


def sent_in_chunks(site, page):
    """What of a body in chunks a page received."""
    body = UPLOAD[:MIB]
    pieces = (body[i:i + MIB // 16] for i in range(0, MIB, MIB // 16))
    text = site.post(page, pieces, **{"Transfer-Encoding": "chunked"})
    known = {f"{MIB} {hashlib.sha256(body).hexdigest()}": "the whole body",
             f"0 {hashlib.sha256().hexdigest()}": "nothing",
             REFUSED: REFUSED}
    return known.get(text, "undecoded bytes")


@behaviour("chunked upload", "the whole body")
def chunked(site):
    return sent_in_chunks(site, "/upload")


@behaviour("chunked upload into Django", "the whole body")
def django_chunked(site):
    """C6: Django reads CONTENT_LENGTH bytes, and none without it."""
    return sent_in_chunks(site, "/django_upload")


@behaviour("20 MB reply", True)
def download(site):
    return site.get("/download?320").text == HELLO * (20 * MIB // 16)


@behaviour("HEAD", (200, True, b""))
def head(site):
    head, body = site.bytes("HEAD", "/echo")
    return status_of(head), "x-page: echo" in head.lower(), body


@behaviour("HEAD with Content-Length", "as for GET")
def head_length(site):
    """case 29: with a body, and with what says so to Apache."""
    size = len(site.get("/nowhere").body)
    head, _ = site.bytes("HEAD", "/nowhere")
    found = re.search("(?im)^Content-Length: *(\\d+)", head)
    return ("as for GET" if found and int(found[1]) == size
            else found and found[1])


@behaviour("404", 404)
def not_found(site):
    return site.get("/nowhere").status


@behaviour("204", (204, b""))
def no_content(site):
    head, body = site.bytes("GET", "/no_content")
    return status_of(head), body


@behaviour("304", (304, '"now"', b""))
def not_modified(site):
    head, body = site.bytes("GET", "/not_modified", 'If-None-Match: "now"')
    tag = re.search("(?im)^ETag: (.*?)\r?$", head)
    return status_of(head), tag and tag[1], body


@behaviour("redirect", (303, b"/echo/there"))
def redirect(site):
    answer = site.get("/redirect")
    return answer.status, seen(site.follow(answer.headers["Location"]))[1]


@behaviour("cookies", ("a=1; b=2", ["one=1; Path=/", "two=2; Path=/"]))
def cookies(site):
    answer = site.get("/cookies", Cookie="a=1; b=2")
    return answer.text, answer.headers.get_all("Set-Cookie")


@behaviour("Authorization", ["who are you?", "who are you?", "welcome"])
def login(site):
    return [site.get("/login", **headers).text for headers in (
        {}, basic("Jörg", "word"), basic("Jörg", "wörd"))]


@behaviour("httpoxy", [])
def proxy(site):
    return json.loads(site.get("/proxy", Proxy="http://evil.example").text)


def changed(site, method):
    """Query words that change what answers, or do not arrive."""
    wrong = []
    for words in HOSTILE:
        try:
            answer = site.request(method, f"/echo?{words}")
        except ConnectionError:
            return REFUSED
        if answer.status >= 400:
            return REFUSED
        if (answer.headers["X-Page"] != "echo"
                or json.loads(answer.text)["QUERY_STRING"] != words):
            wrong.append(words)
    return wrong


@behaviour("hostile query words", [])
def hostile(site):
    """H1: words that a server makes arguments change nothing."""
    return changed(site, "GET")


@behaviour("hostile query words of a POST", [])
def hostile_post(site):
    """H1: the same with another method."""
    return changed(site, "POST")


def received(client, wanted, patience):
    """Whether wanted arrives in time; and all that did."""
    data = b""
    deadline = time.monotonic() + patience
    while wanted not in data:
        left = max(0, deadline - time.monotonic())
        if not select.select([client], [], [], left)[0]:
            return False, data
        more = client.recv(65536)
        if not more:
            return False, data
        data += more
    return True, data


@behaviour("streaming", ("each chunk at once", True))
def streaming(site):
    token = uuid.uuid4().hex
    streams = site.expects("streaming")[0] == "each chunk at once"
    with site.send("GET", "/steps?" + token) as client:
        until(lambda: site.word(token) is not None)
        came, data = received(client, b"chunk 0\n",
                              TIMEOUT if streams else PATIENCE)
        site.open_gate(token)
        done, rest = received(client, b"chunk 1\n", TIMEOUT)
    assert (data + rest).count(b"chunk 0\n") == 1
    return "each chunk at once" if came else "all at the end", done


def ended(pid):
    try:
        return not alive(pid)
    except ProcessLookupError:      # it went while /proc was read
        return True


def running(site, token):
    """The process whose number is the first word that it left."""
    return int(site.word(token).split()[0])


@behaviour("client leaves while it receives", "noticed")
def leaves_receiving(site):
    token = uuid.uuid4().hex
    with site.send("GET", "/slow?" + token):
        until(lambda: (site.word(token) or "").endswith("\n"))
    pid = running(site, token)
    until(lambda: ended(pid))
    count = (site.word(token).split() + ["killed"])[1]
    return {"killed": "killed", "400": "runs to its end"}.get(count,
                                                              "noticed")


@behaviour("client leaves while it sends", "read() fails")
def leaves_sending(site):
    token = uuid.uuid4().hex
    starts = (site.expects("client leaves while it sends")
              != "not started")
    with site.send("POST", "/leave_word?" + token,
                   "Content-Length: 1000") as client:
        client.sendall(b"only this")
        try:
            until(lambda: (site.word(token) or "").endswith("\n"),
                  TIMEOUT if starts else PATIENCE)
        except AssertionError:
            pass
    if not site.word(token):
        site.get("/echo")
        return "not started" if site.word(token) is None else "started late"
    pid = running(site, token)
    until(lambda: ended(pid))
    left = site.word(token).split()[1:]
    return f"read() gives {left[0]} bytes" if left else "read() fails"


@behaviour("exception before the first byte", (500, True, True, []))
def fail(site):
    """D4, G5: a page that tells nothing, a log entry that tells all."""
    answer = site.get("/fail")
    secrets = [word for word in ("ValueError", "no such luck", "Traceback")
               if word in answer.text]
    entry = re.compile(r"cgi2wsgi: application \[(\S+)] GET ")
    return (answer.status, "application" in answer.text,
            site.logs(lambda log: any(id in answer.text
                                      for id in entry.findall(log))),
            secrets)


@behaviour("exception behind the first byte", (200, b"first\n", True))
def fail_late(site):
    token = uuid.uuid4().hex
    answer = site.get("/fail_late?" + token)
    return (answer.status, answer.body,
            site.logs(lambda log: "  ValueError: " + token in log))


@behaviour("work in close()", (b"a reply", "done"))
def closing(site):
    token = uuid.uuid4().hex
    answer = site.get("/closing?" + token)
    try:
        until(lambda: site.word(token) == "done", 10)
    except AssertionError:
        pass
    return answer.body, site.word(token)


@behaviour("300 KB to stderr", (b"said", True))
def noise(site):
    token = uuid.uuid4().hex
    answer = site.get("/noise?" + token)
    return answer.body, site.logs(lambda log: token + "\n" in log)


class AtTimes:
    """Equal to each of some values, where chance decides."""

    def __init__(self, *values):
        self.values = values

    def __eq__(self, other):
        return other in self.values

    def __repr__(self):
        return " or ".join(map(repr, self.values))


# What servers make of it, and why: by server, or server and way.
IMPOSSIBLE = {}


def impossible(servers, name, outcome, reason):
    for server in servers.split(", "):
        IMPOSSIBLE[server, name] = outcome, reason


def at_times(name, *outcomes):
    impossible("mini-httpd", name, AtTimes(*outcomes, REFUSED),
               "mini-httpd drops the reply to most POST requests, of "
               "whatever program")


APACHES = "apache-prefork, apache-event, apache-suexec"


def ways(servers, *ways):
    """The names of some ways of some servers."""
    return ", ".join(f"{server} {way}" for server in servers.split(", ")
                     for way in ways)


impossible(ways(APACHES, "htaccess", "fallback"), "root", ["home", 301],
           "the application is a folder to Apache, which asks for a slash "
           "at its end, unless DirectorySlash is off")
impossible(ways(APACHES, "script", "alias", "action", "htaccess",
                "htaccess-root", "root")
           + ", apache-prefork args, apache-event args",
           "double slash", b"/echo/a/b",
           "Apache merges slashes, unless MergeSlashes is off")
impossible(APACHES, "encoded slash", 404,
           "Apache refuses an encoded slash, unless AllowEncodedSlashes is "
           "on")
SLASHES = "the server merges slashes before it looks for the script"
impossible(ways("lighttpd", "script", "stream", "assign", "rewrite",
                "rewrite-root") + ", caddy rewrite, busybox, python-http, "
           "mini-httpd, civetweb, webfs", "double slash", b"/echo/a/b",
           SLASHES)
impossible("lighttpd", "path that is not UTF-8", 400,
           "lighttpd refuses it, unless server.http-parseopts disables "
           "url-invalid-utf8-reject")
impossible("python-http", "path that is not UTF-8",
           "/echo/\ufffd\ufffd".encode(),
           "http.server puts U+FFFD in place of such bytes")
impossible("caddy rewrite", "encoded path",
           ("/front/app.cgi", b"/echo/a b+c%d%20\"e;f=g,h'&i"),
           "caddy's rewrite takes an encoded question mark for a plain one")
impossible("python-http", "encoded path", b"/echo/a b+c%d \"e;f=g,h'&i",
           "http.server decodes the path twice")
for name in ("two-step rewrite", "error document"):
    impossible(", ".join(WAYS), name, None, "the tests ask Apache alone")
FOLDER = "busybox takes a URL that ends in a slash for a folder's"
impossible("busybox", "root", [404, "home"], FOLDER)
impossible("busybox", "root URL", 404, FOLDER)
impossible("busybox", "path with a slash at its end", 404, FOLDER)
for name in LINKS:
    impossible("busybox", name, [404, *LINKED[1:]] * 2, FOLDER)
    impossible("python-http", name, LINKED + ["another name"] * 3,
               "http.server hands over its own name in place of Host")
    impossible("webfs", name,
               [*LINKED[:2], "a b/é {'q': '1 ', ' 2': ''}"] * 2,
               "webfs decodes the query")
impossible("busybox", "encoded slash", 404,
           "busybox refuses an encoded slash")
impossible("webfs", "query", "a=1&b=  c&d=Ã©/?&a=2",
           "webfs decodes the query")
impossible("webfs", "hostile query words", ["-c+x", "--log+x"],
           "webfs decodes the query: they arrive with a blank")

CHUNKED = ("chunked upload", "chunked upload into Django")
UNCHUNKED = "the server hands over neither length nor decoded body"
for name in CHUNKED:
    impossible("python-http, mini-httpd", name, AtTimes("nothing", REFUSED),
               UNCHUNKED)
    impossible("busybox, uwsgi", name, REFUSED,
               "the server hands over no decoded body: cgi2wsgi answers 411")
    impossible("lighttpd stream", name, REFUSED,
               "lighttpd wants a length where it does not store bodies")
for name in ("form", "20 MB body, read at once", "20 MB body, read late",
             "20 MB body, half read", "20 MB body, never read",
             "large reply before a large body is read", *CHUNKED,
             "hostile query words of a POST"):
    impossible("webfs", name, REFUSED, "webfs knows only GET and HEAD")
    if name not in CHUNKED:
        at_times(name, BEHAVIOURS[name][1])
impossible("webfs", "small body, never read", [REFUSED] * 10,
           "webfs knows only GET and HEAD")
at_times("20 MB body, read late", f"first\n{WHOLE}", "first\n")
at_times("large reply before a large body is read", "all of it", "a part")
impossible("mini-httpd", "small body, never read",
           [AtTimes("not read", REFUSED)] * 10,
           IMPOSSIBLE["mini-httpd", "form"][1])

STATUS = "http.server always says 200"
impossible("python-http", "404", 200, STATUS)
impossible("python-http", "204", (200, b""), STATUS)
impossible("python-http", "304", (200, '"now"', b""), STATUS)
impossible("python-http", "redirect", (200, b"/echo/there"), STATUS)
impossible("python-http", "exception before the first byte",
           (200, True, True, []), STATUS)
impossible("python-http, mini-httpd, busybox", "Authorization",
           ["who are you?"] * 3,
           "the server keeps Basic credentials to itself")
impossible("webfs", "cookies",
           ("a=1; b=2", ["two=2; Path=/", "one=1; Path=/"]),
           "webfs turns the order of headers round")

STORED = ways("lighttpd", "script", "assign", "rewrite", "rewrite-root",
              "error-404", "error-404-root")
impossible(STORED, "streaming", ("all at the end", True),
           "lighttpd stores replies, unless server.stream-response-body "
           "is set")
impossible(STORED, "client leaves while it receives", "runs to its end",
           "lighttpd stores replies and does not tell, unless "
           "server.stream-response-body is set")
impossible("nginx script, nginx try_files, nginx root", "streaming",
           ("all at the end", True),
           "nginx stores replies, unless fastcgi_buffering is off and "
           "NO_BUFFERING tells fcgiwrap")
impossible("uwsgi", "client leaves while it receives", "killed",
           "uWSGI sends SIGKILL")
impossible("civetweb", "client leaves while it receives", "killed",
           "civetweb sends SIGABRT")
impossible(f"{STORED}, nginx script, nginx try_files, nginx root, h2o",
           "client leaves while it sends", "not started",
           "the server starts nothing before it has the whole body")
impossible("webfs", "client leaves while it sends", "not started",
           "webfs knows only GET and HEAD")


def entry(server, way, name):
    """The entry for a way of a server, or for all its ways."""
    return (IMPOSSIBLE.get((f"{server} {way}", name))
            or IMPOSSIBLE.get((server, name)))


def expected(server, way, name):
    found = entry(server, way, name)
    return found[0] if found else BEHAVIOURS[name][1]


SITES = [pytest.param(server, way, id=f"{server} {way}",
                      marks=pytest.mark.xdist_group(server))
         for server, ways in COLUMNS.items() for way in ways]


@pytest.fixture(scope="module")
def servers():
    """Servers by name; none starts before it is asked for."""
    running = {}

    def get(name):
        if name not in running:
            running[name] = prepared(name)
            running[name].start()
        return running[name]
    try:
        yield get
    finally:
        for server in running.values():
            server.stop()


# With PRELOAD: where requests take the ordinary way all the same, since the
# file that a server names is not in a first line, nor in CGI2WSGI_ARGS. And
# http.server makes of an empty query an empty word.
ORDINARY = {f"{server} action" for server in APACHES.split(", ")} | {
    "busybox interpreter", "lighttpd assign", "python-http script",
    "uwsgi helper"}


def is_preloaded(site):
    """Whether a request is answered from an image."""
    return json.loads(site.get("/echo").text)["cgi2wsgi.preloaded"]


@pytest.fixture(scope="module")
def sites(servers):
    """Sites by server and way; with PRELOAD, each has its image."""
    made = {}

    def get(server, way):
        if (server, way) not in made:
            site = made[server, way] = Site(servers(server), server, way)
            if PRELOAD and f"{server} {way}" not in ORDINARY:
                until(lambda: is_preloaded(site))
        return made[server, way]
    return get


@pytest.mark.parametrize("name", BEHAVIOURS)
@pytest.mark.parametrize("server, way", SITES)
def test_behaviour(sites, server, way, name):
    measure, _ = BEHAVIOURS[name]
    assert measure(sites(server, way)) == expected(server, way, name)


def test_every_excuse_has_its_column():
    """One with a wrong name would say what no server does."""
    for column, name in IMPOSSIBLE:
        server, _, way = column.partition(" ")
        assert name in BEHAVIOURS
        if server not in LEFT_OUT:
            assert not way or way in COLUMNS[server], column
