"""Many parts into few buckets, without losing an extremum. Pure functions over NumPy arrays.

Imported lazily: the server listens before NumPy is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stepwire.storage.series.interface import Buckets, Grid
from stepwire.storage.series.parts import Parts

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a chart: its parts in ascending x."""

    source: str
    name: str
    parts: Parts


@dataclass(frozen=True, slots=True)
class Cells:
    """Parts of one line, grouped: ``places[i]`` is the place on the shared x of the i-th group."""

    places: Array
    mean: Array
    min: Array
    max: Array
    last: Array
    count: Array
    nonfinite: Array


def window(line: Line, points: int) -> Buckets:
    """The line in at most ``points`` buckets; every stored point as it is when there are no more than that."""
    parts = line.parts
    if parts.is_raw and len(parts) <= points:
        return _buckets(line, parts.x, _group(parts, np.arange(len(parts)), np.arange(len(parts))))
    if _distinct(parts.x) > points:
        starts = _starts(_bucket_of(parts.x, parts.x[0], parts.x[-1], points))
        return _buckets(line, parts.x[starts], _group(parts, starts, np.arange(len(starts))))
    shared = shared_x([line], points)
    return _buckets(line, shared, cells_on(line, shared))


def grid(lines: Sequence[Line], points: int) -> Grid:
    """All lines on one shared ascending x of at most ``points`` buckets."""
    shared = shared_x(lines, points)
    series = [_buckets(line, shared, cells_on(line, shared)) for line in lines]
    return Grid(
        x=shared.tolist(),
        series=series,
        exact=all(one.exact for one in series),
        stored=sum(one.stored for one in series),
    )


def shared_x(lines: Sequence[Line], points: int) -> Array:
    """The shared x: every distinct x when they fit, else the first x of each bucket that has a point."""
    filled = [line.parts.x for line in lines if len(line.parts)]
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
    return x[_starts(_bucket_of(x, low, high, points))]


def _bucket_of(x: Array, low: Any, high: Any, points: int) -> Array:
    """Which of ``points`` even buckets each x lies in."""
    bucket: Array = np.minimum((x - low) * (points / (high - low)), points - 1).astype(np.int64)
    return bucket


def _starts(bucket: Array) -> Array:
    return np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))


def cells_on(line: Line, shared: Array) -> Cells:
    """The line's parts grouped by the shared x at or before them."""
    bucket = np.searchsorted(shared, line.parts.x, "right") - 1
    starts = _starts(bucket) if len(bucket) else np.empty(0, np.int64)
    return _group(line.parts, starts, bucket[starts])


def _group(parts: Parts, starts: Array, places: Array) -> Cells:
    if not len(starts):
        empty, none = np.empty(0), np.empty(0, np.int64)
        return Cells(places, empty, empty, empty, empty, none, none)
    ends = np.append(starts[1:], len(parts))
    if parts.is_plain:
        return _group_plain(parts, starts, ends, places)
    finite = parts.count - parts.odd
    count = np.add.reduceat(parts.count, starts)
    seen = np.add.reduceat(finite, starts)
    low, high = np.minimum.reduceat(parts.min, starts), np.maximum.reduceat(parts.max, starts)
    mean = _mean(parts.mean, finite, starts, ends, seen)
    some = seen > 0
    # Rounding may put the mean of equal values one bit outside of them.
    mean = np.where(some, np.clip(mean, np.where(some, low, 0.0), np.where(some, high, 0.0)), 0.0)
    return Cells(places, mean, low, high, parts.last[ends - 1], count, count - seen)


def _group_plain(parts: Parts, starts: Array, ends: Array, places: Array) -> Cells:
    """As ``_group``, for finite points."""
    count, values = ends - starts, parts.min
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.add.reduceat(values, starts) / count
    if not np.isfinite(mean).all():  # the sum of huge values left the range; divide first, a little less exact
        mean = np.add.reduceat(values / np.repeat(count, count), starts)
    return Cells(places, np.clip(mean, low, high), low, high, values[ends - 1], count, np.zeros_like(count))


def _mean(means: Array, finite: Array, starts: Array, ends: Array, seen: Array) -> Array:
    divisor = np.maximum(seen, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.add.reduceat(means * finite, starts) / divisor
    if not np.isfinite(mean).all():  # the sum of huge values left the range; divide first, a little less exact
        mean = np.add.reduceat(means * (finite / np.repeat(divisor, ends - starts)), starts)
    return mean


def _buckets(line: Line, shared: Array, cells: Cells) -> Buckets:
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
        first_value=float(line.parts.first[0]) if len(line.parts) else None,
        last_value=float(line.parts.last[-1]) if len(line.parts) else None,
        stored=line.parts.stored,
        exact=bool((cells.count <= 1).all()),
    )


def _spread(numbers: Array, places: Array, filled: Array, length: int) -> list[float | None]:
    if len(places) == length and filled.all():
        every: list[float | None] = numbers.tolist()
        return every
    spread: list[float | None] = [None] * length
    for place, number in zip(places[filled].tolist(), numbers[filled].tolist(), strict=True):
        spread[place] = number
    return spread


def _spread_counts(counts: Array, places: Array, length: int) -> list[int]:
    spread = np.zeros(length, np.int64)
    spread[places] = counts
    counted: list[int] = spread.tolist()
    return counted
