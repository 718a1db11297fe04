"""Records in memory, and the frames that they make."""

import zlib
from collections.abc import Callable
from functools import lru_cache
from struct import Struct, pack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepwire.protocol import Batch, SetColumns

Record = dict[str, Any]
"""A record that is not a point: ``type``, ``time`` in µs, and the fields of that type."""


@lru_cache(maxsize=1024)
def _packer(count: int) -> Callable[..., bytes]:
    """Return the packer of ``count`` values, one for all sets of that size: a run may have 100,000 sets."""
    return Struct(f"<{count}d").pack


class MetricSet:
    """The ordered names that one log call carries, prepared once.

    Attributes:
        ordinal: The set's number in its stream, from 0.
        pack: Packs one value per name into little-endian float64.
        announced: Generation of the outbox in which the names were last put on the wire; 0 for never.
        stream: The spool that knows the names.
    """

    __slots__ = ("announced", "names", "ordinal", "pack", "stream", "wire_bytes")

    def __init__(self, ordinal: int, names: tuple[str, ...], wire_bytes: int) -> None:
        self.ordinal = ordinal
        self.names = names
        self.pack = _packer(len(names))
        self.wire_bytes = wire_bytes
        self.announced = 0
        self.stream: object = None


Row = tuple[MetricSet, int | float, int, bytes]
"""One log call: its metric set, step, time in µs, and the packed values."""


class Kept:
    """A record that is not a point with its estimated size, so that it is measured once."""

    __slots__ = ("record", "size")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.size = 256 + len(repr(record))


def build_batch(first: int, items: list[Row | Kept], generation: int) -> "Batch":
    """Put rows side by side, metric set by metric set; the values are copied, never decoded."""
    from stepwire.protocol import Batch

    rows: dict[MetricSet, list[tuple[int, Row]]] = {}
    records: list[Record] = []
    for at, item in enumerate(items):
        if isinstance(item, Kept):
            records.append({"at": at, **item.record})
        else:
            rows.setdefault(item[0], []).append((at, item))
    sets = tuple(_columns(metric_set, numbered, generation) for metric_set, numbered in rows.items())
    crc = 0
    for columns in sets:
        for column in (columns.at, columns.steps, columns.times, columns.values):
            crc = zlib.crc32(column, crc)
    return Batch(first_seq=first, n=len(items), sets=sets, records=tuple(records), crc=crc)


def _columns(metric_set: MetricSet, rows: list[tuple[int, Row]], generation: int) -> "SetColumns":
    from stepwire.protocol import SetColumns

    count = len(rows)
    steps = [row[1] for _, row in rows]
    whole = all(type(step) is int for step in steps)
    new = metric_set.announced != generation
    metric_set.announced = generation
    return SetColumns(
        id=metric_set.ordinal,
        names=metric_set.names if new else None,
        at=pack(f"<{count}I", *(at for at, _ in rows)),
        step_type="i8" if whole else "f8",
        steps=pack(f"<{count}{'q' if whole else 'd'}", *steps),
        times=pack(f"<{count}q", *(row[2] for _, row in rows)),
        values=b"".join(row[3] for _, row in rows),
    )
