"""Limits of time: --timeout, SIGXCPU, and signals that nobody handles."""

import resource
import signal
import threading
import time

import pytest

from harness import program

# What an application may do with signals before it hangs.
OWN_SIGNALS = {
    "handler": """
        def ring(*args):
            raise RuntimeError("rung")
        signal.signal(signal.SIGALRM, ring)
        signal.alarm(1)
        try:
            time.sleep(30)
        except RuntimeError:
            signal.alarm(0)""",
    "setitimer": """
        signal.signal(signal.SIGALRM, lambda *args: None)
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)""",
    "ignored": "signal.signal(signal.SIGALRM, signal.SIG_IGN)",
    "blocked": """
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})""",
    "all blocked": """
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))""",
    "all blocked by C": """
        import ctypes
        everything = ctypes.create_string_buffer(b"\\xff" * 128)
        ctypes.CDLL(None).sigprocmask(0, everything, None)""",
    "all ignored": """
        for number in signal.valid_signals():
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, signal.SIG_IGN)""",
    "all default": """
        for number in signal.valid_signals():
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, signal.SIG_DFL)""",
    "all handled": """
        for number in signal.valid_signals():
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, lambda *args: None)""",
}

HANGING = """
import os
import signal
import time


def own_use():{own_use}


def this_one_hangs():
    while True:
        time.sleep(0.5)


class Body:
    def __iter__(self):
        own_use()
        this_one_hangs()

    def close(self):
        os.write(2, b"<closed>\\n")


def application(environ, start_response):
    start_response("200 OK", [])
    return Body()
"""


def hanging(own_use):
    lines = own_use.splitlines()
    return HANGING.format(own_use="".join(
        "\n    " + line.removeprefix(" " * 8) for line in lines if line))


@pytest.mark.parametrize("own_use", OWN_SIGNALS)
def test_own_signals(cgi, own_use):
    """I6, case 4: no use of signals switches the limit off."""
    begin = time.monotonic()
    reply = cgi.run(cgi.script(hanging(OWN_SIGNALS[own_use]),
                               "--timeout 2 --graceful-timeout 2"),
                    timeout=30)
    assert 1.9 < time.monotonic() - begin < 15
    assert reply.status == 504 and reply.exit == 1
    assert "cgi2wsgi: timeout [" in reply.log
    assert "in this_one_hangs" in reply.log
    assert reply.log.count("<closed>") == 1


def test_alarm_is_not_disturbed(cgi):
    """I6, case 4: SIGALRM is as in any Python process."""
    reply = cgi.run(cgi.script("""
        import signal

        def application(environ, start_response):
            found = [signal.getsignal(signal.SIGALRM) == signal.SIG_DFL]
            before = signal.signal(signal.SIGALRM,
                                   lambda *args: found.append("rung"))
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            signal.pause()
            found.append(signal.getitimer(signal.ITIMER_REAL) == (0, 0))
            signal.signal(signal.SIGALRM, before)
            start_response("200 OK", [])
            return [repr(found).encode()]
        """, "--timeout 20"))
    assert reply.body == b"[True, 'rung', True]"
    assert (reply.exit, reply.log) == (0, "")


@pytest.mark.parametrize("number", [
    signal.SIGALRM, signal.SIGUSR1, signal.SIGHUP, signal.SIGVTALRM])
@pytest.mark.parametrize("options", ["", "--timeout 20"])
def test_signal_without_handler(cgi, number, options):
    """I3a, I6, case 4: a page that does not blame --timeout."""
    reply = cgi.run(cgi.script(f"""
        import os
        import time

        def application(environ, start_response):
            os.kill(os.getpid(), {int(number)})
            time.sleep(20)
        """, options))
    assert reply.status == 500 and reply.exit == 1
    assert reply.log.startswith("cgi2wsgi: signal [")
    assert f"by signal {int(number)}\n" in reply.log
    assert "timeout" not in reply.log + reply.body.decode()


def test_signal_in_a_child(cgi):
    """D2, I3a: a forked child that is ended by one sends nothing."""
    reply = cgi.run(cgi.script("""
        import os
        import signal

        def application(environ, start_response):
            child = os.fork()
            if child == 0:
                os.kill(os.getpid(), signal.SIGUSR1)
            status = os.waitpid(child, 0)[1]
            start_response("200 OK", [])
            return [b"%d" % os.WTERMSIG(status)]
        """))
    assert reply.body == b"%d" % signal.SIGUSR1
    assert reply.log == ""


