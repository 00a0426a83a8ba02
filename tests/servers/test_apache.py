"""A real Apache, with processes and threads, in each way of use."""

import hashlib
import json
import re
import socket
import uuid
from urllib.parse import quote, urlencode

import pytest

from apache import SITE, TIMEOUT, apache, basic  # noqa: F401
from harness import APPS, alive, until

HOSTILE = ("-s", "--version", "/etc/passwd", "-c+x", "--help", ":fail",
           "--debug", "--log+/tmp/log", "")
ENTRY = re.compile(r"cgi2wsgi: (\S+) \[([^]\s]+)\] (\S+) (\S+): (.*)")
# Here Apache itself adds the slash.
FOLDERS = {SITE["htaccess"], SITE["fallback"]}
MIB = 1 << 20


# Of the ways there is more in test_mount.py.
@pytest.fixture(params=[
    pytest.param(path, id=way, marks=[] if way in ("script", "htaccess")
                 else pytest.mark.slow) for way, path in SITE.items()])
def site(request):
    """The site's URL path, in each way of naming the application."""
    return request.param


def patterned(size):
    """Bytes that do not repeat at any power of two."""
    line = bytes(range(256)) * 251
    return (line[:64007] * (size // 64007 + 1))[:size]


def echo(answer):
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


def test_home(apache, site):
    paths = {site, site + "/"} - FOLDERS
    for path in paths:
        answer = apache.get(path)
        assert (answer.status, answer.text) == (200, "home")


def test_form(apache, site):
    fields = {"name": "Jörg & Söhne", "empty": "", "long": "x" * 100000}
    answer = apache.post(site + "/form", urlencode(fields), **{
        "Content-Type": "application/x-www-form-urlencoded"})
    assert json.loads(answer.text) == {k: [v] for k, v in fields.items()}


def test_upload(apache, site):
    body = patterned(50 * MIB)
    answer = apache.post(site + "/upload", body)
    assert answer.text == f"{50 * MIB} {hashlib.sha256(body).hexdigest()}"


def test_download(apache, site):
    answer = apache.get(f"{site}/download?{50 * 16}")
    expected = b"0123456789abcdef" * (50 * MIB // 16)
    assert len(answer.body) == 50 * MIB
    assert answer.body == expected


def test_file(apache, site):
    """F6, F7: a large file reaches the client whole."""
    answer = apache.get(site + "/file")
    content = (apache.tree / "apps/large.bin").read_bytes()
    assert len(answer.body) == len(content) == 50 * MIB
    assert answer.body == content


@pytest.mark.parametrize("size", (0, 11, 3 * MIB))
def test_chunked_upload(apache, site, size):
    """C6: without a CONTENT_LENGTH, a body has its end."""
    body = patterned(size)
    pieces = (body[i:i + 100000] for i in range(0, size, 100000))
    answer = apache.request("POST", site + "/upload", pieces,
                            {"Transfer-Encoding": "chunked"},
                            encode_chunked=True)
    assert answer.text == f"{size} {hashlib.sha256(body).hexdigest()}"


def test_head(apache, site):
    """F3: headers as for GET, no body, on a connection that goes on."""
    connection = apache.connect()
    for _ in range(3):
        connection.request("HEAD", site + "/echo")
        response = connection.getresponse()
        assert response.status == 200
        assert response.headers["X-Page"] == "echo"
        assert response.headers["Content-Type"].startswith("text/plain")
        assert response.read() == b""
    connection.request("GET", site + "/echo")
    response = connection.getresponse()
    assert json.loads(response.read())["REQUEST_METHOD"] == "GET"
    connection.close()


def test_htaccess_denies(apache):
    """J1, case 11: examples/htaccess, without the administrator's help."""
    for name in ("__pycache__/app.pyc", ".env", ".git/config"):
        apache.folder(f"htdocs/front/{name}".rpartition("/")[0])
        apache.write(f"htdocs/front/{name}", "secret")
        answer = apache.get(f"{SITE['htaccess']}/{name}")
        assert (answer.status, "secret" in answer.text) == (403, False)
    for path in ("/echo/.hgignore", "/echo/__pycache__/", "/app.cgi/echo/.x"):
        known = echo(apache.get(SITE["htaccess"] + path))
        assert known["PATH_INFO"] == path.removeprefix("/app.cgi")


def test_htaccess_length(apache):
    """case 29: it may set ap_trust_cgilike_cl."""
    answer = apache.request("HEAD", SITE["htaccess"] + "/echo")
    assert int(answer.headers["Content-Length"]) > 0


def test_not_found(apache, site):
    answer = apache.get(site + "/nowhere")
    assert (answer.status, answer.text) == (404, "no such page here")


def log_entries(apache, start, code):
    """Entries of one code in the log, behind an offset."""
    return [match for match in ENTRY.finditer(apache.log(start))
            if match[1] == code]


def test_exception(apache, site):
    """D4, G5: a page that tells nothing, a log entry that tells all."""
    start = apache.log_size()
    answer = apache.get(site + "/fail?secret=1")
    assert answer.status == 500
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    until(lambda: log_entries(apache, start, "application"))
    entry, = log_entries(apache, start, "application")
    assert entry[2] in answer.text
    assert (entry[3], entry[4]) == ("GET", site + "/fail")
    assert "application" in answer.text
    for private in ("ValueError", "no such luck", "Traceback", "site.py",
                    str(apache.tree)):
        assert private not in answer.text
    until(lambda: "  ValueError: no such luck" in apache.log(start))
    assert "  Traceback (most recent call last):" in apache.log(start)


def test_exception_as_text(apache, site):
    answer = apache.get(site + "/fail", Accept="text/plain")
    assert answer.status == 500
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "<" not in answer.text


def test_exception_on_head(apache, site):
    answer = apache.request("HEAD", site + "/fail")
    assert (answer.status, answer.body) == (500, b"")


def test_streaming(apache, site):
    """A10: a chunk is at the client before the next one exists."""
    token = uuid.uuid4().hex
    connection = apache.connect()
    connection.request("GET", f"{site}/gate?{token}")
    response = connection.getresponse()
    for number in range(4):
        if number:
            (apache.tree / "gates" / f"{token}-{number}").touch()
        chunk = f"chunk {number}\n".encode()
        assert response.read1(100) == chunk
    assert response.read() == b""
    connection.close()


def test_login(apache, site):
    """B15: Authorization, however Apache hands it over."""
    answer = apache.get(site + "/login")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="site"'
    answer = apache.get(site + "/login", **basic("Jörg", "word"))
    assert answer.status == 401
    answer = apache.get(site + "/login", **basic("Jörg", "wörd"))
    assert (answer.status, answer.text) == (200, "welcome")


@pytest.mark.parametrize("path", (
    "é/€/日本", b"\xff\xfe/\xe4", "a b;c=d,e", "a+b&c=d", "tail/", "'\"<>",
    "50%", "%41%20", "a?b=c#d"))
def test_path(apache, site, path):
    """B6, B11: PATH_INFO holds the bytes of the URL."""
    known = echo(apache.get(f"{site}/echo/{quote(path)}"))
    expected = path if isinstance(path, bytes) else path.encode()
    assert known["PATH_INFO"].encode("latin-1") == b"/echo/" + expected
    assert known["SCRIPT_NAME"] == site


def test_query_words(apache, site):
    """H1: query words that Apache makes arguments change nothing.

    tests/invocation has them for each method and way of starting.
    """
    for query in HOSTILE:
        answer = apache.get(f"{site}/echo?{query}")
        assert echo(answer)["QUERY_STRING"] == query


def test_query_words_of_home(apache, site):
    """H1: the same without a path behind the script."""
    for query in HOSTILE:
        answer = apache.get(f"{site}/?{query}")
        assert (answer.status, answer.text) == (200, "home")


def test_links(apache, site):
    """B16: links below SCRIPT_NAME lead to where they should."""
    links = re.findall('href="(.*?)">(.*?)<',
                       apache.get(site + "/links").text)
    assert [target for _, target in links] == [
        "/", "/echo/a", "/echo/a%20b/%C3%A9?q=1"]
    assert [link for link, _ in links] == [
        site + target for _, target in links]
    assert apache.get(links[0][0]).text == "home"
    assert echo(apache.get(links[1][0]))["PATH_INFO"] == "/echo/a"
    known = echo(apache.get(links[2][0]))
    assert known["PATH_INFO"].encode("latin-1") == "/echo/a b/é".encode()
    assert known["QUERY_STRING"] == "q=1"


def test_redirect(apache, site):
    """B16: a redirection within the application is followed."""
    answer = apache.post(site + "/redirect", b"")
    assert answer.status == 303
    location = answer.headers["Location"]
    assert echo(apache.get(location))["PATH_INFO"] == "/echo/there"


def test_small_unread_body(apache, site):
    """C11: a body nobody read costs no reply."""
    for _ in range(50):
        answer = apache.post(site + "/unread", b"hello=world")
        assert (answer.status, answer.text) == (200, "not read")


def test_large_unread_body(apache, site):
    """C11: neither does one that fills every pipe."""
    for _ in range(5):
        answer = apache.post(site + "/unread", bytes(MIB))
        assert (answer.status, answer.text) == (200, "not read")


def test_body_of_a_failure(apache, site):
    """C11, G1: nor a failure's page."""
    for _ in range(10):
        answer = apache.post(site + "/fail", bytes(100000))
        assert answer.status == 500
        assert "application" in answer.text


def test_reply_before_body(apache, site):
    """C10: Apache writes all of the body before it reads any reply."""
    body = patterned(4 * MIB)
    answer = apache.post(site + "/reply_first", body)
    assert answer.body[:-64] == b"0123456789abcdef" * (4 * MIB // 16)
    assert answer.body[-64:].decode() == hashlib.sha256(body).hexdigest()


def test_client_gone(apache, site):
    """C8: half a body is no body."""
    token = uuid.uuid4().hex
    word = apache.tree / "data" / token
    head = (f"POST {site}/leave_word?{token} HTTP/1.1\r\n"
            "Host: localhost\r\nContent-Length: 1000\r\n\r\n")
    with socket.create_connection(("127.0.0.1", apache.port),
                                  TIMEOUT) as client:
        client.sendall(head.encode() + b"only this")
        until(lambda: word.exists() and word.read_text().endswith("\n"))
    # An OSError, or a SystemExit since Apache sends SIGTERM: read() gives
    # nothing back.
    pid, = word.read_text().split()
    until(lambda: not alive(int(pid)))
    assert word.read_text().split() == [pid]


def test_whole_body(apache, site):
    """The same, with nobody gone."""
    token = uuid.uuid4().hex
    assert apache.post(f"{site}/leave_word?{token}", b"only this").text == (
        "read")
    word = apache.tree / "data" / token
    assert word.read_text().split()[1:] == ["9"]


@pytest.mark.parametrize("path", (
    "", "/", "/action/site.wsgi", "/action/site.wsgi/echo", "/echo",
    "?/etc/passwd", "?--version", "/action/site.wsgi/echo?--version"))
def test_action_program_itself(apache, path):
    """H3: the Action's own URL runs nothing, whatever stands behind it."""
    start = apache.log_size()
    answer = apache.request("GET", "/cgi-bin/cgi2wsgi" + path, headers={
        "Redirect-Status": "200", "Redirect-Handler": "wsgi-script",
        "Redirect-URL": "/action/site.wsgi/echo"})
    assert answer.status == 500
    assert "no-application" in answer.text
    assert "X-Page" not in answer.headers
    until(lambda: log_entries(apache, start, "no-application"))


def test_action_needs_the_file(apache):
    assert apache.get("/action/missing.wsgi/echo").status == 404


def test_explain(apache):
    """The log has the transcript, the client the reply and its times."""
    apache.script("cgi-bin/explained.cgi", (APPS / "hello.py").read_text(),
                  "--explain --timing")
    before = apache.log_size()
    answer = apache.get("/cgi-bin/explained.cgi/p?token=sesame",
                        Authorization="Basic sesame")
    assert (answer.status, answer.text) == (200, "Hello, world!\n")
    assert answer.headers["Server-Timing"].startswith("interp;dur=")
    last = "Writing this down is not counted."
    until(lambda: last in apache.log(before))
    log = apache.log(before)
    assert "started it, by fork and exec" in log
    assert "SCRIPT_NAME=/cgi-bin/explained.cgi" in log
    assert "Status 0: the application's reply was sent whole." in log
    assert "sesame" not in log[log.index("WHO STARTED"):log.index(last)]
