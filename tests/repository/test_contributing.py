"""What CONTRIBUTING.md and tests/README.md print is run; names are true."""

import re
import subprocess

import pytest

from harness import PROGRAM, TESTS
from test_conformance import ID, named_ids
from test_repository import FILES, UNITS

TOP = TESTS.parent
GUIDE = (TOP / "CONTRIBUTING.md").read_text()
PAGES = [GUIDE, (TESTS / "README.md").read_text()]
COMMANDS = {line for page in PAGES
            for block in re.findall(r"^```sh\n((?s:.*?))^```$", page, re.M)
            for line in block.splitlines()}
# What each prints; the build is README.md's first command, too.
SAYS = {
    "gdb": "Breakpoint 1, response_run",
    "strace": "Hello, world!",
    "valgrind": "Hello, world!",
    "./cgi2wsgi": "Hello, world!",
    "grep": "tests/wsgi/test_input.py",
    "pytest": " passed",
}


def said(command):
    """What a command has to say."""
    found = [text for word, text in SAYS.items()
             if re.search(rf"(^| ){re.escape(word)} ", command)]
    assert found, command
    return found[0]


@pytest.fixture
def tree(tmp_path):
    """The tree as after make, whatever program is under test."""
    for name in ("examples", "tests"):
        (tmp_path / name).symlink_to(TOP / name)
    (tmp_path / "cgi2wsgi").symlink_to(PROGRAM)
    return tmp_path


def test_commands_are_seen():
    assert len(COMMANDS) > 7 and "make" in COMMANDS


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(COMMANDS - {"make"}))
def test_command(tree, command):
    done = subprocess.run(command, shell=True, cwd=tree, text=True,
                          capture_output=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert said(command) in done.stdout


def test_files_are_there():
    """Each file and folder that the pages name."""
    for page in PAGES:
        for name in re.findall(r"`((?:lib|tests|man|packaging)/[\w./-]*)`",
                               page):
            assert (TOP / name).exists(), name


def test_targets_are_there():
    """Each `make TARGET` of a page; the Makefile's beginning names all."""
    makefile = (TOP / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY:((?:.*\\\n)*.*)", makefile, re.M)[1]
                  .replace("\\", "").split()) - {"always", "all"}
    beginning = makefile.partition("\n\n")[0]
    assert not [name for name in targets
                if not re.search(rf"\b{name}(?![\w-])", beginning)]
    pages = "\n".join(text.decode() for name, text in FILES.items()
                      if name.endswith(".md"))
    named = set(re.findall(r"`make (?:[A-Z]+=[^\s`]+ )*([a-z][a-z-]*)", pages))
    assert {"check", "interop", "torture"} <= named <= targets


def test_helpers_are_listed():
    """tests/README.md names whatever lies beside it, and all folders."""
    beside = {name.split("/")[1] + "/" * (name.count("/") > 1)
              for name in FILES if name.startswith("tests/")}
    listed = set(re.findall(r"`([\w./-]+)`", PAGES[1]))
    assert beside <= listed | {"README.md", "pytest.ini"}


def test_promises_are_proved():
    """SECURITY.md: a test names each rule, and each folder has such a test."""
    text = (TOP / "SECURITY.md").read_text()
    rows = re.findall(rf"^\| (.*) \| ((?:{ID}(?:, )?)+) \| (.*) \|$", text,
                      re.MULTILINE)
    assert len(rows) == text.count("\n| ") - 1 > 10
    files = {file.name: file for file in TESTS.glob("**/test_*.py")}
    for promise, rules, places in rows:
        rules = {rule.replace(" ", "-") for rule in rules.split(", ")}
        folders = {name for name in re.findall(r"`(tests/[\w./]*)`", places)
                   if not name.endswith(".c") and name != "tests/unit"}
        named = {(folder, rule) for place, ids in named_ids().items()
                 for rule in rules.intersection(ids) for folder in folders
                 if files[place.partition(":")[0]].is_relative_to(
                     TOP / folder)}
        assert {rule for _, rule in named} == rules, promise
        assert {folder for folder, _ in named} == folders, promise


def test_functions_and_quotations_are_there():
    code = "\n".join(UNITS.values())
    for name in re.findall(r"`([a-z]\w*)\(\)`", GUIDE):
        assert re.search(rf"\b{name}\(", code), name
    for text in re.findall(r"^```c\n((?s:.*?))^```$", GUIDE, re.MULTILINE):
        assert text in code
