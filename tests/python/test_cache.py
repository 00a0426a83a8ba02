"""The user's cache folder, and the script's compiled form in it."""

import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys

import pytest

from fresh import MAKE_PRIVATE, UNSHARE
from harness import APPS, PROGRAM

FACTS = (APPS / "facts.py").read_text()
ENDING = ".pyc"
TOKEN = "kept-in-a-constant"
SECRET = f"""
TOKEN = "{TOKEN}"

def application(environ, start_response):
    start_response("200 OK", [])
    return [TOKEN[:4].encode()]
"""


def checksum(data):
    """FNV-1a, which stands behind the code."""
    number = 14695981039346656037
    for byte in data:
        number = (number ^ byte) * 1099511628211 % 2 ** 64
    return number.to_bytes(8, sys.byteorder)


def forge(file, old, new):
    """Change a kept file as somebody would who can."""
    data = file.read_bytes()[:-8].replace(old, new)
    file.write_bytes(data + checksum(data))


class Kept:
    """The folder ~/.cache/cgi2wsgi of a home made for the test."""

    def __init__(self, cgi):
        self.home = cgi.folder / "home"
        self.home.mkdir(mode=0o700)
        self.folder = self.home / ".cache/cgi2wsgi"
        self.env = {"HOME": self.home}

    def files(self):
        return [path for path in sorted(self.home.rglob("*"))
                if path.name.endswith(ENDING)]

    @property
    def file(self):
        found, = self.files()
        return found


@pytest.fixture
def kept(cgi):
    return Kept(cgi)


def facts(reply):
    assert reply.status == 200, reply
    assert reply.log == "", reply
    return json.loads(reply.body)


def beside(cgi):
    return [str(path) for path in cgi.folder.glob("**/__pycache__/*")]


NAMES = ["app.py", "app.cgi", "app.wsgi", "noext", "a b.cgi", "x" * 250]


@pytest.mark.parametrize("name", NAMES)
def test_kept_and_used(cgi, kept, name):
    """H2, J1: the compiled form is kept away from the script, and used."""
    script = cgi.script(FACTS, name=name)
    facts(cgi.run(script, env=kept.env))
    assert beside(cgi) == []
    file = kept.file
    inode = file.stat().st_ino
    # Same time and size: CPython's rule believes what is kept.
    before = script.stat()
    script.write_bytes(script.read_bytes().replace(b'"file"', b'"FILE"'))
    os.utime(script, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "file" in facts(cgi.run(script, env=kept.env))
    assert file.stat().st_ino == inode
    os.utime(script, (1e9, 1e9))
    assert "FILE" in facts(cgi.run(script, env=kept.env))
    assert len(kept.files()) == 1


def test_changed_in_the_same_second(cgi, kept):
    """H2, J1: as a deployment writes a script, and then edits it."""
    script = cgi.script(FACTS)
    os.utime(script, ns=(10**18, 10**18))
    assert "file" in facts(cgi.run(script, env=kept.env))
    script.write_bytes(script.read_bytes().replace(b'"file"', b'"FILE"'))
    os.utime(script, ns=(10**18 + 1, 10**18 + 1))
    assert "FILE" in facts(cgi.run(script, env=kept.env))


def test_secret_is_not_in_a_served_folder(cgi, kept):
    """J1, case 11: constants of the script lie in no folder of pages."""
    script = cgi.script(SECRET)
    reply = cgi.run(script, env={**kept.env, "DOCUMENT_ROOT": cgi.folder
                                 / "pages"})
    assert reply.body == TOKEN[:4].encode()
    holding = [path for path in cgi.folder.rglob("*") if path.is_file()
               and TOKEN.encode() in path.read_bytes()]
    assert holding == [script, kept.file]


def test_modes(cgi, kept):
    """J1: folders 0700, files 0600, and a denial to web servers."""
    cgi.run(cgi.script(SECRET), env=kept.env, umask=0)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode)
             for path in (kept.home / ".cache", kept.folder,
                          *kept.folder.iterdir())}
    assert modes == {".cache": 0o700, "cgi2wsgi": 0o700, ".htaccess": 0o600,
                     kept.file.name: 0o600}
    assert (kept.folder / ".htaccess").read_text() == "Require all denied\n"


@pytest.mark.parametrize("root", ["home", "home/", ".", "home/.cache",
                                  "link"])
@pytest.mark.parametrize("name", ["DOCUMENT_ROOT", "CONTEXT_DOCUMENT_ROOT"])
def test_home_is_served(cgi, kept, name, root):
    """J1: a home that the web server hands out is not used."""
    (cgi.folder / "link").symlink_to(kept.home)
    reply = cgi.run(cgi.script(SECRET),
                    env={**kept.env, name: f"{cgi.folder}/{root}"})
    assert reply.status == 200 and reply.log == ""
    assert kept.files() == []


