"""An import of NumPy, of tests/packages-interop, as it is in an image."""

import re

import pytest

from harness import until
from test_imported import application

pytestmark = pytest.mark.interop


def test_numpy(preloaded):
    """B9: it calculates, and its shared generator begins anew."""
    script = application(
        preloaded, "import numpy",
        "(float(numpy.linalg.inv(numpy.eye(9)).sum()), numpy.random.random())")
    preloaded.make(script)
    found = [eval(preloaded.run(script).body) for _ in range(3)]
    assert [(started, value[0]) for started, value in found] == [(True, 9)] * 3
    assert len({value[1] for _, value in found}) == 3


@pytest.mark.parametrize("made, name", [
    ("default_rng()", "PCG64|Generator"), ("RandomState()", "RandomState"),
    ("MT19937()", "MT19937")])
def test_generators_of_numpy(preloaded, made, name):
    """H7: refused, as those of random are."""
    script = application(preloaded, f"import numpy; kept = numpy.random.{made}")
    until(lambda: preloaded.run(script) and preloaded.files("refusal"))
    assert re.search(
        f"own ({name}) would repeat its random numbers: app",
        preloaded.files("refusal")[0].read_text())
