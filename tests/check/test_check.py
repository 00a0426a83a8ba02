"""`cgi2wsgi --check`: each finding, provoked, and its advice, followed."""

import ast
import fcntl
import json
import os
import pty
import pwd
import re
import resource
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import textwrap

import pytest

from fresh import MAKE_PRIVATE, UNSHARE
from harness import (PASSED_ON, PROGRAM, SANITIZED, SANITIZER, TESTS, alive,
                     crossed, until)

TOP = TESTS.parent
MANUAL = (TOP / "man/cgi2wsgi-check.1").read_text()
IDS = dict(re.findall(r'\{ "([\w-]+)", ([A-Z]+) \},',
                      (TOP / "lib/check/finding.c").read_text()))
TIMEOUT = 120

ROOT = os.geteuid() == 0
ME = pwd.getpwuid(os.geteuid()).pw_name
# Who is checked as, and how to start as somebody else.
SERVER = "www-data" if ROOT else ME
STRANGER = {"user": "nobody", "group": "nogroup"} if ROOT else {}
needs_root = pytest.mark.skipif(not ROOT, reason="only root is root")
# The address sanitizer itself takes more memory than any such limit.
not_sanitized = pytest.mark.skipif(
    SANITIZED, reason="the sanitizer needs more memory")

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello"]
"""


class Result:
    def __init__(self, done):
        self.exit, self.out, self.err = (done.returncode, done.stdout,
                                         done.stderr)

    @property
    def findings(self):
        return json.loads(self.out)

    @property
    def ids(self):
        return [found["id"] for found in self.findings]

    def find(self, id):
        return [found for found in self.findings if found["id"] == id]

    def __repr__(self):
        return f"<exit {self.exit}, {self.out}, log: {self.err}>"


@pytest.fixture(scope="session")
def copied():
    """Where every user may execute it, wherever the tests are run."""
    with tempfile.TemporaryDirectory(prefix="cgi2wsgi-") as folder:
        yield shutil.copy(PROGRAM, folder)


class Site:
    """A folder with the program and a script for it."""

    def __init__(self, cgi, copied):
        self.folder = cgi.folder
        self.write = cgi.write
        self.run_cgi = cgi.run
        self.program = cgi.folder / "bin/cgi2wsgi"
        self.program.parent.mkdir(mode=0o755)
        os.link(copied, self.program)
        self.path = self.script(HELLO)
        self.www = self.path.parent

    def script(self, text, options="", line=None, name="www/app.cgi"):
        line = line or f"#!{self.program} {options}".rstrip()
        return self.write(name, line + "\n" + textwrap.dedent(text), 0o755)

    def run(self, *words, before=(), env={}, **how):
        env = {"PATH": "/usr/bin:/bin", **env,
               **{k: os.environ[k] for k in PASSED_ON if k in os.environ}}
        how.setdefault("cwd", self.www)
        how.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run([*before, self.program, *words], env=env,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT,
                              stderr=subprocess.PIPE, text=True, **how)
        assert not SANITIZER.search(done.stderr), done.stderr
        return Result(done)

    def check(self, *words, script=None, web_user=SERVER, json=True,
              requests=True, **how):
        kinds = ["files"] * (not requests) + ["json"] * json
        option = "--check=" + ",".join(kinds) if kinds else "--check"
        return self.run(option, "--web-user", web_user, *words,
                        script or self.path, **how)


@pytest.fixture
def site(cgi, copied):
    return Site(cgi, copied)


def give(path):
    """Let the server's user have it."""
    if ROOT:
        os.chown(path, pwd.getpwnam(SERVER).pw_uid, -1)


# A case prepares a site and gives what Site.check needs in addition; words
# are a part of the message. Its advice is followed if it is `mended` by it. Of
# an id, the first is quick.
CASES = []


def case(id, words="", mended=False, marks=(), **how):
    def record(prepare):
        slow = [pytest.mark.slow] * any(param.id == id for param in CASES)
        CASES.append(pytest.param(id, words, mended, prepare, how, id=id,
                                  marks=[*slow, *([marks] if marks else [])]))
        return prepare
    return record


def script_case(id, words, text, options="", **more):
    """One that only needs the script to be like this."""
    def prepare(site):
        site.script(text, options)
    case(id, words, **more)(prepare)


def line_case(id, words, line, mended=True, **more):
    """One that only needs the first line to be like this."""
    def prepare(site):
        site.script(HELLO, line=line.replace("PROGRAM", str(site.program)))
    case(id, words, mended, **more)(prepare)


# Who asks

@case("user-root", "as whom nothing is imported", web_user="root",
      marks=needs_root)
def by_root(site):
    pass


@case("user-modes", "only root can act as", web_user="www-data", **STRANGER)
def by_another(site):
    pass


# The file

@case("file-missing", ": No such file or directory")
def no_file(site):
    return {"script": site.www / "App.cgi"}


@case("file-missing", "app.cgi:run: No such file or directory")
def callable_behind_the_name(site):
    """case 25: --check is about what a server starts."""
    return {"script": f"{site.path}:run"}


@case("file-missing", ": Too many levels of symbolic links")
def link_to_itself(site):
    (site.www / "loop.cgi").symlink_to("loop.cgi")
    return {"script": site.www / "loop.cgi"}


@case("file-type", "is not a regular file")
def folder_as_file(site):
    return {"script": site.www}


@case("file-type", "is text in UTF-16 or UTF-32")
def script_in_utf_16(site):
    site.path.write_bytes(site.path.read_text().encode("utf-16-le"))


@case("file-read", "may not read", True, web_user=SERVER)
def unreadable(site):
    site.path.chmod(0o311)


@case("file-read", "www-data may not read", True, web_user="www-data",
      **STRANGER)
def unreadable_to_others(site):
    if not ROOT:
        site.path.chmod(0o700)
        return
    site.path.chmod(0o704)
    os.chown(site.path, 0, pwd.getpwnam("www-data").pw_gid)


@case("file-execute", "may not execute", True, web_user=SERVER)
def not_executable(site):
    site.path.chmod(0o644)


@case("file-noexec", "mounted with noexec")
def where_nothing_is_executed(site):
    """Most systems mount /proc so; else root has to make such a place."""
    file = "/proc/version"
    if os.statvfs(file).f_flag & os.ST_NOEXEC:
        return {"script": file}
    return {"before": [*UNSHARE, *MAKE_PRIVATE, "sh", "-ec", """
        mount -t tmpfs -o noexec,mode=755 tmpfs "$PWD"
        cd "$PWD"
        echo '#!/bin/sh' >app.cgi
        chmod +x app.cgi
        exec "$@" """, "sh"]}


@case("folder-search", "may not enter the folder", True, web_user=SERVER)
def closed_folder(site):
    path = site.script(HELLO, name="closed/www/app.cgi")
    (site.folder / "closed").chmod(0o600)
    return {"script": path}


@case("folder-search", "may not enter the folder", True, web_user=SERVER)
def closed_folder_behind_link(site):
    path = site.script(HELLO, name="closed/www/app.cgi")
    (site.www / "link.cgi").symlink_to(path)
    (site.folder / "closed").chmod(0o600)
    return {"script": site.www / "link.cgi"}


@case("folder-search", "may not enter the folder", True, web_user=SERVER)
def closed_folder_behind_link_to_folder(site):
    site.script(HELLO, name="closed/www/app.cgi")
    (site.www / "link").symlink_to("../closed/www")
    (site.folder / "closed").chmod(0o600)
    return {"script": site.www / "link/app.cgi"}


# Rights

@case("shared-file", "everyone may write", True)
def shared_file(site):
    site.path.chmod(0o757)


@case("shared-folder", "everyone may write the folder", True)
def shared_folder(site):
    site.www.chmod(0o757)


@case("shared-folder", "everyone may write the folder", True)
def shared_cache(site):
    (site.www / "__pycache__").mkdir()
    (site.www / "__pycache__").chmod(0o777)


@case("shared-folder", "everyone may write the folder", True)
def shared_folder_of_link(site):
    site.write("open/readme").parent.chmod(0o777)
    (site.folder / "open/app.cgi").symlink_to(site.path)
    return {"script": site.folder / "open/app.cgi"}


