"""Counters that only grow, as amounts per second."""

import time
from collections.abc import Callable


class Rates:
    """Tells how fast some counters grew since the reading before, at first since the making.

    Args:
        read: Returns the counters now; ``None`` where the system does not tell.
    """

    def __init__(self, read: Callable[[], tuple[float, ...] | None]) -> None:
        self._read = read
        self._before = read()
        self._at = time.monotonic()

    def take(self) -> tuple[float, ...] | None:
        """Return the growth of each counter per second; 0 for one that fell, as after a device was replaced."""
        now, counters = time.monotonic(), self._read()
        before, self._before = self._before, counters
        seconds, self._at = max(now - self._at, 1e-3), now
        if before is None or counters is None:
            return None
        return tuple(round(max(new - old, 0) / seconds, 3) for new, old in zip(counters, before, strict=True))
