"""System calls fail: each of them, each time, with each fitting error.

A case is PROGRAM SCENARIO CALL:ERROR:N, for the Nth such call of a process of
that scenario, or CALL:ERROR:N+, for that one and all later ones; of what is to
be tried again (EINTR, EAGAIN) for five. strace lets them fail. Those that ld.so
makes before main() may end in a crash of ld.so, which sends nothing.
"""

import re
import signal
from collections import Counter

from driver import RIGHT
from scenarios import SCENARIOS, Scenes, judge

FITTING = {
    "access": "EACCES ENOENT", "arch_prctl": "EINVAL", "chdir": "EACCES",
    "clone": "EAGAIN ENOMEM", "clone3": "EAGAIN ENOSYS", "close": "EIO EINTR",
    "close_range": "ENOSYS EMFILE", "dup": "EMFILE", "dup2": "EBUSY EINTR",
    "dup3": "EBUSY", "epoll_create1": "EMFILE", "fchmod": "EPERM",
    "fcntl": "EMFILE EINVAL", "fork": "EAGAIN", "fstat": "ENOMEM EIO",
    "fstatfs": "EIO", "ftruncate": "EIO ENOSPC", "futex": "EAGAIN EINTR",
    "getcwd": "ENOENT", "getdents64": "EIO ENOENT",
    "getrandom": "EAGAIN EINTR ENOSYS", "getsockopt": "ENOTSOCK",
    "ioctl": "ENOTTY EINVAL", "kill": "EPERM", "link": "EPERM ENOSPC",
    "linkat": "EPERM ENOSPC", "lseek": "ESPIPE EINVAL", "lstat": "EACCES EIO",
    "madvise": "EINVAL", "memfd_create": "ENOSYS EMFILE",
    "mkdir": "EACCES ENOSPC EEXIST", "mkdirat": "EACCES ENOSPC",
    "mmap": "ENOMEM EACCES", "mprotect": "ENOMEM", "mremap": "ENOMEM",
    "munmap": "ENOMEM", "newfstatat": "EACCES EIO ENOENT",
    "open": "EMFILE EACCES ENOENT",
    "openat": "EMFILE ENFILE EACCES ENOENT ENOMEM EINTR EIO",
    "pipe": "EMFILE ENFILE", "pipe2": "EMFILE ENFILE", "poll": "EINTR ENOMEM",
    "ppoll": "EINTR ENOMEM", "prctl": "EINVAL EPERM",
    "pread64": "EIO EINTR", "prlimit64": "EPERM EINVAL",
    "pwrite64": "EIO ENOSPC EINTR", "read": "EIO EINTR EAGAIN",
    "readlink": "EACCES ENOENT", "readlinkat": "EACCES ENOENT",
    "rename": "EACCES EROFS", "renameat": "EACCES EROFS",
    "rseq": "ENOSYS", "rt_sigaction": "EINVAL", "rt_sigprocmask": "EINVAL",
    "sched_yield": "ENOSYS", "sendfile": "EINVAL EIO EAGAIN EPIPE EINTR",
    "set_robust_list": "ENOSYS", "set_tid_address": "ENOSYS",
    "setsid": "EPERM", "sigaltstack": "ENOMEM", "socket": "EMFILE",
    "splice": "EINVAL EIO", "stat": "EACCES EIO", "statfs": "EIO",
    "statx": "ENOSYS EIO", "sysinfo": "EFAULT", "timer_create": "EAGAIN ENOMEM",
    "timer_settime": "EINVAL", "uname": "EFAULT", "unlink": "EACCES EROFS",
    "unlinkat": "EACCES EROFS", "userfaultfd": "EPERM",
    "vfork": "EAGAIN ENOMEM", "wait4": "ECHILD EINTR",
    "waitid": "ECHILD EINTR", "write": "EIO EPIPE ENOSPC EINTR EAGAIN",
    "writev": "EIO EPIPE ENOSPC EINTR EAGAIN",
}
# They cannot fail, end the process, or are none of the program's: execve() is
# strace's own, and that of cgi2wsgi-preload is tried by its own name below.
SPARED = {"brk", "exit", "exit_group", "getegid", "geteuid", "getgid",
          "getpid", "getppid", "gettid", "getuid", "restart_syscall",
          "rt_sigreturn", "umask", "getpgrp", "getresuid", "getresgid",
          "clock_gettime", "execve"}
