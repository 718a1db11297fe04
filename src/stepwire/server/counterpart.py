"""What step a run was at when, and when it was at a step, found in the course of a metric."""

import math
from collections.abc import Callable
from typing import NamedTuple

from stepwire.storage.series.interface import Axis, Buckets

Read = Callable[[Axis, float | None, float | None], Buckets]
"""One metric's window on an axis between two places, both included."""

_READS = 40


class Place(NamedTuple):
    """A point of a metric: its step, and when it was logged, in microseconds since 1970 UTC."""

    step: float
    time: int


def place_at(read: Read, axis: Axis, value: float) -> Place | None:
    """Return the newest point at or before ``value`` on an axis, else the first one; ``None`` when there is none.

    A point is the nth on both axes, for both grow while a script logs: so points are counted, and never all read.
    """
    rank = max(1, read(axis, None, value).stored)
    step, time = _nth(read, "step", rank), _nth(read, "time", rank)
    return None if step is None or time is None else Place(step, int(time))


def _nth(read: Read, axis: Axis, rank: int) -> float | None:
    """Where on an axis the point with ``rank - 1`` before it stands; each reading looks into one bucket of the last."""
    start: float | None = None
    stop: float | None = None
    found: float | None = None
    for _ in range(_READS):
        window = read(axis, start, stop)
        at, before = _bucket_of(window.count, rank)
        if at is None:
            return found
        found = window.x[at]
        if at + 1 < len(window.x):
            stop = math.nextafter(window.x[at + 1], -math.inf)
        if window.count[at] == 1 or (stop is not None and stop <= found):
            return found
        rank -= before
        start = found
    return found


def _bucket_of(counts: list[int], rank: int) -> tuple[int | None, int]:
    """The bucket that holds the point of a rank, and how many points come before it."""
    before = 0
    for at, count in enumerate(counts):
        if before + count >= rank:
            return at, before
        before += count
    return None, before
