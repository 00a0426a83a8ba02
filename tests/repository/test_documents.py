"""What README.md and the manual print is run; what they list is true."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess

import pytest

from apache import MODELS, running
from harness import PROGRAM, TESTS

TOP = TESTS.parent
README = (TOP / "README.md").read_text()
GUIDE = (TOP / "CONTRIBUTING.md").read_text()
MANUAL = (TOP / "man/cgi2wsgi.1").read_text()
ERRORS = (TOP / "man/cgi2wsgi-errors.7").read_text()
INSTALLED = "/usr/local/bin/cgi2wsgi"
LONG = 900      # seconds that a build may take on a busy machine


def manual_blocks():
    """What the manuals of commands show literally, as a reader sees it."""
    for manual in sorted((TOP / "man").glob("*.1")):
        for text in re.findall(r"^\.Bd -literal.*\n((?s:.*?))^\.Ed$",
                               manual.read_text(), re.MULTILINE):
            yield text.replace(r"\e", "\\").replace(r"\&", "")


def readme_blocks(language):
    return re.findall(rf"^```{language}\n((?s:.*?))^```$", README,
                      re.MULTILINE)


SCRIPTS = [*readme_blocks("python"),
           *(text for text in manual_blocks() if text.startswith("#!"))]
# The manuals of commands have none.
CONFIGURATIONS = [*readme_blocks("apache"), *(
    text for text in manual_blocks() if not text.startswith(("#!", "$ ")))]
BUILD, CHECK, *SHOWN = "".join(readme_blocks("sh")).splitlines()
PACKAGING = [line for line in SHOWN if "packag" in line or ".deb" in line]
SHOWN = [line for line in SHOWN if line not in PACKAGING]
SHOWN += [line[2:] for text in manual_blocks() if text.startswith("$ ")
          for line in text.splitlines() if line.startswith("$ ")]
APPLICATION = SCRIPTS[0]

# Exit status and a part of the output, by command.
COMMANDS = {
    "./app.cgi /reader": (0, "Hello, reader!"),
    "./app.cgi -i -d name=value -H 'Accept: text/plain' -u user:password"
    " /form": (0, "Hello, form!"),
    "cgi2wsgi --debug app.cgi /reader": (0, "Hello, reader!"),
    "cgi2wsgi --explain --timing app.cgi /reader": (0, "Hello, reader!"),
    "cgi2wsgi --explain app.cgi /reader": (0, "Hello, reader!"),
    "cgi2wsgi app.cgi '/path?query'": (0, "Hello, path!"),
    "./app.cgi -i http://www.example.org/path": (0, "HTTP/1.1 200 OK\n"),
    "./app.cgi -d name=value -d more=2 -u user:password /form":
        (0, "Hello, form!"),
    "./app.cgi -F title=Notes -F file=@notes.txt -b session=1 /upload":
        (0, "Hello, upload!"),
    """echo '{"a": 1}' | ./app.cgi --json @- -X PUT /item""":
        (0, "Hello, item!"),
    "cgi2wsgi -o page.html app.cgi /page": (0, ""),
    "cgi2wsgi wsgiref.simple_server:demo_app": (0, "Hello world!"),
    "cgi2wsgi --debug --path . 'my_package:make_app()' /broken":
        (1, "KeyError: '/broken'"),
    "cgi2wsgi --check app.cgi": (None, " callable: "),
    "cgi2wsgi --check --web-user www-data app.cgi": (None, " file"),
    "cgi2wsgi --check app.cgi https://www.example.org/shop":
        (None, " request: "),
    "cgi2wsgi --check=files,json app.cgi": (None, '"id": "line"'),
    "cgi2wsgi --explain=html --log app.log app.cgi / 2>page.html":
        (0, "Hello, world!"),
}

# A URL path and a part of what is there, by a configuration's first line.
SITES = {
    'ScriptAlias "/hello" "/srv/hello/app.cgi"':
        ("/hello/reader", "Hello, reader!"),
    "Options +ExecCGI": ("/host/reader", "Hello, reader!"),
}


def first_line(text):
    return text.partition("\n")[0]


def installed(cgi, script):
    """A script for the program under test, in a folder below cgi's."""
    text = script.replace(INSTALLED, str(PROGRAM))
    return cgi.write("www/app.cgi", text, 0o755)


