"""The interpreter: paths, environments, modules, what they may do."""

import json
import os
import pwd
import shutil
import subprocess

import pytest

from harness import APPS, PASSED_ON, PROGRAM, TESTS

PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin",
         **{name: os.environ[name] for name in PASSED_ON
            if name in os.environ}}
TELL = ("import json, sys; print(json.dumps([sys.path, sys.prefix,"
        " sys.base_prefix, sys.version_info[:3]]))")


def facts(reply):
    assert reply.status == 200, reply
    assert reply.exit == 0, reply
    return json.loads(reply.body)


def tell(python, env, *words, **how):
    """What that interpreter itself says: path, prefixes, version."""
    out = subprocess.run([python, *words, "-c", TELL], env=env, check=True,
                         stdout=subprocess.PIPE, cwd="/", **how).stdout
    return json.loads(out)


def path_of(python, env, *words, **how):
    return [folder for folder in tell(python, env, *words, **how)[0]
            if folder]


def names_of(env):
    return {**PLAIN, **env}


# sys.path

def test_executable(cgi, python):
    """H6: sys.executable is the interpreter, not this program."""
    found = facts(cgi.run(cgi.script("facts")))
    assert os.path.samefile(found["executable"], python)
    out = subprocess.run([found["executable"], "-c", "print(6 * 7)"],
                         stdout=subprocess.PIPE, check=True).stdout
    assert out == b"42\n"


@pytest.mark.parametrize("env", [
    {}, {"HOME": "/nonexistent"}, {"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"},
    {"PYTHONPATH": "/usr/share:/nonexistent/x"}, {"PYTHONNOUSERSITE": "1"},
    {"PYTHONPATH": ""}, {"PYTHONSAFEPATH": "1"},
    {"PYTHONOPTIMIZE": "2"}])
def test_path(cgi, python, env):
    """H6: sys.path is python3's, the script's folder before it."""
    script = cgi.script("facts")
    found = facts(cgi.run(script, env=env))
    assert found["path"] == [str(cgi.folder), *path_of(python, names_of(env))]
    _, prefix, base, version = tell(python, names_of(env))
    assert (found["prefix"], found["base_prefix"]) == (prefix, base)
    assert found["version"] == version


FACTS = """
import builtins, json, os, sys
files = {name: getattr(module, "__file__", None)
         for name, module in sys.modules.items() if "." not in name
         or name.startswith("encodings")}
flags = [getattr(sys.flags, name) for name in FLAGS]
import encodings, site
import encodings.cp1252
said = [files, flags, site.ENABLE_USER_SITE, site.USER_SITE, site.PREFIXES,
        repr(exit), repr(quit), repr(help), encodings.__path__, os.__file__,
        sys._stdlib_dir if sys.version_info >= (3, 11) else None, sys.path]
"""
FLAGS = ("debug inspect interactive optimize dont_write_bytecode no_user_site"
         " no_site ignore_environment verbose bytes_warning quiet"
         " hash_randomization isolated dev_mode").split()


def test_like_python(cgi, python):
    """H6: modules' files, flags, the site module: as in python3."""
    facts_of = f"FLAGS = {FLAGS}\n{FACTS}"
    script = cgi.script(facts_of + """
def application(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps(said).encode()]
""")
    ours = facts(cgi.run(script))
    theirs = json.loads(subprocess.run(
        [python, "-c", facts_of + "print(json.dumps(said))"], env=PLAIN,
        cwd="/", stdout=subprocess.PIPE, check=True).stdout)
    files, expected = ours.pop(0), theirs.pop(0)
    for name in set(files) & set(expected) - {"__main__"}:
        assert files[name] == expected[name], name
    # Python 3.14 starts without io.
    assert {"encodings", "os"} <= set(files)
    assert [path for path in theirs.pop() if path] == ours.pop()[1:]
    assert ours == theirs


def fresh(cgi, python, *words):
    """A script that runs a command where no .pth file has hooks."""
    command = " ".join(map(str, words))
    return cgi.write("fresh",
                     f"#!/bin/sh\nexec {python} {TESTS}/fresh.py {command}\n",
                     0o755)


@pytest.fixture
def customized(cgi, python):
    """A home whose user site has a usercustomize, and where."""
    home = user_site(cgi, python, pth=False)
    version = os.path.basename(python)
    return home, home / f".local/lib/{version}/site-packages/usercustomize.py"


