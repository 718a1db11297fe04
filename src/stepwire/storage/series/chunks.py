"""The rows of chunks and blocks. A chunk says where some rows of a metric set lie; its blocks hold one column each.

Level 0 are points; the chunk ``k`` holds rows ``k·N`` up to ``(k+1)·N`` of its set. Level 1 are the cells of just
those rows. From level 2 on a chunk holds 256 cells and is written once, when it is full.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

COLUMN_BITS = 14
_IDS_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Sealed:
    """How far a metric set is in blocks; see the table ``sealed``."""

    rows: int = 0
    raw_from: int = 0
    step_sorted: bool = True
    time_sorted: bool = True
    last_step: float = 0.0
    last_time: int = 0
    summary: bytes = b""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its number, its place ``k``, how many rows or cells it has, where they lie."""

    number: int
    k: int
    rows: int
    axis: bytes


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk to be written, with what a search needs of it."""

    metric_set: int
    level: int
    k: int
    rows: int
    first_seq: int
    s0: float
    s1: float
    t0: int
    t1: int
    axis: bytes


def read_sealed(db: sqlite3.Connection, sets: Sequence[int]) -> dict[int, Sealed]:
    """How far these metric sets are; those without a block are left out."""
    found = {}
    query = "SELECT rows, raw_from, step_sorted, time_sorted, last_step, last_time, summary FROM sealed"
    for number in sets:
        row = db.execute(f"{query} WHERE metric_set = ?", (number,)).fetchone()
        if row is not None:
            rows, raw_from, step_sorted, time_sorted, last_step, last_time, summary = row
            found[number] = Sealed(rows, raw_from, bool(step_sorted), bool(time_sorted), last_step, last_time, summary)
    return found


def read_chunks(db: sqlite3.Connection, metric_set: int, level: int, first: int, last: int) -> list[Chunk]:
    """The chunks ``first`` to ``last``, both included, in order."""
    return [Chunk(*row) for row in read_pieces(db, metric_set, level, first, last)]


def read_pieces(
    db: sqlite3.Connection, metric_set: int, level: int, first: int, last: int
) -> list[tuple[int, int, int, bytes]]:
    """As ``read_chunks``, as plain (number, k, rows, axis): a chart may need a hundred."""
    query = (
        "SELECT number, k, rows, axis FROM chunk WHERE metric_set = ? AND level = ? AND k BETWEEN ? AND ? ORDER BY k"
    )
    return db.execute(query, (metric_set, level, first, last)).fetchall()


def count_chunks(db: sqlite3.Connection, metric_set: int, level: int) -> int:
    """How many chunks this level has; from level 1 on none is missing in between."""
    query = "SELECT max(k) FROM chunk WHERE metric_set = ? AND level = ?"
    last = db.execute(query, (metric_set, level)).fetchone()[0]
    return 0 if last is None else last + 1


def bounds(db: sqlite3.Connection, metric_set: int, k: int, axis: str) -> tuple[float, float]:
    """The least and the greatest step (``s``) or time (``t``) of a chunk of level 1."""
    query = f"SELECT {axis}0, {axis}1 FROM chunk WHERE metric_set = ? AND level = 1 AND k = ?"
    found: tuple[float, float] = db.execute(query, (metric_set, k)).fetchone()
    return found


def first_seq(db: sqlite3.Connection, metric_set: int, k: int) -> int:
    """The record number of the first row of a chunk of level 1."""
    query = "SELECT first_seq FROM chunk WHERE metric_set = ? AND level = 1 AND k = ?"
    return int(db.execute(query, (metric_set, k)).fetchone()[0])


def read_blocks(db: sqlite3.Connection, chunks: Iterable[int], column: int) -> dict[int, bytes]:
    """The bodies of one column, by chunk number."""
    ids = [number << COLUMN_BITS | column for number in chunks]
    found: dict[int, bytes] = {}
    for at in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[at : at + _IDS_AT_ONCE]
        marks = ",".join("?" * len(some))
        for block_id, body in db.execute(f"SELECT id, body FROM block WHERE id IN ({marks})", some):
            found[block_id >> COLUMN_BITS] = body
    return found


def read_columns(db: sqlite3.Connection, chunk: int, first: int, last: int) -> list[bytes | None]:
    """The bodies of the columns ``first`` up to ``last`` (left out) of one chunk; ``None``: the metric was deleted."""
    query = "SELECT id, body FROM block WHERE id >= ? AND id < ?"
    start = (chunk << COLUMN_BITS) + first
    found: list[bytes | None] = [None] * (last - first)
    for block, body in db.execute(query, (start, start + last - first)):
        found[block - start] = body
    return found


def write_chunk(db: sqlite3.Connection, number: int, new: NewChunk) -> None:
    """Make a chunk visible. Its blocks were written before."""
    db.execute(
        "INSERT INTO chunk (number, metric_set, level, k, rows, first_seq, s0, s1, t0, t1, axis) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number, new.metric_set, new.level, new.k, new.rows, new.first_seq, new.s0, new.s1, new.t0, new.t1, new.axis,
        ),
    )  # fmt: skip


def write_blocks(db: sqlite3.Connection, blocks: Iterable[tuple[int, bytes]]) -> None:
    """Write bodies by id. What a killed process left under the same id is replaced."""
    db.executemany("INSERT OR REPLACE INTO block (id, body) VALUES (?, ?)", blocks)


def delete_chunk(db: sqlite3.Connection, number: int) -> None:
    """Forget a chunk and its blocks."""
    delete_blocks(db, number)
    db.execute("DELETE FROM chunk WHERE number = ?", (number,))


def delete_blocks(db: sqlite3.Connection, number: int) -> None:
    """Forget the blocks of a chunk."""
    start = number << COLUMN_BITS
    db.execute("DELETE FROM block WHERE id >= ? AND id < ?", (start, start + (1 << COLUMN_BITS)))


def write_sealed(db: sqlite3.Connection, metric_set: int, state: Sealed) -> None:
    """Say how far a metric set is in blocks."""
    db.execute(
        "INSERT INTO sealed (metric_set, rows, raw_from, step_sorted, time_sorted, last_step, last_time, summary) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (metric_set) DO UPDATE SET rows = excluded.rows, "
        "raw_from = excluded.raw_from, step_sorted = excluded.step_sorted, time_sorted = excluded.time_sorted, "
        "last_step = excluded.last_step, last_time = excluded.last_time, summary = excluded.summary",
        (
            metric_set, state.rows, state.raw_from, int(state.step_sorted), int(state.time_sorted),
            state.last_step, state.last_time, state.summary,
        ),
    )  # fmt: skip


def last_chunk(db: sqlite3.Connection) -> int:
    """The highest number that a chunk ever had."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunk'").fetchone()
    return 0 if row is None else row[0]