@case("shared-folder", "everyone may write the folder", False)
def script_in_a_shared_folder_for_all(site):
    """H5: nobody is told to take the right to write from all of /tmp."""
    site.www.chmod(0o1777)


@case("line-folder", "everyone may write the folder", False)
def path_that_is_a_shared_folder_for_all(site):
    site.script(HELLO, "--path ../open")
    (site.folder / "open").mkdir(exist_ok=True)
    (site.folder / "open").chmod(0o1777)


@case("path-shared", "everyone may write the folder", False)
def python_path_that_is_a_shared_folder_for_all(site):
    site.script(HELLO, f"--env PYTHONPATH={site.folder}/open")
    (site.folder / "open").mkdir(exist_ok=True)
    (site.folder / "open").chmod(0o1777)


def test_no_advice_breaks_folders_for_all(site):
    """H5: one with the sticky bit, as /tmp, is everyone's for good reason."""
    for prepare in (script_in_a_shared_folder_for_all,
                    path_that_is_a_shared_folder_for_all,
                    python_path_that_is_a_shared_folder_for_all):
        prepare(site)
        result = site.check()
        [found] = [each for each in result.findings
                   if each["level"] == "error"]
        assert "chmod" not in found["message"] + found["do"], found
        assert "a folder that only you may write" in found["do"], found
        site.www.chmod(0o755)


@case("group-file", "a group may write", True)
def group_file(site):
    site.path.chmod(0o775)


@case("group-folder", "a group may write the folder", True)
def group_folder(site):
    site.www.chmod(0o775)


@case("owner", "have different owners", True, marks=needs_root)
def other_owner(site):
    os.chown(site.path, pwd.getpwnam("www-data").pw_uid, -1)


@case("set-id", "has a set-user-ID or set-group-ID bit", True)
def set_id(site):
    site.path.chmod(0o4755)


@case("file-execute", "may not execute", True, web_user=SERVER)
def quotes_in_the_name(site):
    path = site.script(HELLO, name="www/it's $(a).cgi")
    path.chmod(0o644)
    return {"script": path}


# The first line

@case("line-missing", "does not begin with #!", True)
def no_line(site):
    site.write("www/app.cgi", HELLO, 0o755)


@case("line-bom", "a byte order mark", True)
def bom(site):
    site.write("www/app.cgi", b"\xef\xbb\xbf" + site.path.read_bytes(), 0o755)


@case("line-end", "ends in a carriage return", True)
def carriage_return(site):
    site.write("www/app.cgi", site.path.read_bytes().replace(b"\n", b"\r\n"),
               0o755)


def test_carriage_return_is_told_once(site):
    """case 20: its advice mends it; the program's own message would not."""
    site.path.write_bytes(site.path.read_bytes().replace(b"\n", b"\r\n"))
    assert [id for id in site.check().ids if id.startswith("line")] == [
        "line-end"]


@case("line-end", "all lines end in a carriage return alone", True)
def carriage_return_alone(site):
    """case 20: the whole file is one line for the kernel."""
    site.write("www/app.cgi", site.path.read_bytes().replace(b"\n", b"\r"),
               0o755)


line_case("line-interpreter", "which is a folder", "#!/usr/bin --debug")
line_case("line-long", "its end is cut off",
          "#!/usr/bin/env -S PROGRAM --env A=" + 250 * "a", False)
line_case("line-long", "its end is cut off", "#!/" + 260 * "a", False)
line_case("line-cut", "the program reads them all",
          "#!PROGRAM --env A=" + 250 * "a", False)
line_case("line-interpreter", "it does not begin with /", "#!cgi2wsgi")
line_case("line-interpreter", "which is not there",
          "#!/nowhere/cgi2wsgi --debug")


@case("line-interpreter", "may not execute", True, web_user=SERVER)
def interpreter_not_executable(site):
    other = shutil.copy(site.program, site.folder / "cgi2wsgi")
    os.chmod(other, 0o644)
    site.script(HELLO, line=f"#!{other}")


line_case("line-other", "not this program", "#!/bin/sh")
line_case("line-other", "not this program", "#!/usr/bin/env python3")
line_case("line-other", "not this program", "#!/usr/bin/env -S python3 -u")
line_case("line-other", "not this program", "#!/usr/bin/env")
line_case("line-env", "blanks included", "#!/usr/bin/env PROGRAM --debug")
line_case("line-path", "does not find", "#!/usr/bin/env cgi2wsgi")
line_case("line-path", "does not find",
          "#!/usr/bin/env -S cgi2wsgi --debug")


@case("line-copy", "another copy of the program", True)
def other_copy(site):
    other = shutil.copy(site.program, site.folder / "cgi2wsgi")
    site.script(HELLO, line=f"#!{other} --debug")


@case("line-server-path", "in your PATH; servers often use", True)
def own_path(site):
    site.script(HELLO, line="#!/usr/bin/env cgi2wsgi")
    return {"env": {"PATH": f"{site.program.parent}:/usr/bin:/bin"}}


line_case("line-option", "is no option", "#!PROGRAM --wrong", False)
line_case("line-option", "--max-body needs", "#!PROGRAM --max-body x", False)
line_case("line-option", "a quote is not closed", "#!PROGRAM --log 'a", False)
line_case("line-option", "a quote is not closed",
          "#!/usr/bin/env -S PROGRAM --log 'a", False)
line_case("line-option", "are for a terminal", "#!PROGRAM --check", False)


line_case("line-option", "--env-file: cannot read",
          "#!PROGRAM --env-file none", False)


@case("line-folder", "everyone may write the folder", True)
def shared_path(site):
    site.script(HELLO, "--path open")
    (site.www / "open").mkdir()
    (site.www / "open").chmod(0o777)


@case("line-folder", "everyone may write the folder", True)
def shared_path_with_quotes(site):
    name = "it's: chmod o-w open"
    site.script(HELLO, f'--path "{name}"')
    (site.www / name).mkdir()
    (site.www / name).chmod(0o777)


# What options name

@case("log-file", "may not write the log")
def log_in_no_folder(site):
    site.script(HELLO, "--log ../none/app.log")


@case("log-file", "may not write the log", web_user=SERVER)
def log_of_somebody_else(site):
    site.script(HELLO, "--log ../app.log")
    site.write("app.log", mode=0o444)


@case("log-public", "a server may hand it out", True)
def public_log(site):
    give(site.folder)
    give(site.www)
    site.script(HELLO, "--log app.log")


@case("venv-unused", "is not used", True)
def venv_beside(site):
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip",
                    site.www / ".venv"], check=True)
    version = site.run("--version").out.split()[3].rstrip(")")
    # One that is for the Python of the program.
    (site.www / ".venv/pyvenv.cfg").write_text(f"version = {version}\n")


@case("venv-wrong", "is for Python 2.7")
def other_version(site):
    site.write("venv/pyvenv.cfg", "version = 2.7.18\n")
    site.script(HELLO, "--venv ../venv")


@case("venv-wrong", "is no virtual environment")
def no_venv(site):
    site.script(HELLO, "--venv ../venv")


script_case("folder-chdir", "cannot change to the folder", HELLO,
            "--chdir none")


# Limits

def limited(resource_, value):
    hard = resource.getrlimit(resource_)[1]
    return {"preexec_fn": lambda: resource.setrlimit(resource_,
                                                     (value, hard))}


def limit_case(id, words, *limit, marks=()):
    case(id, words, marks=marks, **limited(*limit))(lambda site: None)


limit_case("limit-memory", "memory is limited to 200 MB",
           resource.RLIMIT_AS, 200 << 20, marks=not_sanitized)
limit_case("limit-memory", "memory is limited to 250 MB",
           resource.RLIMIT_DATA, 250 << 20, marks=not_sanitized)
limit_case("limit-cpu", "a process gets 20 seconds", resource.RLIMIT_CPU, 20)
limit_case("limit-processes", "the user may have 31 processes",
           resource.RLIMIT_NPROC, 31)


@case("process-start", "cannot start a process", **STRANGER,
      **limited(resource.RLIMIT_NPROC, 1))
def no_process(site):
    return {"env": {"ASAN_OPTIONS": "detect_leaks=0"},
            "web_user": "nobody" if ROOT else ME}


# The import

