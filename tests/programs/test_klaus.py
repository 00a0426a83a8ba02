"""klaus, a web site for git repositories: pushed to by git itself."""

import os
import subprocess

import pytest

from apache import TIMEOUT
from hosts import ApacheHost, NginxHost

pytestmark = pytest.mark.interop
SCRIPT = """
from klaus import make_app
application = make_app(["{data}/notes"], "Notes", use_smarthttp=True,
                       unauthenticated_push=True)
"""
MIB = 1 << 20


@pytest.fixture(scope="module", params=[ApacheHost, NginxHost])
def host(request):
    host = request.param()
    try:
        data = host.data("git")
        host.deploy("klaus", SCRIPT.format(data=data))
        host.run(["git", "init", "--quiet", "--bare", data / "notes"])
        host.start()
        yield host
    finally:
        host.stop()


def git(folder, *command):
    """What git says; it must succeed."""
    done = subprocess.run(
        ["git", *command], cwd=folder, timeout=TIMEOUT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "HOME": str(folder),
             "GIT_CONFIG_NOSYSTEM": "1", "no_proxy": "*", "LC_ALL": "C.UTF-8",
             **{f"GIT_{who}_{what}": word for who in ("AUTHOR", "COMMITTER")
                for what, word in (("NAME", "Anna"),
                                   ("EMAIL", "anna@example.org"))}})
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_push(host, tmp_path):
    """C6, case 5: git sends what is above a megabyte in chunks."""
    content = os.urandom(3 * MIB)
    url = host.url(host.prefix("klaus") + "/notes")
    git(tmp_path, "init", "--quiet", "--initial-branch", "master", "mine")
    (tmp_path / "mine/large.bin").write_bytes(content)
    git(tmp_path / "mine", "add", "large.bin")
    git(tmp_path / "mine", "commit", "--quiet", "--message", "A large file")
    git(tmp_path / "mine", "push", url, "master")
    git(tmp_path, "clone", "--quiet", "--branch", "master", url, "yours")
    assert (tmp_path / "yours/large.bin").read_bytes() == content
    page = host.get(host.prefix("klaus") + "/notes/")
    assert (page.status, "large.bin" in page.text) == (200, True)
