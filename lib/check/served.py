

# What a web server may hand out as a file, though nobody should read it
#
# Where a server's files lie is in its configuration, which this cannot read.
# The script's own folder is one of them on most hosts; others are told by
# their names.

ROOTS = {"public_html", "htdocs", "httpdocs", "html", "wwwroot", "webroot"}
# Names of files that are not for everyone, as frameworks and tools use them.
SECRETS = (".env*", ".git", ".hg", ".svn", ".netrc", ".pgpass", "*.db",
           "*.sqlite", "*.sqlite3", "*.sql", "*.pem", "*.key",
           "*settings*.py", "*secret*", "*password*", "*credential*")


def is_below(root, path):
    """Whether a path, its links resolved, is root or below, even if missing."""
    root, path = os.path.realpath(root), os.path.realpath(path)
    return path == root or path.startswith(root.rstrip("/") + "/")


def find_root():
    """DOCUMENT_ROOT if --env sets it, or a folder above with a usual name, or
    else the script's own."""
    own = os.path.dirname(script)
    for name, value in settings:
        if name == "DOCUMENT_ROOT" and is_below(value, own):
            return os.path.realpath(value)
    root = own
    while root and base(root) not in ROOTS:
        root = root.rpartition("/")[0]
    return root or own


def names_in(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def say_compiled(path):
    """J1: what Python compiled has the source's constants in it.

    No server takes it for a program.  app.cgi's is called
    app.cgi-cpython-311.pyc, app.py's app.cpython-311.pyc.  That of a module
    which is there is made again.
    """
    own = base(script)
    if own.endswith(".py"):
        own = own[:-3]
    for name in names_in(f"{path}/__pycache__"):
        module, mark, _ = name.partition("cpython-")
        if not module or not mark or not name.endswith(".pyc"):
            continue
        if module[:-1] == own:
            kind = "the compiled script"
        elif not os.path.exists(f"{path}/{module[:-1]}.py"):
            kind = "compiled, without its source"
        else:
            continue
        file = f"{path}/__pycache__/{name}"
        say("cache-public", f"{file} is {kind}, and lies where a server may "
            "hand it out, with what is secret in the source",
            f"type: rm {quoted(file)}")


def is_readable(path):
    """The server is often another user than the script's: it reads what others
    may, or what the checked user may without owning it."""
    found = status(path)
    return found and (found.st_mode & stat.S_IROTH or (
        found.st_uid != uid and may(path, os.R_OK)))


def say_secrets(path):
    from fnmatch import fnmatchcase
    names = [name for name in names_in(path) if name != base(script)
             and any(fnmatchcase(name, secret) for secret in SECRETS)
             and is_readable(f"{path}/{name}")]
    if names:
        say("secret-public", f"others may read {', '.join(names)} in {path}, "
            "and a server may hand that out",
            "move it to a folder that is not served, or take the right to "
            "read it from others: chmod o-r")


def say_served(root):
    path = os.path.dirname(script)
    say_compiled(path)
    while is_below(root, path):
        say_secrets(path)
        if "/" not in path[1:]:
            break
        path = os.path.dirname(path)
    if not has("cache-public", "secret-public"):
        say("served", f"nothing in {root} looks like a secret that a server "
            "may hand out")
