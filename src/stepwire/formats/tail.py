"""A file that still grows, read piece by piece. It is open only while it is read."""

import os
import stat
from pathlib import Path

PIECE_BYTES = 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024


class Tail:
    """Reads what was added since the last reading.

    A file that became shorter, or was replaced by another one of its name, is read from its beginning.

    Args:
        path: The file; it need not be there yet.
        start: Bytes to pass over.

    Attributes:
        offset: Where the next reading begins.
        restarts: How often the file was begun anew.
        is_behind: Whether the last reading left something.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.offset = start
        self.restarts = 0
        self.is_behind = False
        self._identity: tuple[int, int] | None = None

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """Return at most so many new bytes; empty when there are none or the file can't be read now."""
        self.is_behind = False
        file = open_regular(self.path)
        if file is None:
            return b""
        try:
            self._look(os.fstat(file))
            os.lseek(file, self.offset, os.SEEK_SET)
            data = os.read(file, most)
        except OSError:  # a network's file system has trouble: the next reading tries again
            return b""
        finally:
            os.close(file)
        self.offset += len(data)
        self.is_behind = len(data) == most
        return data

    def _look(self, status: os.stat_result) -> None:
        identity = (status.st_dev, status.st_ino)
        if status.st_size < self.offset or self._identity not in (None, identity):
            self.restart()
        self._identity = identity

    def restart(self) -> None:
        """Read the file from its beginning."""
        self.offset = 0
        self.restarts += 1

    def head(self, most: int) -> bytes:
        """Return the first bytes, without moving; empty when the file can't be read now."""
        return head_of(self.path, most)


def open_regular(path: Path) -> int | None:
    """Open a file to read; ``None`` when it isn't there or is none: what is read from a pipe is lost to its reader."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:  # not there yet, or not any more
        return None
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def head_of(path: Path, most: int) -> bytes:
    """The first bytes of a file; empty when it can't be read now."""
    file = open_regular(path)
    if file is None:
        return b""
    try:
        return os.read(file, most)
    except OSError:  # a network's file system has trouble
        return b""
    finally:
        os.close(file)


class LineTail:
    """The lines that were added to a text file since the last reading, each once it is complete.

    Attributes:
        tail: The file.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.tail = Tail(path, start)
        self._rest = b""
        self._restarts = 0
        self._is_too_long = False

    def read(self, *, is_over: bool = False) -> list[str]:
        """Return the new lines without their ends; a line over 1 MiB is left out.

        Args:
            is_over: Nothing more will be written: a last line without an end counts too.
        """
        data = self.tail.read()
        if self.tail.restarts != self._restarts:
            self._restarts = self.tail.restarts
            self.drop()
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._is_too_long and lines:
            self._is_too_long = False
            del lines[0]
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest, self._is_too_long = b"", True
        if is_over and self._rest and not self.tail.is_behind and not self._is_too_long:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines]

    def drop(self) -> None:
        """Forget the beginning of a line that was read."""
        self._rest, self._is_too_long = b"", False
