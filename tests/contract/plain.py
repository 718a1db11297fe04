"""A plain model of the series: what was logged as NumPy arrays, and what every read must say, by brute force."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stepwire.protocol import Batch, SetColumns
from stepwire.storage.series.interface import Buckets, Grid, RawBlock, SeriesStore, Summary

NAN_WITH_PAYLOAD = np.array([0x7FF8_0000_0000_0123], np.uint64).view(np.float64)[0]
SEALED_AS_POINTS = 16  # a window of at most this many rows a bucket is made of points, not of cells


# --- what a script logs ----------------------------------------------------------------------------------


@dataclass
class TapeSet:
    """The rows of one metric set of one stream, sent or not."""

    id: int
    names: tuple[str, ...]
    seqs: Any
    steps: Any
    times: Any
    values: Any
    cuts: dict[int, int] = field(default_factory=dict)

    def count(self, high: int) -> int:
        """How many rows lie in records up to ``high``."""
        return int(np.searchsorted(self.seqs, high, "right"))

    def extend(self, seqs: Any, steps: Any, times: Any, values: Any) -> None:
        """Log more rows."""
        self.seqs = np.concatenate([self.seqs, seqs])
        self.steps = np.concatenate([self.steps, steps])
        self.times = np.concatenate([self.times, times])
        self.values = np.concatenate([self.values, values])


@dataclass(repr=False)
class Tape:
    """One stream: everything that its script logged; records up to ``high`` are stored."""

    source: str
    writer_id: str
    attempt: int = 1
    rank: int = 0
    high: int = 0
    logged: int = 0
    limit: float | None = None
    rewound_to: float | None = None
    number: int = 0
    sets: dict[tuple[str, ...], TapeSet] = field(default_factory=dict)
    records: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def log_rows(self, names: tuple[str, ...], seqs: Any, steps: Any, times: Any, values: Any) -> None:
        """Rows of one metric set, in records ``seqs``."""
        if names not in self.sets:
            none = np.empty(0, np.int64)
            self.sets[names] = TapeSet(len(self.sets), names, none, np.empty(0), none, np.empty((0, len(names))))
        self.sets[names].extend(np.asarray(seqs, np.int64), np.asarray(steps, np.float64), times, values)
        self.logged = max(self.logged, int(seqs[-1]))

    def log_record(self, seq: int, record: dict[str, Any]) -> None:
        """A record that is not a point."""
        self.records.append((seq, record))
        self.logged = max(self.logged, seq)

    def batch(self, first: int, last: int, *, floats: bool = False) -> Batch:
        """Records ``first`` to ``last`` as the SDK sends them."""
        sets = []
        for one in self.sets.values():
            low, high = np.searchsorted(one.seqs, [first, last + 1])
            if low < high:
                steps = one.steps[low:high]
                whole = not floats and bool((steps == np.rint(steps)).all())
                sets.append(
                    SetColumns(
                        id=one.id,
                        names=one.names,
                        step_type="i8" if whole else "f8",
                        at=(one.seqs[low:high] - first).astype("<u4").tobytes(),
                        steps=steps.astype("<i8" if whole else "<f8").tobytes(),
                        times=one.times[low:high].astype("<i8").tobytes(),
                        values=one.values[low:high].astype("<f8").tobytes(),
                    )
                )
        records = tuple({**record, "at": seq - first} for seq, record in self.records if first <= seq <= last)
        return Batch(first, last - first + 1, tuple(sets), records)


# --- what must be stored ---------------------------------------------------------------------------------


@dataclass
class Series:
    """The points of one metric in the order that charts and summaries have for equal x."""

    steps: Any
    times: Any
    values: Any
    hidden: Any
    rows: int  # of all metric sets behind them
    lanes: list[tuple[Tape, TapeSet]]

    def is_sorted(self, axis: str) -> bool:
        """Whether this is one set of one stream that never falls on the axis (nor where a rewind cuts it)."""
        if len(self.lanes) != 1:
            return False
        tape, one = self.lanes[0]
        count = one.count(tape.high)
        axes = [one.steps if axis == "step" else one.times, *([one.steps] if tape.limit is not None else [])]
        return all(not (x[1:count] < x[: max(count - 1, 0)]).any() for x in axes)

    def window(self, axis: str, start: float | None, stop: float | None, origin: int, *, superseded: bool) -> Any:
        """x and values inside a window, in ascending x."""
        chosen = self.hidden if superseded else ~self.hidden
        x = self.steps if axis == "step" else self.times
        if axis == "relative":
            start, stop = (None if end is None else origin + end * 1e6 for end in (start, stop))
        if start is not None:
            chosen = chosen & (x >= start)
        if stop is not None:
            chosen = chosen & (x <= stop)
        order = np.argsort(x[chosen], kind="stable")
        x = x[chosen][order]
        return (x - origin) / 1e6 if axis == "relative" else x, self.values[chosen][order]


@dataclass(repr=False)
class Source:
    """A run or host as it must be read."""

    id: str
    kind: str
    place: int
    streams: list[Tape] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)

    def logged_names(self) -> set[str]:
        """Every name that a stored record had."""
        return {name for _, one in self.stored() for name in one.names}

    def stored(self) -> Iterator[tuple[Tape, TapeSet]]:
        """Every metric set with a stored row, in the order of attempts and streams."""
        for tape in sorted(self.streams, key=lambda tape: (tape.attempt, tape.number)):
            for one in tape.sets.values():
                if one.count(tape.high):
                    yield tape, one

    def show(self, name: str) -> str:
        """A logged name as it is shown."""
        return self.shown.get(name, name)

    def has(self, name: str) -> bool:
        """Whether a metric is shown under this name."""
        return any(self.show(logged) == name for logged in self.logged_names())

    def rename(self, old: str, new: str) -> None:
        """Show every name shown as ``old`` as ``new``."""
        for logged in self.logged_names():
            if self.show(logged) == old:
                self.shown[logged] = new

    def delete_metric(self, name: str) -> None:
        """Forget the points stored by now."""
        for tape, one in self.stored():
            for column, logged in enumerate(one.names):
                if self.show(logged) == name:
                    one.cuts[column] = one.count(tape.high)

    def names(self) -> list[str]:
        """Names with a point, sorted."""
        return sorted(
            {
                self.show(name)
                for tape, one in self.stored()
                for column, name in enumerate(one.names)
                if one.cuts.get(column, 0) < one.count(tape.high)
            }
        )

    def start_time(self) -> int | None:
        """The earliest time."""
        times = [int(one.times[: one.count(tape.high)].min()) for tape, one in self.stored()]
        return min(times, default=None)

    def series(self, name: str, *, by_number: bool = False) -> Series:
        """The points of a metric; ``by_number``: streams in the order of opening, as raw pages have them."""
        parts, lanes = [], []
        tapes = sorted(self.streams, key=lambda tape: tape.number if by_number else (tape.attempt, tape.number))  # type: ignore[return-value, arg-type]
        for tape in tapes:
            pieces = []
            for one in tape.sets.values():
                count = one.count(tape.high)
                for column, logged in enumerate(one.names):
                    cut = one.cuts.get(column, 0)
                    if self.show(logged) == name and cut < count:
                        rows = slice(cut, count)
                        values = one.values[rows, column]
                        pieces.append((one.seqs[rows], one.steps[rows], one.times[rows], values))
                        lanes.append((tape, one))
            if pieces:
                seqs, steps, times, values = (np.concatenate(column) for column in zip(*pieces, strict=True))
                order = np.argsort(seqs, kind="stable")
                limit = math.inf if tape.limit is None else tape.limit
                parts.append((steps[order], times[order], values[order], steps[order] > limit))
        if not parts:
            none = np.empty(0, np.int64)
            return Series(none, none, np.empty(0), np.empty(0, bool), 0, [])
        joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return Series(*joined, sum(one.count(tape.high) for tape, one in lanes), lanes)  # type: ignore[arg-type]

    def summary(self, name: str) -> tuple[Any, ...] | None:
        """The figures of a summary."""
        found = self.series(name)
        steps, times, values = (column[~found.hidden] for column in (found.steps, found.times, found.values))
        if not len(values):
            return None
        finite = np.isfinite(values)
        low = high = (None, None)
        if finite.any():
            least, most = (
                int(np.where(finite, values, np.inf).argmin()),
                int(np.where(finite, values, -np.inf).argmax()),
            )
            low, high = (told(values[least]), float(steps[least])), (told(values[most]), float(steps[most]))
        return (
            len(values),
            int((~finite).sum()),
            told(values[0]),
            told(values[-1]),
            float(steps[-1]),
            int(times[-1]),
            *low,
            *high,
        )


def told(value: float) -> float:
    """A value as a summary tells it: a NaN is a NaN there, whatever bits it carries, and -0.0 is 0.0."""
    return math.nan if math.isnan(value) else float(value) + 0.0


# --- comparing -------------------------------------------------------------------------------------------


def bits(values: Any) -> Any:
    """The bits of float64 values."""
    return np.asarray(values, np.float64).view(np.uint64)


def same_bits(found: Any, wanted: Any) -> None:
    """Every value bit for bit."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    assert found.shape == wanted.shape
    different = np.flatnonzero(bits(found) != bits(wanted))
    assert not len(different), (different[:10], found[different[:10]], wanted[different[:10]])


