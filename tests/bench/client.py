"""Asks Apache by ask.c, and keeps what the answers took."""

import subprocess
import time
from typing import NamedTuple

from measure import Failed, quartiles

CONNECTIONS = (1, 2, 8)
PERCENTILES = (50, 90, 99)


class Slice(NamedTuple):
    """Seconds until all was answered, milliseconds of each answer."""

    seconds: float
    latencies: list


def ask(program, server, connections, seconds):
    """Requests over so many connections at once, for some seconds."""
    done = subprocess.run(
        [program, str(server.port), server.path, str(connections),
         str(seconds), *filter(None, [server.body])],
        capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{done.stderr}{server.complaints()}")
    first, *others = map(int, done.stdout.split())
    return Slice(first / 1e9, [one / 1e6 for one in others])


def percentile(values, part):
    """The smallest value that so many of a hundred do not exceed."""
    values = sorted(values)
    return values[max(0, -(-len(values) * part // 100) - 1)]


def summary(slices):
    """Percentiles of all answers together, quartiles of the slices' rates."""
    latencies = sum((one.latencies for one in slices), [])
    low, rate, high = quartiles(
        [len(one.latencies) / one.seconds for one in slices])
    return {"rate": rate, "rate_quartiles": [low, high],
            "requests": len(latencies),
            "latency": {part: percentile(latencies, part)
                        for part in PERCENTILES}}


def by_turns(program, servers, seconds, rounds, connections=CONNECTIONS):
    """A summary for each server and number of connections.

    A round may take longer than its part; then there are fewer of them.
    """
    slices = {(name, count): [] for count in connections for name in servers}
    for name, server in servers.items():
        ask(program, server, max(connections), 0.1)
    end = time.monotonic() + seconds
    for number in range(rounds):
        if number and time.monotonic() >= end:
            break
        for (name, count), found in slices.items():
            found.append(ask(program, servers[name], count,
                             seconds / rounds / len(slices)))
    return {name: {count: summary(slices[name, count])
                   for count in connections} for name in servers}
