"""Who decides what runs, and how (conformance H)."""

import grp
import io
import json
import os
import pwd
import py_compile
import shutil
import stat
import struct
import subprocess
import sys
import zipfile

import pytest

from harness import APPS, PASSED_ON, PRELOAD, PROGRAM

WORDS = [
    ["-s"], ["--version"], ["/etc/passwd"], ["-c", "x"], ["--help"], ["-V"],
    ["--venv=/tmp"], ["--venv", "/tmp"], ["--debug"], [""], ["", "-h"],
    ["--"], ["--", "/etc/passwd"], [":application"], ["a=b"],
    ["--script-name", "/evil"], ["--path", "/tmp"], ["--env", "OPTION=evil"],
    ["--chdir", "/"], ["--log", "/dev/null"], ["--nph"],
    ["--max-body", "0"], ["--timeout", "1"],
    ["wsgiref.simple_server:demo_app"],
    [b"\xff\xfe\x01\n"], ["x" * 100000], ["a"] * 1000,
    ["\\;ls", "\\$\\(id\\)"]]

# No variable of a web server; what a sanitizer build needs stays.
TERMINAL = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
            **{name: os.environ[name] for name in PASSED_ON
               if name in os.environ}}

EXECVE = """
import os, sys
path, *argv = sys.argv[1:]
if path.startswith("descriptor "):
    path = int(path[11:])
os.execve(path, argv, os.environ)
"""


def execve(cgi, path, argv, env, **how):
    """execve() to the letter: path and argv[0] need not agree."""
    return cgi.exec([sys.executable, "-I", "-S", "-c", EXECVE, path, *argv],
                    env, **how)


def facts(reply):
    assert reply.status == 200, reply
    assert reply.exit == 0, reply
    return json.loads(reply.body)


def failed(reply, code, status=500):
    """The reply is the program's own page of this code."""
    assert reply.status == status, reply
    assert f"cgi2wsgi: {code} [" in reply.log, reply
    assert reply.exit == 1, reply
    return True


def says(text):
    """An application whose answer is this text."""
    return ("def application(environ, start_response):\n"
            "    start_response('200 OK', [])\n"
            f"    return [{text.encode()!r}]\n")


# Through #!

def test_script(cgi):
    """H2: the file whose first line names the program."""
    script = cgi.script("facts")
    found = facts(cgi.run(script))
    assert found["file"] == str(script)
    assert found["argv"] == [str(script)]
    assert found["cwd"] == str(cgi.folder)
    assert found["path"][0] == str(cgi.folder)


@pytest.mark.parametrize("words", WORDS)
def test_query_words(cgi, words):
    """H1, H2: words of the query are no arguments."""
    script = cgi.script("facts", "--env OPTION_OWN=1")
    query = "-s" if words == ["-s"] else "x"
    found = facts(cgi.run(script, f"/p?{query}", argv=words))
    assert found["file"] == str(script)
    assert found["argv"] == [str(script)]
    assert found["variables"] == {"OPTION_OWN": "1"}
    assert found["query"] == query


@pytest.mark.parametrize("options, expected", [
    ("", {}),
    ("--env OPTION=1", {"OPTION": "1"}),
    ("--env=OPTION=1", {"OPTION": "1"}),
    ("--env  OPTION=1\t--env OPTION2=2 ", {"OPTION": "1", "OPTION2": "2"}),
    ("--env 'OPTION=a b'", {"OPTION": "a b"}),
    ('--env "OPTION=a b"', {"OPTION": "a b"}),
    (r"--env OPTION=a\ b", {"OPTION": "a b"}),
    (r"--env 'OPTION=a\b'", {"OPTION": r"a\b"}),
    (r'--env "OPTION=a\"b\\c\d"', {"OPTION": r'a"b\c\d'}),
    ("--env OPTION='a'\"b\"c", {"OPTION": "abc"}),
    ("--env OPTION=''", {"OPTION": ""}),
    ("--env OPTION=$HOME", {"OPTION": "$HOME"}),
    ("--env OPTION=*", {"OPTION": "*"}),
    ("--env OPTION=~", {"OPTION": "~"}),
    ("--env OPTION=`id`$(id)", {"OPTION": "`id`$(id)"}),
    ("--env OPTION=a;b|c&d>e", {"OPTION": "a;b|c&d>e"}),
    ("--env OPTION=caf\xe9", {"OPTION": "caf\xc3\xa9"}),
    ("--env OPTION=a#b", {"OPTION": "a#b"}),
    ("--env OPTION=a=b", {"OPTION": "a=b"}),
    ("--env OPTION=1 --env OPTION=2", {"OPTION": "2"})])
def test_options(cgi, options, expected):
    """H2: options of the #! line are split as a shell splits them."""
    assert facts(cgi.run(cgi.script("facts", options)))[
        "variables"] == expected


@pytest.mark.parametrize("size", [100, 300, 1000, 5000])
def test_long_line(cgi, size):
    """H2: the kernel cuts the line at 255 bytes, the program does not."""
    script = cgi.script(
        "facts", f"--env OPTION_A={'x' * size} --env OPTION_B=1")
    found = facts(cgi.run(script, argv=["-s"]))
    assert found["variables"] == {"OPTION_A": "x" * size, "OPTION_B": "1"}


@pytest.mark.parametrize("options", [
    "--env 'OPTION=1", '--env "OPTION=1',
    "--no-such-option", "--env", "--env OPTION", "--venv", "--timeout x",
    "--graceful-timeout x", "--timeout -1", "-x", "word", "other.py",
    "--debug=1", ":a :b", "--env =x", "--script-name"])
def test_bad_options(cgi, options):
    """H2, G1: a mistake in the #! line is a page that says usage."""
    script = cgi.script("marker", options)
    assert failed(cgi.run(script), "usage")
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("word, meant", [
    ("--TIMEOUT", "--timeout"), ("--timout", "--timeout"), ("--evn", "--env"),
    ("--TIMING", "--timing"), ("-venv", "--venv"), ("--DEBUG", "--debug"),
    ("--access-logfile", "--log"), ("--xyzzy", None)])
@pytest.mark.parametrize("locale", ["C", "tr_TR.UTF-8"])
def test_unknown_option(cgi, word, meant, locale):
    """H2, H4, I7: the option that was meant is named, in any locale."""
    wanted = (f"{word} is no option; did you mean {meant}?" if meant
              else f"{word} is no option; see cgi2wsgi --help=all")
    reply = cgi.run(cgi.script("marker", word), env={"LC_ALL": locale})
    assert failed(reply, "usage") and wanted in reply.log
    reply = terminal(cgi, word, "app.cgi", env={"LC_ALL": locale})
    assert (reply.exit, reply.log) == (2, f"cgi2wsgi: {wanted}\n")
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("options", ["--env hunter2", "--env =hunter2",
                                     "--evn=TOKEN=hunter2"])
def test_wrong_setting(cgi, options):
    """G1, H2, case 32: what may be a secret is not repeated."""
    reply = cgi.run(cgi.script("marker", options))
    assert failed(reply, "usage")
    assert "hunter2" not in reply.log


@pytest.mark.parametrize("option", ["--venv", "--path", "--chdir", "--log",
                                    "--env-file", "--cache"])
@pytest.mark.parametrize("name", ["~/venv", "~", "$HOME/venv", "${HOME}/x",
                                  "~me/venv"])
@pytest.mark.parametrize("way", ["line", "arguments", "terminal"])
def test_nothing_is_expanded(cgi, option, name, way):
    """G1, H2, case 24: a name that only a shell would expand is told so."""
    app = cgi.write("app.py", (APPS / "marker.py").read_text())
    env = {"HOME": str(cgi.folder)}
    reply = {
        "line": lambda: cgi.run(
            cgi.script("marker", f"{option} '{name}'"), env=env),
        "arguments": lambda: by_arguments(
            cgi, f"{option}='{name}' {app}", env=env),
        "terminal": lambda: terminal(cgi, f"{option}={name}", app, env=env),
    }[way]()
    if way == "terminal":
        assert reply.exit == 2
    else:
        assert failed(reply, "usage")
    assert f"{option} '{name}': nothing is expanded here" in reply.log
    assert not {"imported", "~", "$HOME"} & set(os.listdir(cgi.folder))


def test_names_that_look_expanded(cgi):
    """H2, case 24: where such a name is one, it is used."""
    cgi.write("~/$x/colorsys.py", "OWN = True\n")
    found = facts(cgi.run(cgi.script("facts", "--path '~/$x' --chdir '~'")))
    assert found["path"][1] == f"{cgi.folder}/~/$x"
    assert found["cwd"] == f"{cgi.folder}/~"


@pytest.mark.parametrize("word, advice", [
    ("shop.wsgi", "from shop.wsgi import application"),
    ("shop:app", "from shop import app as application"),
    ("--debug shop.wsgi:application", "from shop.wsgi import application"),
    ("application", "has that name, in the first: :application"),
    ("app.py", "Write the first line into that file"),
    ("../shop/app.cgi", "Write the first line into that file")])
def test_module_in_the_line(cgi, word, advice):
    """G1, H2, case 25: a module or a file there: what to write instead."""
    reply = cgi.run(cgi.script("marker", word))
    assert failed(reply, "usage")
    assert advice in reply.log and "cannot be named here" in reply.log
    assert not (cgi.folder / "imported").exists()
    # What it says works.
    if advice.startswith("from"):
        cgi.write("shop/__init__.py", says("shop").replace("application",
                                                           "app"))
        cgi.write("shop/wsgi.py", says("shop"))
        assert cgi.run(cgi.script(advice + "\n\n")).body == b"shop"


def test_carriage_return(cgi):
    """H2, G1: a file saved with CRLF gets a message of its own."""
    text = (APPS / "hello.py").read_text()
    script = cgi.write("app.cgi", f"#!{PROGRAM} --debug\n{text}".replace(
        "\n", "\r\n"), 0o755)
    assert failed(cgi.run(script), "line-end")