script_case("python-failed", "did not start", HELLO,
            "--env PYTHONHASHSEED=x")
script_case("check-failed", "Python does not work as this check needs it",
            "import os; del os.listdir\n" + HELLO)
script_case("import-slow", "each request waits for that",
            "import time; time.sleep(1.1)\n" + HELLO)
script_case("import-failed", "No module named 'nowhere'", "import nowhere\n")
script_case("import-failed", "SyntaxError", "if:\n")
script_case("import-failed", r"ValueError: two\x0alines",
            "raise ValueError('two\\nlines')\n")
script_case("import-failed", "KeyError: 'SETTING'",
            "import os; os.environ['SETTING']\n")
script_case("import-exit", "sys.exit() ends the import: ",
            "import sys; sys.exit(3)\n")
script_case("process-ended", "ended the process with status 3",
            "import os; os._exit(3)\n")
script_case("process-crash", "ended by a signal, Segmentation fault",
            "import os; os.kill(os.getpid(), 11)\n")
script_case("process-crash", "SIGTERM ended the import, at ",
            "import os; os.kill(os.getpid(), 15)\n")
script_case("process-endless", "the import took longer than 1 seconds",
            "while True:\n    pass\n", "--timeout 1")
script_case("process-endless", "the import took longer than 1 seconds", """
    import signal, time
    signal.signal(signal.SIGABRT, signal.SIG_IGN)
    while True:
        print("for ever")
    """, "--timeout 1")
script_case("callable-missing", "has no 'application' or 'app'",
            "def main():\n    pass\n")
script_case("callable-missing", "has no run", HELLO, ":run")
script_case("callable-missing", "cannot be called", "application = 1\n")


script_case("cache-unusable", "each request compiles the script again",
            HELLO, "--env PYTHONDONTWRITEBYTECODE=1")


script_case("cache-unusable", "each request compiles the script again: there "
            "is no folder for it: ", HELLO, "--cache /proc/none")


@case("cache-unusable", "each request compiles modules again, since "
      "their folders cannot be written: part", ROOT)
def cache_that_cannot_be_written(site):
    """case 17: modules count, below --path, too; the advice compiles only."""
    site.write("lib/part.py", "import sys; assert 'part' in sys.modules\n")
    (site.folder / "lib").chmod(0o555)
    site.script("import part\n" + HELLO, "--path ../lib")


@case("cache-unusable", "each request compiles modules again, since "
      "PYTHONDONTWRITEBYTECODE is set: part")
def no_cache_wanted(site):
    site.write("www/part.py")
    give(site.www)
    site.script("import part\n" + HELLO, "--env PYTHONDONTWRITEBYTECODE=1")


# What a server may hand out

@case("cache-public", "is the compiled script, and", True)
def compiled_script(site):
    """case 11: the script's bytecode, made before."""
    site.write("www/__pycache__/app.cgi-cpython-311.pyc")


@case("cache-public", ", and lies where a server may hand it out", True)
def compiled_module_that_moved(site):
    """case 11: what nobody will make again; part's is left alone."""
    site.write("www/part.py")
    site.write("www/__pycache__/part.cpython-311.pyc")
    site.write("www/__pycache__/gone.cpython-311.opt-1.pyc")


def secret_case(name, folder="www", **how):
    def prepare(site):
        site.write(f"{folder}/{name}")
        return {"words": how.get("words", ())}
    case("secret-public", f"others may read {name} in ", marks=how.get(
        "marks", ()))(prepare)


for name in (".env", ".env.local", "settings.py", "local_settings.py",
             "db.sqlite3", "secrets.json", "server.key", "my_passwords.txt"):
    secret_case(name)


@case("secret-public", "others may read .git in ")
def repository(site):
    """case 11: a folder counts as well."""
    site.write("www/.git/config")


@case("secret-public", "others may read .env in ")
def above_the_script(site):
    """case 11: hosts have public_html/cgi-bin."""
    site.write("public_html/.env")
    return {"script": site.script(HELLO, name="public_html/cgi-bin/app.cgi")}


@case("secret-public", "others may read .env in ")
def below_document_root(site):
    """case 11: --env says where it is."""
    site.write(".env")
    return {"words": ["--env", f"DOCUMENT_ROOT={site.folder}"]}


@case("path-public", "where a server may hand them out")
def path_beside(site):
    site.write("www/lib/part.py")
    site.script(HELLO, "--path lib")


@case("path-public", "of PYTHONPATH, lie in ")
def python_path_beside(site):
    site.write("www/lib/part.py")
    site.script(HELLO, "--env PYTHONPATH=/usr/share:lib")


@case("path-unusable", ", which is not there")
def path_that_is_not_there(site):
    site.script(HELLO, "--path ../gone")


@case("path-unusable", "may not look for modules in ", True, web_user=SERVER)
def path_that_is_closed(site):
    site.write("lib/part.py")
    (site.folder / "lib").chmod(0o600 if ROOT else 0)
    site.script(HELLO, f"--env PYTHONPATH={site.folder}/lib")


@case("path-shared", "everyone may write the folder ", True)
def shared_python_path(site):
    """case 17, H5: --env names folders of modules as well."""
    site.write("lib/part.py")
    (site.folder / "lib").chmod(0o777)
    site.script(HELLO, f"--env PYTHONPATH={site.folder}/lib")


@case("path-shared", "everyone may write the folder ", True)
def shared_above_python_path(site):
    site.write("open/lib/part.py")
    (site.folder / "open").chmod(0o777)
    site.script(HELLO, f"--env PYTHONPATH={site.folder}/open/lib")


@case("line-folder", "everyone may write the folder ", True)
def shared_folder_of_the_log(site):
    """J3: the program's own rule, which no other finding repeats."""
    site.write("logs/app.log").parent.chmod(0o777)
    site.script(HELLO, "--log ../logs/app.log")


@case("line-folder", "so anyone could replace the log", True)
def shared_log(site):
    """J3"""
    site.write("app.log", mode=0o666)
    site.script(HELLO, "--log ../app.log")


script_case("output-printed", "the import prints 6 bytes",
            "print('hello')\n" + HELLO)
script_case("output-cgi", "the script writes a CGI reply itself",
            "print('Content-Type: text/plain\\n\\nHello')\n")
script_case("output-log", "the import writes 6 bytes to the log",
            "import sys; print('hello', file=sys.stderr)\n" + HELLO)


# What it leaves

script_case("threads-left", "the import leaves threads running: waiting", """
    import threading
    threading.Thread(target=threading.Event().wait, name="waiting",
                     daemon=True).start()
    """ + textwrap.indent(HELLO, "    "))
script_case("threads-left",
            "the import leaves threads running: unnamed ones", """
    import _thread
    lock = _thread.allocate_lock()
    lock.acquire()
    _thread.start_new_thread(lock.acquire, ())
    while not _thread._count():
        pass
    """ + textwrap.indent(HELLO, "    "))
script_case("processes-left", "leaves a child process", """
    import subprocess
    sleeper = subprocess.Popen(["sleep", "600"])
    """ + textwrap.indent(HELLO, "    "))
script_case("connections-left",
            "the import leaves connections open: at ('127.0.0.1', ", """
    import socket
    listener = socket.create_server(("127.0.0.1", 0))
    """ + textwrap.indent(HELLO, "    "))
script_case("files-left", "the import leaves files open: ", """
    file = open(__file__)
    """ + textwrap.indent(HELLO, "    "))


@case("preload-refused",
      "no request can start from an image: the import left a descriptor open: ")
def preload_refused(site):
    if SANITIZED:
        pytest.skip("there is no image of a process with a sanitizer")
    name = "cgi2wsgi-preload"
    shutil.copy2(PROGRAM.with_name(name), site.program.with_name(name))
    site.script("import os\npipe = os.pipe()\n" + HELLO,
                line=f"#!{site.program}-preload")


script_case("descriptors-closed", "closes descriptors that it has not opened:",
            "import os; os.closerange(3, 100)\n" + HELLO)
script_case("descriptors-closed", "closes descriptors that it has not opened:",
            "import os; os.closerange(0, 100)\n" + HELLO)


@case("connections-left",
      "the import leaves connections open: to ('127.0.0.1', ")
