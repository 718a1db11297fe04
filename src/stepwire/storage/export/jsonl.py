"""JSON Lines: one object per log row."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from stepwire.storage.export.pieces import pieces, printable
from stepwire.storage.series.interface import RawBlock
from stepwire.storage.tables import speak_finite

CELLS = 1 << 14


class LogRow(msgspec.Struct, gc=False):
    """One line: a log row of one metric set. ``time`` in µs since 1970."""

    step: int | float
    time: int
    metrics: dict[str, Any]
    attempt: int
    rank: int
    seq: int
    superseded: bool


def write_jsonl(blocks: Iterable[RawBlock]) -> Iterator[bytes]:
    """Yield some thousand lines at a time, each a :class:`LogRow`.

    Finite values read back as the same float64, others are the strings ``"NaN"``, ``"Infinity"`` and
    ``"-Infinity"``.
    """
    encoder = msgspec.json.Encoder()
    for piece in pieces(blocks, CELLS):
        yield encoder.encode_lines(_log_rows(piece))


def _log_rows(block: RawBlock) -> list[LogRow]:
    names = [printable(name) for name in block.names]
    columns = zip(
        block.steps.tolist(),
        block.times.tolist(),
        _values(block.values),
        block.seqs.tolist(),
        block.superseded.tolist(),
        strict=True,
    )
    return [
        LogRow(step, time, dict(zip(names, values, strict=True)), block.attempt, block.rank, seq, superseded)
        for step, time, values, seq, superseded in columns
    ]


def _values(values: Any) -> list[list[Any]]:
    """The rows of ``values``; where one is not finite, its string."""
    rows: list[list[Any]] = values.tolist()
    for at in np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist():
        rows[at] = speak_finite(rows[at])
    return rows