def search_path(cgi):
    """A PATH on which the program is called cgi2wsgi."""
    folder = cgi.folder / "bin"
    folder.mkdir()
    (folder / "cgi2wsgi").symlink_to(PROGRAM)
    return f"{folder}:/usr/bin:/bin"


# Scripts and commands

def test_every_block_is_known():
    """No block is in a language, or of a kind, that nothing here runs."""
    languages = re.findall(r"^```(\w*)$", README, re.MULTILINE)
    assert set(languages) == {"sh", "python", "apache", ""}
    assert len(languages) == 2 * len(
        [*readme_blocks("sh"), *readme_blocks("python"),
         *readme_blocks("apache")])
    assert set(SHOWN) == set(COMMANDS)
    assert sorted(map(first_line, CONFIGURATIONS)) == sorted(SITES)


PAGES = [TOP / name for name in subprocess.run(
    ["git", "-c", "safe.directory=*", "ls-files", "*.md"], cwd=TOP, text=True,
    stdout=subprocess.PIPE).stdout.split()] or [TOP / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page):
    """Each link leads to a file, and a part of a page, that there is."""
    text = re.sub(r"^```.*?^```$|^    .*?$|`[^`\n]*`", "", page.read_text(),
                  flags=re.MULTILINE | re.DOTALL)
    titles = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
              for title in re.findall(r"^#+ (.*)", text, re.MULTILINE)}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("#"):
            assert link[1:] in titles, link
        elif not link.startswith("https://"):
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_size():
    """README.md is short, and promises six lines, and ten of Apache's."""
    assert len(README.splitlines()) < 150
    assert len(APPLICATION.splitlines()) == 6
    assert len(readme_blocks("apache")[0].splitlines()) == 10


@pytest.mark.parametrize("script", SCRIPTS, ids=map(first_line, SCRIPTS))
def test_script(cgi, script):
    """case 31: a value keeps the quotes that the manual's example has."""
    if "--venv ../venv" in script:
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip",
                        cgi.folder / "venv"], check=True)
    cgi.write("secrets.env", "OWN=hunter2\n", 0o600)
    path = installed(cgi, script)
    reply = cgi.run(path, target="/", env={"PATH": search_path(cgi)})
    assert (reply.status, reply.exit, reply.log) == (200, 0, ""), reply
    if "secrets.env" in script:
        assert b"HOSTS = \"['127.0.0.1']\"" in reply.body
        assert b"OWN = 'hunter2'" in reply.body
    assert b"Hello" in reply.body
    for name in re.findall(r"--log (\S+)", script):
        assert (path.parent / name).read_text() == ""


def test_the_scripts_use_log_and_venv():
    """Else the test above would not see these."""
    lines = [first_line(script) for script in SCRIPTS]
    assert any("--log ../" in line for line in lines)
    assert any("--venv ../venv" in line for line in lines)


@pytest.mark.parametrize("command", SHOWN)
def test_command(cgi, command):
    path = installed(cgi, APPLICATION)
    cgi.write("www/notes.txt", "notes\n")
    cgi.write("www/my_package/__init__.py",
              "def make_app():\n"
              "    return lambda environ, start_response:"
              " {}[environ['PATH_INFO']]\n")
    done = subprocess.run(command, shell=True, cwd=path.parent, text=True,
                          capture_output=True, timeout=LONG,
                          env={**os.environ, "PATH": search_path(cgi)})
    status, text = COMMANDS[command]
    if status is None:
        # www-data need not reach the program under test.
        assert done.returncode in (0, 1) and done.stderr == ""
        assert re.match(r"\[\n|(ok|warn) +user", done.stdout), done
        assert text in done.stdout
        return
    assert done.returncode == status, done.stderr
    assert text in done.stdout, done.stdout
    assert ("Traceback" in done.stderr) == (status == 1)


# Building

def packages(command):
    """The packages that `apt-get install` is given, and what follows."""
    words = shlex.split(command)
    install = ["sudo", "apt-get", "install", "-y"]
    assert words[:4] == install
    end = words.index("&&")
    return words[4:end], command.partition(" && ")[2]


