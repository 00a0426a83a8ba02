"""Fixtures for every test."""

import ctypes
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from harness import (
    APPS, NOT_FROM_IMAGE, PASSED_ON, PRELOAD, PROGRAM, Cgi, until)


pytest_plugins = ["second_try"]
FEW = os.environ.get("FEW_PARAMETERS")
INSTALLED_CACHE = "/var/cache/cgi2wsgi"
CLONE_NEWNS, MS_REC, MS_PRIVATE = 1 << 17, 1 << 14, 1 << 18


def hide_installed_cache():
    """Where the package is installed, its folder comes before a test's home.

    Only root can have mounts of its own in which everything else is as it was.
    """
    if not os.path.exists(INSTALLED_CACHE):
        return
    if os.geteuid():
        raise pytest.UsageError(f"{INSTALLED_CACHE}, of an installed cgi2wsgi, "
                                "is where scripts would be kept: remove it, or "
                                "run the tests as root, who can hide it")
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.unshare(CLONE_NEWNS)
            or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
            or libc.mount(b"tmpfs", os.path.dirname(INSTALLED_CACHE).encode(),
                          b"tmpfs", 0, b"mode=755")):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def pytest_configure():
    hide_installed_cache()
    # Files made by tests must not depend on who runs them; nor may Ctrl-C,
    # which a shell has its jobs in the background ignore.
    os.umask(0o022)
    signal.signal(signal.SIGINT, signal.default_int_handler)


# With PRELOAD=1 these are about something that an image is not: by the name of
# the test or its file, why.
NOT_PRELOADED = {
    "test_cache.py": "the folder is that of images, too, and who starts from "
    "one reads no bytecode",
    "test_bad_length": "the import is over before a length is looked at",
    "test_lengths_differ": "the same",
    "test_chunked_comes_before_the_call": "the same, before a body is read",
    "test_chunked_terminated": "the same",
    "test_own_keys": "cgi2wsgi.preloaded is true",
    "test_huge_pages": "memory is as it was",
    "test_stray_output": "what the import prints is printed once",
    "test_utf8": "the same",
    "test_warnings": "the same",
    "test_frameworks": "the same",
    "test_customize": "the same of what Python's start prints",
    "test_usercustomize": "the same",
    "test_write_ahead_log": "what the import creates is there already",
    "test_emulated_long_line": "its sizes are for a shorter name",
    "test_terminated_while_importing": "nothing is imported",
    "test_memory_at_the_start": "a first line was read before the image",
    "test_another_server": "it counts processes, and one saves the image",
    "test_child_of_init": "the same",
    "test_nearest_subreaper": "the same",
    "test_nobody_might_wait": "the same",
    "test_empty": "the harness writes a line into the script",
    "test_deadlock_with_a_full_log": "who tries the image never ends",
}
# Of these some are answered as ever, since what they do has no image: words
# of why.
OPEN = "refused the import left a descriptor open: "
UNHEARD = "nobody tells"
NO_IMAGE = {
    "test_closed": f"{OPEN}|{UNHEARD}",         # as standard output is closed
    "test_closed_and_failing": UNHEARD,
    "test_closed_output": UNHEARD,
    "test_start_imports": UNHEARD,              # its import changes its files
    "test_collector_told": OPEN,
    "test_database": OPEN,
    "test_file_wrapper_without_body": OPEN,
    "test_flushed": OPEN,
    "test_library_in_c": OPEN,
    "test_open_file": OPEN,
    "test_replaced_stdout": OPEN,
    "test_server_in_a_thread": OPEN,
    "test_shelf": OPEN,
    "test_temporary_folder": OPEN,
    "test_wrapped_file": OPEN,
    "test_little_memory": "refused no memory",
    "test_chunked_that_cannot_be_kept": "cannot write the image: File too large",
    "test_spool_cannot_be_written": "cannot write the image: File too large",
}


def few_of_each(items, most):
    """Of a test with more parameters as many, from the first to the last."""
    tests = {}
    for item in items:
        tests.setdefault((item.path, item.originalname), []).append(item)
    chosen = set()
    for same in tests.values():
        last = len(same) - 1
        chosen.update(same if last < most else {
            same[i * last // (most - 1)] for i in range(most)})
    return [item for item in items if item in chosen]


# After -m has left out what is slow.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if items and not PROGRAM.exists():
        raise pytest.UsageError(f"{PROGRAM} is missing: run make first")
    # As `make check` has it; all are run by `make check-all`.
    if FEW:
        few = few_of_each(items, int(FEW))
        config.hook.pytest_deselected(items=list({*items}.difference(few)))
        items[:] = few
    if PRELOAD:
        left_out = [item for item in items if NOT_PRELOADED.keys() & {
            item.originalname, item.path.name}]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


# The kernel puts something where the image has to be: one start in 10,000 is
# an ordinary one. One for each of the processes that run tests.
MOST_ORDINARY = 1
ordinary = []
starts = []


def pytest_runtest_logreport(report):
    if report.when == "teardown":
        starts.extend(dict(report.user_properties).get("preloaded", ()))


def pytest_terminal_summary(terminalreporter):
    if PRELOAD:
        terminalreporter.write_line(
            f"{starts.count(True)} starts from an image, as was expected; "
            f"{starts.count(None)} were ordinary; {starts.count(False)} tests "
            "without one, for a listed reason")


def check_images(server, found, node):
    """That requests were answered from images, or not, as it is listed."""
    wanted = NO_IMAGE.get(node.originalname)
    missed = [text for text in found if text.endswith(NOT_FROM_IMAGE)]
    if len(ordinary) + len(missed) <= MOST_ORDINARY:
        ordinary.extend(missed)
        found = [text for text in found if text not in missed]
    node.user_properties.append(("preloaded", [
        *[True] * (len(server.expected) - len(missed)),
        *[None] * len(missed), *[False] * bool(found)]))
    if wanted is None:
        assert not found
    else:
        assert all(re.search(wanted, text) for text in found), found


@pytest.fixture
def cgi(request):
    # Not tmp_path: its parents shut other users out.
    folder = tempfile.mkdtemp(prefix="cgi2wsgi-")
    os.chmod(folder, 0o755)
    server = Cgi(os.path.realpath(folder))
    yield server
    without = server.close()

    def removed():
        """Again, if an image was still being written there."""
        try:
            for path, folders, _ in os.walk(folder):
                for name in folders:
                    if not os.path.islink(os.path.join(path, name)):
                        os.chmod(os.path.join(path, name), 0o700)
            shutil.rmtree(folder)
        except (FileNotFoundError, FileExistsError):
            pass
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
        return not os.path.exists(folder)
    until(removed)
    if PRELOAD:
        check_images(server, without, request.node)


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """The interpreter that the program was built for."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "facts.py").write_text((APPS / "facts.py").read_text())
    out = subprocess.run(
        [PROGRAM, folder / "facts.py"], stdout=subprocess.PIPE, check=True,
        env={"PATH": "/usr/bin:/bin", **{
            name: os.environ[name] for name in PASSED_ON
            if name in os.environ}}).stdout
    found = json.loads(out)
    name = "python%d.%d" % tuple(found["version"][:2])
    path = os.path.join(found["base_prefix"], "bin", name)
    assert os.access(path, os.X_OK)
    return path
