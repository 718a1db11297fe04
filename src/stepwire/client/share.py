"""How much of a disk the segments of one stream may use, and what leaves when it is more."""

import os
import time
from itertools import pairwise

from stepwire.client.gaps import without_points
from stepwire.client.segments import Segments
from stepwire.formats.spool import SEGMENT_HEAD_BYTES

MAX_BYTES = 1024 * 1024 * 1024
MAX_SHARE = 0.1
ACKED_BYTES = 256 * 1024 * 1024
ACKED_SECONDS = 7 * 24 * 3600.0


class Share:
    """Keeps a stream's segments within their share. Used by one thread at a time.

    Args:
        segments: The files.
        max_bytes: Most bytes of records that no server has, beside ``MAX_SHARE`` of the free space.
    """

    def __init__(self, segments: Segments, max_bytes: int) -> None:
        self._segments = segments
        self._max_bytes = max_bytes
        self._compacted: set[int] = set()

    def forget_acked(self, acked: int) -> None:
        """Delete the oldest segments that a server has, when they are old or too many. Raises OSError."""
        index = self._segments.index
        stored = [one for one, following in pairwise(index) if following.first_seq - 1 <= acked]
        size = sum(one.size for one in stored)
        for one in stored:
            if size <= ACKED_BYTES and time.time() - one.path.stat().st_mtime <= ACKED_SECONDS:
                return
            self._segments.delete_oldest()
            size -= one.size

    def keep_to_share(self, acked: int, read: int) -> int:
        """Let points of the oldest segments go while records that nobody has stored need too much room.

        Args:
            acked: The last record that a server has.
            read: The next record that the sender has not read; its segment and the next one stay as they are.

        Returns:
            Number of records that left. Raises OSError.
        """
        index = self._segments.index
        waiting = [place for place in range(len(index) - 1) if index[place + 1].first_seq - 1 > acked]
        size = self._segments.size - sum(one.size for one in index[: waiting[0]]) if waiting else 0
        lost = 0
        # The sender may be in the segment of `read`, and already in the next one.
        spared = max((place for place, one in enumerate(index) if one.first_seq <= read), default=-1) + 1
        for place in waiting:
            if size <= self._allowed(size):
                break
            if place > spared and index[place].number not in self._compacted:
                freed, gone = self._compact(place)
                size -= freed
                lost += gone
        return lost

    def _allowed(self, used: int) -> int:
        """Bytes that unacknowledged records may use now."""
        if not hasattr(os, "statvfs"):
            return self._max_bytes
        status = os.statvfs(self._segments.folder)
        return min(self._max_bytes, int((status.f_bavail * status.f_frsize + used) * MAX_SHARE))

    def _compact(self, place: int) -> tuple[int, int]:
        """Put gaps where a segment has points; bytes that became free, and records that left."""
        old = self._segments.index[place]
        data, lost = without_points(old.path.read_bytes()[SEGMENT_HEAD_BYTES:])
        self._segments.replace(place, data)
        self._compacted.add(old.number)
        return old.size - self._segments.index[place].size, lost
