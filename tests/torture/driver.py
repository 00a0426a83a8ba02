"""What all parts share: cases are run side by side, counted, and told.

A part is a class named Part: cases() gives one case after the other, each a
text that says all, so that it can be run again; try_case() runs one and returns
one of VERDICTS and what was seen, or a list of (verdict, seen, how often), and
the case if that is another. It does so in a worker: a process that inherits the
orphans of what it starts, and has files of its own. GOAL is how many of it a
whole run tries, unless there are not so many.
"""

import math
import multiprocessing
import shlex
import time
import traceback
from collections import Counter

RIGHT, PAGE, CUT, NOTHING, WRONG = VERDICTS = (
    "right", "page", "cut, told", "nothing sent, non-zero", "WRONG")
SHOWN = 20      # of what is wrong
OFTEN = 60      # seconds between lines about a long run


class Tally:
    """The figures of a part."""

    def __init__(self, part):
        self.part = part
        self.count = Counter()
        self.notes = Counter()      # other figures, by their names
        self.wrong = []
        self.began = time.monotonic()

    def add(self, case, verdict, seen, times=1):
        self.count[verdict] += times
        if verdict == WRONG:
            self.wrong.append(case)
            if len(self.wrong) <= SHOWN:
                print(f"WRONG: {seen}\n  again: tests/torture/run "
                      f"{self.part} {shlex.quote(case)}\n", flush=True)

    def line(self):
        notes = "".join(f", {value} {name}"
                        for name, value in self.notes.items())
        return (f"{self.part}: {sum(self.count.values())} tried in "
                f"{time.monotonic() - self.began:.0f} s{notes}")


def table(tallies):
    """Each part's figures in a line."""
    rows = [["part", "tried", *VERDICTS]]
    rows += [[tally.part, sum(tally.count.values()),
              *(tally.count[verdict] for verdict in VERDICTS)]
             for tally in tallies]
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(
        f"{cell:{'<' if not i else '>'}{widths[i]}}"
        for i, cell in enumerate(row)) for row in rows)


def produce(part, again, jobs, waiting, done):
    """The process that says what is tried, until time is up or it is enough."""
    try:
        for case in again or part.cases():
            if not again and (time.monotonic() > part.deadline
                              or part.enough.is_set()):
                break
            waiting.put(case)
    except BaseException:
        done.put(("(which cases)", traceback.format_exc()))
    finally:
        part.close()
        for _ in range(jobs):
            waiting.put(None)
        done.put(part.notes)


def work(part, waiting, done):
    """A worker's life."""
    try:
        while (case := waiting.get()) is not None:
            results = part.try_case(case)
            if isinstance(results, tuple):
                results = [(*results, 1)]
            done.put((case, results))
    except BaseException:       # the driver's own
        done.put((case, traceback.format_exc()))
        while waiting.get() is not None:
            pass
    finally:
        part.close()
        done.put(part.notes)


def run_cases(part, tally, again, jobs, deadline):
    """Run cases until time is up, or, of a whole run, until these are enough;
    or those that are named."""
    part.notes = Counter()
    part.deadline = deadline
    fork = multiprocessing.get_context("fork")
    part.enough = fork.Event()
    waiting, done = fork.Queue(jobs), fork.Queue()
    workers = [fork.Process(target=work, args=(part, waiting, done))
               for _ in range(jobs)]
    workers.append(fork.Process(
        target=produce, args=(part, again, jobs, waiting, done)))
    for worker in workers:
        worker.start()
    running, failure = len(workers), ""
    told = time.monotonic()
    while running:
        result = done.get()
        if time.monotonic() > told + OFTEN:
            print(tally.line(), flush=True)
            told = time.monotonic()
        if isinstance(result, Counter):
            running -= 1
            tally.notes.update(result)
            continue
        case, results = result
        if isinstance(results, str):
            failure += f"the driver failed at {case!r}: {results}"
            continue
        for verdict, seen, times, *other in results:
            tally.add(*other or [case], verdict, seen, times)
            if again:
                print(f"{verdict}: {seen}", flush=True)
        if math.isinf(deadline) and sum(tally.count.values()) >= part.GOAL:
            part.enough.set()
    for worker in workers:
        worker.join()
    if failure:
        raise SystemExit(failure)
