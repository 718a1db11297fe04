"""The ring of a spool, read after its process is gone.

A ring is a file in memory (``/dev/shm`` on Linux). Its first page tells whose it is and from where records count;
behind it lie the records of ``stepwire.formats.spool``. A record never goes over the end: a WRAP marker says that the
next one begins at the start. Records are read from the tail on until one is not whole or has another number than
expected; what an earlier lap left behind has a lower number and ends it, too.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stepwire.formats.spool import HEAD_BYTES, NAMES, WRAP, Item, read_items

HEAD_PAGE_BYTES = 8192
RING_MAGIC = b"SWRING01"
TAIL_PLACES = (16, 64)
"""Where the tail stands: two places, written in turn, so that one of them is always whole."""
IDENTITY_PLACE = 128
IDENTITY_BYTES = HEAD_PAGE_BYTES - IDENTITY_PLACE
_tail = struct.Struct("<QQ")
_wrap = struct.pack("<I", WRAP)


class RingError(OSError):
    """The file is no ring of this version, or its first page is damaged."""


def read_ring(path: Path) -> list[Item]:
    """The records from the tail on, of a ring that a process left behind. Raises as ``read_records``."""
    return list(read_records(path))


def read_records(path: Path) -> Iterator[Item]:
    """The records from the tail on, of a ring that a process left behind, one by one.

    Raises:
        OSError: It can't be read, or is no ring.
    """
    data = path.read_bytes()
    if data[:8] != RING_MAGIC or len(data) <= HEAD_PAGE_BYTES:
        raise RingError(f"{path} is no ring of this version")
    tails = [_read_tail(data[at : at + 20]) for at in TAIL_PLACES]
    known = [tail for tail in tails if tail is not None]
    if not known:
        raise RingError(f"{path} has no readable tail")
    tail, seq = max(known)
    return _records(data[HEAD_PAGE_BYTES:], tail, seq)


def read_ring_identity(path: Path) -> dict[str, Any]:
    """What the first page of a ring tells about its owner. Raises OSError."""
    with path.open("rb") as file:
        page = file.read(HEAD_PAGE_BYTES)
    if page[:8] != RING_MAGIC or len(page) < HEAD_PAGE_BYTES:
        raise RingError(f"{path} is no ring of this version")
    return _identity(page)


def _identity(data: bytes) -> dict[str, Any]:
    import json

    try:
        found = json.loads(data[IDENTITY_PLACE:HEAD_PAGE_BYTES].rstrip(b"\0"))
    except ValueError as error:
        raise RingError("the ring's first page is damaged") from error
    return found if isinstance(found, dict) else {}


def _records(ring: bytes, tail: int, seq: int) -> Iterator[Item]:
    """The records from ``tail`` on, as long as their numbers follow each other."""
    capacity = len(ring)
    position, limit = tail, tail + capacity
    while position < limit:
        at = position % capacity
        if capacity - at < HEAD_BYTES or ring[at : at + 4] == _wrap:
            position += capacity - at
            continue
        found = next(read_items(ring, at), None)
        if found is None:
            return
        after, item = found
        if item.seq != (seq - 1 if item.kind == NAMES else seq):
            return
        yield item
        seq += item.span
        position += after - at


def _read_tail(data: bytes) -> tuple[int, int] | None:
    if struct.unpack("<I", data[16:])[0] != zlib.crc32(data[:16]):
        return None
    position, seq = _tail.unpack(data[:16])
    return int(position), int(seq)