@pytest.mark.parametrize("source, complaint", [
    ("import sys\nsys.customized = True\n", ""),
    ("raise KeyError('x')\n", "Error in usercustomize"),
    ("import nosuch\n", "Error in usercustomize"),
    ("raise ImportError('x', name='usercustomize')\n", "")])
@pytest.mark.parametrize("plain", [False, True])
def test_usercustomize(cgi, python, customized, source, complaint, plain):
    """H6: usercustomize runs; what goes wrong there harms nobody."""
    home, file = customized
    file.write_text(source)
    script = cgi.script("""
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])
            return [repr(hasattr(sys, "customized")).encode()]
        """)
    # Where no .pth file asks for the site module, site.c does its work.
    reply = cgi.run(fresh(cgi, python, script) if plain else script,
                    env={"HOME": home})
    assert reply.body == repr("customized" in source).encode()
    assert complaint in reply.log and bool(complaint) == bool(reply.log)


# What a module that Python's start runs imports, and what it does before.
IMPORTED = {
    "missing": "",
    "source": "",
    "package": "",
    "parts.inner": "",
    "package.missing": "",
    "folder": "",
    "parts": "",
    "beside": "",
    "bare": "",
    "parts/inner": "",
    "source\0": "",
    "compiled": """
import py_compile
py_compile.compile(HERE + "/source.py", HERE + "/compiled.pyc")
""",
    "_ctypes": "",
    "inner": "import os\nos.chdir(HERE + '/parts')\nsys.path.append('')\n",
    "_frozen_importlib_external": "",
    "zipped": """
import zipfile
with zipfile.ZipFile(HERE + "/z.zip", "w") as archive:
    archive.writestr("zipped.py", "X = 1")
sys.path.append(HERE + "/z.zip")
""",
    "found_last": """
class Finder:
    def find_spec(name, path=None, target=None):
        return ModuleSpec(name, None) if name == "found_last" else None
sys.meta_path.append(Finder)
""",
    "hooked": """
class Entry:
    def find_spec(name, target=None):
        return ModuleSpec(name, None) if name == "hooked" else None
def hook(folder):
    if folder != HERE:
        raise ImportError(folder)
    return Entry
sys.path_hooks.insert(0, hook)
sys.path_importer_cache.clear()
""",
}
# These take the same way as others.
ALIKE = ("package", "folder", "parts", "beside", "bare", "parts/inner")
DESCRIBE = """
import sys
from importlib.machinery import ModuleSpec

def describe(name):
    try:
        __import__(name)
    except ImportError as error:
        return type(error).__name__, error.args, error.name, error.path
    module = sys.modules[name]
    spec = module.__spec__
    folders = spec.submodule_search_locations
    return (getattr(module, "__file__", None), str(type(spec.loader)),
            spec.origin, spec.cached, folders and list(folders))
"""
CUSTOMIZED = """
import importlib.machinery, json, sys
said = [sys.customized, len(sys.meta_path),
        str(type(importlib.machinery.PathFinder.__dict__["find_spec"]))]
"""


@pytest.mark.parametrize("starter", [
    "usercustomize", pytest.param("pth", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow if name in ALIKE else ())
    for name in IMPORTED])
def test_start_imports(cgi, python, customized, name, starter):
    """H6: what a start imports is found, or missing, as python3 finds it."""
    home, file = customized
    for other in ("source.py", "package/__init__.py", "package.py",
                  "parts/inner.py", "folder.py/x", "beside/x", "beside.py",
                  "bare/__init__.pyc"):
        cgi.write(file.parent / other)
    if starter == "pth":
        cgi.write(file.with_name("starter.pth"), "import starter\n")
        file = file.with_name("starter.py")
    file.write_text(f"{DESCRIBE}HERE = {str(file.parent)!r}\n"
                    f"{IMPORTED[name]}sys.customized = describe({name!r})\n")
    theirs = subprocess.run(
        [python, f"{TESTS}/fresh.py", python, "-c",
         CUSTOMIZED + "print(json.dumps(said))"],
        env=names_of({"HOME": str(home)}), cwd="/", stdout=subprocess.PIPE,
        check=True).stdout
    script = cgi.script(CUSTOMIZED + """
def application(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps(said).encode()]
""")
    ours = facts(cgi.run(fresh(cgi, python, script), env={"HOME": home}))
    assert ours == json.loads(theirs)


