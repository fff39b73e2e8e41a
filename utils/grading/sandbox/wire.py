"""Values between a student's process and the judge's: plain data in frames, decoded strictly.

What comes from a student's process was written by whatever runs there. Nothing here builds an
object of a student's choosing: numbers, text, bytes, lists, tuples, dicts, None, paths, and arrays
of numbers, in msgpack with three extension types. No pickle.
"""

import math
import os
import select
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import msgpack
import numpy as np

LARGEST_FRAME = 16 * 2**20  # bytes that the judge reads at once
LARGEST_QUESTION = 256 * 2**20  # bytes that the judge may send: features of a whole data set
DEEPEST = 24  # tuples within tuples, arrays within dicts within lists, …
MOST_ITEMS = 50_000  # of all lists, tuples and dicts of a message: what hashing or printing bears
MOST_AXES = 16
DTYPES = {
    "|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8",
}  # fmt: skip
TUPLE, ARRAY, PATH = 1, 2, 3
KEYS = (str, int, float, bool, type(None))  # of dicts; tuples could be made to collide
START, END = b"s", b"e"  # what the judge asks a process that forks for
LENGTH = struct.Struct(">I")


class WireError(Exception):
    """A value that isn't plain data, or a frame that doesn't keep to the form."""


def encode(value: Any) -> bytes:
    """Turn a value into bytes; tensors, NumPy scalars and subclasses become plain values.

    Raises:
        WireError: it holds something else than plain data, or itself.
    """
    return _pack(value, 0)


def _pack(value: Any, depth: int) -> bytes:
    try:
        return msgpack.packb(_plain(value, depth), strict_types=True)
    except (ValueError, OverflowError, TypeError, UnicodeEncodeError) as error:
        raise WireError(f"it can't be handed over ({type(error).__name__})") from error


def _plain(value: Any, depth: int) -> Any:
    """The value as msgpack takes it: tuples, arrays and paths as extensions."""
    if depth > DEEPEST:
        raise WireError(f"it is nested more than {DEEPEST} deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)  # up to 64 bits
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, tuple):  # a torch.Size and a named tuple too
        return msgpack.ExtType(TUPLE, _pack(list(value), depth + 1))
    if isinstance(value, Mapping):
        return {_plain(k, depth + 1): _plain(item, depth + 1) for k, item in value.items()}
    if isinstance(value, PurePosixPath):
        return msgpack.ExtType(PATH, str(value).encode("utf-8"))
    return _numbers(value, depth)


def _numbers(value: Any, depth: int) -> Any:
    """Arrays, and what can be made one."""
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.generic):
        return _plain(value.item(), depth + 1)
    if not isinstance(value, np.ndarray):
        raise WireError(f"a {type(value).__name__} isn't plain data")
    array = np.ascontiguousarray(value).reshape(value.shape)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    if array.dtype.str not in DTYPES:
        return _plain(value.tolist(), depth + 1)
    head = [array.dtype.str, list(array.shape), array.tobytes()]
    return msgpack.ExtType(ARRAY, msgpack.packb(head))


def decode(data: bytes) -> Any:
    """Turn bytes into a value of plain data.

    Raises:
        WireError: malformed, too deep, too many items, or a type that isn't on the list.
    """
    return _Decoder().unpack(data, 0)


class _Decoder:
    """Builds one message's values, and counts what it builds."""

    def __init__(self) -> None:
        self.left = MOST_ITEMS

    def unpack(self, data: bytes, depth: int) -> Any:
        if depth > DEEPEST:
            raise WireError(f"nested more than {DEEPEST} deep")

        def extension(code: int, content: bytes) -> Any:
            return self.extended(code, bytes(content), depth + 1)

        try:
            return msgpack.unpackb(
                data, ext_hook=extension, list_hook=self.take_list,
                object_pairs_hook=self.take_dict,
                strict_map_key=False, timestamp=1,  # msgpack's own type for times: a float
            )  # fmt: skip
        except WireError:
            raise
        except Exception as error:  # msgpack raises many types
            raise WireError(f"malformed ({type(error).__name__})") from error

    def count(self, items: int) -> None:
        self.left -= items + 1
        if self.left < 0:
            raise WireError(f"more than {MOST_ITEMS} items")

    def take_list(self, items: list) -> list:
        self.count(len(items))
        return items

    def take_dict(self, pairs: list[tuple[Any, Any]]) -> dict:
        self.count(2 * len(pairs))
        if not all(type(key) in KEYS for key, _ in pairs):
            raise WireError("a dict with keys that aren't text or numbers")
        return dict(pairs)

    def extended(self, code: int, content: bytes, depth: int) -> Any:
        if code == TUPLE:
            items = self.unpack(content, depth)
            if type(items) is not list:
                raise WireError("a tuple without a list of items")
            return tuple(items)
        if code == ARRAY:
            return _array(self.unpack(content, depth))
        if code == PATH:
            return Path(content.decode("utf-8"))
        raise WireError("an unknown type")


def _array(head: Any) -> np.ndarray:
    if type(head) is not list or len(head) != 3:
        raise WireError("an array without type, shape and values")
    dtype, shape, values = head
    if type(dtype) is not str or dtype not in DTYPES or type(values) is not bytes:
        raise WireError("an array of a type that isn't on the list")
    axes = type(shape) is list and all(type(n) is int and 0 <= n < 2**31 for n in shape)
    if not axes or len(shape) > MOST_AXES:
        raise WireError("an array of an impossible shape")
    if math.prod(shape) * np.dtype(dtype).itemsize != len(values):
        raise WireError("an array whose values don't fill its shape")
    return np.frombuffer(values, dtype=dtype).reshape(shape).copy()


class Pipes:
    """Two pipes as a channel, where both ends can't share a socket: into a container."""

    def __init__(self, reader: int, writer: int) -> None:
        self.reader, self.writer, self.timeout = reader, writer, None
        os.set_blocking(writer, False)

    def settimeout(self, seconds: float | None) -> None:
        self.timeout = seconds

    def recv(self, most: int) -> bytes:
        if not select.select([self.reader], [], [], self.timeout)[0]:
            raise TimeoutError
        return os.read(self.reader, most)

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            if not select.select([], [self.writer], [], self.timeout)[1]:
                raise TimeoutError
            left = left[os.write(self.writer, left) :]

    def close(self) -> None:
        for descriptor in (self.reader, self.writer):
            with suppress(OSError):
                os.close(descriptor)


Channel = socket.socket | Pipes


def send(channel: Channel, message: Any) -> None:
    """Write one message as a frame: four bytes of length, then the data."""
    data = encode(message)
    channel.sendall(LENGTH.pack(len(data)) + data)


def receive(channel: Channel, deadline: float | None = None, most: int = LARGEST_FRAME) -> Any:
    """Read one message; `deadline` by `time.monotonic()`.

    Raises:
        WireError: a frame that is too long or malformed.
        TimeoutError: it didn't come in time.
        EOFError: the other side is gone.
    """
    (length,) = LENGTH.unpack(_exactly(channel, LENGTH.size, deadline))
    if length > most:
        raise WireError(f"a message of more than {most // 2**20} MiB")
    return decode(_exactly(channel, length, deadline))


def _exactly(channel: Channel, count: int, deadline: float | None) -> bytes:
    chunks, missing = [], count
    while missing:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            channel.settimeout(left)
        try:
            chunk = channel.recv(min(missing, 2**20))
        except ConnectionError as error:
            raise EOFError from error
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)
