"""The bytes of a spool: what the SDK keeps until a server has stored it, and what reads it after a crash.

A spool holds the records of one stream. ``docs/spool.md`` describes the format in full. A record is

    length u32 | crc32 u32 | seq u64 | type u8 | rest          (little-endian; the CRC covers ``seq`` to the end)

and ``rest`` is, by type:

    ROW, FLOAT_ROW   set u32 | step i64 or f64 | time i64 (µs) | one f64 per name
    NAMES            set u32 | MessagePack list of the set's names; ``seq`` is that of the record before
    RECORD           MessagePack map: a record that is not a point (JSON when it begins with a brace)
    GAP              MessagePack map with ``to``: the records ``seq … to`` had to leave
"""

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

ROW, FLOAT_ROW, NAMES, RECORD, GAP = 1, 2, 3, 4, 5
HEAD_BYTES = 8
ROW_BYTES = 29  # of a row's body before its values
WRAP = 0xFFFFFFFF
"""A length that is none: the rest of the ring up to its end is not used."""
SEGMENT_MAGIC = b"SWSPOOL1"
SEGMENT_HEAD_BYTES = 16
MAX_BODY_BYTES = 16 * 1024 * 1024

pack_head = struct.Struct("<II").pack
pack_row = struct.Struct("<QBIqq").pack
pack_float_row = struct.Struct("<QBIdq").pack
_pack_names = struct.Struct("<QBI").pack
_pack_record = struct.Struct("<QB").pack
_read_head = struct.Struct("<II").unpack_from
_read_kind = struct.Struct("<QB").unpack_from
_read_set = struct.Struct("<I").unpack_from
_pack_segment = struct.Struct("<8sQ")
_JSON_BEGINS = (b"{", b"[")  # in MessagePack these are the numbers 123 and 91
_pack_ack = struct.Struct("<QI")


class Item(NamedTuple):
    """One record as it was read: ``body`` begins with ``seq``; ``span`` is the number of records it stands for."""

    seq: int
    kind: int
    body: bytes
    span: int = 1


def frame(body: bytes) -> bytes:
    """A record with its length and checksum in front."""
    return pack_head(len(body), zlib.crc32(body)) + body


def names_body(seq: int, ordinal: int, names: tuple[str, ...]) -> bytes:
    """The record that tells the names of a metric set, after record ``seq``."""
    return _pack_names(seq, NAMES, ordinal) + _encode(list(names))


def record_body(seq: int, record: dict[str, Any]) -> bytes:
    """A record that is not a point."""
    return _pack_record(seq, RECORD) + _encode(record)


def gap_body(seq: int, gap: dict[str, Any]) -> bytes:
    """The record that stands for the records ``seq … gap["to"]``."""
    return _pack_record(seq, GAP) + _encode(gap)


def read_names(body: bytes) -> tuple[int, tuple[str, ...]]:
    """Ordinal and names of a metric set."""
    return _read_set(body, 9)[0], tuple(_decode(body[13:]))


def read_record(body: bytes) -> dict[str, Any]:
    """What a RECORD or GAP says."""
    found: dict[str, Any] = _decode(body[9:])
    return found


def set_of(body: bytes) -> int:
    """The metric set of a row."""
    return int(_read_set(body, 9)[0])


def read_items(data: bytes, start: int = 0) -> Iterator[tuple[int, Item]]:
    """The records in ``data`` from ``start``, each with the place after it; ends before the first that is not whole."""
    place, end = start, len(data)
    while place + HEAD_BYTES <= end:
        length, crc = _read_head(data, place)
        after = place + HEAD_BYTES + length
        if length < 9 or length > MAX_BODY_BYTES or after > end:
            return
        body = data[place + HEAD_BYTES : after]
        if zlib.crc32(body) != crc:
            return
        seq, kind = _read_kind(body)
        place = after
        yield place, Item(seq, kind, body, _span(seq, kind, body))


def _span(seq: int, kind: int, body: bytes) -> int:
    if kind == GAP:
        return int(read_record(body)["to"]) - seq + 1
    return 0 if kind == NAMES else 1


def segment_head(first_seq: int) -> bytes:
    """The first bytes of a segment file, whose first record is ``first_seq``."""
    return _pack_segment.pack(SEGMENT_MAGIC, first_seq)


def read_segment_head(data: bytes) -> int | None:
    """The number of a segment's first record; ``None`` when these bytes do not begin a segment."""
    if len(data) < SEGMENT_HEAD_BYTES:
        return None
    magic, first_seq = _pack_segment.unpack_from(data)
    return int(first_seq) if magic == SEGMENT_MAGIC else None


def write_ack(seq: int) -> bytes:
    """What the file ``ack`` holds once the server has stored all records up to ``seq``."""
    number = struct.pack("<Q", seq)
    return number + struct.pack("<I", zlib.crc32(number))


def read_ack(data: bytes) -> int:
    """The last acknowledged record; 0, which has all sent again, when the bytes are damaged."""
    if len(data) != _pack_ack.size:
        return 0
    seq, crc = _pack_ack.unpack(data)
    return int(seq) if zlib.crc32(data[:8]) == crc else 0


def _encode(value: Any) -> bytes:
    try:
        import msgspec
    except (ImportError, OSError):  # no file descriptor is free to load it: JSON, which begins otherwise
        return json.dumps(value, ensure_ascii=True).encode()
    return msgspec.msgpack.encode(value)


def _decode(data: bytes) -> Any:
    import msgspec

    return json.loads(data) if data[:1] in _JSON_BEGINS else msgspec.msgpack.decode(data)
