"""The background thread: what a stranger's reading found, held by tests."""

import struct
import time

import numpy as np
import pytest

from stepwire.errors import InvalidError
from stepwire.protocol import Batch, SetColumns
from stepwire.storage.database import driver
from stepwire.storage.open import open_storage
from stepwire.storage.series import keeper
from stepwire.storage.series.erase import purge_some


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """An empty storage whose background begins at once."""
    monkeypatch.setattr(keeper, "START_SECONDS", 0.0)
    opened = open_storage(tmp_path / "data")
    yield opened
    opened.close()


def log(storage, source, first, count, *, writer_id="w", set_id=0, names=("loss",), n=None):
    """Log ``count`` records from ``first`` on, as one batch."""
    steps = np.arange(first, first + count, dtype="<i8").tobytes()
    values = np.repeat(np.arange(first, first + count, dtype="<f8"), len(names)).tobytes()
    columns = SetColumns(set_id, np.arange(count, dtype="<u4").tobytes(), steps, steps, values, names=names)
    batch = Batch(first, count if n is None else n, (columns,))

    def job(tx):
        return storage.series.append(tx, storage.series.open_stream(tx, source, writer_id), batch)

    return storage.writer.submit(job).result(20)


def wait_for(condition, seconds=20):
    """Until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sealed_rows(storage):
    with storage.database.read() as connection:
        return connection.exec_driver_sql("SELECT coalesce(sum(rows), 0) FROM sealed").scalar_one()


def test_one_large_row_that_is_sealed_in_part_is_read_once(storage):
    """A reader that had the row in memory finds each of its points once after the seal."""
    log(storage, "run_a", 1, 5000)
    assert storage.series.window("run_a", "loss", x="step").stored == 5000
    wait_for(lambda: sealed_rows(storage) >= 4096)
    assert storage.series.window("run_a", "loss", x="step").stored == 5000
    assert [one.count for one in storage.series.summaries(["run_a"])["run_a"]] == [5000]
    assert sum(len(block.seqs) for block in storage.series.scan("run_a")) == 5000


def test_left_over_rows_far_apart_keep_their_record_numbers(storage):
    """Records of one set 2^32 apart, with another set between that fills chunks: every number is as it was."""
    log(storage, "run_a", 1, 1, n=2**30, set_id=1, names=("rare",))
    for part in range(1, 5):
        log(storage, "run_a", 1 + part * 2**30, 1, n=2**30, set_id=1, names=("rare",))
    start = 1 + 5 * 2**30
    log(storage, "run_a", start, 5000)
    log(storage, "run_a", start + 5000, 1, set_id=1, names=("rare",))
    wait_for(lambda: sealed_rows(storage) >= 4096)
    found = [seq for block in storage.series.scan("run_a", ["rare"]) for seq in block.seqs.tolist()]
    assert found == [1 + part * 2**30 for part in range(5)] + [start + 5000]


def test_more_records_than_at_can_count_are_refused(storage):
    """A batch says how many records it has; a lie of that size is told with its field."""
    with pytest.raises(InvalidError) as caught:
        log(storage, "run_a", 1, 1, n=2**31)
    assert caught.value.field == "n"


def test_a_source_that_ends_and_is_logged_to_is_not_written_again_and_again(storage):
    """After finish() the rows that still come wait for their time: few chunks are written, all points are there."""
    log(storage, "run_a", 1, 100, names=tuple(f"m{i}" for i in range(50)))
    storage.series.finish("run_a")
    wait_for(lambda: sealed_rows(storage) == 100)
    for place in range(100):
        log(storage, "run_a", 101 + place, 1, names=tuple(f"m{i}" for i in range(50)))
        time.sleep(0.01)
    with storage.database.read() as connection:
        chunks = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'chunk'").scalar_one()
    assert chunks <= 10
    assert storage.series.window("run_a", "m0", x="step").stored == 200


def test_a_stream_that_cannot_be_sealed_does_not_stop_the_others(storage, monkeypatch, caplog):
    """One stream's last chunk is damaged; another one is sealed beside it, and the fault is not tried without pause."""
    log(storage, "bad", 1, 100)
    storage.series.seal()

    def damage(tx):
        tx.exec_driver_sql("UPDATE chunk SET axis = x'0102' WHERE level = 0")

    storage.writer.submit(damage).result(20)
    log(storage, "bad", 101, 5000)
    wait_for(lambda: "Background work" in caplog.text)
    for place in range(20):
        log(storage, "good", 1 + place * 1000, 1000)
        time.sleep(0.05)
    wait_for(lambda: sealed_rows(storage) >= 100 + 16_384)
    assert caplog.text.count("Background work on the series failed") <= 5


def test_summaries_return_to_the_index_after_a_rename(storage):
    """A run that has ended is in the index again soon after one of its metrics was renamed or deleted."""

    def is_fresh():
        with storage.database.read() as connection:
            return connection.exec_driver_sql("SELECT stale FROM source").scalar_one() == 0

    log(storage, "run_a", 1, 10, names=("loss", "lr"))
    storage.series.finish("run_a")
    wait_for(is_fresh)
    storage.writer.submit(lambda tx: storage.series.rename(tx, "run_a", "loss", "cost")).result(20)
    wait_for(is_fresh)
    assert [one.name for one in storage.series.summaries(["run_a"])["run_a"]] == ["cost", "lr"]
    storage.writer.submit(lambda tx: storage.series.delete_metric(tx, "run_a", "lr")).result(20)
    wait_for(is_fresh)
    assert list(storage.series.ranked("cost", "min")) == [("run_a", 1.0)]


def test_a_deleted_source_whose_chunks_are_partly_gone_is_not_sealed(storage, monkeypatch, caplog):
    """Its last chunk is begun, rows wait behind it, and the purge took the chunk first: there is nothing to do."""
    monkeypatch.setattr(storage.series._keeper._reclaimer, "work", lambda: None)
    log(storage, "run", 1, 3)
    storage.series.seal("run")
    log(storage, "run", 4, 5)
    log(storage, "other", 1, 5)
    storage.writer.submit(lambda tx: storage.series.delete(tx, "run")).result(20)
    with storage.database.read() as connection:
        (source,) = driver(connection).execute("SELECT number FROM source WHERE kind = 'deleted'").fetchone()
    assert storage.writer.submit(lambda tx: purge_some(driver(tx), source)).result(20)
    storage.series.seal()
    assert sealed_rows(storage) == 3 + 5
    assert not caplog.records


def test_an_ended_run_is_sealed_while_another_fills_chunk_after_chunk(storage):
    """A stream that always has a full chunk leaves turns to the small ones, and to who asks for the lock."""
    log(storage, "small", 1, 10)
    for place in range(40):
        log(storage, "big", 1 + place * 20_000, 20_000)
        if place == 3:
            storage.series.finish("small")
    wait_for(lambda: storage.series.usage("small").journal == 0)
    storage.series.seal("small")
    assert struct.pack("<d", storage.series.window("small", "loss", x="step").last_value) == struct.pack("<d", 10.0)