def test_progress_of_the_reply(cgi):
    """I6: a reply that comes slowly is not silent."""
    reply = cgi.run(cgi.script("""
        import time

        def application(environ, start_response):
            start_response("200 OK", [])
            for _ in range(8):
                time.sleep(0.5)
                yield b"x"
        """, "--timeout 2"), timeout=30)
    assert reply.body == b"x" * 8 and reply.exit == 0


def test_progress_of_the_body(cgi):
    """I6: nor is a body that is taken slowly."""
    process = cgi.start(cgi.script("""
        def application(environ, start_response):
            got = environ["wsgi.input"].read()
            start_response("200 OK", [])
            return [got]
        """, "--timeout 2"), method="POST", length=8, stdin="open")

    def send():
        for _ in range(8):
            time.sleep(0.5)
            process.stdin.write(b"x")
    threading.Thread(target=send, daemon=True).start()
    reply = process.wait(30)
    assert reply.body == b"x" * 8 and reply.exit == 0


def test_silence_after_progress(cgi):
    """I6: the time counts from the last byte, neither more nor less."""
    begin = time.monotonic()
    reply = cgi.run(cgi.script("""
        import time

        def application(environ, start_response):
            start_response("200 OK", [])
            time.sleep(1.5)
            yield b"first"
            time.sleep(60)
        """, "--timeout 2"), timeout=30)
    assert 3.4 < time.monotonic() - begin < 10
    assert reply.body == b"first" and reply.exit == 1
    assert "cgi2wsgi: timeout [" in reply.log


def limit_cpu(soft, hard):
    def change():
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
    return change


@pytest.mark.parametrize("limits, sent", [
    ((1, 10), False),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in [
        ((1, 10), True), ((2, 2), False), ((2, 2), True),
        ((1, -1), False), ((1, -1), True)])])
def test_cpu_time(cgi, limits, sent):
    """I3a, case 6: a host's limit of processor time is a timeout."""
    reply = cgi.run(cgi.script(f"""
        import os

        def this_one_loops():
            while True:
                pass

        class Body:
            def __iter__(self):
                if {sent}:
                    yield b"first"
                this_one_loops()

            def close(self):
                os.write(2, b"<closed>\\n")

        def application(environ, start_response):
            start_response("200 OK", [])
            return Body()
        """), preexec_fn=limit_cpu(*limits), timeout=40)
    if sent:
        assert reply.body == b"first"
    else:
        assert reply.status == 504
    assert reply.exit == 1
    assert "cgi2wsgi: cpu-time [" in reply.log
    assert "in this_one_loops" in reply.log and "<closed>" in reply.log
    assert "--timeout" not in reply.log
    entry = reply.log[reply.log.index("cgi2wsgi: cpu-time ["):]
    assert entry.splitlines()[0].count("limit of processor time") == 1


def test_time_is_over_but_answered(cgi):
    """I6, D4, case 22: the log says why it has the stacks of a good reply."""
    reply = cgi.run(cgi.script("""
        import time

        def application(environ, start_response):
            try:
                time.sleep(60)
            except SystemExit:
                pass
            start_response("200 OK", [])
            return [b"whole"]
        """, "--timeout 3"), timeout=30)
    assert (reply.status, reply.body, reply.exit) == (200, b"whole", 0)
    assert ("--timeout is over, but the application went on and answered\n"
            in reply.log)


LOOP = """
    def this_one_loops():
        while True:
            pass
    """


def test_cpu_time_of_the_import(cgi):
    """I3a, case 6: also before the application is there."""
    reply = cgi.run(cgi.script(program(LOOP, "this_one_loops()")),
                    preexec_fn=limit_cpu(1, 10), timeout=40)
    assert reply.status == 504 and reply.exit == 1
    assert "cgi2wsgi: cpu-time [" in reply.log
    assert "in this_one_loops" in reply.log


@pytest.mark.parametrize("where", [
    "close", pytest.param("atexit", marks=pytest.mark.slow)])
