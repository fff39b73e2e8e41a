"""The form between a student's process and the judge's: plain data passes, all else is refused."""

import collections
import pickle
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import torch

from utils.grading.sandbox import wire


def extension(code: int, content: bytes) -> bytes:
    return msgpack.packb(msgpack.ExtType(code, content))


def array(*head: Any) -> bytes:
    return extension(wire.ARRAY, msgpack.packb(list(head)))


def nested(depth: int) -> bytes:
    value = b"\xc0"
    for _ in range(depth):
        value = extension(wire.TUPLE, b"\x91" + value)
    return value


def colliding(count: int) -> bytes:
    """A dictionary whose keys may all have one hash."""
    keys = (msgpack.packb([n]) for n in range(count))  # tuples' hashes can be made to order
    pairs = [extension(wire.TUPLE, key) + b"\0" for key in keys]
    return b"\xdf" + struct.pack(">I", count) + b"".join(pairs)


PLAIN = [
    None, True, 0, -5, 2**63, -(2**63), 0.1, float("inf"), "é☃", b"\xff", [], [1, [2.5, "x"]], (),
    (1, (2, 3)), {"a": {1: (2,)}, 3: None}, Path("/tmp/inputs-x/grey.png"),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    came = wire.decode(wire.encode(value))
    assert type(came) is type(value)
    assert came == value


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", ">f8"])
@pytest.mark.parametrize("shape", [(), (0, 2), (3,), (2, 3, 4)], ids=str)
def test_arrays_come_back_with_shape_type_and_values(dtype: str, shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape), dtype=float).reshape(shape).astype(dtype)
    came = wire.decode(wire.encode(values))
    assert came.shape == shape
    assert came.dtype == values.dtype.newbyteorder("<")
    assert came.tolist() == values.tolist()


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (torch.Size([1, 2]), (1, 2)),
        (collections.namedtuple("Pair", "a b")(1, 2), (1, 2)),
        (collections.OrderedDict(a=1), {"a": 1}),
        (np.array(["a", "b"]), ["a", "b"]),
    ],
    ids=repr,
)
def test_librarys_own_types_become_plain_values(value: Any, plain: Any) -> None:
    came = wire.decode(wire.encode(value))
    assert type(came) is type(plain)
    assert came == plain


def test_a_tensor_becomes_an_array() -> None:
    came = wire.decode(wire.encode(torch.ones(2, 3, requires_grad=True)))
    assert type(came) is np.ndarray
    assert came.tolist() == [[1, 1, 1], [1, 1, 1]]


def loop() -> list:
    own: list = []
    own.append(own)
    return own


@pytest.mark.parametrize(
    "value",
    [object(), len, loop(), "\ud83d", {(): [{1}]}, np.array([object()]), 1j, range(3)],
    ids=["object", "function", "loop", "half an emoji", "set", "array of objects", "1j", "range"],
)
def test_what_is_no_plain_data_is_not_sent(value: Any) -> None:
    with pytest.raises(wire.WireError):
        wire.encode(value)


HOSTILE = {
    "nothing": b"",
    "half a text": b"\xa5ab",
    "no text": b"\xa2\xff\xfe",
    "two values": b"\x01\x02",
    "a pickle": pickle.dumps({"a": 1}),
    "a pickle as an extension": extension(5, pickle.dumps(1)),
    "an unknown extension": extension(99, b""),
    "a list of 4 billion": b"\xdd\xff\xff\xff\xff",
    "a dictionary of 4 billion": b"\xdf\xff\xff\xff\xff",
    "a text of 4 billion": b"\xdb\xff\xff\xff\xff",
    "deep lists": b"\x91" * 500_000 + b"\xc0",
    "deep tuples": nested(100),
    "a list for a key": b"\x81\x90\xc0",
    "an array for a key": b"\x81" + array("<f8", [1], bytes(8)) + b"\xc0",
    "objects": array("|O", [1], bytes(8)),
    "records": array([["a", "<f8"]], [1], bytes(8)),
    "another order of bytes": array(">f8", [1], bytes(8)),
    "a negative axis": array("<f8", [-1], bytes(8)),
    "axes that overflow": array("|u1", [2**32, 2**32], b""),
    "a true axis": array("<f8", [True], bytes(8)),
    "too few values": array("<f8", [3], bytes(8)),
    "too many axes": array("<f8", [1] * 65, bytes(8)),
    "text for values": array("<f8", [1], "12345678"),
    "an array of nothing": extension(wire.ARRAY, b""),
    "a tuple of a dictionary": extension(wire.TUPLE, b"\x80"),
    "a path that is no text": extension(wire.PATH, b"\xff"),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(data)


def test_keys_that_collide_are_refused() -> None:
    """A dictionary of them takes hours to build, which no deadline would end."""
    with pytest.raises(wire.WireError):
        wire.decode(colliding(200))


Feed = Callable[[bytes], socket.socket]


@pytest.fixture
def feed() -> Any:
    """A channel on which these bytes come, and then no more."""
    opened: list[socket.socket] = []

    def run(data: bytes) -> socket.socket:
        ours, theirs = socket.socketpair()
        opened.extend((ours, theirs))
        threading.Thread(target=lambda: (theirs.sendall(data), theirs.close())).start()
        return ours

    yield run
    for one in opened:
        one.close()


def test_a_message_that_is_too_long_is_not_read(feed: Feed) -> None:
    with pytest.raises(wire.WireError):
        wire.receive(feed(struct.pack(">I", 2**32 - 1) + b"x"))


@pytest.mark.parametrize("data", [b"", b"\0\0", struct.pack(">I", 10) + b"abc"], ids=repr)
def test_an_end_within_a_message_is_told(data: bytes, feed: Feed) -> None:
    with pytest.raises(EOFError):
        wire.receive(feed(data))


def test_a_reply_that_does_not_end_meets_its_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack(">I", 100) + b"abc")
        with pytest.raises(TimeoutError):
            wire.receive(ours, deadline=0.0)
