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


def start_again(python):
    """Run this program where those files are empty, and exit as it does."""
    if INSIDE in os.environ:
        return
    if os.getuid() != 0:
        sys.exit("--fresh mounts files, which only root may: leave it out")
    folders = subprocess.run(
        [python, "-c", "import site; print(*site.getsitepackages())"],
        check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    files = hooks(folders)
    with tempfile.NamedTemporaryFile() as empty:
        os.chmod(empty.name, 0o644)
        sys.exit(subprocess.run(
            ["unshare", "--mount", "/bin/sh", "-ec", COVER, "sh", empty.name,
             str(len(files)), *files, *sys.argv],
            env={**os.environ, INSIDE: "1"}).returncode)
