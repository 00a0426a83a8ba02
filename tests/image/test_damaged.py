"""An image that somebody else may have written, or that was damaged: it is
not started, and the answer comes as ever (J2)."""

import os
import random
import struct

import pytest

pytestmark = pytest.mark.slow
HEADER = 312        # bytes of struct image, lib/image/image.h
MAGIC = 0x6567616d69773263
BITS = (1 << 64) - 1
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
APP = """
    def application(environ, start_response):
        return reply(start_response, environ["cgi2wsgi.preloaded"])
"""


def sum_of(head):
    """place_sum(), lib/image/place.c."""
    total = MAGIC
    for word in struct.unpack(f"<{len(head) // 8 - 3}Q", head[24:]):
        total = (((total ^ word) * 0x9e3779b97f4a7c15) + (total >> 29)) & BITS
    return total


@pytest.fixture
def image(preloaded):
    """An image that nobody replaces meanwhile, and what asks for it."""
    script = preloaded.script(APP)
    made = preloaded.make(script)
    with preloaded.no_writer(made):
        yield made, lambda: preloaded.run(script).body


def test_each_byte_of_the_header(image):
    """J2: one bit of each is wrong."""
    path, ask = image
    good = path.read_bytes()
    assert struct.unpack("<Q", good[16:24])[0] == sum_of(
        good[:struct.unpack("<Q", good[24:32])[0]])
    started = []
    for place in range(HEADER):
        with path.open("r+b") as file:
            file.seek(place)
            file.write(bytes([good[place] ^ 1 << random.randrange(8)]))
            file.flush()
            if ask() != b"False":
                started.append(place)
            file.seek(place)
            file.write(good[place:place + 1])
    assert not started
    assert ask() == b"True"


# Where in struct image: what would be wrong of it with the right checksum.
@pytest.mark.parametrize("place, value", [
    ("version", (8, 99)), ("size", (32, 1)), ("page", (40, 16384)),
    ("user", (48, 54321)), ("group", (56, 54321)), ("boot", (64, 0)),
    ("is_line", (104, 0)), ("argv", (112, 1 << 40)), ("argv", (120, 1)),
    ("argv", (120, 1 << 61)), ("execfn", (128, 1 << 40)),
    ("files", (136, 4)), ("files", (144, 1 << 60)),
    ("libraries", (160, 1 << 59)), ("variables", (176, 1 << 60)),
    ("ignored", (192, 1 << 61)), ("segments", (208, 0)),
    ("segments", (208, 1 << 58)), ("touched", (224, 1 << 40)),
    ("touched", (216, 4)), ("families", (248, 1 << 61)),
    ("families", (240, 4))], ids=str)
def test_a_header_with_the_right_checksum(image, place, value):
    """J2, H7: each of its words is believed only within bounds."""
    path, ask = image
    data = bytearray(path.read_bytes())
    struct.pack_into("<Q", data, *value)
    head = struct.unpack_from("<Q", data, 24)[0]
    struct.pack_into("<Q", data, 16, sum_of(bytes(data[:head])))
    path.write_bytes(data)
    assert ask() == b"False"


# PRELOAD_BASE and PRELOAD_HEAD, lib/image/preload.h.
@pytest.mark.parametrize("address", [0x1000000000, 0x1100000000])
def test_memory_that_is_taken(image, address):
    """H7: nothing is put over what is there, of whoever starts the image."""
    path, ask = image
    data = bytearray(path.read_bytes())
    first, count = struct.unpack_from("<2Q", data, 200)
    for number in (0, count - 1):
        changed = bytearray(data)
        struct.pack_into("<Q", changed, first + number * 32, address)
        head = struct.unpack_from("<Q", data, 24)[0]
        struct.pack_into("<Q", changed, 16, sum_of(bytes(changed[:head])))
        path.write_bytes(changed)
        assert ask() == b"False"


def test_cut_short_anywhere(image):
    """J2: a disk was full, or a copy was broken off."""
    path, ask = image
    good = path.read_bytes()
    head = struct.unpack_from("<Q", good, 24)[0]
    for size in (0, 1, 8, HEADER - 1, HEADER, head - 8, head, 65536,
                 len(good) // 2, len(good) - 4096, len(good) - 1):
        os.truncate(path, size)
        assert ask() == b"False", size
        path.write_bytes(good)
    with path.open("ab") as file:
        file.write(b"more")
    assert ask() == b"False"


def owned(path):
    os.chown(path, 54321, -1)


def linked(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def replaced_by(make):
    def replace(path):
        path.unlink()
        make(path)
    return replace


@pytest.mark.parametrize("change", [
    pytest.param(owned, marks=ROOT), linked, replaced_by(os.mkfifo),
    replaced_by(os.mkdir), lambda path: path.chmod(0o620),
    lambda path: path.chmod(0o602), lambda path: path.unlink()],
    ids=["owner", "link", "FIFO", "folder", "group", "world", "gone"])
def test_the_file(image, change):
    """J2: whose it is, and who else may write it."""
    path, ask = image
    assert ask() == b"True"
    change(path)
    assert ask() == b"False"


def test_another_name_of_the_file(image):
    """J2: a hard link changes nothing: who may write it is the same."""
    path, ask = image
    os.link(path, path.with_name("other"))
    assert ask() == b"True"


@pytest.mark.parametrize("which, mode", [
    ("cache", 0o777), ("cache", 0o770), ("cache", 0o1777), ("above", 0o777),
    ("above", 0o770), pytest.param("cache", None, marks=ROOT),
    pytest.param("above", None, marks=ROOT)], ids=str)
def test_the_folders(preloaded, which, mode):
    """J2, J3: the folder's and each above it; then --cache is refused."""
    above = preloaded.cgi.folder / "above"
    above.mkdir()
    preloaded.cache = above / "images"
    preloaded.cache.mkdir(mode=0o700)
    script = preloaded.script(APP)
    preloaded.make(script)
    assert preloaded.run(script).body == b"True"
    folder = preloaded.cache if which == "cache" else above
    if mode is None:
        os.chown(folder, 54321, -1)
    else:
        folder.chmod(mode)
    reply = preloaded.run(script)
    assert b"True" not in reply.body
    folder.chmod(0o700)
    os.chown(folder, os.geteuid(), -1)


def test_a_sticky_folder_above(preloaded):
    """J2: as /tmp, where others cannot take ours away."""
    above = preloaded.cgi.folder / "above"
    above.mkdir()
    above.chmod(0o1777)
    preloaded.cache = above / "images"
    preloaded.cache.mkdir(mode=0o700)
    script = preloaded.script(APP)
    preloaded.make(script)
    assert preloaded.run(script).body == b"True"
