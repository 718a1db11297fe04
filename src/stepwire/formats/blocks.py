"""Rows of one metric set that stand side by side in a ring or a segment, taken as a whole instead of one by one.

The thread that sends shares Python's lock with the training. What it does per record costs the training that time;
so rows that follow each other with the same names are found and put into columns by slices with a stride, in C.
"""

import zlib
from array import array
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from stepwire.formats.spool import FLOAT_ROW, HEAD_BYTES, MAX_BODY_BYTES, ROW, Item, read_items

_LEAST = 4  # fewer rows are read one by one
_SAME = (0, 1, 2, 3, 16, 17, 18, 19, 20)  # the bytes of a record that tell length, type and metric set
_STEP, _TIME, _VALUES = 21, 29, 37
_read_place = Struct("<IIQBI").unpack_from
_read_check = Struct("<IQ").unpack_from


class Block(NamedTuple):
    """``span`` rows of one metric set: records ``seq``, ``seq + 1`` … of ``stride`` bytes each, with their heads."""

    seq: int
    kind: int
    body: bytes
    span: int
    stride: int
    ordinal: int

    def first(self, count: int) -> "Block":
        """The first ``count`` rows."""
        return self._replace(body=self.body[: count * self.stride], span=count)

    def after(self, seq: int) -> "Block":
        """The rows after record ``seq``."""
        gone = seq + 1 - self.seq
        return self._replace(seq=seq + 1, body=self.body[gone * self.stride :], span=self.span - gone)

    def time(self) -> int:
        """When the first row was logged, in µs since 1970."""
        return int.from_bytes(self.body[_TIME : _TIME + 8], "little", signed=True)

    def columns(self, first_seq: int) -> tuple[bytes, bytes, bytes, bytes]:
        """``at`` (u32 from ``first_seq``), ``steps``, ``times`` and row-major ``values``."""
        at = array("I", range(self.seq - first_seq, self.seq - first_seq + self.span)).tobytes()
        steps, times = (gather(self.body, self.stride, place, 8) for place in (_STEP, _TIME))
        return at, steps, times, gather(self.body, self.stride, _VALUES, self.stride - _VALUES)


def gather(data: bytes, stride: int, offset: int, width: int) -> bytes:
    """The same ``width`` bytes of every record of ``stride`` bytes, one after the other."""
    span = len(data) // stride
    if width * 2 > span:
        return b"".join([data[place : place + width] for place in range(offset, len(data), stride)])
    found = bytearray(width * span)
    for place in range(width):
        found[place::width] = data[offset + place :: stride]
    return bytes(found)


Part = Item | Block


def read_parts(data: bytes, place: int, most: int, first: int, *, checks: bool) -> Iterator[tuple[int, Part]]:
    """The records in ``data`` from ``place``, each or each block with the place after it.

    Ends before the first that is not whole, or once at most ``most`` records from number ``first`` on were given; those
    before it come along and don't count.

    Args:
        checks: Whether the rows of a block are checked against their checksums: not needed for bytes in the memory of
            the process that wrote them.
    """
    while most > 0:
        part: Part | None = _read_block(data, place, most, first, checks=checks)
        if part is not None:
            place += len(part.body)
        else:
            found = next(read_items(data, place), None)
            if found is None:
                return
            place, part = found
        most -= max(part.seq + part.span - max(part.seq, first), 0)
        yield place, part


def _read_block(data: bytes, place: int, most: int, first: int, *, checks: bool) -> Block | None:
    """The rows of one metric set at ``place``; ``None`` when fewer than some stand together there."""
    if place + _VALUES > len(data):
        return None
    length, _, seq, kind, ordinal = _read_place(data, place)
    stride = HEAD_BYTES + length
    if kind not in (ROW, FLOAT_ROW) or not _VALUES < stride <= MAX_BODY_BYTES:
        return None
    count = min((len(data) - place) // stride, most + max(first - seq, 0))
    for offset in _SAME:
        if count < _LEAST:
            return None
        same = data[place + offset : place + count * stride : stride]
        count = len(same) - len(same.lstrip(same[:1]))
    body = data[place : place + count * stride]
    if checks:
        count = _count_whole(body, seq, stride)
        body = body[: count * stride]
    return Block(seq, kind, body, count, stride, ordinal) if count >= _LEAST else None


def _count_whole(body: bytes, seq: int, stride: int) -> int:
    """How many rows from the first on are as they were written, and numbered one after the other."""
    ends = range(stride, len(body) + 1, stride)
    written = array("I", [zlib.crc32(body[end - stride + HEAD_BYTES : end]) for end in ends])
    if written.tobytes() == gather(body, stride, 4, 4) and _numbers(seq, len(written)) == gather(body, stride, 8, 8):
        return len(written)
    for count, crc in enumerate(written):
        if _read_check(body, count * stride + 4) != (crc, seq + count):
            return count
    return len(written)


def _numbers(first: int, count: int) -> bytes:
    return array("Q", range(first, first + count)).tobytes()


def rows_of(block: Block) -> Iterator[Item]:
    """The rows one by one."""
    for number in range(block.span):
        start = number * block.stride
        yield Item(block.seq + number, block.kind, block.body[start + HEAD_BYTES : start + block.stride])
