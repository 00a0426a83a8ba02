"""Reads what pack.py has packed, which says what a record has."""

import functools
import json
import lzma
from pathlib import Path

PACKED = Path(__file__).with_name("requests.jsonl.xz")


@functools.cache
def records():
    return [json.loads(line)
            for line in lzma.decompress(PACKED.read_bytes()).splitlines()]


def pairs_of(record):
    """Names and values of its variables, also of those that came twice."""
    twice = record.get("environ_duplicates", {})
    for name, value in record["environ"].items():
        for each in twice.get(name, [value]):
            yield name, each


def body_of(record):
    text, length = record["stdin"], record["stdin_len"]
    repeated = text * (length // len(text)) if text else ""
    assert len(repeated) == length
    return repeated.encode("latin-1")