def test_carriage_return_interpreter(cgi):
    """H3, G1: where a server names the program itself it starts, too."""
    text = (APPS / "hello.py").read_text()
    script = cgi.write("app.cgi", f"#!{PROGRAM}\n{text}".replace(
        "\n", "\r\n"), 0o755)
    reply = cgi.exec([PROGRAM, script], cgi.environ(script))
    assert reply.status == 200 or failed(reply, "line-end")


def test_no_newline(cgi):
    """H2: a file that is its first line has no application."""
    script = cgi.write("app.cgi", f"#!{PROGRAM}", 0o755)
    assert failed(cgi.run(script), "no-callable")


@pytest.mark.parametrize("line", ["#! {}", "#!\t{}\t", "#!{} ", "#!  {}  "])
def test_blanks(cgi, line):
    """H2: blanks around the program's name."""
    text = (APPS / "hello.py").read_text()
    script = cgi.write("app.cgi", f"{line.format(PROGRAM)}\n{text}", 0o755)
    assert cgi.run(script).status == 200


def test_nested(cgi):
    """H2: with nested #! lines the outermost file is the application."""
    inner = cgi.write("inner.cgi", f"#!{PROGRAM}\n" + says("inner"), 0o755)
    outer = cgi.write("outer.cgi", f"#!{inner}\n" + says("outer"), 0o755)
    assert cgi.run(outer, argv=["-s"]).body == b"outer"


def test_link(cgi):
    """H2: a link to a script; its folder is where the file really is."""
    script = cgi.script("facts", name="real/app.cgi")
    link = cgi.folder / "link.cgi"
    link.symlink_to(script)
    found = facts(cgi.run(link))
    assert found["path"][0] == str(script.parent)
    assert os.path.samefile(found["file"], script)


def test_link_to_link(cgi):
    """H2: also along two links and a linked folder."""
    script = cgi.script("facts", name="real/app.cgi")
    (cgi.folder / "folder").symlink_to("real")
    (cgi.folder / "one").symlink_to("folder/app.cgi")
    (cgi.folder / "two").symlink_to("one")
    assert facts(cgi.run(cgi.folder / "two"))["path"][0] == str(script.parent)


def test_fexecve(cgi):
    """H2: AT_EXECFN may be /dev/fd/N."""
    script = cgi.script("facts")
    descriptor = os.open(script, os.O_RDONLY)
    reply = execve(cgi, f"descriptor {descriptor}", ["app.cgi", "-s"],
                   cgi.environ(script), pass_fds=[descriptor])
    os.close(descriptor)
    found = facts(reply)
    assert found["path"][0] == str(cgi.folder)
    assert os.path.basename(found["file"]) in ("app.cgi", str(descriptor))


@pytest.mark.parametrize("path", ["app.cgi", "./app.cgi", "../sub/app.cgi"])
def test_relative(cgi, path):
    """H2: suEXEC, busybox and others start a name without a folder."""
    script = cgi.script("facts", name="sub/app.cgi")
    reply = execve(cgi, path, [path, "-s"], cgi.environ(script),
                   cwd=script.parent)
    found = facts(reply)
    assert found["file"] == str(script)
    assert found["path"][0] == str(script.parent)


def test_argv0_is_nothing(cgi):
    """H1, H2: what stands in argv[0] does not matter."""
    script = cgi.script("facts")
    found = facts(execve(cgi, script, ["/etc/passwd", "-s"],
                         cgi.environ(script)))
    assert found["file"] == str(script)


def test_script_filename_is_nothing(cgi):
    """H2: AT_EXECFN decides, not SCRIPT_FILENAME."""
    script = cgi.script(says("this"), name="this.cgi")
    other = cgi.script(says("other"), name="other.cgi")
    for how in ({"env": {"SCRIPT_FILENAME": other}},
                {"drop": ["SCRIPT_FILENAME"]}):
        assert cgi.run(script, argv=[other], **how).body == b"this"


def test_arguments_ignored(cgi):
    """H2: CGI2WSGI_ARGS is for those without a #! line."""
    other = cgi.write("other.py", says("other"))
    script = cgi.script("facts")
    found = facts(cgi.run(script, env={
        "CGI2WSGI_ARGS": f"--env OPTION=1 {other}"}))
    assert found["file"] == str(script)
    assert found["variables"] == {}


@pytest.mark.parametrize("name", ["HTTP_CGI2WSGI_ARGS", "QUERY_STRING",
                                  "PATH_INFO", "HTTP_REDIRECT_HANDLER"])
def test_request_names_nothing(cgi, name):
    """H1: no variable of the request names an application or an option."""
    other = cgi.write("other.py", says("other"))
    script = cgi.script(says("this"))
    assert cgi.run(script, env={name: f"--debug {other}"}).body == b"this"
    env = cgi.environ(PROGRAM, env={name: f"--debug {other}"})
    assert failed(cgi.exec([PROGRAM], env), "no-application")


@pytest.mark.parametrize("name", ["a b.cgi", "caf\xe9.cgi", "-s", "--debug",
                                  "x:y.cgi", "'q'.cgi", "no_suffix", "a.py",
                                  "$HOME.cgi", "\udcff.cgi"])
def test_names(cgi, name):
    """H2: a script may have any name."""
    script = cgi.script("hello", name=name)
    env = {"SCRIPT_NAME": "/x", "REQUEST_URI": "/x/"}
    assert cgi.run(os.fsencode(script), env=env).status == 200


def test_recognised(cgi):
    """H1, H4: each of three variables alone means CGI."""
    for name, value in (("REQUEST_METHOD", "GET"),
                        ("GATEWAY_INTERFACE", "CGI/1.1"),
                        ("SERVER_PROTOCOL", "HTTP/1.1")):
        reply = cgi.exec([PROGRAM, "--version"], {**TERMINAL, name: value})
        assert failed(reply, "no-application")


# By CGI2WSGI_ARGS

def by_arguments(cgi, arguments, argv=(), **how):
    env = {"CGI2WSGI_ARGS": arguments, **how.pop("env", {})}
    return cgi.exec([PROGRAM, *argv], cgi.environ(PROGRAM, env=env, **how))


@pytest.mark.parametrize("words", [[], *WORDS])
def test_arguments(cgi, words):
    """H1, H3: ScriptAlias to the program; argv is the client's."""
    app = cgi.write("app.py", (APPS / "facts.py").read_text())
    found = facts(by_arguments(cgi, f"{app} --env OPTION=1", words))
    assert found["file"] == str(app)
    assert found["argv"] == [str(app)]
    assert found["variables"] == {"OPTION": "1"}
    assert found["cwd"] == str(cgi.folder)
    assert found["path"][0] == str(cgi.folder)


@pytest.mark.parametrize("words, expected", [
    ("--env OPTION=1 {}", {"OPTION": "1"}),
    ("{} --env OPTION=1", {"OPTION": "1"}),
    ("--env 'OPTION=a b' {}", {"OPTION": "a b"}),
    ('  "{}"\t', {}), ("'{}'", {}), ("--env OPTION=$HOME\\ * {}",
                                     {"OPTION": "$HOME *"}),
    ("{}:application", {}), ("-- {}", {}),
    ("{}\n", {}), ("--env=OPTION=1\n{}", {"OPTION": "1"})])
def test_arguments_split(cgi, words, expected):
    """H3: split as a shell does, nothing expanded."""
    app = cgi.write("app.py", (APPS / "facts.py").read_text())
    found = facts(by_arguments(cgi, words.format(app)))
    assert found["variables"] == expected


@pytest.mark.parametrize("words", [
    "'{}", '"{}', "--no-such-option {}", "{} --env", "{} {}",
    "--env OPTION {}", "{} --max-body x"])
def test_arguments_wrong(cgi, words):
    """H3, G1: unclosed quotes, unknown options, options without a value."""
    app = cgi.write("app.py", (APPS / "marker.py").read_text())
    assert failed(by_arguments(cgi, words.format(app, app)), "usage")
    assert not (cgi.folder / "imported").exists()


def test_arguments_file_with_blank(cgi):
    """H3: a name with a blank and one with a quote."""
    app = cgi.write("a folder/it's.py", says("found"))
    quoted = str(app).replace("'", r"\'").replace(" ", r"\ ")
    assert by_arguments(cgi, quoted).body == b"found"
    assert by_arguments(cgi, f'"{app}"').body == b"found"


@pytest.mark.parametrize("app", ["/nonexistent/app.py", "missing.py",
                                 "/etc", "./x.wsgi"])
def test_arguments_missing(cgi, app):
    """H3, G1: no such file."""
    reply = by_arguments(cgi, app)
    assert reply.status == 500
    assert reply.exit == 1
    assert ("cgi2wsgi: no-file [" in reply.log
            or "cgi2wsgi: import [" in reply.log), reply


def test_arguments_module(cgi):
    """H3: a module instead of a file."""
    reply = by_arguments(cgi, "wsgiref.simple_server:demo_app")
    assert reply.status == 200
    assert b"Hello world!" in reply.body


def test_arguments_module_path(cgi):
    """H3: a module of the deployer's, from a --path folder."""
    cgi.write("lib/package/__init__.py", "")
    cgi.write("lib/package/web.py", (APPS / "facts.py").read_text())
    found = facts(by_arguments(
        cgi, f"--path {cgi.folder}/lib package.web"))
    assert found["name"] == "package.web"
    assert found["path"][0] == f"{cgi.folder}/lib"
    assert found["argv"] == ["package.web"]


def test_arguments_help(cgi):
    """H3, G1: --help and --version are no answer to a web server."""
    for option in ("--help", "--version"):
        reply = by_arguments(cgi, option)
        assert reply.status == 500
        assert reply.exit == 1


