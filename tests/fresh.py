"""Makes this system look as if nothing hooked into Python's start.

Packages may have site run a line of theirs in every Python that starts. Both
sides pay for that, and much; a fresh system has none.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HOOK = re.compile(r"^import[ \t]", re.MULTILINE)
# Mounts of its own, that nobody else sees. Only the real root is a mount point:
# out of a chroot leads a folder below the new root, and the way up from there.
PRIVATE = """
import ctypes, os, sys
REC, PRIVATE = 1 << 14, 1 << 18
mount = ctypes.CDLL(None, use_errno=True).mount
here, root = os.open(".", os.O_RDONLY), os.open("/", os.O_RDONLY)
os.chroot("/usr")
os.fchdir(root)
for _ in range(100):
    os.chdir("..")
os.chroot(".")
if mount(None, b"/", None, REC | PRIVATE, None):
    sys.exit(os.strerror(ctypes.get_errno()))
os.fchdir(root)
os.chroot(".")
os.fchdir(here)
os.execvp(sys.argv[1], sys.argv[1:])
"""
UNSHARE = ["unshare", "--mount", "--propagation", "unchanged"]
MAKE_PRIVATE = [sys.executable, "-I", "-S", "-c", PRIVATE]
INSIDE = "CGI2WSGI_BENCH_FRESH"
COVER = """
empty=$1 count=$2
shift 2
while [ "$count" -gt 0 ]; do
    mount --bind "$empty" "$1"
    shift
    count=$((count - 1))
done
exec "$@"
"""


def is_hook(file):
    """Whether a .pth file has site run something."""
    return bool(HOOK.search(Path(file).read_text(errors="replace")))


def hooks(folders):
    """All such files in these folders."""
    return [file for folder in dict.fromkeys(folders)
            for file in sorted(Path(folder).glob("*.pth")) if is_hook(file)]


def hooks_of(python):
    """All such files of a Python."""
    return hooks(subprocess.run(
        [python, "-c", "import site; print(*site.getsitepackages())"],
        check=True, stdout=subprocess.PIPE, text=True).stdout.split())


def run(python, command, env):
    """Run a command where those files are empty; its exit status."""
    files = hooks_of(python)
    as_root = [] if os.getuid() == 0 else ["--map-root-user"]
    with tempfile.NamedTemporaryFile() as empty:
        os.chmod(empty.name, 0o644)
        return subprocess.run(
            [*UNSHARE, *as_root, *MAKE_PRIVATE, "/bin/sh", "-ec", COVER,
             "sh", empty.name, str(len(files)), *files, *command],
            env=env).returncode


def is_possible(python):
    """Whether there are any, and they may be left out."""
    return (INSIDE not in os.environ and bool(hooks_of(python))
            and run(python, ["true"], os.environ) == 0)


def start_again(python):
    """Run this program so, and exit as it does."""
    sys.exit(run(python, sys.argv, {**os.environ, INSIDE: "1"}))


if __name__ == "__main__":
    sys.exit(run(sys.executable, sys.argv[1:], os.environ))
