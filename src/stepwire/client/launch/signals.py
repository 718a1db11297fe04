"""Signals that come to ``stepwire run`` and are meant for the command."""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

FORWARDED = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH),
)


class Signals:
    """Takes signals in the main thread, hands each on at once, and lets that thread wait for them.

    What was ignored when this process began, as SIGHUP under ``nohup``, stays ignored, here and in the command. The
    handlers are functions, so the command begins with the default actions.

    Attributes:
        deliver: Called with each signal; those that came before it was set are given to it when it is.
    """

    def __init__(self) -> None:
        self._deliver: Callable[[int], None] | None = None
        self._early: list[int] = []
        self._previous: dict[int, Any] = {}
        self._wake_in, self._wake_out = os.pipe()
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        self._other_wakeup = -1

    def __enter__(self) -> Self:
        self._other_wakeup = signal.set_wakeup_fd(self._wake_out, warn_on_full_buffer=False)
        for number in (*FORWARDED, signal.SIGCHLD):
            before = signal.getsignal(number)
            if before != signal.SIG_IGN or number == signal.SIGCHLD:
                self._previous[number] = before
                signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._previous.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
        signal.set_wakeup_fd(self._other_wakeup)
        os.close(self._wake_in)
        os.close(self._wake_out)

    def deliver_to(self, deliver: Callable[[int], None]) -> None:
        """Hand signals to ``deliver`` from now on, first those that came before."""
        self._deliver = deliver
        while self._early:
            deliver(self._early.pop(0))

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGCHLD:  # it only ends the wait
            return
        if self._deliver is None:
            self._early.append(number)
        else:
            self._deliver(number)

    def wake(self) -> None:
        """End a ``wait``, from any thread."""
        with suppress(OSError):  # full: it wakes anyway; closed: nobody waits any more
            os.write(self._wake_out, b"\0")

    def wait(self, seconds: float) -> None:
        """Wait until a signal was taken or the time has passed."""
        select.select([self._wake_in], [], [], seconds)
        with suppress(BlockingIOError):
            while os.read(self._wake_in, 4096):
                pass
