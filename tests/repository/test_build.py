"""What make builds, again where it must, installs and packs."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import subprocess
import tarfile

import pytest

from harness import TESTS

# A few compile everything again.
pytestmark = pytest.mark.slow
TOP = TESTS.parent
LONG = 900      # seconds that a build may take on a busy machine
# Nobody's flags; root's tests may be run from a folder of somebody else.
PLAIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent",
         "LC_ALL": "C.UTF-8"}
QUICK = ("CFLAGS=-O0 -g", "WARNINGS=")
VERSION = re.search(r"^VERSION = (.*)", (TOP / "Makefile").read_text(),
                    re.MULTILINE)[1]
LEFT_OUT = (".git", "build", "cgi2wsgi", "cgi2wsgi-preload", "__pycache__", ".pytest_cache",
            "artefacts", "bench", "debian", "data")


def make(tree, *words, status=0, env={}, **how):
    """Run make, which must end so; gives what it printed."""
    done = subprocess.run(["make", *words], cwd=tree, env={**PLAIN, **env},
                          text=True, timeout=LONG, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **how)
    assert done.returncode == status, done.stdout
    return done.stdout


def output(*command, **how):
    return subprocess.run(command, check=True, text=True, env=PLAIN,
                          stdout=subprocess.PIPE, **how).stdout


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.parts}


def copy(tree, target):
    """A copy with the times of the files: nothing in it is to be made."""
    subprocess.run(["cp", "-a", tree, target], check=True)
    return target


def leave_out(folder, names):
    """Not in the copy; packaging/debian and tests/bench are."""
    return [name for name in names if name in LEFT_OUT and not (
        name in ("debian", "bench")
        and os.path.basename(folder) in ("packaging", "tests"))]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The tree without git and without what was made in it."""
    tree = tmp_path_factory.mktemp("sources") / "tree"
    shutil.copytree(TOP, tree, ignore=leave_out, symlinks=True)
    return tree


@pytest.fixture(scope="module")
def first(sources, tmp_path_factory, worker_id):
    """A tree with the program, and what make said; one for all workers."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    said = shared / "build-said"
    with open(shared / "build-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            tree = copy(sources, shared / "build-tree")
            said.write_text(make(tree, "-j2", *QUICK))
    return shared / "build-tree", said.read_text()


@pytest.fixture
def tree(first, tmp_path):
    """The same, to be changed."""
    return copy(first[0], tmp_path / "tree")


@pytest.fixture
def plain(sources, tmp_path):
    return copy(sources, tmp_path / "tree")


def units(tree):
    return sorted([*tree.glob("*.c"), *tree.glob("lib/*/*.c")])


def compiled(said):
    """The objects that V=1 and -n show being compiled."""
    return set(re.findall(r" -c -o build/(\S+)\.o ", said))


# What is built

def test_first_build(first, sources):
    """One line each; all in build/ but the programs, which run."""
    tree, said = first
    names = {str(unit.relative_to(tree).with_suffix("")) for unit
             in units(tree)}
    assert re.match(r"Python 3\.\d+, with \S*libpython3\S*\n", said) or (
        " does not link, see build/probe.log\n" in said), said
    assert {line.split()[1] for line in said.splitlines()
            if line.startswith("  CC ")} == {
        f"build/{name}.o" for name in names}
    assert "\n  LINK cgi2wsgi\n" in said
    assert not [line for line in said.splitlines() if " -c -o " in line]
    assert {name for name in files(tree) - files(sources)
            if not name.startswith("build/")} == {
                "cgi2wsgi", "cgi2wsgi-preload"}
    assert output(tree / "cgi2wsgi", "examples/hello.cgi",
                  cwd=tree) == "Hello, world!\n"


def test_nothing_changed(first):
    """case 15: then nothing is made."""
    assert make(first[0], *QUICK) == "make: Nothing to be done for 'all'.\n"


def test_one_source_changed(tree):
    """A line for its object and one for the program; V=1 has the commands."""
    os.utime(tree / "lib/cgi/url.c")
    lines = make(tree, *QUICK).splitlines()
    assert lines == ["  CC   build/lib/cgi/url.o", "  LINK cgi2wsgi"]
    os.utime(tree / "lib/cgi/url.c")
    lines = make(tree, *QUICK, "V=1").splitlines()
    assert [line.split()[0] for line in lines] == ["cc", "cc"]
    os.utime(tree / "lib/cgi/url.c")
    assert make(tree, *QUICK, "-s") == ""


@pytest.mark.parametrize("word", [
    "SHARED=1", "CC=clang", "PYTHON=/usr/bin/python3", "CPPFLAGS=-DX=1",
    "CFLAGS=-O1", "LDFLAGS=-Wl,-O1", "WARNINGS=-Wall"])
def test_another_setting(tree, word):
    """case 15: everything is made again, and with it."""
    said = make(tree, "-n", "V=1", *QUICK, word)
    name, _, value = word.partition("=")
    assert len(compiled(said)) == len(units(tree))
    assert re.search(r"^\S+ .* -o cgi2wsgi ", said, re.MULTILINE)
    if name not in ("SHARED", "PYTHON"):
        assert any(value in line for line in said.splitlines()
                   if " -o cgi2wsgi " in line or " -c -o " in line)


def test_another_compiler_by_the_same_name(plain, tmp_path):
    """case 15: an upgraded one is seen; so is Python's, in the same way."""
    gcc = tmp_path / "mycc"
    gcc.write_text('#!/bin/sh\nexec gcc "$@"\n')
    gcc.chmod(0o755)
    words = (f"CC={gcc}", "build/config.h")
    assert make(plain, *words).startswith("Python 3.")
    assert "Python 3." not in make(plain, *words)
    gcc.write_text('#!/bin/sh\nexec gcc  "$@"\n')
    assert make(plain, *words).startswith("Python 3.")
    assert "patchlevel.h:" in (plain / "build/configuration").read_text()


