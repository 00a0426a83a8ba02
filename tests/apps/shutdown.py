"""Leaves a trace of each step at the end of the request."""

import atexit
import os
import threading
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
ready = threading.Event()


def trace(step):
    with open(os.path.join(FOLDER, "trace"), "a") as file:
        file.write(step + "\n")


def work():
    ready.wait()
    time.sleep(0.3)
    trace("thread")


class Result:
    def __iter__(self):
        yield b"last"

    def close(self):
        trace("close begins")
        time.sleep(0.3)
        trace("close")
        ready.set()


def finish():
    time.sleep(0.3)
    trace("atexit")


def application(environ, start_response):
    atexit.register(finish)
    threading.Thread(target=work).start()
    start_response("200 OK", [("Content-Length", "4")])
    return Result()
