"""Charts out of the pyramid: long series, several levels, steps in order and not, sets of thousands of metrics."""

import os

import numpy as np
import pytest
from tests.contract import plain
from tests.contract.plain import Source, Tape

from stepwire.storage.open import open_storage

SOAK = int(os.environ.get("STEPWIRE_MODEL_STEPS", "0")) >= 10_000
FEW = ("loss", "lr", "noise")
SHORT, LONG = 300_007, 2_500_123
WIDTHS = (1, 13, 500, 2000)


def steps_of(kind, count):
    """Steps that rise, repeat, or begin anew each epoch."""
    at = np.arange(count)
    if kind == "repeat":
        return at // 37
    if kind == "epochs":
        return at % 9973
    if kind == "jumps":
        return at * 3 + (at // 50_000) * 10**9
    return at


def values_of(rng, count, width):
    """Noise around a curve with spikes, bursts of NaN and infinities, and a constant stretch in the last column."""
    values = rng.standard_normal((count, width)) + np.sin(np.arange(count) / 9999)[:, None]
    for spike in rng.integers(0, count, 5):
        values[spike, :] = rng.choice([-1.0, 1.0], width) * rng.integers(50, 100, width)
    for start in rng.integers(0, count, 8):
        values[start : start + int(rng.integers(1, 700)), 0] = rng.choice([np.nan, np.inf, -np.inf])
    values[count // 3 : count // 2, width - 1] = 0.5
    return values


def write(storage, tape, names, steps, values, batch):
    """Log rows of one set, in batches of ``batch``."""
    store = storage.series
    first = tape.logged + 1
    seqs = np.arange(first, first + len(steps))
    tape.log_rows(names, seqs, steps, 1_700_000_000_000_000 + seqs * 250_000 + seqs % 7, values)
    stream = storage.writer.submit(lambda tx: store.open_stream(tx, tape.source, tape.writer_id)).result(20)
    tape.number = stream.number
    while tape.high < tape.logged:
        one = tape.batch(tape.high + 1, min(tape.high + batch, tape.logged))
        tape.high = storage.writer.submit(lambda tx, one=one: store.append(tx, stream, one)).result(60).high


def check(storage, source, name, rng, windows, widths=WIDTHS):
    """Random windows of a metric on random axes, beside the whole of it."""
    series, origin = source.series(name), source.start_time()
    ends = [(None, None)]
    for _ in range(windows):
        low, high = np.sort(rng.integers(0, len(series.values), 2))
        if rng.integers(3) == 0:
            high = min(low + int(rng.integers(1, 5000)), len(series.values) - 1)
        ends.append((int(low), int(high)))
    for at, (low, high) in enumerate(ends):
        axis = ("step", "time", "relative")[at % 3]
        x = series.steps if axis == "step" else series.times if axis == "time" else (series.times - origin) / 1e6
        window = (None, None) if low is None else tuple(sorted((float(x[low]), float(x[high]))))
        points = widths[at % len(widths)]
        found = storage.series.window(source.id, name, x=axis, start=window[0], stop=window[1], points=points)
        plain.check_window(found, series, axis, window, points, origin=origin)


def chunks_of(storage):
    """How many chunks each level has."""
    with storage.database.read() as connection:
        return dict(connection.exec_driver_sql("SELECT level, count(*) FROM chunk GROUP BY level").fetchall())


@pytest.mark.parametrize("kind", ["up", "repeat", "epochs", "jumps"])
def test_windows_of_a_series_of_two_levels_are_those_of_its_points(open_engine, tmp_path, kind):
    """300,000 points a metric: everything that a window says, from cells or points, sealed or not, is brute force's."""
    storage, rng = open_engine(tmp_path), np.random.default_rng(len(kind))
    source, tape = Source("run_a", "run", 1), Tape("run_a", "w")
    source.streams.append(tape)
    write(storage, tape, FEW, steps_of(kind, SHORT), values_of(rng, SHORT, len(FEW)), 20_000)
    storage.series.seal()
    assert chunks_of(storage) == {0: 74, 1: 74, 2: 2}
    more = 70_000  # in the journal and in new chunks
    write(storage, tape, FEW, steps_of(kind, SHORT + more)[SHORT:], values_of(rng, more, len(FEW)), 20_000)
    for name in FEW:
        check(storage, source, name, rng, 24)
    plain.check_summaries(storage.series, [source])
    storage.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_windows_of_millions_of_points_are_those_of_the_points(tmp_path):
    """2,500,000 points: three levels, rising steps in one stream and steps that begin anew each epoch in another."""
    storage, rng = open_storage(tmp_path), np.random.default_rng(3)
    for id_, kind in (("run_a", "up"), ("run_b", "epochs")):
        source, tape = Source(id_, "run", 1), Tape(id_, "w")
        source.streams.append(tape)
        write(storage, tape, ("loss",), steps_of(kind, LONG), values_of(rng, LONG, 1), 100_000)
        storage.series.seal(id_)
        check(storage, source, "loss", rng, 30, (1, 50, 1000, 1500))
        plain.check_summaries(storage.series, [source])
        tape.limit = 5000.5
        storage.writer.submit(lambda tx, id_=id_: storage.series.rewind(tx, id_, 2, 5000.5)).result(20)
        series = source.series("loss")
        for superseded in (False, True):
            found = storage.series.window(id_, "loss", x="step", points=100, superseded=superseded)
            plain.check_window(found, series, "step", (None, None), 100, superseded=superseded)
    assert chunks_of(storage) == {0: 2 * 611, 1: 2 * 611, 2: 2 * 19, 3: 2 * 2}
    storage.close()


@pytest.mark.parametrize(("width", "rows"), [(600, 2500), (2100, 600)])
def test_wide_sets_have_smaller_chunks_and_the_same_answers(open_engine, tmp_path, width, rows):
    """Hundreds and thousands of metrics at each step: some of them in windows and pages, all of them in summaries."""
    storage, rng = open_engine(tmp_path), np.random.default_rng(width)
    source, tape = Source("run_a", "run", 1), Tape("run_a", "w")
    source.streams.append(tape)
    names = tuple(f"layer/{at}/grad" for at in range(width))
    for start in range(0, rows, 500):
        count = min(500, rows - start)
        write(storage, tape, names, np.arange(start, start + count), values_of(rng, count, width), 100)
        storage.series.seal()
    full = {600: 1024, 2100: 256}[width]
    assert chunks_of(storage) == {0: -(-rows // full), 1: -(-rows // full)}
    write(storage, tape, names, np.arange(rows, rows + 30), values_of(rng, 30, width), 7)
    some = [names[0], names[1], names[-1]]
    for name in some:
        check(storage, source, name, rng, 8, (1, 5, 30, 3000))
    plain.check_raw(storage.series, source, some, 700)
    plain.check_summaries(storage.series, [source])
    storage.close()


@pytest.mark.slow
@pytest.mark.skipif(not SOAK, reason="two minutes; runs in make soak")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("width", "rows"), [(600, 140_000), (2100, 132_000)])
def test_wide_sets_reach_the_second_level(tmp_path, width, rows):
    """A wide set of which 131,072 rows make one chunk of the second level out of 128 or 512 small ones."""
    storage, rng = open_storage(tmp_path), np.random.default_rng(width)
    names = tuple(f"m{at}" for at in range(width))
    stream = storage.writer.submit(lambda tx: storage.series.open_stream(tx, "run_a", "w")).result(20)
    kept = {at: np.empty(rows) for at in (0, 5, width - 1)}
    tape = Tape("run_a", "w")
    for start in range(0, rows, 512):
        count = min(512, rows - start)
        values = np.repeat(rng.integers(-9, 9, (count, 1)).astype(np.float64), width, axis=1)
        for at, column in kept.items():
            values[:, at] = rng.standard_normal(count)
            column[start : start + count] = values[:, at]
        part = Tape("run_a", "w")
        part.log_rows(
            names,
            np.arange(start + 1, start + 1 + count),
            np.arange(start, start + count),
            np.arange(start, start + count),
            values,
        )
        one = part.batch(start + 1, start + count)
        storage.writer.submit(lambda tx, one=one: storage.series.append(tx, stream, one)).result(60)
        if start // 512 % 16 == 15:  # so that the journal stays small
            storage.series.seal()
    storage.series.seal()
    assert chunks_of(storage)[2] == 1
    source = Source("run_a", "run", 1, [tape])
    tape.log_rows(
        tuple(names[at] for at in kept),
        np.arange(1, rows + 1),
        np.arange(rows),
        np.arange(rows),
        np.stack(list(kept.values()), axis=1),
    )
    tape.high = rows
    for at in kept:
        series = source.series(names[at])
        for window in ((None, None), (5, 131_071), (777, 60_000), (131_000, 131_200)):
            for points in (1, 20, 200):
                found = storage.series.window(
                    "run_a", names[at], x="step", start=window[0], stop=window[1], points=points
                )
                plain.check_window(found, series, "step", window, points)
    storage.close()


def test_a_grid_of_long_series_keeps_every_extreme(open_engine, tmp_path):
    """Several metrics of two runs on one x, out of cells: counts, extremes, means and ends of each are brute force's."""
    storage, rng = open_engine(tmp_path), np.random.default_rng(8)
    sources = []
    for place, (kind, count) in enumerate([("up", 40_000), ("repeat", 90_000)]):
        source, tape = Source(f"run_{place}", "run", place), Tape(f"run_{place}", "w")
        source.streams.append(tape)
        write(storage, tape, FEW, steps_of(kind, count), values_of(rng, count, len(FEW)), 8000)
        sources.append(source)
    asked = [(source, name) for source in sources for name in FEW]
    series = [source.series(name) for source, name in asked]
    origins = [source.start_time() for source, _ in asked]
    for axis in ("step", "time", "relative"):
        for window in ((None, None), (100.0, 30_000.0)):
            if axis == "time" and window[0] is not None:
                window = tuple(origins[0] + end * 1e5 for end in window)
            for points in (1, 40, 900):
                found = storage.series.grid(
                    [(source.id, name) for source, name in asked],
                    x=axis,
                    start=window[0],
                    stop=window[1],
                    points=points,
                )
                plain.check_grid(found, series, axis, window, points, origins=origins)
    storage.close()


@pytest.mark.parametrize("rows", [900, 31_000, 33_000, 50_000])
def test_a_chart_of_many_lines_has_at_least_half_its_buckets(open_engine, tmp_path, rows):
    """Twenty lines come out of coarser cells than one: as exact, up to half as many buckets, points when they fit."""
    storage, rng = open_engine(tmp_path), np.random.default_rng(9)
    source, tape = Source("run", "run", 1), Tape("run", "w")
    source.streams.append(tape)
    names = tuple(f"metric.{number}" for number in range(20))
    write(storage, tape, names, steps_of("up", rows), values_of(rng, rows, len(names)), 8000)
    storage.series.seal("run")
    found = storage.series.grid([("run", name) for name in names], x="step", points=1000)
    plain.check_grid(found, [source.series(name) for name in names], "step", (None, None), 1000)
    assert found.exact == (rows <= 1000)
    assert min(rows, 500) <= len(found.x) <= 1000
    storage.close()
