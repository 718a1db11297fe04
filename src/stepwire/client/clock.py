"""Time as the SDK sees it."""

import time

_DRIFT_NS = 2_000_000_000


class Clock:
    """Wall time that does not jump: an anchor plus the monotonic clock.

    A step of the system clock of up to 2 s is ignored; beyond it the anchor is set anew, which also corrects
    for a suspended machine.
    """

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Return µs since 1970 UTC."""
        wall = time.time_ns()
        steady = time.monotonic_ns() + self._offset_ns
        if -_DRIFT_NS < wall - steady < _DRIFT_NS:
            return steady // 1000
        self._offset_ns += wall - steady
        return wall // 1000

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()
