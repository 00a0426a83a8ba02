"""What cgi2wsgi-servers(7) prints is true, and Apache's part of it runs.

The other servers' recipes are run by test_interop.py.
"""

import json
import re

import pytest

import manual_table
from apache import MODELS, basic, running
from harness import TESTS
from recipes import PAGE, blocks, commands, files, here
from webservers import RECIPES, WAYS

CONFIGURATION = "/etc/apache2/conf-available/cgi2wsgi.conf"
HOST = "/etc/apache2/sites-available/app.conf"
HTACCESS = "/var/www/html/host/.htaccess"
APACHE = {CONFIGURATION, HOST, HTACCESS}
FCGIWRAP = "/etc/default/fcgiwrap"

# Apache's ways: the file behind each URL, and its options.
SITES = {
    "/cgi-bin/app.cgi": ("/usr/lib/cgi-bin/app.cgi", ""),
    "/notes": ("/srv/notes/app.cgi", ""),
    "/demo": ("/srv/demo/app.py", None),
    "/pages/app.wsgi": ("/var/www/html/pages/app.wsgi", None),
    "/news": ("/var/www/html/news/app.cgi", "--script-name /news"),
    "/host": ("/var/www/html/host/app.cgi", ""),
}
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
    assert sorted(printed) == sorted([*APACHE, FCGIWRAP, *RECIPES.values()])


def test_every_display_is_a_block():
    """None that the tests do not see, but for the table."""
    assert PAGE.read_text().count(".Bd ") == len(list(blocks())) + 1


@pytest.mark.parametrize("server", RECIPES)
def test_urls(server):
    """The page has the URLs that test_interop.py asks for."""
    section = next(part for part in PAGE.read_text().split("\n.Ss ")
                   if RECIPES[server] in part)
    for url in WAYS[server].values():
        assert re.search(rf"(# |, |\.Pa ){url or '/'}\b|# /:", section), url


def test_urls_of_apache():
    for url in SITES:
        assert f"# {url}: " in files()[CONFIGURATION]


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
    loaded = (TESTS / "servers/apache.conf").read_text() + (
        TESTS / "servers/apache-event.conf").read_text()
    assert enabled("a2enmod")
    for name in enabled("a2enmod"):
        assert f"LoadModule {name}_module" in loaded


# Apache

# What Debian's Apache has: a host for what no other is for, and a cgi-bin.
DEBIAN = """
<VirtualHost *:${PORT}>
    DocumentRoot "/var/www/html"
    ScriptAlias "/cgi-bin/" "/usr/lib/cgi-bin/"
    <Directory "/usr/lib/cgi-bin">
        Require all granted
    </Directory>
    <Directory "/var/www/html">
        Require all granted
    </Directory>
</VirtualHost>
"""


def install(apache):
    """The applications, and the configuration as it is printed.

    In folders that no other part of Apache's configuration is about.
    """
    root = apache.folder("root")

    def place(file):
        name = here(file, "root")
        apache.folder(name.rpartition("/")[0])
        return name

    apache.write(place("/usr/local/bin/cgi2wsgi"),
                 apache.program.read_bytes(), 0o755)
    apache.write(place("/usr/lib/cgi-bin/ready"),
                 (apache.tree / "cgi-bin/ready").read_bytes(), 0o755)
    for file, options in SITES.values():
        if options is None:
            apache.write(place(file), APPLICATION)
        else:
            apache.script(place(file), APPLICATION, options)
    apache.script(place("/srv/app/app.cgi"), APPLICATION)
    apache.write(place("/srv/app/static/style.css"), "a { color: red }\n")
    apache.write(place(HTACCESS), files()[HTACCESS])
    for text in (DEBIAN, files()[CONFIGURATION], files()[HOST]):
        apache.configure(here(text, root).replace("*:80>", "*:${PORT}>"))


@pytest.fixture(scope="module", params=MODELS)
def apache(request):
    yield from running(request.param, install)


@pytest.mark.parametrize("url", SITES)
def test_apache(apache, url):
    """The application learns its URL, and who logs in."""
    login = basic("name", "word")
    answer = apache.get(url + "/a/b", **login)
    assert answer.status == 200, answer.text + apache.log()
    assert json.loads(answer.text) == [url, "/a/b", login["Authorization"]]
    assert json.loads(apache.get(url + "/").text) == [url, "/", None]


def test_apache_host(apache):
    """A script for all of a host's paths, beside Apache's own files."""
    host = {"Host": f"app.example.org:{apache.port}"}
    login = basic("name", "word")
    for path in ("/", "/a/b"):
        answer = apache.get(path, **host, **login)
        assert json.loads(answer.text) == ["", path, login["Authorization"]]
    assert "color" in apache.get("/static/style.css", **host).text


def test_apache_action_itself(apache):
    """The Action's own URL runs nothing."""
    answer = apache.get("/run-wsgi/pages/app.wsgi")
    assert (answer.status, "no-application" in answer.text) == (500, True)


def test_htaccess():
    """It is that of examples/."""
    example = (TESTS.parent / "examples/htaccess").read_text()
    assert files()[HTACCESS] == re.sub(r"^#.*\n", "", example, flags=re.M)
