"""The last transaction of a seal: chunks appear, journal rows no longer count. No NumPy."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from stepwire.storage.database import driver
from stepwire.storage.series import chunks

if TYPE_CHECKING:
    from stepwire.storage.series.seal import Batchful


class GoneError(Exception):
    """There is nothing left to seal here."""


def flip(
    tx: Connection,
    batchful: "Batchful",
    numbered: list[tuple[int, chunks.NewChunk]],
    replaced: list[int],
    states: dict[int, chunks.Sealed],
    left: tuple[int, int, bytes] | None,
    records: bytes | None,
) -> None:
    """From this commit on the taken rows are read from blocks, and no longer from the journal.

    Raises:
        GoneError: The source was deleted, or the stream was sealed by somebody else, meanwhile.
    """
    db = driver(tx)
    source, stream, last = batchful.source, batchful.stream, batchful.numbers[-1]
    through = last if left is None else last - 1
    moved = db.execute(
        "UPDATE stream SET sealed_through = ? WHERE number = ? AND source = ? AND sealed_through = ?",
        (through, stream, source, batchful.sealed_through),
    )
    alive = db.execute("SELECT 1 FROM source WHERE number = ? AND kind <> 'deleted'", (source,)).fetchone()
    if moved.rowcount != 1 or alive is None:
        raise GoneError
    for number in replaced:
        chunks.delete_chunk(db, number)
    for number, chunk in numbered:
        chunks.write_chunk(db, number, chunk)
    for metric_set, state in states.items():
        chunks.write_sealed(db, metric_set, state)
    if left is not None:
        first_seq, n, body = left
        db.execute("DELETE FROM journal WHERE number = ?", (last,))
        db.execute(
            "INSERT INTO journal (number, source, stream, first_seq, n, body) VALUES (?, ?, ?, ?, ?, ?)",
            (last, source, stream, first_seq, n, body),
        )
    if records is not None:
        db.execute("INSERT INTO record (source, stream, body) VALUES (?, ?, ?)", (source, stream, records))
    db.execute("UPDATE source SET cursor = max(cursor, ?), stale = 1 WHERE number = ?", (last, source))


def show(tx: Connection, number: int, new: chunks.NewChunk) -> None:
    """Make a chunk count; its blocks go when its set was deleted meanwhile."""
    db = driver(tx)
    if db.execute("SELECT 1 FROM sealed WHERE metric_set = ?", (new.metric_set,)).fetchone() is None:
        chunks.delete_blocks(db, number)  # deleted meanwhile
    else:
        chunks.write_chunk(db, number, new)
