"""A signal comes at each system call, as if somebody had waited for it.

A case is PROGRAM SCENARIO CALL:SIGNAL:N, for the Nth such call of a process of
that scenario. The process may end by that signal, but whoever reads the reply
has to see that it is not whole.
"""

import signal

import calls
from scenarios import SCENARIOS, judge

SIGNALS = ("ABRT", "ALRM", "CHLD", "HUP", "INT", "KILL", "PIPE", "PROF", "QUIT",
           "SEGV", "TERM", "USR1", "WINCH", "XCPU")


class Part(calls.Part):
    """The same scenes and calls."""

    GOAL = 5_000

    fast = []       # strace's injects no signals

    def of_call(self, program, name, call, most):
        for number in range(1, most + 1):
            for name_of_signal in SIGNALS:
                yield f"{program} {name} {call}:SIG{name_of_signal}:{number}"

    def inject(self, case):
        program, name, fault = case.split()
        call, number, when = fault.split(":")
        return program, name, call, f"{call}:signal={number}:when={when}"

    def verdict(self, name, outcome, call, loading, case):
        number = getattr(signal, case.split(":")[1])
        # The next one that keeps bytecode there takes it away (cache.c).
        outcome.left = " ".join(file for file in outcome.left.split()
                                if not file.endswith(".new"))
        return judge(SCENARIOS[name], outcome, killed=(number,))
