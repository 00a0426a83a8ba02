"""The house: which floor may know which, and what lies at the top."""

import re
import subprocess

from harness import TESTS

TOP = TESTS.parent
LIB = TOP / "lib"
# A floor includes from floors before it, never from one beside or behind it.
ORDER = [{"cgi"}, {"invocation"}, {"python"}, {"wsgi", "check", "image"},
         {"explain", "terminal"}, {"cgi2wsgi"}]
LEVEL = {floor: level for level, floors in enumerate(ORDER)
         for floor in floors}
# What the start of Python may know of the request: next to nothing. And what
# calls the application starts and imports nothing.
ALLOWED = {
    ("python", "cgi"): {"report", "process", "clock", "secret", "ascii",
                        "buffer", "log", "trace"},
    ("wsgi", "python"): {"cpython", "traceback"},
}
TOP_LEVEL = {
    "cgi2wsgi.c", "wsgi_env.c", "wsgi_env.h", "Makefile", "README.md", "man",
    "tests", "LICENSE", "NEWS", "CONTRIBUTING.md", "SECURITY.md", "examples",
    "packaging", "lib",
}


def place(file):
    """The floor and the unit of a source file."""
    if file.parent == TOP:
        unit = file.stem
        return ("wsgi" if unit == "wsgi_env" else unit), unit
    return file.parent.name, file.stem


def included(file):
    """The floors and units whose headers a source file includes."""
    for name in re.findall(r'^#include "(\S+)\.h"', file.read_text(), re.M):
        floor, _, unit = name.rpartition("/")
        yield ("wsgi", unit) if unit == "wsgi_env" else (floor, unit)


SOURCES = [*TOP.glob("*.[ch]"), *LIB.glob("*/*.[ch]")]
# Pairs of (floor, unit): who includes whom.
ARROWS = {(place(file), other) for file in SOURCES
          for other in included(file) if place(file) != other}


def test_arrows_are_seen():
    assert (("cgi2wsgi", "cgi2wsgi"), ("cgi", "reply")) in ARROWS
    assert len(ARROWS) > 100
    assert {floor for arrow in ARROWS for floor, _ in arrow} <= set(LEVEL)


def test_no_include_runs_up_a_floor():
    assert not [arrow for arrow in sorted(ARROWS)
                if arrow[0][0] != arrow[1][0]
                and LEVEL[arrow[0][0]] <= LEVEL[arrow[1][0]]]


def test_no_circle():
    """Units that include nothing of the rest are taken away, till none is."""
    left = set(ARROWS)
    while left:
        ends = {other for _, other in left} - {unit for unit, _ in left}
        assert ends, f"these include each other: {sorted(left)}"
        left = {arrow for arrow in left if arrow[1] not in ends}


def test_what_floors_may_know():
    assert not [arrow for arrow in sorted(ARROWS)
                if arrow[1][1] not in ALLOWED.get(
                    (arrow[0][0], arrow[1][0]), {arrow[1][1]})]


def test_explain_is_an_observer():
    """Nobody knows it but the story."""
    assert {unit for (floor, unit), (other, _) in ARROWS
            if other == "explain" and floor != "explain"} == {"cgi2wsgi"}


def test_top_level():
    """It is the user's, and what every tree has."""
    listed = subprocess.run(
        ["git", "-C", TOP, "ls-files"], capture_output=True, text=True)
    names = {name.partition("/")[0] for name in listed.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_objects_lie_in_build():
    assert not [*LIB.glob("*/*.o"), *TOP.glob("*.o"), *TOP.glob("*.d")]