def check_raw(store: SeriesStore, source: Source, names: Sequence[str], limit: int) -> None:
    """Pages of ``limit`` rows hold every stored point once."""
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in names}
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        page = store.raw(source.id, names, cursor=cursor, limit=limit)
        assert all(len(columns[0]) <= limit for columns in page.keys.values())
        for name, columns in page.keys.items():
            found[name].append(columns)
        cursor, pages = page.next_cursor, pages + 1
    for name in names:
        wanted = source.series(name, by_number=True)
        steps, times, values = ([one for page in found[name] for one in page[at]] for at in range(3))
        same_bits(values, wanted.values)
        assert times == wanted.times.tolist()
        assert steps == wanted.steps.tolist()


def check_scan(store: SeriesStore, source: Source, names: Sequence[str] | None = None) -> None:
    """A scan gives every row of every set in order, marks what is hidden and leaves out what was deleted."""
    found: dict[tuple[str, int], list[RawBlock]] = {}
    for block in store.scan(source.id, names):
        found.setdefault((block.writer_id, block.set_id), []).append(block)
    for tape, one in source.stored():
        columns = [at for at, name in enumerate(one.names) if names is None or source.show(name) in names]
        blocks = found.pop((tape.writer_id, one.id), [])
        count = one.count(tape.high) if columns else 0
        row = 0
        for block in blocks:
            stop = block.row + len(block.seqs)
            assert block.row == row
            assert block.names == tuple(source.show(one.names[column]) for column in columns)
            assert (block.attempt, block.rank) == (tape.attempt, tape.rank)
            assert (block.seqs == one.seqs[row:stop]).all()
            assert (block.steps == one.steps[row:stop]).all()
            assert (block.times == one.times[row:stop]).all()
            assert (block.superseded == (one.steps[row:stop] > (math.inf if tape.limit is None else tape.limit))).all()
            for place, column in enumerate(columns):
                cut = one.cuts.get(column, 0)
                assert block.missing[place] == (cut > row)
                if not block.missing[place]:
                    same_bits(block.values[:, place], one.values[row:stop, column])
                else:
                    assert cut >= stop
            row = stop
        assert row == count
    assert found == {}


