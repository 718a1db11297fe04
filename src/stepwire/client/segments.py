"""The files of a spool: records on disk, written by one thread, read by another one or by another process."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from stepwire.formats.spool import SEGMENT_HEAD_BYTES, frame, names_body, segment_head
from stepwire.formats.spoolfolder import NAMES_FILE, Segment, segment_path

SEGMENT_BYTES = 8 * 1024 * 1024


class Segments:
    """Appends records to the newest segment of a folder; a new one begins after 8 MiB.

    Names of metric sets go into a file of their own, which stays when segments are deleted. One thread at a time.

    Args:
        folder: The stream's folder; made with the first record, private to this user.

    Attributes:
        folder: The stream's folder.
        size: Bytes of all segments.
        drained: Up to where of the ring, and to which next number, all is written.
        is_dirty: Whether something was written that a power cut may take.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._fd: int | None = None
        self._at = 0
        self.is_dirty = False
        self._index: list[Segment] = []
        self.size = 0
        self.drained = (0, 1)
        self._first_number = 1
        self._unsynced: list[int] = []

    @property
    def index(self) -> list[Segment]:
        """The segments, oldest first."""
        return self._index.copy()

    def write(
        self,
        first_seq: int,
        pieces: Iterable[memoryview],
        names: list[tuple[int, tuple[str, ...]]],
        drained: tuple[int, int],
    ) -> None:
        """Append whole records, the first of them number ``first_seq``.

        Args:
            names: The metric sets that are new since the last call, with their ordinals.
            drained: What ``drained`` is afterwards.

        Raises:
            OSError: Not a byte of it counts; the segment ends where it did.
        """
        self.write_names(names)
        if self._fd is None or self._at >= SEGMENT_BYTES:
            self._begin(first_seq)
        before = self._at
        try:
            for piece in pieces:
                self._write_all(piece)
            self.is_dirty = True
            self._index[-1] = self._index[-1]._replace(size=self._at)
            self.drained = drained
        except BaseException:  # a signal handler may raise here, too: nothing is written twice
            if self.drained != drained:
                self._cut(before)
            raise
        self.size += self._at - before

    def begin_sync(self) -> int | None:
        """A descriptor for ``end_sync``; ``None`` when the disk has everything for good. Raises OSError."""
        if self._unsynced:
            return self._unsynced.pop(0)
        if not self.is_dirty or self._fd is None:
            return None
        fd = os.dup(self._fd)
        self.is_dirty = False  # what is written from now on makes it dirty again
        return fd

    def end_sync(self, fd: int | None) -> None:
        """Have the disk keep what was written, also through a power cut; others may write meanwhile. Raises OSError."""
        if fd is None:
            return
        try:
            _fdatasync(fd)
        except OSError:
            self.is_dirty = True
            raise
        finally:
            os.close(fd)

    def delete_oldest(self) -> None:
        """Delete the oldest segment. Raises OSError."""
        oldest = self._index[0]
        oldest.path.unlink(missing_ok=True)
        self.size -= oldest.size
        del self._index[0]

    def replace(self, place: int, data: bytes) -> None:
        """Write a segment anew, in one step, with other records of the same numbers. Raises OSError."""
        old = self._index[place]
        draft = old.path.with_suffix(".new")
        draft.write_bytes(segment_head(old.first_seq) + data)
        draft.chmod(0o600)
        draft.replace(old.path)
        self._index[place] = old._replace(size=SEGMENT_HEAD_BYTES + len(data))
        self.size += self._index[place].size - old.size

    def is_gone(self, *, looks_twice: bool = True) -> bool:
        """Whether somebody has deleted the newest segment.

        Args:
            looks_twice: Also find out whether its folder was moved, or its file renamed by a network's file system.
        """
        if self._fd is None:
            return False
        try:
            status = os.fstat(self._fd)
            if not looks_twice and status.st_nlink:
                return False
            return self._index[-1].path.stat().st_ino != status.st_ino
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE):  # the second is a network's word for it
                return True
            raise

    def begin_anew(self) -> None:
        """Leave the files that were deleted behind; the next record begins a new one, under a new number."""
        self.close()
        self._first_number = self._index[-1].number + 1 if self._index else 1
        self._index = []
        self.size = 0

    def close(self) -> None:
        """Close the newest segment; nothing is written any more."""
        for fd in (*self._unsynced, self._fd):
            if fd is not None:
                os.close(fd)
        self._unsynced.clear()
        self._fd = None

    def _begin(self, first_seq: int) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = self._index[-1].number + 1 if self._index else self._first_number
        path = segment_path(self.folder, number)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.write(fd, segment_head(first_seq)) < SEGMENT_HEAD_BYTES:
                raise OSError(f"{path} could not be begun: no room")
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        if self._fd is not None:
            self._unsynced.append(self._fd)  # not synced here: this may be a log call
        self._fd, self._at = fd, SEGMENT_HEAD_BYTES
        self._index.append(Segment(number, first_seq, path, SEGMENT_HEAD_BYTES))
        self.size += SEGMENT_HEAD_BYTES

    def _write_all(self, piece: memoryview) -> None:
        assert self._fd is not None
        done = 0
        while done < len(piece):
            with piece[done:] as rest:
                written = os.write(self._fd, rest)
            self._at += written
            done += written

    def _cut(self, size: int) -> None:
        """Take back what a failed write left; where even that fails, this segment is left behind."""
        assert self._fd is not None
        try:
            os.ftruncate(self._fd, size)
            os.lseek(self._fd, size, os.SEEK_SET)
            self._at = size
        except OSError:
            self._at = SEGMENT_BYTES  # a new one is begun; readers stop at the torn record and go on there

    def write_names(self, names: list[tuple[int, tuple[str, ...]]]) -> None:
        """Append names of metric sets. Raises OSError; then none of them counts."""
        if not names:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self.folder / NAMES_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            before = os.fstat(fd).st_size
            data = b"".join(frame(names_body(0, ordinal, named)) for ordinal, named in names)
            if os.write(fd, data) < len(data):
                os.ftruncate(fd, before)
                raise OSError(f"{self.folder}/names could not be written: no room")
        finally:
            os.close(fd)


def _fdatasync(fd: int) -> None:
    (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(fd)
