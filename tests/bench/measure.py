"""Runs commands by turns, and keeps what each run took."""

import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

OPENED = re.compile(r'open(?:at|at2)?\((?:\S+, )?"([^"]+)", (.*)\) = \d+')


@dataclass
class Command:
    """What to run, for one request; body is the length of its input."""

    argv: list
    env: dict = field(default_factory=dict)
    cwd: str = "/"
    body: int = 0


class Run(NamedTuple):
    """What launch.c tells, in seconds, MiB and bytes."""

    wall: float
    cpu: float
    faults: int
    memory: float
    size: int
    status: int


class Failed(Exception):
    """A command did not do what shall be measured."""


def run(launch, command):
    """One run by launch.c."""
    body = ["-i", str(command.body)] if command.body else []
    done = subprocess.run(
        [launch, *body, *command.argv], env=command.env, cwd=command.cwd,
        stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failed(f"{command.argv}: launch failed")
    wall, user, system, faults, memory, size, status = map(
        int, done.stdout.split())
    return Run(wall / 1e9, (user + system) / 1e6, faults, memory / 1024,
               size, status)


def by_turns(launch, commands, seconds, warm=True):
    """Runs of each, by its name: whole rounds until the time is over.

    What ran before has its program in the caches, which is good for the next
    one only if that is the same, as most are python3. So each runs twice, and
    the second one counts; unless they are long, and that makes no difference.
    """
    runs = {name: [] for name in commands}
    sizes = {name: run(launch, commands[name]).size for name in commands}
    end = time.monotonic() + seconds
    while True:
        for name, command in commands.items():
            if warm:
                run(launch, command)
            one = run(launch, command)
            if one.status or one.size != sizes[name]:
                raise Failed(f"{name}: {one}")
            runs[name].append(one)
        if time.monotonic() >= end:
            return runs


def quartiles(values):
    """The lower one, the median, the upper one."""
    values = sorted(values)
    middle = len(values) // 2
    return (median(values[:middle + 1]), median(values),
            median(values[-middle - 1:]))


def middle(runs, what):
    """The median of something in a command's runs."""
    return median(getattr(one, what) for one in runs)


def output(command):
    """What the command writes; it has to succeed."""
    done = subprocess.run(command.argv, env=command.env, cwd=command.cwd,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        raise Failed(f"{command.argv}: exit status {done.returncode}\n"
                     + (done.stdout + done.stderr).decode(errors="replace"))
    return done.stdout


def observed(tool, command):
    """Run the command under a tool that logs into a file, give the log."""
    if not shutil.which(tool[0]):
        return None
    with tempfile.NamedTemporaryFile() as log:
        output(Command([part.format(log=log.name) for part in tool]
                       + [str(part) for part in command.argv],
                       command.env, command.cwd))
        return Path(log.name).read_text(errors="replace")


def instructions(command):
    """In user mode, in millions; None if valgrind cannot count them."""
    try:
        log = observed(["valgrind", "--tool=callgrind", "--log-file={log}",
                        "--callgrind-out-file=/dev/null"], command)
    except Failed:
        return None
    found = re.search(r"Collected : (\d+)", log or "")
    return int(found[1]) / 1e6 if found else None


def opened(command):
    """Files that were opened, in this order; None without strace."""
    log = observed(["strace", "-f", "-s", "4096", "-o", "{log}",
                    "-e", "trace=open,openat,openat2"], command)
    if log is None:
        return None
    return [path for path, flags in OPENED.findall(log)
            if "O_DIRECTORY" not in flags]