def check_summaries(store: SeriesStore, sources: Sequence[Source], names: Sequence[str] | None = None) -> None:
    """Summaries are those of the visible points."""
    found = store.summaries([source.id for source in sources], names)
    for source in sources:
        wanted = {name: source.summary(name) for name in source.names() if names is None or name in names}
        wanted = {name: figures for name, figures in wanted.items() if figures is not None}
        by_name = {one.name: figures_of(one) for one in found[source.id]}
        assert [one.name for one in found[source.id]] == sorted(by_name)
        assert list(by_name) == sorted(wanted)
        different = {
            name: (by_name[name], wanted[name]) for name in wanted if repr(by_name[name]) != repr(wanted[name])
        }
        assert not different, dict(list(different.items())[:3])


def figures_of(one: Summary) -> tuple[Any, ...]:
    """A summary as ``Source.summary`` gives it."""
    steps = [None if step is None else float(step) for step in (one.last_step, one.min_step, one.max_step)]
    return (
        one.count,
        one.nonfinite,
        told(one.first),
        told(one.last),
        steps[0],
        one.last_time,
        *(one.min, steps[1]),
        *(one.max, steps[2]),
    )


def check_ranked(store: SeriesStore, sources: Sequence[Source], name: str, statistic: Any, descending: bool) -> None:
    """Runs come in the order of a figure; those without a finite one are left out."""
    place = {"count": 0, "first": 2, "last": 3, "min": 6, "max": 8}[statistic]
    wanted = []
    for source in sources:
        figures = source.summary(name)
        value = None if figures is None else figures[place]
        if source.kind == "run" and value is not None and math.isfinite(value):
            wanted.append((-value if descending else value, source.place, source.id, value))
    found = list(store.ranked(name, statistic, descending=descending))
    assert found == [(id_, value) for _, _, id_, value in sorted(wanted)]


# --- charts ----------------------------------------------------------------------------------------------


def check_window(
    found: Buckets, series: Series, axis: str, window: tuple[float | None, float | None], points: int, **more: Any
) -> None:
    """One window against the points that lie in it."""
    origin, superseded = more.get("origin", 0), more.get("superseded", False)
    x, values = series.window(axis, *window, origin, superseded=superseded)
    assert found.exact == (len(x) <= points)
    if found.exact:
        assert found.x == x.tolist()
        same_bits(found.last, values)
        assert found.count == [1] * len(x)
    assert len(found.x) <= max(points, 0)
    by_slices = series.is_sorted(axis) or series.rows <= SEALED_AS_POINTS * points
    check_buckets(found, x, values, by_slices=by_slices, in_place=True)


