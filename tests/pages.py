"""Pages of Markdown whose blocks are run, in order.

- A block below "In `FILE`:" is written to that file.
- A block of sh is run.
- A block without a language behind it is all of its output, where three dots
  stand for anything.
"""

import re

BLOCK = re.compile(r"(?:\b[Ii]n\s`([~/][^`\n]*|[\w-]+\.cgi)`:\n\n)?"
                   r"^```(\w*)\n((?s:.*?))^```$", re.MULTILINE)


def blocks(page):
    """File or None, language, and text of each block."""
    return [match.groups() for match in BLOCK.finditer(page.read_text())]


def unseen(page):
    """What is left of a page if it has a block that is not run."""
    return "```" in BLOCK.sub("", page.read_text())


def same(expected, found):
    """Whether an output is as printed, with dots for what differs."""
    pattern = re.escape(expected.strip()).replace(r"\.\.\.", "(?s:.*)")
    return re.fullmatch(pattern, found.strip())


def follow(page, write, run):
    """Do all that a page says."""
    said = None
    for file, language, text in blocks(page):
        if file:
            write(file, text)
        elif language == "sh":
            said = run(text)
        else:
            assert not language and said is not None, text
            assert same(text, said), f"{text}\n{said}"
            said = None
