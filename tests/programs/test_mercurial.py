"""Mercurial's hgweb: its own client, and its pages."""

import html
import os
import re
import subprocess
from urllib.parse import urljoin

import pytest

from apache import TIMEOUT

pytestmark = pytest.mark.interop
# As in the hgweb.wsgi that comes with Mercurial.
SCRIPT = """
config = b"{config}"
from mercurial import demandimport; demandimport.enable()
from mercurial.hgweb import hgweb
application = hgweb(config)
"""
# hgweb takes the environ's text for that of os.environ, with every server:
# without this it finds no file of another name than in ASCII.
NAMES = """
import os

def application(environ, start_response, hgweb=application):
    return hgweb({name: os.fsdecode(value.encode("latin-1"))
                  if isinstance(value, str) else value
                  for name, value in environ.items()}, start_response)
"""
CONFIG = """
[paths]
notes = {data}/notes
heads = {data}/heads
[web]
allow-push = *
allow-archive = gz
push_ssl = false
"""
MIB = 1 << 20


def install(host):
    data = host.data("hg")
    config = host.write("apps/hgweb.config", CONFIG.format(data=data))
    script = SCRIPT.format(config=config)
    host.deploy("hg", script)
    host.deploy("hg-names", script + NAMES)
    for name in "notes", "heads":
        host.run(["hg", "init", data / name])


class Clone:
    """Somebody's copy of the repository."""

    def __init__(self, folder, url):
        self.folder = folder
        self.run("clone", url, folder, cwd="/")

    def run(self, *command, cwd=None):
        """What a command of hg says; it must succeed."""
        done = subprocess.run(
            ["hg", *command], cwd=cwd or self.folder, timeout=TIMEOUT,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "HGRCPATH": "",
                 "HGUSER": "Anna <anna@example.org>", "no_proxy": "*",
                 "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0, done.stdout
        return done.stdout

    def commit(self, name, content, message):
        (self.folder / name).write_bytes(content)
        self.run("commit", "--addremove", "--message", message)


@pytest.fixture
def clone(host, tmp_path):
    """Makes clones."""
    home = host.url(host.prefix("hg") + "/")
    return lambda name, repository="notes": Clone(tmp_path / name,
                                                  home + repository)


def test_push(clone):
    """C1: what one pushes, another one clones and pulls."""
    anna = clone("anna")
    anna.commit("grün & blau.txt", "Wörter\n".encode(), "Zwei Wörter ☺")
    assert "added 1 changesets" in anna.run("push")
    bert = clone("bert")
    assert (bert.folder / "grün & blau.txt").read_text() == "Wörter\n"
    for number in range(3):
        bert.commit(f"{number}.txt", b"%d\n" % number, f"Nr. {number}")
    bert.run("bookmark", "two-words")
    assert "added 3 changesets" in bert.run("push", "-B", "two-words")
    said = anna.run("pull", "--update", "-B", "two-words")
    assert "added 3 changesets" in said
    assert (anna.folder / "2.txt").read_text() == "2\n"
    assert anna.run("id", "-i") == bert.run("id", "-i")
    assert "no changes found" in anna.run("pull")


def test_large_file(clone):
    """C1, A10: large bodies in both directions, that nothing shortens."""
    content = os.urandom(30 * MIB)
    anna = clone("anna")
    anna.commit("film.mp4", content, "A film")
    assert "added 1 changesets" in anna.run("push")
    bert = clone("bert")
    assert (bert.folder / "film.mp4").read_bytes() == content
    assert "checked" in bert.run("verify")


def test_many_heads(clone):
    """A client with a lot to ask, in headers X-HgArg-1, X-HgArg-2 ...

    lighttpd takes 8 KB of headers; these are 4.
    """
    anna = clone("anna", "heads")
    anna.run("debugbuilddag", ". $ " * 40)
    assert "added 40 changesets" in anna.run("push")
    assert "no changes found" in anna.run("pull")
    assert len(clone("bert", "heads").run("heads", "-Tx")) == 40


def links(page):
    """Where a page leads, but for the folders above that it names, too."""
    text = re.sub('<h2 class="breadcrumb">.*?</h2>', "", page.text)
    return {urljoin(page.url, html.unescape(link))
            for link in re.findall(r'(?:href|src)="([^"#]+)"', text)
            if link != "https://mercurial-scm.org/"}


def test_pages(host, visitor, clone):
    """B16: links and what is behind them."""
    anna = clone("anna")
    content = "<b>Größe</b>\n" * 1000
    anna.commit("a & b.txt", content.encode(), "To be seen")
    anna.run("push")
    home = host.url(host.prefix("hg") + "/")
    page = visitor.visit(home)
    assert page.status_code == 200
    page = visitor.follow("notes")
    assert "To be seen" in page.text
    for link in links(page):
        assert (link + "/").startswith(home), link
        assert visitor.visit(link).status_code == 200, link
    visitor.visit(home + "notes/file/tip")
    page = visitor.follow("a &amp; b.txt")
    assert "&lt;b&gt;Größe&lt;/b&gt;" in page.text
    page = visitor.follow("raw")
    assert page.content == content.encode()
    assert visitor.visit(home + "nothing").status_code == 404


def test_name(host, visitor, clone):
    """B6: a name that is not ASCII.

    Such a file cannot be had raw: hgweb fails to write its name.
    """
    anna = clone("anna")
    anna.commit("ä ☺.txt", "Größe <1>".encode(), "A name")
    anna.run("push")
    visitor.visit(host.url(host.prefix("hg-names") + "/notes/file/tip"))
    assert "Größe &lt;1&gt;" in visitor.follow("ä ☺.txt").text
    assert "Größe &lt;1&gt;" in visitor.follow("annotate").text
