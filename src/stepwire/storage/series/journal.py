"""The rows of sources, streams, metric sets and the journal.

Plain SQL, and what runs for every frame straight to the driver: SQLAlchemy's part of a statement costs five times
the statement.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from stepwire.storage.database import driver
from stepwire.storage.series.frames import Frame, decode_frame
from stepwire.storage.tables import dead_letters, journal, metric_set, run_metric, source, stream

_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class StreamRow:
    """Where a stream stands, as its transaction sees it."""

    number: int
    source: int
    high: int


@dataclass(frozen=True, slots=True)
class MetricSet:
    """Ordered metric names of a stream; ``id`` is the script's ordinal for them."""

    number: int
    id: int
    names: tuple[str, ...]


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
    tx.exec_driver_sql(
        "INSERT INTO stream (source, writer_id, attempt, rank) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (source, writer_id) DO NOTHING",
        (source_number, writer_id, attempt, rank),
    )
    row = tx.exec_driver_sql(
        "SELECT number, source, high FROM stream WHERE source = ? AND writer_id = ?", (source_number, writer_id)
    ).one()
    return StreamRow(*row)


def find_stream(tx: Connection, number: int) -> StreamRow | None:
    """The stream, or ``None`` when its source was deleted."""
    query = "SELECT number, source, high FROM stream WHERE number = ?"
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
    tx.exec_driver_sql("UPDATE source SET names = names + ? WHERE number = ?", (len(names), source_number))
    number = tx.exec_driver_sql(
        "INSERT INTO metric_set (stream, id, names) VALUES (?, ?, ?) RETURNING number",
        (stream_number, set_id, json.dumps(names)),
    ).scalar_one()
    return MetricSet(number, set_id, names)


def find_metric_set(tx: Connection, stream_number: int, set_id: int) -> MetricSet | None:
    """The names behind a stream's set id, as this transaction sees them."""
    query = "SELECT number, names FROM metric_set WHERE stream = ? AND id = ?"
    row = driver(tx).execute(query, (stream_number, set_id)).fetchone()
    return None if row is None else MetricSet(row[0], set_id, tuple(json.loads(row[1])))


def count_names(tx: Connection, source_number: int) -> int:
    """At least as many as the source has metrics: those last counted and the sizes of the sets made since."""
    count: int = tx.exec_driver_sql("SELECT names FROM source WHERE number = ?", (source_number,)).scalar_one()
    return count


def set_names_count(tx: Connection, source_number: int, count: int) -> None:
    """Put the number of a source's metrics, counted, in place of the sum that ``count_names`` gives."""
    tx.exec_driver_sql("UPDATE source SET names = ? WHERE number = ?", (count, source_number))


def metric_sets(connection: Connection, source_number: int) -> dict[int, MetricSet]:
    """Every metric set of a source, by number."""
    rows = connection.exec_driver_sql(
        "SELECT metric_set.number, metric_set.id, metric_set.names FROM metric_set "
        "JOIN stream ON stream.number = metric_set.stream WHERE stream.source = ?",
        (source_number,),
    )
    return {number: MetricSet(number, set_id, tuple(json.loads(names))) for number, set_id, names in rows}


def frames_by_part(connection: Connection, source_number: int, after: int = 0) -> Iterator[list[tuple[int, Frame]]]:
    """The frames of a source past journal row ``after``, in the order of storing, some hundred at a time."""
    rows = connection.exec_driver_sql(
        "SELECT number, body FROM journal WHERE source = ? AND number > ? ORDER BY number", (source_number, after)
    )
    for part in rows.partitions(_ROWS_AT_ONCE):
        yield [(number, decode_frame(body)) for number, body in part]


def frames(connection: Connection, source_number: int, after: int = 0) -> Iterator[tuple[int, Frame]]:
    """The frames of a source past journal row ``after``, in the order of storing."""
    for part in frames_by_part(connection, source_number, after):
        yield from part


def sources_after(connection: Connection, number: int) -> set[int]:
    """The sources that have journal rows past ``number``."""
    query = "SELECT DISTINCT source FROM journal WHERE number > ?"
    return set(connection.exec_driver_sql(query, (number,)).scalars())


def last_number(connection: Connection) -> int:
    """The highest number that a journal row ever had."""
    query = "SELECT seq FROM sqlite_sequence WHERE name = 'journal'"
    return connection.exec_driver_sql(query).scalar_one_or_none() or 0


def last_number_of(connection: Connection, source_number: int) -> int:
    """The highest number of a source's journal rows; 0 when it has none."""
    query = "SELECT max(number) FROM journal WHERE source = ?"
    return connection.exec_driver_sql(query, (source_number,)).scalar_one() or 0


def bytes_of(connection: Connection, source_number: int) -> int:
    """Size of a source's journal."""
    query = "SELECT sum(length(body)) FROM journal WHERE source = ?"
    return connection.exec_driver_sql(query, (source_number,)).scalar_one() or 0


def delete_source(tx: Connection, source_number: int) -> None:
    """Forget a source with everything below it."""
    streams = select(stream.c.number).where(stream.c.source == source_number)
    tx.execute(delete(journal).where(journal.c.source == source_number))
    tx.execute(delete(run_metric).where(run_metric.c.source == source_number))
    tx.execute(delete(dead_letters).where(dead_letters.c.stream.in_(streams)))
    tx.execute(delete(metric_set).where(metric_set.c.stream.in_(streams)))
    tx.execute(delete(stream).where(stream.c.source == source_number))
    tx.execute(delete(source).where(source.c.number == source_number))
