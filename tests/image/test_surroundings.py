"""Wherever a process starts from an image, or is to be saved: limits,
namespaces, refused system calls, file systems. Each answer is right; where it
cannot be from an image, it is the ordinary one."""

import ctypes
import errno
import os
import struct

import pytest

from harness import PROGRAM, until

pytestmark = pytest.mark.slow
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs mount")
APP = """
    import json, random, threading
    def application(environ, start_response):
        thread = threading.Thread(target=lambda: found.append(1))
        found = []
        thread.start()
        thread.join()
        assert os.getpid() == threading.get_native_id()
        def deep(n):
            return n and 1 + deep(n - 1)
        found += [deep(500), len(bytes(1 << 20))]
        return reply(start_response, [environ["cgi2wsgi.preloaded"], found])
"""
RIGHT = [1, 500, 1 << 20]


def ask(preloaded, script, *command, **how):
    """What a script answers that is started by a command."""
    env = dict(preloaded.cgi.environ(script), HOME=preloaded.home)
    reply = preloaded.cgi.exec([*command, script], env.items(), **how)
    assert (reply.status, reply.exit) == (200, 0), reply
    started, found = eval(reply.body)
    assert found == RIGHT
    return started


@pytest.fixture
def script(preloaded):
    return preloaded.script(APP)


@pytest.mark.parametrize("limit", [
    "-v 400000", "-d 400000", "-s 128", "-s unlimited", "-n 10", "-f 0",
    "-c 0", "-l 0", "-t 30"])
def test_limits(preloaded, script, limit):
    """I5, H7: of the new process, not of the one that was saved."""
    preloaded.make(script)
    assert ask(preloaded, script, "/bin/sh", "-c",
               f'ulimit {limit}; exec "$0"')


@pytest.mark.parametrize("limit", ["-v 120000", "-d 60000", "-n 14", "-f 1000"])
def test_limits_of_who_saves(preloaded, script, limit):
    """I5: what then cannot be written is answered as ever."""
    for _ in range(2):
        assert ask(preloaded, script, "/bin/sh", "-c",
                   f'ulimit {limit}; exec "$0"') in (True, False)
    until(lambda: not preloaded.files("image.new"))


@pytest.mark.parametrize("options", ["-R", "-L", "-RL"])
def test_other_places_in_memory(preloaded, script, options):
    """H7: no address is taken from anybody; an image made so starts, too."""
    command = ["/usr/bin/setarch", options]
    preloaded.make(script)
    assert ask(preloaded, script, *command) in (True, False)
    preloaded.files()[0].unlink()

    def preloads():
        return ask(preloaded, script, *command) or preloaded.files()
    until(preloads)
    assert ask(preloaded, script) in (True, False)


@ROOT
@pytest.mark.parametrize("options", [
    ["--pid", "--fork"], ["--pid", "--fork", "--mount-proc"],
    ["--user", "--map-root-user"], ["--net"], ["--ipc", "--uts"]], ids=str)
def test_namespaces(preloaded, script, options):
    """H7: as containers have them."""
    preloaded.make(script)
    assert ask(preloaded, script, "/usr/bin/unshare", *options) or (
        options == ["--pid", "--fork"])


@ROOT
def test_no_proc(preloaded, script):
    """H7: nothing can be compared then, so the ordinary program runs."""
    preloaded.make(script)
    assert not ask(
        preloaded, script, "/usr/bin/unshare", "--mount", "sh", "-ec",
        f"mount --bind {PROGRAM.parent} /usr/local/bin;"
        'mount -t tmpfs none /proc; exec "$0"')


def filtered(number, error):
    """A filter for a system call, as containers have for many (seccomp(2))."""
    program = b"".join(struct.pack("HBBI", *line) for line in (
        (0x20, 0, 0, 0),                    # the call's number
        (0x15, 0, 1, number),               # this one?
        (0x06, 0, 0, 0x00050000 | error),   # it fails
        (0x06, 0, 0, 0x7fff0000)))          # any other is made
    kept = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxQ", 4, ctypes.addressof(kept))
    libc = ctypes.CDLL(None)

    def apply():
        libc.prctl(38, 1, 0, 0, 0)          # PR_SET_NO_NEW_PRIVS
        if libc.prctl(22, 2, head) != 0:    # PR_SET_SECCOMP, with a filter
            os._exit(99)
    apply.kept = kept
    return apply


