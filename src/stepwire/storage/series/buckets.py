"""Many points into few buckets, without losing an extremum. Pure functions over NumPy arrays.

Imported lazily: the server listens before NumPy is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stepwire.storage.series.columns import Points
from stepwire.storage.series.interface import Axis, Buckets, Grid

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a chart: its points in ascending ``x``, equal ``x`` in the order of logging."""

    source: str
    name: str
    x: Array
    values: Array


@dataclass(frozen=True, slots=True)
class _Cells:
    """Points of one line, grouped: ``places[i]`` is the place on the shared x of the i-th group."""

    places: Array
    mean: Array
    min: Array
    max: Array
    last: Array
    count: Array
    nonfinite: Array


def to_line(
    source: str, name: str, points: Points | None, axis: Axis, origin: int, start: float | None, stop: float | None
) -> Line:
    """The points with ``start <= x <= stop``, in order of x. ``origin`` (µs): where ``relative`` counts from."""
    if points is None:
        return Line(source, name, np.empty(0), np.empty(0))
    x, values = _axis(points, axis, origin), points.values
    if len(x) > 1 and bool((x[1:] < x[:-1]).any()):
        sort = np.argsort(x, kind="stable")
        x, values = x[sort], values[sort]
    begin = 0 if start is None else int(np.searchsorted(x, start, "left"))
    end = len(x) if stop is None else int(np.searchsorted(x, stop, "right"))
    return Line(source, name, x[begin:end], values[begin:end])


def _axis(points: Points, axis: Axis, origin: int) -> Array:
    if axis == "step":
        return points.steps
    return points.times if axis == "time" else (points.times - origin) / 1e6


def window(line: Line, points: int) -> Buckets:
    """The line in at most ``points`` buckets; every stored point as it is when there are no more than that."""
    stored = len(line.x)
    if stored <= points:
        return _buckets(line, line.x, _group(line.values, np.arange(stored), np.arange(stored)))
    shared = _grid_of([line], points)
    return _buckets(line, shared, _cells(line, shared))


def grid(lines: Sequence[Line], points: int) -> Grid:
    """All lines on one shared ascending x of at most ``points`` buckets."""
    shared = _grid_of(lines, points)
    series = [_buckets(line, shared, _cells(line, shared)) for line in lines]
    return Grid(
        x=shared.tolist(),
        series=series,
        exact=all(one.exact for one in series),
        stored=sum(one.stored for one in series),
    )


def _grid_of(lines: Sequence[Line], points: int) -> Array:
    """The shared x: every distinct x when they fit, else the first x of each bucket that has a point."""
    filled = [line.x for line in lines if len(line.x)]
    if not filled:
        return np.empty(0)
    # Counted line by line first: joining millions of points only to find that they don't fit takes long.
    if all(_distinct(x) <= points for x in filled):
        union = np.unique(np.concatenate(filled))
        if len(union) <= points:
            return union
    low = min(x[0] for x in filled)
    high = max(x[-1] for x in filled)
    firsts = np.concatenate([_first_of_each(x, low, high, points) for x in filled])
    firsts.sort()
    return _first_of_each(firsts, low, high, points)


def _distinct(x: Array) -> int:
    return 1 + int(np.count_nonzero(x[1:] != x[:-1]))


def _first_of_each(x: Array, low: Any, high: Any, points: int) -> Array:
    bucket = np.minimum((x - low) / (high - low) * points, points - 1).astype(np.int64)
    return x[_starts(bucket)]


def _starts(bucket: Array) -> Array:
    return np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))


def _cells(line: Line, shared: Array) -> _Cells:
    """The line's points grouped by the shared x at or before them."""
    bucket = np.searchsorted(shared, line.x, "right") - 1
    starts = _starts(bucket) if len(bucket) else np.empty(0, np.int64)
    return _group(line.values, starts, bucket[starts])


def _group(values: Array, starts: Array, places: Array) -> _Cells:
    if not len(starts):
        empty = np.empty(0)
        return _Cells(places, empty, empty, empty, empty, empty.astype(np.int64), empty.astype(np.int64))
    finite = np.isfinite(values)
    ends = np.append(starts[1:], len(values))
    seen = np.add.reduceat(finite, starts, dtype=np.int64)
    low = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
    return _Cells(
        places=places,
        mean=_mean(np.where(finite, values, 0.0), starts, ends, seen, low, high),
        min=low,
        max=high,
        last=values[ends - 1],
        count=ends - starts,
        nonfinite=(ends - starts) - seen,
    )


def _mean(values: Array, starts: Array, ends: Array, seen: Array, low: Array, high: Array) -> Array:
    divisor = np.maximum(seen, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.add.reduceat(values, starts) / divisor
    if not np.isfinite(mean).all():  # the sum of huge values left the range; divide first, a little less exact
        mean = np.add.reduceat(values / np.repeat(divisor, ends - starts), starts)
    # Rounding may put the mean of equal values one bit outside of them.
    return np.where(seen > 0, np.clip(mean, np.where(seen > 0, low, 0.0), np.where(seen > 0, high, 0.0)), 0.0)


def _buckets(line: Line, shared: Array, cells: _Cells) -> Buckets:
    filled = cells.count - cells.nonfinite > 0
    places = cells.places
    return Buckets(
        source=line.source,
        name=line.name,
        x=shared.tolist(),
        mean=_spread(cells.mean, places, filled, len(shared)),
        min=_spread(cells.min, places, filled, len(shared)),
        max=_spread(cells.max, places, filled, len(shared)),
        last=_spread(cells.last, places, np.ones(len(places), bool), len(shared)),
        count=_spread_counts(cells.count, places, len(shared)),
        nonfinite=_spread_counts(cells.nonfinite, places, len(shared)),
        first_value=float(line.values[0]) if len(line.values) else None,
        last_value=float(line.values[-1]) if len(line.values) else None,
        stored=len(line.x),
        exact=bool((cells.count <= 1).all()),
    )


def _spread(numbers: Array, places: Array, filled: Array, length: int) -> list[float | None]:
    spread: list[float | None] = [None] * length
    for place, number in zip(places[filled].tolist(), numbers[filled].tolist(), strict=True):
        spread[place] = number
    return spread


def _spread_counts(counts: Array, places: Array, length: int) -> list[int]:
    spread = np.zeros(length, np.int64)
    spread[places] = counts
    counted: list[int] = spread.tolist()
    return counted