@pytest.mark.parametrize("roots", [
    {"DOCUMENT_ROOT": "home/public_html"}, {"DOCUMENT_ROOT": "hom"},
    {"DOCUMENT_ROOT": "missing"}, {"DOCUMENT_ROOT": ""}])
def test_home_is_not_served(cgi, kept, roots):
    """J1: it is used if pages lie somewhere in it, or beside it."""
    (kept.home / "public_html").mkdir()
    (cgi.folder / "hom").mkdir()
    env = {name: f"{cgi.folder}/{value}" if value else ""
           for name, value in roots.items()}
    cgi.run(cgi.script(SECRET), env={**kept.env, **env})
    assert kept.file


def make_shared(kept):
    kept.folder.chmod(0o777)


def make_group_writable(kept):
    kept.folder.chmod(0o770)


def share_above(kept):
    kept.folder.parent.chmod(0o777)


def link_away(kept):
    other = kept.home / "other"
    other.mkdir()
    shutil.rmtree(kept.folder)
    kept.folder.symlink_to(other)


def be_a_file(kept):
    shutil.rmtree(kept.folder)
    kept.folder.write_text("")


def give_away(kept):
    user = pwd.getpwnam("nobody")
    os.chown(kept.folder, user.pw_uid, user.pw_gid)


def give_away_above(kept):
    user = pwd.getpwnam("nobody")
    os.chown(kept.folder.parent, user.pw_uid, user.pw_gid)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="chown is root's")


@pytest.mark.parametrize("spoil", [
    make_shared, make_group_writable, share_above, link_away, be_a_file,
    pytest.param(give_away, marks=as_root),
    pytest.param(give_away_above, marks=as_root)])
def test_unsafe_folder(cgi, kept, spoil):
    """J2: a folder that others may change is neither read nor written."""
    script = cgi.script(SECRET)
    cgi.run(script, env=kept.env)
    file = kept.file
    # Whoever could write there would have this run.
    forge(file, TOKEN[:4].encode(), b"EVIL")
    assert cgi.run(script, env=kept.env).body == b"EVIL"
    spoil(kept)
    reply = cgi.run(script, env=kept.env)
    assert reply.body == TOKEN[:4].encode()
    assert reply.log == ""


def be_shared(file):
    file.chmod(0o666)


def be_group_writable(file):
    file.chmod(0o660)


def be_a_link(file):
    file.rename(file.parent / "other")
    file.symlink_to("other")


def be_a_fifo(file):
    file.unlink()
    os.mkfifo(file)


def be_a_folder(file):
    file.unlink()
    file.mkdir()


def be_of_nobody(file):
    user = pwd.getpwnam("nobody")
    os.chown(file, user.pw_uid, user.pw_gid)


@pytest.mark.parametrize("spoil", [
    be_shared, be_group_writable, be_a_link, be_a_fifo, be_a_folder,
    pytest.param(be_of_nobody, marks=as_root)])
def test_unsafe_file(cgi, kept, spoil):
    """J2: nor is such a file believed."""
    script = cgi.script(SECRET)
    cgi.run(script, env=kept.env)
    file = kept.file
    forge(file, TOKEN[:4].encode(), b"EVIL")
    assert cgi.run(script, env=kept.env).body == b"EVIL"
    spoil(file)
    reply = cgi.run(script, env=kept.env)
    assert reply.body == TOKEN[:4].encode()
    assert reply.log == ""


def test_broken(cgi, kept):
    """H2: what is broken is made again."""
    script = cgi.script(SECRET)
    cgi.run(script, env=kept.env)
    file = kept.file
    whole = file.read_bytes()
    for size in (0, 1, 4, 8, 12, 15, 16, 17, 40, len(whole) - 1):
        file.write_bytes(whole[:size])
        reply = cgi.run(script, env=kept.env)
        assert reply.body == TOKEN[:4].encode() and reply.log == ""
        assert file.read_bytes() == whole
    for place in range(0, len(whole), 41):
        file.write_bytes(whole[:place] + bytes(len(whole) - place))
        reply = cgi.run(script, env=kept.env)
        assert reply.body == TOKEN[:4].encode() and reply.log == ""
    # No code, or another file's.
    file.write_bytes(whole[:16] + b"N" + checksum(whole[:16] + b"N"))
    assert cgi.run(script, env=kept.env).body == TOKEN[:4].encode()
    forge(file, b"app.cgi", b"bad.cgi")
    assert cgi.run(script, env=kept.env).body == TOKEN[:4].encode()


