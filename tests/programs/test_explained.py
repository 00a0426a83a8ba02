"""What --explain=html looks like."""

import base64
import re

import pytest

from harness import PROGRAM
from test_browser import browser, keep

assert browser      # a fixture
pytestmark = pytest.mark.interop

# The contrast of each text with the ground behind it (WCAG 2.1, 1.4.3).
CONTRAST = """
const light = rgb => {
    const [r, g, b] = rgb.match(/[\\d.]+/g).slice(0, 3).map(v => {
        v /= 255;
        return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
const ground = light(getComputedStyle(document.body).backgroundColor);
return [...document.querySelectorAll("h1,h2,time,p,dt,dd,b,li,span,code")]
    .map(element => {
        const ink = light(getComputedStyle(element).color);
        return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
    });
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000])
def test_page_in_a_browser(cgi, browser, scheme, width):
    """Issue 15: narrow and wide, light and dark, readable and printed."""
    script = cgi.script("hello")
    log = cgi.exec([PROGRAM, "--explain=html", script, "/<i>?a=b"], {}).log
    page = cgi.write("page.html", log)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 900, "deviceScaleFactor": 1,
        "mobile": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get(page.as_uri())
    assert browser.execute_script(
        "return document.documentElement.scrollWidth") <= width
    contrasts = browser.execute_script(CONTRAST)
    assert len(contrasts) > 100 and min(contrasts) >= 4.5
    assert not browser.get_log("browser")
    keep(browser, f"explain-{scheme}-{width}")
    printed = base64.b64decode(browser.execute_cdp_cmd(
        "Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2
