"""The fixture of all tests about images."""

import shutil

import pytest

from harness import until
from preloaded import Preloaded


@pytest.fixture
def preloaded(cgi):
    images = Preloaded(cgi)
    yield images

    def removed():
        # A writer may still be at work.
        shutil.rmtree(images.cache, ignore_errors=True)
        return not images.cache.exists()
    until(removed)