def test_flags_of_the_environment(plain):
    """They count as those of the command line; ours are not lost."""
    flags = {"CFLAGS": "-O1 -DMARK_C", "CPPFLAGS": "-DMARK_CPP",
             "LDFLAGS": "-Wl,-O2"}
    make(plain, "build/config.h", env=flags)
    said = make(plain, "-n", "V=1", env=flags)
    assert said == make(plain, "-n", "V=1", *(
        f"{name}={value}" for name, value in flags.items()))
    for line in said.splitlines():
        if " -c -o " in line:
            assert {"-O1", "-DMARK_C", "-DMARK_CPP", "-std=c11",
                    "-fstack-protector-strong", "-pthread"} <= set(
                line.split())
        if " -o cgi2wsgi " in line:
            assert {"-Wl,-O2", "-Wl,-z,relro", "-Wl,-z,now"} <= set(
                line.split())


def kind(program):
    """What readelf tells of a program."""
    return output("readelf", "-hldW", "--dyn-syms", "-p", ".comment", program)


def newer_python():
    """Another Python that has a library, if there is one: not needed."""
    for folder in os.environ.get("PATH", "").split(":"):
        for number in (14, 13, 12, 10, 9):
            python = f"{folder}/python3.{number}"
            if os.access(python, os.X_OK) and subprocess.run(
                    ["pkg-config", f"python-3.{number}-embed"]
                    ).returncode == 0:
                yield python


def test_one_after_the_other(plain):
    """case 15: make; make SHARED=1; make CC=clang; make PYTHON=...; make."""
    def built(*words):
        make(plain, "-j2", *words)
        assert output(plain / "cgi2wsgi", "examples/hello.cgi",
                      cwd=plain) == "Hello, world!\n"
        return kind(plain / "cgi2wsgi")
    first = built()
    shared = built("SHARED=1")
    assert "Shared library: [libpython3" in shared
    # Hardened: at any address, read-only once bound, checked.
    assert re.search(r"Type: +DYN", shared)
    assert "GNU_RELRO" in shared and re.search(r"FLAGS_1.*NOW.*PIE", shared)
    assert "__stack_chk_fail" in shared and "_chk@" in shared
    assert not re.search(r"GNU_STACK.* RWE ", shared)
    assert "clang" in built("CC=clang")
    for python in newer_python():
        built(f"PYTHON={python}")
        assert os.path.basename(python)[6:] in output(
            plain / "cgi2wsgi", "--version")
    assert built() == first


# Where it cannot be built as wanted

