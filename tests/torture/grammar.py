"""Requests, as a server tells of them: by a grammar, or recorded and damaged.

Each is what a number gives, so that it can be made again.
"""

import random
from urllib.parse import quote_from_bytes, unquote_to_bytes

from corpus.recorded import body_of, pairs_of, records
from harness import variable_name

NAMES = ["Host", "Cookie", "Referer", "User-Agent", "Accept", "Authorization",
         "X-Forwarded-For", "Proxy", "Range", "If-None-Match", "Content-Length",
         "Content-Type", "Python-Path", "PYTHONPATH", "Ld-Preload", "X.Dot",
         "Cgi2wsgi-Args", "Transfer-Encoding", "Expect", "Connection", "",
         "X-" + "A" * 300, "\xe9", "Path-Translated", "Script-Filename"]
# What is written into a path, a query, a header, a body or a variable.
WORDS = [
    # Paths that leave a folder, however they are written.
    b"/", b"//", b"/.", b"/..", b"/../..", b"/../" * 50, b"/" * 300, b"/...",
    b"/%2e%2e", b"%2f", b"%2F..", b"%5c", b"\\", b"..\\..\\", b"/..;/", b"%252e",
    b"%u002e", b"\xc0\xaf", b"%c0%ae", b"\xef\xbc\x8f", b"~", b"~root/",
    b"/etc/passwd", b"/proc/self/environ", b"/dev/stdin", b"/dev/fd/0",
    b"/dev/zero", b"nul", b"a:b", b"file:///etc/passwd", b"php://input",
    b"app.cgi", b"other.cgi", b"/other.wsgi", b":other", b"os:system",
    b"app.wsgi:os.system", b"cgi-bin", b".htaccess", b"app.cgi~", b"app.cgi/x",
    # Bytes that are none, or that a terminal, a log or a header would obey.
    b"%00", b"%0d%0a", b"\r\n", b"\n", b"\r", b"\t", b"\x0b", b"\x0c", b"\b",
    b"\x7f", b"\x01", b"\x1b[31m", b"\x1b]0;x\x07", b"\x9b", b"\x9b2J", b"\x85",
    b"\xff", b"\xc3\xa9", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\xe2\x80\xa8", b"\xf0\x9f\x90\x8d",
    b"\xf4\x90\x80\x80", b"\r\nSet-Cookie: a=b", b"\r\n\r\n<html>",
    b"\n cgi2wsgi: page [1] GET /: x", b"Status: 500", b"Location: //evil/",
    b"Transfer-Encoding: chunked", b"Content-Length: 0", b"0\r\n\r\n",
    b"5\r\nhello\r\n", b"HTTP/1.1 200 OK\r\n", b"X: y",
    # Options of ours and of others.
    b"--debug", b"--log=/tmp/torture-log", b"-c", b"--path=/tmp", b"--", b"-",
    b"--check", b"--preload", b"--cache=/tmp", b"--env=PATH=/tmp", b"-H",
    b"--env-file=/etc/passwd", b"--venv=/tmp", b"--explain=html", b"--timing",
    b"-s", b"-i", b"-d+allow_url_include%3d1", b"@/etc/passwd", b"@-",
    b"LD_PRELOAD=/tmp/x.so", b"PYTHONPATH=/tmp", b"PYTHONSTARTUP=/tmp/x",
    b"CGI2WSGI_ARGS=--debug", b"SCRIPT_FILENAME=/tmp/x",
    # For shells, formats, templates, pages, databases and interpreters.
    b"`id`", b"$(id)", b"${IFS}", b"|id", b";id", b"&&id", b"||id", b">x",
    b"() { :;}; id", b"${jndi:ldap://x/}", b"{{7*7}}", b"{% x %}", b"<%= 7 %>",
    b"%(x)s", b"%s%n", b"%x" * 20, b"{0}", b"{0.__class__}", b"{x!r:>9}",
    b"__import__('os')", b"__class__", b"lambda: 0", b"<b>", b"<script>", b"]]>",
    b"<!--#exec cmd='id'-->", b"<?php ?>", b"javascript:x", b"data:,x",
    b"' OR 1=1--", b"'", b'"', b"\\'", b"&lt;", b"&#0;", b"=?utf-8?B?eA==?=",
    # Parts of URLs, of queries, of headers.
    b"%", b"%%", b"%2", b"%zz", b"%25", b"?", b"&", b"=", b"+", b";", b"#", b" ",
    b",", b"*", b"a", b"b=c", b"&a=b" * 300, b"a[b][c]", b"a" * 5000,
    b"http://user:pw@host/", b"[::1]", b"[::1", b"host:99999", b"host:0", b"host:",
    b"127.1", b"//evil.example/", b"/\\evil.example", b"http:///", b"https:x",
    b"user@host", b"xn--a", b"1.2.3.4, ::1", b"for=_x;proto=https",
    b"Basic eDp5", b"Basic x", b"Bearer ", b"bytes=0-1,2-", b"*/*;q=x",
    b'a="b\\"c"', b"a=b; Path=/", b"multipart/form-data", b"gzip", b"100-continue",
    # Numbers.
    b"0", b"-1", b"1e309", b"NaN", b"0x7fffffff", b"99999999999999999999",
    b"2147483648", b"1_000", b"\xc2\xb2"]
METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "get",
           "X" * 200, "BREW", "PROPFIND", "--debug", "GET\n", "\x1b[0m"]
LENGTHS = ["", "0", "00", "5", "+5", "-1", "0x5", "5 ", " 5", "5,5", "5.0",
           "9" * 18, "9" * 19, "9" * 400, "18446744073709551616", "abc", "1e3",
           "\xb2"]
