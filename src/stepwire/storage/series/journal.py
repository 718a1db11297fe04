"""The rows of sources, streams, metric sets and the journal.

Plain SQL, and what runs for every frame straight to the driver: SQLAlchemy's part of a statement costs five times
the statement.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from stepwire.storage.database import driver
from stepwire.storage.row import MAX_INT
from stepwire.storage.series.directory import read_names, write_names
from stepwire.storage.series.frames import decode_frame
from stepwire.storage.series.levels import chunk_rows

_TRASH = "trashed/"  # no run's id has a slash


@dataclass(frozen=True, slots=True)
class StreamRow:
    """Where a stream stands, as its transaction sees it."""

    number: int
    source: int
    high: int
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class MetricSet:
    """Ordered metric names of a stream; ``id`` is the script's ordinal for them.

    ``is_closed``: its last rows are no longer here as points, so that nothing can follow them in the same chunk.
    """

    number: int
    id: int
    names: tuple[str, ...]
    is_closed: bool = False


def make_source(tx: Connection, source_id: str, kind: str) -> int:
    """Number of the source, made when it is new."""
    tx.exec_driver_sql("INSERT INTO source (id, kind) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", (source_id, kind))
    number = find_source(tx, source_id)
    assert number is not None
    return number


def find_source(connection: Connection, source_id: str) -> int | None:
    """Number of the source, or ``None``."""
    return connection.exec_driver_sql("SELECT number FROM source WHERE id = ?", (source_id,)).scalar_one_or_none()


def make_stream(tx: Connection, source_number: int, writer_id: str, attempt: int, rank: int) -> StreamRow:
    """The stream of this writer, made when it is new."""
    made = driver(tx).execute(
        # A late process of an attempt that was rewound is hidden as the others of it are, or would have been.
        "INSERT INTO stream (source, writer_id, attempt, rank, limit_step) VALUES (?, ?, ?, ?, (SELECT min(step) FROM ("
        "SELECT limit_step AS step FROM stream WHERE source = ? AND attempt >= ? "
        "UNION ALL SELECT rewound_to FROM stream WHERE source = ? AND attempt > ?))) "
        "ON CONFLICT (source, writer_id) DO NOTHING",
        (source_number, writer_id, attempt, rank, source_number, attempt, source_number, attempt),
    )
    if made.rowcount == 1:
        bump(tx, source_number)
    row = tx.exec_driver_sql(
        "SELECT number, source, high, attempt FROM stream WHERE source = ? AND writer_id = ?",
        (source_number, writer_id),
    ).one()
    return StreamRow(*row)


def find_stream(tx: Connection, number: int) -> StreamRow | None:
    """The stream, or ``None`` when its source was deleted."""
    query = (
        "SELECT stream.number, stream.source, stream.high FROM stream JOIN source ON source.number = stream.source "
        "WHERE stream.number = ? AND source.kind NOT IN ('deleted', 'trashed')"
    )
    row = driver(tx).execute(query, (number,)).fetchone()
    return None if row is None else StreamRow(*row)


def add_frame(tx: Connection, to: StreamRow, first_seq: int, n: int, body: bytes) -> int:
    """Append a row to the journal and move the stream's ``high``; returns the row's number."""
    direct = driver(tx)
    direct.execute("UPDATE stream SET high = ? WHERE number = ?", (first_seq + n - 1, to.number))
    number = direct.execute(
        "INSERT INTO journal (source, stream, first_seq, n, body) VALUES (?, ?, ?, ?, ?)",
        (to.source, to.number, first_seq, n, body),
    ).lastrowid
    assert number is not None
    return number


def note_time(tx: Connection, source_number: int, time: int) -> None:
    """Move the source's earliest time (µs) down to ``time``."""
    driver(tx).execute(
        "UPDATE source SET first_time = ? WHERE number = ? AND (first_time IS NULL OR first_time > ?)",
        (time, source_number, time),
    )


