"""How much output is kept: so many lines a second, so many bytes a minute, more for a moment."""

LINES_PER_SECOND = 1000
LINES_AT_ONCE = 10_000
BYTES_PER_SECOND = 4 * 1024 * 1024 / 60
BYTES_AT_ONCE = 4 * 1024 * 1024


class Allowance:
    """Counts what may pass. Once it is used up nothing passes until a second's worth is there again.

    Attributes:
        left_out: Lines that did not pass since the last that did.
    """

    def __init__(self) -> None:
        self.left_out = 0
        self._lines: float = LINES_AT_ONCE
        self._bytes: float = BYTES_AT_ONCE
        self._at = 0
        self._is_closed = False

    def passes(self, time: int, size: int) -> bool:
        """Return whether a line of ``size`` bytes, written at ``time`` in µs, is kept; one that is not is counted."""
        self._refill(time)
        if self._is_closed:
            self._is_closed = self._lines < LINES_PER_SECOND or self._bytes < BYTES_PER_SECOND
        elif self._lines < 1 or self._bytes < size:
            self._is_closed = True
        if self._is_closed:
            self.left_out += 1
            return False
        self._lines -= 1
        self._bytes -= size
        return True

    def take_left_out(self) -> int:
        """Return how many lines did not pass since this was asked last."""
        count, self.left_out = self.left_out, 0
        return count

    def _refill(self, time: int) -> None:
        seconds = max(time - self._at, 0) / 1e6
        self._at = max(self._at, time)
        self._lines = min(self._lines + seconds * LINES_PER_SECOND, LINES_AT_ONCE)
        self._bytes = min(self._bytes + seconds * BYTES_PER_SECOND, BYTES_AT_ONCE)