def wrapper(folder, refused):
    """A compiler that does not link with this flag."""
    path = folder / "cc"
    path.write_text(f'#!/bin/sh\ncase " $* " in\n*" {refused}"*)\n'
                    'echo no such luck >&2; exit 1\nesac\nexec gcc "$@"\n')
    path.chmod(0o755)
    return f"CC={path}"


def test_archive_that_does_not_link(plain, tmp_path):
    """The shared library is taken, and why is said and kept."""
    cc = wrapper(tmp_path, "-Wl,--whole-archive ")
    archive = "/libpython3" in output("sh", "-c", "ls /usr/lib/*/config-3*/*",
                                      stderr=subprocess.DEVNULL)
    said = make(plain, cc, "build/config.h")
    assert re.match(r"Python 3\.\d+, with libpython3\.\d+\.so", said)
    assert "-fPIE" in (plain / "build/configuration").read_text()
    if archive:
        assert "does not link, see build/probe.log" in said
        assert "no such luck" in (plain / "build/probe.log").read_text()
    said = make(plain, cc, "STATIC=1", status=2)
    assert re.search(r"^configure: STATIC=1: .* does not link; see "
                     r"build/probe\.log$", said, re.MULTILINE), said


@pytest.mark.parametrize("words,sentence", [
    (["PKG_CONFIG=false"],
     r"false does not know python3-embed: install libpython3-dev"),
    (["PKG_CONFIG=no-such-program"],
     r"there is no no-such-program: install pkg-config"),
    (["PYTHON=no-such-python"], r"no-such-python does not run; .*"),
    (["SHARED=1", "STATIC=1"], r"SHARED=1 or STATIC=1, not both"),
    (["CC=no-such-compiler"], r"no-such-compiler does not compile .*"),
    (["CC=gcc -mwrong"], r"gcc -mwrong does not compile .*"),
    (["CPPFLAGS=-DPy_GIL_DISABLED"],
     r"python3-embed is a free-threaded Python: cgi2wsgi needs one with a "
     r"GIL"),
])
def test_sentence(plain, words, sentence):
    """What is missing is said, and nothing is built."""
    said = make(plain, *words, status=2)
    assert re.search(rf"^configure: {sentence}$", said, re.MULTILINE), said
    assert not (plain / "cgi2wsgi").exists()


@pytest.mark.parametrize("name", ["BUILD", "PREFIX", "DOCDIR"])
def test_name_with_a_blank(plain, name):
    """make cannot take it, nor a script's first line; it says so."""
    said = make(plain, f"{name}=/a b", status=2)
    assert said.endswith(f"*** {name}: a name with a blank does not work: "
                         "/a b.  Stop.\n"), said


def test_from_another_folder(plain, tmp_path):
    """make -f is no make -C, which works."""
    said = make(tmp_path, "-f", f"{plain}/Makefile", status=2)
    assert "this is not the folder of cgi2wsgi: make -C" in said
    make(tmp_path, "-C", plain, "build/config.h")


def test_zero_is_none(plain):
    """SHARED=0 is not SHARED=1, nor another setting than none."""
    said = make(plain, "build/config.h")
    make(plain, "SHARED=0", "STATIC=0", "V=0", "build/config.h",
         env={"SHARED": "0"})
    again = make(plain, "-n", "SHARED=0", "STATIC=0", "build/config.h")
    assert "Python 3." in said and "configure" not in again


def test_tree_of_others(sources, tmp_path):
    """Its name has a blank, nothing is written to it, nor is DESTDIR plain."""
    tree = copy(sources, tmp_path / "my tree")
    before = files(tree)
    for folder in [tree, *tree.rglob("*/")]:
        folder.chmod(0o555)
    built, root = tmp_path / "built", tmp_path / "some root"
    words = (*QUICK, f"BUILD={built}", "PREFIX=/usr", f"DESTDIR={root}")
    umask = os.umask(0o077)
    try:
        make(tree, "-j2", *words, "install")
    finally:
        os.umask(umask)
    assert files(tree) == before
    modes = {path.stat().st_mode & 0o777 for path in root.rglob("*")
             if path.is_file()}
    assert modes == {0o644, 0o755}
    assert output(root / "usr/bin/cgi2wsgi", tree / "examples/hello.cgi"
                  ) == "Hello, world!\n"
    make(tree, *words, "uninstall")
    assert not files(root)
    for folder in [tree, *tree.rglob("*/")]:
        folder.chmod(0o755)


