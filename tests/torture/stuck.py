"""What is seen of a process that does not end, before it is killed."""

import os
import shutil
import subprocess
from pathlib import Path

LOOKED_AT = ("cmdline", "wchan", "syscall", "stack", "schedstat")
STATUS = ("State", "PPid", "TracerPid", "SigPnd", "ShdPnd", "SigBlk", "SigIgn",
          "SigCgt")


def look_at(pid):
    """It and its descendants, in words."""
    text = "\n".join([f"process {pid}", *of_proc(pid), *backtrace(pid)])
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        children = ""
    return "\n".join([text, *(look_at(child) for child in children.split())])


def of_proc(pid):
    """schedstat has how long it ran, and waited for a processor, in ns."""
    folder = Path("/proc", str(pid))
    for name in LOOKED_AT:
        try:
            text = (folder / name).read_text(errors="replace")
            yield f"  {name}: {text.strip()}".replace("\0", " ")
        except OSError as error:
            yield f"  {name}: {error.strerror}"
    try:
        for line in (folder / "status").read_text().splitlines():
            if line.startswith(STATUS):
                yield "  " + line.replace("\t", " ")
        for entry in os.scandir(folder / "fd"):
            yield f"  fd {entry.name}: {os.readlink(entry.path)}"
    except OSError as error:
        yield f"  {error}"


def backtrace(pid):
    """By gdb, where that is, unless strace has the process already."""
    if not shutil.which("gdb"):
        return
    try:
        done = subprocess.run(
            ["gdb", "-q", "-nx", "-batch", "-p", str(pid), "-ex",
             "thread apply all backtrace"], timeout=30, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, errors="replace")
    except subprocess.TimeoutExpired:
        yield "  gdb: no answer in 30 s"
        return
    for line in done.stdout.splitlines():
        if line.startswith(("#", "Thread")):
            yield f"  {line}"
    if "ptrace:" in done.stderr:
        yield f"  gdb: {done.stderr.strip()[-200:]}"
