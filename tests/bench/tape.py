"""Batches of one metric set, ready to leave: equal frames side by side in one piece of memory."""

import struct
import zlib
from typing import Any

import msgspec
import numpy as np

from tests.bench.connection import masked
from tests.bench.noise import Noise

FIRST_ROW_SEQ = 2
"""Record 1 of each stream is its config; row r is record ``FIRST_ROW_SEQ + r``."""
COLUMNS = ("at", "steps", "times", "values")

_Field = tuple[str, str, int]


def set_of(noise: Noise, first: int, rows: int, *, number: int = 0, at: int = 0) -> dict[str, Any]:
    """A set with its names: the rows ``first …`` as the records ``at …`` of a batch."""
    return {
        "id": number,
        "names": noise.names,
        "at": np.arange(at, at + rows, dtype="<u4").tobytes(),
        "steps": np.arange(first, first + rows, dtype="<i8").tobytes(),
        "times": noise.times(first, rows).astype("<i8").tobytes(),
        "values": noise.values(first, rows).astype("<f8").tobytes(),
    }


def batch(first_seq: int, n: int, sets: list[dict[str, Any]], records: list[dict[str, Any]]) -> bytes:
    """The frame of any batch."""
    crc = 0
    for columns in sets:
        for name in COLUMNS:
            crc = zlib.crc32(columns[name], crc)
    body = {"type": "batch", "first_seq": first_seq, "n": n, "sets": sets, "records": records, "crc": crc}
    return masked(msgspec.msgpack.encode(body))


class Tape:
    """``frames`` frames of ``rows`` rows each of one run; frame f of the stream begins with row f x ``rows``.

    Attributes:
        frame_bytes: Size of each frame, header and all.
    """

    def __init__(self, noise: Noise, rows: int, frames: int) -> None:
        self._noise = noise
        self._rows = rows
        self._frames = frames
        self._start = -1
        template, layout = _template(rows, noise.metrics)
        self.frame_bytes = len(template)
        memory = bytearray(template * frames)
        self._view = memoryview(memory)
        self._fields = np.frombuffer(memory, layout)
        self._fields["at"] = np.arange(rows)
        self._slices = [(layout.fields[name][1], layout.fields[name][0].itemsize) for name in COLUMNS]  # type: ignore[index]

    def piece(self, frame: int, count: int) -> memoryview:
        """The bytes of the next at most ``count`` frames, from number ``frame`` of the stream on."""
        if self._start < 0 or not 0 <= frame - self._start < self._frames:
            self.fill(frame)
        at = frame - self._start
        return self._view[at * self.frame_bytes : min(at + count, self._frames) * self.frame_bytes]

    def fill(self, frame: int) -> None:
        """Hold the frames from number ``frame`` of the stream on."""
        self._start = frame
        first, rows = frame * self._rows, self._rows * self._frames
        fields = self._fields
        fields["seq"] = FIRST_ROW_SEQ + np.arange(first, first + rows, self._rows)
        fields["steps"] = np.arange(first, first + rows).reshape(self._frames, self._rows)
        fields["times"] = self._noise.times(first, rows).reshape(self._frames, self._rows)
        fields["values"] = self._noise.values(first, rows).reshape(self._frames, -1)
        fields["crc"] = [self._crc(at * self.frame_bytes) for at in range(self._frames)]

    def _crc(self, base: int) -> int:
        crc = 0
        for offset, size in self._slices:
            crc = zlib.crc32(self._view[base + offset : base + offset + size], crc)
        return crc


def _template(rows: int, metrics: int) -> tuple[bytes, np.dtype[Any]]:
    """A frame with its numbers left at 0, and where in it they stand."""
    parts: list[bytes | _Field] = [
        b"\x85" + _text("type") + _text("batch") + _text("n") + b"\xce" + struct.pack(">I", rows),
        _text("first_seq") + b"\xcf",
        ("seq", ">u8", 1),
        _text("crc") + b"\xce",
        ("crc", ">u4", 1),
        _text("sets") + b"\x91\x85" + _text("id") + b"\x00",
    ]
    for name, kind, count in zip(
        COLUMNS, ("<u4", "<i8", "<i8", "<f8"), (rows, rows, rows, rows * metrics), strict=True
    ):
        size = count * np.dtype(kind).itemsize
        parts += [_text(name) + b"\xc6" + struct.pack(">I", size), (name, kind, count)]
    return _join(parts)


def _join(parts: "list[bytes | _Field]") -> tuple[bytes, np.dtype[Any]]:
    body, fields = bytearray(), []
    for part in parts:
        if isinstance(part, bytes):
            body += part
        else:
            fields.append((*part, len(body)))
            body += bytes(part[2] * np.dtype(part[1]).itemsize)
    frame = masked(bytes(body))
    layout = {
        "names": [name for name, _, _, _ in fields],
        "formats": [(kind, (count,)) if name in COLUMNS else kind for name, kind, count, _ in fields],
        "offsets": [len(frame) - len(body) + offset for _, _, _, offset in fields],
        "itemsize": len(frame),
    }
    return frame, np.dtype(layout)


def _text(text: str) -> bytes:
    """A short text in MessagePack."""
    return bytes([0xA0 | len(text)]) + text.encode()
