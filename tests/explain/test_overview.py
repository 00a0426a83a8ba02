"""What cgi2wsgi(7) shows up to MOVING ON is true, and so is the drawing."""

import re
from xml.etree import ElementTree

import pytest

from harness import TESTS
from test_lessons import with_django
from test_moving_on import MANUAL, asked, blocks

TOP = TESTS.parent
SHOWN = blocks(MANUAL.partition("\n.Sh MOVING ON\n")[0])
REQUEST, RESPONSE, SHELL, HELLO, *FRAMEWORKS, LADDER = SHOWN
README_APPLICATION = re.search(r"^```python\n((?s:.*?))^```$",
                               (TOP / "README.md").read_text(), re.M)[1]
NAMES = ["Flask", "Django", "web.py", "CherryPy"]
# The project that the manual's Django script speaks of.
SETTINGS = """
from django.http import HttpResponse
from django.urls import path
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "settings"
urlpatterns = [path("", lambda request: HttpResponse("Hello from Django"))]
"""
SVG = "{http://www.w3.org/2000/svg}"
DRAWING = ElementTree.parse(TOP / "man/request.svg").getroot()
CODE = [text.text for text in DRAWING.iter(SVG + "text")
        if text.get("class") == "code"]
STEPS = [re.fullmatch(r"(\w+)\(\) ([\w/]+\.c)", text).groups()
         for text in CODE if text.endswith(".c")]


def installed(cgi, script):
    first, _, source = script.partition("\n")
    assert first.startswith("#!/usr/local/bin/cgi2wsgi")
    return cgi.script(source, first.partition(" ")[2])


# The manual

def test_blocks_are_seen():
    assert len(FRAMEWORKS) == 4
    assert SHELL.startswith("#!/bin/sh\n")


def test_ladder():
    """The image is a rung; those above it are what MOVING ON shows."""
    rungs = re.findall(r"^\|====\|  (\S+(?: \w+)?) ", LADDER, re.MULTILINE)
    assert rungs == ["mod_wsgi, embedded", "mod_wsgi, daemon",
                     "cgi2wsgi-preload", "cgi2wsgi", "CGIHandler"]
    ways = re.findall(r"^\.Ss (\S+?),? .*", MANUAL.partition(
        "\n.Sh MOVING ON\n")[2], re.MULTILINE)
    assert {"mod_wsgi", "gunicorn", "uWSGI"} <= set(ways)
    assert {"gunicorn", "uWSGI", "FastCGI"} <= set(
        re.findall(r"\w+", LADDER))


def test_request_and_response(cgi):
    """The response is that of README.md's application."""
    method, url, headers, body = asked(REQUEST)
    reply = cgi.run(installed(cgi, README_APPLICATION),
                    url.removeprefix("/hello"), method, headers.items(), body)
    assert RESPONSE.startswith(f"HTTP/1.1 {reply.status} {reply.reason}\n")
    assert RESPONSE.partition("\n")[2] == (
        "".join(f"{name}: {value}\n" for name, value in reply.headers)
        + "\n" + reply.body.decode())


def test_shell(cgi):
    """A CGI program without any library."""
    script = cgi.write("hello.cgi", SHELL, 0o755)
    process = cgi.start(script, "/reader")
    reply = process.wait()
    assert reply.raw.decode() == (
        "Content-Type: text/plain\r\n\r\n"
        f"Process {process.pid} was asked for /reader by 192.0.2.2.\n")


def test_hello(cgi):
    assert cgi.run(installed(cgi, HELLO)).body == b"Hello, world!\n"


@with_django
@pytest.mark.parametrize("script, name", zip(
    FRAMEWORKS, NAMES), ids=NAMES)
def test_framework(cgi, script, name):
    cgi.write("settings.py", SETTINGS)
    reply = cgi.run(installed(cgi, script))
    assert (reply.status, reply.exit, reply.log) == (200, 0, ""), reply
    assert reply.body.decode() == f"Hello from {name}"


def test_lessons_are_named():
    assert (TOP / "examples/lessons").is_dir()
    assert ".Pa examples/lessons\n" in MANUAL


# The drawing

def calls(name, source, seen=()):
    """The functions that a function calls, in the order of its text."""
    body = re.search(rf"^{name}\([^;]*?\n{{\n((?s:.*?))^}}", source, re.M)
    if not body or name in seen:
        return
    for called in re.findall(r"\b([a-z]\w*)\(", body[1]):
        yield called
        yield from calls(called, source, (*seen, name))


def test_drawing_names_what_there_is():
    assert len(STEPS) == 15
    for function, file in STEPS:
        path = TOP / "lib" / file if "/" in file else TOP / file
        assert re.search(rf"^{function}\(", path.read_text(), re.M)


def test_drawing_has_the_order_of_the_code():
    """That of the calls which begin in main()."""
    story = (TOP / "cgi2wsgi.c").read_text()
    response = (TOP / "lib/wsgi/response.c").read_text()
    order = [*calls("main", story)]
    order += [*calls("response_run", response)]
    *steps, report = [function for function, _ in STEPS]
    # The application calls this one.
    steps.remove("start_response")
    assert set(steps) < set(order) and report in order
    before = [step for step in steps if step != "send_chunks"]
    assert before == sorted(before, key=order.index)
    assert steps.index("send_chunks") == steps.index("response_run") + 1


def test_drawing_can_be_read():
    """Text is text, in fonts that are everywhere, in light and dark."""
    source = (TOP / "man/request.svg").read_text()
    assert DRAWING.get("width") == "800"
    assert len([*DRAWING.iter(SVG + "text")]) > 40
    assert set(re.findall(r"font: \d+px ([\w-]+)", source)) == {
        "sans-serif", "monospace"}
    assert "prefers-color-scheme: dark" in source
    assert "(man/request.svg)" in (TOP / "README.md").read_text()


def test_steps_are_counted():
    texts = [text.text for text in DRAWING.iter(SVG + "text")]
    numbers = [int(text.partition(".")[0]) for text in texts
               if re.match(r"\d+\. ", text)]
    assert numbers == [*range(1, 15)]
    assert "fourteen steps" in DRAWING.find(SVG + "desc").text
