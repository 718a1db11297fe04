"""Time as the SDK sees it."""

import time

_DRIFT_NS = 2_000_000_000
_LOOK_NS = 500_000_000


class Clock:
    """Wall time that does not jump: an anchor plus the monotonic clock.

    A step of the system clock of up to 2 s is ignored; beyond it the anchor is set anew, which also corrects
    for a suspended machine. The system clock is looked at twice a second, since that takes as long as the rest.
    """

    def __init__(self) -> None:
        self._look_ns = time.monotonic_ns()
        self._offset_ns = time.time_ns() - self._look_ns

    def now(self) -> int:
        """Return µs since 1970 UTC."""
        steady = time.monotonic_ns()
        if steady >= self._look_ns:
            self._look(steady)
        return (steady + self._offset_ns) // 1000

    def _look(self, steady_ns: int) -> None:
        drift = time.time_ns() - steady_ns - self._offset_ns
        if not -_DRIFT_NS < drift < _DRIFT_NS:
            self._offset_ns += drift
        self._look_ns = steady_ns + _LOOK_NS

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()
