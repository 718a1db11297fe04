"""Blocks of deleted metrics: which nobody reads any more. No NumPy: the keeper needs it early."""

import sqlite3
from collections.abc import Iterator

from stepwire.storage.series.chunks import COLUMN_BITS
from stepwire.storage.series.erase import PIECE_BLOCKS, PIECE_BYTES
from stepwire.storage.series.levels import cell_rows, chunk_cells

Cut = tuple[int, int, int, int, int]
"""A deleted metric: (metric set, column, row before which it was deleted, sealed rows, metrics in the set)."""


def read_cuts(db: sqlite3.Connection) -> list[Cut]:
    """Every deleted metric with sealed rows; not of sets with an archive, which is read by the cells of its time."""
    query = (
        'SELECT metric_cut.metric_set, metric_cut."column", metric_cut.rows, sealed.rows, json_array_length(names) '
        "FROM metric_cut JOIN sealed ON sealed.metric_set = metric_cut.metric_set "
        "JOIN metric_set ON metric_set.number = metric_cut.metric_set WHERE metric_cut.rows > 0 "
        "AND metric_cut.metric_set NOT IN (SELECT metric_set FROM dropped WHERE archived = 1)"
    )
    return db.execute(query).fetchall()


def blocks_of(db: sqlite3.Connection, cut: Cut) -> Iterator[list[int]]:
    """The blocks, a piece at a time, that lie wholly before the deletion."""
    metric_set, column, stop, sealed, width = cut
    piece, size = [], 0
    query = (
        "SELECT level, k, id, length(body) FROM chunk JOIN block ON block.id = (chunk.number << ?) + ? "
        "WHERE metric_set = ?"
    )
    for level, k, block, nbytes in db.execute(query, (COLUMN_BITS, column, metric_set)):
        if sealed <= stop or (k + 1) * chunk_cells(level, width) * cell_rows(level) <= stop:
            piece.append(block)
            size += nbytes
            if size > PIECE_BYTES or len(piece) >= PIECE_BLOCKS:
                yield piece
                piece, size = [], 0
    if piece:
        yield piece
