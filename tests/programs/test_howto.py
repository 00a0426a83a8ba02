"""examples/howto: each page, followed word by word on a machine of its own."""

import re

import pytest

from howto import PAGES, Machine
from pages import blocks, unseen

pytestmark = pytest.mark.interop
# Those for the host itself; the others are for a customer of the host.
FOR_HOSTS = ["limits.md"]
NAMES = sorted(page.name for page in PAGES.glob("*.md")
               if page.name != "README.md")


@pytest.fixture
def machine():
    with Machine() as machine:
        yield machine


def test_all_pages_are_listed():
    """And nothing else is: a link that leads nowhere."""
    links = re.findall(r"\]\(([\w.]+\.md)\)", (PAGES / "README.md").read_text())
    assert sorted(links) == NAMES


@pytest.mark.parametrize("page", ["README.md", *NAMES])
def test_every_block_is_seen(page):
    """A block that the pattern does not see would not be run."""
    assert blocks(PAGES / page) and not unseen(PAGES / page)


@pytest.mark.parametrize("page", [page for page in NAMES
                                  if page not in FOR_HOSTS])
def test_customer(machine, page):
    """H2: a shared host; suEXEC ran each script as its owner."""
    machine.follow("README.md")
    machine.follow(page)
    said = machine.run("cat /var/log/apache2/suexec.log || true", "root")
    users = re.findall(r"uid: \(\d+/(\w+)\).* cmd: app.cgi", said)
    # Only WsgiDAV is missing in Debian, and its page sends no request.
    assert set(users) == ({"anna"} if page != "wsgidav.md" else set()), said


@pytest.mark.parametrize("page", FOR_HOSTS)
def test_host(machine, page):
    machine.follow(page)


def test_secrets_are_read_by_their_owner_alone(machine):
    """case 32: neither the server's user nor a URL has them."""
    machine.follow("README.md")
    machine.follow("flask.md")
    said = machine.run("cat ~anna/guestbook/secrets.env 2>&1 || true",
                       "www-data")
    assert "Permission denied" in said
    said = machine.run("curl -s -o /dev/null -w '%{http_code}' https://"
                       "www.example.org/guestbook/../../guestbook/secrets.env")
    assert said in ("400", "404")