def test_cpu_time_after_the_reply(cgi, where):
    """I3a, I4, case 6: the reply is whole, and the log names the reason."""
    reply = cgi.run(cgi.script(program(LOOP, f"""
        import atexit

        class Body(list):
            def close(self):
                if {where == "close"}:
                    this_one_loops()

        if {where == "atexit"}:
            atexit.register(this_one_loops)

        def application(environ, start_response):
            start_response("200 OK", [])
            return Body([b"whole"])
        """)), preexec_fn=limit_cpu(1, 3), timeout=40)
    assert reply.body == b"whole" and reply.exit == 0
    assert "cgi2wsgi: cpu-time [" in reply.log
    assert "graceful-timeout" not in reply.log


@pytest.mark.slow
@pytest.mark.parametrize("line", [
    "pass", "signal.signal(signal.SIGXCPU, signal.SIG_DFL)"])
def test_cpu_time_stubborn(cgi, line):
    """I3a, case 6: who catches everything is ended before the hard limit.

    Nor does SIGXCPU end the last words.
    """
    reply = cgi.run(cgi.script(f"""
        import signal

        def application(environ, start_response):
            while True:
                {line}
                try:
                    while True:
                        pass
                except BaseException:
                    pass
        """), preexec_fn=limit_cpu(1, 3), timeout=40)
    assert reply.status == 504 and reply.exit == 1
    assert "cgi2wsgi: cpu-time [" in reply.log


# What an application may do with SIGXCPU before the limit is reached.
OWN_CPU_SIGNAL = {
    "ignored": "signal.signal(signal.SIGXCPU, signal.SIG_IGN)",
    "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGXCPU})",
    "default": "signal.signal(signal.SIGXCPU, signal.SIG_DFL)",
    "handled": "signal.signal(signal.SIGXCPU, lambda *args: None)",
    "all blocked": """signal.pthread_sigmask(
            signal.SIG_BLOCK, range(1, signal.NSIG))""",
}


@pytest.mark.parametrize("where, own_use, limits", [
    ("call", "ignored", (1, 10)),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in [
        *((where, own_use, (1, 10)) for where in ("call", "import")
          for own_use in OWN_CPU_SIGNAL if (where, own_use) !=
          ("call", "ignored")),
        ("call", "ignored", (1, -1)), ("call", "ignored", (2, 2)),
        ("call", "default", (2, 2)), ("call", "ignored", (1, 1))])])
def test_cpu_time_own_signal(cgi, where, own_use, limits):
    """I3a, case 6: no use of signals switches that limit off."""
    reply = cgi.run(cgi.script(program(LOOP, f"""
        import os
        import signal

        def own_use():
            {OWN_CPU_SIGNAL[own_use]}
            try:
                this_one_loops()
            finally:
                os.write(2, b"<closed>\\n")

        if {where == "import"}:
            own_use()

        def application(environ, start_response):
            own_use()
        """)), preexec_fn=limit_cpu(*limits), timeout=40)
    assert reply.status == 504 and reply.exit == 1
    assert reply.log.count("cgi2wsgi: cpu-time [") == 1
    assert "in this_one_loops" in reply.log and "<closed>" in reply.log
    assert "--timeout" not in reply.log


@pytest.mark.slow
def test_cpu_time_raised(cgi):
    """I3a, case 6: a limit that the application raises is the new one."""
    reply = cgi.run(cgi.script("""
        import resource
        import time

        def application(environ, start_response):
            resource.setrlimit(resource.RLIMIT_CPU, (3, 10))
            while time.process_time() < 1.5:
                pass
            start_response("200 OK", [])
            yield b"first"
            while True:
                pass
        """), preexec_fn=limit_cpu(1, 10), timeout=40)
    assert reply.body == b"first" and reply.exit == 1
    assert "cgi2wsgi: cpu-time [" in reply.log


@pytest.mark.slow
def test_cpu_time_in_a_child(cgi):
    """D2, I3a: a forked child has its own time, and the system's limit."""
    reply = cgi.run(cgi.script("""
        import os
        import resource

        def application(environ, start_response):
            child = os.fork()
            if child == 0:
                while True:
                    pass
            status = os.waitpid(child, 0)[1]
            start_response("200 OK", [])
            return [b"%d %d" % (os.WTERMSIG(status),
                                resource.getrlimit(resource.RLIMIT_CPU)[0])]
        """), preexec_fn=limit_cpu(1, 10), timeout=40)
    assert reply.body == b"%d 1" % signal.SIGXCPU
    assert (reply.exit, reply.log) == (0, "")