@pytest.mark.slow
def test_first_command(cgi):
    """It builds, in a copy of the sources, and runs the example."""
    tree = cgi.folder / "copy"
    shutil.copytree(TOP, tree, ignore=shutil.ignore_patterns(
        ".git", "*.o", "*.d", "cgi2wsgi", "__pycache__", ".pytest_cache"))
    plain = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(packages(BUILD)[1], shell=True, cwd=tree,
                          env=plain, text=True, capture_output=True,
                          timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert done.stdout.endswith("\nHello, world!\n")
    subprocess.run(["make", "install", f"DESTDIR={tree}/root"], check=True,
                   cwd=tree, env=plain, stdout=subprocess.DEVNULL)
    assert os.access(f"{tree}/root{INSTALLED}", os.X_OK)
    for manual in (TOP / "man").glob("*.[1-9]"):
        section = f"root/usr/local/share/man/man{manual.suffix[1:]}"
        assert (tree / section / manual.name).read_text() == (
            manual.read_text())
    subprocess.run(["make", "uninstall", f"DESTDIR={tree}/root"], check=True,
                   cwd=tree, env=plain, stdout=subprocess.DEVNULL)
    assert not [path for path in (tree / "root").rglob("*")
                if path.is_file()]


def test_packages_of_the_first_command():
    """They are those that CI builds with."""
    found = packages(BUILD)[0]
    assert sorted(found) == ["gcc", "libpython3-dev", "make", "pkg-config"]
    assert set(found) <= set((TOP / ".ci/run").read_text().split())


def test_second_command():
    words, rest = packages(CHECK)
    assert words == ["$(cat", "tests/packages)"]
    assert rest == "make check"
    recipe = subprocess.run(["make", "-n", rest.split()[1]], cwd=TOP,
                            check=True, text=True, capture_output=True,
                            env={"PATH": "/usr/bin:/bin"}).stdout
    recipe = recipe.replace("\\\n", " ")
    assert re.search(r"/usr/bin/python3 -m pytest .*\btests\b", recipe)


def imported(interop):
    """Files of Debian's modules that tests and examples import.

    Not those that a test writes itself. Those are left out, or those alone, that only make interop runs.
    """
    names, own, shown = set(), set(), set()
    for folder in ("tests", "examples"):
        for file in (TOP / folder).rglob("*"):
            if file.suffix not in (".py", ".cgi"):
                continue
            text = file.read_text()
            if interop == bool(re.search(
                    r"^pytestmark = .*\binterop\b", text, re.MULTILINE)):
                (shown if folder == "examples" else names).update(re.findall(
                    r"(?:^|[\"'])\s*(?:from|import) ([a-z]\w*)",
                    text, re.MULTILINE))
                own.update(re.findall(r"[\"'/](\w+)\.py[\"']", text))
    found = map(importlib.util.find_spec, sorted(names - own | shown))
    return {spec.name: spec.origin for spec in found
            if spec and "/dist-packages/" in (spec.origin or "")}


def owners(modules):
    """The packages that files belong to."""
    found = subprocess.run(["dpkg", "-S", *modules.values()], check=True,
                           text=True, stdout=subprocess.PIPE).stdout
    return {line.partition(":")[0] for line in found.splitlines()}


def test_packages_of_the_second_command():
    """Sorted, and with whatever the tests import."""
    listed = (TESTS / "packages").read_text().splitlines()
    assert listed == sorted(set(listed))
    modules = imported(interop=False)
    assert {"pytest", "django", "flask", "webtest"} <= set(modules)
    assert owners(modules) <= set(listed)


def test_packages_of_interop():
    """The same, with what the other list has."""
    listed = (TESTS / "packages-interop").read_text().splitlines()
    assert listed == sorted(set(listed))
    modules = imported(interop=True)
    assert owners(modules) <= set(listed) | set(
        (TESTS / "packages").read_text().splitlines())


# Apache

def install_sites(apache):
    """The files that the printed configurations speak of, and they."""
    for name in ("srv/hello", "htdocs/host"):
        apache.folder(name)
        apache.script(f"{name}/app.cgi", APPLICATION)
    for text in CONFIGURATIONS:
        if text.startswith("Options"):
            apache.write("htdocs/host/.htaccess", text)
        else:
            text = text.replace(INSTALLED, str(apache.program))
            apache.configure(text.replace("/srv/", f"{apache.tree}/srv/")
                             .replace('"/srv', f'"{apache.tree}/srv'))
    apache.configure(f"""
        <Directory "{apache.tree}/htdocs/host">
            AllowOverride FileInfo Options=ExecCGI
            Options SymLinksIfOwnerMatch
        </Directory>
    """)


@pytest.fixture(scope="module", params=MODELS)
def sites(request):
    yield from running(request.param, install_sites)


@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
def test_configuration(sites, site):
    path, text = site
    answer = sites.get(path)
    assert answer.status == 200, answer.text + sites.log()
    assert text in answer.text


def test_check_without_a_shell(sites):
    """examples/check.cgi tells what stops the script beside it."""
    page = (TOP / "examples/check.cgi").read_text()
    sites.folder("htdocs/host/broken")
    sites.write("htdocs/host/broken/check.cgi",
                page.replace(INSTALLED, str(sites.program)), 0o755)
    script = APPLICATION.replace(INSTALLED, str(sites.program))
    sites.write("htdocs/host/broken/app.cgi",
                script.replace("\n", "\r\n", 1), 0o755)
    assert sites.get("/host/broken/app.cgi").status == 500
    answer = sites.get("/host/broken/check.cgi")
    assert answer.status == 200
    assert "carriage return" in answer.text and "1 error" in answer.text
    sites.write("htdocs/host/broken/app.cgi", script, 0o755)
    assert sites.get("/host/broken/app.cgi/reader").text == "Hello, reader!\n"
    assert "\n0 errors, " in sites.get("/host/broken/check.cgi").text


def test_htaccess_example():
    """That of README.md is that of examples/."""
    example = (TOP / "examples/htaccess").read_text()
    assert re.sub(r"^#.*\n", "", example, flags=re.M) in CONFIGURATIONS


# Lists

def section(name):
    return re.search(rf"^\.Sh {name}\n((?s:.*?))^\.Sh", MANUAL, re.M)[1]


@pytest.mark.parametrize("manual", sorted((TOP / "man").glob("*.[1-9]")))
def test_manual_is_clean(manual):
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", manual],
                          text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, "")


