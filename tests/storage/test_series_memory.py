"""What the series engine keeps in memory may be dropped at any time: reads stay right."""

import sqlite3
import struct

import pytest
from sqlalchemy import event

from stepwire.errors import InvalidError, StepwireError
from stepwire.protocol import Batch, SetColumns
from stepwire.storage.database import Database
from stepwire.storage.open import open_storage
from stepwire.storage.series import columns, journal, sqlite, summary

NAMES = ("a", "b", "c")


@pytest.fixture
def storage(tmp_path):
    """An empty storage."""
    opened = open_storage(tmp_path / "data")
    yield opened
    opened.close()


def log(storage, source, first, count=10):
    """Log ``count`` records from ``first`` on: the values are seq, 2·seq and 3·seq."""
    seqs = range(first, first + count)
    column = struct.pack(f"<{count}q", *seqs)
    values = struct.pack(f"<{3 * count}d", *(float(n * seq) for seq in seqs for n in (1, 2, 3)))
    batch = Batch(
        first, count, (SetColumns(0, struct.pack(f"<{count}I", *range(count)), column, column, values, names=NAMES),)
    )

    def job(tx):
        storage.series.append(tx, storage.series.open_stream(tx, source, "w"), batch)

    storage.writer.submit(job).result(20)


def log_names(storage, seq, set_id, names):
    """Log one record of these names under this set id."""
    values = struct.pack(f"<{len(names)}d", *range(len(names)))
    batch = Batch(seq, 1, (SetColumns(set_id, b"\0" * 4, b"\0" * 8, b"\0" * 8, values, names=names),))
    storage.writer.submit(
        lambda tx: storage.series.append(tx, storage.series.open_stream(tx, "run_a", "w"), batch)
    ).result(20)


def expected(count):
    return {name: [float(n * seq) for seq in range(1, count + 1)] for n, name in enumerate(NAMES, 1)}


@pytest.mark.parametrize("whole_bytes", [0, columns.WHOLE_BYTES])
@pytest.mark.parametrize("limit", [0, 2_000, columns.CACHE_BYTES])
def test_columns_are_right_whatever_is_kept(storage, monkeypatch, whole_bytes, limit):
    """Every metric or only those asked for, everything kept or nothing: old and new points are there once."""
    monkeypatch.setattr(columns, "WHOLE_BYTES", whole_bytes)
    cache = columns.ColumnCache(storage.database, limit)
    with storage.database.read() as connection:
        count = 0
        for asked in (["a"], ["a", "b"], ["c"], ["a", "b", "c", "d"]):
            for source in ("run_a", "run_b"):
                log(storage, source, count + 1)
            count += 10
            numbers = connection.exec_driver_sql("SELECT number FROM source").scalars().all() or [1, 2]
            for number in numbers:
                found = cache.read(number, asked)
                assert {name: points.values.tolist() for name, points in found.items()} == {
                    name: values for name, values in expected(count).items() if name in asked
                }
                assert all(points.steps.tolist() == list(range(1, count + 1)) for points in found.values())


def test_points_given_out_do_not_change(storage):
    """A reader that still draws keeps its points while later ones arrive."""
    cache = columns.ColumnCache(storage.database)
    log(storage, "run_a", 1)
    first = cache.read(1, ["a"])["a"]
    for start in range(11, 101, 10):
        log(storage, "run_a", start)
        cache.read(1, ["a"])
    assert first.values.tolist() == expected(10)["a"]
    assert cache.read(1, ["a"])["a"].values.tolist() == expected(100)["a"]


def test_summaries_of_idle_sources_are_read_from_the_database(storage, monkeypatch):
    """A source that was written back and dropped from memory has the same summary, and goes on from it."""
    monkeypatch.setattr(summary, "IDLE_SECONDS", -1.0)
    kept = summary.Summaries(storage.database)
    for count in (10, 20, 30):
        log(storage, "run_a", count - 9)
        kept.forget_all()  # as after a crash: what is past the last write-back is in the journal
        for _ in range(2):
            found = kept.read([1])[1]
            assert {name: (one.count, one.last, one.min, one.max) for name, one in found.items()} == {
                name: (count, values[-1], values[0], values[-1]) for name, values in expected(count).items()
            }
            if kept.has_changed():
                storage.writer.submit(kept.write_back).result(20)
        assert not kept.has_changed()