def connected(site):
    listener = socket.create_server(("127.0.0.1", 0))
    site.script(f"import socket\n"
                f"c = socket.create_connection({listener.getsockname()})\n"
                + HELLO)
    site.listener = listener


# How it can be called, and what CGI programs are used to

script_case("callable-asgi", "asynchronous: this is ASGI", """
    async def application(scope, receive, send):
        pass
    """)
script_case("callable-asgi", "asynchronous: this is ASGI", """
    class App:
        async def __call__(self, scope, receive, send):
            pass
    application = App()
    """)
script_case("callable-asgi", "asynchronous: this is ASGI", """
    def application(scope, receive, send):
        pass
    """)
script_case("callable-parameters", ", and has not two parameters, but 1: request", """
    def application(request):
        return [b""]
    """)
script_case("callable-parameters", ", and has not two parameters, but 0: none", """
    def application():
        return [b""]
    """)
script_case("callable-parameters", "with its parameters swapped", """
    def application(start_response, environ):
        return [b""]
    """)
script_case("source-cgi", "line 2: sys.stdin is empty",
            "import sys; read = lambda: sys.stdin.read()\n" + HELLO)
@case("source-cgi", "line 5: cgi.FieldStorage() reads a request that is not "
      "there")
def form_of_cgi(site):
    site.write("www/cgi.py")    # Python 3.13 has none
    site.script("""
        import cgi
        def form():
            return cgi.FieldStorage()
        """ + textwrap.indent(HELLO, "        "))


script_case("source-cgi", "os.environ['QUERY_STRING']: os.environ has "
            "nothing of the request",
            "import os; f = lambda: os.environ['QUERY_STRING']\n" + HELLO)
script_case("source-cgi", "os.environ.get('PATH_INFO', '/'): os.environ has "
            "nothing of the request",
            "import os\nf = lambda: os.environ.get('PATH_INFO', '/')\n"
            + HELLO)


# Three requests

def answer(status="'200 OK'", headers="", body="b'Hello'", before="pass"):
    return f"""
        def application(environ, start_response):
            {before}
            start_response({status}, [("Content-Type", "text/plain"),
                                      {headers}])
            return [{body}]
        """


ALL = "GET, HEAD and POST /: "
script_case("request-rule", ALL + "the application raised an exception: "
            "ValueError: start_response: '099 Small'", answer("'099 Small'"))
script_case("request-rule", "HEAD /: the application raised an exception: "
            "TypeError: start_response: 200", answer(
                "200 if environ['REQUEST_METHOD'] == 'HEAD' else '200 OK'"))
script_case("request-rule", ALL + "the application raised an exception: "
            "AssertionError: start_response: called again",
            answer(before="start_response('200 OK', [])"))
script_case("request-rule", "a header value is not Latin-1",
            answer(headers="('X-Price', '5 \\u20ac')"))
script_case("request-rule", "('Connection', 'close')",
            answer(headers="('Connection', 'close')"))
script_case("request-rule", "1 bytes less than its Content-Length of 6",
            answer(headers="('Content-Length', '6')"))
script_case("request-rule", "more bytes than its Content-Length of 4",
            answer(headers="('Content-Length', '4')"))
script_case("request-failed", ALL + "the application raised an exception: "
            "ValueError: of mine", answer(before="raise ValueError('of mine')"))
script_case("request-failed", "AssertionError: of mine",
            answer(before="assert False, 'of mine'"))
script_case("request-failed", "SystemExit: of mine",
            answer(before="raise SystemExit('of mine')"))
script_case("request-ended", "os._exit() was called, at ",
            answer(before="__import__('os')._exit(0)"))
script_case("request-ended", "the application ended the process without",
            answer(before="__import__('ctypes').CDLL(None)._exit(0)"))
script_case("request-ended", "the process ended at once", answer(
    before="__import__('os').kill(__import__('os').getpid(), 11)"))
script_case("request-ended", "signal 9 (Killed)", answer(
    before="__import__('os').kill(__import__('os').getpid(), 9)"))
script_case("request-ended", ALL + "SIGTERM ended it, at ", answer(
    before="__import__('os').kill(__import__('os').getpid(), 15)"))
script_case("request-ended", ALL + "it closed the reply's descriptor",
            answer(before="__import__('os').closerange(3, 100)"))
script_case("request-endless", "--timeout is over",
            answer(before="__import__('time').sleep(60)"), "--timeout 3")
script_case("request-endless", " /: ", """
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        while True:
            yield b"for ever"
    """, "--timeout 3 --graceful-timeout 1")
script_case("request-error", "GET, HEAD and POST / is answered by 503 Busy",
            answer("'503 Busy'"))
script_case("request-status", "GET / is answered by 404 No", answer("'404 No'"))
script_case("request-head", "HEAD / is answered by 405 No, GET by 200 OK",
            answer("'405 No' if environ['REQUEST_METHOD'] == 'HEAD' "
                   "else '200 OK'"))
script_case("request-log", "Location dropped from a response with status 200",
            answer(headers="('Location', '/')"))
script_case("wsgi-rule", ALL + "wsgiref.validate: read(): assert_",
            answer(body="environ['wsgi.input'].read()"))
script_case("wsgi-rule", "No Content-Type header found", """
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"Hello"]
    """)
script_case("wsgi-warning", "wsgiref.validate: The status string ('200')",
            answer("'200'"))


def topic(id):
    """The id that says that all is well, in front of what may be wrong."""
    before = list(IDS)[:list(IDS).index(id)]
    return [id for id in before if IDS[id] == "OK"][-1]


def follow(site, script, advice):
    """Do what the advice says."""
    kind, _, what = advice.partition(": ")
    if kind.startswith("type"):
        subprocess.run(what, shell=True, check=True, cwd="/",
                       stdout=subprocess.DEVNULL)
        return
    first, _, rest = script.read_text().partition("\n")
    if kind == "first line":
        if not first.startswith("#!"):
            rest = first + "\n" + rest
        script.write_text(what + "\n" + rest)
    else:
        assert kind == "in the first line"
        option = what.split()[0]
        first = re.sub(rf" {option} \S+", "", first)
        script.write_text(f"{first} {what}\n{rest}")


@pytest.mark.parametrize("id, words, mended, prepare, how", CASES)
def test_finding(site, id, words, mended, prepare, how):
    """J1, case 11, case 17, case 19, case 23: what each case provokes."""
    how = {**how, **(prepare(site) or {})}
    how.setdefault("requests", topic(id) in ("preload", "request"))
    arguments = how.pop("words", ())
    result = site.check(*arguments, **how)
    found = result.find(id)
    assert any(words in each["message"] for each in found), result
    assert {each["level"] for each in found} == {IDS[id].lower()}
    assert result.exit == ("error" in {
        each["level"] for each in result.findings})
    assert all(each["do"] for each in found), found
    # What is wrong is not said to be right.
    assert topic(id) not in result.ids, result
    if mended:
        follow(site, how.get("script", site.path), found[0]["do"])
        result = site.check(*arguments, **how)
        assert not result.find(id), result


# All of them

def table():
    """The manual's table: ids and levels."""
    return re.findall(r'^\.It Cm (\S+) Ta (\S+) Ta "', MANUAL, re.MULTILINE)


def test_table():
    """The manual has the ids of finding.c, in their order."""
    assert table() == [(id, level.lower()) for id, level in IDS.items()]


def c_messages():
    """(id, parts of the message) of each call in C that adds a finding."""
    for file in TOP.glob("lib/*/*.c"):
        for id, text in re.findall(
                r'\bfinding_add\(\s*"([\w-]+)",\s*'
                r'((?:"(?:[^"\\]|\\.)*"[\s/A-Z_]*)+)', file.read_text()):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
            yield id, re.split(r"%[.*\w]+", text.partition(r"\n")[0])


def python_messages():
    """The same of the check's Python; of an id from a table, the id alone."""
    for file in TOP.glob("lib/check/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if getattr(getattr(node, "func", None), "id", "") in (
                    "say", "say_line"):
                id, text = node.args[:2]
                if isinstance(id, ast.Constant):
                    yield id.value, [part.value for part in ast.walk(text)
                                     if isinstance(part, ast.Constant)
                                     and isinstance(part.value, str)]
            elif isinstance(node, ast.Constant) and node.value in IDS:
                yield node.value, []