@pytest.mark.parametrize("arguments", ["", "  ", "--debug", "--env A=b",
                                       ":application"])
def test_arguments_without_app(cgi, arguments):
    """H3: options alone name no application."""
    for words in ([], ["-s"], ["/etc/passwd"]):
        assert failed(by_arguments(cgi, arguments, words), "no-application")


# Directly, without a word from the deployer

@pytest.mark.parametrize("words", [[], *WORDS])
def test_direct(cgi, words):
    """H1, H3: the program called as a CGI script runs nothing."""
    reply = cgi.exec([PROGRAM, *words], cgi.environ(PROGRAM))
    assert failed(reply, "no-application")


def test_direct_existing_script(cgi):
    """H1, H3: a query word that is a real application."""
    script = cgi.script("marker")
    reply = cgi.exec([PROGRAM, script], cgi.environ(
        PROGRAM, f"{script}?{script}"))
    assert failed(reply, "no-application")
    assert not (cgi.folder / "imported").exists()


# As the interpreter that a server names

@pytest.mark.parametrize("name", ["app.wsgi", "app.cgi", "app.py", "app"])
def test_interpreter(cgi, name):
    """H3: lighttpd's cgi.assign, uWSGI's helper."""
    script = cgi.write(name, (APPS / "facts.py").read_text())
    found = facts(cgi.exec([PROGRAM, script], cgi.environ(script)))
    assert found["file"] == str(script)
    assert found["argv"] == [str(script)]


def test_interpreter_relative(cgi):
    """H3: busybox and civetweb give a name relative to the folder."""
    script = cgi.write("sub/app.wsgi", (APPS / "facts.py").read_text())
    found = facts(cgi.exec([PROGRAM, "app.wsgi"], cgi.environ(script),
                           cwd=script.parent))
    assert found["file"] == str(script)


def test_interpreter_link(cgi):
    """H3: the same file by another name."""
    script = cgi.write("app.wsgi", (APPS / "facts.py").read_text())
    (cgi.folder / "link.wsgi").symlink_to(script)
    found = facts(cgi.exec([PROGRAM, cgi.folder / "link.wsgi"],
                           cgi.environ(script)))
    assert os.path.samefile(found["file"], script)


@pytest.mark.parametrize("words", [["-s"], ["--debug"], ["/etc/passwd"]])
def test_interpreter_query(cgi, words):
    """H1, H3: words behind the script are the client's."""
    script = cgi.write("app.wsgi", (APPS / "facts.py").read_text())
    found = facts(cgi.exec([PROGRAM, script, *words], cgi.environ(script)))
    assert found["argv"] == [str(script)]


def test_interpreter_options(cgi):
    """H3: its own #! line gives the options here, too."""
    script = cgi.script("facts", "--env 'OPTION=a b'")
    found = facts(cgi.exec([PROGRAM, script, "--env", "OPTION=evil"],
                           cgi.environ(script)))
    assert found["variables"] == {"OPTION": "a b"}


def test_interpreter_foreign_line(cgi):
    """H3: another program's #! line has no options for us."""
    script = cgi.write("app.wsgi", "#!/usr/bin/python3 -u\n" + says("here"))
    assert cgi.exec([PROGRAM, script], cgi.environ(script)).body == b"here"


def test_interpreter_arguments(cgi):
    """H3: CGI2WSGI_ARGS with options only keeps the script."""
    script = cgi.write("app.wsgi", (APPS / "facts.py").read_text())
    env = cgi.environ(script, env={"CGI2WSGI_ARGS": "--env OPTION=1"})
    found = facts(cgi.exec([PROGRAM, script], env))
    assert found["file"] == str(script)
    assert found["variables"] == {"OPTION": "1"}


def test_interpreter_line_wins(cgi):
    """H3: what the file's first line says comes behind CGI2WSGI_ARGS."""
    script = cgi.write("app.wsgi", "#!/x/cgi2wsgi --env OPTION=line\n"
                       + (APPS / "facts.py").read_text())
    env = cgi.environ(script, env={
        "CGI2WSGI_ARGS": "--env OPTION=1 --env OPTION_TWO=2"})
    assert facts(cgi.exec([PROGRAM, script], env))["variables"] == {
        "OPTION": "line", "OPTION_TWO": "2"}


def test_interpreter_callable(cgi):
    """H3: and may name the callable."""
    script = cgi.write("app.wsgi", says("here").replace("application",
                                                        "other"))
    env = cgi.environ(script, env={"CGI2WSGI_ARGS": ":other"})
    assert cgi.exec([PROGRAM, script], env).body == b"here"


@pytest.mark.parametrize("first", ["other", "folder", "program", "missing",
                                   "empty", "option"])
def test_interpreter_refused(cgi, first):
    """H1, H3: argv[1] is not SCRIPT_FILENAME, or is no application."""
    script = cgi.write("app.wsgi", (APPS / "marker.py").read_text())
    other = cgi.write("other.wsgi", (APPS / "marker.py").read_text())
    word, named = {
        "other": (other, script), "folder": (cgi.folder, cgi.folder),
        "program": (PROGRAM, PROGRAM), "missing": ("/no/x", "/no/x"),
        "empty": ("", ""), "option": ("--debug", script)}[first]
    env = cgi.environ(script, env={"SCRIPT_FILENAME": named})
    assert failed(cgi.exec([PROGRAM, word, script], env), "no-application")
    assert not (cgi.folder / "imported").exists()


def test_interpreter_without_script_filename(cgi):
    """H3: Python's own server and merecat set none."""
    script = cgi.write("app.wsgi", (APPS / "marker.py").read_text())
    env = cgi.environ(script, drop=["SCRIPT_FILENAME"])
    assert failed(cgi.exec([PROGRAM, script], env), "no-application")


def test_interpreter_copy_of_program(cgi):
    """H3: a link to the program is the program."""
    link = cgi.folder / "link"
    link.symlink_to(PROGRAM)
    env = cgi.environ(link)
    assert failed(cgi.exec([link, link], env), "no-application")
    assert failed(cgi.exec([link, PROGRAM], env), "no-application")


# Where AT_EXECFN is the program: below qemu-user, gVisor, on other systems

STARTED = PRELOAD or PROGRAM


def emulated(cgi, script, option, words=(), program=STARTED, **how):
    """A #! line as a kernel below such a layer runs it."""
    return execve(cgi, STARTED, [program, option, script, *words],
                  cgi.environ(script, **how))


@pytest.mark.parametrize("words", [[], *WORDS])
def test_emulated(cgi, words):
    """H1, H2: argv of a #! line with options is believed, and no more."""
    line = "--env OPTION=1  --env 'OPTION2=a b'"
    script = cgi.script("facts", line + " ")
    found = facts(emulated(cgi, script, line, words, env={
        "CGI2WSGI_ARGS": "--env OPTION=evil /etc/passwd"}))
    assert found["file"] == str(script)
    assert found["argv"] == [str(script)]
    assert found["variables"] == {"OPTION": "1", "OPTION2": "a b"}


@pytest.mark.parametrize("size", [100, 200, 300, 5000])
def test_emulated_long_line(cgi, size):
    """H2: Linux hands over what it read of a long line."""
    line = f"--env OPTION_A={'x' * size} --env OPTION_B=1"
    script = cgi.script("facts", line)
    word = f"#!{STARTED} {line}"[:255].partition(" ")[2]
    found = facts(emulated(cgi, script, word))
    assert found["variables"] == {"OPTION_A": "x" * size, "OPTION_B": "1"}
    if len(line) > len(word):
        assert failed(emulated(cgi, script, word[:-1]), "no-application")


@pytest.mark.parametrize("option", [
    "--env OPTION=evil", "--env OPTION=1 --debug", "--env OPTION=",
    "--env", "OPTION=1", "-s", "", " ", "--env  OPTION=1", "/etc/passwd"])
def test_emulated_other_option(cgi, option):
    """H1, H2: the script's line has to say exactly that."""
    script = cgi.script("marker", "--env OPTION=1")
    assert failed(emulated(cgi, script, option), "no-application")
    assert not (cgi.folder / "imported").exists()


def test_emulated_other_script(cgi):
    """H1, H2: it has to be SCRIPT_FILENAME, which no client can set."""
    script = cgi.script("marker", "--debug")
    other = cgi.script("marker", "--debug", name="other.cgi")
    for how in ({"env": {"SCRIPT_FILENAME": other}},
                {"env": {"SCRIPT_FILENAME": PROGRAM}},
                {"drop": ["SCRIPT_FILENAME"]}):
        assert failed(emulated(cgi, script, "--debug", **how),
                      "no-application")
    assert not (cgi.folder / "imported").exists()


def test_emulated_other_program(cgi):
    """H1, H2: the line has to name this very program, and argv[0], too."""
    line = "--debug --timeout 1"
    copy = cgi.write("cgi2wsgi", PROGRAM.read_bytes(), 0o755)
    (cgi.folder / "link").symlink_to(PROGRAM)
    script = cgi.script("marker", line)
    for program in (copy, cgi.folder / "link", "cgi2wsgi", "/no/such"):
        assert failed(emulated(cgi, script, line, program=program),
                      "no-application")
    text = (APPS / "marker.py").read_text()
    for name in ("/usr/bin/env", f"{PROGRAM}2", str(PROGRAM)[:-1]):
        script = cgi.write("app.cgi", f"#!{name} {line}\n{text}", 0o755)
        for program in (PROGRAM, name):
            assert failed(emulated(cgi, script, line, program=program),
                          "no-application")
    assert not (cgi.folder / "imported").exists()


