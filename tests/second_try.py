"""What fails is tried once more, alone, where SECOND_TRY names a file.

One of thousands of tests may fail by chance on a busy machine. What passes then
is told, and written into the file; what does not has failed. Where more than
MOST fail it is no chance.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MOST = 10
NOTED = os.environ.get("SECOND_TRY")
# Of the second try: what it is about.
AGAIN = os.environ.get("SECOND_TRY_OF", "").splitlines()
failed = []


def pytest_collection_modifyitems(config, items):
    if not AGAIN:
        return
    # pytest-xdist adds a group to a name.
    chosen = [item for item in items if any(
        name == item.nodeid or name.startswith(item.nodeid + "@")
        for name in AGAIN)]
    if len(chosen) != len(AGAIN):
        raise pytest.UsageError("these have other names now: " + " ".join(AGAIN))
    config.hook.pytest_deselected(
        items=[item for item in items if item not in chosen])
    items[:] = chosen


def pytest_runtest_logreport(report):
    if report.failed and report.nodeid not in failed:
        failed.append(report.nodeid)


def try_again(config):
    """Whether all that failed passes in a process of its own."""
    arguments = [*config.invocation_params.args]
    if config.pluginmanager.hasplugin("xdist"):
        arguments += ["-n", "0", "--dist", "no"]
    if config.getoption("xmlpath", None):
        arguments += ["--junitxml", config.option.xmlpath + ".again"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=config.invocation_params.dir,
        env={**os.environ, "SECOND_TRY_OF": "\n".join(failed)}).returncode == 0


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    yield
    if (not NOTED or AGAIN or session.exitstatus != pytest.ExitCode.TESTS_FAILED
            or hasattr(session.config, "workerinput")):
        return
    if len(failed) > MOST:
        print(f"\n{len(failed)} failed: no second try", flush=True)
        return
    print("\nSECOND TRY of", *failed, sep="\n    ", flush=True)
    if try_again(session.config):
        with Path(NOTED).open("a") as file:
            print(*failed, sep="\n", file=file)
        session.exitstatus = pytest.ExitCode.OK