MESSAGES = [*c_messages(), *python_messages()]


def asks_for(words, parts):
    """Whether the words are those of a message, if it has any of its own."""
    own = [part.strip() for part in parts if len(part.strip()) > 7]
    return not own or any(part in words or words in part for part in own)


def test_every_message_is_provoked():
    """Each that is not ok, by a case above that asks for its words."""
    assert {id for id, _ in MESSAGES} == set(IDS)
    assert len(MESSAGES) > len(IDS)
    wanted = [param.values[:2] for param in CASES]
    for id, parts in MESSAGES:
        assert IDS[id] == "OK" or any(
            id == case and words and asks_for(words, parts)
            for case, words in wanted), (id, parts)


def test_nothing_wrong(site):
    """Everything is ok, and nothing is to do; the log is not written."""
    site.script(HELLO, "--log ../app.log")
    give(site.folder)
    result = site.check()
    assert (result.exit, result.err) == (0, "")
    assert result.ids == [
        "user", "limits", "file", "rights", "line", "served",
        "log", "python", "import", "imports", "callable", "source", "cache",
        "rest",
        "output", "request"]
    assert {found["do"] for found in result.findings} == {""}
    assert result.find("request")[0]["message"] == (
        "/ is answered, with nothing wrong: GET 200 OK, HEAD 200 OK, POST 200 "
        "OK")
    assert not (site.folder / "app.log").exists()


def test_without_requests(site):
    """case 27: --check=files asks for nothing, --check and --lint do."""
    site.script(answer(before="open('asked', 'a').close()"))
    give(site.www)
    for option in ("--check=files,json", "--check=json", "--lint=json"):
        result = site.run(option, "--web-user", SERVER, site.path)
        assert result.exit == 0
        asked = site.www / "asked"
        assert asked.exists() == ("request" in result.ids)
        assert asked.exists() == (option != "--check=files,json")
        asked.unlink(missing_ok=True)


def test_url_and_headers(site):
    """case 27: what is asked for may be given."""
    site.script("""
        def application(environ, start_response):
            assert environ["HTTP_HOST"] == "example.org:81"
            assert environ["wsgi.url_scheme"] == "https"
            assert environ["PATH_INFO"] == "/a b"
            assert environ["QUERY_STRING"] == "c=d"
            assert environ["HTTP_X_MARK"] == "1"
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"Hello"]
        """)
    result = site.run("--check=json", "--web-user", SERVER, "-H", "X-Mark: 1",
                      site.path, "https://example.org:81/a%20b?c=d")
    assert result.find("request")[0]["message"].startswith("/a%20b?c=d is ")
    assert result.exit == 0
    assert site.check().find("request-failed")


def test_script_name(site):
    """case 27: without a URL the application's root is asked for."""
    site.script("""
        def application(environ, start_response):
            assert environ["SCRIPT_NAME"] == "/shop"
            assert environ["PATH_INFO"] in ("", "/")
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"Hello"]
        """, "--script-name /shop")
    assert site.check().find("request")[0]["message"].startswith("/shop is")
    assert site.check().exit == 0


def test_own_line_is_named(site):
    """case 22, case 36: the innermost line that the user wrote."""
    site.write("www/part.py", "import json\n\ndef f():\n"
               "    json.loads('wrong')\n")
    site.script(answer(before="__import__('part').f()"))
    found = site.check().find("request-failed")
    assert len(found) == 1
    assert f"{site.www}/part.py, line 4" in found[0]["message"]
    assert "json/" not in found[0]["message"]


def test_own_line_of_the_import(site):
    """case 36: a failed import has its place as well."""
    site.script("import json\njson.loads('wrong')\n")
    [found] = site.check(requests=False).find("import-failed")
    assert f"{site.path}, line 3" in found["message"]
    site.script("\ndef f(:\n")
    [found] = site.check(requests=False).find("import-failed")
    assert "SyntaxError" in found["message"]
    assert f"{site.path}, line 3" in found["message"]


SECRETS = """
    import os
    url = "postgres://user:zzLEAKurl@host/db"
    def connect():
        raise ValueError('cannot connect to ' + {what})
    """
OF_REQUEST = """
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        connect()
    """


WHERE_TOLD = {
    "import-failed": "connect()\n", "request-failed": OF_REQUEST,
    "request-error": """
        def application(environ, start_response):
            try:
                connect()
            except ValueError:
                __import__("traceback").print_exc()
            start_response("500 No", [("Content-Type", "text/plain")])
            return [b""]
        """,
    "output-log": """
        import sys
        try:
            connect()
        except ValueError as error:
            sys.stderr.write(str(error))
        """,
    "output-printed": """
        try:
            connect()
        except ValueError as error:
            print(error)
        """,
}


@pytest.mark.parametrize("id, what, json", crossed(list(WHERE_TOLD), [
    "url", "'token=zzLEAKtoken'", "os.environ['PLAIN']",
    "os.environ['GIVEN']"], [True, False]))
def test_nothing_secret_in_messages(site, id, what, json):
    """case 32: what the application says has secrets, too; places stay."""
    file = site.write("plain.env", "PLAIN=zz LEAK, of a file\n", 0o600)
    give(file)
    site.script(textwrap.dedent(SECRETS.format(what=what))
                + textwrap.dedent(WHERE_TOLD[id])
                + (HELLO if id.startswith("output") else ""),
                f"--env-file {file} --env GIVEN=zz_LEAK_given")
    result = site.check(json=json)
    assert id in result.out and "****" in result.out
    assert not re.search("zz.?LEAK", result.out), result
    if id.startswith(("import", "request-f")):
        assert f"{site.path}, line 6, in connect" in result.out


@pytest.mark.parametrize("form, value", crossed(
    ["repr({})", "{}", "__import__('json').dumps({}, ensure_ascii=False)"],
    ['quo\'te"two9', "back\\slash9", "quo'te9", "p\u00e4ssw\u00f6rd9"]))
def test_nothing_secret_in_quotes(site, value, form):
    """case 32: a value is known as repr() and JSON write it, too."""
    file = site.write("plain.env", f"PLAIN={value}\n", 0o600)
    give(file)
    form = form.format("os.environ['PLAIN']")
    for text in (f"raise ValueError({form})\n", f"""
def application(environ, start_response):
    raise ValueError({form})
"""):
        site.script("import os\n" + text, f"--env-file {file}")
        [found] = [found for found in site.check().findings
                   if found["id"].endswith("-failed")]
        assert "****" in found["message"] and "9" not in (
            found["message"].partition("ValueError")[2].partition("(/")[0]
            .partition(", at ")[0]), found


def test_log_keeps_the_text(site):
    """case 32: the log is for the one who has to find the fault."""
    site.script(textwrap.dedent(SECRETS.format(what="url"))
                + textwrap.dedent(OF_REQUEST), "--log -")
    assert "user:zzLEAKurl@host" in site.run(site.path).err


def test_key_that_is_missing_is_named(site):
    """case 32: KeyError is the name of no secret."""
    site.script("{}['colour']\n")
    assert "KeyError: 'colour'" in (
        site.check(requests=False).find("import-failed")[0]["message"])


RULE = """
    import functools
    def wraps(function):
        return functools.wraps(function)(lambda *two: function(*two))
    {decorator}
    def application({parameters}):
        {start}
        {call}
    {end}
    """
START = 'start_response("200 OK", [("Content-Type", "text/plain")])'
MADE = ('application = type("Made", (), {"__call__": application, "method": '
        'application})()')


BREACHES = [
    ('return "text"', START), ("return 1", START), ("return None", START),
    ('return b"bytes"', START), ('yield "text"', START),
    ('return [b"Hello"]', "pass"),
    ('return [b"Hello"]', START.replace(
        "[(", "[('Content-Length', '9'), ("))]
DEFINITIONS = [
    ("environ, start_response", "#", ""),
    ("environ, start_response", "@wraps", ""),
    ("environ, start_response", "#",
     "application = functools.partial(application)"),
    ("self, environ, start_response", "#", MADE),
    ("self, environ, start_response", "@wraps", MADE),
    ("self, environ, start_response", "#", MADE + ".method")]