def first_time(connection: Connection, source_id: str) -> int | None:
    """The source's earliest time (µs)."""
    return connection.exec_driver_sql("SELECT first_time FROM source WHERE id = ?", (source_id,)).scalar_one_or_none()


def add_metric_set(
    tx: Connection, stream_number: int, source_number: int, set_id: int, names: tuple[str, ...]
) -> MetricSet:
    """Remember the names behind a stream's set id."""
    direct = driver(tx)
    direct.execute(
        "UPDATE source SET names = names + ?, version = version + 1 WHERE number = ?", (len(names), source_number)
    )
    number = direct.execute(
        "INSERT INTO metric_set (stream, id, names, source) VALUES (?, ?, ?, ?)",
        (stream_number, set_id, write_names(names), source_number),
    ).lastrowid
    assert number is not None
    return MetricSet(number, set_id, names)


def find_metric_set(tx: Connection, stream_number: int, set_id: int) -> MetricSet | None:
    """The metric set behind a stream's set id, as this transaction sees it; of those that follow it the last."""
    query = (
        "SELECT number, names, raw_from, rows FROM metric_set LEFT JOIN sealed ON metric_set = number "
        "WHERE stream = ? AND id = ?"
    )
    found, place = None, set_id
    while (row := driver(tx).execute(query, (stream_number, place)).fetchone()) is not None:
        names = read_names(row[1])
        closed = row[3] is not None and row[2] == row[3] and row[3] % chunk_rows(len(names)) > 0
        found = MetricSet(row[0], set_id, names, closed)
        if not closed:
            break
        place = -found.number
    return found


def follow_metric_set(tx: Connection, stream_number: int, source_number: int, closed: MetricSet) -> MetricSet:
    """Make the set that takes the rows of a closed one from now on."""
    made = add_metric_set(tx, stream_number, source_number, -closed.number, closed.names)
    return MetricSet(made.number, closed.id, made.names)


def count_names(tx: Connection, source_number: int) -> int:
    """At least as many as the source has metrics: those last counted and the sizes of the sets made since."""
    count: int = tx.exec_driver_sql("SELECT names FROM source WHERE number = ?", (source_number,)).scalar_one()
    return count


def set_names_count(tx: Connection, source_number: int, count: int) -> None:
    """Put the number of a source's metrics, counted, in place of the sum that ``count_names`` gives."""
    tx.exec_driver_sql("UPDATE source SET names = ? WHERE number = ?", (count, source_number))


def bodies(
    db: sqlite3.Connection, source: int, stream: int, first: int, last: int = MAX_INT
) -> Iterator[tuple[int, bytes]]:
    """Number and body of a stream's journal rows ``first`` to ``last``, both included, in order."""
    query = (
        "SELECT number, body FROM journal WHERE source = ? AND stream = ? AND number BETWEEN ? AND ? ORDER BY number"
    )
    yield from db.execute(query, (source, stream, first, last))


def last_number(connection: Connection) -> int:
    """The highest number that a journal row ever had."""
    query = "SELECT seq FROM sqlite_sequence WHERE name = 'journal'"
    return connection.exec_driver_sql(query).scalar_one_or_none() or 0


def last_number_of(connection: Connection, source_id: str) -> int:
    """The highest number that a source's journal rows ever had; 0 when it never had one."""
    query = (
        "SELECT max(source.cursor, coalesce((SELECT max(journal.number) FROM stream JOIN journal "
        "ON journal.source = stream.source AND journal.stream = stream.number "
        "WHERE stream.source = source.number), 0)) FROM source WHERE source.id = ?"
    )
    row = driver(connection).execute(query, (source_id,)).fetchone()
    return 0 if row is None else row[0]


def bump(tx: Connection, source_number: int) -> None:
    """Say that a source's streams, metric sets, names or limits are others now."""
    driver(tx).execute("UPDATE source SET version = version + 1 WHERE number = ?", (source_number,))


