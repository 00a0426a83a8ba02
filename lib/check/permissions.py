

# The script's file and what lies around it, as the server's user sees them
#
# An advice that begins with "type" can be typed as it is printed.

# A folder with the sticky bit, as /tmp, is everyone's for a reason.
PRIVATE = "move it to a folder that only you may write"


def base(path):
    return path.rpartition("/")[2]


def status(path):
    try:
        return os.stat(path)
    except OSError:
        return None


def groups():
    import pwd
    try:
        return os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except KeyError:
        return []       # in a container users often have a number only


def allows(path, mode):
    """Whether the user may do that to a file, once its folder is reached.

    The kernel is asked where it can be: it also knows access control lists.
    Otherwise path_resolution(7): owner, else group, else others.
    """
    if ours:
        return os.access(path, mode)
    found = status(path)
    if found is None:
        return False
    if uid == 0:
        return (not mode & os.X_OK or stat.S_ISDIR(found.st_mode)
                or bool(found.st_mode & 0o111))
    shift = (6 if found.st_uid == uid else
             3 if found.st_gid in groups() else 0)
    return found.st_mode >> shift & mode == mode


def hidden_target(path):
    """Where a link leads, if a folder on the way there may not be entered."""
    try:
        os.stat(path)
    except PermissionError:
        try:
            return os.path.join(os.path.dirname(path), os.readlink(path))
        except OSError:
            pass
    except OSError:
        pass
    return None


def stopped_at(path):
    """The first folder on the way that the user may not enter, or None."""
    folders = [path[:at] or "/" for at, c in enumerate(path) if c == "/"]
    for name in [*folders, path]:
        target = hidden_target(name)
        stop = stopped_at(target) if target else None
        if stop:
            return stop
        if name != path and not allows(name, os.X_OK):
            return name
    return None


def may(path, mode):
    return (ours or not stopped_at(path)) and allows(path, mode)


def letter(path):
    """For chmod(1): u if the user owns the file, or else a, for all."""
    found = status(path)
    return "u" if found and found.st_uid == uid else "a"


def reaches(path):
    """Whether the user may enter each folder on the way; says so if not."""
    stop = stopped_at(path)
    if stop:
        say("folder-search", f"{user} may not enter the folder {stop}",
            f"type: chmod {letter(stop)}+x {quoted(stop)}")
    return not stop


def is_executed():
    """Whether a server executes it; .wsgi files Apache's Action only reads."""
    return not script.endswith(".wsgi")


def say_access():
    if not may(script, os.R_OK):
        say("file-read", f"{user} may not read {script}",
            f"type: chmod {letter(script)}+r {quoted(script)}")
    if is_executed():
        if os.statvfs(script).f_flag & getattr(os, "ST_NOEXEC", 0):
            say("file-noexec", f"nothing may be executed where {script} lies: "
                "the file system is mounted with noexec",
                "move the script, or let the host change /etc/fstab")
        elif not may(script, os.X_OK):
            say("file-execute", f"{user} may not execute {script}",
                f"type: chmod {letter(script)}+x {quoted(script)}")
    if not has("file-") and refused != "kind":
        say("file", f"{user} may read"
            f"{' and execute' if is_executed() else ''} {script}")


def close_to_others(path, mode):
    return (PRIVATE if mode & stat.S_ISVTX
            else f"type: chmod o-w {quoted(path)}")


def say_folder(path, strictly=False):
    found = status(path)
    if found and found.st_mode & stat.S_IWOTH:
        say("shared-folder", f"everyone may write the folder {path}, so anyone "
            "could run code here: the program refuses it",
            close_to_others(path, found.st_mode))
    if found and strictly and found.st_mode & stat.S_IWGRP:
        say("group-folder", f"a group may write the folder {path}: suEXEC "
            "refuses it", f"type: chmod g-w {quoted(path)}")


def say_rights():
    """Who else may write; suEXEC is the strictest about that."""
    real = os.path.realpath(script)
    folder = os.path.dirname(real)
    found, around = status(real), status(folder)
    if not found or not around:
        return
    if found.st_mode & stat.S_IWOTH:
        say("shared-file", f"everyone may write {real}, so anyone could run "
            "code here: the program refuses it",
            f"type: chmod o-w {quoted(real)}")
    if found.st_mode & stat.S_IWGRP:
        say("group-file", f"a group may write {real}: suEXEC refuses it",
            f"type: chmod g-w {quoted(real)}")
    if found.st_mode & (stat.S_ISUID | stat.S_ISGID):
        say("set-id", f"{real} has a set-user-ID or set-group-ID bit: suEXEC "
            "refuses it", f"type: chmod ug-s {quoted(real)}")
    say_folder(folder, strictly=True)
    if found.st_uid != around.st_uid:
        say("owner", f"{real} and its folder have different owners, "
            f"{found.st_uid} and {around.st_uid}: suEXEC refuses it",
            f"type, as root: chown {around.st_uid} {quoted(real)}")
    say_folder(f"{folder}/__pycache__")
    # The folder of a symbolic link decides what the server starts, too.
    if os.path.dirname(script) != folder:
        say_folder(os.path.dirname(script))
    if not has("shared-", "group-", "owner", "set-id"):
        say("rights", f"only user {found.st_uid} may write the file and its "
            "folder")