@pytest.mark.parametrize("definition, breach", crossed(DEFINITIONS, BREACHES))
def test_own_line_without_a_traceback(site, definition, breach):
    """case 36: who breaks a rule by a value is told where it is defined."""
    parameters, decorator, end = definition
    call, start = breach
    site.script(RULE.format(parameters=parameters, decorator=decorator,
                            call=call, start=start, end=end))
    [found] = site.check().find("request-rule")
    line = 6 if decorator == "@wraps" else 7
    assert f"({site.path}, line {line}, in application)" in found["message"]


def test_own_line_of_what_a_library_made(site):
    """case 36: if a library defines it, the script is named."""
    site.script("""
        import unittest.mock
        application = unittest.mock.MagicMock(return_value=1)
        """)
    [found] = site.check().find("request-rule")
    assert f"({site.path})" in found["message"]


@pytest.mark.parametrize("script, id, place", [
    ("def application(request):\n    pass\n", "callable-parameters",
     "(PATH, line 2, in application)"),
    ("\ndef application(start_response, environ):\n    pass\n",
     "callable-parameters", "(PATH, line 3, in application)"),
    ("async def application(scope, receive, send):\n    pass\n",
     "callable-asgi", "(PATH, line 2, in application)"),
    ("from os.path import join\ndef main(environ):\n    pass\n",
     "callable-missing", "(PATH, line 3, in main)"),
    ("def help():\n    pass\ndef run(environ, start_response):\n    pass\n",
     "callable-missing", "(PATH, line 4, in run)"),
    ("application = 1\n", "callable-missing", "(PATH)")])
def test_place_of_what_cannot_be_called(site, script, id, place):
    """case 36: the application's line, or its file if there is none."""
    site.script(script)
    [found] = site.check(requests=False).find(id)
    assert place.replace("PATH", str(site.path)) in found["message"]


def test_failure_behind_the_first_block(site):
    """case 27: HEAD never gets there, and is not told of."""
    site.script("""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"one"
            raise ValueError("late")
        """)
    result = site.check()
    assert [id for id in result.ids if id[:4] in ("requ", "wsgi")] == [
        "request-failed"]
    assert result.find("request-failed")[0]["message"].startswith(
        "GET and POST /: ")


def test_server_left_in_the_script(site):
    """case 21: not where it waits, but who started it."""
    site.script("""
        from socketserver import TCPServer

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"Hello"]

        TCPServer(("127.0.0.1", 0), None).serve_forever()
        """, "--timeout 3")
    [found] = site.check(requests=False).find("process-endless")
    assert f"{site.path}, line 9, in <module>" in found["message"]
    assert found["do"].startswith("take that away: it starts a server")


@pytest.mark.parametrize("text", [
    "import asyncio\nasyncio.run(asyncio.sleep(99))\n",
    "import subprocess\nsubprocess.run(['sleep', '99'])\n"])
def test_no_server_left_in_the_script(site, text):
    """case 21: what has run() in its name is not always a server."""
    site.script(text, "--timeout 3")
    [found] = site.check(requests=False).find("process-endless")
    assert f"{site.path}, line 3, in <module>" in found["message"]
    assert found["do"].startswith("it does not come to its end")


def test_servers_are_those_of_the_advice():
    """case 21: of requests and of imports the same is said."""
    [[servers, names]] = [
        (ast.literal_eval(servers), names) for servers, names in re.findall(
            r"^SERVERS = (\(.*?\))$.*?function in (\(.*?\))",
            (TOP / "lib/python/advice.py").read_text(), re.M | re.S)]
    source = (TOP / "lib/check/python.c").read_text()
    for sign in [server + '\\"' for server in servers] + [
            f" in {name}\\n" for name in ast.literal_eval(names)]:
        assert f'"{sign}"' in source, sign


def test_import_is_measured_twice(site):
    """case 26: what only the first import costs does not count."""
    site.script("""
        import os, time

        if not os.path.exists("imported"):
            open("imported", "w").close()
            time.sleep(1.2)
        """ + textwrap.indent(HELLO, "        "))
    give(site.www)
    assert "import-slow" not in site.check().ids


@pytest.mark.parametrize("host, ids", [
    ("/", ["request-status"]),
    pytest.param("http://example.org/", ["request"], marks=pytest.mark.slow)])
def test_allowed_hosts(site, host, ids):
    """case 27: Django's refusal is told by its name."""
    pytest.importorskip("django")
    site.script("""
        from django.conf import settings
        from django.core.wsgi import get_wsgi_application
        from django.http import HttpResponse
        from django.urls import path

        settings.configure(ALLOWED_HOSTS=["example.org"], SECRET_KEY="x",
                           ROOT_URLCONF=__name__, MIDDLEWARE=[
                               "django.middleware.common.CommonMiddleware"])
        urlpatterns = [path("", lambda request: HttpResponse("Hello"))]
        application = get_wsgi_application()
        """)
    result = site.run("--check=json", "--web-user", SERVER, site.path, host)
    assert [id for id in result.ids if id.startswith("request")] == ids
    if host == "/":
        assert "ALLOWED_HOSTS is ['example.org'], without 'localhost'" in (
            result.find("request-status")[0]["message"])


@needs_root
@pytest.mark.parametrize("words", [["--web-user", "root"],
                                   ["--web-user", "nobody"]])
def test_never_as_somebody_else(site, words):
    """J4: neither as root nor as who only checks."""
    site.script("open('/tmp/' + __file__.split('/')[2], 'w')\n" + HELLO)
    how = {} if words[1] == "root" else {"user": "www-data"}
    result = site.run("--check=json", *words, site.path, **how)
    assert not {"python", "import", "import-failed"} & set(result.ids)
    assert result.ids[0].startswith("user-")


@pytest.mark.parametrize("line", [
    "PROGRAM --env DSN=s3same --env=OTHER='s3same s3same'",
    "/usr/bin/env -S PROGRAM --env URL=db://me:s3same@host/",
    "/usr/bin/env PROGRAM --env DSN=s3same",
    "/nowhere/cgi2wsgi --env DSN=s3same -H 'X-Key: s3same'"])
def test_nothing_secret(site, line):
    """case 32: --check's output is shown around; so --env says names only."""
    site.script(HELLO, line="#!" + line.replace("PROGRAM",
                                                str(site.program)))
    for json in (True, False):
        result = site.check(json=json)
        assert "=****" in result.out and "s3same" not in result.out


@needs_root
def test_advice_is_not_for_root(site):
    """J4, case 17: what runs the application, runs as the server's user."""
    site.script("raise ValueError\n")
    advice = site.check(requests=False).find("import-failed")[0]["do"]
    assert f"runuser -u www-data -- '{site.path}'" in advice


@pytest.mark.parametrize("line", ["#!/nowhere/cgi2wsgi", "#!/bin/sh"])
def test_advice_without_the_interpreter(site, line):
    """J4: no kernel starts such a script, so the program is named."""
    site.script("raise ValueError('of mine')\n", line=line)
    advice = site.check(requests=False).find("import-failed")[0]["do"]
    done = subprocess.run(advice.partition("traceback: ")[2], shell=True,
                          cwd="/", capture_output=True, text=True)
    assert "ValueError: of mine" in done.stderr, (advice, done)


def test_virtual_environment(site):
    version = site.run("--version").out.split()[3].rstrip(")")
    site.write("venv/pyvenv.cfg", f"version = {version}\n")
    site.script(HELLO, "--venv ../venv")
    result = site.check()
    assert result.find("venv")[0]["message"] == "../venv is for this Python"
    assert result.exit == 0


@needs_root
def test_becomes_the_server(site):
    """Root's check is done, and the application imported, as www-data."""
    site.script("import os\nprint(os.getresuid(), os.getresgid(), "
                "os.getgroups())\n" + HELLO)
    server = pwd.getpwnam("www-data")
    result = site.run("--check=json", site.path)
    user = f"checked as the user www-data, number {server.pw_uid}"
    assert result.find("user")[0]["message"] == user
    if result.find("rest"):     # if www-data may read this one's library
        said = result.find("output-printed")[0]["message"]
        assert str((server.pw_uid,) * 3) in said
        assert str((server.pw_gid,) * 3) in said
        assert str([server.pw_gid]) in said