def test_emulated_action(cgi):
    """H1: a query that looks like a #! line's argv changes nothing."""
    script = cgi.script("marker", "--debug")
    words = ["--debug", script]
    assert failed(cgi.exec([PROGRAM, *words], cgi.environ(PROGRAM)),
                  "no-application")
    app = cgi.write("app.py", says("here"))
    assert by_arguments(cgi, str(app), words).body == b"here"
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("words, query", [
    ([], ""), (["/?q"], "q"), (["-X", "PUT", "/?a=b"], "a=b")])
def test_emulated_terminal(cgi, words, query):
    """H4: run by hand, the words behind the script are a person's."""
    line = "--env OPTION=1 --env OPTION2=2"
    script = cgi.script("facts", line)
    found = facts(printed(cgi.exec([STARTED, line, script, "-i", *words],
                                   TERMINAL)))
    assert found["file"] == str(script)
    assert found["variables"] == {"OPTION": "1", "OPTION2": "2"}
    assert found["query"] == query


# Through env

def test_env(cgi):
    """H3: #!/usr/bin/env cgi2wsgi, found in PATH."""
    script = cgi.write("app.cgi", f"#!/usr/bin/env {PROGRAM.name}\n"
                       + (APPS / "facts.py").read_text(), 0o755)
    found = facts(cgi.run(script, argv=["-s", "--debug"],
                          env={"PATH": f"{PROGRAM.parent}:/usr/bin:/bin"}))
    assert found["file"] == str(script)


@pytest.mark.parametrize("words", [[], ["-s"], ["--env", "OPTION=evil"]])
def test_env_split(cgi, words):
    """H3: #!/usr/bin/env -S cgi2wsgi with options."""
    script = cgi.write(
        "app.cgi", f"#!/usr/bin/env -S {PROGRAM} --env OPTION=1 --debug\n"
        + (APPS / "facts.py").read_text(), 0o755)
    found = facts(cgi.run(script, argv=words))
    assert found["file"] == str(script)
    assert found["variables"] == {"OPTION": "1"}


def test_env_split_refused(cgi):
    """H1, H3: options before a script that its line does not have."""
    script = cgi.write("app.cgi", f"#!/usr/bin/env -S {PROGRAM} --debug\n"
                       + (APPS / "marker.py").read_text(), 0o755)
    reply = cgi.exec([PROGRAM, "--env", "OPTION=evil", script],
                     cgi.environ(script))
    assert failed(reply, "no-application")
    assert not (cgi.folder / "imported").exists()


def test_shell_wrapper(cgi):
    """H3: a deployer's shell script gives CGI2WSGI_ARGS."""
    app = cgi.write("app.py", (APPS / "facts.py").read_text())
    wrapper = cgi.write("app.cgi", "#!/bin/sh\n"
                        f"CGI2WSGI_ARGS='{app} --env OPTION=1'\n"
                        f"export CGI2WSGI_ARGS\nexec {PROGRAM}\n", 0o755)
    found = facts(cgi.run(wrapper, argv=["-s"]))
    assert found["file"] == str(app)
    assert found["variables"] == {"OPTION": "1"}


# As Apache's Action handler

def action(cgi, url="/app.wsgi", words=(), drop=(), **env):
    values = {
        "SERVER_SOFTWARE": "Apache/2.4", "REDIRECT_STATUS": "200",
        "REDIRECT_HANDLER": "wsgi-script", "REDIRECT_URL": url,
        "PATH_INFO": url, "PATH_TRANSLATED": f"{cgi.folder}{url}",
        "REQUEST_URI": url, **env}
    return cgi.exec([PROGRAM, *words],
                    cgi.environ(PROGRAM, env=values, drop=drop))


@pytest.mark.parametrize("rest", ["", "/", "/a/b", "/app.wsgi", "/x.py",
                                  "/" + "a/" * 500])
@pytest.mark.parametrize("words", [[], ["-s"], ["/etc/passwd"]])
def test_action(cgi, rest, words):
    """H1, H3: PATH_TRANSLATED's file part is the application."""
    app = cgi.write("app.wsgi", (APPS / "facts.py").read_text())
    found = facts(action(cgi, "/app.wsgi" + rest, words))
    assert found["file"] == str(app)
    assert found["argv"] == [str(app)]
    assert found["cwd"] == str(cgi.folder)


def test_action_options(cgi):
    """H3: options come from its #! line and from CGI2WSGI_ARGS."""
    cgi.script("facts", "--env OPTION=1", name="app.wsgi")
    found = facts(action(cgi, CGI2WSGI_ARGS="--env OPTION_TWO=2"))
    assert found["variables"] == {"OPTION": "1", "OPTION_TWO": "2"}


@pytest.mark.parametrize("drop", ["REDIRECT_HANDLER", "REDIRECT_URL",
                                  "REDIRECT_STATUS", "PATH_TRANSLATED"])
def test_action_direct_url(cgi, drop):
    """H1, H3: /cgi-bin/program/private/app.wsgi skips Apache's rules."""
    cgi.write("app.wsgi", (APPS / "marker.py").read_text())
    reply = action(cgi, drop=[drop],
                   **{"HTTP_" + drop: "200", "HTTP_HOST": "x"})
    assert failed(reply, "no-application")
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("status", ["404", "", "403", "2000", "20"])
def test_action_status(cgi, status):
    """H3: an ErrorDocument is no Action."""
    cgi.write("app.wsgi", (APPS / "marker.py").read_text())
    assert failed(action(cgi, REDIRECT_STATUS=status), "no-application")


@pytest.mark.parametrize("name", ["app.py", "app", "app.wsgi.bak", "x.cgi",
                                  "wsgi", "app.wsgi~", "app.WSGI"])
def test_action_suffix(cgi, name):
    """H3: nothing but .wsgi files."""
    cgi.write(name, (APPS / "marker.py").read_text())
    reply = action(cgi, "/" + name)
    assert reply.status == 500
    assert "cgi2wsgi: no-application [" in reply.log
    assert not (cgi.folder / "imported").exists()


def test_action_folder(cgi):
    """H3: a folder that is called like one is none."""
    cgi.write("x.wsgi/inner.py", (APPS / "marker.py").read_text())
    for url in ("/x.wsgi", "/x.wsgi/", "/x.wsgi/inner.py"):
        assert failed(action(cgi, url), "no-application")
    assert not (cgi.folder / "x.wsgi" / "imported").exists()


@pytest.mark.parametrize("url", ["/missing.wsgi", "/missing.wsgi/a/b", "/",
                                 "/no/such/app.wsgi"])
def test_action_missing(cgi, url):
    """H3, G1: nothing there."""
    reply = action(cgi, url)
    assert reply.status == 500
    assert ("cgi2wsgi: no-application [" in reply.log
            or "cgi2wsgi: no-file [" in reply.log), reply
    assert reply.exit == 1


def test_action_script_filename(cgi):
    """H3: SCRIPT_FILENAME must be this program."""
    script = cgi.write("app.wsgi", (APPS / "marker.py").read_text())
    reply = action(cgi, SCRIPT_FILENAME=str(script))
    assert failed(reply, "no-application")


def test_action_redirected_twice(cgi):
    """H3, H1: only the server's own variables count."""
    cgi.write("app.wsgi", (APPS / "marker.py").read_text())
    reply = action(cgi, drop=["REDIRECT_HANDLER"],
                   HTTP_REDIRECT_HANDLER="wsgi-script",
                   REDIRECT_REDIRECT_HANDLER="wsgi-script")
    assert failed(reply, "no-application")


# In a terminal

def printed(reply):
    """What -i printed, as the CGI reply that it was."""
    if reply.raw.startswith(b"HTTP/"):
        reply.raw = b"Status:" + reply.raw.partition(b"HTTP/1.1")[2]
    return reply


def terminal(cgi, *words, env={}, **how):
    return printed(cgi.exec([PROGRAM, "-i", *words], {**TERMINAL, **env},
                            **how))


def test_terminal(cgi):
    """H4, I4: one GET request, the reply on standard output."""
    app = cgi.write("app.py", (APPS / "facts.py").read_text())
    for word in (app, "app.py", "./app.py"):
        found = facts(terminal(cgi, word))
        assert found["file"] == str(app)
        assert found["argv"] == [str(app)]
        assert found["query"] == ""


@pytest.mark.parametrize("url, expected", [
    ("/", ("", "/", "")), ("/a/b?c=d", ("", "/a/b", "c=d")),
    ("/a%20b", ("", "/a b", "")), ("/?", ("", "/", "")),
    ("http://h.example:8080/p?q", ("", "/p", "q")),
    ("https://h.example/p", ("", "/p", "")),
    ("http://h.example", ("", "/", ""))])
def test_terminal_url(cgi, url, expected):
    """H4: with a URL, whole or its path."""
    app = cgi.write("app.py", (APPS / "environ.py").read_text())
    reply = terminal(cgi, app, url)
    assert reply.status == 200, reply
    found = json.loads(reply.body)["environ"]
    assert (found["SCRIPT_NAME"], found["PATH_INFO"],
            found["QUERY_STRING"]) == expected
    assert found["REQUEST_METHOD"] == "GET"
    if "h.example" in url:
        assert found["wsgi.url_scheme"] == url.partition(":")[0]
        assert found["HTTP_HOST"] == url.split("/")[2]


def test_terminal_options(cgi):
    """H4: options stand anywhere."""
    app = cgi.write("app.py", (APPS / "facts.py").read_text())
    for words in (["--env", "OPTION=1", app, "/?q"],
                  [app, "/?q", "--env", "OPTION=1"],
                  [app, "--env=OPTION=1", "/?q"],
                  ["--env=OPTION=1", "--", app, "/?q"]):
        found = facts(terminal(cgi, *words))
        assert found["variables"] == {"OPTION": "1"}
        assert found["query"] == "q"


