"""The examples, used through a real Apache as their visitors would."""

import os
import re
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from apache import AS_SERVER, TIMEOUT, running
from harness import PROGRAM, TESTS, until
from visitor import Visitor

EXAMPLES = TESTS.parent / "examples"
GREETINGS = ("flask", "bottle", "webpy", "cherrypy", "falcon", "pyramid")
SITES = (*GREETINGS, "hello")
# The URL path of an example, by the way of naming it to the server.
WAYS = {
    "script": "/cgi-bin/{}.cgi",
    "args": "/args/{}",
    "action": "/action/{}.wsgi",
    "htaccess": "/{}",
}
PASSWORD = "a word for this test"
CONFIGURATION = """
SetEnv SECRET_KEY "only for this test"
<Macro Arguments $name $file>
    ScriptAlias "/args/$name" "${TREE}/bin/cgi2wsgi"
    <Location "/args/$name">
        SetEnv CGI2WSGI_ARGS "$file"
    </Location>
</Macro>
<Macro Hoster $folder>
    <Directory "$folder">
        Require all granted
        Options SymLinksIfOwnerMatch
        AllowOverride FileInfo Options=ExecCGI
    </Directory>
</Macro>
Alias "/library" "${TREE}/django/public"
Use Hoster "${TREE}/django/public"
Use Arguments library "--path .. ${TREE}/django/public/app.cgi"
"""


def python_of_program():
    version = subprocess.run([PROGRAM, "--version"], text=True, check=True,
                             capture_output=True).stdout
    return re.search(r"Python (\d+\.\d+)", version)[1]


pytestmark = pytest.mark.skipif(
    python_of_program() != "{}.{}".format(*sys.version_info),
    reason="the frameworks are installed for another Python")


def install_sites(apache):
    apache.configure(CONFIGURATION)
    for name in SITES:
        source = (EXAMPLES / f"{name}.cgi").read_text()
        apache.script(f"cgi-bin/{name}.cgi", source)
        apache.script(f"htdocs/action/{name}.wsgi", source)
        apache.script(f"apps/{name}.cgi", source)
        apache.folder(f"htdocs/{name}")
        apache.script(f"htdocs/{name}/app.cgi", source)
        apache.copy(EXAMPLES / "htaccess", f"htdocs/{name}/.htaccess")
        apache.configure(f"""
            Use Hoster "${{TREE}}/htdocs/{name}"
            Use Arguments {name} "${{TREE}}/apps/{name}.cgi"
            """)


def install_library(apache):
    """Do what the comment in app.cgi says."""
    project = apache.tree / "django"
    apache.folder("django/public")
    for name in ("manage.py", "library"):
        apache.copy(EXAMPLES / "django" / name, f"django/{name}")
    source = (EXAMPLES / "django/public/app.cgi").read_text()
    apache.script("django/public/app.cgi", source)
    apache.copy(EXAMPLES / "htaccess", "django/public/.htaccess")
    # The other ways name the same project from elsewhere.
    source = source.replace("--path ..", f"--path {project}")
    apache.script("cgi-bin/library.cgi", source)
    apache.script("htdocs/action/library.wsgi", source)
    apache.folder("django/data")
    if AS_SERVER:
        shutil.chown(project / "data", **AS_SERVER)
    manage = [sys.executable, project / "manage.py"]
    apache.run_as_server([*manage, "migrate"])
    apache.run_as_server(
        [*manage, "createsuperuser", "--noinput", "--username=anna",
         "--email=anna@example.org"],
        env={**os.environ, "DJANGO_SUPERUSER_PASSWORD": PASSWORD})
    subprocess.run([*manage, "collectstatic"], check=True, timeout=TIMEOUT,
                   env={**os.environ, "SECRET_KEY": "not used"})


@pytest.fixture(scope="module")
def apache():
    yield from running("event", install_sites, install_library)


@pytest.fixture
def library(way):
    """The Django project's URL path, in each way of naming it."""
    return way.format("library")


# Every way of Apache's leads each framework to the same; one is enough for a
# quick look.
@pytest.fixture(params=[
    pytest.param(path, id=name,
                 marks=[pytest.mark.slow] if name != "htaccess" else [])
    for name, path in WAYS.items()])
def way(request):
    return request.param


@pytest.fixture
def visitor(apache):
    return Visitor(apache)


def assert_below(url, prefix):
    """The program's or the script's own name is in no URL."""
    assert urlsplit(url).path.startswith(prefix + "/"), url


