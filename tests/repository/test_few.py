"""make check runs some parameters of each test, from the first to the last."""

import os
import subprocess
import sys

import pytest

from harness import TESTS


def collected(few):
    out = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p",
         "no:cacheprovider", TESTS / "repository/test_few.py"],
        stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, "FEW_PARAMETERS": few}).stdout
    return [line.partition("::")[2] for line in out.splitlines()
            if "::" in line]


@pytest.mark.parametrize("number", range(7))
def test_number(number):
    assert number in range(7)


@pytest.mark.slow
def test_few():
    names = [f"test_number[{number}]" for number in range(7)]
    assert collected("") == collected("7") == names
    assert collected("3") == [names[0], names[3], names[6]]
