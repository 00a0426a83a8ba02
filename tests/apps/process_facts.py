"""Tells about the process: descriptors, signals, limits, as JSON."""

import json
import os
import resource
import signal
import subprocess
import sys

LIST = ("import os, json; print(json.dumps({n: os.readlink("
        "'/proc/self/fd/' + n) for n in os.listdir('/proc/self/fd')"
        " if os.path.exists('/proc/self/fd/' + n)"
        " or n in '012'}))")


def child():
    """What a child sees that inherits all it can."""
    out = subprocess.run([sys.executable, "-I", "-c", LIST],
                         close_fds=False, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def state():
    with open("/proc/self/status") as status:
        return dict(line.strip().split(":\t", 1) for line in status
                    if line.startswith("Sig"))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({
        "descriptors": {number: os.readlink(f"/proc/self/fd/{number}")
                        for number in (0, 1, 2)},
        "child": child(),
        "signals": state(),
        "chld": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "body": environ["wsgi.input"].read().decode("latin-1"),
    }).encode()]