def test_shared_library_that_does_not_link(plain, tmp_path):
    said = make(plain, wrapper(tmp_path, "-fPIE "), "SHARED=1", status=2)
    assert re.search(r"^configure: no program links with libpython3\.\d+\.so$",
                     said, re.MULTILINE), said


def test_clean(tree, sources):
    """It needs no Python, no compiler, and leaves the sources."""
    nothing = ("PKG_CONFIG=false", "CC=false", "PYTHON=false")
    make(tree, "clean", *nothing)
    assert files(tree) == files(sources)
    make(tree, "clean", *nothing)
    make(tree, "uninstall", f"DESTDIR={tree}/root", *nothing)


def test_commands_for_editors(first):
    commands = json.loads((first[0] / "build/compile_commands.json")
                          .read_text())
    assert {entry["file"] for entry in commands} == {
        str(unit.relative_to(first[0])) for unit in units(first[0])
        if unit.name != "freeze.c"}
    entry = commands[0]
    subprocess.run(entry["command"] + " -fsyntax-only", shell=True,
                   check=True, cwd=first[0])


def test_sanitized(plain):
    make(plain, "-j2", "sanitized")
    assert "__asan_init" in kind(plain / "build/sanitized/cgi2wsgi")
    assert not (plain / "cgi2wsgi").exists()


# What is installed

@pytest.fixture(scope="module")
def root(first, tmp_path_factory):
    """A tree, with what it installs below /opt/some in root/."""
    tree = copy(first[0], tmp_path_factory.mktemp("installed") / "tree")
    make(tree, *QUICK, "install-strip", "PREFIX=/opt/some",
         f"DESTDIR={tree}/root")
    return tree


def test_installed_files(root):
    """Program, manuals, all examples, NEWS, LICENSE, completion."""
    share = "opt/some/share"
    doc = f"{share}/doc/cgi2wsgi"
    assert files(root / "root") == {
        "opt/some/bin/cgi2wsgi", "opt/some/bin/cgi2wsgi-preload",
        f"{doc}/NEWS", f"{doc}/LICENSE",
        f"{share}/bash-completion/completions/cgi2wsgi",
        *(f"{share}/man/man{file.suffix[1:]}/{file.name}"
          for file in root.glob("man/*.[1-9]")),
        *(f"{doc}/{name}" for name in files(root)
          if name.startswith("examples/"))}
    for script in (root / "root" / doc).rglob("*.cgi"):
        assert os.access(script, os.X_OK)


def test_installed_names(root):
    """All of it names the program where it is installed."""
    texts = {name: (root / "root" / name).read_bytes()
             for name in files(root / "root")}
    assert not [name for name, text in texts.items()
                if b"/usr/local/bin/cgi2wsgi" in text
                or b"|/usr/local/bin|" in text
                or b"/usr/local/share" in text]
    assert sum(b"/opt/some/bin/cgi2wsgi" in text
               for text in texts.values()) > 10
    program = root / "root/opt/some/bin/cgi2wsgi"
    assert "#!/opt/some/bin/cgi2wsgi " in output(program, "--help")
    assert ".symtab" not in output("readelf", "-SW", program)


def test_installed_as_it_was_built(tree):
    """sudo has other variables: they do not have it built again."""
    said = make(tree, "-n", "V=1", "install", "CFLAGS=-O3", "SHARED=1",
                f"DESTDIR={tree}/root")
    assert compiled(said) == set() and "-o cgi2wsgi" not in said


def test_uninstall(tree):
    make(tree, *QUICK, "install", f"DESTDIR={tree}/root")
    assert files(tree / "root")
    make(tree, "uninstall", f"DESTDIR={tree}/root")
    assert not files(tree / "root")


# The version

def git(tree, *words):
    output("git", "-c", "user.name=x", "-c", "user.email=x@example.org",
           "-C", tree, *words)


@pytest.fixture
def clone(plain):
    """A repository of the sources, in which NEWS tells of the version."""
    (plain / "NEWS").write_text(f"{VERSION}\n")
    git(plain, "init", "-q")
    git(plain, "add", "-A")
    git(plain, "commit", "-qm", "All")
    return plain


