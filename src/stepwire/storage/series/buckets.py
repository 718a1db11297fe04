"""Many parts into few buckets, without losing an extremum. Pure functions over NumPy arrays.

Imported lazily: the server listens before NumPy is loaded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stepwire.storage.series.interface import Buckets, Grid
from stepwire.storage.series.parts import Parts

Array = npt.NDArray[Any]
_SUMMABLE = 1e290  # as many values below this as memory holds still add up to a float


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
        return _buckets(line, parts.x.tolist(), _group(parts, np.arange(len(parts)), np.arange(len(parts))))
    if _distinct(parts.x) > points:
        starts = _starts(_bucket_of(parts.x, parts.x[0], parts.x[-1], points))
        return _buckets(line, parts.x[starts].tolist(), _group(parts, starts, np.arange(len(starts))))
    shared = shared_x([line], points)
    (cells,) = cells_on([line], shared)
    return _buckets(line, shared.tolist(), cells)


def grid(lines: Sequence[Line], points: int) -> Grid:
    """All lines on one shared ascending x of at most ``points`` buckets."""
    shared = shared_x(lines, points)
    x = shared.tolist()
    series = [_buckets(line, x, cells) for line, cells in zip(lines, cells_on(lines, shared), strict=True)]
    return Grid(
        x=x,
        series=series,
        exact=all(one.exact for one in series),
        stored=sum(one.stored for one in series),
    )


def shared_x(lines: Sequence[Line], points: int) -> Array:
    """The shared x: every distinct x when they fit, else the first x of each bucket that has a point."""
    every = {id(x): x for x in _known([line.parts.x for line in lines])}
    filled = [x for x in every.values() if len(x)]
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


def cells_on(lines: Sequence[Line], shared: Array) -> Iterator[Cells]:
    """Each line's parts, grouped by the shared x at or before them."""
    found: dict[int, tuple[Array, Array]] = {}
    for line, x in zip(lines, _known([line.parts.x for line in lines]), strict=True):
        if id(x) not in found:
            bucket = np.searchsorted(shared, x, "right") - 1
            starts = _starts(bucket) if len(bucket) else np.empty(0, np.int64)
            found[id(x)] = starts, bucket[starts]
        yield _group(line.parts, *found[id(x)])


def _known(axes: Sequence[Array]) -> list[Array]:
    """The same arrays, and one and the same for all that are equal: metrics that are logged together share their x."""
    first: dict[tuple[Any, ...], Array] = {}
    known = []
    for x in axes:
        same = first.setdefault((len(x), *x[:1], *x[-1:]), x)
        known.append(same if same is x or np.array_equal(same, x) else x)
    return known


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
    if low.min() > -_SUMMABLE and high.max() < _SUMMABLE:
        mean = np.add.reduceat(values, starts) / count
    else:  # the sum of huge values may leave the range; divide first, a little less exact
        mean = np.add.reduceat(values / np.repeat(count, count), starts)
    mean = np.minimum(np.maximum(mean, low), high)
    return Cells(places, mean, low, high, values[ends - 1], count, np.zeros_like(count))


def _mean(means: Array, finite: Array, starts: Array, ends: Array, seen: Array) -> Array:
    divisor = np.maximum(seen, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.add.reduceat(means * finite, starts) / divisor
    if not np.isfinite(mean).all():  # the sum of huge values left the range; divide first, a little less exact
        mean = np.add.reduceat(means * (finite / np.repeat(divisor, ends - starts)), starts)
    return mean


def _buckets(line: Line, x: list[float], cells: Cells) -> Buckets:
    places, length = cells.places, len(x)
    odd = bool(cells.nonfinite.any())
    finite = cells.count > cells.nonfinite if odd else None
    return Buckets(
        source=line.source,
        name=line.name,
        x=x,
        mean=spread(cells.mean, places, finite, length),
        min=spread(cells.min, places, finite, length),
        max=spread(cells.max, places, finite, length),
        last=spread(cells.last, places, None, length),
        count=_spread_counts(cells.count, places, length),
        nonfinite=_spread_counts(cells.nonfinite, places, length) if odd else [0] * length,
        first_value=float(line.parts.first[0]) if len(line.parts) else None,
        last_value=float(line.parts.last[-1]) if len(line.parts) else None,
        stored=line.parts.stored,
        exact=bool((cells.count <= 1).all()),
    )


def spread(numbers: Array, places: Array, chosen: Array | None, length: int) -> list[float | None]:
    """The numbers, or those ``chosen``, at their places; ``None`` elsewhere."""
    if chosen is not None:
        numbers, places = numbers[chosen], places[chosen]
    if len(places) == length:
        every: list[float | None] = numbers.tolist()
        return every
    room: Array = np.empty(length)
    room[places] = numbers
    gaps = np.ones(length, bool)
    gaps[places] = False
    found: list[float | None] = room.tolist()
    for gap in np.flatnonzero(gaps).tolist():
        found[gap] = None
    return found


def _spread_counts(counts: Array, places: Array, length: int) -> list[int]:
    if len(places) == length:
        every: list[int] = counts.tolist()
        return every
    room = np.zeros(length, np.int64)
    room[places] = counts
    counted: list[int] = room.tolist()
    return counted
