"""Stays with the command until it ends: hands it signals, stops with it, stops it when the dashboard asks."""

import os
import signal
import time
from collections.abc import Callable, Sequence

from stepwire.client.launch.channels import Channel
from stepwire.client.launch.child import Child
from stepwire.client.launch.signals import Signals
from stepwire.client.launch.terminal import Terminal

STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_OF_TERMINAL = frozenset((signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH))
_WANTS_TERMINAL = frozenset((signal.SIGTTIN, signal.SIGTTOU))


class Supervision:
    """Watches a command from the main thread.

    Signals that a terminal sends to a whole group, as ctrl-C, go to the command's group; others, as SIGTERM, to the
    command alone: what is sent to ``stepwire run`` does what it would do without it.

    Args:
        clock: Monotonic seconds.

    Attributes:
        was_stopped: The dashboard asked it to stop.
    """

    def __init__(
        self,
        child: Child,
        signals: Signals,
        channels: Sequence[Channel],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._child = child
        self._signals = signals
        self._channels = channels
        self._clock = clock
        self._terminal = Terminal()
        self._is_suspending = False
        self._end_at: float | None = None
        self.was_stopped = False
        signals.deliver_to(self._hand_on)

    def watch(self, should_stop: Callable[[], bool]) -> int:
        """Stay until the command has ended; returns its exit code. Asks ``should_stop`` several times a second."""
        try:
            while True:
                self._child.look()
                if self._child.code is not None:
                    return self._child.code
                if self._child.stopped_by is not None:
                    self._follow_stop(self._child.stopped_by)
                self._stop_if(should_stop)
                if self._terminal.is_lent:  # then changes of its size are told to the command's group alone
                    self._resize()
                self._signals.wait(_LOOK_SECONDS)
        finally:
            self._terminal.take_back()

    def _hand_on(self, number: int) -> None:
        if number == signal.SIGWINCH:
            self._resize()
        elif number == signal.SIGTSTP:
            self._is_suspending = True
            self._child.send_group(number)
        elif number in _OF_TERMINAL:
            self._child.send_group(number)
        else:
            self._child.send(number)

    def _resize(self) -> None:
        changed = [channel.resize() for channel in self._channels]
        if any(changed):
            self._child.send_group(signal.SIGWINCH)

    def _follow_stop(self, number: int) -> None:
        """The command was stopped: give it the terminal if it waits for that, or stop as well after ctrl-Z."""
        if number in _WANTS_TERMINAL and not self._terminal.is_lent:
            if self._terminal.lend(self._child.pid):
                self._go_on()
        elif self._is_suspending or (self._terminal.is_lent and number == signal.SIGTSTP):
            self._suspend()

    def _suspend(self) -> None:
        """Stop, so that the shell has its prompt again, until it says to go on."""
        had_terminal = self._terminal.is_lent
        self._terminal.take_back()
        self._is_suspending = False
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        if had_terminal:
            self._terminal.lend(self._child.pid)
        self._go_on()

    def _go_on(self) -> None:
        self._child.stopped_by = None
        self._child.send_group(signal.SIGCONT)

    def _stop_if(self, should_stop: Callable[[], bool]) -> None:
        """SIGINT when the dashboard asks, and SIGTERM when that has not ended the command in 30 s."""
        if not self.was_stopped and should_stop():
            self.was_stopped = True
            self._end_at = self._clock() + STOP_SECONDS
            self._child.send_group(signal.SIGINT)
        elif self._end_at is not None and self._clock() >= self._end_at:
            self._end_at = None
            self._child.send_group(signal.SIGTERM)