@pytest.mark.parametrize("name, source", [
    ("usercustomize.py", "import sys\nsys.exit(3)\n"),
    ("ends.pth", "import sys; sys.exit(3)\n")])
def test_start_exits(cgi, customized, name, source):
    """H6: it ends the program, which says so and where."""
    home, file = customized
    cgi.write(file.with_name(name), source)
    reply = cgi.run(cgi.script("hello"), env={"HOME": home})
    assert (reply.status, reply.exit) == (500, 1)
    assert "cgi2wsgi: site" in reply.log


def test_no_library_file(cgi, python):
    """The standard library is read from the program, not from its files."""
    version, library = json.loads(subprocess.run(
        [python, "-c", "import json, os, sys; print(json.dumps(["
         "sys.version_info[:2], os.path.dirname(os.__file__)]))"],
        env=PLAIN, stdout=subprocess.PIPE, check=True).stdout)
    script, log = cgi.script("hello"), cgi.folder / "opened"
    reply = cgi.run(fresh(
        cgi, python, "strace -f -qq -e trace=open,openat -e signal=none -o",
        log, script))
    assert reply.status == 200
    opened = log.read_text().partition(f'"{script}"')[2].splitlines()
    files = [line.split('"')[1] for line in opened[1:]
             if " = -1 " not in line]
    read = [file for file in files if file.startswith(library)
            and file.endswith((".py", ".pyc")) and "customize" not in file]
    # Those of 3.9 and 3.10 cannot be frozen.
    assert bool(read) == (version < [3, 11])


COLLECTOR = """
import gc, json

begun = sum(generation["collections"] for generation in gc.get_stats())

def application(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps([begun, gc.isenabled(), gc.get_threshold()]).encode()]
"""


def test_collector(cgi, python):
    """Garbage is collected as in python3, but none where there is none."""
    usual = json.loads(subprocess.run(
        [python, "-c", "import gc, json; print(json.dumps("
         "[gc.isenabled(), gc.get_threshold()]))"],
        env=PLAIN, stdout=subprocess.PIPE, check=True).stdout)
    begun, *found = facts(
        cgi.run(fresh(cgi, python, cgi.script(COLLECTOR))))
    assert found == usual
    # What that takes came with 3.10.
    assert begun == 0 or python.endswith("3.9")


def test_collector_disabled(cgi, customized):
    """H6: usercustomize may do that."""
    home, file = customized
    file.write_text("import gc\ngc.disable()\ngc.set_threshold(5, 6, 7)\n")
    found = facts(cgi.run(cgi.script(COLLECTOR), env={"HOME": home}))
    assert found[1:] == [False, [5, 6, 7]]


def user_site(cgi, python, pth=True):
    """A home with a package and a .pth file in its user site."""
    home = cgi.folder / "home"
    version = os.path.basename(python)
    site = home / ".local" / "lib" / version / "site-packages"
    cgi.write(site / "in_user_site.py", "X = 1\n")
    if pth:
        cgi.write(site / "more.pth", f"{home}\n")
    return home


@pytest.mark.parametrize("pth", [True, False])
def test_user_site(cgi, python, pth):
    """H6: the user's own packages and .pth files."""
    home = user_site(cgi, python, pth)
    script = cgi.script("facts")
    found = facts(cgi.run(script, env={"HOME": home}))
    expected = path_of(python, names_of({"HOME": str(home)}))
    assert found["path"][1:] == expected
    assert (str(home) in expected) == pth
    assert found["home"] == str(home)


@pytest.mark.parametrize("env", [{}, {"LANG": "C.UTF-8"}])
def test_locale(cgi, python, env):
    """H6: the locale's encoding, in which .pth files are read: python3's."""
    home = user_site(cgi, python)
    site = home / f".local/lib/{os.path.basename(python)}/site-packages"
    (home / "Köpenick").mkdir()
    (site / "more.pth").write_text(f"{home}/Köpenick\n")
    found = facts(cgi.run(cgi.script("facts"), env={"HOME": home, **env}))
    assert f"{home}/Köpenick" in found["path"]
    said = cgi.run(cgi.script("""
        import locale
        import os

        def application(environ, start_response):
            start_response("200 OK", [])
            return [repr((locale.setlocale(locale.LC_CTYPE),
                          os.environ.get("LC_CTYPE"))).encode()]
        """), env=env).body
    assert said == b"('C.UTF-8', None)"