def test_terminal_arguments(cgi):
    """H4: a command line needs no CGI2WSGI_ARGS."""
    app = cgi.write("app.py", (APPS / "facts.py").read_text())
    found = facts(terminal(cgi, app, env={
        "CGI2WSGI_ARGS": "--env OPTION=1 /x.py"}))
    assert found["variables"] == {}


@pytest.mark.parametrize("line", [
    "{}", "/opt/cgi2wsgi", "/usr/local/bin/cgi2wsgi-preload",
    "/usr/bin/env -S cgi2wsgi"])
def test_terminal_own_line(cgi, line):
    """H4, case 14: the script's own first line counts, too, and comes first."""
    text = (APPS / "facts.py").read_text()
    app = cgi.write("app.cgi", f"#!{line.format(PROGRAM)} --env OPTION=1 "
                    "--env OPTION_TWO=2 --path lib --max-body 1\n" + text)
    found = facts(terminal(cgi, app, "--env", "OPTION=3"))
    assert found["variables"] == {"OPTION": "3", "OPTION_TWO": "2"}
    assert found["path"][:2] == [str(cgi.folder), f"{cgi.folder}/lib"]
    assert terminal(cgi, app, "-d", "ab").status == 413
    assert terminal(cgi, app, "-d", "ab", "--max-body", "2").status == 200
    # A request of a server is not changed by it.
    found = facts(by_arguments(cgi, f"{app} --env OPTION=3"))
    assert found["variables"] == {"OPTION": "3"}


def test_terminal_own_callable(cgi):
    """H4, case 14: the callable of the first line, or of the command line."""
    app = cgi.write("app.cgi", f"#!{PROGRAM} :make()\n" + SEVERAL)
    assert terminal(cgi, app).body == b"other"
    assert terminal(cgi, f"{app}:site.handle").body == b"method"
    assert terminal(cgi, ":site.handle", app).body == b"method"


def test_terminal_foreign_line(cgi):
    """H4, case 14: another program's first line has no options for us."""
    app = cgi.write("app.py", "#!/usr/bin/python3 --env OPTION=1\n"
                    + (APPS / "facts.py").read_text())
    assert facts(terminal(cgi, app))["variables"] == {}


def test_terminal_own_line_wrong(cgi):
    """H4, I4, case 14: a mistake there is told with the script's name."""
    app = cgi.write("app.cgi", f"#!{PROGRAM} --nonsense\n" + says("x"))
    reply = terminal(cgi, app)
    assert (reply.exit, reply.raw) == (2, b"")
    assert f"{app}: --nonsense is no option" in reply.log


def test_terminal_script(cgi):
    """H4: a script with a #! line, run by hand."""
    script = cgi.script("facts", "--env OPTION=1")
    for argv in ([script, "-i"], [script, "/?q", "-i"]):
        found = facts(printed(cgi.exec(argv, TERMINAL)))
        assert found["file"] == str(script)
        assert found["variables"] == {"OPTION": "1"}


@pytest.mark.parametrize("words", [
    [], ["--no-such"], ["--env"], ["a.py", "/", "more"],
    ["--max-body", "x", "a.py"], [""], ["--env", "x", "a.py"]])
def test_terminal_usage(cgi, words):
    """H4, I4: a wrong command line is exit status 2, nothing on stdout."""
    cgi.write("a.py", says("x"))
    reply = terminal(cgi, *words)
    assert reply.exit == 2
    assert reply.raw == b""
    assert "cgi2wsgi" in reply.log


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(cgi, option):
    """H4: --help fits one screen, --help=all names every option."""
    reply = terminal(cgi, option)
    assert reply.exit == 0
    assert reply.log == ""
    lines = reply.raw.decode().splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) < 80
    assert sum(line.startswith("  cgi2wsgi ") for line in lines) == 5
    assert "--help=all" in lines[-1] and "man cgi2wsgi" in lines[-1]
    reply = terminal(cgi, "--help=all")
    assert reply.exit == 0
    for name in ("venv", "path", "chdir", "env", "script-name", "log",
                 "max-body", "timeout", "graceful-timeout", "nph", "debug",
                 "version", "help"):
        assert f"--{name}" in reply.raw.decode()


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(cgi, option):
    """H4: --version names the program and its Python."""
    reply = terminal(cgi, option)
    app = cgi.write("app.py", (APPS / "facts.py").read_text())
    version = facts(terminal(cgi, app))["version"]
    assert reply.exit == 0
    assert reply.raw.startswith(b"cgi2wsgi ")
    assert ".".join(map(str, version)).encode() in reply.raw


def test_terminal_missing(cgi):
    """H4, I4: no such application."""
    reply = terminal(cgi, "/no/such.py")
    assert reply.exit == 1
    assert reply.status == 500


# From a name to a callable

SEVERAL = """
class Site:
    def handle(self, environ, start_response):
        start_response("200 OK", [])
        return [b"method"]


class Holder:
    inner = Site()


def other(environ, start_response):
    start_response("200 OK", [])
    return [b"other"]


def make():
    return other


class Factory:
    @staticmethod
    def build():
        return Site().handle


site = Site()
number = 5
"""


@pytest.mark.parametrize("name, answer", [
    ("other", b"other"), ("site.handle", b"method"),
    ("Holder.inner.handle", b"method"), ("make()", b"other"),
    ("Factory.build()", b"method")])
@pytest.mark.parametrize("way", ["line", "arguments", "module", "terminal"])
def test_callable(cgi, name, answer, way):
    """H2, H3, H4, A1: name, dotted.name, factory()."""
    if way == "line":
        reply = cgi.run(cgi.script(SEVERAL, f":{name}"))
    else:
        app = cgi.write("several.py", SEVERAL)
        word = {"module": f"several:{name}"}.get(way, f"{app}:{name}")
        if way == "terminal":
            reply = terminal(cgi, word)
        else:
            reply = by_arguments(cgi, f"--path {cgi.folder} '{word}'")
    assert reply.body == answer, reply


def test_default_callable(cgi):
    """H2, A1: application, then app."""
    both = says("application") + says("app").replace("application", "app", 1)
    assert cgi.run(cgi.script(both)).body == b"application"
    only = says("app").replace("application", "app", 1)
    assert cgi.run(cgi.script(only)).body == b"app"


@pytest.mark.parametrize("name", [
    "missing", "site.missing", "number", "number.real", "make(1)", "make(",
    "missing()", "number()", "site..handle", "", "()", "a b", "make()()",
    "__import__('os')"])
def test_no_callable(cgi, name):
    """H2, G1: not found: the log lists what there is."""
    app = cgi.write("several.py", SEVERAL)
    reply = by_arguments(cgi, f'{app}":{name}"')
    assert reply.status == 500
    assert reply.exit == 1
    assert ("cgi2wsgi: no-callable [" in reply.log
            or "cgi2wsgi: usage [" in reply.log), reply


@pytest.mark.parametrize("name", ["make('x')", "make(1).app", "apps['x']"])
def test_no_name(cgi, name):
    """H2, case 25: what a name may be, where gunicorn would take more."""
    reply = cgi.run(cgi.script(SEVERAL, f':"{name}"'))
    assert failed(reply, "no-callable")
    assert (f":{name} is neither a name, nor a dotted.name, nor factory(), "
            "which is called without arguments\n" in reply.log)


@pytest.mark.parametrize("option", ["-u", "-X", "--data", "-H"])
def test_request_option_without_value(cgi, option):
    """H2, case 25: python3's -u in a first line, say, lacks no value."""
    reply = cgi.run(cgi.script("marker", option))
    assert failed(reply, "usage")
    assert " is for a request from a command line\n" in reply.log


def test_callables_listed(cgi):
    """H2, G1: no application, no app: the log lists the callables."""
    reply = cgi.run(cgi.script(SEVERAL))
    assert failed(reply, "no-callable")
    line = next(line for line in reply.log.splitlines()
                if "no-callable" in line)
    for name in ("other", "make", "Site", "Factory"):
        assert name in line
    assert "number" not in line


def test_not_callable(cgi):
    """H2, G1: application is something else."""
    reply = cgi.run(cgi.script("application = 5\n\n"))
    assert failed(reply, "no-callable")
    assert "int" in reply.log


def test_factory_fails(cgi):
    """H2, G1: a factory's exception is shown in the log."""
    reply = cgi.run(cgi.script("""
        def make():
            raise RuntimeError("no luck")
        """, ":make()"))
    assert reply.status == 500
    assert reply.exit == 1
    assert "no luck" in reply.log


REPLACED = "import sys\nsys.modules[__name__] = object()\n"


@pytest.mark.parametrize("callable", ["", ":other", ":make()"])
def test_no_module(cgi, callable):
    """H2, G1: sys.modules may hold anything under the module's name."""
    app = cgi.write("replaced.py", REPLACED)
    assert failed(cgi.run(cgi.script(REPLACED, callable)), "no-callable")
    for words in (f"'{app}{callable}'",
                  f"--path {cgi.folder} 'replaced{callable}'"):
        assert failed(by_arguments(cgi, words), "no-callable")


def test_property_fails(cgi):
    """H2, G1: the exception of a property is no missing name."""
    reply = cgi.run(cgi.script("""
        class Site:
            @property
            def handle(self):
                raise RuntimeError("no luck")

        site = Site()
        """, ":site.handle"))
    assert failed(reply, "import")
    assert "Traceback (most recent call last):" in reply.log
    assert "RuntimeError: no luck" in reply.log


# Variables from a file

ENV_FILE = b"""\xef\xbb\xbf# what docker run --env-file reads
OPTION_ONE=1

  OPTION_TWO= two  words 'as' "they" $are # here
OPTION_THREE=
OPTION_FOUR=a=b\r
\t# not this
HTTP_X_OPTION=told
OPTION_BYTES=caf\xe9
OPTION_LAST=no line end"""
FROM_FILE = {"OPTION_ONE": "1",
             "OPTION_TWO": " two  words 'as' \"they\" $are # here",
             "OPTION_THREE": "", "OPTION_FOUR": "a=b",
             "OPTION_BYTES": "caf\xe9", "OPTION_LAST": "no line end"}


