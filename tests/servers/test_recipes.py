"""What cgi2wsgi-servers(7) prints is true, and Apache's part of it runs.

The other servers' recipes are run by test_interop.py.
"""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest

import manual_table
from apache import MODELS, basic, running
from apache_recipes import (CONFIGURATION, HOSTS, HTACCESS, SITES, install,
                            place)
from harness import TESTS, until
from recipes import PAGE, blocks, commands, files
from webservers import RECIPES, WAYS

FCGIWRAP = "/etc/default/fcgiwrap"

APPLICATION = """
import json
import os


def application(environ, start_response):
    headers = [("Content-Type", "application/json")]
    if environ["PATH_INFO"] in ("/short", "/exit", "/crash"):
        write = start_response("200 OK", [*headers, ("Content-Length", "100")])
        write(b"ten bytes.")
        if environ["PATH_INFO"] == "/exit":
            os._exit(1)
        if environ["PATH_INFO"] == "/crash":
            os.kill(os.getpid(), 11)
        return []
    start_response("200 OK", headers)
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
            if "# apt-get install " not in text] == ["LiteSpeed",
                                                        "Python's http.server"]


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

LOGGING_HOST = """
<VirtualHost *:${PORT}>
    ServerName log.example.org
    ErrorLog own.log
    ScriptAlias "/" "${TREE}/cgi-bin/fails.cgi/"
</VirtualHost>
"""


def prepare(apache):
    install(apache, APPLICATION)
    apache.script("cgi-bin/fails.cgi", "def application(*words):\n"
                  "    raise ValueError('where am I told?')\n")
    apache.configure(LOGGING_HOST)


@pytest.fixture(scope="module", params=MODELS)
def apache(request):
    yield from running(request.param, prepare)


def test_apache_log(apache):
    """case 33: under mod_cgid the main error log has the entries."""
    answer = apache.get("/", Host=f"log.example.org:{apache.port}")
    assert answer.status == 500
    own = apache.tree / "own.log"
    main = apache.tree / "error.log"
    right, wrong = (main, own) if apache.model == "event" else (own, main)
    until(lambda: "where am I told?" in right.read_text())
    assert "where am I told?" not in wrong.read_text()


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


@pytest.mark.parametrize("way", SITES)
def test_apache_length(apache, way):
    """case 29: the length arrives, and a reply cut short is noticed."""
    url = urlsplit(SITES[way][0])
    host = {"Host": f"{url.netloc or 'localhost'}:{apache.port}"}
    body = apache.get(url.path + "/a", **host).body
    answer = apache.request("HEAD", url.path + "/a", headers=host)
    assert answer.headers["Content-Length"] == str(len(body))
    # Apache must not have read the end when it looks at the length.
    for end in ["/short", "/exit", "/crash"] * 4:
        with pytest.raises(http.client.IncompleteRead):
            apache.get(url.path + end, Connection="close", **host)


# Hosts and folders, and the URLs at which Apache sends what is a file there.
SERVED = (("localhost", "/var/www/html/host", "/host"),
          ("localhost", "/var/www/html/news", "/news"),
          ("localhost", "/var/www/html/pages", "/pages"),
          ("localhost", "/usr/lib/cgi-bin", "/cgi-bin"),
          ("host.example.org", "/srv/host", ""),
          ("news.example.org", "/srv/news", ""),
          ("app.example.org", "/srv/app/static", "/static"))


@pytest.mark.parametrize("host, folder, url", SERVED)
def test_apache_denied(apache, host, folder, url):
    """J1: nobody gets what Python has compiled, or a hidden file."""
    for name in ("__pycache__/app.pyc", ".env", ".git/config",
                 "folder/.b/c/d", "folder/__pycache__/x"):
        apache.write(place(apache, f"{folder}/{name}"), "secret\n", 0o755)
        answer = apache.get(f"{url}/{name}", Host=f"{host}:{apache.port}")
        assert (answer.status, "secret" in answer.text) == (403, False)


@pytest.mark.parametrize("host, folder, url", SERVED[4:])
def test_apache_well_known(apache, host, folder, url):
    """What proves to others whose host this is stays reachable."""
    name = ".well-known/acme-challenge/word"
    apache.write(place(apache, f"{folder}/{name}"), "proof\n")
    answer = apache.get(f"{url}/{name}", Host=f"{host}:{apache.port}")
    assert (answer.status, answer.text) == (200, "proof\n")


@pytest.mark.parametrize("way", SITES)
def test_apache_hidden_names(apache, way):
    """B11: an application may have pages of such names."""
    url = urlsplit(SITES[way][0])
    host = {"Host": f"{url.netloc or 'localhost'}:{apache.port}"}
    for path in ("/p/.hgignore", "/.x/a", "/a/__pycache__/b"):
        answer = apache.get(url.path + path, **host)
        assert json.loads(answer.text)[:2] == [url.path, path]


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
