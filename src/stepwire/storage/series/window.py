"""Windows: which parts of which lanes a chart needs.

Imported lazily: the server listens before NumPy is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stepwire.storage.series.directory import Lane
from stepwire.storage.series.encoding import Array
from stepwire.storage.series.lanes import SetReader, Stretch
from stepwire.storage.series.levels import CHUNK_ROWS, cell_rows
from stepwire.storage.series.parts import Parts, join, of_points, with_ends
from stepwire.storage.series.tail import Rows

_UNSORTED_CELLS_PER_POINT = 16
_MOST_REFINED_ROWS = 262_144


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for: ``start`` and ``stop`` on an axis (both included, ``None``: open), in ``points`` buckets.

    ``axis`` is ``step`` or ``time`` (µs). ``superseded``: the points that a rewind has hidden, and only those.
    ``seqs``: with record numbers, and the ends of every lane as points, because parts must be put in order.
    ``exact``: no cells where there are points. ``fewest``: cells are taken where they give at least so many buckets.
    """

    axis: str
    start: float | None
    stop: float | None
    points: int
    superseded: bool = False
    seqs: bool = False
    exact: bool = False
    fewest: int = 0


def shifted(window: Window, origin: int) -> Window:
    """A window in seconds since ``origin`` (µs) as one in µs since 1970."""
    start, stop = (None if end is None else origin + end * 1e6 for end in (window.start, window.stop))
    return replace(window, axis="time", start=start, stop=stop)


def read_metric(lanes: Sequence[tuple[Lane, SetReader]], window: Window) -> Parts:
    """One metric out of all of its lanes."""
    by_stream: dict[int, list[Parts]] = {}
    window = replace(window, seqs=len(lanes) != 1 or not _rises(*lanes[0], window))
    for lane, reader in lanes:
        by_stream.setdefault(lane.stream.number, []).extend(_lane(lane, reader, window))
    streams = list(by_stream.values())
    joined = join(streams)
    if joined.is_raw or not window.seqs or any(lane.cut < reader.state.raw_from for lane, reader in lanes):
        return joined
    return with_ends(joined, streams)


def _is_sorted(lane: Lane, reader: SetReader, window: Window) -> bool:
    return reader.is_sorted(window.axis) and (lane.stream.limit_step is None or reader.state.step_sorted)


def _rises(lane: Lane, reader: SetReader, window: Window) -> bool:
    """Whether x never falls, sealed or not: what is read row by row is in order then."""
    if not _is_sorted(lane, reader, window):
        return False
    if reader.tail is None or not reader.state.rows:
        return True
    if window.axis == "step":
        return bool(reader.tail.steps.min() >= reader.state.last_step)
    return bool(reader.tail.times.min() >= reader.state.last_time)


def _lane(lane: Lane, reader: SetReader, window: Window) -> list[Parts]:
    limit = lane.stream.limit_step
    if window.superseded and limit is None:
        return []
    parts = []
    if lane.cut < reader.state.rows:
        parts = (_sorted if _is_sorted(lane, reader, window) else _unsorted)(lane, reader, window)
    if reader.tail is not None and lane.cut < reader.total:
        parts.append(_tail(lane, reader, reader.tail, window))
    return parts


def _sorted(lane: Lane, reader: SetReader, window: Window) -> list[Parts]:
    """Sealed rows on an axis that only rises: a range of rows."""
    start = 0 if window.start is None else reader.locate(window.axis, window.start, right=False)
    stop = reader.state.rows if window.stop is None else reader.locate(window.axis, window.stop, right=True)
    if lane.stream.limit_step is not None:
        limit = reader.locate("step", lane.stream.limit_step, right=True)
        start, stop = (max(start, limit), stop) if window.superseded else (start, min(stop, limit))
    start = max(start, lane.cut)
    stretches = reader.stretches(start, stop, window.fewest or window.points)
    if window.seqs and start >= reader.state.raw_from and any(stretch.level for stretch in stretches):
        stretches = reader.between_points(start, stop, stretches)
    return reader.read(stretches, lane.column, window.axis, seqs=window.seqs)


def _tail(lane: Lane, reader: SetReader, tail: Rows, window: Window) -> Parts:
    rows = tail.part(max(lane.cut - reader.state.rows, 0), len(tail))
    x = rows.steps if window.axis == "step" else rows.times
    values = rows.values[:, lane.column]
    if window.start is None and window.stop is None and lane.stream.limit_step is None:
        return of_points(x, values, rows.seqs)
    inside = is_inside(rows.steps, x, lane.stream.limit_step, window)
    return of_points(x[inside], values[inside], rows.seqs[inside])


def is_inside(steps: Array, x: Array, limit: float | None, window: Window) -> Array:
    """Which points belong to the window."""
    inside = np.ones(len(x), bool)
    if window.start is not None:
        inside &= x >= window.start
    if window.stop is not None:
        inside &= x <= window.stop
    if limit is not None:
        inside &= (steps > limit) if window.superseded else (steps <= limit)
    return inside


