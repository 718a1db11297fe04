"""A ring of records in memory that outlives the process: what is copied here survives ``kill -9``.

``stepwire.formats.ring`` describes the file and reads it after a crash.
"""

import mmap
import os
import struct
import time
import zlib
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from stepwire.formats.ring import HEAD_PAGE_BYTES, IDENTITY_BYTES, IDENTITY_PLACE, RING_MAGIC, TAIL_PLACES
from stepwire.formats.spool import HEAD_BYTES, WRAP

RING_BYTES = 4 * 1024 * 1024
_LOCK_TRIES = 100
_tail = struct.Struct("<QQ")
_wrap = struct.pack("<I", WRAP)


class Ring:
    """One process's ring. Positions count bytes from the ring's first record on and never go back.

    The caller sees to it that one thread at a time appends, and one at a time moves the tail.

    Args:
        path: The file to make; its folder must be private. ``None`` for memory of this process alone.
        identity: What a reader needs to know after a crash, at most 8,000 bytes as JSON.
        capacity: Bytes for records.

    Raises:
        OSError: There is no room, or no shared memory.

    Attributes:
        mark: Where the next record goes, and the number of the last one.
        largest: Bytes of the longest record that surely finds room once all else has left.
        kept: Where the oldest record begins that is nowhere else, and its number.
    """

    def __init__(self, path: Path | None, identity: dict[str, Any], capacity: int = RING_BYTES) -> None:
        self.path = path
        self.capacity = capacity
        self.largest = capacity // 2
        self.mark = (0, 0)
        self.kept = (0, 1)
        self._turn = self._reserved = 0
        self._skips: deque[tuple[int, int]] = deque()
        if path is None:
            self._fd, self._map = -1, mmap.mmap(-1, HEAD_PAGE_BYTES + capacity)
            self.release(0, 1)
            return
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _insist(self._fd)  # before it is a ring that others recognise: to them an unlocked one is an orphan
            _reserve(self._fd, HEAD_PAGE_BYTES + capacity)
            self._map = mmap.mmap(self._fd, HEAD_PAGE_BYTES + capacity)
            self._map[IDENTITY_PLACE:HEAD_PAGE_BYTES] = _identity_page(identity)
            self.release(0, 1)
            self._map[:8] = RING_MAGIC
        except (OSError, ValueError):
            os.close(self._fd)
            path.unlink(missing_ok=True)
            raise

    def relabel(self, identity: dict[str, Any]) -> None:
        """Say something else of whose ring it is."""
        self._map[IDENTITY_PLACE:HEAD_PAGE_BYTES] = _identity_page(identity)

    def append(self, record: bytes, seq: int) -> bool:
        """Copy whole record number ``seq`` in; ``False`` when there is no room for it.

        That it is there is said by the last assignment, which nothing can interrupt: an exception that a signal
        handler raises before leaves no trace.
        """
        head, capacity = self.mark[0], self.capacity
        size = len(record)
        at = head % capacity
        if at + size >= capacity:
            return self._append_at_end(record, seq, head, at)
        if head + size - self.kept[0] > capacity:
            return False
        at += HEAD_PAGE_BYTES
        self._reserved = head + size
        self._map[at : at + size] = record
        self.mark = (head + size, seq)
        return True

    def holds(self, start: int) -> bool:
        """Whether what was appended at position ``start`` is still there, released or not."""
        return start >= self._reserved - self.capacity

    def _append_at_end(self, record: bytes, seq: int, head: int, at: int) -> bool:
        skipped = self.capacity - at
        if skipped == len(record):
            skipped, at = 0, at + HEAD_PAGE_BYTES
        else:
            at = HEAD_PAGE_BYTES
        after = head + skipped + len(record)
        if after - self.kept[0] > self.capacity:
            return False
        if skipped >= HEAD_BYTES:
            end = HEAD_PAGE_BYTES + self.capacity - skipped
            self._map[end : end + 4] = _wrap
        self._reserved = after
        self._map[at : at + len(record)] = record
        # Pieces never go over the end, also where a record ends exactly there.
        while self._skips and self._skips[0][1] <= after - self.capacity:
            self._skips.popleft()
        self._skips.append((head, head + skipped) if skipped else (after, after))
        self.mark = (after, seq)
        return True

    def copy(self, start: int, end: int) -> list[tuple[int, bytes]]:
        """The records from position ``start`` up to ``end``: pieces in order, each with its position.

        A piece may end within a record when ``end`` does. Without the appender's lock they may be overwritten
        meanwhile: they are good when the ring ``holds`` ``start`` afterwards.
        """
        return [(at, bytes(view)) for at, view in self.views(start, end)]

    def views(self, start: int, end: int) -> list[tuple[int, memoryview]]:
        """The same without copying; each view is to be released before the ring is closed."""
        pieces = []
        ring = memoryview(self._map)
        for skip, after in (*self._skips.copy(), (end, end)):
            if skip >= start:
                if min(skip, end) > start:
                    at = HEAD_PAGE_BYTES + start % self.capacity
                    pieces.append((start, ring[at : at + min(skip, end) - start]))
                start = after
            if start >= end:
                break
        ring.release()
        return pieces

    def release(self, tail: int, tail_seq: int) -> None:
        """Say that all before position ``tail`` is kept elsewhere; the next record there has number ``tail_seq``."""
        at = TAIL_PLACES[self._turn]
        self._turn = 1 - self._turn
        told = _tail.pack(tail, tail_seq)
        self._map[at : at + 20] = told + struct.pack("<I", zlib.crc32(told))
        self.kept = (tail, tail_seq)  # last: only now the room may be used again

    def close(self, *, remove: bool) -> None:
        """Unmap; with ``remove`` delete the file, because nothing in it is needed."""
        if self.path is not None and remove:
            self.path.unlink(missing_ok=True)
        with suppress(BufferError):  # another thread reads, or did so in the parent at the fork
            self._map.close()
        if self._fd >= 0:
            os.close(self._fd)


def _identity_page(identity: dict[str, Any]) -> bytes:
    import json

    page = json.dumps(identity).encode()
    if len(page) > IDENTITY_BYTES:
        raise ValueError(f"the identity of a ring has {len(page)} bytes; {IDENTITY_BYTES} fit")
    return page.ljust(IDENTITY_BYTES, b"\0")


def _reserve(fd: int, size: int) -> None:
    """Take the room now: a tmpfs that fills up later would end the process by SIGBUS."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:
        os.write(fd, b"\0" * size)


def _insist(fd: int) -> None:
    """Lock a file that was just made; one that looks for orphans may hold it for a moment. Raises OSError."""
    for _ in range(_LOCK_TRIES):
        if lock(fd):
            return
        time.sleep(0.001)
    raise OSError("another process holds the new ring")


def lock(fd: int) -> bool:
    """Hold a file for as long as this process lives; ``False`` when another does. Never waits.

    Raises:
        OSError: The file system knows no locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows: the process id tells who is alive
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
