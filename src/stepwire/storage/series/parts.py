"""Parts: what a chart is drawn from. A part stands for one stored point, or for all points of a cell.

Pure functions over NumPy arrays. Imported lazily: the server listens before NumPy is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stepwire.storage.series.encoding import Array


@dataclass(slots=True)
class Parts:
    """Parts of one series in ascending ``x``, the x of each part's first point.

    ``min``, ``max``, ``mean`` are over finite points (+inf, -inf, 0 where there is none). ``odd`` counts points that
    are not finite. ``seq`` is the record number of a point, 0 for a cell. ``is_raw``: every part is one point.
    """

    x: Array
    min: Array
    max: Array
    mean: Array
    first: Array
    last: Array
    count: Array
    odd: Array
    seq: Array
    is_raw: bool

    def __len__(self) -> int:
        return len(self.x)

    @property
    def stored(self) -> int:
        """How many points they stand for."""
        return len(self.x) if self.is_raw else int(self.count.sum())

    @property
    def is_plain(self) -> bool:
        """Every part is one point, and finite."""
        return self.is_raw and self.min is self.max

    def take(self, places: Array) -> "Parts":
        """Some of them, in this order."""
        return replace(self, **{name: getattr(self, name)[places] for name in _ARRAYS})


_ARRAYS = ("x", "min", "max", "mean", "first", "last", "count", "odd", "seq")


def nothing() -> Parts:
    """No part."""
    empty, none = np.empty(0), np.empty(0, np.int64)
    return Parts(empty, empty, empty, empty, empty, empty, none, none, none, is_raw=True)


def same(number: int, length: int) -> Array:
    """One whole number ``length`` times, without the memory for it."""
    return np.broadcast_to(np.int64(number), (length,))


def of_points(x: Array, values: Array, seqs: Array | None) -> Parts:
    """Each point as a part of its own; ``seqs`` only matter between lanes of one stream."""
    ones, seqs = same(1, len(x)), same(0, len(x)) if seqs is None else seqs
    finite = np.isfinite(values)
    if finite.all():
        return Parts(x, values, values, values, values, values, ones, same(0, len(x)), seqs, is_raw=True)
    low, high, mean = (np.where(finite, values, filler) for filler in (np.inf, -np.inf, 0.0))
    return Parts(x, low, high, mean, values, values, ones, (~finite).astype(np.int64), seqs, is_raw=True)


def with_ends(joined: Parts, lanes: Sequence[Sequence[Parts]]) -> Parts:
    """``joined`` with the first and the last value of all points; those at the ends of each lane are no cells."""
    points = [(stream, part) for stream, parts in enumerate(lanes) for part in parts if part.is_raw and len(part)]
    if not points:
        return joined
    x, seq, value = (np.concatenate([getattr(part, name) for _, part in points]) for name in ("x", "seq", "last"))
    stream = np.repeat([stream for stream, _ in points], [len(part) for _, part in points])
    first, last = joined.first.copy(), joined.last.copy()
    for values, end, place in ((first, x.min(), 0), (last, x.max(), -1)):
        ties = np.flatnonzero(x == end)
        values[place] = value[ties[np.lexsort((seq[ties], stream[ties]))[place]]]
    return replace(joined, first=first, last=last)


def join(lanes: Sequence[Sequence[Parts]]) -> Parts:
    """The parts of several lanes by x; equal x in the order of the lanes' streams, then of logging.

    Lanes of one stream stand in one of the inner lists.
    """
    filled = [[part for part in parts if len(part)] for parts in lanes]
    flat = [part for parts in filled for part in parts]
    if not flat:
        return nothing()
    if len(flat) == 1:
        joined = flat[0]
    else:
        arrays = {name: np.concatenate([getattr(part, name) for part in flat]) for name in _ARRAYS}
        joined = replace(flat[0], is_raw=all(part.is_raw for part in flat), **arrays)
    falls, ties = joined.x[1:] < joined.x[:-1], joined.x[1:] == joined.x[:-1]
    if not falls.any() and (len(flat) == 1 or not ties.any()):
        return joined
    stream = np.repeat(np.arange(len(filled)), [sum(map(len, parts)) for parts in filled])
    return joined.take(np.lexsort((joined.seq, stream, joined.x)))
