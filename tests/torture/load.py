"""Real servers under load, with clients that leave and processes that end.

A case is SERVER NUMBER KILLS: the number gives REQUESTS requests by CLIENTS
clients at once; with "kills", processes of scripts get KILL, TERM or STOP
meanwhile, and the server is told to start again gracefully. Each request that
nothing was done to has to be answered right; others, at least in time. In the
end no process of a script is left, no zombie, no file, and the server has as
many descriptors as before.
"""

import hashlib
import os
import random
import signal
import socket
import threading
import time
from pathlib import Path

from driver import CUT, NOTHING, PAGE, RIGHT, WRONG
from stuck import look_at

REQUESTS, CLIENTS = 200, 8
PATIENCE = 90
SERVERS = ("event", "prefork", "lighttpd", "nginx")
RESTART = {"event": signal.SIGUSR1, "prefork": signal.SIGUSR1}
APP = """
import hashlib

def application(environ, start_response):
    query = environ["QUERY_STRING"].encode()
    read = b""
    if b"read" in query:
        read = hashlib.sha256(environ["wsgi.input"].read()).hexdigest().encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello " + query + read, b"x" * (200000 if b"large" in query else 0)]
"""


class Running:
    """A server with the application, plain and from an image."""

    def __init__(self, name):
        # These know Apache's and others' folders, and are heavy to import.
        from apache import Apache, install_preload, make_images_folder
        from webservers import WebServer
        self.name = name
        self.server = (Apache(name) if name in RESTART else WebServer(name))
        folder = "cgi-bin" if name != "nginx" else "htdocs/cgi-bin"
        preload = install_preload(self.server)
        self.scripts = ["plain.cgi", *["preload.cgi"] * 8]
        images = make_images_folder(self.server)
        for place in {"cgi-bin", folder}:
            self.server.script(f"{place}/plain.cgi", APP)
            self.server.write(
                f"{place}/preload.cgi",
                f"#!{preload} --cache {images}\n{APP}", 0o755)
        self.server.start()
        self.files = self.listed()

    def listed(self):
        return {str(path) for path in self.server.tree.rglob("*")
                if path.suffix not in (".log", ".image", ".refusal", ".pyc",
                                       ".new", ".sock")
                and path.name not in ("__pycache__", ".htaccess", ".cache",
                                      "cgi2wsgi")}

    def processes(self):
        """Ids of those of scripts, and zombies among the servers' children."""
        scripts, tree = {}, str(self.server.tree).encode()
        for entry in os.scandir("/proc"):
            try:
                if entry.name.isdigit():
                    line = Path(entry.path, "cmdline").read_bytes()
                    if tree in line and b".cgi\0" in line:
                        scripts[int(entry.name)] = line
            except OSError:
                pass
        return scripts

    def masters(self):
        if self.name in RESTART:
            return [self.server.process.pid]
        return [process.pid for process in self.server.processes]

    def children(self):
        """States of the servers' descendants, one level and the next."""
        states = {}
        for entry in os.scandir("/proc"):
            try:
                if entry.name.isdigit():
                    words = Path(entry.path, "stat").read_text(
                        errors="replace").rpartition(")")[2].split()
                    states[int(entry.name)] = (words[0], int(words[1]))
            except OSError:
                pass
        ours = set(self.masters())
        ours |= {pid for pid, (_, parent) in states.items() if parent in ours}
        return [(pid, parent) for pid, (state, parent) in states.items()
                if state == "Z" and parent in ours]

    def descriptors(self):
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in self.masters()]

    def ask(self, kind, number, script):
        """One request: bytes that came, and bytes that are right."""
        body = b"" if kind not in ("read", "ignore", "slow") else (
            b"%d" % number) * 2000
        # Without "=", Apache makes words of argv, and no image is used.
        query = f"{'number=' if number % 10 else ''}{number}-{kind}"
        if kind == "slow":
            query += "-read"
        head = (f"{'POST' if body else 'GET'} /cgi-bin/{script}?{query} "
                f"HTTP/1.0\r\nHost: localhost\r\n")
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        right = b"hello " + query.encode()
        if "read" in query:
            right += hashlib.sha256(body).hexdigest().encode()
        if "large" in query:
            right += b"x" * 200000
        with socket.create_connection(
                ("127.0.0.1", self.server.port), PATIENCE) as connection:
            data = head.encode() + b"\r\n" + body
            if kind == "slow":
                for at in range(0, len(data), len(data) // 4 + 1):
                    connection.sendall(data[at:at + len(data) // 4 + 1])
                    time.sleep(0.01)
            else:
                connection.sendall(data)
            if kind == "leave":
                connection.recv(1)
                return None, right
            got = bytearray()
            while piece := connection.recv(1 << 16):
                got += piece
        return bytes(got), right

    def wait_for_answer(self):
        """Until a server that was told to start again has done so.

        The old daemon of mod_cgid may remove the new one's socket: no script is
        started then, and whoever asks gets 503, until the next start. Gives how
        many more were needed.
        """
        for again in range(PATIENCE // 10):
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                try:
                    got, right = self.ask("get", 0, "plain.cgi")
                    if got.endswith(right):
                        return again
                except OSError:
                    pass
                time.sleep(0.1)
            if self.name in RESTART:
                os.kill(self.masters()[0], RESTART[self.name])
        return again + 1

    def close(self):
        self.server.stop()


class Part:
    """Servers of a worker."""

    GOAL = 100_000 * len(SERVERS)

    def __init__(self, random, given):
        self.random = random
        self.running = {}

    def cases(self):
        while True:
            for name in SERVERS:
                kills = self.random.choice(["kills", "quiet"])
                yield f"{name} {self.random.randrange(1 << 40)} {kills}"

    def try_case(self, case):
        name, number, kills = case.split()
        if name not in self.running:
            self.running[name] = Running(name)
        batch = Batch(self.running[name], int(number), kills == "kills")
        results = batch.run()
        self.notes[f"requests to {name}"] += REQUESTS
        self.notes["kills"] += len(batch.struck)
        self.notes["starts for a lost socket"] += batch.again
        return results

    def close(self):
        for running in self.running.values():
            running.close()


class Batch:
    """Some hundred requests at once, and what comes of them."""

    def __init__(self, running, number, kills):
        self.running = running
        self.random = random.Random(number)
        self.kills = kills
        self.struck = []        # when something was done
        self.again = 0          # starts that a server needed behind it
        self.results = []
        self.done = threading.Event()
        kinds = ["get", "large", "read", "ignore", "slow", "leave"]
        self.work = iter([(self.random.choice(kinds), i,
                           self.random.choice(running.scripts))
                          for i in range(REQUESTS)])
        self.lock = threading.Lock()

    def client(self):
        while True:
            with self.lock:
                one = next(self.work, None)
            if one is None:
                return
            began = time.monotonic()
            try:
                got, right = self.running.ask(*one)
            except OSError as error:
                got, right = repr(error).encode(), b""
            self.results.append((one, began, time.monotonic(), got, right))

    def strike(self):
        """Somebody ends processes, or has the server start again."""
        while not self.done.wait(self.random.uniform(0.02, 0.3)):
            pids = list(self.running.processes())
            number = self.random.choice(
                ["KILL", "KILL", "TERM", "TERM", "STOP", "restart"])
            if number == "restart":
                if self.running.name in RESTART:
                    self.struck.append(time.monotonic())
                    os.kill(self.running.masters()[0],
                            RESTART[self.running.name])
            elif pids:
                self.struck.append(time.monotonic())
                pid = self.random.choice(pids)
                try:
                    os.kill(pid, getattr(signal, "SIG" + number))
                    if number == "STOP":
                        self.done.wait(0.2)
                        os.kill(pid, signal.SIGCONT)
                except OSError:
                    pass
                self.struck.append(time.monotonic())

    def run(self):
        before = self.running.descriptors()
        clients = [threading.Thread(target=self.client)
                   for _ in range(CLIENTS)]
        striker = threading.Thread(target=self.strike)
        for thread in clients + [striker] * self.kills:
            thread.start()
        for thread in clients:
            thread.join()
        self.done.set()
        if self.kills:
            striker.join()
            self.again = self.running.wait_for_answer()
        return [self.judge(*result) for result in self.results] + (
            self.judge_rest(before))

    def judge(self, one, began, ended, got, right):
        struck = self.kills and any(
            began - 2 < moment < ended + 1 for moment in self.struck)
        if got is None:
            return RIGHT, "left", 1
        head, _, body = got.partition(b"\r\n\r\n")
        if head.split(b" ")[1:2] == [b"200"]:
            if body == right:
                return RIGHT, "", 1
            if struck and right.startswith(body):
                return CUT, "", 1
        elif ended - began > PATIENCE:
            return WRONG, f"{one}: too late", 1
        elif struck:
            return (PAGE if head.startswith(b"HTTP/") else NOTHING), "", 1
        return WRONG, (f"{one}, {ended - began:.1f} s: {got[:300]!r}, log "
                       f"{self.running.server.log()[-1500:]}"), 1

    def left(self, before):
        """Processes, zombies and descriptors that there should not be now."""
        if left := self.running.processes():
            yield f"processes are left: {left}"
        if zombies := self.running.children():
            yield f"zombies, and their parents: {zombies}"
        if max(now := self.running.descriptors()) > max(before) + 4:
            yield f"descriptors: {before}, {now}"

    def judge_rest(self, before):
        """What is left after a while; Apache waits once in a second."""
        deadline = time.monotonic() + 30
        while (wrong := list(self.left(before))) and (
                time.monotonic() < deadline):
            time.sleep(0.1)
        if wrong:
            wrong += [look_at(parent)
                      for _, parent in self.running.children()]
            for pid in self.running.processes():
                os.kill(pid, signal.SIGKILL)
        if files := self.running.listed() - self.running.files:
            wrong.append(f"files are left: {files}")
            self.running.files |= files
        return [(WRONG, text, 1) for text in wrong]
