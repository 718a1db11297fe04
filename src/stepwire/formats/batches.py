"""Batches for a server out of records of a spool: columns side by side, values copied and never decoded."""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from stepwire.formats.blocks import Block, Part
from stepwire.formats.spool import FLOAT_ROW, HEAD_BYTES, ROW, ROW_BYTES, Item, read_record, set_of

if TYPE_CHECKING:
    from stepwire.protocol import Batch, SetColumns


def build_batch(
    parts: Sequence[Part], names: Mapping[int, tuple[str, ...]], is_new: Callable[[int], bool] = lambda _set: False
) -> "Batch":
    """One batch of records that follow each other.

    Args:
        parts: Rows, blocks of rows, records and gaps, at least one, in order and without a hole.
        names: The names of each metric set.
        is_new: Whether a set is to be introduced with its names; asked once for each set of the batch.
    """
    first = parts[0].seq
    rows: dict[tuple[int, int], list[Part]] = {}
    records: list[dict[str, Any]] = []
    for part in parts:
        if part.kind in (ROW, FLOAT_ROW):
            ordinal = part.ordinal if isinstance(part, Block) else set_of(part.body)
            rows.setdefault((ordinal, part.kind), []).append(part)
        elif isinstance(part, Item):
            records.append({"at": part.seq - first, **read_record(part.body)})
    new = {number: is_new(number) for number in {number for number, _ in rows}}
    sets = tuple(
        _columns(number, kind, found, first, _names_of(names, number, found[0]) if new[number] else None)
        for (number, kind), found in rows.items()
    )
    n = parts[-1].seq + parts[-1].span - first
    from stepwire.protocol import Batch

    return Batch(first_seq=first, n=n, sets=sets, records=tuple(records), crc=_crc(sets))


def _names_of(names: Mapping[int, tuple[str, ...]], number: int, row: Part) -> tuple[str, ...]:
    """The names of a metric set; where they are lost, some that keep its values."""
    try:
        return names[number]
    except KeyError:
        width = (row.stride - HEAD_BYTES if isinstance(row, Block) else len(row.body)) - ROW_BYTES
        return tuple(f"lost_name/{number}/{place}" for place in range(width // 8))


def _columns(number: int, kind: int, parts: list[Part], first: int, names: tuple[str, ...] | None) -> "SetColumns":
    from stepwire.protocol import SetColumns

    columns = [part.columns(first) if isinstance(part, Block) else _row_columns(part, first) for part in parts]
    at, steps, times, values = columns[0] if len(columns) == 1 else map(b"".join, zip(*columns, strict=True))
    step_type: Literal["i8", "f8"] = "i8" if kind == ROW else "f8"
    return SetColumns(id=number, names=names, at=at, step_type=step_type, steps=steps, times=times, values=values)


def _row_columns(row: Item, first: int) -> tuple[bytes, bytes, bytes, bytes]:
    body = row.body
    return struct.pack("<I", row.seq - first), body[13:21], body[21:29], body[29:]


def _crc(sets: "tuple[SetColumns, ...]") -> int:
    crc = 0
    for columns in sets:
        for column in (columns.at, columns.steps, columns.times, columns.values):
            crc = zlib.crc32(column, crc)
    return crc
