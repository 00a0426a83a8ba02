"""What the import of an application has looked at, so that a saved process is
used only where all of it is the same; and what cannot be saved.

Runs before the application is imported (watch) and after it (the others), in
a namespace of its own."""

import os
import sys

asked = set()  # variables, as bytes
everything = False

# What the interpreter, libc, OpenSSL and numeric libraries read: beginnings of
# names, and other names.
FAMILIES = [name.encode() for name in """
GCONV_ GLIBC_ LC_ LD_ MALLOC_ MKL_ NUMEXPR_ OMP_ OPENBLAS_ OPENSSL_ PYTHON
""".split()]
READ_IN_C = [name.encode() for name in """
ALL_PROXY CGI2WSGI_ARGS FTP_PROXY GETCONF_DIR HOME HOSTALIASES HTTPS_PROXY LANG
LANGUAGE LOCALDOMAIN LOCPATH NIS_PATH NLSPATH NO_PROXY PATH RES_OPTIONS
SSLKEYLOGFILE SSL_CERT_DIR SSL_CERT_FILE TEMP TMP TMPDIR TZ TZDIR all_proxy
ftp_proxy http_proxy https_proxy no_proxy""".split()]

WHOLE, WHICH, NAMES = range(3)  # what of a file counts, as parts.h has it


class Watched(dict):
    """os.environ's own dict, which notes who looks at what."""

    def __getitem__(self, key):
        asked.add(key)
        return dict.__getitem__(self, key)

    def __contains__(self, key):
        asked.add(key)
        return dict.__contains__(self, key)

    def __iter__(self):
        global everything
        everything = True
        return dict.__iter__(self)


def exchange(kind):
    data = kind(os.environ._data)
    os.environ._data = os.environb._data = data


def watch():
    exchange(Watched)


def watch_no_more():
    exchange(dict)


def variables(environment):
    """Those that count, asked for ones first, with what they were; and whose
    beginning is enough, for it was looked for all there are."""
    present = {}
    for variable in environment:
        name, _, value = variable.partition(b"=")
        present.setdefault(name, value)
    looked = {name for name in asked
              if isinstance(name, bytes) and b"\0" not in name}
    if everything:
        looked.update(present)
    others = {*READ_IN_C, *(name for name in present
                            if name.startswith(tuple(FAMILIES)))} - looked
    return ([(name, present.get(name), name in looked)
             for name in sorted(looked) + sorted(others)],
            [b""] if everything else FAMILIES)


def own_files(working, execfn, is_line, file, folder, settings):
    """The script under the name that the kernel was given, and its folder: a
    link on the way may lead elsewhere tomorrow. The working folder, if names
    start from it, as it was when the server started this. What --env-file
    names. And what libc read without a TZ."""
    path = os.path.join(working, execfn)
    whole = [b"/etc/localtime", path, file,
             *(os.path.join(folder, name) for name in settings)]
    return [*((name, name, WHOLE) for name in whole if name),
            (os.path.dirname(path), os.path.dirname(path), WHICH),
            *([] if execfn.startswith(b"/") and is_line else
              [(b".", working, WHICH)])]


def collect(environment, *of_script):
    """Ends watching: what the key consists of, as key.c takes it."""
    looked_at = variables(environment)
    watch_no_more()
    return *looked_at, own_files(*of_script) + files()


def packaged(path):
    """Whether an installer put it there: it then changes the folder, too.

    A link leads elsewhere, as Debian's sitecustomize.py to /etc."""
    path = os.path.realpath(path) + path[len(path.rstrip("/")):]
    return ("/site-packages/" in path or "/dist-packages/" in path
            or path.startswith(os.path.dirname(os.__file__) + "/"))


def files():
    """Code that was read and may be edited, and folders that were searched."""
    found = {os.path.join(sys.prefix, "pyvenv.cfg")}
    searched = set()
    for path in map(os.path.abspath, list(sys.path_importer_cache)):
        if packaged(path + "/") or not os.path.isdir(path):
            found.add(path)
        else:
            searched.add(path)
        if os.path.basename(path) in ("site-packages", "dist-packages") \
                and os.path.isdir(path):
            found.update(os.path.join(path, name)
                         for name in os.listdir(path)
                         if name.endswith(".pth"))
    code = {getattr(module, "__file__", None)
            for module in list(sys.modules.values())}
    code |= {os.path.abspath(path) for path in list(executed)
             if not path.startswith("<")}
    for path in code:
        if isinstance(path, str) and path.startswith("/"):
            if not packaged(path):
                found.add(path)
            else:
                found.add(os.path.dirname(path))
    # What was added meanwhile may have been searched for before.
    found.update(entry.path for path in searched for entry in os.scandir(path)
                 if entry.name.endswith((".py", ".so", ".pyc")))
    return [(os.fsencode(path), os.fsencode(path),
             NAMES if path in searched else WHOLE)
            for path in sorted(found | searched)]


def owner(thing):
    """The name of a module that holds it, maybe in something else."""
    import gc
    seen, holders = {id(thing)}, [thing]
    for _ in range(4):
        holders = [holder for holder in gc.get_referrers(*holders)
                   if id(holder) not in seen]
        seen.update(map(id, holders))
        for holder in holders:
            if isinstance(holder, dict) and isinstance(
                    holder.get("__name__"), str) and "__spec__" in holder:
                return holder["__name__"]
    return type(thing).__module__


def numbers():
    """Kinds of generators of random numbers, and those of them that begin
    anew in each process."""
    known = sys.modules.get
    random, tempfile = known("random"), known("tempfile")
    numpy, shared = known("numpy.random"), known("numpy.random.mtrand")
    kinds, allowed = [], []
    if random:
        kinds.append(random.Random)
        allowed.append(random._inst)
    if numpy and shared:
        kinds += [numpy.Generator, numpy.RandomState, numpy.BitGenerator]
        allowed += [shared._rand, shared._rand._bit_generator]
        # Unlike random's, nobody does it after a fork.
        seeds = [numpy.seed]
        os.register_at_fork(
            after_in_child=lambda: seeds and seeds.pop()())
    return tuple(kinds), allowed, getattr(tempfile, "_RandomNameSequence", ())


def obstacle():
    """What would be the same in each request, or gone; or None."""
    import gc
    kinds, allowed, names = numbers()
    folders = getattr(sys.modules.get("tempfile"), "TemporaryDirectory", ())
    objects = gc.get_objects()
    for thing in objects:
        if issubclass(type(thing), names):
            thing._rng_pid = None
            allowed.append(getattr(thing, "_rng", None))
    system = getattr(sys.modules.get("random"), "SystemRandom", ())
    for thing in objects:
        # Not isinstance(), which asks a proxy, and that may fail.
        kind = type(thing)
        if (issubclass(kind, kinds) and not issubclass(kind, system)
                and not any(thing is known for known in allowed)):
            return (f"an own {kind.__name__} would repeat its random "
                    f"numbers: {owner(thing)}")
        if issubclass(kind, folders) and thing._finalizer.alive:
            return ("a TemporaryDirectory would be removed with the process "
                    f"that made it: {owner(thing)}")
    return None
