"""Summaries and what is kept beside points: order across streams, deleted and hidden points, names, bytes."""

import math
import time

import numpy as np
import pytest

from stepwire.protocol import Batch, SetColumns
from stepwire.storage.database import driver
from stepwire.storage.open import open_storage
from stepwire.storage.series import journal, summary
from stepwire.storage.series.tail import Rows

NAN, INF = math.nan, math.inf
SET_IDS = {}


@pytest.fixture
def storage(tmp_path):
    """An empty storage."""
    opened = open_storage(tmp_path / "data")
    yield opened
    opened.close()


def write(storage, job):
    """Run a job in the writer."""
    return storage.writer.submit(job).result(30)


def log(storage, writer_id, steps, values, *, names=("loss",), attempt=1, source="run_a", records=()):
    """Append rows to a stream, made when it is new."""
    steps, values = np.asarray(steps, "<i8"), np.asarray(values, "<f8").reshape(len(steps), len(names))

    def job(tx):
        stream = storage.series.open_stream(tx, source, writer_id, attempt=attempt)
        first = stream.high + 1
        times = (np.arange(len(steps)) + first).astype("<i8")
        one = SetColumns(
            SET_IDS.setdefault(names, len(SET_IDS)),
            np.arange(len(steps), dtype="<u4").tobytes(),
            steps.tobytes(),
            times.tobytes(),
            values.tobytes(),
            names=names,
        )
        return storage.series.append(tx, stream, Batch(first, len(steps), (one,), tuple(records)))

    return write(storage, job)


def summary_of(storage, name="loss"):
    """The summary of a metric, out of memory or the index, wherever it stands."""
    (found,) = storage.series.summaries(["run_a"], [name])["run_a"] or [None]
    return found


def both_ways(storage, look):
    """What a look says before and after everything is sealed and the index is written."""
    before = look()
    storage.series.seal()
    with storage.database.read() as connection:
        assert connection.exec_driver_sql("SELECT sum(stale) FROM source").scalar_one() == 0
    assert repr(look()) == repr(before)
    return before


# --- order -----------------------------------------------------------------------------------------------


def test_first_and_last_follow_attempts_then_the_opening_of_streams(storage):
    """Not the time of logging, nor the steps: attempt 2 comes after 1, and of one attempt the stream opened first."""
    for writer_id, attempt in (("late", 2), ("one", 1), ("two", 1)):
        write(storage, lambda tx, w=writer_id, a=attempt: storage.series.open_stream(tx, "run_a", w, attempt=a))
    log(storage, "two", [9, 8], [3.0, 4.0])
    log(storage, "late", [1], [5.0])
    log(storage, "one", [7], [2.0])
    found = both_ways(storage, lambda: summary_of(storage))
    assert (found.first, found.last, found.last_step, found.count) == (2.0, 5.0, 1, 4)
    assert storage.series.window("run_a", "loss", x="step").x == [1, 7, 8, 9]


def test_of_equal_extremes_the_first_in_order_is_told(storage):
    """Over streams, over sets of a stream, over chunks: the earliest step wins."""
    log(storage, "b", [5, 6], [1.0, 9.0], attempt=2)
    log(storage, "a", np.arange(5000), np.where(np.arange(5000) % 4500 == 100, 1.0, 5.0))
    log(storage, "a", [7000], [[9.0, 0.0]], names=("loss", "lr"))
    log(storage, "a", [8000], [9.0])
    found = both_ways(storage, lambda: summary_of(storage))
    assert (found.min, found.min_step, found.max, found.max_step) == (1.0, 100, 9.0, 7000)


def test_a_metric_in_several_sets_has_its_ends_from_the_records_numbers(storage):
    """Sets of one stream take turns, some sealed and some not: first and last are those of the log."""
    log(storage, "a", [0], [[1.0, 0.0]], names=("loss", "lr"))
    log(storage, "a", np.arange(1, 4097), np.full(4096, 2.0))
    storage.series.seal()
    log(storage, "a", [4097], [[3.0, 0.0]], names=("loss", "lr"))
    found = both_ways(storage, lambda: summary_of(storage))
    assert (found.first, found.last, found.count) == (1.0, 3.0, 4098)


