"""Units without a process, by libFuzzer with AddressSanitizer and UBSan.

A case is TARGET KIND SEED SECONDS, or TARGET KIND and an input in base64. Each
target of fuzz/ begins with what it holds; seeds are beside it. Figures are
inputs: of ten, one is tried by the careful kind, and nine are by the quick one,
without AddressSanitizer and in smaller inputs. Each begins with what the other
has found.
"""

import base64
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from driver import RIGHT, WRONG
from harness import TESTS

HERE = Path(__file__).resolve().parent / "fuzz"
TOP = TESTS.parent
WORDS = ["lib/cgi/request", "lib/cgi/header", "lib/cgi/ascii",
         "lib/cgi/alloc", "lib/cgi/buffer", "lib/cgi/secret", "lib/cgi/url",
         "tests/unit/fake_report"]
# Which units each target links, besides itself.
TARGETS = {
    "answer": ["lib/invocation/options", "lib/invocation/settings",
               "lib/invocation/file", "lib/invocation/words", *WORDS],
    "header": ["lib/cgi/header", "lib/cgi/ascii"],
    "image": ["lib/image/place", "lib/image/raw"],
    "invocation": ["lib/invocation/invocation", "lib/invocation/file",
                   "lib/invocation/options", "lib/invocation/settings",
                   "lib/invocation/trust", "lib/invocation/words", *WORDS],
    "mount": ["lib/cgi/mount", "lib/cgi/request", "lib/cgi/url",
              "lib/cgi/ascii", "tests/unit/fake_report"],
    "request": ["lib/cgi/request"],
    "url": ["lib/terminal/target", "lib/cgi/alloc", "lib/cgi/ascii",
            "lib/cgi/buffer", "lib/cgi/url", "tests/unit/fake_report"],
    "words": ["lib/invocation/words", "lib/cgi/alloc", "lib/cgi/buffer",
              "tests/unit/fake_report"],
}
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra",
         "-Wshadow", "-Wno-unused-function", "-Werror",
         f"-I{TOP}/lib", f"-I{TOP}/tests/unit", "-fno-sanitize-recover=all"]
# What else each is compiled with, and told; how many inputs in a slice.
KINDS = {"careful": (["-fsanitize=fuzzer,address,undefined"], [], 50000),
         # To watch each comparison takes half of the time.
         "quick": (["-O2", "-fsanitize=fuzzer,undefined",
                    "-fno-sanitize-coverage=trace-cmp"],
                   ["-max_len=256"], 450000)}
SLICE = 60      # seconds
ENV = {"ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=16"}


def clang():
    return os.environ.get("CLANG") or shutil.which("clang") or "clang"


def compile_target(name, folder, kind="careful"):
    """The fuzzer as a program in the folder."""
    program = folder / f"{kind}_{name}"
    subprocess.run([clang(), *FLAGS, *KINDS[kind][0], "-o", program,
                    HERE / f"{name}.c",
                    *(TOP / f"{unit}.c" for unit in TARGETS[name])],
                   check=True)
    return program


class Part:
    """A folder of fuzzers, with what they found of each."""

    GOAL = 10_000_000 * len(TARGETS)

    def __init__(self, random, given):
        self.random = random
        # In a whole run, a slice is over when its inputs are.
        self.slice = 0 if given.whole else max(
            1, min(SLICE, given.seconds / len(TARGETS) / 4))
        memory = "/dev/shm"     # targets write small files all the time
        self.folder = Path(tempfile.mkdtemp(
            prefix="torture-", dir=memory if os.access(memory, os.W_OK)
            else None))
        self.folder.chmod(0o755)
        self.owner = os.getpid()

    def cases(self):
        while True:
            for name in TARGETS:
                for kind in KINDS:
                    seed = self.random.randrange(1, 1 << 31)
                    yield f"{name} {kind} {seed} {self.slice:.0f}"

    def fuzzer(self, name, kind):
        """The program, and the folder of what other slices have found."""
        folder = self.folder / f"{name}-{os.getpid()}"
        program = folder / f"{kind}_{name}"
        if not program.exists():
            (folder / "found").mkdir(parents=True, exist_ok=True)
            compile_target(name, folder, kind)
        return program, folder / "found"

    def try_case(self, case):
        name, kind, *words = case.split()
        program, found = self.fuzzer(name, kind)
        bad = found.parent / "bad-"
        if len(words) == 1:
            one = found.parent / "input"
            one.write_bytes(base64.b64decode(words[0]))
            command = [program, one]
        else:
            _, told, most = KINDS[kind]
            command = [program, f"-seed={words[0]}", "-rss_limit_mb=4096",
                       f"-max_total_time={words[1]}", f"-runs={most}", *told,
                       "-print_final_stats=1", f"-artifact_prefix={bad}",
                       found, HERE / "seeds" / name]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            errors="replace", cwd=found.parent,
            env={**os.environ, **ENV, "TMPDIR": str(found.parent)})
        runs = re.search(r"number_of_executed_units: +(\d+)", done.stdout)
        runs = int(runs[1]) if runs else 1
        if done.returncode == 0:
            self.notes[f"{kind} {name}"] += runs
            return [(RIGHT, "", runs)]
        for file in bad.parent.glob("bad-*"):
            case = (f"{name} {kind} "
                    f"{base64.b64encode(file.read_bytes()).decode()}")
            file.unlink()
        return [(WRONG, done.stdout[-3000:], 1, case)]

    def close(self):
        if os.getpid() == self.owner:
            return
        for folder in self.folder.glob(f"*-{os.getpid()}"):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            self.folder.rmdir()
        except OSError:
            pass        # another worker's is there