def test_hello(visitor, way):
    page = visitor.visit(way.format("hello") + "/")
    assert (page.status_code, page.text) == (200, "Hello, world!\n")


@pytest.mark.parametrize("name", GREETINGS)
def test_greetings(visitor, way, name):
    """B16: the framework's links, form and redirection lead on."""
    prefix = way.format(name)
    page = visitor.visit(prefix + "/")
    assert page.status_code == 200
    assert "<title>Greetings</title>" in page.text
    page = visitor.follow("Greet the world")
    assert_below(page.url, prefix)
    assert "<h1>Hello, world!</h1>" in page.text
    page = visitor.follow("Back")
    assert page.url == visitor.apache.url(prefix + "/")
    page = visitor.submit({"name": "Jörg & Söhne"})
    assert [step.status_code for step in page.history] == [303]
    assert_below(page.url, prefix)
    assert page.status_code == 200
    assert "<h1>Hello, Jörg &amp; Söhne!</h1>" in page.text
    page = visitor.visit(prefix + "/nowhere")
    assert page.status_code == 404
    assert "<h1>No such page</h1>" in page.text


def test_flask_session(visitor, way):
    prefix = way.format("flask")
    for name in "Anna", "Bärbel":
        visitor.visit(prefix + "/")
        visitor.submit({"name": name})
    page = visitor.visit(prefix + "/")
    assert "Greeted so far: Anna, Bärbel" in page.text
    assert "Anna" not in Visitor(visitor.apache).visit(prefix + "/").text
    visitor.session.cookies.clear()
    assert "Anna" not in visitor.visit(prefix + "/").text


def test_flask_upload(visitor, way):
    visitor.visit(way.format("flask") + "/")
    page = visitor.submit({}, {"file": ("grün.bin", bytes(3 << 20))})
    assert page.text == "grün.bin has 3145728 bytes."


def log_out(visitor):
    """A link up to Django 4.0, a form since."""
    if 'id="logout-form"' in visitor.page.text:
        return visitor.submit({})
    return visitor.follow("Log out")


def test_django(visitor, library):
    """B16: log in to the administration, add a book, log out, look at it."""
    title = f"Momo ({library})"
    anna = {"username": "anna", "password": PASSWORD}
    assert visitor.visit(library + "/").status_code == 200
    page = visitor.follow("Administration")
    assert_below(page.url, library + "/admin/login")
    page = visitor.submit({**anna, "password": "wrong"})
    assert "errornote" in page.text
    page = visitor.submit(anna)
    assert page.url == visitor.apache.url(library + "/admin/")
    visitor.follow("Books")
    visitor.follow("Add book")
    page = visitor.submit({"title": title, "author": "Ende, Michael ☺"})
    assert_below(page.url, library + "/admin/library/book")
    assert "was added successfully" in page.text
    log_out(visitor)
    page = visitor.visit(library + "/admin/")
    assert_below(page.url, library + "/admin/login")
    visitor.visit(library + "/")
    page = visitor.follow(title)
    assert_below(page.url, library + "/books")
    assert "by Ende, Michael ☺" in page.text
    page = visitor.visit(library + "/books/999999/")
    assert page.status_code == 404
    assert "<h1>No such page</h1>" in page.text


def test_django_static_file(visitor, library):
    """Apache sends it where the folder of app.cgi can be seen."""
    page = visitor.visit(library + "/")
    link, = re.findall('rel="stylesheet" href="([^"]*)"', page.text)
    assert link == library + "/static/library/style.css"
    page = visitor.visit(link)
    if library != "/library":
        assert page.status_code == 404
        return
    assert page.headers["Content-Type"] == "text/css"
    assert page.content == (
        EXAMPLES / "django/library/static/library/style.css").read_bytes()
    assert visitor.visit("/library/static/admin/css/base.css").ok


def test_django_error(visitor, library):
    """What Django logs is in the server's log."""
    apache = visitor.apache
    start = apache.log_size()
    database = apache.tree / "django/data/library.sqlite3"
    aside = database.rename(database.with_suffix(".aside"))
    try:
        page = visitor.visit(library + "/")
    finally:
        aside.rename(database)
    assert page.status_code == 500
    assert "Server Error (500)" in page.text
    until(lambda: "no such table: library_book" in apache.log(start))


def test_django_forgery(visitor, library):
    """A form that was not asked for is refused."""
    answer = visitor.session.post(
        visitor.apache.url(library + "/admin/login/"),
        {"username": "anna", "password": PASSWORD}, timeout=TIMEOUT)
    assert answer.status_code == 403