def check_buckets(found: Buckets, x: Any, values: Any, *, by_slices: bool, in_place: bool) -> None:
    """Buckets tile the window and are exact for the points that they count.

    ``by_slices``: the points that a bucket counts are those that follow the ones before it. ``in_place``: x of a
    bucket is its first point's.
    """
    counts = np.array(found.count, np.int64)
    finite = np.isfinite(values)
    assert found.stored == counts.sum() == len(values)
    assert sum(found.nonfinite) == len(values) - finite.sum()
    assert all(before < after for before, after in zip(found.x, found.x[1:], strict=False)) or found.exact
    if not len(values):
        assert (found.first_value, found.last_value) == (None, None)
        return
    same_bits([found.first_value, found.last_value], values[[0, -1]])
    lows, highs = (
        [value for value in found.min if value is not None],
        [value for value in found.max if value is not None],
    )
    assert bool(lows) == bool(highs) == bool(finite.any())
    if lows:
        assert min(lows) == values[finite].min()
        assert max(highs) == values[finite].max()
        check_whole_mean(found, values[finite])
    if by_slices:
        _check_slices(found, counts, x, values, in_place=in_place)


def _check_slices(found: Buckets, counts: Any, x: Any, values: Any, *, in_place: bool) -> None:
    filled = np.flatnonzero(counts)
    stops = np.cumsum(counts[filled])
    starts = stops - counts[filled]
    finite = np.isfinite(values)
    odd = np.add.reduceat(~finite, starts, dtype=np.int64)
    assert np.array(found.nonfinite)[filled].tolist() == odd.tolist()
    same_bits([found.last[place] for place in filled], values[stops - 1])
    if in_place:
        assert [found.x[place] for place in filled] == x[starts].tolist()
    some = odd < counts[filled]
    low = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
    totals = np.add.reduceat(np.where(finite, values, 0).astype(np.longdouble), starts)
    for at, place in enumerate(filled.tolist()):
        figures = (found.min[place], found.max[place], found.mean[place])
        if not some[at]:
            assert figures == (None, None, None)
            continue
        assert figures[:2] == (low[at], high[at])
        _check_mean(figures[2], totals[at], int(counts[place] - odd[at]), low[at], high[at])
    for place in np.flatnonzero(counts == 0).tolist():
        assert (found.min[place], found.max[place], found.mean[place], found.last[place]) == (None,) * 4


def _check_mean(mean: float | None, total: Any, count: int, low: float, high: float) -> None:
    assert mean is not None
    assert low <= mean <= high
    size = max(abs(low), abs(high))
    assert abs(np.longdouble(mean) - total / count) <= np.longdouble(size) * (count + 8) * 2.0**-51 + 1e-300


def check_whole_mean(found: Buckets, finite: Any) -> None:
    """The means, weighted by what they stand for, are the mean of all."""
    seen = [count - odd for count, odd in zip(found.count, found.nonfinite, strict=True)]
    total = sum((np.longdouble(mean) * n for mean, n in zip(found.mean, seen, strict=True) if mean is not None), 0)
    assert sum(seen) == len(finite)
    wanted = finite.astype(np.longdouble).sum() / len(finite)
    size = np.longdouble(np.abs(finite).max())
    assert abs(total / len(finite) - wanted) <= size * (len(finite) + 8) * 2.0**-51 + 1e-300


def check_grid(
    found: Grid, series: Sequence[Series], axis: str, window: tuple[Any, Any], points: int, **more: Any
) -> None:
    """Several series on one x."""
    origins, superseded = more.get("origins", [0] * len(series)), more.get("superseded", False)
    lines = [
        one.window(axis, *window, origin, superseded=superseded) for one, origin in zip(series, origins, strict=True)
    ]
    distinct = np.unique(np.concatenate([x for x, _ in lines])) if lines else np.empty(0)
    assert len(found.x) <= points
    assert found.x == sorted(set(found.x))
    assert found.stored == sum(one.stored for one in found.series)
    assert found.exact == all(count <= 1 for one in found.series for count in one.count)
    small = all(one.rows <= SEALED_AS_POINTS * points for one in series)
    if small and len(distinct) <= points:
        assert found.x == distinct.tolist()
    for one, found_one, (x, values) in zip(series, found.series, lines, strict=True):
        assert found_one.x == found.x
        by_slices = one.is_sorted(axis) or one.rows <= SEALED_AS_POINTS * points
        check_buckets(found_one, x, values, by_slices=by_slices, in_place=False)
