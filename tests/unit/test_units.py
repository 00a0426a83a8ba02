"""The plain C units by themselves: tests/unit, and a fuzzer."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

from harness import TESTS, TIMEOUT

UNIT = TESTS / "unit"
TOP = TESTS.parent
# Which units each test program links, besides itself.
LINKED = {
    "ascii": ["lib/cgi/ascii"],
    "buffer": ["lib/cgi/buffer"],
    "header": ["lib/cgi/header", "lib/cgi/ascii"],
    "invocation": ["lib/invocation/invocation", "lib/invocation/file",
                   "lib/invocation/options", "lib/invocation/settings",
                   "lib/invocation/trust", "lib/invocation/words",
                   "lib/cgi/request", "lib/cgi/header", "lib/cgi/ascii",
                   "lib/cgi/buffer", "lib/cgi/secret", "lib/cgi/url",
                   "fake_report"],
    "mount": ["lib/cgi/mount", "lib/cgi/request", "lib/cgi/url",
              "lib/cgi/ascii", "fake_report"],
    "request": ["lib/cgi/request"],
    "secret": ["lib/cgi/secret", "lib/cgi/ascii", "lib/cgi/url"],
    "target": ["lib/terminal/target", "lib/cgi/ascii", "lib/cgi/buffer",
               "lib/cgi/url", "fake_report"],
    "url": ["lib/cgi/url", "lib/cgi/ascii"],
    "wsgi_env": ["wsgi_env", "lib/wsgi/file_wrapper", "lib/cgi/request",
                 "lib/cgi/ascii", "fake_report"],
}
# The fuzzers, and where their seeds are.
SEEDS = {"invocation": "seeds-invocation"}
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-g", "-O1",
         "-Wall", "-Wextra", "-Wshadow", "-Wconversion",
         f"-I{TOP}", f"-I{TOP}/lib", f"-I{UNIT}"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
CC = shlex.split(os.environ.get("CC", "cc"))
PKG_CONFIG = shlex.split(os.environ.get("PKG_CONFIG", "pkg-config"))
# Strings that live as long as the process are no leaks.
ASAN_OPTIONS = "detect_leaks=0:quarantine_size_mb=16"
SECONDS = 5


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
            or "fuzz_" in name else TOP / f"{name}.c"


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


@pytest.fixture(scope="session", params=SEEDS)
def fuzzed(folder, request):
    """A fuzzer, which needs clang and its compiler-rt, and its seeds."""
    name = request.param
    clang = os.environ.get("CLANG") or shutil.which("clang")
    if not clang:
        missing("clang")
    probe = folder / "fuzz_probe.c"
    probe.write_text("int LLVMFuzzerTestOneInput(const char *, unsigned long);"
                     "\nint LLVMFuzzerTestOneInput(const char *data, "
                     "unsigned long size)\n{ return !data && size; }\n")
    flags = ["-fsanitize=fuzzer,address,undefined",
             "-fno-sanitize-recover=all"]
    if call([clang, *flags, "-o", folder / "fuzz_probe", probe]).returncode:
        missing("clang's libFuzzer (libclang-rt-dev)")
    program = folder / f"fuzz_{name}"
    compiled = call([clang, *FLAGS, *flags, "-o", program, *sources(
        [f"fuzz_{name}", *LINKED[name]])])
    assert compiled.returncode == 0, compiled.stdout
    return program, UNIT / SEEDS[name]


def test_every_fuzzer_is_run():
    assert sorted(SEEDS) == sorted(
        file.stem[len("fuzz_"):] for file in UNIT.glob("fuzz_*.c"))


@pytest.mark.slow
def test_fuzz_seeds(folder, fuzzed):
    """H1, H4: a request changes nothing, a head stays one, by examples."""
    fuzzer, seeds = fuzzed
    assert list(seeds.iterdir())
    run([fuzzer, "-detect_leaks=0", *sorted(seeds.iterdir())], folder)


@pytest.mark.slow
def test_fuzz_relative(folder, fuzzed):
    """attack 9: a corpus is named from where the fuzzer is started."""
    fuzzer, seeds = fuzzed
    copied = folder / f"{fuzzer.name}-corpus"
    shutil.copytree(seeds, copied)
    run([fuzzer, "-detect_leaks=0", "-runs=100", copied.name], folder)
    run([fuzzer, "-detect_leaks=0", "-merge=1", copied.name,
         os.path.relpath(seeds, folder)], folder)


@pytest.mark.parametrize("header, name, compared", [
    ("options", "options", "compare_options"),
    ("invocation", "invocation", "compare")])
def test_fuzz_compares_everything(header, name, compared):
    """H1, attack 9: no field of what the deployer decides is left out."""
    text = re.sub(r"/\*(?s:.*?)\*/", "", (
        TOP / f"lib/invocation/{header}.h").read_text())
    struct = re.search(rf"struct {name} {{\n((?s:.*?))\n}};", text)[1]
    struct = re.sub(r"enum {[^}]*}", "enum", struct)
    fields = re.findall(r"(\w+)[,;]", struct)
    source = (UNIT / "fuzz_invocation.c").read_text()
    body = re.search(rf"\n{compared}\((?s:.*?)\n}}", source)[0]
    assert len(fields) > 8
    left_out = {field for field in fields if f"one->{field}" not in body}
    # same_given() has two; the third is the request's own path.
    assert left_out <= {"given", "count", "action_tail"}


@pytest.mark.slow
def test_fuzz(folder, fuzzed):
    """H1, H4: the same by seconds of trying."""
    fuzzer, seeds = fuzzed
    found = folder / f"{fuzzer.name}-found"
    found.mkdir()
    run([fuzzer, f"-max_total_time={SECONDS}", "-detect_leaks=0",
         "-rss_limit_mb=4096", f"-artifact_prefix={found}/", found,
         seeds], folder)
