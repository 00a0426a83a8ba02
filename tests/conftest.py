"""Fixtures for every test."""

import errno
import json
import json
import os
import shutil
import signal
import subprocess
import tempfile

import pytest

from harness import APPS, PASSED_ON, PRELOAD, PROGRAM, Cgi, until


def pytest_configure():
    # Files made by tests must not depend on who runs them; nor may Ctrl-C,
    # which a shell has its jobs in the background ignore.
    os.umask(0o022)
    signal.signal(signal.SIGINT, signal.default_int_handler)


# With PRELOAD=1 these are about something that an image is not: by the name of
# the test, why.
NOT_PRELOADED = {
    "test_stray_output": "what the import prints is printed once",
    "test_terminated_while_importing": "nothing is imported",
    "test_another_server": "it counts processes, and one saves the image",
    "test_child_of_init": "the same",
    "test_nearest_subreaper": "the same",
    "test_nobody_might_wait": "the same",
}


def pytest_collection_modifyitems(config, items):
    if items and not PROGRAM.exists():
        raise pytest.UsageError(f"{PROGRAM} is missing: run make first")
    if PRELOAD:
        left_out = [item for item in items
                    if item.originalname in NOT_PRELOADED]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items
                    if item.originalname not in NOT_PRELOADED]


@pytest.fixture
def cgi():
    # Not tmp_path: its parents shut other users out.
    folder = tempfile.mkdtemp(prefix="cgi2wsgi-")
    os.chmod(folder, 0o755)
    server = Cgi(os.path.realpath(folder))
    yield server
    server.close()

    def removed():
        """Again, if an image was still being written there."""
        try:
            for path, folders, _ in os.walk(folder):
                for name in folders:
                    if not os.path.islink(os.path.join(path, name)):
                        os.chmod(os.path.join(path, name), 0o700)
            shutil.rmtree(folder)
        except (FileNotFoundError, FileExistsError):
            pass
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
        return not os.path.exists(folder)
    until(removed)


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """The interpreter that the program was built for."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "facts.py").write_text((APPS / "facts.py").read_text())
    out = subprocess.run(
        [PROGRAM, folder / "facts.py"], stdout=subprocess.PIPE, check=True,
        env={"PATH": "/usr/bin:/bin", **{
            name: os.environ[name] for name in PASSED_ON
            if name in os.environ}}).stdout
    found = json.loads(out)
    name = "python%d.%d" % tuple(found["version"][:2])
    path = os.path.join(found["base_prefix"], "bin", name)
    assert os.access(path, os.X_OK)
    return path
