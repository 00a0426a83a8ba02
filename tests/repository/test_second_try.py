"""In .ci/run a test that failed is tried again, alone."""

import os
import subprocess
import sys

import pytest

from harness import TESTS
from second_try import MOST

# By chance: passes where the file is already there.
SOURCE = """
import os
import pytest

def test_that_passes():
    assert not os.environ.get("SECOND_TRY_OF")

@pytest.mark.parametrize("name", {names})
def test_that_fails(name):
    if {by_chance} and os.path.exists(str(ord(name[0]))):
        return
    open(str(ord(name[0])), "w").close()
    assert 0
"""


def run(folder, names, by_chance, *options):
    (folder / "test_it.py").write_text(SOURCE.format(
        names=names, by_chance=by_chance))
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "second_try",
         "-p", "no:cacheprovider", *options], cwd=folder,
        stdout=subprocess.PIPE, text=True, env={
            **{name: value for name, value in os.environ.items()
               if not name.startswith(("PYTEST", "SECOND"))},
            "PYTHONPATH": str(TESTS), "SECOND_TRY": "noted"})
    noted = folder / "noted"
    return done, noted.read_text().splitlines() if noted.exists() else None


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-n", "2", "--dist", "loadgroup")])
def test_by_chance(tmp_path, options):
    """It passes then, and is told."""
    names = ["a b::c[d]", "y"]
    done, noted = run(tmp_path, names, True, *options)
    assert done.returncode == 0, done.stdout
    assert sorted(noted) == [f"test_it.py::test_that_fails[{name}]"
                             for name in names]
    assert "2 passed, 1 deselected" in done.stdout


@pytest.mark.parametrize("number", [
    1, pytest.param(MOST + 1, marks=pytest.mark.slow)])
def test_no_chance(tmp_path, number):
    done, noted = run(tmp_path, [str(i) for i in range(number)], False)
    assert done.returncode == 1 and noted is None
    assert ("SECOND TRY" in done.stdout) == (number <= MOST)