# x86-64's numbers; what Docker's filter of some year has refused, and what
# only a start from an image calls.
CALLS = {"madvise": 28, "flock": 73, "fsync": 74, "statx": 332, "rseq": 334,
         "set_robust_list": 273, "userfaultfd": 323,
         "close_range": 436, "faccessat2": 439, "prlimit64": 302,
         "membarrier": 324, "get_robust_list": 274, "ptrace": 101,
         "getrandom": 318, "setsid": 112, "personality": 135}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="other numbers")
@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
@pytest.mark.parametrize("call", CALLS)
def test_a_system_call_that_is_refused(preloaded, script, call, error):
    """H7: at the start from an image, and where one is to be made."""
    preloaded.make(script)
    refuse = filtered(CALLS[call], error)
    started = ask(preloaded, script, preexec_fn=refuse)
    assert started == (call not in ("statx",))
    preloaded.files()[0].unlink()
    ask(preloaded, script, preexec_fn=refuse)
    ask(preloaded, script, preexec_fn=refuse)


MAKE = ('for i in 1 2 3 4 5 6 7 8 9; do "$0" >/dev/null 2>&1; sleep 0.2; '
        'done; exec "$0"')


@ROOT
@pytest.mark.parametrize("options, preloads", [
    ("noexec,nosuid,nodev", True), ("size=1m", False), ("size=8k", False),
    ("ro", False)])
def test_the_cache_on_another_file_system(preloaded, options, preloads):
    """J1: nothing there is executed; full or read-only, there is no image."""
    script = preloaded.script(APP)
    started = ask(
        preloaded, script, "/usr/bin/unshare", "--mount", "sh", "-ec",
        f"mount -t tmpfs -o mode=700,{options} none {preloaded.cache}; {MAKE}")
    assert started == preloads


@ROOT
def test_a_read_only_image(preloaded, script):
    """J1: one that is there starts also where nothing can be written."""
    preloaded.make(script)
    assert ask(preloaded, script, "/usr/bin/unshare", "--mount", "sh", "-ec",
               f"mount --bind {preloaded.cache} {preloaded.cache}; mount -o "
               f'remount,bind,ro {preloaded.cache}; exec "$0"')


def test_a_large_upload(preloaded):
    """C4, I5: 300 MB, through pipes, in a process from an image."""
    script = preloaded.script("""
        import hashlib
        def application(environ, start_response):
            body, got = hashlib.sha1(), 0
            while chunk := environ["wsgi.input"].read(1 << 20):
                body.update(chunk)
                got += len(chunk)
            return reply(start_response, [environ["cgi2wsgi.preloaded"], got])
    """)
    preloaded.make(script)
    size = 300 << 20
    reply = preloaded.run(script, method="POST", body=bytes(size))
    assert eval(reply.body) == [True, size]


def test_options_of_the_log(preloaded):
    """D3: --log and --debug are the new process's, and faulthandler."""
    log = preloaded.cgi.folder / "log"
    script = preloaded.script("""
        import faulthandler, sys
        faulthandler.enable()
        def application(environ, start_response):
            print("from", environ["PATH_INFO"])
            print(environ["cgi2wsgi.preloaded"], file=environ["wsgi.errors"])
            if environ["PATH_INFO"] == "/die":
                faulthandler._sigsegv()
            raise ValueError("seen by all")
    """, f"--log {log} --debug")
    preloaded.make(script)
    log.write_text("")
    reply = preloaded.run(script, "/one")
    assert reply.status == 500 and b"seen by all" in reply.body
    assert reply.log == ""
    text = log.read_text()
    assert "from /one\n" in text and "True\n" in text and "GET" in text
    reply = preloaded.run(script, "/die")
    assert (reply.status, reply.exit) == (500, 1)
    assert "Fatal Python error: Segmentation fault" in log.read_text()


def test_processes_of_the_application(preloaded):
    """I3: multiprocessing with both ways to start, os.fork(), subprocess."""
    script = preloaded.script("""
        import multiprocessing, subprocess, sys
        def square(n):
            return n * n
        def application(environ, start_response):
            found = [environ["cgi2wsgi.preloaded"]]
            with multiprocessing.get_context("fork").Pool(2) as pool:
                found.append(pool.map(square, range(4)))
            found.append(subprocess.check_output(["/bin/echo", "x"]))
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(writer, b"%d" % os.getppid())
                os._exit(3)
            found.append(os.waitpid(child, 0)[1] >> 8)
            found.append(os.read(reader, 9) == b"%d" % os.getpid())
            return reply(start_response, found)
    """)
    preloaded.make(script)
    assert eval(preloaded.run(script).body) == [
        True, [0, 1, 4, 9], b"x\n", 3, True]
