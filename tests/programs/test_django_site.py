"""A Django project: its administration, uploads, static files."""

import gzip
import os
import re
from urllib.parse import urljoin

import pytest

from apache import TIMEOUT
from archive_site import PASSWORD, install_archive
from hosts import HERE

STATIC = HERE / "archive/static/archive"
MIB = 1 << 20


def install(host):
    install_archive(host)


@pytest.fixture
def home(visitor, host):
    """The project's first page, visited."""
    return visitor.visit(host.prefix("archive") + "/")


def log_in(visitor):
    visitor.follow("Administration")
    return visitor.submit({"username": "anna", "password": PASSWORD})


def test_add_in_administration(visitor, home):
    """B16, C1, F6: log in, upload some MB, fetch them."""
    content = os.urandom(5 * MIB)
    page = visitor.follow("Administration")
    assert page.url == home.url + "admin/login/?next=" + (
        "/" + home.url.split("/", 3)[3] + "admin/")
    page = visitor.submit({"username": "anna", "password": PASSWORD})
    assert page.url == home.url + "admin/"
    visitor.follow("Documents")
    visitor.follow("Add document")
    page = visitor.submit({"title": "Größe & Maß"},
                          {"file": ("Maß.bin", content)})
    assert "was added successfully" in page.text
    visitor.follow("Größe &amp; Maß")
    page = visitor.follow("View on site")
    visitor.visit(home.url)
    page = visitor.follow("Größe &amp; Maß")
    assert page.url.startswith(home.url + "documents/")
    assert page.headers["Content-Type"] == "application/octet-stream"
    assert page.headers["Content-Length"] == str(len(content))
    assert page.headers["Content-Disposition"].endswith("Ma%C3%9F.bin")
    assert page.content == content


def test_add_by_form(visitor, home):
    """A form with a text and a file, two times; a file as its size is."""
    for size in (0, 1, 3 * MIB):
        content = os.urandom(size)
        page = visitor.submit({"title": f"{size} bytes"},
                              {"file": ("name.txt", content)})
        if not size:
            assert "The submitted file is empty" in page.text
            continue
        assert page.url == home.url and len(page.history) == 1
        page = visitor.follow(f"{size} bytes")
        assert page.headers["Content-Type"] == "text/plain"
        assert page.content == content
        visitor.visit(home.url)


def test_forgery(visitor, home):
    """Without the word from the form nothing is taken."""
    answer = visitor.session.post(
        home.url, {"title": "false"}, files={"file": ("a", bytes(3 * MIB))},
        timeout=TIMEOUT)
    assert answer.status_code == 403
    assert "CSRF" in answer.text
    assert "false" not in visitor.visit(home.url).text


def test_log_out(visitor, home):
    """By a link in Django 3, by a button since 4.1."""
    log_in(visitor)
    page = visitor.press("Log out")
    assert "Logged out" in page.text
    page = visitor.visit(home.url + "admin/archive/document/")
    assert page.url.startswith(home.url + "admin/login/")


def linked(page, pattern):
    """The only URL that a pattern finds in a page."""
    link, = re.findall(pattern, page.text)
    return urljoin(page.url, link)


def assert_file(answer, name, kind):
    """The file, its type, and leave to keep it for ever."""
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == kind
    assert "immutable" in answer.headers["Cache-Control"]
    if name:
        assert answer.content == (STATIC / name).read_bytes()


def test_static_files(visitor, home):
    """What the page names, and what that names."""
    style = linked(home, 'rel="stylesheet" href="(.*?)"')
    script = linked(home, 'script src="(.*?)"')
    assert re.fullmatch(home.url + r"static/archive/style\.\w{12}\.css",
                        style)
    assert_file(visitor.visit(script), "count.js",
                'text/javascript; charset="utf-8"')
    page = visitor.visit(style)
    assert_file(page, None, 'text/css; charset="utf-8"')
    picture = linked(page, r'url\("(.*?)"\)')
    assert_file(visitor.visit(picture), "mark.svg", "image/svg+xml")
    assert visitor.visit(style + "x").status_code == 404


def test_static_file_not_modified(visitor, home):
    """F3: 304 has the headers, and nothing behind them."""
    style = linked(home, 'rel="stylesheet" href="(.*?)"')
    page = visitor.visit(style)
    for _ in range(2):
        again = visitor.session.get(style, timeout=TIMEOUT, headers={
            "If-Modified-Since": page.headers["Last-Modified"]})
        assert (again.status_code, again.content) == (304, b"")
        assert "immutable" in again.headers["Cache-Control"]
    head = visitor.session.head(style, timeout=TIMEOUT)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == page.headers["Content-Type"]


def test_static_file_packed(visitor, home):
    """The file that was compressed beforehand, where the client takes it."""
    style = home.url + "static/admin/css/base.css"
    answer = visitor.session.get(style, timeout=TIMEOUT, stream=True, headers={
        "Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    packed = answer.raw.read()
    assert len(packed) == int(answer.headers["Content-Length"])
    plain = visitor.session.get(style, timeout=TIMEOUT, headers={
        "Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.content == gzip.decompress(packed)


def test_pages_of_administration(visitor, home):
    """B16: the administration's own files and links lead somewhere."""
    page = log_in(visitor)
    links = {urljoin(page.url, link) for link in re.findall(
        r'(?:href|src)="([^"#]+)"', page.text)}
    assert len(links) > 10
    assert all(link.startswith(home.url[:-1]) for link in links)
    for link in links:
        if "/static/" in link:
            assert visitor.visit(link).status_code == 200, link