def version(tree, *words):
    make(tree, "build/config.h", *words)
    return re.search(r'VERSION "(.*)"', (tree / "build/config.h")
                     .read_text())[1]


def test_version(clone):
    """A commit that is no release says so; a tag, a tarball do not."""
    commit = rf"{re.escape(VERSION)}-dev-[0-9a-f]{{7,}}"
    assert re.fullmatch(commit, version(clone))
    with open(clone / "README.md", "a") as file:
        file.write("More.\n")
    assert re.fullmatch(commit + "-dirty", version(clone))
    assert version(clone, f"VERSION={VERSION}") == VERSION
    git(clone, "checkout", "README.md")
    git(clone, "tag", f"v{VERSION}")
    assert version(clone) == VERSION
    git(clone, "commit", "-qm", "More", "--allow-empty")
    assert re.fullmatch(rf"{re.escape(VERSION)}-1-g[0-9a-f]+", version(clone))


def test_dist(clone, tmp_path):
    """What git has, under the version's name; it builds without git."""
    said = make(clone, "dist")
    assert f"not the release {VERSION}\n" in said
    git(clone, "tag", f"v{VERSION}")
    assert "not the release" not in make(clone, "dist")
    name = f"cgi2wsgi-{VERSION}"
    with tarfile.open(clone / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path)
    unpacked = tmp_path / name
    assert files(unpacked) == files(clone) - {f"{name}.tar.gz"}
    assert version(unpacked) == VERSION
    assert "no clone with git" in make(unpacked, "dist", status=2)


@pytest.mark.parametrize("name", ["NEWS", "packaging/debian/changelog",
                                  "packaging/rpm/cgi2wsgi.spec"])
def test_dist_of_another_version(clone, name):
    """Nothing is packed where a file tells of another version."""
    text = (clone / name).read_text().replace(VERSION, "9.9.9")
    (clone / name).write_text(text)
    git(clone, "commit", "-qam", "Another")
    said = make(clone, "dist", status=2)
    assert f"{name} does not tell of {VERSION}" in said
    assert not list(clone.glob("*.tar.gz"))


# Completion

COMPLETION = TOP / "packaging/completion.bash"


@pytest.fixture
def shell(first):
    """Types into bash in a terminal, as a person does."""
    read, write = pty.openpty()
    process = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"], stdin=write, stdout=write,
        stderr=write, start_new_session=True, cwd=first[0],
        env={**PLAIN, "PATH": f"{first[0]}:{PLAIN['PATH']}", "PS1": "ready> ",
             "TERM": "dumb"})
    os.close(write)
    seen = ""

    def typed(text, expected):
        nonlocal seen
        seen = ""
        os.write(read, text.encode())
        while expected not in seen:
            assert select.select([read], [], [], 30)[0], seen
            seen += os.read(read, 4096).decode()
        return seen
    typed(f"source {COMPLETION}\n", "ready> ")
    yield typed
    process.kill()
    process.wait()
    os.close(read)


@pytest.mark.parametrize("word,completed", [
    ("cgi2wsgi --grac", "eful-timeout "), ("cgi2wsgi --nph --timi", "ng "),
    ("cgi2wsgi --venv li", "b/"), ("cgi2wsgi --web-user www-d", "ata "),
    ("cgi2wsgi -X PU", "T "), ("cgi2wsgi examples/he", "llo.cgi "),
    ("cgi2wsgi --log NE", "WS "),
])
def test_completion_in_a_terminal(shell, word, completed):
    shell(f"{word}\t", word + completed)


def test_completion_of_every_option(first):
    """Those of --help=all, each once for each name, and nothing else."""
    program = first[0] / "cgi2wsgi"
    said = output(program, "--help=all")
    options = re.findall(r"^  (?:    |(-\w), )(--[a-z-]+)", said,
                         re.MULTILINE)
    assert len(options) > 30
    offered = output("bash", "-c", f'source {COMPLETION}; '
                     f'_cgi2wsgi {program} - {program}; '
                     'printf "%s\\n" "${COMPREPLY[@]}"').split()
    assert sorted(offered) == sorted(
        name for pair in options for name in pair if name)
