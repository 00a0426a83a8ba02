"""--explain=html: the transcript as one page, taken apart."""

import re
from html.parser import HTMLParser

import pytest

from harness import PROGRAM
from test_explain import HELLO, SECRET

SOURCE = """
import sys
import json

def application(environ, start_response):
    print("<script>", file=sys.stderr)
    start_response("200 OK", [("Content-Type", "text/plain"),
                              ("X-Strange", "<b>&\\"</b>")])
    return [b"Hello"]
"""
EMPTY = {"meta", "br"}


class Page(HTMLParser):
    """The elements of a page, which have to be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.links, self.ids = [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        self.links += [value for name, value in attributes if name == "href"]
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def ask(cgi, source=SOURCE, *words):
    """The reply to a command line; its log is the page alone."""
    cgi.write("app.py", source)
    return cgi.exec([PROGRAM, "--explain=html", "--log", "app.log", *words,
                     "app.py", f"/<i>?token={SECRET}"],
                    {"LANG": "<script>&"})


def test_page(cgi):
    """Issue 15: whole, escaped, and without anything from elsewhere."""
    reply = ask(cgi, SOURCE, "-H", 'X-Own: <b onclick="x">')
    assert (reply.raw, reply.exit) == (b"Hello", 0)
    assert reply.log.startswith("<!DOCTYPE html>\n")
    assert reply.log.endswith("</html>\n")
    page = Page(reply.log)
    assert {"h1", "h2", "dl", "dt", "dd", "ol", "ul", "time"} < set(page.tags)
    assert "script" not in page.tags
    assert not {"src", "onclick"} & set(page.attributes)
    # Its links lead to the stations, which the keyboard reaches so.
    assert page.links == ["#" + id for id in page.ids] and page.links
    assert "url(" not in reply.log and "@import" not in reply.log
    for shown in ('HTTP_X_OWN=<b onclick="x">', "PATH_INFO=/<i>",
                  'X-Strange: <b>&"</b>', "token=****",
                  "Status 0: the application's reply was sent whole."):
        assert shown in page.text
    assert SECRET not in reply.log
    assert (cgi.folder / "app.log").read_text() == "<script>\n"


def test_same_stations(cgi):
    """Issue 15: the page says what the lines say."""
    page = Page(ask(cgi).log).text
    cgi.write("app.py", SOURCE)
    lines = cgi.exec([PROGRAM, "--explain", "app.py"], {}).log
    for title in re.findall(r"^\[ *\d+\.\d ms\] (?!block)(.*)$", lines, re.M):
        assert title in page
    for name in re.findall(r"^      ([\w.]+)=", lines, re.M):
        assert name in page


@pytest.mark.parametrize("source, status", [
    ("import missing\n", 1), ("1 / 0\n", 1),
    ("def application(e, s):\n    1 / 0\n", 1)])
def test_failure(cgi, source, status):
    """A page as well; the entry is in the log."""
    reply = ask(cgi, source)
    assert reply.exit == status
    assert f"Status {status}:" in Page(reply.log).text
    assert "cgi2wsgi: " in (cgi.folder / "app.log").read_text()


@pytest.mark.parametrize("source, logged", [
    (SOURCE, "<script>"),
    ("def application(e, s):\n    raise ValueError('\x1b<of mine>')\n",
     r"ValueError: \x1b<of mine>"),
    ("1 / 0\n", "ZeroDivisionError")])
def test_log_in_the_page(cgi, source, logged):
    """Issue 15: without --log nothing stands before or behind the page."""
    cgi.write("app.py", source)
    reply = cgi.exec([PROGRAM, "--explain=html", "app.py"], {})
    assert reply.log.startswith("<!DOCTYPE html>\n")
    assert reply.log.endswith("</html>\n")
    assert logged in Page(reply.log).text.partition("THE LOG")[2]


@pytest.mark.parametrize("deed", ["os.kill(os.getpid(), 11)", "os._exit(3)"])
def test_log_without_a_page(cgi, deed):
    """Issue 15: what ends the process earlier leaves no page, but the log."""
    cgi.write("app.py", f"""
import os, sys
def application(environ, start_response):
    print("before", file=sys.stderr)
    {deed}
""")
    reply = cgi.exec([PROGRAM, "--explain=html", "app.py"], {})
    assert "before\n" in reply.log and "cgi2wsgi: " in reply.log, reply.log


def test_shares_of_the_stations(cgi):
    """Issue 15: what each took to be reached; together, the whole time."""
    log = ask(cgi, "import time\ntime.sleep(.2)\n" + SOURCE).log
    rows = re.findall(
        r'<li><a href="#\d+">([^<]+)</a><span>([\d.]+) ms</span><span>(\d+) %'
        r'</span><i style="margin-left:([\d.]+)%;width:([\d.]+)%"', log)
    titles = re.findall(r"<h2><time>([\d.]+) ms</time> ([^<]+)</h2>", log)
    assert [row[0] for row in rows] == [title for _, title in titles]
    for row, after in zip(rows, rows[1:]):
        assert abs(float(row[3]) + float(row[4]) - float(after[3])) < 0.03
    assert float(rows[0][3]) == 0
    assert abs(float(rows[-1][3]) + float(rows[-1][4]) - 100) < 0.03
    took = {title: float(ms) for title, ms, *_ in rows}
    assert abs(sum(took.values()) - float(titles[-1][0])) < 1
    assert took["THE APPLICATION IS IMPORTED"] >= 200


def test_many_stations(cgi):
    """Issue 15: start_response may be called as often as one likes."""
    page = Page(ask(cgi, """
def application(environ, start_response):
    for number in range(100):
        try:
            raise ValueError
        except ValueError:
            import sys
            start_response("500 Wrong", [], sys.exc_info())
    return []
""").log)
    assert page.text.count("start_response(status, headers)") > 100


def test_value(cgi):
    cgi.write("app.py", HELLO)
    reply = cgi.exec([PROGRAM, "--explain=pdf", "app.py"], {})
    assert reply.exit == 2 and "--explain=html" in reply.log
