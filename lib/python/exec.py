"""Of os.exec*() and os._exit(), which exec.c replaces: what the log says."""


def describe_exec(function, arguments, keywords):
    """Why a program cannot be started in the place of this one."""
    import os
    path = arguments[0] if arguments else (keywords or {}).get("path")
    if not isinstance(path, (str, bytes, os.PathLike)):
        path = ""
    venv, python, _ = os.fsdecode(path).partition("/bin/python")
    if not python or not os.path.exists(venv + "/pyvenv.cfg"):
        venv = "DIR"
    return (f"os.{function}: this process owes the web server a reply, and "
            "another program in its place would give none; for the packages "
            f"of a virtual environment write --venv {venv} into the first line")


def describe_exit():
    """Where os._exit() was called, since the process leaves no traceback."""
    frame = sys._getframe()
    while frame is not None and not is_own(frame.f_code.co_filename):
        frame = frame.f_back
    where = "" if frame is None else (
        f", at {frame.f_code.co_filename}, line {frame.f_lineno}")
    return f"os._exit() was called{where}"
