"""Fixtures for whole programs."""

import pytest

from harness import SANITIZER
from hosts import HOSTS
from visitor import Visitor


@pytest.fixture(scope="module", params=[
    "apache", pytest.param("lighttpd", marks=pytest.mark.interop)])
def host(request):
    """A server, with what the test's module installs."""
    host = HOSTS[request.param]()
    try:
        request.module.install(host)
        host.start()
        yield host
        assert not SANITIZER.search(host.log()), host.log()
    finally:
        host.stop()


@pytest.fixture
def visitor(host):
    return Visitor(host)
