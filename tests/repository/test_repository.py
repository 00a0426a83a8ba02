"""The rules of this repository about its own text."""

import re
from fnmatch import fnmatch
from statistics import median

from harness import TESTS

TOP = TESTS.parent
SKIPPED = {".git"}
# Where somebody's tree lies is nobody's business.
PRIVATE = re.compile(rb"/(?:work|home|Users)/\w")
COMMENT_OR_TEXT = re.compile(
    r'/\*(?s:.*?)\*/|//.*|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
# Units that may: the one for a person and the reporter (see the others in EXCEPTIONS).
SPEAKERS = {"lib/terminal/terminal.c", "lib/terminal/preload.c",
            "lib/cgi/report.c", "lib/python/freeze.c"}
SPEECH = re.compile(
    r"\b(v?printf|puts|putchar|perror|_?exit|_Exit|quick_exit|abort|"
    r"v?(?:err|warn)x?|syslog|PyErr_(?:Print|PrintEx|Display\w*)|"
    r"PySys_Write\w+|Py_(?:Exit|FatalError))\s*\(|\b(stdout|stderr)\b")
EXCEPTIONS = {
    # A signal handler has nobody to return to.
    ("lib/cgi/process.c", "_exit"),
    # Nor has a process that was forked to try something out.
    ("lib/check/child.c", "_exit"),
    # Nor has a process that writes an image, or starts from one.
    ("lib/image/keep.c", "_exit"),
    ("cgi2wsgi.c", "exit"), ("cgi2wsgi.c", "_exit"),
    # A forked child ends as any other Python process.
    ("lib/wsgi/response.c", "PyErr_Print"),
}


def ignored(path):
    """Whether .gitignore, or its absence from the tree, rules it out."""
    patterns = (TOP / ".gitignore").read_text().split()
    parts = path.relative_to(TOP).parts
    return not SKIPPED.isdisjoint(parts) or any(
        fnmatch(part, pattern.strip("/")) for pattern in patterns
        for part in (parts[:1] if pattern.startswith("/") else parts))


FILES = {str(path.relative_to(TOP)): path.read_bytes()
         for path in sorted(TOP.rglob("*"))
         if path.is_file() and not ignored(path)}
# Seeds of fuzzers are bytes that a client or a disk gives.
TEXTS = {name: data for name, data in FILES.items()
         if b"\0" not in data and "/seeds/" not in name}
SOURCES = {name: data.decode() for name, data in TEXTS.items()
           if name.endswith((".c", ".h"))}
UNITS = {name: text for name, text in SOURCES.items()
         if "/" not in name or name.startswith("lib/")}
HEADERS = [name for name in UNITS if name.endswith(".h")]


def functions(text):
    """Lengths in lines, from `{` to `}` in the first column."""
    start = None
    for number, line in enumerate(text.split("\n")):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield number - start + 1
            start = None


LENGTHS = [length for text in UNITS.values() for length in functions(text)]


def test_the_tree_is_seen():
    assert {"README.md", "Makefile", "lib/cgi/report.c", "tests/harness.py",
            "examples/hello.cgi", "man/cgi2wsgi.1"} <= set(TEXTS)
    assert "lib/cgi/report.h" in HEADERS and len(LENGTHS) > 100


def test_text():
    """UTF-8, no white space at ends of lines, a last line end."""
    for name, data in TEXTS.items():
        data.decode()
        assert not re.findall(rb".*[ \t\r]$", data, re.MULTILINE), name
        assert not data or (data.endswith(b"\n")
                            and not data.endswith(b"\n\n")), name
        assert not PRIVATE.findall(data), name


def test_columns():
    """C has 80 columns, tabs of eight included."""
    assert not [(name, line) for name, text in SOURCES.items()
                for line in text.splitlines()
                if len(line.expandtabs(8)) > 80]


def test_function_lengths():
    """None above 60 lines, nine of ten up to 40, half of them up to 15."""
    assert max(LENGTHS) <= 60
    assert sum(length <= 40 for length in LENGTHS) >= 0.9 * len(LENGTHS)
    assert median(LENGTHS) <= 15


def test_headers():
    """Fewer than 40 lines of code each."""
    for name in HEADERS:
        code = re.sub(r"/\*(?s:.*?)\*/", "", UNITS[name])
        lines = [line for line in code.splitlines() if line.strip()]
        assert len(lines) < 40, name


def said(name):
    """What a unit calls to print or to exit."""
    code = COMMENT_OR_TEXT.sub("0", UNITS[name])
    return {(name, call or stream) for call, stream in SPEECH.findall(code)}


def test_who_prints_and_exits():
    """Two units and the tool of the build; the others return."""
    others = set(UNITS) - SPEAKERS
    assert set().union(*map(said, others)) == EXCEPTIONS
    # report.c writes to the log's descriptor.
    assert ("lib/terminal/terminal.c", "stderr") in said(
        "lib/terminal/terminal.c")