# --- an axis on which rows fall back ---------------------------------------------------------------------


def _unsorted(lane: Lane, reader: SetReader, window: Window) -> list[Parts]:
    """Sealed rows in any order: cells that are narrow and whole inside are taken, the others looked into."""
    parts = _sifted(lane, reader, window)
    if sum(part.stored for part in parts) > window.points or all(part.is_raw for part in parts):
        return parts
    return _sifted(lane, reader, replace(window, exact=True))  # few enough to be shown one by one


def _sifted(lane: Lane, reader: SetReader, window: Window) -> list[Parts]:
    rows = reader.state.rows
    level = 0
    while rows > max(_UNSORTED_CELLS_PER_POINT * window.points, CHUNK_ROWS) * cell_rows(level):
        level += 1
    parts: list[Parts] = []
    ranges = [(lane.cut, rows)]
    while ranges and level > 0:
        taken, ranges = _sift(lane, reader, window, ranges, level)
        parts += taken
        level -= 1
    for start, stop in ranges:
        parts += _points(lane, reader, window, reader.cover(start, stop, 0))
    return parts


def _sift(
    lane: Lane, reader: SetReader, window: Window, ranges: Sequence[tuple[int, int]], level: int
) -> tuple[list[Parts], list[tuple[int, int]]]:
    """Cells of one level that can be taken as they are, and the ranges of rows that must be looked into."""
    parts, deeper = [], []
    for start, stop in ranges:
        row = start
        for stretch in reader.cover(start, stop, level):
            if stretch.level == 0:
                parts += _points(lane, reader, window, [stretch])
                row = stretch.stop
                continue
            whole, split, counts = _judge(lane, reader, window, stretch)
            (found,) = reader.read([stretch], lane.column, window.axis)
            parts.append(found.take(np.flatnonzero(whole)))
            starts = row + np.cumsum(counts) - counts
            deeper += [
                (int(first), int(first + count)) for first, count in zip(starts[split], counts[split], strict=True)
            ]
            row += int(counts.sum())
    return parts, _merged(deeper)


def _judge(lane: Lane, reader: SetReader, window: Window, stretch: Stretch) -> tuple[Array, Array, Array]:
    """Which cells are taken, which are looked into, and how many rows each has."""
    ends = reader.axes(stretch)
    low, high = (ends.s_min, ends.s_max) if window.axis == "step" else (ends.t_min, ends.t_max)
    start = low.min() if window.start is None else window.start
    stop = high.max() if window.stop is None else window.stop
    touched = (high >= start) & (low <= stop)
    whole = (low >= start) & (high <= stop)
    limit = lane.stream.limit_step
    if limit is not None:
        kept = ends.s_min > limit if window.superseded else ends.s_max <= limit
        touched &= ends.s_max > limit if window.superseded else ends.s_min <= limit
        whole &= kept
    narrow = whole & (high - low <= max(float(stop) - float(start), 0.0) / window.points)
    if ends.count[touched & ~narrow].sum() > _MOST_REFINED_ROWS:
        narrow = whole  # too many to look into: their extremes stay exact, their places are a cell wide
    narrow[window.exact or _at_ends(narrow, low, high)] = False
    split = touched & ~narrow
    if stretch.level == 1 and stretch.start * cell_rows(1) < reader.state.raw_from:
        # Nothing finer is left of these. One that a rewind splits counts as visible, and only so.
        gone = (stretch.start + np.arange(len(low))) * cell_rows(1) < reader.state.raw_from
        hidden = ends.s_min <= limit if limit is not None and window.superseded else np.zeros(len(low), bool)
        narrow, split = narrow | (split & gone & ~hidden), split & ~gone
    return narrow, split, ends.count


def _at_ends(chosen: Array, low: Array, high: Array) -> Array:
    """The cells that may have the first and the last point: the first with the least x, the last with the greatest."""
    places = np.flatnonzero(chosen)
    if not len(places):
        return places
    return places[[low[places].argmin(), len(places) - 1 - high[places][::-1].argmax()]]


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in ranges:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return merged


def _points(lane: Lane, reader: SetReader, window: Window, stretches: Sequence[Stretch]) -> list[Parts]:
    parts = []
    for stretch in stretches:
        if stretch.level:  # raw points are gone
            whole, split, _ = _judge(lane, reader, window, stretch)
            (found,) = reader.read([stretch], lane.column, window.axis)
            parts.append(found.take(np.flatnonzero(whole | split)))
            continue
        rows = reader.axes(stretch)
        x = rows.steps if window.axis == "step" else rows.times
        inside = is_inside(rows.steps, x, lane.stream.limit_step, window)
        parts.append(of_points(x[inside], reader.values(stretch, lane.column)[inside], rows.seqs[inside]))
    return parts
