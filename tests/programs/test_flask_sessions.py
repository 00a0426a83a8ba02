"""A Flask application that knows its visitors from request to request."""

import re

import pytest

from hosts import HERE
from visitor import Visitor

ANNA = {"name": "anna", "password": "wörd"}


def install(host):
    host.deploy("diary", (HERE / "diary.py").read_text())


@pytest.fixture
def home(host):
    return host.url(host.prefix("diary") + "/")


def messages(page):
    return re.findall(r'<p class="(\w+)">(.*?)</p>', page.text)


def test_log_in(visitor, home):
    """A page that asks for a login is shown behind it."""
    page = visitor.visit(home + "?month=5")
    assert page.url.startswith(home + "login?next=")
    assert messages(page) == [("hint", "Please log in.")]
    page = visitor.submit({**ANNA, "password": "word"})
    assert page.status_code == 403
    assert messages(page) == [("error", "Wrong name or password.")]
    page = visitor.submit(ANNA)
    assert page.url == home + "?month=5"
    assert messages(page) == [("hint", "Welcome, anna!")]
    assert messages(visitor.visit(home)) == []


def test_messages(visitor, home):
    """Each is shown once, in the order in which they came."""
    visitor.visit(home)
    visitor.submit(ANNA)
    for line in "Größe", "<b>", "two; words=3":
        page = visitor.submit({"line": line})
        assert page.url == home
        assert messages(page) == [("hint", "Written down."),
                                  ("hint", "Nobody else reads it.")]
    assert re.findall("<li>(.*?)</li>", page.text) == [
        "Größe", "&lt;b&gt;", "two; words=3"]
    assert messages(visitor.visit(home)) == []


def test_two_visitors(host, visitor, home):
    other = Visitor(host)
    for one, who in (visitor, ANNA), (other, {"name": "bert",
                                              "password": "word"}):
        one.visit(home)
        one.submit(who)
        one.submit({"line": who["name"] + " was here"})
    page = visitor.visit(home)
    assert "<h1>anna</h1>" in page.text and "anna was here" in page.text
    assert "bert" not in page.text
    assert "bert was here" in other.visit(home).text


def test_log_out(visitor, home):
    visitor.visit(home)
    visitor.submit(ANNA)
    kept = visitor.session.cookies.copy()
    page = visitor.follow("Log out")
    assert page.url == home + "login"
    assert messages(page) == [("hint", "Bye.")]
    assert visitor.visit(home).url.startswith(home + "login?")
    # A session that was changed by somebody is none.
    for cookie in kept:
        cookie.value = cookie.value[:-2] + "xx"
        visitor.session.cookies.set_cookie(cookie)
    assert visitor.visit(home).url.startswith(home + "login?")
