"""Dropping points: charts and summaries go on exactly, and nothing goes that cells don't stand for."""

from contextlib import contextmanager

import numpy as np
import pytest
from tests.storage.logged import NAMES, START, Run, bits, count_rows, integrity, scanned, summaries, write

from stepwire.errors import DamagedError
from stepwire.storage.open import open_storage
from stepwire.storage.series import drop
from stepwire.storage.series.interface import DropRule

CHUNK = 4096
EVERYTHING = DropRule(ended=True)


def proceed():
    """Nothing stops."""


@pytest.fixture
def storage(tmp_path):
    """An open data folder."""
    opened = open_storage(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def run(storage):
    """A run of two and a half chunks, all of it sealed."""
    made = Run(storage).make().log(10_000)
    storage.series.seal("run_a")
    return made


def window(storage, name="loss", **more):
    """A window of the run by step."""
    return storage.series.window("run_a", name, x=more.pop("x", "step"), points=more.pop("points", 100), **more)


def figures(found):
    """What must be exact at any width."""
    finite = [one for one in found.min if one is not None], [one for one in found.max if one is not None]
    ends = bits([np.nan if end is None else end for end in (found.first_value, found.last_value)])
    return min(finite[0]), max(finite[1]), ends, found.stored, sum(found.nonfinite)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("x", ["step", "time"])
def test_a_chart_goes_on_from_the_pyramid(storage, run, name, x):
    """Extremes, ends and counts of the whole are those from before; so are the summaries."""
    before, told = figures(window(storage, name, x=x)), summaries(storage, "run_a")
    dropped = storage.series.drop("run_a", EVERYTHING, proceed)
    assert dropped.points == 30_000 and dropped.bytes > 30_000
    assert count_rows(storage, "SELECT count(*) FROM chunk WHERE level = 0") == 0
    assert figures(window(storage, name, x=x)) == before
    assert figures(window(storage, name, x=x, points=10_000)) == before
    assert summaries(storage, "run_a") == told
    assert len(scanned(storage, "run_a")) == 0 and storage.series.raw("run_a", NAMES).keys["loss"] == ([], [], [])
    assert integrity(storage) == "ok"


@pytest.mark.parametrize(("start", "stop"), [(0, 63), (10, 20), (100, 5000), (4000, 4200), (9_990, 20_000), (70, None)])
def test_the_edges_of_a_window_are_those_of_cells(storage, run, start, stop):
    """Each cell that the window touches is there whole: nothing of the window is lost, at most 63 points are more."""
    storage.series.drop("run_a", EVERYTHING, proceed)
    first = start // 64 * 64
    last = 10_000 if stop is None else min((stop // 64 + 1) * 64, 10_000)
    found = window(storage, start=start, stop=stop, points=10_000)
    assert found.stored == last - first
    assert (min(found.min), max(found.max)) == (run.values[first:last, 0].min(), run.values[first:last, 0].max())
    assert not found.exact


def test_only_whole_chunks_go_while_a_run_may_go_on(storage, run):
    """The last chunk stays, and what follows is sealed with it."""
    dropped = storage.series.drop("run_a", DropRule(), proceed)
    assert dropped.points == 3 * 2 * CHUNK
    assert bits(scanned(storage, "run_a")) == bits(run.values[2 * CHUNK :])
    run.log(5000)
    storage.series.seal("run_a")
    assert bits(scanned(storage, "run_a")) == bits(run.values[2 * CHUNK :])
    found = window(storage, "acc")
    assert (found.stored, found.last_value) == (15_000, run.values[-1, 1])


def test_points_younger_than_asked_stay(storage, run):
    """A chunk goes once its newest point is old enough."""
    times = START + np.array([CHUNK - 1, 2 * CHUNK - 1]) * 1_000_000
    assert storage.series.raw_older_than(int(times[0])) == []
    assert storage.series.drop("run_a", DropRule(before=int(times[0]), ended=True), proceed).points == 0
    assert storage.series.raw_older_than(int(times[0]) + 1) == [("run_a", "run")]
    assert storage.series.drop("run_a", DropRule(before=int(times[1]), ended=True), proceed).points == 3 * CHUNK
    assert bits(scanned(storage, "run_a")) == bits(run.values[CHUNK:])


def test_rows_that_come_for_a_dropped_chunk_go_on_elsewhere(storage, run):
    """A writer that appends after all goes into a set of its own; charts, pages and summaries see both."""
    stream = write(storage, lambda tx: storage.series.open_stream(tx, "run_a", "w1"))
    storage.series.drop("run_a", EVERYTHING, proceed)
    run.log(100, at_once=10)
    assert stream.high == 10_000
    for _ in range(2):
        assert bits(scanned(storage, "run_a")) == bits(run.values[10_000:])
        assert storage.series.raw("run_a", ["acc"]).keys["acc"][0] == list(range(10_000, 10_100))
        found = window(storage, "acc")
        assert (found.stored, found.last_value) == (10_100, run.values[-1, 1])
        assert storage.series.summaries(["run_a"], ["acc"])["run_a"][0].count == 10_100
        storage.series.seal("run_a")
    storage.series.drop("run_a", EVERYTHING, proceed)
    run.log(50)
    storage.series.seal("run_a")
    assert bits(scanned(storage, "run_a")) == bits(run.values[10_100:])
    assert window(storage, "acc").stored == 10_150
    assert count_rows(storage, "SELECT count(*) FROM metric_set") == 3


def test_unsealed_rows_keep_the_last_chunk(storage, run):
    """What waits in the journal for a chunk keeps that chunk."""
    run.log(10)
    assert storage.series.drop("run_a", EVERYTHING, proceed).points == 3 * 2 * CHUNK
    storage.series.seal("run_a")
    assert bits(scanned(storage, "run_a")) == bits(run.values[2 * CHUNK :])


def test_rows_that_come_in_the_last_moment_are_noticed(storage, run, monkeypatch):
    """The transaction looks again whether the last chunk may go; when it may not, a new look decides."""
    answers = iter([False, True])  # at the look, inside the transaction
    monkeypatch.setattr(drop, "has_unsealed", lambda *_: next(answers, False))
    assert storage.series.drop("run_a", EVERYTHING, proceed).points == 30_000
    assert next(answers, None) is None and len(scanned(storage, "run_a")) == 0


def test_damaged_cells_keep_their_points(storage, run):
    """Cells that are not those of the points, or are missing, are told, and nothing is deleted."""
    first = "(SELECT number FROM chunk WHERE level = 1 AND k = 0)"
    for damage in (
        f"UPDATE block SET body = (SELECT body FROM block WHERE id = {first} * 16384 + 1) WHERE id = {first} * 16384",
        f"DELETE FROM block WHERE id = {first} * 16384",
        f"UPDATE chunk SET axis = (SELECT axis FROM chunk WHERE level = 1 AND k = 1) WHERE number = {first}",
        f"DELETE FROM chunk WHERE number = {first}",
    ):
        with write_and_undo(storage, damage), pytest.raises(DamagedError):
            storage.series.drop("run_a", EVERYTHING, proceed)
        assert bits(scanned(storage, "run_a")) == bits(run.values)
    assert storage.series.drop("run_a", EVERYTHING, proceed).points == 30_000


@contextmanager
def write_and_undo(storage, statement):
    """The database with a statement carried out, and then as it was."""

    def damage(tx):
        for table in ("chunk", "block"):
            tx.exec_driver_sql(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}")
        assert tx.exec_driver_sql(statement).rowcount == 1

    def undo(tx):
        for table in ("chunk", "block"):
            tx.exec_driver_sql(f"DELETE FROM {table}")
            tx.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM kept_{table}")
            tx.exec_driver_sql(f"DROP TABLE kept_{table}")

    write(storage, damage)
    yield
    write(storage, undo)


def test_a_chunk_that_a_rewind_splits_stays_and_all_after_it(storage, run):
    """Visible and hidden points stay apart, exactly; before the split everything may go."""
    again = Run(storage, writer_id="w2", attempt=2, seed=7, step=5000, start=START + 10**10)
    write(storage, lambda tx: storage.series.rewind(tx, "run_a", 2, 4999))
    again.log(9000)
    storage.series.seal("run_a")
    before = [figures(window(storage, name)) for name in NAMES]
    hidden = figures(window(storage, superseded=True))
    told = summaries(storage, "run_a")
    storage.series.drop("run_a", EVERYTHING, proceed)
    assert bits(scanned(storage, "run_a")) == bits(run.values[CHUNK:])
    assert [figures(window(storage, name)) for name in NAMES] == before
    assert figures(window(storage, superseded=True)) == hidden
    assert summaries(storage, "run_a") == told
    write(storage, lambda tx: storage.series.rename(tx, "run_a", "acc", "zzz"))  # so that they are computed anew
    write(storage, lambda tx: storage.series.rename(tx, "run_a", "zzz", "acc"))
    assert summaries(storage, "run_a") == told


def test_a_rewind_to_before_dropped_points_hides_them_by_cells(storage, run):
    """A cell with any visible point counts as visible, and no other does."""
    storage.series.drop("run_a", EVERYTHING, proceed)
    write(storage, lambda tx: storage.series.open_stream(tx, "run_a", "w2", attempt=2))
    write(storage, lambda tx: storage.series.rewind(tx, "run_a", 2, 99))
    assert window(storage).stored == 128
    assert window(storage, superseded=True).stored == 10_000 - 128
    (told,) = storage.series.summaries(["run_a"], ["acc"])["run_a"]
    assert (told.count, told.min, told.max, told.last_step) == (128, run.values[0, 1], run.values[127, 1], 127)


def test_a_deleted_metric_is_not_missed(storage, run):
    """A metric that was deleted before is no reason to keep the others; points of it stay away."""
    write(storage, lambda tx: storage.series.delete_metric(tx, "run_a", "acc"))
    told = summaries(storage, "run_a")
    assert storage.series.drop("run_a", EVERYTHING, proceed).points == 20_000
    assert summaries(storage, "run_a") == told
    assert window(storage, "acc").stored == 0 and window(storage, "loss").stored == 10_000


def test_a_deletion_inside_a_chunk_keeps_it(storage, run):
    """What was logged of a metric after its deletion stays apart from what was deleted."""
    write(storage, lambda tx: storage.series.delete_metric(tx, "run_a", "acc"))
    run.log(6000)
    storage.series.seal("run_a")
    told = summaries(storage, "run_a")
    assert storage.series.drop("run_a", EVERYTHING, proceed).points == 2 * 2 * CHUNK
    assert summaries(storage, "run_a") == told
    assert figures(window(storage, "acc"))[:2] == (run.values[10_000, 1], run.values[-1, 1])
    assert window(storage, "acc").stored == 6000


def test_work_can_be_stopped_between_pieces(storage, run, monkeypatch):
    """What was dropped by then is dropped, the rest is there, and the next call goes on."""
    monkeypatch.setattr("stepwire.storage.series.drop._SETS_AT_ONCE", 1)
    calls = iter(range(2))

    def stop():
        if next(calls, None) is None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        storage.series.drop("run_a", EVERYTHING, stop)
    assert bits(scanned(storage, "run_a")) == bits(run.values[2 * CHUNK :])
    assert storage.series.drop("run_a", EVERYTHING, proceed).points == 3 * (10_000 - 2 * CHUNK)


def test_steps_that_fall_back_keep_their_extremes(storage):
    """A set whose steps are in no order is charted from its cells too."""
    run = Run(storage).make()
    for step in (5000, 0, 9000):
        run.step = step
        run.log(3000)
    storage.series.seal("run_a")
    before = figures(window(storage))
    storage.series.drop("run_a", EVERYTHING, proceed)
    assert figures(window(storage))[:2] == before[:2] and window(storage).stored == 9000
    inside = (run.steps >= 6000) & (run.steps <= 6500)
    found = window(storage, start=6000, stop=6500, points=10_000)
    assert 0 <= found.stored - inside.sum() < 4 * 64  # both edges, and both cells in which steps fall back or jump
    assert min(found.min) <= run.values[inside, 0].min() and max(found.max) >= run.values[inside, 0].max()