def say_file():
    """Returns whether there is a script to go on with."""
    if not reaches(script) or not reaches(os.path.realpath(script)):
        return False
    try:
        mode = os.stat(script).st_mode
    except OSError as error:
        say("file-missing", f"{script}: {error.strerror}",
            "name the script alone, which a server starts; its first line "
            "names a callable" if ":" in base(script)
            else "check the name; capital letters count")
        return False
    if not stat.S_ISREG(mode):
        say("file-type", f"{script} is not a regular file",
            "name the script itself")
        return False
    say_access()
    say_rights()
    return os.access(script, os.R_OK)


def say_refusal():
    """What the program itself would refuse, unless that was found already.

    Its message may end in a command, which becomes the advice: a name in
    quotes cannot look like the beginning of one.  What is wrong with the line's
    own end or beginning, say_first_line() says.
    """
    problem, command, names = (refusal or "").partition(": chmod o-w '/")
    if refused == "unsafe" and not has("shared-"):
        say("line-folder", problem, f"type{command}{names}" if command
            else "name a folder that only you may write")
    elif refused == "kind":
        say("file-type", refusal, "name a file of Python source in UTF-8")
    elif refused == "usage":
        say("line-option", refusal, "correct the first line; cgi2wsgi --help "
            "lists the options")


def may_append(path):
    if os.access(path, os.F_OK):
        return may(path, os.W_OK)
    return may(os.path.dirname(path), os.W_OK | os.X_OK)


def say_log(path, root):
    if not may_append(path):
        say("log-file", f"{user} may not write the log {path}",
            "let this user write there, or name another file behind --log")
    elif is_below(root, path):
        say("log-public", f"the log {path} lies in {root}, where a server may "
            "hand it out",
            f"in the first line: --log {os.path.dirname(root)}/{base(path)}")
    else:
        say("log", f"{user} may write {path}")


def find_shared(path):
    """Of a folder and those above it, one that everyone may write.

    What it has in it can be replaced, but with the sticky bit only by who
    owns it (H5).
    """
    name = path
    while name:
        found = status(name)
        if (found and found.st_mode & stat.S_IWOTH
                and (name == path or not found.st_mode & stat.S_ISVTX)):
            return name
        name = name.rpartition("/")[0]
    return None


def is_missing(path):
    try:
        os.stat(path)
    except FileNotFoundError:
        return True
    except OSError:
        pass
    return False


def say_path(path, option, root):
    """A folder that Python looks for modules in, and what named it."""
    shared = find_shared(path)
    if shared:
        say("path-shared", f"everyone may write the folder {shared}, of "
            f"{option}, so anyone could run code here",
            close_to_others(shared, os.stat(shared).st_mode))
    elif is_missing(path):
        say("path-unusable", f"{option} names {path}, which is not there",
            "correct the name, or take it away")
    elif not may(path, os.R_OK) or (os.path.isdir(path)
                                    and not may(path, os.X_OK)):
        say("path-unusable", f"{user} may not look for modules in {path}, of "
            f"{option}", f"type: chmod a+rX {quoted(path)}")
    elif is_below(root, path):
        say("path-public", f"the modules in {path}, of {option}, lie in "
            f"{root}, where a server may hand them out",
            "move them to a folder that is not served")


def say_options():
    """What options name, and what lies in the folders of the server."""
    if venv_beside:
        say("venv-unused", f"the virtual environment {venv_beside} beside the "
            "script is not used", f"in the first line: --venv {venv_beside}")
    root = find_root()
    say_served(root)
    for option, paths in [("--path", [value for name, value in given
                                      if name == "--path"]),
                          *(("PYTHONPATH", value.split(":"))
                            for name, value in settings
                            if name == "PYTHONPATH")]:
        for path in filter(None, paths):
            say_path(os.path.join(folder, path), option, root)
    if not has("path-") and any(name == "--path" for name, _ in given):
        say("path", f"{user} may read the folders of --path")
    if log and log != "-":
        say_log(os.path.join(folder, log), root)


def check_files():
    if not say_file():
        return
    say_refusal()
    say_first_line()
    if not refusal:
        say_options()
