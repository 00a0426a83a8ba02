"""Radicale: calendars, made and read by a CalDAV client."""

from datetime import datetime, timedelta, timezone

import pytest
import requests

from apache import TIMEOUT, basic

pytestmark = pytest.mark.interop
SCRIPT = """
from radicale import application
"""
CONFIG = """
[auth]
type = htpasswd
htpasswd_filename = {users}
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {data}
"""
ANNA = {"username": "anna", "password": "pass:wörd"}
MAY = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Nobody//Test//DE
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20260101T000000Z
DTSTART:{start:%Y%m%dT%H%M%SZ}
DTEND:{end:%Y%m%dT%H%M%SZ}
SUMMARY:{summary}
END:VEVENT
END:VCALENDAR
"""


def install(host):
    data = host.data("radicale")
    users = host.write("apps/users", "anna:pass:wörd\nbert:word\n")
    config = host.write("apps/radicale.config",
                        CONFIG.format(data=data, users=users))
    host.deploy("radicale", SCRIPT, f"--env RADICALE_CONFIG={config}")


@pytest.fixture
def home(host):
    return host.url(host.prefix("radicale") + "/")


@pytest.fixture
def principal(home):
    """What Anna has, as her client sees it."""
    from caldav import DAVClient
    with DAVClient(home, **ANNA) as client:
        yield client.principal()


def event(number, summary):
    start = MAY + timedelta(days=number)
    return EVENT.format(uid=f"{number}@example.org", summary=summary,
                        start=start, end=start + timedelta(hours=1))


def summaries(events):
    return sorted(event.vobject_instance.vevent.summary.value
                  for event in events)


def test_calendar(principal, home):
    """B15, B16, C1: made, filled, searched, changed, emptied."""
    calendar = principal.make_calendar(name="Fête & Feier")
    assert str(calendar.url).startswith(home + "anna/")
    for number, summary in enumerate(["Grün", "Rot & Blau", "Weiß"]):
        calendar.add_event(event(number, summary))
    same, = [other for other in principal.calendars()
             if other.url == calendar.url]
    assert same.name == "Fête & Feier"
    assert summaries(same.events()) == ["Grün", "Rot & Blau", "Weiß"]
    found = same.date_search(MAY + timedelta(hours=2),
                             MAY + timedelta(days=1, hours=2))
    assert summaries(found) == ["Rot & Blau"]
    found[0].vobject_instance.vevent.summary.value = "Schwarz"
    found[0].save()
    assert summaries(same.events()) == ["Grün", "Schwarz", "Weiß"]
    same.event_by_uid("0@example.org").delete()
    assert summaries(same.events()) == ["Schwarz", "Weiß"]
    same.delete()
    assert calendar.url not in [it.url for it in principal.calendars()]


def test_large_event(principal):
    """C1, A10: a text of some size there and back."""
    calendar = principal.make_calendar(name="Long")
    text = "Viel Text " * 50000
    calendar.add_event(event(1, text))
    answer, = calendar.events()
    assert answer.vobject_instance.vevent.summary.value == text


def test_login(principal, home):
    """B15: without the right word, nothing is to be had."""
    from caldav import DAVClient
    from caldav.lib.error import AuthorizationError
    principal.make_calendar(name="Private")
    calendar = str(principal.calendars()[0].url)
    with pytest.raises(AuthorizationError):
        DAVClient(home, username="anna", password="word").principal()
    answer = requests.get(calendar, timeout=TIMEOUT)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    answer = requests.get(calendar, timeout=TIMEOUT,
                          headers=basic("bert", "word"))
    assert answer.status_code == 403
    answer = requests.get(calendar, timeout=TIMEOUT,
                          headers=basic(*ANNA.values()))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/calendar")


def test_page(visitor, home):
    """B16: from the root to Radicale's own page, and what it names."""
    page = visitor.visit(home)
    assert page.url == home + ".web/"
    assert page.headers["Content-Type"].startswith("text/html")
    script = visitor.visit(page.url + "fn.js")
    assert script.headers["Content-Type"].startswith("text/javascript") or (
        script.headers["Content-Type"].startswith("application/javascript"))


def test_options(home):
    """F3: what clients ask first; a method without a body."""
    answer = requests.options(home, timeout=TIMEOUT)
    assert answer.status_code == 200
    assert "calendar-access" in answer.headers["DAV"]
    assert "PROPFIND" in answer.headers["Allow"]