def test_nothing_finite_and_nothing_at_all(storage):
    """Extremes are None without a finite point; a metric without a point has no summary."""
    log(storage, "a", [0, 1, 2], [NAN, INF, -INF])
    found = both_ways(storage, lambda: summary_of(storage))
    assert (found.count, found.nonfinite, found.min, found.max, found.last) == (3, 3, None, None, -INF)
    assert math.isnan(found.first)
    assert list(storage.series.ranked("loss", "last")) == []
    assert summary_of(storage, "nothing") is None


# --- deleted and hidden ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("count", [1, 64, 4096, 5000])
def test_a_summary_counts_what_came_after_a_deletion(storage, sealed, count):
    """Lanes that are cut anywhere in a chunk: the deleted extreme is out, the neighbour's stays."""
    both = ("loss", "lr")
    log(storage, "a", np.arange(count), np.stack([np.full(count, -5.0), np.full(count, 7.0)], axis=1), names=both)
    if sealed:
        storage.series.seal()
    write(storage, lambda tx: storage.series.delete_metric(tx, "run_a", "loss"))
    assert both_ways(storage, lambda: summary_of(storage)) is None
    log(storage, "a", np.arange(count, count + 3), [[1.0, 8.0], [0.5, 8.0], [2.0, 8.0]], names=both)
    found = both_ways(storage, lambda: summary_of(storage))
    assert (found.count, found.min, found.min_step, found.first, found.last) == (3, 0.5, count + 1, 1.0, 2.0)
    assert summary_of(storage, "lr").count == count + 3


def test_hidden_points_are_out_of_summaries_and_the_run_list(storage):
    """After a rewind the earlier attempt's extreme past the step is gone, its points are not."""
    log(storage, "a", np.arange(6000), np.arange(6000.0))
    storage.series.seal()
    assert list(storage.series.ranked("loss", "max")) == [("run_a", 5999.0)]
    write(storage, lambda tx: storage.series.rewind(tx, "run_a", 2, 99.5))
    log(storage, "b", [100, 101], [7.0, 200.0], attempt=2)
    found = both_ways(storage, lambda: summary_of(storage))
    assert (found.count, found.max, found.max_step, found.last) == (102, 200.0, 101, 200.0)
    assert both_ways(storage, lambda: list(storage.series.ranked("loss", "max"))) == [("run_a", 200.0)]
    assert storage.series.window("run_a", "loss", x="step", superseded=True).stored == 5900


def test_the_shares_kept_in_memory_follow_the_points(storage):
    """A cut lane is summed up once and then again whenever rows, cuts or limits are others."""
    log(storage, "a", np.arange(100), np.arange(100.0))
    write(storage, lambda tx: storage.series.delete_metric(tx, "run_a", "loss"))
    for at in range(5):
        log(storage, "a", [200 + at], [float(at)])
        assert summary_of(storage).count == summary_of(storage).count == at + 1
    write(storage, lambda tx: storage.series.rewind(tx, "run_a", 2, 202))
    assert (summary_of(storage).count, summary_of(storage).last) == (3, 2.0)
    write(storage, lambda tx: storage.series.delete_metric(tx, "run_a", "loss"))
    assert summary_of(storage) is None


# --- names -----------------------------------------------------------------------------------------------


