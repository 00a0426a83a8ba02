"""What applications do while they are imported: it is in each request as after
a fork, or there is no image, for a reason that names it."""

import re

import pytest

from harness import until

pytestmark = pytest.mark.slow


def application(preloaded, line, value="None"):
    return preloaded.script(f"""
        import os
        {line}
        def application(environ, start_response):
            return reply(start_response, [
                environ["cgi2wsgi.preloaded"], {value}])
    """)


HANDLED = """import signal; got = []
        signal.signal(signal.SIGUSR1, lambda *ignored: got.append(1))"""
SQLITE = """import sqlite3; kept = sqlite3.connect(":memory:")
        kept.execute("create table t (a)")
        kept.execute("insert into t values (5)")"""


@pytest.mark.parametrize("line, value, right", [
    ("os.umask(0o77)", "os.umask(0)", 0o77),
    ("os.chdir('/usr')", "os.getcwd()", "/usr"),
    ("os.nice(3)", "os.nice(0)", 3),
    ("import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [10])",
     "list(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, [])))", [10]),
    ("import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (99, 100))",
     "r.getrlimit(r.RLIMIT_NOFILE)", (99, 100)),
    (HANDLED, "os.kill(os.getpid(), signal.SIGUSR1) or got", [1]),
    ("import sys; sys.setrecursionlimit(5000)", "sys.getrecursionlimit()",
     5000),
    ("import gc; gc.disable()", "gc.isenabled()", False),
    ("import faulthandler; faulthandler.enable()",
     "faulthandler.is_enabled()", True),
    ("import tracemalloc; tracemalloc.start()",
     "tracemalloc.get_traced_memory()[0] > 0", True),
    ("import warnings; warnings.simplefilter('error')",
     "warnings.filters[0][0]", "error"),
    ("import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')",
     "locale.nl_langinfo(locale.CODESET)", "UTF-8"),
    ("import decimal; decimal.getcontext().prec = 5",
     "str(decimal.Decimal(1) / 3)", "0.33333"),
    ("import contextvars; v = contextvars.ContextVar('v'); v.set(4)",
     "v.get()", 4),
    ("import threading; kept = threading.local(); kept.x = 5", "kept.x", 5),
    ("import threading; kept = threading.RLock(); kept.acquire()",
     "kept.acquire(timeout=1)", True),
    ("import threading; kept = threading.Thread(target=print); kept.start();"
     " kept.join()", "kept.is_alive()", False),
    ("import concurrent.futures as f; kept = f.ThreadPoolExecutor(2)",
     "kept.submit(len, 'abc').result()", 3),
    ("import asyncio; asyncio.run(asyncio.sleep(0))",
     "asyncio.run(asyncio.sleep(0, 7))", 7),
    ("import subprocess as s; v = s.check_output(['echo', 'x'])",
     "[v, s.check_output(['echo', 'y'])]", [b"x\n", b"y\n"]),
    ("import mmap; kept = mmap.mmap(-1, 9, mmap.MAP_PRIVATE); kept[:2] = b'hi'",
     "kept[:2]", b"hi"),
    (SQLITE, "kept.execute('select a from t').fetchall()", [(5,)]),
    ("import multiprocessing.synchronize, multiprocessing",
     "multiprocessing.Lock().acquire(timeout=1)", True),
    ("import tempfile; kept = tempfile.mkdtemp(dir='.')",
     "os.path.isdir(kept)", True),
    ("import logging; logging.getLogger().addHandler(logging.FileHandler("
     "'app.log', delay=True))",
     "logging.warning('x') or open('app.log').read().count('x') > 0", True),
    ("import atexit; atexit.register(lambda: open('ended', 'w').close())",
     "os.path.exists('ended')", True),
    ("import ssl; kept = ssl.create_default_context()",
     "kept.verify_mode == ssl.CERT_REQUIRED", True),
    ("os.environ['A'] = '1'; os.putenv('B', '2')",
     "os.popen('echo $A $B').read()", "1 2\n"),
])
def test_as_after_a_fork(preloaded, line, value, right):
    """H7, I5: set once, while it was imported."""
    script = application(preloaded, line, value)
    preloaded.make(script)
    assert eval(preloaded.run(script).body) == [True, right]


@pytest.mark.parametrize("line, reason", [
    ("import logging; logging.basicConfig(filename='app.log')",
     "left a descriptor open: .*/app.log"),
    ("import logging.handlers as h; kept = h.SysLogHandler()",
     "left a descriptor open: socket:"),
    ("import logging.handlers as h, queue; "
     "h.QueueListener(queue.Queue()).start()", "started a thread"),
    ("import sqlite3; kept = sqlite3.connect('x.db')",
     "left a descriptor open: .*/x.db"),
    ("import concurrent.futures as f; kept = f.ThreadPoolExecutor(2); "
     "kept.submit(len, '')", "started a thread"),
    ("import threading; threading.Timer(60, print).start()",
     "started a thread"),
    ("import faulthandler; faulthandler.dump_traceback_later(60)",
     "started a thread"),
    ("import subprocess; kept = subprocess.Popen(['true'])",
     "started a process"),
    ("import multiprocessing as m; kept = m.Pool(1)",
     "left a descriptor open: pipe:"),
    ("import multiprocessing as m; kept = m.Lock()",
     "memory is shared and written to: /dev/shm/"),
    ("import tempfile; kept = tempfile.TemporaryFile()",
     "left a descriptor open: .*deleted"),
    ("import tempfile; kept = [tempfile.TemporaryDirectory()]",
     "a TemporaryDirectory would be removed .*: app"),
    ("import asyncio; kept = asyncio.new_event_loop()",
     "left a descriptor open: anon_inode:.*eventpoll"),
    ("import random; kept = {'here': [random.Random(1)]}",
     "own Random would repeat its random numbers: app"),
    ("import mmap; kept = mmap.mmap(-1, 9)",
     "memory is shared and written to"),
])
def test_what_no_fork_can_share(preloaded, line, reason):
    """H7: refused, with what it is, and answered in the ordinary way."""
    script = application(preloaded, line)

    def refused():
        assert eval(preloaded.run(script).body) == [False, None]
        return preloaded.files("refusal")
    text = until(refused)[0].read_text()
    assert re.search(reason, text), text
    assert not preloaded.files()