def test_two_of_one_name(cgi, kept):
    """H2: scripts of one name, or of one stem, have a file each."""
    scripts = [cgi.script(SECRET.replace(TOKEN, word), name=name)
               for word, name in (("one.", "a/app.cgi"), ("two.", "b/app.cgi"),
                                  ("thre", "a/app.wsgi"), ("four", "a/app"))]
    for script in scripts:
        os.utime(script, (1e9, 1e9))
    for _ in range(2):
        assert [cgi.run(script, env=kept.env).body for script in scripts] \
            == [b"one.", b"two.", b"thre", b"four"]
    assert len(kept.files()) == len(scripts)


def test_modules_as_ever(cgi, kept):
    """J1: a module beside the script keeps to CPython's rules."""
    cgi.write("helper.py", "WHO = 'the module'\n")
    script = cgi.script("import helper\n" + SECRET)
    cgi.run(script, env=kept.env)
    name, = (os.path.basename(path) for path in beside(cgi))
    assert name.startswith("helper.cpython-")


def test_prefix_is_for_modules(cgi, kept):
    """H2: PYTHONPYCACHEPREFIX says where modules' compiled forms go."""
    cgi.write("helper.py", "WHO = 'the module'\n")
    elsewhere = cgi.folder / "elsewhere"
    cgi.run(cgi.script("import helper\n" + SECRET),
            env={**kept.env, "PYTHONPYCACHEPREFIX": elsewhere})
    assert [path.name.split(".")[0] for path in elsewhere.rglob("*.pyc")
            if "helper" in path.name] == ["helper"]
    assert kept.file.name.startswith("app.cgi-")


def test_not_written(cgi, kept):
    """H2: PYTHONDONTWRITEBYTECODE is honoured."""
    cgi.run(cgi.script(SECRET),
            env={**kept.env, "PYTHONDONTWRITEBYTECODE": "1"})
    assert kept.files() == []


def test_optimization(cgi, kept):
    """H2: with PYTHONOPTIMIZE it is another file."""
    script = cgi.script("""
        def application(environ, start_response):
            start_response("200 OK", [])
            assert False, "asserted"
            return [b"optimized"]
        """)
    for _ in range(2):
        assert cgi.run(script, env=kept.env).status == 500
        assert cgi.run(script, env={
            **kept.env, "PYTHONOPTIMIZE": "1"}).body == b"optimized"
    assert len(kept.files()) == 2


def test_nothing_kept_of_a_syntax_error(cgi, kept):
    """H2, case 36: and its traceback begins with the script's line."""
    reply = cgi.run(cgi.script("one\nsyntax error\n"), env=kept.env)
    assert reply.status == 500
    assert kept.files() == []
    assert 'app.cgi", line 3' in reply.log
    assert "importlib" not in reply.log


def test_no_home(cgi, kept):
    """J1: HOME that is another user's, or missing, is left alone."""
    other = cgi.folder / "other"
    other.mkdir()
    if os.geteuid() == 0:
        os.chown(other, 65534, 65534)
        assert cgi.run(cgi.script(SECRET), env={"HOME": other}).log == ""
        assert list(other.iterdir()) == []
    assert cgi.run(cgi.script(SECRET), env={"HOME": "/none"}).log == ""


def test_not_more_than_a_bound(cgi, kept):
    """J1: the oldest are removed, and what nobody will finish."""
    cgi.run(cgi.script(SECRET), env=kept.env)
    old = [kept.folder / f"old-{number}.pyc" for number in range(1005)]
    for age, path in enumerate(old):
        path.write_bytes(b"")
        os.utime(path, (1e9 - age, 1e9 - age))
    abandoned = kept.folder / "old.pyc.1.new"
    abandoned.write_bytes(b"")
    os.utime(abandoned, (1e9, 1e9))
    fresh = kept.folder / "young.pyc.2.new"
    fresh.write_bytes(b"")
    cgi.run(cgi.script(SECRET, name="second.cgi"), env=kept.env)
    assert len(kept.files()) == 1000
    assert old[0].exists() and not old[-1].exists()
    assert not abandoned.exists() and fresh.exists()


@pytest.mark.parametrize("name", ["kept", "kept/", "./sub/../kept"])
def test_chosen(cgi, kept, name):
    """J1: --cache names the folder, from the script's folder on."""
    (cgi.folder / "sub").mkdir()
    script = cgi.script(SECRET, f"--cache {name}")
    for _ in range(2):
        assert cgi.run(script, env=kept.env).log == ""
    assert kept.files() == []
    folder = cgi.folder / "kept"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name.partition("-")[0] for path in folder.iterdir()} \
        == {".htaccess", "app.cgi"}


