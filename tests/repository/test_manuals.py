"""The manuals in a browser: as HTML, and as Markdown in the repository."""

import re
import shutil
import subprocess

import pytest

from harness import TESTS

TOP = TESTS.parent
MANUALS = sorted(path.name for path in (TOP / "man").glob("*.[1-9]"))
VERSION = re.search(r"^VERSION = (\S+)", (TOP / "Makefile").read_text(),
                    re.MULTILINE)[1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """What `make html` makes of a copy of the manuals."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(TOP / "Makefile", tree)
    shutil.copytree(TOP / "man", tree / "man")
    (tree / "lib/python").mkdir(parents=True)
    shutil.copy(TOP / "lib/python/configure", tree / "lib/python")
    for page in (tree / "man").glob("*.[1-9].md"):
        page.unlink()
    subprocess.run(["make", "html"], cwd=tree, check=True,
                   env={"PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL)
    return tree


def html(tree, name):
    return (tree / "build/html" / f"{name}.html").read_text()


@pytest.mark.parametrize("name", MANUALS)
def test_markdown_is_in_step(tree, name):
    """Who changes a manual runs `make html`, too."""
    assert (TOP / "man" / f"{name}.md").read_text() == (
        (tree / "man" / f"{name}.md").read_text()), "run make html"


@pytest.mark.parametrize("name", MANUALS)
def test_links_of_html(tree, name):
    """Each leads to a page or an anchor that there is."""
    page = html(tree, name)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) > 3
    links = re.findall(r'href="([^"]+)"', page)
    assert "style.css" in links
    for link in links:
        if link.startswith("#"):
            assert link[1:] in ids, link
        elif not link.startswith("https://manpages.debian.org/"):
            assert (tree / "build/html" / link).exists(), link
    assert not re.findall(r"<(?:script|img|iframe)", page)


def test_html_links_between_manuals(tree):
    """Else the test above would see none."""
    for name in MANUALS:
        others = [f'href="{other}.html"' for other in MANUALS if other != name]
        assert any(link in html(tree, name) for link in others), name


@pytest.mark.parametrize("name", MANUALS)
def test_links_of_markdown(name):
    page = (TOP / "man" / f"{name}.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert links
    assert not [link for link in links if not (TOP / "man" / link).exists()]


@pytest.mark.parametrize("name", MANUALS)
def test_header_and_footer(name):
    """They say this program and its version, and no system's name."""
    assert f"\n.Os cgi2wsgi {VERSION}\n" in (TOP / "man" / name).read_text()
    lines = subprocess.run(
        ["mandoc", "-T", "ascii", TOP / "man" / name], check=True, text=True,
        stdout=subprocess.PIPE).stdout.strip().splitlines()
    assert lines[-1].startswith(f"cgi2wsgi {VERSION} ")
    assert lines[-1].endswith(f" cgi2wsgi {VERSION}")
    assert "BSD" not in lines[0] + lines[-1]


def test_sections():
    """In the order of mdoc(7), with examples on the first pages."""
    text = (TOP / "man/cgi2wsgi.1").read_text()
    assert len(text.splitlines()) <= 500
    sections = re.findall(r"^\.Sh (.*)", text, re.MULTILINE)
    assert sections.index("EXAMPLES") <= 4
    assert sections[-4:] == ["AUTHORS", "CAVEATS", "BUGS",
                             "SECURITY CONSIDERATIONS"]


def luminance(colour):
    """That of WCAG 2: of #rgb or #rrggbb."""
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = [part / 12.92 if part <= 0.04045
                        else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast():
    """Text and links can be read in light and dark (WCAG 2, AA)."""
    style = (TOP / "man/style.css").read_text()
    schemes = re.findall(r"--text: (#\w+); --page: (#\w+); --code: (#\w+); "
                         r"--link: (#\w+);", style)
    assert len(schemes) == 2 and "prefers-color-scheme: dark" in style
    for text, page, code, link in schemes:
        for front in (text, link):
            assert min(contrast(front, page), contrast(front, code)) >= 4.5
