"""What --explain=html, the pages of failures and the manuals look like."""

import base64
import re

import pytest

from harness import PROGRAM
from test_browser import browser, keep
from test_manuals import MANUALS, tree

assert browser and tree     # fixtures
pytestmark = pytest.mark.interop

# The contrast of each text with the ground behind it (WCAG 2.1, 1.4.3).
CONTRAST = """
const light = rgb => {
    const [r, g, b] = rgb.match(/[\\d.]+/g).slice(0, 3).map(v => {
        v /= 255;
        return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
const ground = light(getComputedStyle(document.body).backgroundColor);
return [...document.querySelectorAll(
        "h1,h2,time,p,dt,dd,b,li,span,code,a,pre,summary")]
    .map(element => {
        const ink = light(getComputedStyle(element).color);
        return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
    });
"""


# Modules that import each other, ten deep.
DEEP = """
import module_0_of_a_long_name

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"deep"]
"""
BROKEN = """
import json

def load(text, name="<b>" + 300 * "x"):
    return json.loads(text)

def application(environ, start_response):
    load("{<script>document.title = 'run'</script>")
"""


def make_page(cgi, kind):
    """A page as a browser gets it, with hostile names."""
    if kind == "explain":
        script = cgi.script(DEEP)
        for depth in range(10):
            (script.parent / f"module_{depth}_of_a_long_name.py").write_text(
                f"import module_{depth + 1}_of_a_long_name\n" * (depth < 9))
        return cgi.exec([PROGRAM, "--explain=html", script, "/<i>?a=b"],
                        {}).log
    return cgi.run(
        cgi.script(BROKEN, "--debug" if kind == "debug" else ""),
        f"/<i>{900 * 'x'}", headers=[("X-<b>", "<script>")],
        env={"<img src>": "1", 300 * "N": "long"}).body.decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("kind", ["explain", "error", "debug"])
def test_page_in_a_browser(cgi, browser, kind, width, scheme):
    """Issue 15: narrow and wide, light and dark, readable and printed."""
    page = cgi.write("page.html", make_page(cgi, kind))
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 900, "deviceScaleFactor": 1,
        "mobile": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get(page.as_uri())
    browser.execute_script("document.querySelectorAll('details')"
                           ".forEach(part => part.open = true)")
    assert browser.execute_script(
        "return document.documentElement.scrollWidth") <= width
    contrasts = browser.execute_script(CONTRAST)
    assert len(contrasts) > {"error": 5, "debug": 40, "explain": 100}[kind]
    assert min(contrasts) >= 4.5
    # Lines that can be read, and nothing from elsewhere.
    assert browser.execute_script(
        "return parseFloat(getComputedStyle(document.body).maxWidth)") <= 1024
    assert not browser.get_log("browser")
    assert not browser.execute_script(
        "return performance.getEntriesByType('resource').length"
        " + document.querySelectorAll('script,img,link,iframe,b i').length")
    assert browser.title != "run"
    keep(browser, f"{kind}-{scheme}-{width}")
    if kind == "explain":
        # Names of modules are not broken into pieces.
        heights = browser.execute_script(
            "return [...document.querySelectorAll('ul code')]"
            ".map(name => name.offsetHeight)")
        assert len(heights) > 10 and max(heights) < 25
        look_at_keyboard_and_paper(browser)


def look_at_keyboard_and_paper(browser):
    """Each station is a link that the keyboard reaches; two pages."""
    links = browser.find_elements("css selector", ".stations a")
    links[2].send_keys("\n")
    assert browser.execute_script("return location.hash") == "#3"
    browser.execute_script("history.back()")
    printed = base64.b64decode(browser.execute_cdp_cmd(
        "Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2


@pytest.mark.parametrize("width", [360, 1200])
def test_manuals_in_a_browser(tree, browser, width):
    """Issue 15: nothing is cut off; code and figures may be moved."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 900, "deviceScaleFactor": 1,
        "mobile": False})
    for name in MANUALS:
        browser.get((tree / "build/html" / f"{name}.html").as_uri())
        assert browser.execute_script(
            "return document.documentElement.scrollWidth") <= width, name
        wide = browser.execute_script(
            "return [...document.querySelectorAll('table.Bl-column')]"
            ".filter(table => table.scrollWidth > table.clientWidth).length")
        assert wide == 0 or (name, width) == ("cgi2wsgi.7", 360), name
        keep(browser, f"{name}-{width}")