def test_nothing_is_chosen(cgi, kept):
    """J1: --cache none keeps nothing, and makes no folder of that name."""
    reply = cgi.run(cgi.script(SECRET, "--cache none"), env=kept.env)
    assert reply.body == TOKEN[:4].encode() and reply.log == ""
    assert not list(cgi.folder.rglob("*.pyc"))
    assert not (cgi.folder / "none").exists()


@pytest.mark.parametrize("root", [".", "sub/..", "kept"])
def test_chosen_is_served(cgi, kept, root):
    """J1: nor is a chosen folder used that the web server hands out."""
    for name in ("kept", "sub"):
        (cgi.folder / name).mkdir(mode=0o700)
    reply = cgi.run(cgi.script(SECRET, "--cache kept"), env={
        **kept.env, "DOCUMENT_ROOT": f"{cgi.folder}/{root}"})
    assert reply.body == TOKEN[:4].encode() and reply.log == ""
    assert not list(cgi.folder.rglob("*.pyc"))


@pytest.mark.skipif(os.geteuid() != 0 or subprocess.run(
    ["unshare", "-m", "true"], capture_output=True).returncode != 0,
    reason="only root can mount, and not in every root")
@pytest.mark.parametrize("options", ["ro", "size=4k", "nr_inodes=3"])
def test_full(cgi, kept, options):
    """J1, attack 2: a full disk, or one that is read only, costs time alone."""
    script = cgi.script(SECRET)
    reply = cgi.exec(
        ["/usr/bin/unshare", "-m", "sh", "-c",
         f'mount -t tmpfs -o {options} none "$HOME" && "$0" && "$0"', script],
        cgi.environ(script, env={**kept.env, "PATH": os.environ["PATH"]}))
    assert reply.raw.count(b"Status: 200 OK") == 2 and reply.log == ""


@pytest.mark.parametrize("name", ["missing/kept", "file", "/proc/x"])
def test_chosen_cannot_be_had(cgi, kept, name):
    """J1, J2: then nothing is kept, there or elsewhere."""
    cgi.write("file")
    reply = cgi.run(cgi.script(SECRET, f"--cache {name}"), env=kept.env)
    assert reply.body == TOKEN[:4].encode() and reply.log == ""
    assert kept.files() == []
    assert not list(cgi.folder.rglob("*.pyc"))


@as_root
def test_another_user(cgi, tmp_path):
    """J1: a user without a home of his own has /var/tmp/cgi2wsgi-UID."""
    user = 60000 + os.getpid() % 5000
    folder = f"/var/tmp/cgi2wsgi-{user}"
    copy = cgi.folder / "cgi2wsgi"
    shutil.copy(PROGRAM, copy)
    copy.chmod(0o755)
    script = cgi.script(SECRET)
    script.write_text(script.read_text().replace(str(PROGRAM), str(copy)))
    try:
        reply = cgi.run(script, env={"HOME": "/var/www"}, user=user,
                        group=user, extra_groups=[])
        assert reply.body == TOKEN[:4].encode() and reply.log == ""
        assert [name.partition("-")[0] for name in os.listdir(folder)
                if name.endswith(ENDING)] == ["app.cgi"]
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@as_root
def test_installed(cgi):
    """J1: where there is /var/cache/cgi2wsgi, each user has his folder there."""
    copy = cgi.folder / "cgi2wsgi"
    shutil.copy(PROGRAM, copy)
    script = cgi.script(SECRET)
    script.write_text(script.read_text().replace(str(PROGRAM), str(copy)))
    home = cgi.folder / "home"
    home.mkdir()
    os.chown(home, 33, 33)
    reply = cgi.exec(["/usr/bin/env", *UNSHARE, *MAKE_PRIVATE, "sh", "-ec", """
        mount -t tmpfs -o mode=755 tmpfs /var/cache
        mkdir -m 1777 /var/cache/cgi2wsgi
        setpriv --reuid 33 --regid 33 --clear-groups "$0" >reply
        stat -c '%n %a %u' /var/cache/cgi2wsgi/* /var/cache/cgi2wsgi/33/*
        """, script], dict(cgi.environ(script, env={"HOME": home})))
    assert reply.log == "" and TOKEN[:4] in (cgi.folder / "reply").read_text()
    folder, file = reply.raw.decode().splitlines()
    assert folder == "/var/cache/cgi2wsgi/33 700 33"
    assert re.fullmatch(r"/var/cache/cgi2wsgi/33/app\.cgi-.*\.pyc 600 33", file)
    assert not list(home.iterdir())


def test_read_only(cgi, kept):
    """J1: a full or read-only disk is no error."""
    script = cgi.script(SECRET)
    (kept.home / ".cache").write_text("no folder")
    reply = cgi.run(script, env={
        **kept.env, "DOCUMENT_ROOT": "/var/tmp"})
    assert reply.body == TOKEN[:4].encode() and reply.log == ""