def test_names_move_along_a_chain_with_their_summaries(storage):
    """a → b → c while points come under a; summaries, the run list and the index know only the last name."""
    log(storage, "a", [0], [1.0], names=("a",))
    for at, (old, new) in enumerate([("a", "b"), ("b", "c"), ("c", "ü" * 256), ("ü" * 256, "a")]):
        write(storage, lambda tx, old=old, new=new: storage.series.rename(tx, "run_a", old, new))
        log(storage, "a", [1 + at], [1.0], names=("a",))
        assert [
            (one.name, one.count) for one in both_ways(storage, lambda: storage.series.summaries(["run_a"])["run_a"])
        ] == [(new, 2 + at)]
        assert list(storage.series.ranked(old, "count")) == []
        assert list(storage.series.ranked(new, "count")) == [("run_a", float(2 + at))]
    with storage.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM renamed").scalar_one() == 0
        assert connection.exec_driver_sql("SELECT name FROM run_metric").scalars().all() == ["a"]


def test_two_names_may_swap(storage):
    """Through a third one, with points to come following the names that are shown."""
    log(storage, "a", [0], [[1.0, 2.0]], names=("x", "y"))
    for old, new in [("x", "z"), ("y", "x"), ("z", "y")]:
        write(storage, lambda tx, old=old, new=new: storage.series.rename(tx, "run_a", old, new))
    log(storage, "a", [1], [[3.0, 4.0]], names=("x", "y"))
    assert both_ways(storage, lambda: storage.series.raw("run_a", ["x", "y"]).keys) == {
        "x": ([0, 1], [1, 2], [2.0, 4.0]),
        "y": ([0, 1], [1, 2], [1.0, 3.0]),
    }
    assert summary_of(storage, "x").last == 4.0


# --- bytes and records -----------------------------------------------------------------------------------


def wait_for(check):
    """Wait until the background has done something."""
    deadline = time.monotonic() + 20
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_deleted_metric_gives_its_bytes_back(storage):
    """Its blocks of points and cells go, those of its neighbours and of what it logs later stay."""
    rng, both = np.random.default_rng(1), ("big", "small")
    log(storage, "a", np.arange(150_000), rng.standard_normal((150_000, 2)), names=both)
    storage.series.seal()
    before = storage.series.usage("run_a")
    assert before.metrics["big"] > 1_000_000
    write(storage, lambda tx: storage.series.delete_metric(tx, "run_a", "big"))
    wait_for(lambda: storage.series.usage("run_a").metrics.get("big", 0) < 50_000)
    after = storage.series.usage("run_a")
    assert after.metrics["small"] == before.metrics["small"]
    assert after.raw < before.raw * 0.51
    log(storage, "a", np.arange(150_000, 150_500), rng.standard_normal((500, 2)), names=both)
    for _ in range(2):
        window = storage.series.window("run_a", "big", x="step", points=50)
        assert (window.stored, window.x[0]) == (500, 150_000)
        assert storage.series.window("run_a", "small", x="step", points=50).stored == 150_500
        assert len(storage.series.raw("run_a", ["big", "small"], limit=10**6).keys["big"][0]) == 500
        assert sum(len(block.seqs) for block in storage.series.scan("run_a", ["big"]) if not any(block.missing)) == 500
        assert summary_of(storage, "big").count == 500
        storage.series.seal()


def test_a_deleted_run_gives_its_bytes_back_to_the_file(storage, tmp_path):
    """The file shrinks, and what another run has is untouched."""
    rng = np.random.default_rng(1)
    log(storage, "a", np.arange(10), np.arange(10.0), source="run_b")
    for start in range(0, 400_000, 100_000):
        log(
            storage,
            "a",
            np.arange(start, start + 100_000),
            rng.standard_normal((100_000, 4)),
            names=("a", "b", "c", "d"),
        )
        storage.series.seal()
    size = storage.database.folder.joinpath("dashboard.db").stat().st_size
    assert size > 10_000_000
    write(storage, lambda tx: storage.series.delete(tx, "run_a"))
    wait_for(lambda: storage.database.folder.joinpath("dashboard.db").stat().st_size < size / 2)
    with storage.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM source").scalar_one() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM chunk").scalar_one() <= 2
    assert storage.series.raw("run_b", ["loss"]).keys["loss"][2] == [float(at) for at in range(10)]


