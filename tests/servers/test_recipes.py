"""What cgi2wsgi-servers(7) prints is true, and Apache's part of it runs.

The other servers' recipes are run by test_interop.py.
"""

import json
import re
from urllib.parse import urlsplit

import pytest

import manual_table
from apache import MODELS, basic, running
from apache_recipes import (CONFIGURATION, HOSTS, HTACCESS, SITES, install,
                            place)
from harness import TESTS
from recipes import PAGE, blocks, commands, files
from webservers import RECIPES, WAYS

FCGIWRAP = "/etc/default/fcgiwrap"

APPLICATION = """
import json


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([environ.get(name) for name in (
        "SCRIPT_NAME", "PATH_INFO", "HTTP_AUTHORIZATION")]).encode()]
"""


def packages(name):
    return (TESTS / name).read_text().split()


def comments(text):
    return "\n".join(re.findall("^ *# (.*)", text, re.MULTILINE))


# The page

def test_every_block_is_run():
    """By this file, or by test_interop.py."""
    printed = [file for file, _ in blocks() if file]
    assert sorted(printed) == sorted(
        [CONFIGURATION, HOSTS, HTACCESS, FCGIWRAP, *RECIPES.values()])


def test_every_display_is_a_block():
    """None that the tests do not see, but for the table."""
    assert PAGE.read_text().count(".Bd ") == len(list(blocks())) + 1


@pytest.mark.parametrize("server", RECIPES)
def test_urls(server):
    """The page has the URLs that test_interop.py asks for."""
    section = next(part for part in PAGE.read_text().split("\n.Ss ")
                   if RECIPES[server] in part)
    for url in WAYS[server].values():
        found = rf"(# |, |\.Pa ){url.removeprefix('//') or '/'}[:,\s]"
        assert re.search(found, section), url


def test_urls_of_apache():
    text = files()[CONFIGURATION] + files()[HOSTS]
    for url, _, _ in SITES.values():
        assert f"# {url.removeprefix('//')}: " in text


def test_table():
    """It is what test_interop.py knows."""
    text = PAGE.read_text()
    found = text.split(manual_table.BEGIN)[1].split(manual_table.END)[0]
    assert found == manual_table.table(), "run tests/interop --manual"


def test_table_fits():
    assert max(map(len, manual_table.Table().lines())) <= manual_table.WIDTH


def test_packages():
    """What is to be installed is what the tests have installed."""
    words = [command[2:] for command in commands()
             if command[:2] == ["apt-get", "install"]]
    named = {package for install in words for package in install}
    assert named <= {*packages("packages"), *packages("packages-interop")}
    _, *sections = PAGE.read_text().split("\n.Ss ")
    assert [text.partition("\n")[0] for text in sections
            if "# apt-get install " not in text] == ["Python's http.server"]


def enabled(program):
    return [word for command in commands() if command[0] == program
            for word in command[1:]]


def test_enabled():
    """What is enabled is printed, or comes with Apache."""
    names = {word + ".conf" for program in ("a2enconf", "lighty-enable-mod",
                                            "a2ensite")
             for word in enabled(program)}
    assert names == {re.sub(r"^\d+-", "", file.rpartition("/")[2])
                     for file in files() if "-available/" in file
                     and not file.endswith("/default")}
    loaded = "".join(file.read_text() for file in
                     (TESTS / "servers").glob("apache*.conf"))
    assert enabled("a2enmod")
    for name in enabled("a2enmod"):
        assert f"LoadModule {name}_module" in loaded


# Apache

@pytest.fixture(scope="module", params=MODELS)
def apache(request):
    yield from running(request.param,
                       lambda apache: install(apache, APPLICATION))


@pytest.mark.parametrize("way", SITES)
def test_apache(apache, way):
    """The application learns its URL, and who logs in."""
    url = urlsplit(SITES[way][0])
    host = {"Host": f"{url.netloc or 'localhost'}:{apache.port}"}
    login = basic("name", "word")
    answer = apache.get(url.path + "/a/b", **login, **host)
    assert answer.status == 200, answer.text + apache.log()
    assert json.loads(answer.text) == [url.path, "/a/b",
                                       login["Authorization"]]
    answer = apache.get(url.path + "/", **host)
    assert json.loads(answer.text) == [url.path, "/", None]


@pytest.mark.parametrize("host, file", (
    ("localhost", "/var/www/html/host/style.css"),
    ("localhost", "/var/www/html/news/style.css"),
    ("host.example.org", "/srv/host/style.css"),
    ("news.example.org", "/srv/news/style.css"),
    ("app.example.org", "/srv/app/static/style.css")))
def test_apache_file(apache, host, file):
    """Apache itself sends what is a file."""
    apache.write(place(apache, file), "a { color: red }\n")
    folders = {"localhost": "/var/www/html", "app.example.org": "/srv/app"}
    folder = folders.get(host, file.rpartition("/")[0])
    answer = apache.get(file.removeprefix(folder),
                        Host=f"{host}:{apache.port}")
    assert (answer.status, answer.text) == (200, "a { color: red }\n")


def test_apache_action_itself(apache):
    """The Action's own URL runs nothing."""
    answer = apache.get("/run-wsgi/pages/app.wsgi")
    assert (answer.status, "no-application" in answer.text) == (500, True)


def test_htaccess():
    """It is that of examples/."""
    example = (TESTS.parent / "examples/htaccess").read_text()
    assert files()[HTACCESS] == re.sub(r"^#.*\n", "", example, flags=re.M)
