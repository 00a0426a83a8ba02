"""The configurations and commands that man/cgi2wsgi-servers.7 prints."""

import re
import shlex

from harness import PRELOAD, PROGRAM, TESTS

PAGE = TESTS.parent / "man/cgi2wsgi-servers.7"
# A block of text, and the file that the line in front says it is for.
BLOCK = re.compile(r"^(?:\.Pa (\S+) :\n)?\.Bd -literal -offset indent\n"
                   r"((?s:.*?))^\.Ed$", re.MULTILINE)
# What a person's files are called below a test's tree.
PATHS = {
    "/usr/local/bin/cgi2wsgi": f"/bin/{(PRELOAD or PROGRAM).name}",
    "/usr/lib": "",             # its cgi-bin
    "/var/www/html": "/htdocs",
    "/srv": "/apps",
    "/var/log/lighttpd": "/log",
    "/run/fcgiwrap.socket": "/log/fcgiwrap.sock",
}


def blocks():
    """File (None for commands) and text, as the page's reader sees it."""
    for match in BLOCK.finditer(PAGE.read_text()):
        yield match[1], match[2].replace(r"\e", "\\").replace(r"\&", "")


def files():
    """What is printed, by the file that it is for."""
    return {file: text for file, text in blocks() if file}


def commands():
    """The words of each printed command, without the prompt."""
    text = "".join(text for file, text in blocks() if not file)
    lines = text.replace("\\\n", "").splitlines()
    assert all(line.startswith(("$ ", "# ")) for line in lines), lines
    return [shlex.split(line[2:]) for line in lines]


def command(name):
    """The only printed command that begins with a name."""
    found, = (words for words in commands() if words[0] == name)
    return found


def here(text, tree):
    """A printed text with the paths of a test's tree."""
    for path, name in PATHS.items():
        text = text.replace(path, f"{tree}{name}")
    return text