SERVERS = ["Apache", "Apache/2.4.57 (Debian)", "lighttpd/1.4.69",
           "nginx/1.22.1", "busybox", "", "x\x1b[31m"]


def encode(value):
    return value if isinstance(value, bytes) else value.encode("latin-1")


class Request:
    """What a number gives: a client's request, as a server tells of it."""

    def __init__(self, number):
        self.random = random.Random(number)
        self.method = self.one(METHODS) if self.often(3) else self.one(
            ["GET", "POST"])
        self.path = self.text(6)
        self.query = self.text(5)
        if self.often(4):
            self.query = b"reflect=" + quote_from_bytes(
                self.text(3)).encode()
        self.body = self.text(9) * self.one([1, 1, 50])
        self.length = str(len(self.body))
        if self.often(3):
            self.length = self.one([*LENGTHS, str(len(self.body) + 3),
                                    str(len(self.body) // 2), None, None])
        self.headers = [(self.one(NAMES), self.text(3))
                        for _ in range(self.random.randrange(5))]

    def one(self, values):
        return self.random.choice(values)

    def often(self, part):
        return self.random.randrange(part) == 0

    def text(self, most):
        """Words of the grammar, some of them damaged; without NUL."""
        text = b"".join(self.one(WORDS)
                        for _ in range(self.random.randrange(most)))
        if text and self.often(5):
            at = self.random.randrange(len(text))
            text = (text[:at] + bytes([self.random.randrange(1, 256)])
                    + text[at + self.random.randrange(3):])
        return text.replace(b"\0", b"")

    def variables(self, site):
        """Names and values, as bytes, sometimes in another order."""
        pairs = self.told(site)
        if self.often(6):
            self.random.shuffle(pairs)
        return [(encode(key), encode(value)) for key, value in pairs]

    def told(self, site):
        """As the server sets them; client's values anywhere they can be."""
        path = b"/" + self.path if self.often(2) else self.path
        name = f"/cgi-bin/{site.script.name}".encode()
        pairs = [
            ("PATH", "/usr/bin:/bin"), ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("SERVER_PROTOCOL", self.one(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0",
                                          "INCLUDED", ""])),
            ("SERVER_SOFTWARE", self.one(SERVERS)),
            ("SERVER_NAME", self.text(2) if self.often(3) else b"localhost"),
            ("SERVER_PORT", self.one(["80", "443", "", "x"])),
            ("REMOTE_ADDR", "192.0.2.7"),
            ("REQUEST_METHOD", self.method), ("SCRIPT_NAME", name),
            ("SCRIPT_FILENAME", site.filename), ("PATH_INFO", path),
            ("QUERY_STRING", self.query),
            ("REQUEST_URI", self.one([
                name + path + b"?" + self.query, self.text(6), b""])),
            ("DOCUMENT_ROOT", str(site.folder)),
            *site.variables(self, path)]
        if self.length is not None:
            pairs.append(("CONTENT_LENGTH", self.length))
        for name, value in (("CONTENT_TYPE", self.text(3)),
                            ("REMOTE_USER", self.text(2)),
                            ("AUTH_TYPE", self.text(2)),
                            ("HTTPS", self.one(["on", "off", self.text(1)])),
                            ("UNIQUE_ID", self.text(2)),
                            ("SCRIPT_URL", self.text(3))):
            if self.often(4):
                pairs.append((name, value))
        return pairs + [
            (variable_name(name).replace("CONTENT_", "HTTP_CONTENT_")
             .replace("HTTP_HTTP_", "HTTP_"), value)
            for name, value in self.headers]

    def words(self):
        """Of a query without "=", a server makes words in argv."""
        return [word for word in unquote_to_bytes(self.query).replace(
            b"\0", b"").split(b"+") if word] if self.often(3) else []


class Recorded(Request):
    """A recorded request, of which the client or a server damaged a part."""

    # What the deployer says, and what leads to the script.
    KEPT = {"PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "DOCUMENT_ROOT",
            "SCRIPT_FILENAME", "PATH_TRANSLATED", "REDIRECT_HANDLER",
            "REDIRECT_STATUS", "REDIRECT_URL"}
    ONCE = {"REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_SOFTWARE"}

    def __init__(self, number):
        self.random = random.Random(number)
        record = self.one(records())
        self.body = body_of(record)
        self.pairs = [[name, encode(value)] for name, value in pairs_of(record)
                      if name not in self.KEPT]
        for _ in range(self.random.randrange(5)):
            self.damage(self.one(self.pairs))
        if self.often(6):
            self.body = self.one([self.body[:len(self.body) // 2],
                                  self.body + self.text(5), self.text(9)])
        given = dict(self.pairs)
        self.method = given["REQUEST_METHOD"].decode("latin-1")
        self.query = given.get("QUERY_STRING", b"")
        self.path = given.get("PATH_INFO", b"")

    def damage(self, pair):
        """In one of the ways that a client, a proxy or a server may."""
        name, value = pair
        at = self.random.randrange(len(value) + 1)
        others = [theirs for record in (self.one(records()), self.one(records()))
                  for known, theirs in pairs_of(record) if known == name]
        pair[1] = self.one([
            self.text(4), value[:at] + self.text(3) + value[at:], value[:at],
            value * 2, *map(encode, others)])
        if name in self.ONCE:
            return
        if self.often(3):
            self.pairs.append([name, value])
        elif self.often(4):
            pair[0] = variable_name(self.one(NAMES[:10]))

    def told(self, site):
        return [*site.variables(self, self.path), *self.pairs,
                ("PATH", "/usr/bin:/bin"), ("SCRIPT_FILENAME", site.filename),
                ("DOCUMENT_ROOT", str(site.folder))]


def request_of(number):
    """Every third is a recorded one."""
    return (Recorded if number % 3 == 0 else Request)(number)
