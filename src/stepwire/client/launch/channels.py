"""Where the command writes to, and how that goes on to where ``stepwire run`` would have written."""

import errno
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from stepwire.client.launch.terminal import copy_size, open_like

# A disk that is full now may have room later.
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ_BYTES = 64 * 1024
_OUT, _ERR = 1, 2

Take = Callable[[str, int, bytes], None]
"""Gets the name of the stream, the time in µs since 1970, and the bytes. Must not block."""


@dataclass(slots=True)
class Channel:
    """One of the command's outputs, copied by a thread of its own: none waits for the reader of another.

    Attributes:
        stream: ``stdout`` or ``stderr``; ``stdout`` for both together.
        source: Where its bytes are read.
        target: The file that they go on to; ``None`` for nowhere.
        handed: What the command writes to.
        is_terminal: Both ends are terminals.
        lost: Bytes that the target refused, as a full disk does.
    """

    stream: str
    source: int
    target: int | None
    handed: int
    is_terminal: bool = False
    lost: int = field(default=0, init=False)
    thread: threading.Thread | None = field(default=None, init=False)
    _is_copying: bool = field(default=False, init=False)

    def start(self, take: Take) -> None:
        """Copy from now on, and give all bytes to ``take`` after they were written."""
        os.close(self.handed)
        self.thread = threading.Thread(target=self._copy, args=(take,), name=f"stepwire-{self.stream}", daemon=True)
        self.thread.start()

    def join(self, seconds: float) -> None:
        """Wait that long until nobody can write any more, and all was copied."""
        if self.thread is not None:
            self.thread.join(max(seconds, 0.0))

    @property
    def is_busy(self) -> bool:
        """Whether there are bytes on their way. None are when the command has ended and something that it left behind
        holds the other end open in silence."""
        is_alive = self.thread is not None and self.thread.is_alive()
        return is_alive and (self._is_copying or _is_readable(self.source, 0))

    def close(self) -> None:
        """Give back both ends: there is no command."""
        os.close(self.source)
        os.close(self.handed)

    def _copy(self, take: Take) -> None:
        while True:
            _is_readable(self.source, None)
            self._is_copying = True
            data = self._read()
            if not data or not self._write(data):
                break
            take(self.stream, time.time_ns() // 1000, data)
            self._is_copying = False
        os.close(self.source)  # who still writes there learns that nobody reads

    def _read(self) -> bytes:
        try:
            return os.read(self.source, _READ_BYTES)
        except OSError:  # a terminal that nobody holds open any more ends so
            return b""

    def _write(self, data: bytes) -> bool:
        """Write all of it; False when the reader has gone: then the command is to learn that as ever."""
        rest = memoryview(data)
        while rest and self.target is not None:
            try:
                rest = rest[os.write(self.target, rest) :]
            except BlockingIOError:  # somebody who shares the file has set it so
                select.select([], [self.target], [])
            except OSError as error:
                if error.errno == errno.EPIPE:
                    return False
                self.lost += len(rest)
                if error.errno not in _PASSING:
                    self.target = None  # the terminal was closed: the command goes on
                break
        return True

    def resize(self) -> bool:
        """Have the command's terminal be as large as ours; whether that changed it."""
        return self.is_terminal and self.target is not None and copy_size(self.target, self.source)


def _is_readable(file: int, milliseconds: int | None) -> bool:
    """Whether there is something to read, or nothing will come any more; waits that long, ``None``: for ever."""
    waiting = select.poll()
    waiting.register(file, select.POLLIN)
    return bool(waiting.poll(milliseconds))


def open_channels() -> tuple[Channel, ...]:
    """Open what the command will write to: one channel where both outputs go to the same place, so that their order
    stays; a terminal where ours is one, else a pipe.

    Raises:
        OSError: No file descriptor is free.
    """
    if _is_same(_OUT, _ERR):
        return (_open("stdout", _OUT),)
    first = _open("stdout", _OUT)
    try:
        return first, _open("stderr", _ERR)
    except OSError:
        first.close()
        raise


def _open(stream: str, file: int) -> Channel:
    if not _is_open(file):
        return Channel(stream, *_pipe_to(None))
    if os.isatty(file):
        with suppress(OSError):  # the system has no more terminals: a pipe serves
            ours, theirs = open_like(file)
            return Channel(stream, ours, file, theirs, is_terminal=True)
    return Channel(stream, *_pipe_to(file))


def _pipe_to(file: int | None) -> tuple[int, int | None, int]:
    ours, theirs = os.pipe()
    return ours, file, theirs


def _is_open(file: int) -> bool:
    try:
        os.fstat(file)
    except OSError:
        return False
    return True


def _is_same(one: int, other: int) -> bool:
    try:
        first, second = os.fstat(one), os.fstat(other)
    except OSError:  # one of them is closed
        return False
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
