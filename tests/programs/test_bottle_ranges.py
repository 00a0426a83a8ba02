"""A Bottle application that sends files, whole or in part."""

import os
import subprocess

import pytest
import requests

from apache import TIMEOUT
from hosts import HERE

SIZE = 20 << 20
END = SIZE - 1
# What is asked for, and the first and last byte of the answer.
RANGES = {
    "bytes=0-0": (0, 0),
    "bytes=0-99": (0, 99),
    "bytes=65535-65536": (65535, 65536),
    "bytes=1000000-15000000": (1000000, 15000000),
    "bytes=20000000-": (20000000, END),
    "bytes=-1000": (SIZE - 1000, END),
    "bytes=20000000-99999999": (20000000, END),
    "bytes=0-": (0, END),
}


def install(host):
    folder = host.data("shelf")
    (folder / "film.mp4").write_bytes(os.urandom(SIZE))
    host.deploy("shelf", (HERE / "shelf.py").read_text(),
                f"--env FILES={folder}")


@pytest.fixture
def film(host):
    """The film's URL and its bytes."""
    return (host.url(host.prefix("shelf") + "/film.mp4"),
            (host.tree / "data/shelf/film.mp4").read_bytes())


def get(url, **headers):
    return requests.get(url, timeout=TIMEOUT, headers={
        name.replace("_", "-"): value for name, value in headers.items()})


def test_whole(film):
    url, content = film
    answer = get(url)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content == content
    answer = get(url + "?save")
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="film.mp4"')
    assert answer.content == content


@pytest.mark.parametrize("wanted", RANGES)
def test_range(film, wanted):
    """F1: a part, and words that say which."""
    url, content = film
    first, last = RANGES[wanted]
    answer = get(url, Range=wanted)
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.content == content[first:last + 1]


def test_impossible_range(film):
    url, content = film
    answer = get(url, Range=f"bytes={SIZE}-")
    assert answer.status_code == 416
    assert answer.content != content


def test_not_modified(film):
    """F3: nothing stands behind the head, and the connection goes on."""
    url, content = film
    with requests.Session() as session:
        session.headers["If-Modified-Since"] = (
            get(url, Range="bytes=0-0").headers["Last-Modified"])
        for _ in range(3):
            answer = session.get(url, timeout=TIMEOUT)
            assert (answer.status_code, answer.content) == (304, b"")
        session.headers["If-Modified-Since"] = (
            "Sat, 01 Jan 2000 00:00:00 GMT")
        answer = session.get(url, timeout=TIMEOUT)
        assert (answer.status_code, answer.content) == (200, content)


def test_head(film):
    """F3: the size is told, and nothing sent."""
    answer = requests.head(film[0], timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(SIZE)


def test_broken_off_download(film, tmp_path):
    """curl goes on where somebody else had to stop."""
    url, content = film
    file = tmp_path / "film.mp4"
    file.write_bytes(content[:SIZE // 3])
    subprocess.run(["curl", "--no-progress-meter", "--fail", "--noproxy", "*",
                    "-C", "-", "-o", file, url], check=True, timeout=TIMEOUT)
    assert file.read_bytes() == content


def test_no_such_file(film):
    url, _ = film
    assert get(url + "x").status_code == 404
    # Bottle's words where a path leads out of the folder.
    outside = get(url.replace("film.mp4", "..%2f..%2fmore.conf"))
    assert outside.status_code in (400, 403, 404)
