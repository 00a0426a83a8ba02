"""A script with cgi2wsgi-preload in its first line, and its images."""

import contextlib
import fcntl
import os
import textwrap
import time

from harness import PROGRAM, until

PRELOAD = PROGRAM.with_name("cgi2wsgi-preload")
HEAD = """
    import os
    def reply(start_response, value):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(value).encode()]
"""


class Preloaded:
    """A script with cgi2wsgi-preload in its first line, and its images."""

    def __init__(self, cgi):
        self.cgi = cgi
        self.home = cgi.folder / "home"
        self.home.mkdir()
        self.cache = cgi.folder / "images"
        self.cache.mkdir(mode=0o700)
        self.known = {}

    def script(self, text, options="", name="app.cgi", program=PRELOAD):
        return self.cgi.write(
            name, f"#!{program} --cache {self.cache} {options}\n"
            + textwrap.dedent(HEAD) + textwrap.dedent(text), 0o755)

    def run(self, script, *args, env={}, **how):
        return self.cgi.run(script, *args,
                            env={"HOME": self.home, **env}, **how)

    def run_below(self, command, script, *namespaces, **how):
        """In namespaces of its own, where a shell first does something."""
        env = dict(self.cgi.environ(script, **how), HOME=self.home)
        return self.cgi.exec(
            ["/usr/bin/unshare", "--mount", *namespaces, "sh", "-ec",
             f'{command}; exec "$0"', script], env)

    def files(self, ending="image"):
        return sorted(self.cache.glob(f"*.{ending}"))

    def make(self, script, **how):
        """Requests until there is another image than make() gave last; gives
        it. One that a request in between has left behind counts."""
        def new():
            for path in self.files():
                state = path.stat()
                if self.known.get(path) != (state.st_ino, state.st_mtime_ns):
                    self.known[path] = state.st_ino, state.st_mtime_ns
                    return path
            return self.files("refusal")

        def made():
            self.run(script, **how)
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                if found := new():
                    return found
                time.sleep(0.01)
            return None
        found = until(made)
        assert not isinstance(found, list), found[0].read_text()
        return found

    @contextlib.contextmanager
    def no_writer(self, image):
        """Meanwhile nobody else makes this image: who wants to is busy."""
        with open(image.with_name(image.name + ".new"), "w",
                  opener=lambda *how: os.open(*how, 0o600)) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
            os.unlink(file.name)
