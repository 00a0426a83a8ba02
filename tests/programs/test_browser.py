"""A browser, logging in to a Django site's administration.

Screenshots of what it saw are kept in the folder that ARTEFACTS names, or
else in artefacts/ beside the program.
"""

import os
from pathlib import Path

import pytest

from apache import TIMEOUT
from archive_site import PASSWORD, install_archive
from harness import PROGRAM, until

pytestmark = pytest.mark.interop
ARTEFACTS = Path(os.environ.get("ARTEFACTS") or PROGRAM.parent / "artefacts")


def install(host):
    install_archive(host)


@pytest.fixture
def browser(tmp_path):
    """Chromium without a window; what it keeps is gone afterwards."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # As root, and in containers, there is no sandbox and a small /dev/shm.
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage",
                 "disable-gpu", "no-proxy-server", "no-first-run",
                 "disable-background-networking", "window-size=1000,700",
                 f"user-data-dir={tmp_path}"):
        options.add_argument("--" + word)
    driver = webdriver.Chrome(
        options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(TIMEOUT)
    try:
        yield driver
    finally:
        driver.quit()


def field(browser, name):
    return browser.find_element("name", name)


def texts(browser, selector):
    return [element.text for element
            in browser.find_elements("css selector", selector)]


def keep(browser, name):
    """Keep a picture of what is seen."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(ARTEFACTS / f"{name}.png"))


def complaints(browser):
    """What a page lacked, or a script did wrong."""
    return [entry for entry in browser.get_log("browser")
            if "favicon.ico" not in entry["message"]]


def log_in(browser, home):
    browser.get(home + "admin/")
    field(browser, "username").send_keys("anna")
    field(browser, "password").send_keys(PASSWORD)
    field(browser, "password").submit()
    until(lambda: browser.current_url == home + "admin/")


def test_administration(host, browser, tmp_path):
    """Log in, add a document, see it; with style sheets and scripts."""
    home = host.url(host.prefix("archive") + "/")
    film = tmp_path / "film.bin"
    film.write_bytes(os.urandom(2 << 20))
    log_in(browser, home)
    browser.find_element("link text", "Documents").click()
    browser.find_element("partial link text", "ADD DOCUMENT").click()
    field(browser, "title").send_keys("Größe ☺")
    field(browser, "file").send_keys(str(film))
    field(browser, "_save").click()
    message, = until(lambda: texts(browser, ".success"))
    assert "was added successfully" in message
    assert texts(browser, "#result_list th.field-__str__") == ["Größe ☺"]
    # In the colours of Django's style sheet.
    header = browser.find_element("id", "header")
    assert header.value_of_css_property("background-color") == (
        "rgba(65, 118, 144, 1)")
    keep(browser, f"administration-{host.name}")
    browser.get(home)
    assert browser.title == "Archive (1)"
    assert texts(browser, "li a") == ["Größe ☺"]
    assert browser.find_element("tag name", "h1").value_of_css_property(
        "color") == "rgba(0, 64, 128, 1)"
    keep(browser, f"archive-{host.name}")
    assert complaints(browser) == []
