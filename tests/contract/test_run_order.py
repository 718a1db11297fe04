"""What the run list reads of the series: runs in order from a place on, and their newest points."""

import math

import pytest

VALUES = {"a": [3.0], "b": [1.0, 5.0], "c": [3.0], "d": [math.nan], "e": [math.inf, 2.0, math.inf], "f": [3.0]}


def log(script, *values, name="loss", first=0):
    """A value per step, times in seconds."""
    script.log(*(((name,), step, step * 1_000_000, (value,)) for step, value in enumerate(values, first)))


@pytest.fixture
def series(storage, new_script):
    """A run per list of values."""
    for source, values in VALUES.items():
        log(new_script(storage, source), *values)
    return storage.series


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("min", [("b", 1.0), ("e", 2.0), ("a", 3.0), ("c", 3.0), ("f", 3.0)]),
        ("last", [("a", 3.0), ("c", 3.0), ("f", 3.0), ("b", 5.0)]),
        ("first", [("b", 1.0), ("a", 3.0), ("c", 3.0), ("f", 3.0)]),
    ],
)
@pytest.mark.parametrize("descending", [False, True])
def test_the_order_goes_on_behind_any_place(series, statistic, expected, descending):
    """Ties stay in the order of the runs in both directions; what is not finite has no place."""
    if descending:
        expected = sorted(expected, key=lambda one: -one[1])
    assert list(series.ranked("loss", statistic, descending=descending)) == expected
    for place, after in enumerate(expected):
        found = series.ranked("loss", statistic, descending=descending, after=after)
        assert list(found) == expected[place + 1 :]


def test_a_place_stays_when_its_run_changes_or_goes(series, storage, new_script):
    """A run that moved up or was deleted loses nobody behind its place."""
    after = ("c", 3.0)
    log(new_script(storage, "c", "w2"), 0.5, first=9)
    assert list(series.ranked("loss", "min", after=after)) == [("f", 3.0)]
    storage.writer.submit(lambda tx: series.delete(tx, "c")).result(20)
    assert list(series.ranked("loss", "min", after=after)) == [("a", 3.0), ("f", 3.0)]


def test_the_newest_point_of_each_run(series, storage, new_script):
    """Step and time of the last point of any metric but those left out, also after a rewind and a deletion."""
    log(new_script(storage, "a", "w2"), *range(9), name="system/cpu", first=7)
    log(new_script(storage, "b", "w2"), 1.0, name="acc", first=3)
    log(new_script(storage, "s"), 1.0, name="system/cpu")
    found = series.newest(["a", "b", "e", "s", "none"], but="system/")
    assert found == {"a": (0, 0), "b": (3, 3_000_000), "e": (2, 2_000_000)}
    assert series.newest(["a"], but="-") == {"a": (15, 15_000_000)}
    storage.writer.submit(lambda tx: series.delete_metric(tx, "b", "acc")).result(20)
    storage.writer.submit(lambda tx: series.rewind(tx, "e", 2, 0)).result(20)
    assert series.newest(["b", "e"], but="system/") == {"b": (1, 1_000_000), "e": (0, 0)}


def test_what_is_told_to_viewers_has_the_name_shown(storage, script):
    """Points that come after a renaming are accepted under the new name."""
    log(script, 1.0)
    storage.writer.submit(lambda tx: storage.series.rename(tx, "run_a", "loss", "train/loss")).result(20)
    appended = script.log((("loss", "acc"), 1, 1, (2.0, 3.0)))
    assert [one.names for one in appended.sets] == [("train/loss", "acc")]
    storage.writer.submit(lambda tx: storage.series.rename(tx, "run_a", "train/loss", "loss")).result(20)
    assert [one.names for one in script.log((("loss",), 2, 2, (2.0,))).sets] == [("loss",)]


def test_totals_count_what_is_stored(storage, script):
    """Points are in the journal until they are sealed, then in chunks with a block per metric."""
    script.log(*((("loss", "acc"), step, step, (1.0, 2.0)) for step in range(5)))
    script.log({"type": "event", "message": "x"})
    before = storage.series.totals()
    assert (before.journal_rows, before.unsealed_points, before.chunks, before.series) == (2, 10, 0, 2)
    assert before.journal_bytes > 0 and before == storage.series.totals()
    storage.series.seal()
    after = storage.series.totals()
    assert (after.journal_rows, after.journal_bytes, after.unsealed_points) == (0, 0, 0)
    assert after.chunks > 0 and after.blocks == 2 * after.chunks
