"""Every rule of conformance.txt has a test that names it."""

import ast
import re

import pytest

from harness import TESTS

IDS = [line.split()[0] for line
       in (TESTS / "conformance.txt").read_text().splitlines()]
NAMED = re.compile(r"((?:[A-I]\d+(?:, )?)+):")


def docstrings():
    """Pairs of a test's place and its docstring."""
    for file in sorted(TESTS.glob("**/test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (isinstance(node, ast.FunctionDef)
                    and node.name.startswith("test_")):
                yield f"{file.name}:{node.name}", ast.get_docstring(node)


def named_ids():
    """The ids each test names at the beginning of its docstring."""
    named = {}
    for place, text in docstrings():
        match = NAMED.match(text or "")
        if match:
            named[place] = re.findall(r"[A-I]\d+", match[1])
    return named


@pytest.mark.parametrize("id", IDS)
def test_is_named(id):
    assert any(id in ids for ids in named_ids().values())


def test_no_unknown_id():
    unknown = {place: set(ids) - set(IDS)
               for place, ids in named_ids().items() if set(ids) - set(IDS)}
    assert not unknown


def test_every_docstring_that_starts_with_an_id_is_understood():
    named = named_ids()
    assert not [place for place, text in docstrings()
                if re.match(r"[A-I]\d+\b", text or "")
                and place not in named]
