"""What the application finds in environ (conformance B)."""

import json
import re
import subprocess
from urllib.parse import quote, unquote
from wsgiref.util import request_uri

import pytest
from django.conf import settings
from django.core.handlers.wsgi import get_script_name

from harness import PROGRAM, TESTS

MANUAL = TESTS.parent / "man" / "cgi2wsgi-application.7"
APACHE = "Apache/2.4.71 (Unix)"
# Every byte that an environment value can hold.
BYTES = bytes(range(1, 256))

if not settings.configured:
    settings.configure()


def dump(cgi, options="", **request):
    """environ as an application saw it, and what else it reported."""
    script = cgi.script("environ", options)
    reply = cgi.run(script, **request)
    assert reply.status == 200, reply
    assert reply.exit == 0, reply
    return json.loads(reply.body)


def environ(cgi, options="", **request):
    return dump(cgi, options, **request)["environ"]


def paths(result):
    return result["SCRIPT_NAME"], result["PATH_INFO"]


def consistent(result):
    """Flask reads SCRIPT_NAME, Django SCRIPT_URL or REDIRECT_URL first."""
    name = get_script_name(result)
    return name.encode().decode("latin-1") == result["SCRIPT_NAME"]


def originals(result):
    return {key[9:]: value for key, value in result.items()
            if key.startswith("cgi2wsgi.")
            and key not in ("cgi2wsgi.version", "cgi2wsgi.request_id",
                            "cgi2wsgi.preloaded")}


# What is always there

@pytest.mark.parametrize("method", [
    "GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND",
    "M-SEARCH", "get", "Foo", "X!#$%&'*+.^_`|~1", "A" * 300])
def test_method(cgi, method):
    """B1: any method passes as it is."""
    assert environ(cgi, method=method)["REQUEST_METHOD"] == method


def test_head(cgi):
    """B1: HEAD is not made a GET."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [("X", environ["REQUEST_METHOD"])])
            return []
        """)
    assert cgi.run(script, method="HEAD").header("X") == "HEAD"


@pytest.mark.parametrize("how", [{"drop": ["REQUEST_METHOD"]},
                                 {"env": {"REQUEST_METHOD": ""}}])
def test_no_method(cgi, how):
    """B1: a server that names no method does not make an empty one."""
    assert environ(cgi, **how)["REQUEST_METHOD"] == "GET"


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "PATH_INFO",
                                  "QUERY_STRING"])
def test_absent(cgi, name):
    """B2: three variables are always there."""
    assert environ(cgi, drop=[name, "REQUEST_URI"])[name] == ""


def test_all_absent(cgi):
    """B2, B16: also all at once, without REQUEST_URI: the root."""
    result = environ(cgi, drop=["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING",
                                "REQUEST_URI"])
    assert paths(result) == ("", "/")
    assert result["QUERY_STRING"] == ""


@pytest.mark.parametrize("name", ["CONTENT_TYPE", "CONTENT_LENGTH"])
def test_empty_entity(cgi, name):
    """B3: nginx and Python's server set them empty."""
    assert name not in environ(cgi, env={name: ""})
    assert name not in environ(cgi)


def test_entity(cgi):
    """B3: given ones stay."""
    result = environ(cgi, method="POST", body=b"x" * 7,
                     env={"CONTENT_TYPE": "text/plain; charset=x"})
    assert result["CONTENT_LENGTH"] == "7"
    assert result["CONTENT_TYPE"] == "text/plain; charset=x"


def lost(name, value):
    return {"drop": [name]} if value is None else {"env": {name: value}}


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name, default", [
    ("SERVER_NAME", "localhost"), ("SERVER_PORT", "80"),
    ("SERVER_PROTOCOL", "HTTP/1.0")])
def test_server_defaults(cgi, name, default, value):
    """B4: present and not empty."""
    assert environ(cgi, **lost(name, value))[name] == default


@pytest.mark.parametrize("value", [None, ""])
def test_https_port(cgi, value):
    """B4: the port's default goes by the scheme."""
    how = lost("SERVER_PORT", value)
    how["env"] = {**how.get("env", {}), "HTTPS": "on"}
    assert environ(cgi, **how)["SERVER_PORT"] == "443"


def test_server_kept(cgi):
    """B4: what the server says stays."""
    result = environ(cgi, env={"SERVER_NAME": "[::1]", "SERVER_PORT": "8080",
                               "SERVER_PROTOCOL": "HTTP/2.0"})
    assert result["SERVER_NAME"] == "[::1]"
    assert result["SERVER_PORT"] == "8080"
    assert result["SERVER_PROTOCOL"] == "HTTP/2.0"


