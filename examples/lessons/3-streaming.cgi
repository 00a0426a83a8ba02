#!/usr/local/bin/cgi2wsgi
# Lesson 3: streaming. A block leaves the program before the next is made:
# the client need not wait for the end, and memory holds one block.
import time


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        for number in range(3, 0, -1):
            yield f"{number} ...\n".encode()
            time.sleep(1)
        yield b"Lift-off!\n"
    finally:
        # Reached in any case, also if the client has left.
        print("over", file=environ["wsgi.errors"])
