"""The table of servers and behaviours in man/cgi2wsgi-servers.7.

Written from what test_interop.py knows and proves: `tests/interop --manual`
puts it into the page, test_recipes.py tells if it is out of date.
"""

import textwrap

from columns import ALL as WAYS
from recipes import PAGE
from test_interop import BEHAVIOURS, entry

BEGIN = '.\\" What follows is written by tests/interop --manual.\n'
END = '.\\" The end of that.\n'
# What the manual has beside its margins, on 80 columns.
WIDTH = 71
CELL = 3


def notes_of(server, name):
    """The ways of a server that cannot, by the reasons."""
    found = {}
    for way in WAYS[server]:
        known = entry(server, way, name)
        if known:
            found.setdefault(known[1], []).append(way)
    return found


def urls(server, ways):
    return ", ".join(WAYS[server][way].removeprefix("//") or "/"
                     for way in ways)


def where(server, ways):
    """Of which URLs of a server something is said; empty if of all."""
    others = [way for way in WAYS[server] if way not in ways]
    if not others:
        return ""
    if len(others) < len(ways):
        return "not " + urls(server, others)
    return urls(server, ways)


def in_words(name, reason):
    """A reason, with the URLs that it is for."""
    servers = {}
    for server in WAYS:
        ways = notes_of(server, name).get(reason, ())
        if ways and where(server, ways):
            servers.setdefault(where(server, ways), []).append(server)
    some = "; ".join(f"{', '.join(names)}: {found}"
                     for found, names in servers.items())
    return f"{reason} ({some})" if some else reason


class Table:
    """Rows of marks, and the notes that their numbers stand for."""

    def __init__(self):
        self.notes = []
        self.rows = {name: [self.cell(server, name) for server in WAYS]
                     for name in BEHAVIOURS}
        self.right = [name for name, cells in self.rows.items()
                      if set(cells) == {"+"}]

    def cell(self, server, name):
        words = [in_words(name, reason) for reason in notes_of(server, name)]
        for word in words:
            if word not in self.notes:
                self.notes.append(word)
        return ",".join(str(self.notes.index(word) + 1)
                        for word in words) or "+"

    def lines(self):
        """Names of servers as steps, and a row for what one of them cannot."""
        cell = max(CELL, *(len(cell) + 1 for cells in self.rows.values()
                           for cell in cells))
        margin = WIDTH - max(cell * number + len(server)
                             for number, server in enumerate(WAYS))
        margin = min(margin, WIDTH - cell * len(WAYS))
        for number, server in enumerate(WAYS):
            yield " " * margin + "|".ljust(cell) * number + server
        for name, cells in self.rows.items():
            if name not in self.right:
                *first, last = textwrap.wrap(name, margin - 2,
                                             subsequent_indent="  ")
                yield from first
                yield (last.ljust(margin)
                       + "".join(text.ljust(cell) for text in cells)).rstrip()


def mdoc(line):
    """A line of text that is no macro."""
    line = line.replace("\\", "\\e")
    return "\\&" + line if line.startswith((".", "'")) else line


def filled(text):
    return "\n".join(map(mdoc, textwrap.wrap(text, 79,
                                             break_on_hyphens=False)))


def table():
    """What belongs between BEGIN and END."""
    found = Table()
    parts = ["Right with all of them:", filled(", ".join(found.right) + "."),
             "For the rest, a plus is as it should be, and a number stands for",
             "what the server makes impossible, and why:",
             ".Bd -literal", *map(mdoc, found.lines()), ".Ed",
             ".Pp", ".Bl -tag -width 3n -compact"]
    for number, note in enumerate(found.notes, 1):
        parts += [f".It {number}", filled(note)]
    return "\n".join([*parts, ".El\n"])


def rewrite():
    """Put the table into the page."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + BEGIN + table() + END + after)
