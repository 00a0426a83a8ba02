"""One guestbook in several languages, as CGI programs behind one Apache.

"Serving 200 million requests per day with a cgi-bin" (Jacob Gold, 2025)
measured one in Go with SQLite, and found Python far behind.
"""

import os
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

import client
from apache import (AS_SERVER, ROOT, Apache, install_preload,
                    make_images_folder)
from measure import Failed
from rungs import BENCH, PYTHON, sources, wait_for_image
from served import SIZE

SOURCES = BENCH / "guestbook"
GO_PACKAGES = Path("/usr/share/gocode")
CONNECTIONS = (1, 8)
SIGN = "name=Grace+Hopper&message=It+is+easier+to+ask+forgiveness"
PACKAGES = {"C": ["libsqlite3-dev"],
            "Go": ["golang-go", "golang-github-mattn-go-sqlite3-dev"],
            "Perl": ["libcgi-pm-perl", "libdbd-sqlite3-perl"]}
# Parts of Go's requests per second, from an image.
GO, GOALS = "Go", {"Bottle, cgi2wsgi-preload": 0.5,
                   "Django, cgi2wsgi-preload": 0.3}


@dataclass
class Page:
    """Where one of them is asked, with a body to sign."""

    site: "Guestbook"
    path: str
    body: str = ""

    @property
    def port(self):
        return self.site.port

    def complaints(self):
        return self.site.log()


def compile_c(source, program):
    subprocess.run(["cc", "-O2", "-o", program, source, "-lsqlite3"],
                   check=True)


def compile_go(source, program):
    """With Debian's packages, so that nothing is fetched."""
    subprocess.run(
        ["go", "build", "-o", program, source], check=True,
        env={**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PACKAGES),
             "GOCACHE": str(program.parents[1] / "go"), "GOFLAGS": ""})


def has_perl_modules():
    return subprocess.run(
        ["/usr/bin/perl", "-MCGI", "-MDBD::SQLite", "-e", "1"],
        stderr=subprocess.DEVNULL).returncode == 0


class Guestbook(Apache):
    """All of them with one book, each below a path of its own."""

    def __init__(self):
        super().__init__("event")
        self.missing = []
        self.paths = {}
        book = self.tree / "data/book.db"
        self.configure(SIZE + f'SetEnv GUESTBOOK "{book}"\n')
        self.fill(book)
        if ROOT:
            shutil.chown(book, **AS_SERVER)
        self.images = make_images_folder(self)
        install_preload(self)
        if self.has("C", os.path.exists("/usr/include/sqlite3.h")):
            self.install_binary("C", "guestbook.c", compile_c)
        if self.has(GO, shutil.which("go") and (
                GO_PACKAGES / "src/github.com/mattn/go-sqlite3").exists()):
            self.install_binary(GO, "guestbook.go", compile_go)
        if self.has("Perl", has_perl_modules()):
            self.write("cgi-bin/guestbook.pl",
                       (SOURCES / "guestbook.pl").read_bytes(), 0o755)
            self.install("Perl", "guestbook.pl")
        for title in ("Bottle", "Django"):
            self.install_python(title)
        subprocess.run([PYTHON, "-m", "compileall", "-q",
                        self.tree / "cgi-bin"], check=True)

    @staticmethod
    def fill(path):
        """A thousand entries, and a journal that does not stop readers."""
        book = sqlite3.connect(path)
        book.executescript("""
            pragma journal_mode = wal;
            create table entry (id integer primary key, name text not null,
                message text not null, created datetime not null);""")
        with book:
            book.executemany(
                "insert into entry (name, message, created) values (?, ?, ?)",
                [(f"Ada <{number}>", "Bread & butter", "2025-07-03 12:00:00")
                 for number in range(1000)])
        book.close()

    def install(self, title, file):
        path = f"/book{len(self.paths)}"
        self.configure(f'ScriptAlias "{path}" "{self.tree}/cgi-bin/{file}"\n')
        self.paths[title] = path + "/"

    def has(self, title, found):
        if not found:
            self.missing += PACKAGES[title]
        return found

    def install_binary(self, title, source, build):
        program = self.tree / "cgi-bin" / source.replace(".", "-")
        build(SOURCES / source, program)
        self.install(title, program.name)

    def install_python(self, title):
        """The same file for the program, from an image, and imported."""
        name = f"guestbook_{title.lower()}"
        for file, text in sources(name, self.images, self.program,
                                  SOURCES).items():
            self.write(f"cgi-bin/{file}", text, 0o755)
        for way, file in (("CGIHandler", f"{name}_cgihandler.py"),
                          ("cgi2wsgi", f"{name}.py"),
                          ("cgi2wsgi-preload", f"{name}_preloaded.py")):
            self.install(f"{title}, {way}", file)

    def compare(self):
        """All have to show the same page, also when somebody has signed."""
        for title, path in self.paths.items():
            if title.endswith("preload"):
                wait_for_image(lambda: self.get(path), self.images)
        for title, path in self.paths.items():
            answer = self.post(path, SIGN.encode(), **{
                "Content-Type": "application/x-www-form-urlencoded"})
            if answer.status != 303:
                raise Failed(f"{title} does not sign: {answer.text}")
        shown = {title: self.get(path).text
                 for title, path in self.paths.items()}
        for title, page in shown.items():
            if (page != shown["Bottle, cgi2wsgi"]
                    or page.count("Grace Hopper") != len(self.paths)
                    or "<b>Ada &lt;999&gt;</b>" not in page):
                raise Failed(f"{title} shows another page: {page}")


def measure(ask, seconds, rounds):
    """Summaries of reading and signing by each; packages that are missing."""
    site = Guestbook()
    try:
        site.start()
        site.compare()
        pages = {(title, what): Page(site, path, body)
                 for title, path in site.paths.items()
                 for what, body in (("read", ""), ("sign", SIGN))}
        asked = client.by_turns(ask, pages, seconds, rounds, CONNECTIONS)
    finally:
        site.stop()
    figures = {title: {what: asked[title, what] for what in ("read", "sign")}
               for title in site.paths}
    return figures, site.missing