def test_user_base(cgi, python):
    """H6: PYTHONUSERBASE and PYTHONNOUSERSITE are the deployer's."""
    home = user_site(cgi, python)
    script = cgi.script("facts")
    for env in ({"PYTHONUSERBASE": str(home / ".local")},
                {"HOME": str(home), "PYTHONNOUSERSITE": "1"}):
        found = facts(cgi.run(script, env=env))
        assert found["path"][1:] == path_of(python, names_of(env))


@pytest.fixture
def nobody(cgi, python):
    """What makes Popen run a program as nobody; a program to run so."""
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    user = pwd.getpwnam("nobody")
    who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    if subprocess.run(["test", "-x", python], **who).returncode:
        pytest.skip("the Python is where nobody may not enter")
    copy = cgi.folder / "cgi2wsgi"
    shutil.copy(PROGRAM, copy)
    copy.chmod(0o755)
    return who


def script_for(cgi, source):
    """A script whose #! line names a program that nobody may run."""
    return cgi.write("app.cgi", f"#!{cgi.folder}/cgi2wsgi\n"
                     + (APPS / (source + ".py")).read_text(), 0o755)


def test_nobody(cgi, nobody):
    """H5: another user's program without a set-id bit runs."""
    assert cgi.run(script_for(cgi, "hello"), **nobody).status == 200


def test_path_of_nobody(cgi, python, nobody):
    """H6: for the user that the server runs as."""
    home = pwd.getpwnam("nobody").pw_dir
    found = facts(cgi.run(script_for(cgi, "facts"), **nobody))
    assert found["path"][1:] == path_of(python, {**PLAIN, "HOME": home},
                                        **nobody)
    assert found["home"] == home


def test_home(cgi):
    """H6: HOME absent: the password file's."""
    script = cgi.script("""
        import os

        def application(environ, start_response):
            start_response("200 OK", [])
            return [os.environ["HOME"].encode()]
        """)
    reply = cgi.run(script, drop=["HOME"])
    assert reply.body.decode() == pwd.getpwuid(os.getuid()).pw_dir


def test_home_kept(cgi):
    """H6: HOME given stays."""
    assert facts(cgi.run(cgi.script("facts"), env={"HOME": "/x"}))[
        "home"] == "/x"


def test_python_path(cgi):
    """H6, B10: PYTHONPATH is honoured, behind the script's folder."""
    cgi.write("lib/in_python_path.py", "X = 1\n")
    script = cgi.script("import in_python_path\n"
                        + (APPS / "facts.py").read_text())
    found = facts(cgi.run(script, env={"PYTHONPATH": cgi.folder / "lib"}))
    assert found["path"][:2] == [str(cgi.folder), f"{cgi.folder}/lib"]


def test_request_sets_no_python_variable(cgi):
    """H1: a header cannot become a PYTHON variable."""
    found = facts(cgi.run(cgi.script("facts"), headers=[
        ("PYTHONPATH", "/evil"), ("PYTHONHOME", "/evil")]))
    assert "/evil" not in found["path"]


@pytest.mark.parametrize("env, name, value", [
    ({}, "dont_write_bytecode", 0),
    ({"PYTHONDONTWRITEBYTECODE": "1"}, "dont_write_bytecode", 1),
    ({"PYTHONOPTIMIZE": "1"}, "optimize", 1), ({}, "optimize", 0),
    ({}, "isolated", 0), ({}, "no_site", 0), ({}, "ignore_environment", 0),
    ({}, "no_user_site", 0), ({"PYTHONNOUSERSITE": "1"}, "no_user_site", 1),
    ({}, "utf8_mode", 1)])
def test_flags(cgi, env, name, value):
    """H6: the interpreter's flags."""
    assert facts(cgi.run(cgi.script("facts"), env=env))["flags"][
        name] == value


