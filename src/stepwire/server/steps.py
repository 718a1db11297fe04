"""When a run's points come: what is usual for it, and whether they stopped."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low

MEDIANS = 20
LONGEST = 3
KEPT = 101


class StepTimes:
    """The times between the points of one run.

    A run is stalled when its newest point came longer ago than each of: ``least_seconds``; 20 times the median
    time between its last 101 points; 3 times the longest time between two of its points so far. The times
    between points are those of the points themselves, so an outage of the network that delivers them late does
    not count; how long ago the newest came is the server's own time. A run that never logged a point is not
    stalled.

    Args:
        least_seconds: The shortest silence that can be a stall.

    Attributes:
        since: When the first point came, or the first after a stall.
        came: When the newest came.
    """

    def __init__(self, least_seconds: float) -> None:
        self._least = least_seconds
        self._recent: deque[float] = deque(maxlen=KEPT)
        self._longest = 0.0
        self._newest: int | None = None
        self._assumed_at: float | None = None
        self.since: float | None = None
        self.came: float | None = None

    @property
    def silent_since(self) -> float | None:
        """When the newest point came, as far as is known; ``None`` before the first."""
        return self._assumed_at if self.came is None else self.came

    @property
    def usual(self) -> float | None:
        """Median seconds between the last points; ``None`` before the second point."""
        return median_low(self._recent) if self._recent else None

    @property
    def patience(self) -> float:
        """Seconds without a point that are not a stall yet."""
        return max(self._least, MEDIANS * (self.usual or 0.0), LONGEST * self._longest)

    def add(self, times: Sequence[int], now: float) -> None:
        """Points came: their times in µs, and the server's monotonic seconds."""
        if self.since is None or self.is_stalled(now):
            self.since = now
        self.came = now
        if self._newest is not None:
            self._add_gap(times[0] - self._newest)
        self._add_gaps(times)
        self._newest = max(times[-1], self._newest or times[-1])

    def assume(self, seconds: float, at: float) -> None:
        """Points came before anyone looked, about so many seconds from one to the next, the newest before ``at``."""
        self._recent.append(seconds)
        self._longest = max(self._longest, seconds)
        self._assumed_at = at

    def interrupt(self) -> None:
        """Another process goes on: the time between its first point and the newest says nothing."""
        self._newest = None

    def is_stalled(self, now: float) -> bool:
        """Whether points came, and stopped."""
        since = self.silent_since
        # The cheap question first: most runs are never silent for so long.
        return since is not None and now - since > self._least and now - since > self.patience

    def _add_gaps(self, times: Sequence[int]) -> None:
        span, count = times[-1] - times[0], len(times) - 1
        if 0 <= span < self._least / MEDIANS * 1e6:
            # Too short to matter, one by one: the usual case costs the same for any number of points.
            self._recent.extend([span / 1e6 / max(count, 1)] * min(count, KEPT))
            self._longest = max(self._longest, span / 1e6)
            return
        for before, after in pairwise(times):
            self._add_gap(after - before)

    def _add_gap(self, gap: int) -> None:
        if gap >= 0:  # else the points are out of order
            self._recent.append(gap / 1e6)
            self._longest = max(self._longest, gap / 1e6)
