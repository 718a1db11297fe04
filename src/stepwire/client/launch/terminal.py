"""The terminal that ``stepwire run`` was started in: its size, and who in it may read what is typed."""

import fcntl
import os
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SIZE_BYTES = 8


class Terminal:
    """Lends the terminal to the command when that wants to read from it, as a shell does to its jobs.

    The command is in a process group of its own, so ctrl-C and ctrl-Z come to ``stepwire run`` and are handed on. A
    command that reads what is typed, or changes how the terminal behaves, is stopped by the system as one in the
    background; then it gets the terminal, and the keys, and goes on.

    Attributes:
        is_lent: Whether the command has it.
    """

    def __init__(self) -> None:
        self.is_lent = False
        self._file = next((file for file in (0, 1, 2) if _is_tty(file)), None)

    def lend(self, group: int) -> bool:
        """Give the terminal to the command's group, if it is ours to give; whether it was."""
        if self._file is None:
            return False
        with _background_allowed(), suppress(OSError):  # hung up, or of another session
            if os.tcgetpgrp(self._file) in (os.getpgrp(), group):
                os.tcsetpgrp(self._file, group)
                self.is_lent = True
                return True
        return False

    def take_back(self) -> None:
        """Have the terminal again."""
        if self._file is None or not self.is_lent:
            return
        self.is_lent = False
        with _background_allowed(), suppress(OSError):
            os.tcsetpgrp(self._file, os.getpgrp())


@contextmanager
def _background_allowed() -> Iterator[None]:
    """Let this process change the terminal also while it is in the background."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_tty(file: int) -> bool:
    try:
        return os.isatty(file)
    except OSError:  # closed
        return False


def open_like(file: int) -> tuple[int, int]:
    """Return both ends of a new terminal that behaves like ``file``, and passes on each byte that is written to it.

    Raises:
        OSError: The system has no more.
    """
    ours, theirs = os.openpty()
    with suppress(OSError, termios.error):
        attributes = termios.tcgetattr(file)
        attributes[1] &= ~termios.OPOST  # line ends are made by the real one
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        copy_size(file, ours)
    return ours, theirs


def copy_size(source: int, target: int) -> bool:
    """Give a terminal the size of another; whether it had another one before."""
    with suppress(OSError):
        size = fcntl.ioctl(source, termios.TIOCGWINSZ, bytes(_SIZE_BYTES))
        if fcntl.ioctl(target, termios.TIOCGWINSZ, bytes(_SIZE_BYTES)) != size:
            fcntl.ioctl(target, termios.TIOCSWINSZ, size)
            return True
    return False