def env_file(cgi, text=ENV_FILE, name="settings.env", mode=0o600):
    return cgi.write(name, text, mode)


@pytest.mark.parametrize("way", ["line", "arguments", "terminal"])
def test_env_file(cgi, way):
    """B10, H2, case 32: NAME=VALUE to the end of the line, as docker has it."""
    file = env_file(cgi)
    app = cgi.write("app.py", (APPS / "facts.py").read_text())
    found = facts({
        "line": lambda: cgi.run(cgi.script(
            "facts", "--env-file settings.env")),
        "arguments": lambda: by_arguments(cgi, f"--env-file {file} {app}"),
        "terminal": lambda: terminal(cgi, "--env-file", file, app),
    }[way]())
    assert found["variables"] == FROM_FILE


def test_env_file_order(cgi):
    """H2, case 32: --env and --env-file in their order; the last counts."""
    env_file(cgi, "OPTION=file\nOPTION_TWO=file\n")
    env_file(cgi, "OPTION_TWO=second\nOPTION_TWO=third\n", "b.env")
    for options, one, two in [
            ("--env OPTION=a --env-file settings.env", "file", "file"),
            ("--env-file settings.env --env OPTION=a", "a", "file"),
            ("--env-file settings.env --env-file b.env", "file", "third"),
            ("--env-file b.env --env-file settings.env", "file", "file")]:
        found = facts(cgi.run(cgi.script("facts", options), env={
            "OPTION": "server"}))
        assert found["variables"] == {"OPTION": one, "OPTION_TWO": two}


def test_env_file_is_in_environ(cgi):
    """B10, case 32: as with --env, also what is about the request."""
    env_file(cgi, "REMOTE_USER=me\nOWN=1\n")
    reply = cgi.run(cgi.script("environ", "--env-file settings.env"))
    found = json.loads(reply.body)["environ"]
    assert (found["REMOTE_USER"], found["OWN"]) == ("me", "1")


@pytest.mark.parametrize("text, line", [
    ("A=1\nhunter2\n", 2), ("=hunter2\n", 1), ("A B=hunter2", 1),
    ("#\n\nA=1\nA =hunter2\n", 4), ("A=1\0hunter2\n", 1),
    ("export A=hunter2", 1), ("A=1\n\0\n", 2)])
def test_env_file_wrong(cgi, text, line):
    """G1, H2, case 32: the message has the line's number, and no secret."""
    env_file(cgi, text)
    reply = cgi.run(cgi.script("marker", "--env-file settings.env"))
    assert failed(reply, "usage")
    assert f"settings.env, line {line}: NAME=VALUE is needed" in reply.log
    assert "hunter2" not in reply.log
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601, 0o777])
def test_env_file_for_all(cgi, mode):
    """H5, case 32: refused if others may read it."""
    file = env_file(cgi, mode=mode)
    reply = cgi.run(cgi.script("marker", "--env-file settings.env"))
    assert failed(reply, "unsafe-file")
    assert f"chmod o= '{file}'" in reply.log
    assert b"chmod o= if that is a file of --env-file" in reply.body
    assert not (cgi.folder / "imported").exists()
    file.chmod(0o640)
    assert cgi.run(cgi.script("hello", "--env-file settings.env")
                   ).status == 200


def test_env_file_missing(cgi):
    """G1, case 32: no such file, or none at all."""
    cgi.write("folder/x")
    for name in ("no.env", "folder", "/dev/null"):
        reply = cgi.run(cgi.script("marker", f"--env-file {name}"))
        assert failed(reply, "no-file")
        assert name in reply.log
    assert not (cgi.folder / "imported").exists()


def test_env_file_is_masked(cgi):
    """case 32: its values are shown to nobody, whatever their names are."""
    env_file(cgi, "PLAIN=hunter2\n")
    script = cgi.script("hello", "--env-file settings.env --explain")
    reply = cgi.run(script, env={"PLAIN": "before"})
    assert reply.status == 200
    assert "PLAIN" in reply.log and "hunter2" not in reply.log
    script = cgi.script("""
        import os
        import sys

        def application(environ, start_response):
            mine = dict(os.environ)
            copy = environ["PLAIN"]
            longer = f"dsn={copy} {environ['DSN']}"
            raise ValueError("wrong")
        """, "--env-file settings.env --debug")
    env_file(cgi, "PLAIN=hunter2\nDSN=db user=me hunter22 x\n")
    reply = cgi.run(script)
    assert reply.status == 500
    assert b"ValueError" in reply.body and b"hunter" not in reply.body
    assert b"copy = " in reply.body
    done = subprocess.run([PROGRAM, "--check", script], env=TERMINAL,
                          capture_output=True, timeout=60)
    assert b"hunter" not in done.stdout + done.stderr


# Refused

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can make another user's file")


@needs_root
@pytest.mark.parametrize("bit", [stat.S_ISUID, stat.S_ISGID])
def test_set_id(cgi, bit):
    """H5: set-uid and set-gid are refused, in a terminal, too."""
    if os.statvfs(cgi.folder).f_flag & os.ST_NOSUID:
        pytest.skip("the folder for temporary files is mounted nosuid")
    nobody = pwd.getpwnam("nobody")
    copy = cgi.folder / "cgi2wsgi"
    shutil.copy(PROGRAM, copy)
    os.chown(copy, pwd.getpwnam("daemon").pw_uid,
             grp.getgrnam("daemon").gr_gid)
    copy.chmod(0o755 | bit)
    app = cgi.write("app.py", (APPS / "marker.py").read_text())
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    env = cgi.environ(copy, env={"CGI2WSGI_ARGS": str(app)})
    reply = cgi.exec([copy], env, **who)
    assert failed(reply, "set-id")
    reply = cgi.exec([copy, app], TERMINAL, **who)
    assert reply.exit in (1, 2)
    assert "set-id" in reply.log
    # No file is read or written with rights that somebody else gave.
    reply = cgi.exec([copy, "-d", f"@{app}.missing", app], TERMINAL, **who)
    assert "set-id" in reply.log and ".missing" not in reply.log
    script = cgi.write("app.cgi", f"#!{copy}\n"
                       + (APPS / "marker.py").read_text(), 0o755)
    assert failed(cgi.run(script, **who), "set-id")
    assert not (cgi.folder / "imported").exists()


@needs_root
@pytest.mark.parametrize("user", ["nobody", "root"])
def test_capabilities(cgi, user):
    """H5, case 10: a file with capabilities is refused, whoever starts it."""
    who = {"user": pwd.getpwnam(user).pw_uid,
           "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    copy = cgi.folder / "cgi2wsgi"
    shutil.copy(PROGRAM, copy)
    copy.chmod(0o755)
    app = cgi.write("app.py", (APPS / "marker.py").read_text())
    # cap_net_bind_service, as setcap(8) writes it
    os.setxattr(copy, "security.capability", struct.pack(
        "<5I", 0x02000001, 1 << 10, 0, 0, 0))
    env = cgi.environ(copy, env={"CGI2WSGI_ARGS": str(app)})
    assert failed(cgi.exec([copy], env, **who), "set-id")
    reply = cgi.exec([copy, app], TERMINAL, **who)
    assert reply.exit == 1 and "set-id" in reply.log
    assert not (cgi.folder / "imported").exists()
    os.removexattr(copy, "security.capability")
    assert cgi.exec([copy], env).status == 200


# Starts a program with AT_SECURE set, as SELinux does it: the kernel's list
# lies behind the environment on the new stack.
SECURE = """
import ctypes, os, struct, sys
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long] * 4
child = os.fork()
if child == 0:
    ptrace(0, 0, 0, 0)                              # PTRACE_TRACEME
    os.execv(sys.argv[1], sys.argv[1:])
os.waitpid(child, 0)
with open(f"/proc/{child}/auxv", "rb") as file:
    pairs = file.read()
old = struct.pack("QQ", 23, 0)                      # AT_SECURE
assert pairs.count(old) == 1
with open(f"/proc/{child}/maps") as maps:
    line = next(line for line in maps if "[stack]" in line)
start, end = (int(x, 16) for x in line.split()[0].split("-"))
with open(f"/proc/{child}/mem", "r+b", buffering=0) as memory:
    memory.seek(start)
    stack = memory.read(end - start)
    at = stack.rindex(pairs[:-16]) + pairs.index(old)
    memory.seek(start + at + 8)
    memory.write(struct.pack("Q", 1))
ptrace(17, child, 0, 0)                             # PTRACE_DETACH
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.maxsize < 2 ** 32, reason="made for 64 bits")
def test_secure_mode(cgi):
    """H5, case 10: AT_SECURE with equal ids says nothing."""
    script = cgi.script("""
        import ctypes

        SECURE = ctypes.CDLL(None).getauxval(23)

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"%d" % SECURE]
        """)
    reply = cgi.exec([sys.executable, "-I", "-c", SECURE, script],
                     cgi.environ(script))
    assert (reply.status, reply.body, reply.exit) == (200, b"1", 0), reply


def ways(cgi, script):
    """A script started by #!, by name, and by a server."""
    yield cgi.run(script)
    yield by_arguments(cgi, str(script))
    yield cgi.exec([PROGRAM, script], cgi.environ(script))


@pytest.mark.parametrize("mode", [0o757, 0o777, 0o1757])
def test_writable_file(cgi, mode):
    """H5: a file that everyone may write."""
    script = cgi.script("marker")
    script.chmod(mode)
    for reply in ways(cgi, script):
        assert failed(reply, "unsafe-file")
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("mode", [0o757, 0o777, 0o1777])
def test_writable_folder(cgi, mode):
    """H5: a folder that everyone may write, sticky or not."""
    script = cgi.script("marker", name="sub/app.cgi")
    script.parent.chmod(mode)
    for reply in ways(cgi, script):
        assert failed(reply, "unsafe-file")
    assert not (script.parent / "imported").exists()


def test_writable_quote(cgi):
    """H5: a shell takes what the log proposes, whatever the name is."""
    script = cgi.script("hello", name="it's $(a): chmod o-w ''/app.cgi")
    script.chmod(0o757)
    log = cgi.run(script).log.strip()
    command = log.partition(", so anyone could run code here: ")[2]
    subprocess.run(command, shell=True, check=True, cwd=cgi.folder)
    assert cgi.run(script).status == 200


def test_writable_cache(cgi):
    """H5: a .pyc is run instead of the source."""
    script = cgi.script("marker")
    cache = cgi.folder / "__pycache__"
    cache.mkdir()
    cache.chmod(0o777)
    for reply in ways(cgi, script):
        assert failed(reply, "unsafe-file")
    assert not (cgi.folder / "imported").exists()


def test_writable_folder_of_link(cgi):
    """H5: the folder of a link counts as well as that of the file."""
    script = cgi.script("marker", name="real/app.cgi")
    open_folder = cgi.folder / "open"
    open_folder.mkdir()
    open_folder.chmod(0o777)
    link = open_folder / "link.cgi"
    link.symlink_to(script)
    for reply in ways(cgi, link):
        assert failed(reply, "unsafe-file")
    assert not (script.parent / "imported").exists()


def test_writable_action(cgi):
    """H5: behind Action as well."""
    cgi.write("app.wsgi", (APPS / "marker.py").read_text(), 0o666)
    assert failed(action(cgi), "unsafe-file")


@pytest.mark.parametrize("mode", [0o757, 0o1777])
def test_writable_path(cgi, mode):
    """H5: a folder of --path that everyone may write."""
    (cgi.folder / "lib").mkdir()
    (cgi.folder / "lib").chmod(mode)
    for folder in ("lib", cgi.folder / "lib"):
        reply = cgi.run(cgi.script("marker", f"--path {folder}"))
        assert failed(reply, "unsafe-file")
    assert not (cgi.folder / "imported").exists()


@needs_root
def test_env_file_of_others(cgi):
    """H5, case 32: the file is root's, the user's or the script's owner's."""
    nobody, daemon = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    file = env_file(cgi, mode=0o640)
    script = cgi.script("facts", "--env-file settings.env")
    os.chown(file, nobody.pw_uid, -1)
    assert facts(cgi.run(script, **who))["variables"] == FROM_FILE
    os.chown(file, 0, nobody.pw_gid)
    assert facts(cgi.run(script, **who))["variables"] == FROM_FILE
    os.chown(file, daemon.pw_uid, nobody.pw_gid)
    reply = cgi.run(script, **who)
    assert failed(reply, "unsafe-file")
    assert f"belongs to user {daemon.pw_uid}" in reply.log
    os.chown(script, daemon.pw_uid, -1)
    assert facts(cgi.run(script, **who))["variables"] == FROM_FILE


@pytest.mark.parametrize("option", ["--path lib", "--venv lib/venv",
                                    "--chdir lib/x", "--env-file lib/a.env",
                                    "--log lib/log", ""])
@pytest.mark.parametrize("above", [True, False])
def test_writable_parent(cgi, option, above):
    """H5, J3, attack 6: who may write a folder above replaces what is in it."""
    top = cgi.folder / "top"
    script = cgi.script("marker", option, name="top/site/app.cgi")
    for name in ("lib/x/y", "lib/venv/pyvenv.cfg", "lib/log"):
        cgi.write(f"top/site/{name}")
    cgi.write("top/site/lib/a.env", "A=b\n", 0o600)
    open_folder = top if above or not option else script.parent / "lib"
    open_folder.chmod(0o777)
    reply = cgi.run(script)
    assert failed(reply, "unsafe-file")
    assert f"chmod o-w '{open_folder}'" in reply.log
    assert not (script.parent / "imported").exists()
    open_folder.chmod(0o755)
    if "venv" not in option:
        assert cgi.run(script).exit == 0


@pytest.mark.parametrize("option, refused", [
    ("--path lib/x", False), ("--chdir lib", False), ("--chdir lib/x", False),
    ("--log lib/x/log", False), ("--log lib/log", True),
    ("--env-file lib/a.env", True), ("--path lib", True)])
def test_sticky_parent(cgi, option, refused):
    """H5, attack 6: as in /tmp, others replace nothing, but may add."""
    script = cgi.script("marker", option)
    cgi.write("lib/x/y")
    cgi.write("lib/a.env", "A=b\n", 0o600)
    (cgi.folder / "lib").chmod(0o1777)
    reply = cgi.run(script)
    if refused:
        assert failed(reply, "unsafe-file")
    else:
        assert reply.exit == 0


@pytest.mark.parametrize("option", ["--path open/link/x", "--chdir open/link",
                                    "--log open/link/log", "--log open/log",
                                    "--env-file open/a.env", "--path open/link"])
def test_link_in_writable_folder(cgi, option):
    """H5, J3, attack 6: a link can be replaced where it lies."""
    cgi.write("lib/x/y")
    cgi.write("lib/log")
    cgi.write("lib/a.env", "A=b\n", 0o600)
    (cgi.folder / "open").mkdir()
    for name, target in (("link", "../lib"), ("log", "../lib/log"),
                         ("a.env", "../lib/a.env")):
        (cgi.folder / "open" / name).symlink_to(target)
    script = cgi.script("marker", option)
    assert cgi.run(script).exit == 0
    (cgi.folder / "imported").unlink()
    (cgi.folder / "open").chmod(0o777)
    reply = cgi.run(script)
    assert failed(reply, "unsafe-file")
    assert f"chmod o-w '{cgi.folder}/open'" in reply.log
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("option", ["--log log", "--env-file a.env"])
def test_link_into_writable_folder(cgi, option):
    """H5, J3, attack 6: nor may the file where it leads lie in such a folder."""
    cgi.write("lib/log")
    cgi.write("lib/a.env", "A=b\n", 0o600)
    for name in ("log", "a.env"):
        (cgi.folder / name).symlink_to(f"lib/{name}")
    (cgi.folder / "lib").chmod(0o1777)
    assert failed(cgi.run(cgi.script("marker", option)), "unsafe-file")


def test_script_through_writable_folder(cgi):
    """H5, attack 6: a linked folder on the way to the script."""
    cgi.script("marker", name="site/app.cgi")
    (cgi.folder / "open").mkdir()
    (cgi.folder / "open/link").symlink_to("../site")
    script = cgi.folder / "open/link/app.cgi"
    for mode, code in ((0o777, 500), (0o1777, 200), (0o755, 200)):
        (cgi.folder / "open").chmod(mode)
        assert cgi.run(script).status == code


def test_writable_cache_of_path(cgi):
    """H5, attack 6: compiled code is read from there, too."""
    cgi.write("lib/__pycache__/x").parent.chmod(0o777)
    reply = cgi.run(cgi.script("marker", "--path lib"))
    assert failed(reply, "unsafe-file")
    assert "lib/__pycache__" in reply.log
    assert not (cgi.folder / "imported").exists()


@pytest.mark.parametrize("name", [
    "pyvenv.cfg", "lib", "lib/python3.11", "lib/python3.11/site-packages"])
def test_writable_venv(cgi, name):
    """H5, attack 6: what Python reads in a virtual environment."""
    cgi.write("venv/pyvenv.cfg", "home = /usr/bin\n")
    cgi.write("venv/lib/python3.11/site-packages/x.pth")
    script = cgi.script("marker", "--venv venv")
    path = cgi.folder / "venv" / name
    path.chmod(0o777)
    reply = cgi.run(script)
    assert failed(reply, "unsafe-file")
    assert f"chmod o-w '{path}'" in reply.log
    path.chmod(0o755)
    assert "unsafe-file [" not in cgi.run(script).log


def test_writable_log(cgi):
    """J3: a log that everyone may write is nobody's proof."""
    log = cgi.write("log", mode=0o666)
    assert failed(cgi.run(cgi.script("marker", "--log log")), "unsafe-file")
    assert log.read_text() == ""
    assert cgi.run(cgi.script("marker", "--log /dev/null")).exit == 0


def test_writable_by_group(cgi):
    """H5: the group may write: many sites are kept so."""
    script = cgi.script("hello", name="sub/app.cgi")
    script.parent.chmod(0o775)
    script.chmod(0o775)
    assert cgi.run(script).status == 200


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_no_regular_file(cgi, kind):
    """H3, H5: a FIFO, a device or a folder is no application."""
    path = cgi.folder / "app.py"
    if kind == "fifo":
        os.mkfifo(path, 0o644)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    reply = by_arguments(cgi, str(path))
    assert reply.status == 500
    assert reply.exit == 1


def zip_of(cgi):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("pages/__init__.py", "")
        archive.writestr("pages/web.py", says("zipped"))
        archive.writestr("__main__.py", "from pages.web import application\n")
    return file.getvalue()


def compiled(cgi):
    source = cgi.write("source.py", says("compiled"))
    version = facts(cgi.run(cgi.script("facts", name="facts.cgi")))["version"]
    if sys.version_info[:2] != tuple(version[:2]):
        return b"\xa7\x0d\r\n" + bytes(12) + b"\xe3" + bytes(40)
    py_compile.compile(source, cfile=cgi.folder / "source.pyc")
    return (cgi.folder / "source.pyc").read_bytes()


KINDS = {
    "zip": (zip_of, "is a zip archive", "--path ARCHIVE MODULE"),
    "zipapp": (lambda cgi: b"#!/usr/bin/python3\n" + zip_of(cgi),
               "is a zip archive", "from MODULE import application"),
    "pyc": (compiled, "is compiled Python", "name its source"),
    "utf16": (lambda cgi: says("x").encode("utf-16"), "UTF-16", "iconv"),
    "utf16le": (lambda cgi: says("x").encode("utf-16-le"), "UTF-16", "UTF-8"),
    "utf16be": (lambda cgi: says("x").encode("utf-16-be"), "UTF-16", "UTF-8"),
    "utf32": (lambda cgi: says("x").encode("utf-32"), "UTF-32", "UTF-8"),
    "utf32be": (lambda cgi: says("x").encode("utf-32-be"), "no text", ""),
    "program": (lambda cgi: PROGRAM.read_bytes()[:9999], "is a program", ""),
    "binary": (lambda cgi: b"x = 1\n\0", "no text", "Python source"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["line", "interpreter", "terminal", "action"])
def test_file_kind(cgi, kind, way):
    """G1, H2, H3, case 20: a file that is no source: what it is, and what to do."""
    make, what, advice = KINDS[kind]
    data = make(cgi)
    if way == "line":
        script = cgi.write("app.cgi", f"#!{PROGRAM}\n".encode() + data, 0o755)
        reply = cgi.run(script)
    elif way == "action":
        cgi.write("app.wsgi", data)
        reply = action(cgi)
    else:
        app = cgi.write("app.wsgi", data)
        reply = terminal(cgi, app) if way == "terminal" else cgi.exec(
            [PROGRAM, app], cgi.environ(app))
    if (way, kind) == ("line", "zipapp"):
        return      # two first lines: its second one is Python's matter
    assert failed(reply, "file-kind")
    assert what in reply.log and advice in reply.log


def test_zip_on_path(cgi):
    """H2, H4, case 20: what the message advises works."""
    cgi.write("app.pyz", zip_of(cgi))
    assert terminal(cgi, "--path", "app.pyz", "pages.web").body == b"zipped"
    script = cgi.script("from pages.web import application\n",
                        "--path app.pyz")
    assert cgi.run(script).body == b"zipped"


@pytest.mark.parametrize("text", [
    "", "x", "#!", "\n", "#", "ab\r\n", "#\r\n\r\n\r\n", "\xef\xbb\xbf"])
def test_small_files(cgi, text):
    """G1, case 20: a short file is text like any other."""
    app = cgi.write("app.py", text.encode("latin-1"))
    reply = terminal(cgi, app)
    assert reply.status == 500
    assert "file-kind [" not in reply.log


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("line", ["{}", "/opt/cgi2wsgi --env OPTION=1",
                                  "/usr/bin/env -S cgi2wsgi --debug"])
@pytest.mark.parametrize("way", ["interpreter", "terminal", "action"])
def test_byte_order_mark(cgi, line, way):
    """H2, H3, H4, case 20: before #! it is refused, as a carriage return is."""
    app = cgi.write("app.wsgi", MARK + f"#!{line.format(PROGRAM)}\n".encode()
                    + (APPS / "facts.py").read_bytes())
    run = {"action": lambda: action(cgi), "terminal": lambda: terminal(cgi, app),
           "interpreter": lambda: cgi.exec([PROGRAM, app], cgi.environ(app))}
    reply = run[way]()
    assert failed(reply, "line-end")
    assert "byte order mark" in reply.log
    # Without a line for this program it is Python's matter, and allowed.
    for first in (b"", b"#!/usr/bin/python3\n", b"#!/usr/bin/python3\r\n"):
        cgi.write("app.wsgi", MARK + first + (APPS / "facts.py").read_bytes())
        assert facts(run[way]())["file"] == str(app)


@pytest.mark.parametrize("way", ["interpreter", "terminal", "action"])
def test_carriage_return_of_others(cgi, way):
    """H3, H4: another program's line may end as it likes."""
    app = cgi.write("app.wsgi", "#!/usr/bin/python3\r\n" + says("here"))
    run = {"action": lambda: action(cgi), "terminal": lambda: terminal(cgi, app),
           "interpreter": lambda: cgi.exec([PROGRAM, app], cgi.environ(app))}
    assert run[way]().body == b"here"
    cgi.write("app.wsgi", "#!/bin/sh -c 'x\n" + says("quote"))
    assert run[way]().body == b"quote"
    cgi.write("app.wsgi", f"#!{PROGRAM} 'x\n" + says("quote"))
    if way == "terminal":
        assert run[way]().exit == 2
    else:
        assert failed(run[way](), "usage")
    cgi.write("app.wsgi", f"#!{PROGRAM}\r\n" + says("here"))
    assert failed(terminal(cgi, app), "line-end")


def test_unreadable(cgi):
    """G1, H2: a script that the server may start but not read."""
    if os.geteuid() == 0:
        how = {"user": pwd.getpwnam("nobody").pw_uid,
               "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    else:
        how = {}
    app = cgi.write("app.py", says("x"), 0o000)
    env = cgi.environ(PROGRAM, env={"CGI2WSGI_ARGS": str(app)})
    reply = cgi.exec([PROGRAM], env, **how)
    assert failed(reply, "no-file")


# What Python is told

def fake_environment(cgi):
    """A virtual environment first in PATH, whose .pth leaves a mark."""
    mark = cgi.folder / "mark"
    cgi.write("fake/pyvenv.cfg", "home = /usr/bin\n"
              "include-system-site-packages = true\n")
    for name in ("python", "python3", "cgi2wsgi"):
        cgi.write(f"fake/bin/{name}", "#!/bin/sh\n", 0o755)
    version = "python%d.%d" % tuple(facts(cgi.run(cgi.script("facts")))[
        "version"][:2])
    for lib in ("lib", "lib64"):
        cgi.write(f"fake/{lib}/{version}/site-packages/evil.pth",
                  f"import os; open({str(mark)!r}, 'w').close()\n")
    return cgi.folder / "fake" / "bin", mark


@pytest.mark.parametrize("name", ["python3", "python", "cgi2wsgi", "-"])
def test_path_variable(cgi, name):
    """H6: PATH does not choose Python's prefix, nor does argv[0]."""
    folder, mark = fake_environment(cgi)
    script = cgi.script("facts")
    plain = facts(cgi.run(script))
    path = f"{folder}:/usr/bin:/bin"
    app = cgi.write("app.py", (APPS / "facts.py").read_text())
    found = [
        facts(cgi.run(script, env={"PATH": path})),
        facts(execve(cgi, PROGRAM, [name], cgi.environ(PROGRAM, env={
            "PATH": path, "CGI2WSGI_ARGS": str(app)}))),
        facts(printed(execve(cgi, PROGRAM, [name, "-i", app],
                             {**TERMINAL, "PATH": path})))]
    for one in found:
        for key in ("prefix", "base_prefix", "exec_prefix", "executable",
                    "path"):
            assert one[key] == plain[key]
    assert not mark.exists()


def test_no_path_variable(cgi):
    """H6: lighttpd and WEBrick set no PATH."""
    script = cgi.script("facts")
    plain = facts(cgi.run(script))
    found = facts(cgi.run(script, drop=["PATH"]))
    assert found["path"] == plain["path"]
    assert found["executable"] == plain["executable"]


def test_working_folder(cgi):
    """H6: neither "" nor the working folder is on sys.path."""
    app = cgi.write("apps/app.py", (APPS / "facts.py").read_text())
    work = cgi.write("work/json.py", "raise RuntimeError\n").parent
    for found in (
            facts(terminal(cgi, app, cwd=work)),
            facts(cgi.exec([PROGRAM], cgi.environ(PROGRAM, env={
                "CGI2WSGI_ARGS": str(app)}), cwd=work)),
            facts(terminal(cgi, app, "--chdir", work, cwd=work))):
        assert "" not in found["path"]
        assert "." not in found["path"]
        assert str(work) not in found["path"]
        assert found["path"][0] == str(app.parent)
        assert all(os.path.isabs(folder) for folder in found["path"])


def test_module_working_folder(cgi):
    """H6: a module app is not looked for in the working folder."""
    cgi.write("only_here.py", says("x"))
    reply = terminal(cgi, "only_here:application")
    assert reply.status == 500
    assert "import [" in reply.log
    assert terminal(cgi, "--path", ".", "only_here").body == b"x"


def test_path_option(cgi):
    """H6: the script's folder first, then those of --path in their order."""
    script = cgi.script("facts", f"--path one --path {cgi.folder}/two")
    cgi.write("one/x.py")
    cgi.write("two/x.py")
    assert facts(cgi.run(script))["path"][:3] == [
        str(cgi.folder), f"{cgi.folder}/one", f"{cgi.folder}/two"]


def test_chdir_option(cgi):
    """H2: --chdir, relative to the script's folder."""
    cgi.write("data/x")
    assert facts(cgi.run(cgi.script("facts", "--chdir data"), cwd="/"))[
        "cwd"] == f"{cgi.folder}/data"
    assert facts(cgi.run(cgi.script("facts", "--chdir /"), cwd="/usr"))[
        "cwd"] == "/"
    assert facts(cgi.run(cgi.script("facts"), cwd="/"))[
        "cwd"] == str(cgi.folder)
    reply = cgi.run(cgi.script("facts", "--chdir missing"))
    assert reply.status == 500
    assert reply.exit == 1


def test_unsafe_modules_beside(cgi):
    """H6: the script's folder comes before the standard library."""
    cgi.write("colorsys.py", "OWN = True\n")
    script = cgi.script("import colorsys\n" + says("x").replace(
        repr(b"x"), "repr(colorsys.OWN).encode()"))
    assert cgi.run(script).body == b"True"


def test_program_is_executable():
    """H4: what is tested is a program."""
    assert subprocess.run([PROGRAM, "-V"], capture_output=True,
                          check=True).stdout