def test_options():
    """--help and the manual have the same options and arguments."""
    said = subprocess.run([PROGRAM, "--help=all"], check=True, text=True,
                          capture_output=True).stdout
    helped = re.findall(r"^  (?:    |-(\w), )--([\w-]+) ?([A-Z=:]*)", said,
                        re.MULTILINE)
    manual = re.findall(r"^\.It Fl (?:(\w) , )?-([\w-]+)(?: Ar (\S+))?",
                        section("OPTIONS") + section("REQUEST OPTIONS"),
                        re.MULTILINE)
    assert len(helped) > 10
    assert [(short, name, value.upper())
            for short, name, value in manual] == helped


def test_codes():
    """CODES has report.c's words and page.c's statuses, in order."""
    words = re.findall(r'\[(REPORT_\w+)\] = "([\w-]+)"',
                       (TOP / "lib/cgi/report.c").read_text())
    page = (TOP / "lib/cgi/page.c").read_text()
    error = re.search(r'#define ERROR\s+"(\d+)', page)[1]
    statuses = {code: number or error for code, number in re.findall(
        r'\[(REPORT_\w+)\] = \{\s*(?:ERROR|"(\d+))', page)}
    assert len(words) > 20
    codes = [(word, statuses.get(code, "log")) for code, word in words]
    assert re.findall(r"^\.It Cm (\S+) Ta (\S+) Ta \"", ERRORS,
                      re.MULTILINE) == codes


def test_packaging():
    """tests/package does what README.md says."""
    script = (TESTS / "package").read_text()
    assert PACKAGING == [
        "cp -r packaging/debian . && dpkg-buildpackage -us -uc -b",
        "sudo apt install ../cgi2wsgi_*.deb"]
    assert re.search(r'cp -r "\$tree/packaging/debian" "\$tree"\n.*'
                     r"dpkg-buildpackage -us -uc -b", script)
    assert re.search(r'apt install .*"\$folder/cgi2wsgi_\$version"-\*.deb',
                     script)


def test_units():
    """CONTRIBUTING.md says of each unit what it knows."""
    section = GUIDE.partition("### Each unit")[2].partition("\n### ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    units = re.findall(r"`([\w/]+)(?:\.c)?`", " ".join(cells))
    assert sorted(units) == sorted(
        {file.stem for file in TOP.glob("*.c")}
        | {str(file.relative_to(TOP / "lib").with_suffix(""))
           for kind in "chp" for file in TOP.glob(f"lib/*/*.{kind}*")})