def acl(user):
    """Owner, group and others nothing, one user r-x (acl(5), binary)."""
    anybody = 0xffffffff
    entries = [(0x01, 0, anybody), (0x02, 5, user), (0x04, 0, anybody),
               (0x10, 5, anybody), (0x20, 0, anybody)]
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *entry) for entry in entries)


@needs_root
def test_access_control_list(site):
    """The kernel is asked: modes alone would not let www-data in."""
    user = pwd.getpwnam("www-data").pw_uid
    os.setxattr(site.path, "system.posix_acl_access", acl(user))
    assert site.path.stat().st_mode & 0o707 == 0
    assert "file" in site.check(web_user="www-data").ids


def test_environment(site):
    """A shell's variables are not the server's; --env gives them."""
    site.script("import os\nprint(sorted(os.environ))\n" + HELLO,
                "--env OWN=1")
    result = site.check("--env", "SETTING=2",
                        env={"PYTHONPATH": "/", "DJANGO": "1"})
    said = result.find("output-printed")[0]["message"]
    assert "['HOME', 'OWN', 'PATH', 'SETTING']" in said


def test_options_of_the_command_line_win(site):
    """H4, case 14: they come after those of the first line."""
    site.script("import os\nprint(os.environ['A'][:3])\n" + HELLO,
                "--env A=line")
    result = site.check("--env", "A=command")
    assert "'com'" in result.find("output-printed")[0]["message"]


def test_runs_in_its_folder(site):
    site.script("import os\nprint(os.getcwd())\n" + HELLO)
    result = site.check(cwd="/")
    assert str(site.www)[:50] in result.find("output-printed")[0]["message"]


def test_imports(site):
    """Ten, slowest first, without the time of what they import."""
    for i in range(11):
        site.write(f"www/part{i}.py", f"import part{i + 1}\n")
    site.write("www/part11.py", "import time; time.sleep(0.2)\n")
    site.script("import part0\nimport time; time.sleep(0.1)\n" + HELLO)
    said = site.check().find("imports")[0]["message"]
    found = re.findall(r"(\S+) ([\d.]+) ms", said)
    assert len(found) == 10 and said.count(", ") == 9
    assert {"part11", "itself"} == {name for name, _ in found[:2]}
    times = dict(found)
    assert float(times["part11"]) >= 200
    assert 100 <= float(times["itself"])
    shown = [float(time) for _, time in found]
    assert shown == sorted(shown, reverse=True)
    # Else all of them had taken what the last took.
    assert shown[2] < 100


def test_imports_by_importlib(site):
    site.write("www/part.py", "import time; time.sleep(0.1)\n")
    site.script("import importlib; importlib.import_module('part')\n" + HELLO)
    assert "slowest: part " in site.check().find("imports")[0]["message"]


def test_log_file_is_no_open_file(site):
    give(site.folder)
    site.script("import logging\nlogging.basicConfig(filename='../my.log')\n"
                + HELLO)
    assert "rest" in site.check().ids


def test_place_of_a_crash(site):
    site.script("import os\ndef f():\n    os.kill(os.getpid(), 11)\nf()\n")
    said = site.check(requests=False).find("process-crash")[0]["message"]
    assert said.endswith(f", at {site.path}, line 4, in f")


def test_place_of_an_endless_import(site):
    site.script("while True:\n    pass\n")
    [found] = site.check("--timeout", "3", requests=False).find(
        "process-endless")
    said = found["message"]
    assert re.search(r", at /.*/app.cgi, line [23], in <module>$", said)


@pytest.mark.parametrize("before", [
    "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))",
    "import atexit, threading; threading.stack_size(1 << 20)"])
def test_place_of_an_import_that_blocks_signals(site, before):
    """case 22: who blocks them is asked all the same."""
    site.script(f"import signal, time\n{before}\ntime.sleep(60)\n",
                "--timeout 1")
    said = site.check(requests=False).find("process-endless")[0]["message"]
    assert said.endswith(f", at {site.path}, line 4, in <module>")


# What an application may do to its process, at its import and in a request.
DEEDS = {
    "prints": "os.write(1, b'[{\"id\": \"\\x00\\xff')",
    "ends": "os._exit(0)", "leaves": "sys.exit(3)",
    "forks": "os.fork()", "is forked": "os.fork() and os._exit(0)",
    "hangs": "time.sleep(600)", "stops": "os.kill(os.getpid(), 19)",
    "kills": "os.kill(os.getpid(), 9)", "kills all": "os.killpg(0, 9)",
    "closes": "os.closerange(0, 100)",
    "writes everywhere": "[os.write(number, b'\\0\\4]') for number in "
                         "map(int, os.listdir('/dev/fd')) if number > 2]",
    "closes its streams": "sys.stdout.close(), sys.stderr.close()",
    "says nonsense": "raise_(RuntimeError('\\0\\n\\ud800\\u202e\"'))",
}


# Of a request that stops test_one_that_never_ends_is_asked_once() tells.
@pytest.mark.parametrize("deed, where", [
    pytest.param(deed, where,
                 marks=pytest.mark.slow if where == "import" else ())
    for deed in DEEDS for where in ("import", "request")
    if (deed, where) != ("stops", "request")])
def test_json_whatever_the_application_does(site, deed, where):
    """case 27: --check=json is JSON, and its exit status tells of errors."""
    indent = "" if where == "import" else "    "
    site.script(
        "import os, sys, time\n"
        "def raise_(error):\n    raise error\n"
        + ("" if where == "import" else
           "def application(environ, start_response):\n")
        + f"{indent}try:\n{indent}    {DEEDS[deed]}\n"
        f"{indent}except OSError:\n{indent}    pass\n"
        + (HELLO if where == "import" else
           "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
           "    return [b'Hello']\n"),
        "--timeout 1 --graceful-timeout 1")
    result = site.check()
    errors = [found for found in result.findings if found["level"] == "error"]
    assert result.exit == bool(errors), result
    harmless = {"prints", "forks", "closes its streams"}
    assert bool(errors) == (deed not in harmless), result
    assert result.ids[-1].startswith(("request", "process-", "import-"))
    # Each error is told once.
    told = [(found["id"], found["message"]) for found in errors]
    assert len(told) == len(set(told))


@pytest.mark.slow
def test_one_that_never_ends_is_asked_once(site):
    """case 27: nobody waits three times for what does not come."""
    site.script("""
        import os

        def application(environ, start_response):
            with open("asked", "a") as file:
                print(environ["REQUEST_METHOD"], file=file)
            os.kill(os.getpid(), 19)
        """, "--timeout 4 --graceful-timeout 1")
    give(site.www)
    [found] = site.check().find("request-endless")
    assert found["message"].startswith("GET /: ")
    assert (site.www / "asked").read_text() == "GET\n"


def test_application_that_works_once(site):
    """case 27: wsgi.run_once; the check does not call it twice."""
    site.script("""
        import sqlite3
        database = sqlite3.connect(":memory:")

        def application(environ, start_response):
            database.execute("select 1")
            start_response("200 OK", [("Content-Type", "text/plain")])
            database.close()
            return [b"Hello"]
        """)
    result = site.check()
    assert result.ids[-1] == "request" and result.exit == 0, result


def test_nothing_is_left(site):
    """Neither what the import started nor who holds its output open."""
    site.script("""
        import os, subprocess
        sleeper = subprocess.Popen(["sleep", "600"])
        with open("pids", "w") as file:
            print(sleeper.pid, os.getpid(), file=file)
        while True:
            pass
        """, "--timeout 3")
    give(site.www)
    assert site.check().exit == 1
    for pid in (site.www / "pids").read_text().split():
        until(lambda: not alive(int(pid)))


def test_fork_at_import(site):
    """Both processes come back from the import; one may tell."""
    site.script("import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n"
                + HELLO)
    result = site.check()
    assert result.ids.count("callable") == 1
    assert result.exit == 0


def test_end_after_fork(site):
    """What the other process does is not taken for its work."""
    site.script("import os\npid = os.fork()\n"
                "if pid: os.waitpid(pid, 0), os._exit(0)\n" + HELLO)
    result = site.check()
    assert result.find("process-ended")
    assert "callable" not in result.ids


