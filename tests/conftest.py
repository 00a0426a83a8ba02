"""Fixtures for every test."""

import os
import shutil
import tempfile

import pytest

from harness import PROGRAM, Cgi


def pytest_configure():
    # Files made by tests must not depend on who runs them.
    os.umask(0o022)


def pytest_collection_modifyitems(items):
    if items and not PROGRAM.exists():
        raise pytest.UsageError(f"{PROGRAM} is missing: run make first")


@pytest.fixture
def cgi():
    # Not tmp_path: its parents shut other users out.
    folder = tempfile.mkdtemp(prefix="cgi2wsgi-")
    os.chmod(folder, 0o755)
    server = Cgi(os.path.realpath(folder))
    yield server
    server.close()
    shutil.rmtree(folder)
