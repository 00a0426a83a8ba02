"""What the import of an application has looked at, so that a saved process is
used only where all of it is the same; and what cannot be saved.

Runs before the application is imported (watch) and after it (the others), in
a namespace of its own."""

import os
import sys

asked = set()  # variables, as bytes
everything = False


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


def variables():
    """Ends watching: the names asked for, and whether all were read."""
    noted = sorted(asked), everything
    exchange(dict)
    return noted


def packaged(path):
    """Whether an installer put it there: it then changes the folder, too.

    A link leads elsewhere, as Debian's sitecustomize.py to /etc."""
    path = os.path.realpath(path) + path[len(path.rstrip("/")):]
    return ("/site-packages/" in path or "/dist-packages/" in path
            or path.startswith(os.path.dirname(os.__file__) + "/"))


def files():
    """Code that was read and may be edited, and folders that were searched:
    pairs of a name and whether only a folder's names count."""
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
    return [(os.fsencode(path), path in searched)
            for path in sorted(found | searched)]


def owner(thing):
    """The name of a module that holds it, or its type's."""
    import gc
    for holder in gc.get_referrers(thing):
        if isinstance(holder, dict) and isinstance(
                holder.get("__name__"), str):
            return holder["__name__"]
    return type(thing).__module__


def repeated():
    """Where a generator of random numbers would repeat itself, or None."""
    random = sys.modules.get("random")
    if random is None:
        return None
    import gc
    tempfile = sys.modules.get("tempfile")
    names = getattr(tempfile, "_name_sequence", None)
    allowed = [random._inst, getattr(names, "_rng", None)]
    if names is not None:
        names._rng_pid = None
    for thing in gc.get_objects():
        if (isinstance(thing, random.Random)
                and not isinstance(thing, random.SystemRandom)
                and not any(thing is known for known in allowed)):
            return owner(thing)
    return None
