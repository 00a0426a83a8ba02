"""An image is used only while all is as it was: each thing that an import can
depend on is changed alone, and the next answer is right."""

import os
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="another user's rights")


def rewrite(path, text):
    """In place, and its time is as it was."""
    kept = path.stat()
    with path.open("w") as file:
        file.write(text)
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def replace(path, text):
    """By another file of the same name, size and time, as installers do."""
    kept = path.stat()
    new = path.with_name(path.name + "~")
    new.write_text(text)
    assert new.stat().st_size == kept.st_size
    os.utime(new, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    new.rename(path)


class Site:
    """An application in a virtual environment, with a bit of everything."""

    def __init__(self, preloaded, python):
        self.preloaded, cgi = preloaded, preloaded.cgi
        version = os.path.basename(python)
        self.venv = cgi.folder / "venv"
        self.packages = self.venv / "lib" / version / "site-packages"
        write = cgi.write
        write("venv/pyvenv.cfg", f"home = {os.path.dirname(python)}\n")
        self.module = write("own/mine.py", "value = 'mine'\n")
        self.config = write("conf/config.py", "value = 'conf'\n")
        self.loose = write("conf/loose.py", "value = 'loos'\n")
        write("next/own/mine.py", "value = 'next'\n")
        inside = self.packages.relative_to(cgi.folder)
        self.package = write(inside / "pack" / "__init__.py",
                             "value = 'pack'\nfrom pack import low\n")
        self.low = write(inside / "pack" / "low.py", "value = 'low1'\n")
        self.pth = write(inside / "paths.pth",
                         "import sys; sys.found = 'path'\n")
        (cgi.folder / "link").symlink_to("own")
        self.script = preloaded.script(f"""
            import importlib.util, sys
            sys.dont_write_bytecode = True
            import mine, pack
            loose = {{}}
            with open({str(self.config)!r}) as file:
                exec(compile(file.read(), file.name, "exec"), loose)
            spec = importlib.util.spec_from_file_location(
                "loose", {str(self.loose)!r})
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            try:
                import usercustomize_of_nobody
            except ImportError:
                pass
            values = [mine.value, loose["value"], module.value, pack.value,
                      pack.low.value, sys.found]
            def application(environ, start_response):
                return reply(start_response, [
                    environ["cgi2wsgi.preloaded"], *values])
        """, f"--venv {self.venv} --path {cgi.folder}/link")

    def ask(self, **how):
        reply = self.preloaded.run(self.script, **how)
        assert reply.status == 200, reply
        return eval(reply.body)


AS_IT_WAS = ["mine", "conf", "loos", "pack", "low1", "path"]


@pytest.mark.parametrize("how", [rewrite, replace])
@pytest.mark.parametrize("what, number", [
    ("module", 0), ("config", 1), ("loose", 2), ("package", 3), ("low", 4),
    ("pth", 5)])
def test_code_of_the_same_size_and_time(preloaded, python, what, number, how):
    """J2, H7: each file that the import read as code, also what no module is
    left of; only in a package's folder an edit in place is not seen."""
    site = Site(preloaded, python)
    preloaded.make(site.script)
    assert site.ask() == [True, *AS_IT_WAS]
    path = getattr(site, what)
    old = AS_IT_WAS[number]
    how(path, path.read_text().replace(f"'{old}'", f"'{old.upper()}'"))
    if how is rewrite and site.packages in path.parents and what != "pth":
        assert site.ask() == [True, *AS_IT_WAS]
        return
    assert site.ask() == [False, *(
        value.upper() if value == old else value for value in AS_IT_WAS)]


@pytest.mark.parametrize("change, number, value", [
    ("new .pth", 5, "newer"),
    ("no .pth", 5, None), ("link of --path", 0, "next"),
    ("link of a package", 3, "else"), ("package upgraded", 4, "low2"),
    ("namespace", 0, "name"), ("pyvenv.cfg", 0, "mine")])
def test_what_the_import_would_find(preloaded, python, change, number, value):
    """H7: what was not there, and links on the way."""
    site = Site(preloaded, python)
    packages, folder = site.packages, preloaded.cgi.folder
    preloaded.make(site.script)
    assert site.ask() == [True, *AS_IT_WAS]
    if change == "new .pth":
        (packages / "zoo.pth").write_text("import sys; sys.found = 'newer'\n")
    elif change == "no .pth":
        site.pth.unlink()
    elif change == "link of --path":
        (folder / "link").unlink()
        (folder / "link").symlink_to("next/own")
    elif change == "link of a package":
        site.package.parent.rename(folder / "moved")
        shutil.copytree(folder / "moved", folder / "else")
        (folder / "else/__init__.py").write_text(
            "value = 'else'\nfrom pack import low\n")
        site.package.parent.symlink_to(folder / "else")
    elif change == "package upgraded":
        new = packages / "pack.new"
        shutil.copytree(site.package.parent, new)
        (new / "low.py").write_text("value = 'low2'\n")
        shutil.rmtree(site.package.parent)
        new.rename(site.package.parent)
    elif change == "namespace":
        (site.module.parent / "mine").mkdir()
        (site.module.parent / "mine/__init__.py").write_text("value = 'name'")
    elif change == "pyvenv.cfg":
        os.utime(site.venv / "pyvenv.cfg")
    expected = [*AS_IT_WAS]
    expected[number] = value
    if value is None:
        assert preloaded.run(site.script).status == 500
    else:
        assert site.ask() == [False, *expected]


# What somebody reads who is not Python's os.environ.
IN_C = """LANG LANGUAGE LC_ALL LC_CTYPE LC_NUMERIC LC_PAPER TZ TZDIR PATH HOME
TMPDIR PYTHONPATH PYTHONOPTIMIZE PYTHONUTF8 PYTHONHASHSEED PYTHONSAFEPATH
PYTHONSTARTUP PYTHONASYNCIODEBUG PYTHONTZPATH PYTHON_GIL PYTHON_OF_TOMORROW
LD_LIBRARY_PATH LD_PRELOAD LD_BIND_NOW OPENSSL_CONF http_proxy HTTPS_PROXY
all_proxy no_proxy GLIBC_TUNABLES MALLOC_ARENA_MAX MALLOC_TRIM_THRESHOLD_
OMP_NUM_THREADS SSLKEYLOGFILE SSL_CERT_FILE GCONV_PATH RES_OPTIONS LOCALDOMAIN""".split()
VALUES = {"LANG": "C.UTF-8", "LC_ALL": "C", "LC_CTYPE": "C", "PATH": "/bin",
          "LD_PRELOAD": "", "LD_LIBRARY_PATH": "", "PYTHONHASHSEED": "1",
          "TMPDIR": "/tmp", "PYTHONPATH": ""}


def test_variables_that_are_read_in_c(preloaded):
    """H7: set, changed and gone, though the application asks for none."""
    script = preloaded.script("""
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    with preloaded.no_writer(preloaded.make(script)):
        unseen = [name for name in IN_C if preloaded.run(
            script, env={name: VALUES.get(name, "1")}).body != b"False"]
        assert preloaded.run(script).body == b"True"
    assert not unseen


def test_variables_that_are_none_of_its_business(preloaded):
    """H7: those of the request, and what nobody has looked at."""
    script = preloaded.script("""
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    preloaded.make(script)
    for name in ("HTTP_ACCEPT", "UNIQUE_ID", "REMOTE_ADDR", "SSL_CIPHER",
                 "REDIRECT_STATUS", "ANYTHING"):
        assert preloaded.run(script, env={name: "x"}).body == b"True"


def test_who_asks_for_the_request(preloaded):
    """B13, H7: web.py looks for SERVER_SOFTWARE; nobody finds it, ever."""
    script = preloaded.script("""
        seen = [os.environ.get("SERVER_SOFTWARE"),
                "REQUEST_METHOD" in os.environ, os.getenv("HTTP_HOST")]
        def application(environ, start_response):
            return reply(start_response, [
                environ["cgi2wsgi.preloaded"], *seen])
    """)
    preloaded.make(script)
    assert eval(preloaded.run(script).body) == [True, None, False, None]


@pytest.mark.parametrize("what", ["script", "folder"])
def test_whoever_may_write(preloaded, what):
    """H5, H7: an image is no way around what is refused without one."""
    script = preloaded.cgi.write("safe/app.cgi", preloaded.script("""
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """).read_text(), 0o755)
    preloaded.make(script)
    assert preloaded.run(script).body == b"True"
    (script if what == "script" else script.parent).chmod(0o777)
    reply = preloaded.run(script)
    assert reply.status == 500 and "unsafe-file" in reply.log


@pytest.mark.parametrize("option", ["--log", "--env-file", "--path"])
def test_whoever_may_write_what_options_name(preloaded, option):
    """H5, J3, H7: attack 6: a link there may lead elsewhere by now."""
    write = preloaded.cgi.write
    name = write("open/name", "A=b\n", 0o600)
    script = preloaded.script("""
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """, f"{option} {name.parent if option == '--path' else name}")
    preloaded.make(script)
    assert preloaded.run(script).body == b"True"
    name.parent.chmod(0o777)
    reply = preloaded.run(script)
    assert reply.status == 500 and "unsafe-file" in reply.log


def test_a_mapped_library(preloaded):
    """H7: a library in C that was replaced."""
    libc = next(line.split()[-1] for line in open("/proc/self/maps")
                if "libm.so" in line or "libz.so" in line
                or "libexpat" in line)
    own = shutil.copy(libc, preloaded.cgi.folder / "libown.so")
    script = preloaded.script(f"""
        import ctypes
        own = ctypes.CDLL({str(own)!r})
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    preloaded.make(script)
    assert preloaded.run(script).body == b"True"
    shutil.copy(libc, f"{own}.new")
    os.rename(f"{own}.new", own)
    assert preloaded.run(script).body == b"False"


@ROOT
def test_another_user_and_group(preloaded):
    """H7, J2: an image is its user's and group's alone, readable or not."""
    preloaded.cgi.folder.chmod(0o755)
    script = preloaded.script("""
        who = os.getuid(), os.getgid()
        def application(environ, start_response):
            return reply(start_response, [environ["cgi2wsgi.preloaded"], who])
    """)
    image = preloaded.make(script)
    preloaded.cache.chmod(0o755)
    image.chmod(0o644)

    def ask(user, group):
        return eval(preloaded.run(script, user=user, group=group,
                                  extra_groups=[]).body)
    assert ask(0, 0) == [True, (0, 0)]
    assert ask(0, 54321) == [False, (0, 54321)]
    assert ask(54321, 0) == [False, (54321, 0)]
    # Nor does root start what another user can have written.
    os.chown(image, 54321, 0)
    assert ask(0, 0) == [False, (0, 0)]


@ROOT
def test_another_boot(preloaded):
    """H7: another machine, or the same one after it was started again."""
    script = preloaded.script("""
        def application(environ, start_response):
            return reply(start_response, environ["cgi2wsgi.preloaded"])
    """)
    preloaded.make(script)
    boot = preloaded.cgi.write("boot_id", "01234567-89ab-cdef-0123-"
                               "456789abcdef\n")
    assert preloaded.run_below(":", script).body == b"True"
    assert preloaded.run_below(
        f"mount --bind {boot} /proc/sys/kernel/random/boot_id",
        script).body == b"False"


@ROOT
def test_the_time_zone_of_the_system(preloaded):
    """H7: /etc/localtime leads elsewhere."""
    script = preloaded.script("""
        import time
        def application(environ, start_response):
            return reply(start_response, [
                environ["cgi2wsgi.preloaded"], time.tzname[0]])
    """)
    zone = preloaded.cgi.write(
        "zone", Path("/usr/share/zoneinfo/Asia/Tokyo").read_bytes())
    preloaded.make(script)
    done = preloaded.run_below(f"mount --bind {zone} /etc/localtime", script)
    assert eval(done.body) == [False, "JST"]


@ROOT
def test_a_link_in_a_folder_of_packages(preloaded):
    """H7: Debian's sitecustomize.py is one, to a file of the administrator."""
    link = Path(os.path.dirname(os.__file__)) / "sitecustomize.py"
    if not link.is_symlink():
        pytest.skip("no such link")
    script = preloaded.script("""
        import sys
        def application(environ, start_response):
            return reply(start_response, [
                environ["cgi2wsgi.preloaded"], getattr(sys, "custom", None)])
    """)
    mine = preloaded.cgi.write("mine.py", "import sys; sys.custom = 'here'")
    preloaded.make(script)
    assert preloaded.run(script).body == b"[True, None]"
    assert preloaded.run_below(
        f"mount --bind {mine} {link.resolve()}",
        script).body == b"[False, 'here']"
