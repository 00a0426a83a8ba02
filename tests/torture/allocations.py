"""Memory fails: the n-th allocation, or that one and all later ones.

A case is PROGRAM SCENARIO WHOSE:N:TIMES. A library that is preloaded
(tests/faults.c) counts from main() on, over malloc(), calloc(), realloc(),
reallocarray(), mmap() and mremap(): all of them, Python's too, or our own,
which are those called by the program itself and by libc on its behalf. In the
program with libpython as a shared library these can be told from Python's.
"""

import functools
import os
import shlex
import subprocess
from pathlib import Path

from driver import RIGHT
from harness import TESTS
from scenarios import SCENARIOS, Scenes, judge

KINDS = [("static", "all"), ("shared", "own")]
FOR_EVER = 1 << 40


class Part:
    """Scenes of both programs, and how often each scenario allocates."""

    GOAL = 10_000

    def __init__(self, random, given):
        self.random = random
        self.scenes = Scenes()

    @functools.cached_property
    def library(self):
        """For this worker; it lies beside its first scene."""
        library = self.scenes[KINDS[0][0]].folder.with_suffix(".so")
        subprocess.run(
            [*shlex.split(os.environ.get("CC", "cc")), "-std=c11", "-O1",
             "-shared", "-fPIC", "-o", library, TESTS / "faults.c"], check=True)
        return library

    def start(self, program, name, whose, after, times):
        scene = self.scenes[program]
        count = scene.folder.with_suffix(".count")
        Path(count).write_bytes(b"")
        outcome = scene.start(name, before=["/usr/bin/env", (
            f"FAULTS={whose} {after} {times} {count}"),
            f"LD_PRELOAD={self.library}"])
        counts = [int(word) for word in count.read_text().split()]
        count.unlink()
        return outcome, max(counts, default=0)

    def cases(self):
        counts = {}
        for name in SCENARIOS:
            for program, whose in KINDS:
                outcome, most = self.start(program, name, whose, FOR_EVER, 0)
                verdict, seen = judge(SCENARIOS[name], outcome)
                assert (verdict, most > 0) == (RIGHT, True), (name, seen)
                counts[program, name, whose] = most
        self.notes["possible"] = 2 * sum(counts.values())
        lists = {key: self.random.sample(range(1, most + 1), min(most, 10000))
                 for key, most in counts.items()}
        while any(lists.values()):
            for key in [key for key in lists if lists[key]]:
                program, name, whose = key
                number = lists[key].pop()
                for times in (1, FOR_EVER):
                    yield f"{program} {name} {whose}:{number}:{times}"

    def try_case(self, case):
        program, name, fault = case.split()
        whose, after, times = fault.split(":")
        outcome, _ = self.start(program, name, whose, after, times)
        return judge(SCENARIOS[name], outcome)

    def close(self):
        if self.scenes:
            self.library.unlink()
        self.scenes.close()