def mark_stale(tx: Connection, source_number: int) -> None:
    """Say that ``run_metric`` is behind the source's points."""
    driver(tx).execute("UPDATE source SET stale = 1 WHERE number = ? AND stale = 0", (source_number,))


def mark_fresh(tx: Connection, source_number: int) -> None:
    """Say that ``run_metric`` is as its points are."""
    driver(tx).execute("UPDATE source SET stale = 0 WHERE number = ?", (source_number,))


def state_of(db: sqlite3.Connection, source_number: int) -> tuple[Any, ...] | None:
    """What changes whenever a source's summaries may have: its version and how many records its streams have."""
    query = (
        "SELECT version, (SELECT sum(high) FROM stream WHERE stream.source = one.number) "
        "FROM source AS one WHERE one.number = ?"
    )
    row: tuple[Any, ...] | None = db.execute(query, (source_number,)).fetchone()
    return row


def write_metrics(tx: Connection, source_number: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows of ``run_metric``."""
    from stepwire.storage.series.summary import UPSERT

    driver(tx).executemany(UPSERT, [(source_number, *row) for row in rows])


def set_trashed(tx: Connection, source_number: int) -> None:
    """Take a source out of sight, to be found again by ``find_trashed``."""
    driver(tx).execute(
        f"UPDATE source SET id = '{_TRASH}' || id, kind = 'trashed', version = version + 1 WHERE number = ?",
        (source_number,),
    )


def find_trashed(connection: Connection, source_id: str) -> int | None:
    """Number of a source in the trash by the id that it had, or ``None``."""
    return find_source(connection, _TRASH + source_id)


def shown_id(connection: Connection, source_id: str) -> str:
    """The id that a source has now: another one while it is in the trash."""
    trashed = find_source(connection, source_id) is None and find_trashed(connection, source_id) is not None
    return _TRASH + source_id if trashed else source_id


def set_untrashed(tx: Connection, source_number: int, source_id: str) -> None:
    """Bring a source out of the trash; those there were runs."""
    driver(tx).execute(
        "UPDATE source SET id = ?, kind = 'run', version = version + 1 WHERE number = ?", (source_id, source_number)
    )


def keep_metrics(tx: Connection, source_number: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """Forget what ``run_metric`` has of a source beside these rows: metrics without a visible point."""
    direct = driver(tx)
    (count,) = direct.execute("SELECT count(*) FROM run_metric WHERE source = ?", (source_number,)).fetchone()
    if count == len(rows):
        return
    kept = {row[0] for row in rows}
    names = direct.execute("SELECT name FROM run_metric WHERE source = ?", (source_number,)).fetchall()
    gone = [(source_number, name) for (name,) in names if name not in kept]
    direct.executemany("DELETE FROM run_metric WHERE source = ? AND name = ?", gone)


def set_deleted(tx: Connection, source_number: int) -> None:
    """Take a source out of sight; its id is free for another one."""
    driver(tx).execute(
        "UPDATE source SET id = 'deleted/' || number, kind = 'deleted', version = version + 1, stale = 0 "
        "WHERE number = ?",
        (source_number,),
    )


def logged_names(tx: Connection, source_number: int) -> set[str]:
    """Every name that a source's metric sets have."""
    rows = driver(tx).execute("SELECT names FROM metric_set WHERE source = ?", (source_number,))
    return {name for (names,) in rows for name in read_names(names)}


def count_rows(db: sqlite3.Connection, source: int, stream: int, metric_set: int) -> int:
    """How many rows a metric set has by now, sealed or not."""
    row = db.execute("SELECT rows FROM sealed WHERE metric_set = ?", (metric_set,)).fetchone()
    (through,) = db.execute("SELECT sealed_through FROM stream WHERE number = ?", (stream,)).fetchone()
    tail = sum(
        len(part.at) // 4
        for _, body in bodies(db, source, stream, through + 1)
        for part in decode_frame(body).sets
        if part.number == metric_set
    )
    return tail + (0 if row is None else int(row[0]))