def test_records_are_kept_in_their_order_whatever_is_sealed(storage):
    """Numbers and contents of what was logged beside points, over seals, streams, attempts and a restart."""
    wanted = []
    for at in range(6):
        writer_id, attempt = ("b", 2) if at % 2 else ("a", 1)
        first = at // 2 * 3 + 1
        made = [
            {"at": 0, "type": "event", "n": at},
            {"at": 1, "type": "heartbeat"},
            {"at": 2, "type": "note", "deep": {"x": [at]}},
        ]
        log(storage, writer_id, [at, at, at], [0.0, 0.0, 0.0], attempt=attempt, records=made)
        wanted += [(attempt, first, "event"), (attempt, first + 2, "note")]
        if at in (1, 2, 4):
            storage.series.seal()
    found = [(seq, record["type"]) for _, seq, record in storage.series.records("run_a")]
    assert found == [(seq, kind) for _, seq, kind in sorted(wanted, key=lambda one: one[0])]
    storage.series.seal()
    assert [(seq, record["type"]) for _, seq, record in storage.series.records("run_a")] == found


# --- the figures alone -----------------------------------------------------------------------------------


def test_figures_of_parts_are_the_figures_of_the_whole():
    """Wherever rows are divided, extending the first part's figures gives those of all rows."""
    rng = np.random.default_rng(5)
    for turn in range(200):
        count = int(rng.integers(2, 40))
        values = rng.integers(-2, 3, (count, 3)).astype(float)
        values[rng.random((count, 3)) < 0.3] = rng.choice([NAN, INF, -INF])
        rows = Rows(np.arange(1, count + 1), rng.integers(0, 9, count), np.arange(count), values)
        whole = summary.summarise(rows, np.ascontiguousarray(values.T))
        cut = int(rng.integers(1, count))
        parts = [rows.part(0, cut), rows.part(cut, count)]
        made = np.zeros(3, summary.FIELDS)
        for part in parts:
            made = summary.extend(made, summary.summarise(part, np.ascontiguousarray(part.values.T)))
        for field in ("count", "odd", "first_seq", "last_seq", "last_step", "last_time"):
            assert (made[field] == whole[field]).all(), (turn, field)
        some = whole["count"] > whole["odd"]
        for field in ("min", "max", "min_seq", "max_seq", "min_step", "max_step"):
            assert (made[field][some] == whole[field][some]).all(), (turn, field)


def test_points_of_another_run_do_not_keep_the_index_behind(storage):
    """What is logged to others between the look at a run and the write of its index rows changes nothing for it."""
    log(storage, "w1", range(3), [1.0, 2.0, 3.0])
    log(storage, "w2", range(3), [1.0, 2.0, 3.0], source="run_b")
    storage.series.seal()
    with storage.database.read() as connection:
        a, b = (journal.find_source(connection, source) for source in ("run_a", "run_b"))
        states = [journal.state_of(driver(connection), number) for number in (a, b)]
    log(storage, "w2", range(3, 6), [1.0, 2.0, 3.0], source="run_b")
    with storage.database.read() as connection:
        after = [journal.state_of(driver(connection), number) for number in (a, b)]
    assert after[0] == states[0]
    assert after[1] != states[1]


def test_the_index_catches_up_with_many_runs(storage):
    """Runs that end while others log: soon every list comes out of the index."""
    for number in range(40):
        log(storage, f"w{number}", range(5), [float(number)] * 5, source=f"run_{number}")
        storage.series.finish(f"run_{number}")
    deadline = time.monotonic() + 20
    while True:
        with storage.database.read() as connection:
            stale = driver(connection).execute("SELECT count(*) FROM source WHERE stale = 1").fetchone()[0]
        if not stale:
            break
        assert time.monotonic() < deadline, f"{stale} runs are still read point by point"
        time.sleep(0.05)
    found = storage.series.ranked("loss", "min", descending=True)
    assert [one for one, _ in found] == [f"run_{number}" for number in reversed(range(40))]
