#!/usr/bin/python3
"""Packs recorded requests into requests.jsonl.xz: pack.py FOLDER

FOLDER has recordings of a probe run as CGI program by real servers, a file
of JSON lines for each. Kept is what a replay needs; placeholders stand for
the recording machine's folders: {DOCROOT}, {HOME}, and {INTERP} for the
probe. Text is bytes read as Latin-1. Of each request:

server, mode    who ran the probe, and how the server was told to
req             the request's name; (server, mode, req) may occur twice
method, target  as the client sent them
argv, execfn, cwd, environ
environ_duplicates  all values, in order, of names that occurred twice
stdin           the body as it arrived; repeated up to stdin_len bytes
stdin_kind      null, pipe, socket or file
stdin_end       eof, or timeout: the server never closed it
"""

import base64
import json
import lzma
import sys
from pathlib import Path

KEPT = ("server", "mode", "req", "argv", "execfn", "cwd", "environ",
        "environ_duplicates", "stdin_kind", "stdin_len", "stdin_end")


def compact(recorded):
    record = {key: recorded[key] for key in KEPT if key in recorded}
    record["method"] = recorded["request"]["method"]
    record["target"] = recorded["request"]["target"]
    stdin = base64.b64decode(recorded["stdin"]).decode("latin-1")
    if recorded.get("stdin_truncated"):
        assert len(set(stdin)) == 1
        stdin = stdin[0]
    record["stdin"] = stdin
    return record


def main(folder):
    lines = [line for file in sorted(Path(folder).glob("*.jsonl"))
             for line in file.read_text().splitlines()]
    text = "".join(
        json.dumps(compact(json.loads(line)), sort_keys=True,
                   separators=(",", ":")) + "\n" for line in lines)
    packed = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
    Path(__file__).with_name("requests.jsonl.xz").write_bytes(packed)


if __name__ == "__main__":
    main(sys.argv[1])
