"""Every rule of conformance.txt and case of field.txt is named by a test."""

import ast
import functools
import re

from harness import TESTS


def first_words(name):
    return [line.split()[0] for line
            in (TESTS / name).read_text().splitlines()]


IDS = first_words("conformance.txt")
FIELD = first_words("field.txt")
# "C6, case 5: what holds", at the beginning of a test's docstring.
ID = r"(?:[A-J]\d+a?|(?:case|attack) \d+)"
NAMED = re.compile(rf"((?:{ID}(?:,\s+)?)+):")


@functools.cache
def docstrings():
    """Pairs of a test's place and its docstring."""
    return [(f"{file.name}:{node.name}", ast.get_docstring(node) or "")
            for file in sorted(TESTS.glob("**/test_*.py"))
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.FunctionDef)
            and node.name.startswith("test_")]


def named_ids():
    """The ids each test names at the beginning of its docstring."""
    named = {}
    for place, text in docstrings():
        match = NAMED.match(text)
        if match:
            named[place] = [id.replace(" ", "-")
                            for id in re.findall(ID, match[1])]
    return named


def test_every_id_is_named():
    named = {id for ids in named_ids().values() for id in ids}
    assert not [id for id in IDS + FIELD if id not in named]


def test_no_unknown_id():
    unknown = {place: set(ids) - set(IDS + FIELD)
               for place, ids in named_ids().items()
               if not set(ids) <= set(IDS + FIELD)}
    assert not unknown


def test_every_docstring_that_starts_with_an_id_is_understood():
    named = named_ids()
    assert not [place for place, text in docstrings()
                if re.match(rf"{ID}\b", text) and place not in named]
