"""Chunks deleted piece by piece, so that no transaction takes long. No NumPy: the keeper needs it early."""

import sqlite3
from collections import deque
from collections.abc import Iterable

from stepwire.storage.series.chunks import COLUMN_BITS

PIECE_BYTES = 1024 * 1024
PIECE_BLOCKS = 2048


class Eraser:
    """Deletes some chunks with their blocks, as much in one call as one transaction should take.

    A chunk's own row goes last: until then the next life finds what is left.
    """

    def __init__(self, chunks: Iterable[int]) -> None:
        self._chunks = deque(chunks)

    @property
    def is_done(self) -> bool:
        """Whether all are deleted."""
        return not self._chunks

    def step(self, db: sqlite3.Connection) -> None:
        """Delete the next piece: about a megabyte, and at least one block."""
        size, blocks = PIECE_BYTES, PIECE_BLOCKS
        while self._chunks and size > 0 and blocks > 0:
            start = self._chunks[0] << COLUMN_BITS
            query = "SELECT id, length(body) FROM block WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
            found = db.execute(query, (start, start + (1 << COLUMN_BITS), blocks)).fetchall()
            taken = 0
            while taken < len(found) and size > 0:
                size -= found[taken][1]
                taken += 1
            blocks -= max(taken, 1)
            if taken:
                db.execute("DELETE FROM block WHERE id >= ? AND id <= ?", (start, found[taken - 1][0]))
            if taken == len(found) and (taken == 0 or blocks > 0):
                db.execute("DELETE FROM chunk WHERE number = ?", (self._chunks.popleft(),))


def purge_some(db: sqlite3.Connection, source: int) -> bool:
    """Remove one piece of a deleted source; false when nothing is left of it."""
    of_sets = "metric_set IN (SELECT number FROM metric_set WHERE source = ?)"
    found = db.execute(f"SELECT number FROM chunk WHERE {of_sets} LIMIT {PIECE_BLOCKS}", (source,)).fetchall()
    if found:
        Eraser(number for (number,) in found).step(db)
        return True
    if any(_purge_bodies(db, table, source) for table in ("journal", "record")):
        return True
    query = "DELETE FROM run_metric WHERE rowid IN (SELECT rowid FROM run_metric WHERE source = ? LIMIT ?)"
    if db.execute(query, (source, PIECE_BLOCKS)).rowcount:
        return True
    for table in ("sealed", "dropped", "metric_cut"):
        db.execute(f"DELETE FROM {table} WHERE {of_sets}", (source,))
    for table in ("renamed", "metric_set"):
        db.execute(f"DELETE FROM {table} WHERE source = ?", (source,))
    db.execute("DELETE FROM dead_letters WHERE stream IN (SELECT number FROM stream WHERE source = ?)", (source,))
    db.execute("DELETE FROM stream WHERE source = ?", (source,))
    db.execute("DELETE FROM source WHERE number = ?", (source,))
    return False


def _purge_bodies(db: sqlite3.Connection, table: str, source: int) -> bool:
    """Delete some rows of a table whose bodies may be large; false when there are none."""
    query = f"SELECT number, length(body) FROM {table} WHERE source = ? LIMIT {PIECE_BLOCKS}"
    numbers, size = [], 0
    for number, nbytes in db.execute(query, (source,)):
        numbers.append(number)
        size += nbytes
        if size > PIECE_BYTES:
            break
    db.executemany(f"DELETE FROM {table} WHERE number = ?", ((number,) for number in numbers))
    return bool(numbers)