def test_a_write_back_that_fails_is_not_forgotten(storage):
    """The summaries stay to be written until a COMMIT had them."""
    kept = summary.Summaries(storage.database)
    log(storage, "run_a", 1)
    kept.forget_all()

    def job(tx):
        kept.write_back(tx)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        storage.writer.submit(job).result(20)
    assert kept.has_changed()
    assert kept.read([1])[1]["a"].count == 10
    storage.writer.submit(kept.write_back).result(20)
    assert not kept.has_changed()
    with storage.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT name, count, min, max FROM run_metric ORDER BY name").all()
    assert rows == [("a", 10, 1.0, 10.0), ("b", 10, 2.0, 20.0), ("c", 10, 3.0, 30.0)]


def test_many_pending_bytes_are_folded_early(storage, monkeypatch):
    """Memory between two write-backs is bounded, and the summary is the same."""
    monkeypatch.setattr(summary, "_PENDING_BYTES", 1)
    log(storage, "run_a", 1)
    storage.series.summaries(["run_a"])
    log(storage, "run_a", 11)
    assert [one.count for one in storage.series.summaries(["run_a"])["run_a"]] == [20] * 3


def test_a_commit_of_unknown_outcome_leaves_no_wrong_summary(storage, monkeypatch, caplog):
    """COMMIT reaches the disk and says it failed, and nothing can be read then: later figures are still whole."""

    def fail_after(connection):
        connection.connection.driver_connection.execute("COMMIT")
        raise sqlite3.OperationalError("disk I/O error")

    def fail(database):
        raise sqlite3.OperationalError("disk I/O error")

    log(storage, "run_a", 1)
    assert [one.count for one in storage.series.summaries(["run_a"])["run_a"]] == [10] * 3
    with monkeypatch.context() as broken:
        broken.setattr(Database, "read", fail)
        event.listen(storage.database.writer, "commit", fail_after)
        with pytest.raises(StepwireError):
            log(storage, "run_a", 11)
        event.remove(storage.database.writer, "commit", fail_after)
    assert storage.series.cursor() == 2
    log(storage, "run_a", 21)
    assert storage.series.cursor() == 3
    found = storage.series.summaries(["run_a"])["run_a"]
    assert [(one.count, one.last) for one in found] == [(30, 30.0), (30, 60.0), (30, 90.0)]


def test_nothing_is_written_back_before_the_database_was_read_again(storage):
    """After a failure the write-back itself learns which sources have points that no summary has."""
    kept = summary.Summaries(storage.database)
    log(storage, "run_a", 1)
    kept.forget_all()
    assert kept.has_changed()
    storage.writer.submit(kept.write_back).result(20)
    assert not kept.has_changed()
    with storage.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT name, count FROM run_metric ORDER BY name").all()
        through = connection.exec_driver_sql("SELECT value FROM meta WHERE name = 'summarised_through'").scalar_one()
    assert (rows, through) == ([("a", 10), ("b", 10), ("c", 10)], "1")


def test_windows_of_many_names_decode_a_long_history_once(storage, monkeypatch):
    """Also when it is too long to be decoded whole, so that memory holds only the names asked for."""
    monkeypatch.setattr(columns, "WHOLE_BYTES", 0)
    passes, frames_by_part = [], journal.frames_by_part
    monkeypatch.setattr(journal, "frames_by_part", lambda *args: passes.append(args[1:]) or frames_by_part(*args))
    log(storage, "run_a", 1)
    found = storage.series.windows("run_a", NAMES, x="step")
    assert {one.name: one.last for one in found} == expected(10)
    assert passes == [(1, 0)]


def test_names_that_come_again_in_new_sets_do_not_use_up_the_room(storage, monkeypatch):
    """The limit is on distinct metrics; many sets of the same names are counted now and then, not at each set."""
    monkeypatch.setattr(sqlite, "MAX_SERIES_PER_RUN", 20)
    counts, metric_sets = [], journal.metric_sets
    monkeypatch.setattr(journal, "metric_sets", lambda *args: counts.append(1) or metric_sets(*args))
    for seq in range(1, 51):
        log_names(storage, seq, seq, NAMES)
    assert len(counts) <= 10
    log_names(storage, 51, 51, tuple(f"n{at}" for at in range(17)))
    with pytest.raises(InvalidError, match="20 metrics"):
        log_names(storage, 52, 52, ("one too many",))
    log_names(storage, 52, 53, NAMES)
