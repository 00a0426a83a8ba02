"""The ways to answer a request with a program of its own."""

import os
import re
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from fresh import hooks, is_hook
from harness import PROGRAM, Cgi
from measure import Command, Failed, output

BENCH = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
APPS = {"hello": "hello", "Bottle": "bottle_hello", "Flask": "flask_hello",
        "Django": "django_hello"}
CGIHANDLER = """#!{python}
from wsgiref.handlers import CGIHandler
from {name} import application
CGIHandler().run(application)
"""
HELLO = b"Hello, world!\n"
LIBRARY = Path(os.__file__).parent
CUSTOM = re.compile(r"\b(?:site|user)customize\b")


def sources(name, images=None, program=PROGRAM, folder=BENCH / "apps"):
    """An application, for both programs, and a script for CGIHandler.

    Its first line is for the program, and a comment for all others. images is
    the folder where images of the process lie, if not the user's.
    """
    text = (folder / f"{name}.py").read_text().partition("\n")[2]
    cache = f" --cache {images}" if images else ""
    return {f"{name}.py": f"#!{program}\n{text}",
            f"{name}_preloaded.py": f"#!{program}-preload{cache} "
                                  f"--preload-request /\n{text}",
            f"{name}_cgihandler.py":
                CGIHANDLER.format(python=PYTHON, name=name)}


class Place(Cgi):
    """A folder of scripts, and the requests that start them.

    HOME has packages of the user's own, so that both sides look there.
    """

    def __init__(self, folder):
        super().__init__(folder)
        user = subprocess.run(
            [PYTHON, "-c", "import site; print(site.getusersitepackages())"],
            env={"HOME": str(self.home)}, check=True, text=True,
            stdout=subprocess.PIPE).stdout.strip()
        os.makedirs(user)

    @property
    def home(self):
        return self.folder / "home"

    @property
    def images(self):
        return self.folder / "images"

    def install(self, name):
        self.images.mkdir(mode=0o700, exist_ok=True)
        for file, text in sources(name, self.images).items():
            self.write(file, text, 0o755)

    def command(self, argv, target="/", body=0, **env):
        """A request to the script that is the last of argv."""
        script = str(argv[-1])
        pairs = self.environ(
            script, target, "POST" if body else "GET",
            length=body or None, env={"HOME": self.home,
                                      "SERVER_SOFTWARE": "launch", **env})
        return Command([str(part) for part in argv],
                       {key: value if isinstance(value, bytes)
                        else str(value) for key, value in pairs},
                       str(self.folder), body)

    def cgi2wsgi(self, name, *request):
        return self.command([self.folder / f"{name}.py"], *request)

    def preloaded(self, name, *request):
        """From an image, once it is there: until_images()."""
        return self.command([self.folder / f"{name}_preloaded.py"], *request)

    def until_images(self, name):
        """Ask until the application starts from an image."""
        wait_for_image(lambda: output(self.preloaded(name)),
                       self.images)

    def cgihandler(self, name, *request):
        return self.command([self.folder / f"{name}_cgihandler.py"],
                            *request)

    def bare_start(self):
        return self.command([PYTHON, "-I", "-S", "-c", "pass"])


@contextmanager
def place():
    # Where images lie there is a disk; in memory, as /tmp may be, the kernel
    # maps a file in smaller pieces.
    with tempfile.TemporaryDirectory(prefix="cgi2wsgi-bench-",
                                     dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Place(os.path.realpath(folder))


def warm_up(commands):
    """Each must greet; caches of bytecode are there then."""
    for name, command in commands.items():
        for _ in range(2):
            reply = output(command)
            if not reply.endswith(HELLO):
                raise Failed(f"{name} does not greet: {reply!r}")


def wait_for_image(ask, folder):
    """Ask until the folder has one more image, and nothing half written."""
    before = set(folder.glob("*.image"))
    end = time.monotonic() + 60
    while not set(folder.glob("*.image")) - before:
        if time.monotonic() > end:
            why = [file.read_text() for file in folder.glob("*.refusal")]
            raise Failed(f"no image in {folder}: {why}")
        ask()
        time.sleep(0.1)


def others(place, helpers):
    """The same answer in other languages; by a missing one, its package."""
    found, missing = {}, []
    for name, file in (("C, static", "hello-static"),
                       ("C, shared libc", "hello-shared")):
        found[name] = place.command([Path(helpers) / file])
    for name, interpreter, file, package in (
            ("Perl", "/usr/bin/perl", "hello.pl", "perl"),
            ("PHP, php-cgi", "/usr/bin/php-cgi", "hello.php", "php-cgi")):
        if not os.access(interpreter, os.X_OK):
            missing.append(package)
            continue
        script = place.write(file, (BENCH / file).read_bytes(), 0o755)
        found[name] = place.command([script], REDIRECT_STATUS="200")
    return found, missing


def facts(command):
    """Version and path of Python, from apps/facts.py."""
    version, *path = output(command).decode().replace(
        "\r\n", "\n").partition("\n\n")[2].split("\n")
    return version.split()[0], [item for item in path if item]


def both_sides(place):
    """Lines that tell whether both sides are the same Python's."""
    place.write("own.py", "")
    place.install("facts")
    ours = facts(place.cgi2wsgi("facts"))
    theirs = facts(place.cgihandler("facts"))
    yield (f"cgi2wsgi has Python {ours[0]}, python3 is {theirs[0]}; "
           f"{os.cpu_count()} cores")
    if ours == theirs:
        yield f"sys.path has the same {len(ours[1])} entries on both sides"
        names = sorted({file.name for file in hooks(ours[1])})
        yield ("what hooks into the start of both: "
               + (", ".join(names) or "nothing"))
    else:
        yield "NOT THE SAME on both sides, so no ratio is fair: sys.path is"
        yield f"  {ours[1]}"
        yield f"  {theirs[1]}"


def library_files(paths):
    """Files of the standard library opened before the application's import.

    By whose: None, or the .pth file before it, whose lines site has to run.
    The same holds for sitecustomize, after which site is done.
    """
    found, owner = [], None
    for path in paths:
        if re.search(r"/own\b", path):
            break
        if path.endswith(".pth"):
            owner = os.path.basename(path) if is_hook(path) else None
        elif CUSTOM.search(path):
            owner = None
        elif path.startswith(f"{LIBRARY}/"):
            found.append((path, owner))
    return found