@pytest.mark.parametrize("env", [
    {"PYTHONINSPECT": "1"}, {"PYTHONVERBOSE": "1"}, {"PYTHONUNBUFFERED": "1"},
    {"PYTHONSTARTUP": "/nonexistent"}, {"PYTHONDEBUG": "1"},
    {"PYTHONHASHSEED": "0"}, {"PYTHONTRACEMALLOC": "1"},
    {"PYTHONFAULTHANDLER": "1"}, {"PYTHONDEVMODE": "1"},
    {"PYTHONWARNINGS": "error"}, {"PYTHONIOENCODING": "ascii"},
    {"PYTHONPROFILEIMPORTTIME": "1"}, {"PYTHONMALLOC": "malloc"},
    {"PYTHONCOERCECLOCALE": "warn"}, {"PYTHONUTF8": "1"}])
def test_variables(cgi, env):
    """G1: what the deployer sets for Python does not break the reply."""
    reply = cgi.run(cgi.script("hello"), env=env, method="POST", body=b"x")
    assert reply.status == 200
    assert reply.exit == 0


def test_optimised(cgi):
    """A1: no rule depends on assert statements."""
    reply = cgi.run(cgi.script("""
        def application(environ, start_response):
            start_response("200", [])
            return "text"
        """), env={"PYTHONOPTIMIZE": "2"})
    assert reply.status == 500


@pytest.mark.parametrize("variable", ["PYTHONHASHSEED", "PYTHONMALLOC"])
def test_python_does_not_start(cgi, variable):
    """G1: an interpreter that cannot start still makes a page."""
    reply = cgi.run(cgi.script("hello"), env={variable: "/nonexistent"})
    assert reply.status == 500
    assert reply.exit == 1
    assert "cgi2wsgi: python [" in reply.log