def test_much_output(site):
    site.script("print('x' * 10_000_000)\n" + HELLO)
    found = site.check().find("output-printed")
    assert len(found) == 1 and len(found[0]["message"]) < 200


# How it is told

def test_lines(site):
    site.path.chmod(0o644)
    result = site.check(json=False, web_user=SERVER)
    assert result.exit == 1
    *lines, last = result.out.splitlines()
    assert last == "1 error, 0 warnings"
    assert all(re.fullmatch(r"(ok   |warn |error) [a-z-]+: [ -~]+", line)
               for line in lines), result
    kind = "a" if ROOT else "u"
    assert (f"error file-execute: {SERVER} may not execute {site.path}; "
            f"type: chmod {kind}+x '{site.path}'") in lines


def on_terminal(site, columns=80, script=None, **env):
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, columns, 0, 0))
    try:
        site.check(json=False, stdout=follower, env=env, script=script)
        os.close(follower)
        said = b""
        try:
            while data := os.read(leader, 65536):
                said += data
        except OSError:
            pass        # its end
        return said.replace(b"\r\n", b"\n")
    finally:
        os.close(leader)


def test_colour(site):
    """On a terminal that can, and if nobody minds."""
    said = on_terminal(site, TERM="xterm")
    assert b"\x1b[32mok   \x1b[0m file: " in said
    for env in ({"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}, {}):
        said = on_terminal(site, **env)
        assert b"\nok    file: " in said and b"\x1b" not in said
    assert "\x1b" not in site.check(json=False, env={"TERM": "xterm"}).out
    said = on_terminal(site, TERM="xterm", NO_COLOR="")
    assert b"\x1b[32m" in said


@pytest.mark.parametrize("columns", [44, 60, 100])
def test_width(site, columns):
    """case 27: broken between words, but a command is copied whole."""
    name = "www/" + "ä" * 20 + " a.cgi"
    path = site.script(HELLO + "raise ValueError('" + 40 * "word " + "')\n",
                       name=name)
    path.chmod(0o775)
    lines = on_terminal(site, columns, path).decode().split("\n")
    shown = [line.rpartition("\r")[2] for line in lines]
    copied = [line for line in shown if line.startswith("      type")]
    assert f"      type: chmod g-w '{path}'" in copied
    broken = [line for line in shown if line not in copied
              and "/" not in line]
    assert max(map(len, broken)) <= columns
    assert max(map(len, broken)) > columns - 10
    assert sum("word" in line for line in broken) > 180 // columns
    assert re.fullmatch(r"\d errors?, \d warnings?", shown[-2])


def test_progress(site):
    """case 27: on a terminal one sees what it waits for, and nowhere else."""
    said = on_terminal(site)
    for doing in (b"the import", b"asking for GET", b"asking for HEAD",
                  b"asking for POST", b"looking at the answers"):
        blank = b" " * len(doing + b" ...")
        assert doing + b" ...\r" + blank + b"\r" in said
    assert "asking" not in site.check(json=False).out


# An escape sequence, a quote, a backslash, line ends, and no UTF-8.
STRANGE = b"\x1b[31m \"\\\r\n\xff\xc3\xa4\xc2\x9b\xed\xa0\x80.cgi"
SHOWN = r"""\x1b[31m "\\x0d\x0a\xffä\xc2\x9b\xed\xa0\x80.cgi"""


@pytest.mark.parametrize("json", [True, False])
def test_strange_name(site, json):
    """What no terminal should see, and no JSON may have, is escaped."""
    path = os.fsencode(site.www) + b"/" + STRANGE
    shutil.copy(site.path, path)
    result = site.check(script=path, json=json)
    assert SHOWN in (result.find("file")[0]["message"] if json
                     else result.out)
    assert result.exit == 0 and "\x1b" not in result.out


def test_closed_pipe(site):
    """Nobody reads: no signal, no complaint."""
    read, write = os.pipe()
    os.close(read)
    result = site.check(json=False, stdout=write)
    os.close(write)
    assert (result.exit, result.err) == (0, "")


# Who may ask, and how

@pytest.mark.parametrize("words, complaint", [
    (["--check"], "need a script"),
    (["--lint"], "need a script"),
    (["--check", "a", "/", "b"], "one application and one URL"),
    (["--check", "--web-user", "no such user", "a"],
     "--web-user: there is no user 'no such user'"),
    (["--web-user", "root", "a"], "--web-user goes with --check"),
    (["--check", "-X", "PUT", "a"], "it takes -H, not -X"),
    (["--check", "--json", "{}", "a"], "it takes -H, not --json"),
    (["--check", "--wrong", "a"], "--wrong is no option"),
    (["--check", "a", "ftp://host/"], "'ftp://host/' is no URL"),
    (["--check", "a", "/a b"], "write a blank as %20"),
    (["--check=json", "a", "http://:80/"], "has no host"),
    (["--check=json", "-H", "X", "a"], "-H 'X': it needs"),
])
def test_usage(site, words, complaint):
    result = site.run(*words)
    assert (result.exit, result.out) == (2, "")
    assert result.err.startswith("cgi2wsgi: ") and complaint in result.err


def test_current_user_is_the_default(site):
    """Of anybody but root."""
    how = {"user": "nobody"} if ROOT else {}
    result = site.run("--check=json", site.path, **how)
    name = how.get("user", ME)
    assert result.find("user")[0]["message"].startswith(
        f"checked as the user {name}, ")


@needs_root
def test_user_without_a_name(site):
    """As in a container."""
    result = site.run("--check=json", site.path, user=54321, group=54321)
    assert "checked as the user 54321" in result.find("user")[0]["message"]


@pytest.mark.parametrize("option", [
    "--check", "--lint", "--check=json", "--web-user root"])
@pytest.mark.parametrize("where", ["first line", "CGI2WSGI_ARGS"])
def test_no_server_can_choose_it(site, option, where):
    if where == "first line":
        reply = site.run_cgi(site.script(HELLO, option))
    else:
        reply = site.run_cgi(site.program, env={
            "CGI2WSGI_ARGS": f"{option} {site.path}"})
    assert reply.status == 500 and "are for a terminal" in reply.log


@pytest.mark.parametrize("words", [[], ["/x"], ["-H", "A: b", "/x?y"]])
def test_script_checks_itself(site, words):
    """H4: ./app.cgi --check, as any other option behind its name."""
    site.script(HELLO)
    done = subprocess.run([site.path, "--check=json", *words], env={},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert {"callable", "line"} <= {
        finding["id"] for finding in json.loads(done.stdout)}
    done = subprocess.run([site.path, "--web-user", "root"], env={},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (2, b"")


def test_no_request_can_choose_it(site):
    """Some servers hand the words of a query over."""
    reply = site.run_cgi(site.path, target="/?--check", argv=["--check"])
    assert (reply.status, reply.body) == (200, b"Hello")


@pytest.mark.parametrize("option", [
    "--check", "--lint", "--check=json", "--web-user root"])
def test_not_in_a_script_at_a_terminal(site, option):
    site.script(HELLO, option)
    done = subprocess.run([site.path], env={}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "are for a terminal" in done.stderr


def test_relative_name(site):
    result = site.check(script="app.cgi", json=False)
    assert f"execute {site.path}\n" in result.out and result.exit == 0


@pytest.mark.parametrize("line", ["", "#!/usr/bin/python3\n"])
def test_wsgi_file(site, line):
    """Its first line is not used, and it is not executed."""
    path = site.write("www/app.wsgi", line + HELLO)
    result = site.check(script=path)
    assert result.exit == 0
    assert "with Apache's Action" in result.find("line")[0]["message"]


def test_wsgi_file_with_options(site):
    path = site.write("www/app.wsgi", f"#!{site.program} :wrong\n" + HELLO)
    assert "callable-missing" in site.check(script=path).ids


def test_env_with_a_whole_name(site):
    site.script(HELLO, line=f"#!/usr/bin/env -S {site.program} --debug")
    result = site.check()
    assert result.exit == 0 and "line" in result.ids


def test_renamed_program(site):
    """The kernel asks for no name; the options count all the same."""
    other = site.folder / "bin/wsgi"
    other.symlink_to(site.program)
    site.script(HELLO, line=f"#!{other} :nothing")
    assert "has no nothing" in site.check().find(
        "callable-missing")[0]["message"]