AGAIN = {"EAGAIN", "EINTR"}
OTHERS = "EPERM ENOSYS"
# Where these fail, nobody can be told.
TELLING = {"write", "writev", "dup", "dup2", "dup3", "fcntl"}
STRACE = ["/usr/bin/strace", "-D", "-f", "-qq", "-e", "signal=none"]
LINE = re.compile(r"^(\d+) +([a-z0-9_]+)\((.*)", re.MULTILINE)


def counts(trace):
    """How often a process makes each call, and how often ld.so does."""
    seen, loading, most, loader = {}, {}, Counter(), Counter()
    for pid, call, rest in LINE.findall(trace):
        mine = seen.setdefault(pid, Counter())
        mine[call] += 1
        most[call] = max(most[call], mine[call])
        if call == "execve":
            loading[pid] = "begun"
        if loading.get(pid):
            loader[call] = max(loader[call], mine[call])
        # The last thing of ld.so before main() is to let go of its cache.
        if "ld.so.cache" in rest and call == "openat":
            loading[pid] = "libraries"
        elif loading.get(pid) == "libraries" and call == "munmap":
            loading[pid] = ""
    return most, loader


class Part:
    """Scenes of both programs for each worker, and what they call."""

    GOAL = 10_000

    programs = ("static", "shared")
    fast = ["--seccomp-bpf"]

    def __init__(self, random, given):
        self.random = random
        self.scenes = Scenes()
        self.close = self.scenes.close
        self.loader = {}

    def calls(self, program, name):
        """How often the scenario makes each call."""
        scene = self.scenes[program]
        trace = scene.folder.with_suffix(".trace")
        outcome = scene.start(name, before=[*STRACE, "-o", trace])
        verdict, seen = judge(SCENARIOS[name], outcome)
        assert verdict == RIGHT, (program, name, seen)
        most, self.loader[program, name] = counts(trace.read_text())
        trace.unlink()
        return most

    def cases(self):
        """All of them; the scenarios by turns, each in an order by chance."""
        waiting = [(program, name) for name in SCENARIOS
                   for program in self.programs]
        self.random.shuffle(waiting)
        lists = {}
        while waiting:
            for program, name in list(waiting):
                if (program, name) not in lists:
                    lists[program, name] = self.of_scenario(program, name)
                if not lists[program, name]:
                    waiting.remove((program, name))
                    continue
                yield lists[program, name].pop()

    def of_scenario(self, program, name):
        cases = []
        for call, most in sorted(self.calls(program, name).items()):
            if call not in SPARED:
                cases += self.of_call(program, name, call, most)
        self.notes["possible"] += len(cases)
        self.random.shuffle(cases)
        return cases

    def of_call(self, program, name, call, most):
        for number in range(1, most + 1):
            for error in FITTING.get(call, OTHERS).split():
                for more in "", ("+" if error not in AGAIN else
                                 f"..{number + 4}"):
                    yield f"{program} {name} {call}:{error}:{number}{more}"

    def inject(self, case):
        program, name, fault = case.split()
        call, error, when = fault.split(":")
        return program, name, call, f"{call}:error={error}:when={when}"

    def try_case(self, case):
        program, name, call, inject = self.inject(case)
        if (program, name) not in self.loader:
            self.calls(program, name)
        when = int(re.search(r"when=(\d+)", inject)[1])
        loading = when <= self.loader[program, name][call]
        before = [*STRACE, *self.fast, "-o", "/dev/null",
                  "-e", f"trace={call}", "-e", f"inject={inject}"]
        outcome = self.scenes[program].start(name, before=before)
        if outcome.stuck:       # by a busy machine, unless it is again
            self.notes["had a second try"] += 1
            outcome = self.scenes[program].start(name, before=before)
        return self.verdict(name, outcome, call, loading, case)

    def verdict(self, name, outcome, call, loading, case):
        return judge(SCENARIOS[name], outcome, mute=call in TELLING,
                     killed=(signal.SIGSEGV, signal.SIGABRT) if loading
                     else ())