@pytest.mark.parametrize("locale", [
    {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LC_ALL": "C.UTF-8"}, {},
    {"LANG": "C"}, {"LC_ALL": "xx_XX.ISO-8859-1"}, {"LC_CTYPE": "C"}])
def test_utf8(cgi, locale):
    """D1, H6: UTF-8 mode in every locale."""
    script = cgi.script((APPS / "facts.py").read_text() + """

print("\\N{SNOWMAN} \\udcff")
open(FOLDER + "/\\N{SNOWMAN}", "w").write("\\N{SNOWMAN}")
""".replace("FOLDER", "os.path.dirname(__file__)"))
    reply = cgi.run(script, env=locale)
    found = facts(reply)
    assert found["flags"]["utf8_mode"] == 1
    assert found["filesystem"] == ["utf-8", "surrogateescape"]
    assert found["stdout"][0] == "utf-8"
    assert "\N{SNOWMAN}" in reply.log
    assert (cgi.folder / "\N{SNOWMAN}").read_bytes() == b"\xe2\x98\x83"


@pytest.mark.parametrize("module", [
    "_sqlite3", "_ssl", "_decimal", "_ctypes", "_json", "_hashlib",
    "_multiprocessing", "_asyncio", "_bz2", "_lzma", "zlib", "_uuid",
    "_elementtree", "sqlite3", "ssl", "ctypes", "decimal", "asyncio"])
def test_extension(cgi, module):
    """H6: extension modules find the interpreter's symbols."""
    script = cgi.script(f"""
        import {module}
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])
            return [repr({module} is sys.modules[{module!r}]).encode()]
        """)
    assert cgi.run(script).body == b"True"


def test_sqlite(cgi):
    """H6: and work."""
    script = cgi.script("""
        import ctypes
        import decimal
        import hashlib
        import sqlite3
        import ssl

        def application(environ, start_response):
            ssl.create_default_context()
            size = ctypes.pythonapi.Py_GetVersion
            size.restype = ctypes.c_char_p
            version = size()
            base = sqlite3.connect(":memory:")
            total, = base.execute("select 40 + 2").fetchone()
            total += decimal.Decimal(0)
            start_response("200 OK", [])
            return [str(total).encode(), b" ", version]
        """)
    assert cgi.run(script).body.startswith(b"42 3.")


# Virtual environments

@pytest.fixture
def venv(cgi, python):
    """A virtual environment of the same Python, with a package."""
    folder = cgi.folder / "env"
    subprocess.run([python, "-m", "venv", "--without-pip", folder],
                   check=True, env={**PLAIN, "LANG": "C.UTF-8"})
    site = folder / "lib" / os.path.basename(python) / "site-packages"
    cgi.write(site / "in_venv.py", "X = 'found'\n")
    cgi.write(site / "link.pth", f"{cgi.folder}/more\n")
    cgi.write("more/x")
    return folder


@pytest.mark.parametrize("given", ["env", "./env/", "{}/env", "sub/../env"])
def test_venv(cgi, python, venv, given):
    """H6: --venv: sys.path and prefix as its own python3 has them."""
    cgi.write("sub/x")
    script = cgi.script("import in_venv\n"
                        + (APPS / "facts.py").read_text(),
                        f"--venv {given.format(cgi.folder)}")
    found = facts(cgi.run(script, cwd="/"))
    path, prefix, base, _ = tell(venv / "bin" / "python", PLAIN)
    assert found["path"] == [str(cgi.folder), *filter(None, path)]
    assert found["prefix"] == prefix == str(venv)
    assert found["base_prefix"] == base
    folder = os.path.dirname(found["executable"])
    assert os.path.normpath(folder) == str(venv / "bin")


def test_venv_system_site_packages(cgi, python):
    """H6: an environment that sees the system's packages."""
    folder = cgi.folder / "env"
    subprocess.run([python, "-m", "venv", "--without-pip",
                    "--system-site-packages", folder], check=True, env=PLAIN)
    found = facts(cgi.run(cgi.script("facts", "--venv env")))
    path = tell(folder / "bin" / "python", PLAIN)[0]
    assert found["path"][1:] == [name for name in path if name]


def test_venv_linked(cgi, python, venv):
    """H6: a link to an environment."""
    (cgi.folder / "link").symlink_to("env")
    found = facts(cgi.run(cgi.script("facts", "--venv link")))
    assert f"{cgi.folder}/more" in found["path"]


def test_venv_child(cgi, venv):
    """H6: sys.executable starts the environment's Python."""
    script = cgi.script("""
        import subprocess
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])
            return [subprocess.run([sys.executable, "-c",
                                    "import in_venv; print(in_venv.X)"],
                                   stdout=subprocess.PIPE).stdout]
        """, "--venv env")
    assert cgi.run(script).body == b"found\n"


def test_venv_other_version(cgi, venv, python):
    """H6, G1: the error names both versions."""
    config = venv / "pyvenv.cfg"
    text = config.read_text()
    version = facts(cgi.run(cgi.script("facts")))["version"]
    own = "%d.%d" % tuple(version[:2])
    config.write_text(text.replace(f"version = {own}", "version = 3.1"))
    reply = cgi.run(cgi.script("facts", "--venv env"))
    assert reply.status == 500
    assert reply.exit == 1
    line = next(line for line in reply.log.splitlines()
                if line.startswith("cgi2wsgi: venv ["))
    assert "3.1" in line.replace(own, "")
    assert own in line


@pytest.mark.parametrize("line", ["version_info = {}.final.0",
                                  "version={}", "VERSION = {}",
                                  "  version   =   {}  "])
def test_venv_config(cgi, venv, line):
    """H6: virtualenv and uv write other lines."""
    version = facts(cgi.run(cgi.script("facts")))["version"]
    config = venv / "pyvenv.cfg"
    lines = [old for old in config.read_text().splitlines()
             if not old.startswith("version")]
    lines.append(line.format("%d.%d.%d" % tuple(version)))
    config.write_text("\n".join(lines) + "\n")
    found = facts(cgi.run(cgi.script("facts", "--venv env")))
    assert found["prefix"] == str(venv)
    lines[-1] = line.format("3.1.4")
    config.write_text("\n".join(lines) + "\n")
    reply = cgi.run(cgi.script("facts", "--venv env"))
    assert "cgi2wsgi: venv [" in reply.log


@pytest.mark.parametrize("folder", ["missing", "plain", "env/bin",
                                    "/dev/null", "file"])
def test_not_a_venv(cgi, folder):
    """H6, G1: --venv names something else."""
    cgi.write("plain/x")
    cgi.write("env/bin/x")
    cgi.write("file")
    reply = cgi.run(cgi.script("marker", f"--venv {folder}"))
    assert reply.status == 500
    assert reply.exit == 1
    assert "cgi2wsgi: venv [" in reply.log
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_venv_mentioned(cgi, python, name):
    """H6, G1: not used unasked, but mentioned when an import fails."""
    subprocess.run([python, "-m", "venv", "--without-pip",
                    cgi.folder / name], check=True, env=PLAIN)
    found = facts(cgi.run(cgi.script("facts")))
    assert found["prefix"] == found["base_prefix"]
    reply = cgi.run(cgi.script("import in_venv\n\n"))
    assert reply.status == 500
    line = next(line for line in reply.log.splitlines()
                if line.startswith("cgi2wsgi: import ["))
    assert f"--venv {name}" in reply.log or f"{name}" in line
    assert name.encode() not in reply.body or b"--venv" in reply.body


def test_venv_variable(cgi, venv):
    """H6: VIRTUAL_ENV is not asking for it."""
    found = facts(cgi.run(cgi.script("facts"), env={
        "VIRTUAL_ENV": venv, "PATH": f"{venv}/bin:/usr/bin:/bin"}))
    assert found["prefix"] == found["base_prefix"]


# The application as a module

@pytest.mark.parametrize("name, module", [
    ("app.py", "app"), ("app.wsgi", "app_wsgi"), ("app.cgi", "app_cgi"),
    ("passenger_wsgi.py", "passenger_wsgi"), ("my-app.cgi", "my_app_cgi"),
    ("my app", "my_app"), ("noext", "noext_"), ("a.b.py", "a_b_py"),
    ("caf\xe9.py", "caf\xe9"), ("django.wsgi", "django_wsgi")])
def test_module(cgi, name, module):
    """H2: a module of its own: __name__, __file__, __spec__, sys.argv.

    Characters that are in no identifier become underscores.
    """
    script = cgi.script("facts", name=name)
    found = facts(cgi.run(script))
    assert found["file"] == found["origin"] == str(script)
    assert found["argv"] == [str(script)]
    assert found["name"] == module


def test_in_sys_modules(cgi):
    """H2: sys.modules has it; importing it again gives the same."""
    script = cgi.script("""
        import sys

        me = sys.modules[__name__]
        main = sys.modules["__main__"]


        def application(environ, start_response):
            import app
            start_response("200 OK", [])
            return [repr((me is sys.modules[__name__],
                          me.application is application,
                          app is me, main is not me,
                          __spec__.name == __name__,
                          __package__)).encode()]
        """, name="app.py")
    assert cgi.run(script).body == b"(True, True, True, True, True, '')"


def test_not_main(cgi):
    """H2: what stands under `if __name__ == "__main__"` does not run."""
    script = cgi.script((APPS / "hello.py").read_text() + """

if __name__ == "__main__":
    raise RuntimeError
""")
    assert cgi.run(script).status == 200


def test_future_and_encoding(cgi):
    """H2: the #! line stays in the file: line numbers are right."""
    script = cgi.script("# -*- coding: latin-1 -*-\n"
                        "def application(environ, start_response):\n"
                        "    raise RuntimeError\n")
    assert "line 4, in application" in cgi.run(script).log
    text = script.read_bytes().replace(b"raise RuntimeError",
                                       b"start_response('200 OK', [('X', "
                                       b"'\xe9')])\n    return []")
    script.write_bytes(text)
    assert cgi.run(script).header("X") == "\xe9"


@pytest.mark.parametrize("source", [
    "def application(:\n", "x = '\n", "\0\n", "\xff\xfe\n", "\tx\n  y\n"])
def test_syntax_error(cgi, source):
    """G1: no Python at all."""
    reply = cgi.run(cgi.script(source))
    assert reply.status == 500
    assert reply.exit == 1
    assert "cgi2wsgi: import [" in reply.log
    assert "Error" in reply.log


@pytest.mark.parametrize("source", [
    "import nothing_of_this_name\n", "1 / 0\n", "raise SystemExit\n",
    "raise KeyboardInterrupt\n", "import sys\nsys.exit('text')\n",
    "raise GeneratorExit\n", "class E(BaseException): pass\nraise E\n"])
def test_import_fails(cgi, source):
    """A11, G1: whatever is raised."""
    reply = cgi.run(cgi.script(source))
    assert reply.status == 500
    assert reply.exit == 1
    assert "cgi2wsgi: import [" in reply.log


@pytest.mark.parametrize("name", ["calendar", "of_mine"])
def test_named_as_a_package(cgi, name):
    """H2, H6: a script without a suffix does not hide the package."""
    cgi.write("lib/of_mine/__init__.py", "timegm = len\n")
    script = cgi.script(f"""
        import {name}
        from email.message import Message

        def application(environ, start_response):
            start_response("200 OK", [])
            return [__name__.encode(), b" ", {name}.timegm.__name__.encode()]
        """, "--path lib", name=name)
    names = {"calendar": b"calendar_ timegm", "of_mine": b"of_mine_ len"}
    assert cgi.run(script).body == names[name]


# What applications do

def test_pickle(cgi):
    """H2: objects of the script's classes can be pickled."""
    script = cgi.script("""
        import copy
        import pickle

        class Thing:
            def __init__(self, value):
                self.value = value

        def application(environ, start_response):
            thing = pickle.loads(pickle.dumps(Thing(5)))
            start_response("200 OK", [])
            return [repr((thing.value, type(thing) is Thing,
                          type(copy.deepcopy(thing)) is Thing)).encode()]
        """)
    assert cgi.run(script).body == b"(5, True, True)"


@pytest.mark.parametrize("name, method", [
    ("app.cgi", "fork"), ("app.py", "fork"), ("app.py", "spawn"),
    ("app.py", "forkserver")])
def test_multiprocessing(cgi, name, method):
    """D2, I1: children work, and cannot reach the reply."""
    script = cgi.script(f"""
        import multiprocessing
        import os

        def square(number):
            print("from a child")
            os.write(1, b"from a child\\n")
            return number * number

        def application(environ, start_response):
            context = multiprocessing.get_context({method!r})
            with context.Pool(2) as pool:
                found = pool.map(square, range(5))
            start_response("200 OK", [])
            return [repr(found).encode()]
        """, name=name)
    reply = cgi.run(script)
    assert reply.body == b"[0, 1, 4, 9, 16]"
    assert reply.exit == 0
    assert "from a child" in reply.log


def test_fork(cgi):
    """D2: a forked child that returns by mistake sends nothing."""
    script = cgi.script("""
        import os

        def application(environ, start_response):
            child = os.fork()
            if not child:
                start_response("200 OK", [("X-Child", "1")])
                return [b"from the child"]
            os.waitpid(child, 0)
            start_response("200 OK", [])
            return [b"from the parent"]
        """)
    reply = cgi.run(script)
    assert reply.body == b"from the parent"
    assert reply.header("X-Child") is None


def test_threading(cgi):
    """I3: threads run while the application waits for them."""
    script = cgi.script("""
        import concurrent.futures
        import threading

        def application(environ, start_response):
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                found = list(pool.map(lambda n: n * n, range(100)))
            start_response("200 OK", [])
            return [b"%d %s" % (sum(found), repr(
                threading.current_thread() is threading.main_thread()
            ).encode())]
        """)
    assert cgi.run(script).body == b"328350 True"


def test_asyncio(cgi):
    """H2: an event loop with child processes and signals."""
    script = cgi.script("""
        import asyncio

        async def work():
            process = await asyncio.create_subprocess_exec(
                "echo", "hello", stdout=asyncio.subprocess.PIPE)
            return (await process.communicate())[0]

        def application(environ, start_response):
            start_response("200 OK", [])
            return [asyncio.run(work())]
        """)
    assert cgi.run(script).body == b"hello\n"


def test_subprocess(cgi):
    """D2: children's output goes to the log, their input is empty."""
    script = cgi.script("""
        import os
        import subprocess
        import sys

        def application(environ, start_response):
            os.system("echo system; cat")
            subprocess.run(["sh", "-c", "echo child; echo error >&2; cat"])
            found = subprocess.run([sys.executable, "-c", "print(1)"],
                                   stdout=subprocess.PIPE)
            start_response("200 OK", [])
            return [found.stdout]
        """)
    reply = cgi.run(script, method="POST", body=b"body")
    assert reply.body == b"1\n"
    for text in ("system", "child", "error"):
        assert text in reply.log
    assert "body" not in reply.log


def test_warnings(cgi):
    """H6: warnings go to the log."""
    script = cgi.script("""
        import warnings
        warnings.warn("mind this")

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"x"]
        """)
    reply = cgi.run(script)
    assert reply.body == b"x"
    assert "mind this" in reply.log
