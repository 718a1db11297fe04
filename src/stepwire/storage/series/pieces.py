"""What is written in the background, in pieces of about a megabyte: no batch waits long for one. No NumPy."""

import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from stepwire.storage.series import chunks
from stepwire.storage.series.erase import PIECE_BLOCKS, PIECE_BYTES

AT_ONCE = 3

Job = Callable[[sqlite3.Connection], object]


class Sent:
    """Jobs given to the writer, a few under way at once: while one is committed the next is made."""

    def __init__(self, send: Callable[[Job], Future[object]]) -> None:
        self._send = send
        self._under_way: deque[Future[object]] = deque()

    def add(self, job: Job) -> None:
        """Give one more; waits while too many are under way."""
        self._under_way.append(self._send(job))
        while len(self._under_way) > AT_ONCE:
            self._under_way.popleft().result()

    def wait(self) -> None:
        """Until all are committed. Raises what one of them raised."""
        while self._under_way:
            self._under_way.popleft().result()


def delete_rows(numbers: list[int]) -> Job:
    """Delete these journal rows."""
    marks = ",".join(map(str, numbers))
    return lambda db: db.execute(f"DELETE FROM journal WHERE number IN ({marks})")


class Pieces:
    """Collects blocks and writes them a megabyte at a time."""

    def __init__(self, send: Callable[[Job], Future[object]]) -> None:
        self._sent = Sent(send)
        self._blocks: list[tuple[int, bytes]] = []
        self._size = 0

    def add(self, chunk: int, first: int, bodies: list[bytes]) -> None:
        """Take the bodies of a chunk's columns from ``first`` on."""
        start = (chunk << chunks.COLUMN_BITS) + first
        for place, body in enumerate(bodies):
            self._blocks.append((start + place, body))
            self._size += len(body)
            if self._size > PIECE_BYTES or len(self._blocks) > PIECE_BLOCKS:
                self._write()

    def flush(self) -> None:
        """Write what is left, and wait until all is committed."""
        self._write()
        self._sent.wait()

    def _write(self) -> None:
        blocks, self._blocks, self._size = self._blocks, [], 0
        if blocks:
            self._sent.add(lambda db: chunks.write_blocks(db, blocks))
