"""suEXEC: scripts run as their owner, with little of the environment."""

import json
import pwd
import subprocess

import pytest

from apache import basic, serving
from columns import HTACCESS
from suexec import Suexec

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("suexec")]

# What a script knows, as JSON.
KNOWN = """
import json
import os
import sys


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    known = {
        "user": os.geteuid(), "group": os.getegid(),
        "groups": os.getgroups(), "home": os.environ.get("HOME"),
        "prefix": sys.prefix, "environ": {
            key: value for key, value in environ.items()
            if isinstance(value, str)}}
    try:
        from only_in_the_venv import WORD
        known["word"] = WORD
    except ImportError:
        pass
    return [json.dumps(known).encode()]
"""
CONFIGURATION = """
SetEnv FROM_SERVER "word"
Alias "/plain" "${TREE}/htdocs/plain"
<Directory "${TREE}/htdocs/members">
    Options ExecCGI
    AddHandler cgi-script .cgi
    AuthType Basic
    AuthName "members"
    AuthBasicProvider file
    AuthUserFile "${TREE}/members"
    Require valid-user
</Directory>
<Directory "${TREE}/htdocs/plain">
    Options SymLinksIfOwnerMatch
    AllowOverride FileInfo Options=ExecCGI
</Directory>
"""
MODULES = "".join(f'LoadModule {name}_module "${{MODULES}}/mod_{name}.so"\n'
                  for name in ("auth_basic", "authn_core", "authn_file",
                               "authz_user"))


def install(apache):
    apache.configure(MODULES + CONFIGURATION)
    apache.script("cgi-bin/options.cgi", KNOWN,
                  "--env FROM_LINE='two words' --path '../apps/my modules'"
                  " --max-body 10 :application")
    apache.script("cgi-bin/bare.cgi", KNOWN)
    for name in ("members", "plain", "front"):
        apache.folder(f"htdocs/{name}")
        apache.script(f"htdocs/{name}/app.cgi", KNOWN)
    apache.copy(HTACCESS, "htdocs/plain/.htaccess")
    apache.write("htdocs/front/.htaccess",
                 HTACCESS.read_text() + "CGIPassAuth On\n")
    apache.folder("apps/my modules")
    apache.write("apps/my modules/only_in_the_venv.py", 'WORD = "path"\n')
    # Made by `htpasswd -bns Anna secret`.
    apache.write("members", "Anna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")


def install_home(apache):
    """A virtual environment, and a script for /~owner/, in the home."""
    venv = apache.home / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", venv],
                   check=True)
    packages, = venv.glob("lib/python3.*/site-packages")
    (packages / "only_in_the_venv.py").write_text('WORD = "venv"\n')
    place = f"home/{apache.owner}/public_html/cgi-bin"
    apache.folder(place)
    apache.script(f"{place}/app.cgi", KNOWN, "--venv ../../venv")
    apache.script("cgi-bin/venv.cgi", KNOWN, f"--venv {venv}")


@pytest.fixture(scope="module")
def apache():
    yield from serving(Suexec(), install, install_home)


def known(apache, path, **headers):
    """What the script at a path knows."""
    answer = apache.get(path, **headers)
    assert answer.status == 200, answer.text + apache.log()
    return json.loads(answer.text)


def authorization(apache, path):
    return known(apache, path, **basic("Jörg", "wörd"))["environ"].get(
        "HTTP_AUTHORIZATION")


@pytest.mark.parametrize("path", (
    "/cgi-bin/bare.cgi", "/cgi-bin/options.cgi", "/cgi-bin/venv.cgi",
    "/front/", "/~{}/cgi-bin/app.cgi"))
def test_owner(apache, path):
    """The script has its owner's rights, and no others."""
    owner = pwd.getpwnam(apache.owner)
    found = known(apache, path.format(apache.owner))
    assert (found["user"], found["group"], found["groups"]) == (
        owner.pw_uid, owner.pw_gid, [owner.pw_gid])
    assert found["home"] == owner.pw_dir


# Options in the first line

def test_options(apache):
    """H2: suEXEC lets no SetEnv through; the first line is enough."""
    found = known(apache, "/cgi-bin/options.cgi/a?b")
    assert found["environ"]["FROM_LINE"] == "two words"
    assert "FROM_SERVER" not in found["environ"]
    assert found["word"] == "path"
    assert found["environ"]["SCRIPT_NAME"] == "/cgi-bin/options.cgi"
    assert (found["environ"]["PATH_INFO"],
            found["environ"]["QUERY_STRING"]) == ("/a", "b")


@pytest.mark.parametrize("query", ("--version", "--env+FROM_LINE=x", "-c+x",
                                   "/etc/passwd", ":fail"))
def test_query_words(apache, query):
    """H1: suEXEC hands query words over as arguments, too."""
    found = known(apache, "/cgi-bin/options.cgi?" + query)
    assert found["environ"]["FROM_LINE"] == "two words"
    assert found["environ"]["QUERY_STRING"] == query


def test_limit(apache):
    """C12: an option that refuses."""
    answer = apache.post("/cgi-bin/options.cgi", b"x" * 11)
    assert answer.status == 413
    assert apache.post("/cgi-bin/options.cgi", b"x" * 10).status == 200


# A virtual environment in the owner's home

def test_virtual_environment(apache):
    found = known(apache, "/cgi-bin/venv.cgi")
    assert (found["word"], found["prefix"]) == ("venv",
                                                f"{apache.home}/venv")


def test_virtual_environment_of_a_user_folder(apache):
    """A URL that begins with /~, a path that begins with the script's."""
    base = f"/~{apache.owner}/cgi-bin/app.cgi"
    found = known(apache, base + "/a%20b")
    assert (found["word"], found["prefix"]) == ("venv",
                                                f"{apache.home}/venv")
    assert (found["environ"]["SCRIPT_NAME"],
            found["environ"]["PATH_INFO"]) == (base, "/a b")


def test_no_virtual_environment(apache):
    """Otherwise the tests above would show nothing."""
    found = known(apache, "/cgi-bin/bare.cgi")
    assert "word" not in found
    assert found["prefix"] == "/usr"


# Authentication

@pytest.mark.parametrize("path", ("/cgi-bin/bare.cgi",
                                  "/~{}/cgi-bin/app.cgi", "/front/"))
def test_authorization(apache, path):
    """B15: with CGIPassAuth the application sees who asks."""
    assert authorization(apache, path.format(apache.owner)) == (
        basic("Jörg", "wörd")["Authorization"])


def test_authorization_without_cgi_pass_auth(apache):
    """What a RewriteRule sets is lost: examples/htaccess says so."""
    assert authorization(apache, "/plain/") is None
    assert "CGIPassAuth On" in HTACCESS.read_text()


def test_login_by_apache(apache):
    """Apache asks for the password, and says who it was."""
    path = "/members/app.cgi"
    assert apache.get(path).status == 401
    assert apache.get(path, **basic("Anna", "wrong")).status == 401
    found = known(apache, path, **basic("Anna", "secret"))["environ"]
    assert (found["REMOTE_USER"], found["AUTH_TYPE"]) == ("Anna", "Basic")
    assert "HTTP_AUTHORIZATION" not in found
