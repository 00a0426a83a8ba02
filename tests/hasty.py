"""A server that looks for a CGI process as soon as its output ends.

    hasty.py block|default|handle|ignore COUNT PROGRAM

The first word is what it does about SIGCHLD. It prints how many of the
processes were gone when it looked, and how many more it had to wait for.
"""

import os
import signal
import sys
from pathlib import Path

HANDLERS = {"ignore": signal.SIG_IGN, "handle": lambda number, frame: None}


def start(program):
    """The process, and its output."""
    output, end = os.pipe()
    process = os.posix_spawn(
        program, [program], os.environ, setsigmask=[],
        file_actions=[(os.POSIX_SPAWN_DUP2, end, 1)])
    os.close(end)
    return process, output


def is_gone(process):
    """Whether there is nothing to wait for any more; else waits."""
    gone = True
    try:
        gone = os.waitpid(process, os.WNOHANG)[0] == process
        os.waitpid(process, 0)
    except ChildProcessError:       # waited for, here or by the kernel
        pass
    return gone


def run(program):
    """Whether its process was gone at once."""
    process, output = start(program)
    with open(output, "rb") as stream:
        if b"\r\n\r\n" not in stream.read():
            sys.exit("no reply")
    return is_gone(process)


def orphans():
    """How many there are to wait for."""
    count = 0
    try:
        while os.wait():
            count += 1
    except ChildProcessError:
        return count


def main():
    sigchld, count, program = sys.argv[1:]
    signal.signal(signal.SIGCHLD, HANDLERS.get(sigchld, signal.SIG_DFL))
    if sigchld == "block":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    # Whose name the program looks for among those above it.
    Path("/proc/self/comm").write_text("apache2")
    # There, who is woken may run before who woke it is gone.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    gone = sum(run(program) for _ in range(int(count)))
    print(gone, orphans())


main()
