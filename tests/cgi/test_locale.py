"""Names of headers are compared in ASCII, in Turkish, too."""

import subprocess

import pytest

from harness import SANITIZED


@pytest.fixture(scope="session")
def locales(tmp_path_factory):
    """A folder for LOCPATH, in which i and I are not the same letter."""
    folder = tmp_path_factory.mktemp("locales")
    subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8",
                    folder / "tr_TR.UTF-8"], check=True)
    return folder


APPLICATION = """
import ctypes
import locale

if {by_application}:
    locale.setlocale(locale.LC_ALL, "tr_TR.UTF-8")
libc = ctypes.CDLL(None)


def application(environ, start_response):
    {before}
    start_response("200 OK", {headers!r})
    return [b"%d" % libc.strcasecmp(b"I", b"i")]
"""


@pytest.fixture(params=["environment", "application"])
def run(cgi, locales, request):
    """Runs an application that sends headers, where the locale is Turkish."""
    def call(headers, *options, before="pass", env={}, **how):
        by_application = request.param == "application"
        env = {"LOCPATH": locales, **env}
        if not by_application:
            env["LC_ALL"] = "tr_TR.UTF-8"
        return cgi.run(cgi.script(APPLICATION.format(
            by_application=by_application, before=before,
            headers=headers), *options), env=env, **how)
    return call


@pytest.mark.skipif(
    SANITIZED, reason="the sanitizer has a strcasecmp() of its own, in ASCII")
def test_it_is_turkish(run):
    """I7: strcasecmp() does not find I and i the same."""
    reply = run([("Content-Type", "text/plain")])
    assert reply.status == 200 and reply.body != b"0"


@pytest.mark.parametrize("name", [
    "CONNECTION", "TRANSFER-ENCODING", "KEEP-ALIVE", "PROXY-AUTHORIZATION",
    "PROXY-AUTHENTICATE", "TRAILERS", "STATUS"])
def test_refused(run, name):
    """I7, E3, case 8: whatever the case of the name."""
    assert run([(name, "close")]).status == 500
    assert run([(name.lower(), "close")]).status == 500


def test_location(run):
    """I7, G3, case 8: dropped with status 200."""
    reply = run([("LOCATION", "/x")])
    assert reply.status == 200 and reply.header("Location") is None
    assert "cgi2wsgi: location [" in reply.log


@pytest.mark.parametrize("one, other", [
    ("LOCATION", "location"), ("CONTENT-TYPE", "content-type"),
    ("CONTENT-LENGTH", "content-length")])
def test_once(run, one, other):
    """I7, E4: a second one is found whatever its case."""
    assert run([(one, "3"), (other, "3")]).status == 500


def test_length(run):
    """I7, F2: none is added where the application gave one."""
    reply = run([("CONTENT-LENGTH", "1")])
    assert [value for name, value in reply.headers
            if name.lower() == "content-length"] == ["1"]


def test_nph(run):
    """I7, G6: the application's own Server and Date."""
    reply = run([("SERVER", "mine"), ("DATE", "then")], "--nph")
    head = reply.raw.partition(b"\r\n\r\n")[0].lower()
    assert head.count(b"server:") == 1 and head.count(b"\r\ndate:") == 1


@pytest.mark.parametrize("env, scheme", [
    ({"HTTPS": "YES"}, "https"), ({"REQUEST_SCHEME": "HTTPS"}, "https"),
    ({"HTTPS": "ON"}, "https")])
def test_scheme(run, env, scheme):
    """I7, B7: HTTPS in any case."""
    reply = run([], before="raise ValueError(environ['wsgi.url_scheme'])",
                env=env)
    assert f"ValueError: {scheme}" in reply.log


def test_page(run):
    """I7, G1: Accept in any case, and weights with a point."""
    reply = run([], before="raise ValueError", env={
        "HTTP_ACCEPT": "TEXT/PLAIN;Q=0.9, text/html;q=0.8"})
    assert reply.header("Content-Type").startswith("text/plain")