def test_included(cgi):
    """B4: a page's part is no protocol."""
    result = environ(cgi, env={"SERVER_PROTOCOL": "INCLUDED"})
    assert result["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_headers(cgi):
    """B5: HTTP_ variables are there exactly when the header was."""
    result = environ(cgi, env={"HTTP_X_EMPTY": "", "HTTP_X_ONE": "1"},
                     drop=["HTTP_HOST"])
    assert {key: value for key, value in result.items()
            if key.startswith("HTTP_")} == {"HTTP_X_EMPTY": "",
                                            "HTTP_X_ONE": "1"}


@pytest.mark.parametrize("name", [
    "PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "REMOTE_USER",
    "HTTP_X_BYTES", "HTTP_COOKIE", "CONTENT_TYPE", "SERVER_ADMIN",
    "DEPLOYERS_OWN", "SSL_CLIENT_S_DN", "REDIRECT_X"])
@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_bytes(cgi, name, locale):
    """B6: every byte arrives, decoded as Latin-1."""
    result = dump(cgi, env={name: BYTES, "LC_ALL": locale},
                  drop=["REQUEST_URI"])
    assert result["environ"][name] == BYTES.decode("latin-1")
    assert result["inexact"] == []


@pytest.mark.parametrize("value", [
    b"\xc3\xa9", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"caf\xe9\r\nX"])
def test_no_decoding(cgi, value):
    """B6: neither UTF-8 nor surrogates."""
    assert (environ(cgi, env={"PATH_INFO": value}, drop=["REQUEST_URI"])
            ["PATH_INFO"] == value.decode("latin-1"))


def test_byte_names(cgi):
    """B6: names too, whatever bytes they have."""
    name = bytes(set(BYTES) - {ord("=")})
    result = dump(cgi, raw=[(b"HTTP_" + name, b"1"), (b"X" + name, b"2")])
    assert result["environ"]["HTTP_" + name.decode("latin-1")] == "1"
    assert result["environ"]["X" + name.decode("latin-1")] == "2"
    assert result["inexact"] == []


def test_types(cgi):
    """B6: exact built-in types, of keys and of values."""
    result = dump(cgi, env={"HTTPS": "on", "AUTH_TYPE": "Basic",
                            "HTTP_COOKIE": "a=1"},
                  raw=[(b"HTTP_COOKIE", b"b=2")])
    assert result["inexact"] == []
    assert result["type"] == "dict"


def test_version(cgi):
    """B7: wsgi.version."""
    assert environ(cgi)["wsgi.version"] == "(1, 0)"


@pytest.mark.parametrize("https, scheme, expected", [
    ("on", None, "https"), ("ON", None, "https"), ("1", None, "https"),
    ("yes", None, "https"), ("True", None, "https"), ("yEs", "http", "https"),
    ("off", None, "http"), ("OFF", "https", "http"), ("0", "https", "http"),
    ("", None, "http"), ("", "https", "http"), ("no", None, "http"),
    (None, "https", "https"), (None, "http", "http"), (None, None, "http"),
    (None, "", "http"), (None, "wss", "http")])
def test_scheme(cgi, https, scheme, expected):
    """B7: HTTPS decides, REQUEST_SCHEME where it is absent."""
    env = {"HTTPS": https, "REQUEST_SCHEME": scheme}
    given = {key: value for key, value in env.items() if value is not None}
    result = environ(cgi, drop=[key for key in env if key not in given],
                     env=given)
    assert result["wsgi.url_scheme"] == expected


@pytest.mark.parametrize("header", [
    "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Ssl",
    "Front-End-Https", "Forwarded", "X-Url-Scheme", "HTTPS",
    "Request-Scheme"])
def test_forwarded(cgi, header):
    """B7: the client cannot choose the scheme."""
    value = "proto=https" if header == "Forwarded" else "https"
    for value in (value, "on"):
        result = environ(cgi, headers=[(header, value)])
        assert result["wsgi.url_scheme"] == "http"


def test_forwarded_host(cgi):
    """B7: nor name, port or address."""
    result = environ(cgi, headers=[("X-Forwarded-Host", "evil.example"),
                                   ("X-Forwarded-Port", "99"),
                                   ("X-Forwarded-For", "203.0.113.9"),
                                   ("X-Forwarded-Prefix", "/evil")])
    assert result["HTTP_HOST"] == "www.example.org"
    assert result["SERVER_NAME"] == "www.example.org"
    assert result["SERVER_PORT"] == "80"
    assert result["REMOTE_ADDR"] == "192.0.2.2"
    assert paths(result) == ("/cgi-bin/app.cgi", "/")


@pytest.mark.parametrize("port", ["http", "80a", "-1", "+80", " 80", "80 ",
                                  "8,0", b"8\xb2", "0x50", "8080.", ":80"])
@pytest.mark.parametrize("https, default", [("on", "443"), ("off", "80")])
def test_port_that_is_no_number(cgi, port, https, default):
    """B4: SERVER_PORT has digits only, or is the scheme's own."""
    result = environ(cgi, env={"SERVER_PORT": port, "HTTPS": https})
    assert result["SERVER_PORT"] == default


def test_flags(cgi):
    """B8: one process per request."""
    result = environ(cgi)
    assert result["wsgi.multithread"] == "False"
    assert result["wsgi.multiprocess"] == "True"
    assert result["wsgi.run_once"] == "True"


def test_own_keys(cgi):
    """B9: every key that no server set is lower case and has a dot."""
    result = dump(cgi, raw=[(b"lower", b"1")])
    given = {name for name, _ in cgi.environ(cgi.folder / "app.cgi")}
    added = {key for key in result["environ"] if key not in given}
    added -= {"lower", "HOME"}
    assert all(key.startswith(("wsgi.", "cgi2wsgi.")) for key in added), added
    assert added >= {"cgi2wsgi.version", "cgi2wsgi.request_id"}
    assert environ(cgi)["cgi2wsgi.preloaded"] == "False"


def test_version_key(cgi):
    """B9: cgi2wsgi.version is what --version says."""
    said = subprocess.run([PROGRAM, "--version"], capture_output=True,
                          text=True, check=True).stdout
    version = environ(cgi)["cgi2wsgi.version"]
    assert version and version in said


def test_request_id(cgi):
    """B9, D4: UNIQUE_ID if the server gives it, else one of our own."""
    own = [environ(cgi)["cgi2wsgi.request_id"] for _ in range(2)]
    assert all(len(id) == 16 and int(id, 16) >= 0 for id in own)
    assert own[0] != own[1]
    given = environ(cgi, env={"UNIQUE_ID": "Zz0@abc-_"})
    assert given["cgi2wsgi.request_id"] == "Zz0@abc-_"


@pytest.mark.parametrize("env, url", [
    ({}, "http://www.example.org/cgi-bin/app.cgi/a%20b?x=%20&y"),
    ({"HTTPS": "on", "SERVER_PORT": "443"},
     "https://www.example.org/cgi-bin/app.cgi/a%20b?x=%20&y"),
    ({"HTTP_HOST": "h.example:8080"},
     "http://h.example:8080/cgi-bin/app.cgi/a%20b?x=%20&y"),
    ({"SCRIPT_NAME": "", "REQUEST_URI": "/a%20b?x=%20&y"},
     "http://www.example.org/a%20b?x=%20&y")])
def test_request_uri(cgi, env, url):
    """B9: the URL as PEP 3333 puts it together is the one asked for."""
    result = environ(cgi, target="/a%20b?x=%20&y", env=env)
    assert request_uri(result) == url


@pytest.mark.parametrize("port, scheme, host", [
    ("80", "http", "www.example.org"),
    ("443", "https", "www.example.org"),
    ("8443", "https", "www.example.org:8443"),
    ("8080", "http", "www.example.org:8080")])
def test_request_uri_without_host(cgi, port, scheme, host):
    """B9: HTTP/1.0 clients send no Host."""
    env = {"SERVER_PORT": port, "REQUEST_SCHEME": scheme}
    result = environ(cgi, target="/p", env=env, drop=["HTTP_HOST"])
    assert request_uri(result) == f"{scheme}://{host}/cgi-bin/app.cgi/p"


def test_set_env(cgi):
    """B10: the deployer's variables are in both environments."""
    result = dump(cgi, env={"DATABASE": "x", "lower_case": "y",
                            "wsgi_like": "z"})
    for name in ("DATABASE", "lower_case", "wsgi_like"):
        assert result["environ"][name] == result["process"][name]


def test_env_option(cgi):
    """B10: --env is the server's SetEnv for those who have none."""
    result = dump(cgi, "--env ONE=1 --env 'TWO=a = b' --env EMPTY=")
    for name, value in (("ONE", "1"), ("TWO", "a = b"), ("EMPTY", "")):
        assert result["environ"][name] == value
        assert result["process"][name] == value


@pytest.mark.parametrize("name", [
    "wsgi.version", "wsgi.url_scheme", "wsgi.input", "wsgi.errors",
    "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once",
    "wsgi.file_wrapper", "wsgi.input_terminated", "cgi2wsgi.version",
    "cgi2wsgi.preloaded",
    "cgi2wsgi.request_id", "cgi2wsgi.script_name", "cgi2wsgi.path_info",
    "cgi2wsgi.query_string", "cgi2wsgi.script_url", "cgi2wsgi.redirect_url",
    "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING",
    "CONTENT_TYPE", "CONTENT_LENGTH", "SERVER_NAME", "SERVER_PORT",
    "SERVER_PROTOCOL", "CGI2WSGI_ARGS"])
def test_documented(name):
    """B10: the manual names every variable that the program provides."""
    text = MANUAL.read_text().replace("\\&", "")
    assert re.search(rf"^\.It (Ev|Va) .*\b{re.escape(name)}\b", text,
                     re.MULTILINE)


@pytest.mark.parametrize("path", [
    "/", "//", "//a", "/a//b", "/./a/../b/", "/a/.", "/..", "/a;b=c",
    "/%2F", "/%252e", "/a+b", "/\xc3\xa9", "/\xff", "/ ", "/a\nb", "/?",
    "/#x", "a/b"])
def test_path_kept(cgi, path):
    """B11: PATH_INFO is not decoded again, nor tidied."""
    result = environ(cgi, env={"PATH_INFO": path.encode("latin-1")},
                     drop=["REQUEST_URI"])
    assert result["PATH_INFO"] == path


@pytest.mark.parametrize("query", [
    "%41", "a=b&c=d", "a;b", "+", "%", "%zz", "?", "\xc3\xa9", "\xff", "//"])
def test_query_kept(cgi, query):
    """B11: QUERY_STRING is not decoded."""
    result = environ(cgi, env={"QUERY_STRING": query.encode("latin-1")},
                     drop=["REQUEST_URI"])
    assert result["QUERY_STRING"] == query


# What stays out of the process environment

def test_httpoxy(cgi):
    """B12: a header `Proxy` configures nobody's HTTP client."""
    result = dump(cgi, headers=[("Proxy", "http://evil.example")],
                  raw=[(b"HTTP_PROXY", b"http://evil2.example")],
                  env={"HTTPS_PROXY": "http://own.example",
                       "no_proxy": "localhost"})
    assert "HTTP_PROXY" not in result["environ"]
    assert "HTTP_PROXY" not in result["process"]
    assert "evil" not in json.dumps(result)
    assert result["process"]["HTTPS_PROXY"] == "http://own.example"
    assert result["process"]["no_proxy"] == "localhost"


def test_process_environment(cgi):
    """B13: request data does not reach os.environ."""
    own = {"DATABASE": "x", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    request = {"AUTH_TYPE": "Basic", "CONTENT_TYPE": "a/b",
               "PATH_TRANSLATED": "/x", "REMOTE_HOST": "h",
               "REMOTE_IDENT": "i", "REMOTE_USER": "u",
               "REDIRECT_STATUS": "200", "REDIRECT_URL": "/x",
               "REDIRECT_X": "1", "SSL_PROTOCOL": "TLSv1.3",
               "SSL_CLIENT_CERT": "c", "HTTPS": "on",
               "HTTP_AUTHORIZATION": "Basic secret", "HTTP_X.DOT": "1",
               "HTTP_COOKIE": "secret=1"}
    result = dump(cgi, method="POST", body=b"x", env={**own, **request})
    given = {name for name, _ in cgi.environ(cgi.folder / "app.cgi")}
    left = set(result["process"]) & (given | set(request)) - set(own)
    assert left <= {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"}
    for name, value in own.items():
        assert result["process"][name] == value
    for name in set(request) - {"PATH_TRANSLATED"}:
        assert name in result["environ"]


CHILD = """
import os
import subprocess


def application(environ, start_response):
    start_response("200 OK", [])
    shell = subprocess.run(["env"], stdout=subprocess.PIPE).stdout
    return [shell, b"--", os.popen("cat /proc/self/environ").read().encode()]
"""


def test_child(cgi):
    """B13: no child inherits a header; C code does not see it either."""
    reply = cgi.run(cgi.script(CHILD), "/p?q=secret", headers=[
        ("Cookie", "secret"), ("Proxy", "secret"), ("X-Api", "secret")])
    assert b"secret" not in reply.body
    assert b"REQUEST_METHOD" not in reply.body
    assert b"PATH=" in reply.body


# Names that come twice

@pytest.mark.parametrize("name, values, expected", [
    ("HTTP_X_UNDER", ["1", "2"], "1, 2"),
    ("HTTP_X_UNDER", ["1", "2", "3"], "1, 2, 3"),
    ("HTTP_X_FORWARDED_FOR", ["1.1.1.1", "2.2.2.2"], "1.1.1.1, 2.2.2.2"),
    ("HTTP_HOST", ["a.example", "b.example"], "b.example"),
    ("HTTP_ACCEPT", ["*/*", "\xe9"], "*/*, \xe9"),
    ("HTTP_X.DOT", ["1", "2"], "1, 2"),
    ("HTTP_COOKIE", ["a=1", "b=2"], "a=1; b=2"),
    ("HTTP_COOKIE", ["a=1", "b=2", "c=3"], "a=1; b=2; c=3"),
    ("HTTP_AUTHORIZATION", ["Basic dTpw", "Basic eDp5"],
     "Basic dTpw, Basic eDp5"),
    ("QUERY_STRING", ["a", "b"], "b"),
    ("QUERY_STRING", ["a", ""], ""),
    ("REMOTE_USER", ["a", "b"], "b"),
    ("REMOTE_USER", ["", "b", "c"], "c"),
    ("REQUEST_METHOD", ["GET", "PUT"], "PUT"),
    ("SERVER_NAME", ["a", "b"], "b"),
    ("SERVER_PORT", ["80", "8080"], "8080"),
    ("CONTENT_TYPE", ["a/b", "c/d"], "c/d"),
    ("CONTENT_LENGTH", ["3", "3"], "3"),
    ("DEPLOYERS_OWN", ["a", "b"], "a"),
    ("DEPLOYERS_OWN", ["", "b"], ""),
    ("lower", ["a", "b", "c"], "a")])
def test_twice(cgi, name, values, expected):
    """B14: joined, the last, or the first, by the kind of name."""
    pairs = [(name, value.encode("latin-1")) for value in values]
    result = environ(cgi, body=b"abc", drop=[name], raw=pairs)
    assert result[name] == expected


@pytest.mark.parametrize("values, expected", [
    (["/cgi-bin/app.cgi", "/split/cgi-bin/app.cgi"],
     ("/split/cgi-bin/app.cgi", "/p")),
    (["/a", ""], ("", "/p"))])
def test_script_name_twice(cgi, values, expected):
    """B14: nginx recipes set SCRIPT_NAME a second time."""
    result = environ(cgi, target="/p", drop=["SCRIPT_NAME", "REQUEST_URI"],
                     raw=[("SCRIPT_NAME", value) for value in values])
    assert paths(result) == expected


@pytest.mark.parametrize("values", [
    ["3", "4"], ["4", "3"], ["3", "3", "4"], ["3", "03x"], ["3", "-1"]])
def test_lengths_differ(cgi, values):
    """B14, C5: two lengths are a smuggled request."""
    script = cgi.script("marker")
    reply = cgi.run(script, method="POST", body=b"abcd", length=None,
                    raw=[("CONTENT_LENGTH", value) for value in values])
    assert reply.status == 400
    assert "content-length" in reply.log
    assert not (cgi.folder / "imported").exists()


def test_first_in_process(cgi):
    """B14: os.environ agrees on the deployer's variables."""
    result = dump(cgi, raw=[("DEPLOYERS_OWN", "a"), ("DEPLOYERS_OWN", "b")])
    assert result["process"]["DEPLOYERS_OWN"] == "a"


def test_header_no_meta_variable(cgi):
    """B14: HTTP_CONTENT_LENGTH and HTTP_CONTENT_TYPE are the client's."""
    result = environ(cgi, headers=[("Content_Length", "99")],
                     raw=[("HTTP_CONTENT_LENGTH", "5"),
                          ("HTTP_CONTENT_TYPE", "x/y")],
                     drop=["CONTENT_LENGTH", "CONTENT_TYPE"])
    assert "CONTENT_LENGTH" not in result
    assert "CONTENT_TYPE" not in result
    result = environ(cgi, method="POST", body=b"abc",
                     env={"CONTENT_TYPE": "a/b",
                          "HTTP_CONTENT_LENGTH": "2",
                          "HTTP_CONTENT_TYPE": "x/y"})
    assert result["CONTENT_LENGTH"] == "3"
    assert result["CONTENT_TYPE"] == "a/b"


@pytest.mark.parametrize("name", [
    "HTTP_X.DOT", "HTTP_X+PLUS", "HTTP_X!'~", "HTTP_X Y", "HTTP_X-Y",
    "HTTP_", "X.Y"])
def test_odd_names(cgi, name):
    """B14: names that are no identifiers arrive as they are."""
    assert environ(cgi, env={name: "1"})[name] == "1"


def test_odd_entries(cgi):
    """B14: neither `=x` nor an entry without a name harms anyone."""
    result = dump(cgi, raw=[(b"", b"x"), (b"HTTP_X", b"a=b=c")])
    assert result["environ"]["HTTP_X"] == "a=b=c"


# Authorization behind an internal redirect

@pytest.mark.parametrize("name", ["HTTP_AUTHORIZATION", "REMOTE_USER",
                                  "AUTH_TYPE"])
@pytest.mark.parametrize("given, expected", [
    ([("REDIRECT_", "r")], "r"),
    ([("REDIRECT_", "")], None),
    ([("", "own"), ("REDIRECT_", "r")], "own"),
    ([("REDIRECT_REDIRECT_", "rr")], "rr"),
    ([("REDIRECT_", "r"), ("REDIRECT_REDIRECT_", "rr")], "r"),
    ([("REDIRECT_REDIRECT_", "rr"), ("REDIRECT_", "r")], "r"),
    ([("REDIRECT_", ""), ("REDIRECT_REDIRECT_", "rr")], "rr"),
    ([("", "own"), ("REDIRECT_REDIRECT_", "rr")], "own"),
    ([("HTTP_REDIRECT_", "client")], None),
    ([("redirect_", "x")], None)])
def test_authorization(cgi, name, given, expected):
    """B15: the REDIRECT_ form stands in for one that is missing."""
    result = environ(cgi, env={prefix + name: value
                               for prefix, value in given})
    assert result.get(name) == expected


# SCRIPT_NAME and PATH_INFO

ACTION = {"SERVER_SOFTWARE": APACHE, "REDIRECT_STATUS": "200",
          "REDIRECT_HANDLER": "wsgi-script",
          "SCRIPT_NAME": "/cgi-bin/direct"}


@pytest.mark.parametrize("rest", ["", "/", "/p", "/a b/\xc3\xa9", "/a/x.wsgi",
                                  "/app.wsgi", "/\xff"])
def test_action(cgi, rest):
    """B16, H3: behind Action the script's URL path is the prefix."""
    source = (TESTS / "apps" / "environ.py").read_text()
    cgi.write("act/app.wsgi", source)
    url = ("/act/app.wsgi" + rest).encode("latin-1")
    env = cgi.environ(PROGRAM, env={
        **ACTION, "PATH_INFO": url, "REDIRECT_URL": url,
        "REQUEST_URI": quote(url).encode() + b"?x=1", "QUERY_STRING": "x=1",
        "PATH_TRANSLATED": str(cgi.folder).encode() + url})
    reply = cgi.exec([PROGRAM], env)
    assert reply.status == 200, reply
    result = json.loads(reply.body)["environ"]
    assert paths(result) == ("/act/app.wsgi", rest)
    assert consistent_bytes(result)
    assert originals(result) == {"script_name": "/cgi-bin/direct",
                                 "path_info": url.decode("latin-1")}


def consistent_bytes(result):
    """As consistent(), for paths that are no UTF-8."""
    try:
        return consistent(result)
    except UnicodeDecodeError:
        url = result.get("SCRIPT_URL") or result.get("REDIRECT_URL")
        return url in (None, "".join(paths(result)))


@pytest.mark.parametrize("folder, rest", [
    ("/front", "/p"), ("/front", "/"), ("/front", "/a b/\xc3\xa9/z"),
    ("", "/"), ("", "/p"), ("/caf\xc3\xa9", "/\xc3\xa9"),
    ("/a/b/c", "/front"), ("/front", "/front"), ("/front", "/\xff"),
    ("/front", "/app.cgi")])
def test_front_controller(cgi, folder, rest):
    """B16: RewriteRule ^(.*)$ app.cgi/$1 in .htaccess."""
    name, url = folder + "/app.cgi", folder + rest
    quoted = url.replace(" ", "%20").replace("\xff", "%FF")
    result = environ(cgi, env={
        key: value.encode("latin-1") for key, value in {
            "SERVER_SOFTWARE": APACHE, "SCRIPT_NAME": name,
            "PATH_INFO": rest, "REDIRECT_URL": url,
            "REDIRECT_STATUS": "200", "REQUEST_URI": quoted + "?q",
            "QUERY_STRING": "q", "REDIRECT_QUERY_STRING": "q"}.items()})
    assert paths(result) == (folder, rest)
    assert consistent_bytes(result)
    assert originals(result) == {"script_name": name}


def test_front_controller_redirected_twice(cgi):
    """B16: cgi-specific request URI, CGIVar REQUEST_URI current."""
    result = environ(cgi, env={
        "SERVER_SOFTWARE": APACHE, "SCRIPT_NAME": "/cgivar/app.cgi",
        "PATH_INFO": "/p", "REDIRECT_URL": "/cgivar/p",
        "REDIRECT_STATUS": "200", "REQUEST_URI": "/cgivar/app.cgi/p"})
    assert paths(result) == ("/cgivar", "/p")
    assert consistent(result)


def test_front_controller_absolute(cgi):
    """B16: a request in absolute form, and merged slashes."""
    for uri in ("http://other.example:99/front/p?x=1", "/front//p"):
        result = environ(cgi, env={
            "SERVER_SOFTWARE": APACHE, "SCRIPT_NAME": "/front/app.cgi",
            "PATH_INFO": "/p", "REDIRECT_URL": "/front/p",
            "REDIRECT_STATUS": "200", "REQUEST_URI": uri})
        assert paths(result) == ("/front", "/p")
        assert consistent(result)


@pytest.mark.parametrize("url, path", [
    ("/missing", "/err"), ("/missing/", "/err"), ("/missing/err", "/err"),
    ("/missing", None)])
def test_error_document(cgi, url, path):
    """B16, case 3: an ErrorDocument has what the server gave it."""
    given = {"SERVER_SOFTWARE": APACHE, "SCRIPT_NAME": "/cgi-bin/app.cgi",
             "REDIRECT_URL": url, "REDIRECT_STATUS": "404",
             "REQUEST_URI": url, "REDIRECT_REQUEST_METHOD": "POST"}
    drop = ["PATH_INFO"]
    if path:
        given["PATH_INFO"] = path
        drop = []
    result = environ(cgi, env=given, drop=drop)
    assert paths(result) == ("/cgi-bin/app.cgi", path or "")
    assert result["REDIRECT_URL"] == url
    assert originals(result) == {}


@pytest.mark.parametrize("path", ["/p", "/", "/a b/\xc3\xa9x/z"])
def test_server_rewrite(cgi, path):
    """B16: RewriteRule [PT] in the server's configuration."""
    result = environ(cgi, env={
        key: value.encode("latin-1") for key, value in {
            "SERVER_SOFTWARE": APACHE, "SCRIPT_NAME": "/cgi-bin/app.cgi",
            "PATH_INFO": path, "SCRIPT_URL": "/rw" + path,
            "SCRIPT_URI": "http://127.0.0.1:28004/rw" + path,
            "REQUEST_URI": "/rw" + path.replace(" ", "%20")}.items()})
    assert paths(result) == ("/rw", path)
    assert consistent(result)
    assert originals(result) == {"script_name": "/cgi-bin/app.cgi"}


def test_server_rewrite_escaped(cgi):
    """B16: with [B] nothing fits; what Django reads must still agree."""
    result = environ(cgi, env={
        "SERVER_SOFTWARE": APACHE, "SCRIPT_NAME": "/cgi-bin/app.cgi",
        "PATH_INFO": "/a%2fb+c%2fz", "SCRIPT_URL": "/rwb/a/b c/z",
        "SCRIPT_URI": "http://127.0.0.1:28004/rwb/a/b c/z",
        "REQUEST_URI": "/rwb/a/b%20c//y/../z"})
    assert paths(result) == ("/cgi-bin/app.cgi", "/a%2fb+c%2fz")
    assert consistent(result)
    assert originals(result) == {"script_url": "/rwb/a/b c/z"}


def test_server_side_include(cgi):
    """B16: INCLUDED's SCRIPT_NAME has PATH_INFO at its end."""
    result = environ(cgi, env={
        "SERVER_SOFTWARE": APACHE, "SERVER_PROTOCOL": "INCLUDED",
        "SCRIPT_NAME": "/cgi-bin/app.cgi/ssi/pi", "PATH_INFO": "/ssi/pi",
        "REQUEST_URI": "/apps/inc.shtml", "DOCUMENT_URI": "/apps/inc.shtml",
        "QUERY_STRING": "a=1&b=2"})
    assert paths(result) == ("/cgi-bin/app.cgi", "/ssi/pi")
    assert originals(result) == {"script_name": "/cgi-bin/app.cgi/ssi/pi"}


@pytest.mark.parametrize("rest", ["/", "/p", "/a b/\xc3\xa9/x/z", "/front"])
def test_try_files(cgi, rest):
    """B16: nginx, PATH_INFO=$document_uri behind a fixed SCRIPT_NAME."""
    url = ("/front" + rest).encode("latin-1")
    result = environ(cgi, drop=["SCRIPT_NAME"], env={
        "SERVER_SOFTWARE": "nginx/1.22.1", "REDIRECT_STATUS": "200",
        "PATH_INFO": url, "DOCUMENT_URI": url,
        "REQUEST_URI": url.replace(b" ", b"%20")},
        raw=[("SCRIPT_NAME", url), ("SCRIPT_NAME", "/front")])
    assert paths(result) == ("/front", rest)
    assert consistent(result)
    assert originals(result) == {"path_info": url.decode("latin-1")}


@pytest.mark.parametrize("path", ["/", "/p", "/a b/\xc3\xa9/z"])
def test_nginx_root(cgi, path):
    """B16, B14: nginx, the application is the whole site."""
    url = path.encode("latin-1")
    result = environ(cgi, drop=["SCRIPT_NAME"], env={
        "SERVER_SOFTWARE": "nginx/1.22.1", "REDIRECT_STATUS": "200",
        "PATH_INFO": url, "DOCUMENT_URI": url,
        "REQUEST_URI": url.replace(b" ", b"%20")},
        raw=[("SCRIPT_NAME", url), ("SCRIPT_NAME", "")])
    assert paths(result) == ("", path)
    assert consistent(result)
    assert originals(result) == {}


@pytest.mark.parametrize("path", ["/p", "/a/b"])
def test_nginx_stock_root(cgi, path):
    """B16: with the stock parameters alone both are the whole path."""
    result = environ(cgi, env={
        "SERVER_SOFTWARE": "nginx/1.22.1", "REDIRECT_STATUS": "200",
        "SCRIPT_NAME": path, "PATH_INFO": path, "DOCUMENT_URI": path,
        "REQUEST_URI": path})
    assert "".join(paths(result)) == path
    assert consistent(result)


@pytest.mark.parametrize("name, path, uri", [
    ("/app", "/app", "/app/app"), ("/app", "/app/x", "/app/app/x?q"),
    ("/a", "/a", "http://h.example/a/a"), ("/app", "/apple", "/app/apple"),
    ("/caf\xc3\xa9", "/caf\xc3\xa9", "/caf%C3%A9/caf%C3%A9"),
    ("/app", "/apple", None)])
def test_no_doubt(cgi, name, path, uri):
    """B16: a path that merely begins like the prefix is left alone."""
    env = {"SERVER_SOFTWARE": "nginx/1.22.1",
           "SCRIPT_NAME": name.encode("latin-1"),
           "PATH_INFO": path.encode("latin-1"), "REQUEST_URI": uri or ""}
    result = environ(cgi, env=env, drop=[] if uri else ["REQUEST_URI"])
    assert paths(result) == (name, path)
    assert originals(result) == {}


def test_error_handler(cgi):
    """B16: lighttpd's server.error-handler-404 leaves REQUEST_URI only."""
    result = environ(cgi, "--script-name /", drop=["PATH_INFO"], env={
        "SERVER_SOFTWARE": "lighttpd/1.4.69", "SCRIPT_NAME": "/app.wsgi",
        "REQUEST_URI": "/a%20b/%C3%A9?foo+bar", "REDIRECT_STATUS": "404",
        "REDIRECT_URI": "/app.wsgi", "QUERY_STRING": ""})
    assert paths(result) == ("", "/a b/\xc3\xa9")
    assert result["QUERY_STRING"] == "foo+bar"
    assert originals(result) == {"script_name": "/app.wsgi",
                                 "path_info": "", "query_string": ""}


def test_fallback_resource(cgi):
    """B16: Apache's FallbackResource, without PATH_INFO."""
    result = environ(cgi, "--script-name /fallback", drop=["PATH_INFO"], env={
        "SERVER_SOFTWARE": APACHE, "SCRIPT_NAME": "/fallback/app.cgi",
        "REQUEST_URI": "/fallback/a/b?x=1&y=%20",
        "QUERY_STRING": "x=1&y=%20"})
    assert paths(result) == ("/fallback", "/a/b")
    assert consistent(result)
    assert result["QUERY_STRING"] == "x=1&y=%20"
    assert request_uri(result).endswith("/fallback/a/b?x=1&y=%20")


LIGHTTPD = {"SERVER_SOFTWARE": "lighttpd/1.4.69", "REDIRECT_STATUS": "200"}


@pytest.mark.parametrize("folder, rest", [
    ("", "/"), ("", "/p"), ("/front", "/"), ("/front", "/p")])
@pytest.mark.parametrize("slash", ["", "/"])
def test_lighttpd_rewrite_option(cgi, folder, rest, slash):
    """B16: lighttpd's url.rewrite with the prefix given."""
    if not folder and not slash:
        slash = "/"
    result = environ(cgi, f"--script-name {folder}{slash}", env={
        **LIGHTTPD, "SCRIPT_NAME": folder + "/app.wsgi", "PATH_INFO": rest,
        "REQUEST_URI": folder + rest + "?-s",
        "REDIRECT_URI": folder + "/app.wsgi" + rest + "?-s",
        "QUERY_STRING": "-s"})
    assert paths(result) == (folder, rest)
    assert consistent(result)
    assert originals(result)["script_name"] == folder + "/app.wsgi"


@pytest.mark.parametrize("folder, rest", [
    ("", "/"), ("", "/p"), ("/front", "/"), ("/front", "/p"),
    ("/front", "/a b/\xc3\xa9")])
def test_lighttpd_rewrite(cgi, folder, rest):
    """B16: lighttpd's url.rewrite to app.wsgi/$1, without an option."""
    quoted = (folder + rest).replace(" ", "%20")
    result = environ(cgi, env={
        key: value.encode("latin-1") for key, value in {
            **LIGHTTPD, "SCRIPT_NAME": folder + "/app.wsgi",
            "PATH_INFO": rest, "REQUEST_URI": quoted + "?-s",
            "REDIRECT_URI": folder + "/app.wsgi" + rest + "?-s",
            "QUERY_STRING": "-s"}.items()})
    assert paths(result) == (folder, rest)
    assert consistent(result)
    assert originals(result) == {"script_name": folder + "/app.wsgi"}


@pytest.mark.parametrize("uri, name, path", [
    ("/mnt/a/b", "/mnt", "/a/b"), ("/mnt", "/mnt", ""),
    ("/mnt/", "/mnt", "/"), ("/mnt?q", "/mnt", ""),
    ("http://other.example:99/mnt/p?x=1", "/mnt", "/p"),
    ("https://other.example/mnt", "/mnt", ""),
    ("/mnt/%2541", "/mnt", "/%41"), ("/mnt/a%2Fb", "/mnt", "/a/b"),
    ("/mnt/%zz%4", "/mnt", "/%zz%4"), ("/mnt/%C3%A9", "/mnt", "/\xc3\xa9"),
    ("/mn%74/x", "/mnt", "/x"), ("/mnt/a+b", "/mnt", "/a+b"),
    ("/mnt//a//b", "/mnt", "//a//b")])
def test_script_name(cgi, uri, name, path):
    """B16, B11: PATH_INFO is what REQUEST_URI has behind the prefix."""
    result = environ(cgi, "--script-name /mnt",
                     env={"REQUEST_URI": uri, "SERVER_SOFTWARE": "x"})
    assert paths(result) == (name, path)


@pytest.mark.parametrize("uri, path", [
    ("/", "/"), ("/p", "/p"), ("/a/b?q", "/a/b"),
    ("http://h.example", "/"), ("http://h.example/p", "/p"), ("/?q", "/")])
def test_script_name_root(cgi, uri, path):
    """B16: --script-name / is a root mount."""
    result = environ(cgi, "--script-name /", env={"REQUEST_URI": uri})
    assert paths(result) == ("", path)


@pytest.mark.parametrize("prefix, uri", [
    ("/app", "/apple"), ("/app", "/other"), ("/app/x", "/app"),
    ("/app", "/")])
def test_script_name_elsewhere(cgi, prefix, uri):
    """B16: a prefix that the request does not have is told in the log."""
    script = cgi.script("environ", f"--script-name {prefix}")
    reply = cgi.run(script, env={"REQUEST_URI": uri})
    assert reply.status == 200
    assert "cgi2wsgi: script-name [" in reply.log


def test_script_name_non_ascii(cgi):
    """B16: a prefix in any script."""
    result = environ(cgi, "--script-name /caf\xe9", env={
        "REQUEST_URI": "/caf%C3%A9/x"})
    assert paths(result) == ("/caf\xc3\xa9", "/x")


@pytest.mark.parametrize("prefix, uri", [
    ("/caf%C3%A9", "/caf%C3%A9/x"), ("/a%20b", "/a%20b/x"),
    ("/a%20b", "/a+b/../a%20b/x"), ("/100%", "/100%25/x")])
def test_script_name_encoded(cgi, prefix, uri):
    """B16, case 7: a prefix as a browser shows it, percent-encoded."""
    result = environ(cgi, f"--script-name {prefix}", env={"REQUEST_URI": uri})
    assert paths(result) == (unquote(prefix, "latin-1"), "/x")


@pytest.mark.parametrize("uri", [None, "", "*"])
def test_script_name_without_uri(cgi, uri):
    """B16, case 7: servers without REQUEST_URI are no fault of the prefix."""
    how = {"drop": ["REQUEST_URI"]} if uri is None else {
        "env": {"REQUEST_URI": uri}}
    reply = cgi.run(cgi.script("environ", "--script-name /api"),
                    "/q", **how)
    assert paths(json.loads(reply.body)["environ"]) == ("/api", "/q")
    assert reply.log == ""


def test_script_name_redirected(cgi):
    """B16: the option's prefix is also the one that Django reads."""
    result = environ(cgi, "--script-name /mnt", env={
        "SCRIPT_NAME": "/cgi-bin/app.cgi", "PATH_INFO": "/x/p",
        "REDIRECT_URL": "/other/x/p", "SCRIPT_URL": "/third/x/p",
        "REDIRECT_STATUS": "200", "REQUEST_URI": "/mnt/p"})
    assert paths(result) == ("/mnt", "/p")
    assert consistent(result)
    assert originals(result) == {
        "script_name": "/cgi-bin/app.cgi", "path_info": "/x/p",
        "redirect_url": "/other/x/p", "script_url": "/third/x/p"}


@pytest.mark.parametrize("env", [
    {"SCRIPT_NAME": "/front/app.cgi", "PATH_INFO": "/p",
     "REDIRECT_URL": "/front/p", "REDIRECT_STATUS": "200",
     "REQUEST_URI": "/front/p"},
    {"SCRIPT_NAME": "/a/p", "PATH_INFO": "/p", "SERVER_PROTOCOL": "INCLUDED",
     "REQUEST_URI": "/x.shtml"},
    {"SCRIPT_NAME": "/front", "PATH_INFO": "/front/p",
     "REQUEST_URI": "/front/p", "SERVER_SOFTWARE": "nginx/1.22.1"},
    {"SCRIPT_NAME": "/cgi-bin/app.cgi", "PATH_INFO": "/p",
     "SCRIPT_URL": "/rw/p", "REQUEST_URI": "/rw/p"}])
def test_script_name_off(cgi, env):
    """B16: --script-name off repairs nothing."""
    result = environ(cgi, "--script-name off", env=env)
    for name in set(env) - {"SERVER_PROTOCOL"}:
        assert result[name] == env[name]
    assert originals(result) == {}


def test_script_by_its_file(cgi):
    """B16: fcgiwrap names the script by its file, the client did not."""
    result = environ(cgi, target="/p", env={
        "SCRIPT_NAME": "/cgi-bin/app.cgi", "REQUEST_URI": "/walk/app.cgi/p",
        "DOCUMENT_URI": "/cgi-bin/app.cgi/p", "REDIRECT_STATUS": "200",
        "SERVER_SOFTWARE": "nginx/1.22.1"})
    assert paths(result) == ("/walk/app.cgi", "/p")
    assert originals(result) == {"script_name": "/cgi-bin/app.cgi"}
    assert consistent(result)


@pytest.mark.parametrize("env", [
    {},                                         # ScriptAlias to a folder
    {"SCRIPT_NAME": "/mnt", "REQUEST_URI": "/mnt/p"},
    {"SCRIPT_NAME": "", "REQUEST_URI": "/p"},
    {"REQUEST_URI": "http://other.example:99/cgi-bin/app.cgi/p?x=1"}])
def test_untouched(cgi, env):
    """B16: the ordinary ways need no repair."""
    result = environ(cgi, target="/p", env=env)
    assert paths(result) == (env.get("SCRIPT_NAME", "/cgi-bin/app.cgi"), "/p")
    assert originals(result) == {}
    assert consistent(result)
