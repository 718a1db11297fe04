"""TensorBoard event files for tests, put together byte by byte."""

import struct

from stepwire.formats.tfrecord import frame


def varint(number: int) -> bytes:
    """A number of the wire format; negative ones as 64 bits."""
    number &= 0xFFFFFFFFFFFFFFFF
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(wall_time: float, step: int, *values: bytes) -> bytes:
    """An ``Event`` with a ``Summary``."""
    summary = field(5, b"".join(field(1, value) for value in values))
    return b"\x09" + struct.pack("<d", wall_time) + b"\x10" + varint(step) + summary


def simple(tag: str, value: float) -> bytes:
    """A value as TensorFlow 1, PyTorch and tensorboardX write it."""
    return field(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


def tensor(tag: str, dtype: int, body: bytes, shape: bytes = b"") -> bytes:
    """A value as TensorFlow 2, Keras and JAX write it; ``body`` holds the fields with the numbers."""
    metadata = field(9, field(1, field(1, b"scalars")))
    return field(1, tag.encode()) + field(8, b"\x08" + varint(dtype) + field(2, shape) + body) + metadata


def version() -> bytes:
    """The first record of every file."""
    return frame(b"\x09" + struct.pack("<d", 1763905927.0) + field(3, b"brain.Event:2"))
