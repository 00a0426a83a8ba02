"""The fuzzers by their seeds, and for some seconds each (tests/torture/fuzz)."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(1, str(Path(__file__).resolve().parent))

from fuzz import ENV, HERE, TARGETS, TOP, clang, compile_target  # noqa: E402
from harness import TIMEOUT                                     # noqa: E402

SECONDS = 3


def run(command, folder):
    result = subprocess.run(
        command, cwd=folder, timeout=TIMEOUT, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, errors="replace",
        env={**os.environ, **ENV, "TMPDIR": str(folder)})
    assert result.returncode == 0, result.stdout


@pytest.fixture(scope="module", params=TARGETS)
def fuzzed(tmp_path_factory, request):
    """A fuzzer, which needs clang and its compiler-rt; its seeds, a folder."""
    if not shutil.which(clang()):
        assert not os.environ.get("CI"), "clang is missing"
        pytest.skip("clang is missing")
    folder = tmp_path_factory.mktemp(f"fuzz-{request.param}")
    return (compile_target(request.param, folder),
            HERE / "seeds" / request.param, folder)


def test_every_fuzzer_is_run():
    assert sorted(TARGETS) == sorted(file.stem for file in HERE.glob("*.c"))


@pytest.mark.slow
def test_fuzz_seeds(fuzzed):
    """H1, H4, H7: a request changes nothing, a head stays one, by examples."""
    fuzzer, seeds, folder = fuzzed
    assert list(seeds.iterdir())
    run([fuzzer, *sorted(seeds.iterdir())], folder)


@pytest.mark.slow
def test_fuzz(fuzzed):
    """H1, H4, H7: the same by seconds of trying."""
    fuzzer, seeds, folder = fuzzed
    (folder / "found").mkdir()
    run([fuzzer, f"-max_total_time={SECONDS}", "-rss_limit_mb=4096",
         f"-artifact_prefix={folder}/", "found", seeds], folder)


@pytest.mark.slow
def test_fuzz_relative(fuzzed):
    """attack 9: a corpus is named from where the fuzzer is started."""
    fuzzer, seeds, folder = fuzzed
    shutil.copytree(seeds, folder / "corpus")
    run([fuzzer, "-runs=100", "corpus"], folder)
    run([fuzzer, "-merge=1", "corpus", os.path.relpath(seeds, folder)], folder)


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
    source = (HERE / "invocation.c").read_text()
    body = re.search(rf"\n{compared}\((?s:.*?)\n}}", source)[0]
    assert len(fields) > 8
    left_out = {field for field in fields if f"one->{field}" not in body}
    # same_given() has two; the third is the request's own path.
    assert left_out <= {"given", "count", "action_tail"}
