"""What the command has written and nobody has read yet."""

import threading
from collections import deque

MAX_BYTES = 1024 * 1024  # some seconds of work
Piece = tuple[str, int, bytes | None]
"""Stream, time in µs since 1970, bytes; ``None`` in their place where some were dropped."""


class Backlog:
    """Passes output from the threads that copy it to the one that reads it. To put never waits.

    Args:
        limit: So many bytes wait at most; what comes then is dropped and counted.
    """

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._pieces: deque[Piece] = deque()
        self._size = 0
        self._dropped = 0
        self._broken: dict[str, int] = {}
        self._lock = threading.Lock()
        self._filled = threading.Event()

    def put(self, stream: str, time: int, data: bytes) -> None:
        """Add bytes, or drop them when too many wait."""
        with self._lock:
            if self._size + len(data) > self._limit:
                self._dropped += len(data)
                self._broken[stream] = time
                return
            if stream in self._broken:
                self._pieces.append((stream, self._broken.pop(stream), None))
            self._pieces.append((stream, time, data))
            self._size += len(data)
        self._filled.set()

    def drop(self) -> None:
        """Drop all that waits."""
        with self._lock:
            self._dropped += self._size
            self._pieces.clear()
            self._size = 0

    def take(self, seconds: float) -> Piece | None:
        """Return what has waited longest; wait for something that long, or until ``wake``."""
        self._filled.wait(seconds)
        with self._lock:
            if not self._pieces:
                self._filled.clear()
                return None
            piece = self._pieces.popleft()
            self._size -= len(piece[2] or b"")
        return piece

    def wake(self) -> None:
        """End a ``take`` that waits."""
        self._filled.set()

    def take_dropped(self) -> int:
        """Return the number of bytes that were dropped since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped
