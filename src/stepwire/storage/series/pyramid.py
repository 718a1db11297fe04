"""The levels above the first: 256 cells out of 2,048 of the level below, each chunk written once, when it is full.

Imported lazily: the server listens before NumPy is loaded.
"""

import sqlite3
from collections.abc import Sequence

import numpy as np

from stepwire.storage.series import chunks
from stepwire.storage.series.cells import (
    Cells,
    decode_cells,
    decode_ends,
    encode_cells,
    encode_ends,
    join_cells,
    join_ends,
    merge_cells,
    merge_ends,
)
from stepwire.storage.series.chunks import Chunk, NewChunk
from stepwire.storage.series.encoding import Array
from stepwire.storage.series.levels import CELLS_PER_CHUNK, RADIX, chunk_cells, chunk_rows

COLUMNS_AT_ONCE = 128


def next_due(db: sqlite3.Connection, metric_set: int, width: int, rows: int) -> tuple[int, int] | None:
    """The next (level, k) that can be built over ``rows`` sealed rows; ``None`` when none is due."""
    below = rows // chunk_rows(width)  # full chunks of level 1
    level = 2
    while True:
        due = below // _children(level, width)
        if not due:
            return None
        made = chunks.count_chunks(db, metric_set, level)
        if made < due:
            return level, made
        below, level = made, level + 1


def _children(level: int, width: int) -> int:
    """How many chunks of the level below make one of this level."""
    return CELLS_PER_CHUNK * RADIX // chunk_cells(level - 1, width)


def read_children(db: sqlite3.Connection, metric_set: int, width: int, level: int, k: int) -> list[Chunk]:
    """The chunks below ``(level, k)``."""
    count = _children(level, width)
    return chunks.read_chunks(db, metric_set, level - 1, k * count, (k + 1) * count - 1)


def build_chunk(db: sqlite3.Connection, metric_set: int, level: int, k: int, children: Sequence[Chunk]) -> NewChunk:
    """The chunk over its children, without blocks."""
    ends = merge_ends(join_ends([decode_ends(child.axis, child.rows) for child in children]))
    (first_seq,) = db.execute("SELECT first_seq FROM chunk WHERE number = ?", (children[0].number,)).fetchone()
    return NewChunk(
        metric_set, level, k, len(ends.count), first_seq, float(ends.s_min.min()), float(ends.s_max.max()),
        int(ends.t_min.min()), int(ends.t_max.max()), encode_ends(ends),
    )  # fmt: skip


def build_bodies(db: sqlite3.Connection, width: int, children: Sequence[Chunk], first: int) -> list[bytes]:
    """The bodies of the chunk over these children, of ``COLUMNS_AT_ONCE`` columns from ``first`` on."""
    last = min(first + COLUMNS_AT_ONCE, width)
    cells = join_cells([_read_cells(db, child, first, last) for child in children])
    return encode_cells(merge_cells(cells))


def _read_cells(db: sqlite3.Connection, child: Chunk, first: int, last: int) -> Cells:
    ends = decode_ends(child.axis, child.rows)
    decoded = [
        _nothing(child.rows) if body is None else decode_cells(body, child.rows)
        for body in chunks.read_columns(db, child.number, first, last)
    ]
    figures = np.stack([four.astype("<f8") for four, _, _ in decoded], axis=2)
    odd = None
    if any(one is not None for _, _, one in decoded):
        odd = np.stack([np.zeros(child.rows) if one is None else one for _, _, one in decoded], axis=1).astype(np.int64)
    low, high, first_values, last_values = figures
    return Cells(
        ends.count, low, high, np.stack([mean for _, mean, _ in decoded], axis=1), first_values, last_values, odd
    )


def _nothing(cells: int) -> tuple[Array, Array, None]:
    """What stands for the cells of a deleted metric; nobody reads them."""
    return np.zeros((4, cells)), np.zeros(cells), None
