"""The plain C units by themselves: tests/unit."""

import os
import shlex
import subprocess

import pytest

from harness import TESTS, TIMEOUT

UNIT = TESTS / "unit"
TOP = TESTS.parent
# Which units each test program links, besides itself.
LINKED = {
    "ascii": ["lib/cgi/ascii"],
    "buffer": ["lib/cgi/buffer"],
    "date": ["lib/cgi/date", "lib/cgi/buffer"],
    "header": ["lib/cgi/header", "lib/cgi/ascii"],
    "invocation": ["lib/invocation/invocation", "lib/invocation/file",
                   "lib/cgi/alloc",
                   "lib/invocation/options", "lib/invocation/settings",
                   "lib/invocation/trust", "lib/invocation/words",
                   "lib/cgi/request", "lib/cgi/header", "lib/cgi/ascii",
                   "lib/cgi/buffer", "lib/cgi/secret", "lib/cgi/url",
                   "fake_report"],
    "mount": ["lib/cgi/mount", "lib/cgi/request", "lib/cgi/url",
              "lib/cgi/ascii", "fake_report"],
    "request": ["lib/cgi/request"],
    "secret": ["lib/cgi/secret", "lib/cgi/ascii", "lib/cgi/url"],
    "target": ["lib/terminal/target", "lib/cgi/ascii", "lib/cgi/alloc",
               "lib/cgi/url", "fake_report"],
    "url": ["lib/cgi/url", "lib/cgi/ascii"],
    "wsgi_env": ["wsgi_env", "lib/wsgi/file_wrapper", "lib/cgi/request",
                 "lib/cgi/ascii", "fake_report"],
}
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-g", "-O1",
         "-Wall", "-Wextra", "-Wshadow", "-Wconversion",
         f"-I{TOP}", f"-I{TOP}/lib", f"-I{UNIT}"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
CC = shlex.split(os.environ.get("CC", "cc"))
PKG_CONFIG = shlex.split(os.environ.get("PKG_CONFIG", "pkg-config"))
# Strings that live as long as the process are no leaks.
ASAN_OPTIONS = "detect_leaks=0:quarantine_size_mb=16"


def missing(what):
    """A tool that a user may lack, but not the project's own checks."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


def call(command, **how):
    return subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace", **how)


def ask_pkg_config(*words):
    result = call([*PKG_CONFIG, *words])
    if result.returncode:
        missing(" ".join(words[1:]))
    # -isystem: others' headers do not have to pass our warnings.
    return [word.replace("-I", "-isystem", 1) if word.startswith("-I")
            else word for word in shlex.split(result.stdout)]


def sources(names):
    for name in names:
        yield UNIT / f"{name}.c" if "fake_" in name or "test_" in name \
            else TOP / f"{name}.c"


def run(command, folder, **how):
    result = call(command, cwd=folder, env={
        **os.environ, "ASAN_OPTIONS": ASAN_OPTIONS, "TMPDIR": str(folder)},
        timeout=TIMEOUT, **how)
    assert result.returncode == 0, result.stdout


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("unit")


@pytest.fixture(scope="session")
def sanitizers(folder):
    """The flags for them, where the compiler comes with their library."""
    probe = folder / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    command = [*CC, *SANITIZERS, "-o", folder / "probe", probe]
    if call(command).returncode == 0:
        return SANITIZERS
    assert not os.environ.get("CI"), "the sanitizers' library is missing"
    return []


def test_every_program_is_run():
    assert sorted(LINKED) == sorted(
        file.stem[len("test_"):] for file in UNIT.glob("test_*.c"))


@pytest.mark.parametrize("name", sorted(LINKED))
def test_unit(folder, sanitizers, name):
    """The unit's own tests, which name their conformance ids."""
    packages = ["cmocka"]
    if name.startswith("wsgi_"):
        packages.append("python3-embed")
    program = folder / name
    command = [*CC, *FLAGS, *sanitizers,
               *ask_pkg_config("--cflags", *packages), "-o", program,
               *sources([f"test_{name}", *LINKED[name]]),
               *ask_pkg_config("--libs", *packages)]
    compiled = call(command)
    assert compiled.returncode == 0, compiled.stdout
    run([program], folder)
