"""How a process ends, and what that says about its runs."""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, NoReturn, Protocol

END_SECONDS = 4.0
INTERRUPT_SECONDS = 2.0
_LOOK_SECONDS = 0.002

INTERRUPTED_BY_KEYBOARD = 130  # what a shell sees of a process that ctrl-C ended
INTERRUPTED_BY_SIGTERM = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: final status, exit code if known, why, and the exception if there was one."""

    status: str
    exit_code: int | None = None
    reason: str | None = None
    error: BaseException | None = None


COMPLETED = Outcome("completed", exit_code=0)
PREEMPTED = Outcome("interrupted", exit_code=INTERRUPTED_BY_SIGTERM, reason="preempted")


def judge(error: BaseException | None) -> Outcome:
    """Return the outcome that an exception, which nobody caught, means for a run."""
    if error is None:
        return COMPLETED
    if isinstance(error, KeyboardInterrupt):
        return Outcome("interrupted", exit_code=INTERRUPTED_BY_KEYBOARD, reason="KeyboardInterrupt")
    if isinstance(error, SystemExit):
        return judge_exit_code(error.code)
    return Outcome("failed", exit_code=1, reason=type(error).__name__, error=error)


def judge_exit_code(code: object) -> Outcome:
    """Return the outcome of ``sys.exit(code)``: anything but ``None`` and an int counts as 1, as in Python."""
    number = code if isinstance(code, int) else 0 if code is None else 1
    return COMPLETED if number == 0 else Outcome("failed", exit_code=int(number), reason=f"exit code {number}")


class Watched(Protocol):
    """A run as far as the end of its process concerns it."""

    def conclude(self, outcome: Outcome, deadline: float) -> None:
        """Set the final status and hurry what is left on its way; ``deadline`` is in monotonic seconds."""

    def interrupt(self, outcome: Outcome) -> None:
        """Set a status and hurry what is left on its way; the run may go on."""

    def settled(self) -> bool:
        """Return whether there is nothing to wait for since: all is stored, or nobody is there."""

    def calm(self) -> None:
        """End the hurry of ``interrupt``."""

    def close(self, deadline: float) -> None:
        """Stop for good, by ``deadline`` in monotonic seconds; what is not stored then is lost."""

    def progress(self) -> object:
        """Return something that changes whenever metrics are logged."""

    def after_fork(self) -> None:
        """Become a child process's own writer of the run."""


def end_together(ends: Iterable[tuple[Watched, Outcome]]) -> None:
    """End runs within ``END_SECONDS``, however many: all say how they ended before any is waited for."""
    deadline = time.monotonic() + END_SECONDS
    waiting = []
    for run, outcome in ends:
        run.conclude(outcome, deadline)
        waiting.append(run)
    while waiting:
        is_late = time.monotonic() >= deadline
        over = [run for run in waiting if is_late or run.settled()]
        waiting = [run for run in waiting if run not in over]
        for run in over:
            run.close(deadline)
        time.sleep(_LOOK_SECONDS)


def interrupt_together(runs: list[Watched]) -> None:
    """Set the status of runs that may go on, and deliver what is left within ``INTERRUPT_SECONDS`` in all."""
    deadline = time.monotonic() + INTERRUPT_SECONDS
    for run in runs:
        run.interrupt(PREEMPTED)
    # Sleeps, no lock: this runs in a signal handler, where a lock may belong to the interrupted frame.
    while time.monotonic() < deadline and not all(run.settled() for run in runs):
        time.sleep(_LOOK_SECONDS)
    for run in runs:
        run.calm()


class Lifecycle:
    """The hooks of one process: exit, uncaught exceptions, ``sys.exit``, SIGTERM, fork.

    They are set with the first run and stay; without an open run they do nothing but call the next one.
    SIGINT is left alone: it raises KeyboardInterrupt as always.
    """

    def __init__(self) -> None:
        self._runs: list[Watched] = []
        self._is_hooked = False
        self._is_sigterm_hooked = False
        self._uncaught: BaseException | None = None
        self._exit: tuple[object, list[object]] | None = None
        self._exit_pid = 0
        self._fork = threading.local()

    def watch(self, run: Watched) -> None:
        """End ``run`` with the process."""
        if not self._is_hooked:
            self._is_hooked = True
            self._hook_exceptions()
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(
                    before=self._before_fork,
                    after_in_parent=self._after_fork_in_parent,
                    after_in_child=self._after_fork_in_child,
                )
        self._hook_sigterm()
        self.hook_exit()
        self._runs.append(run)

    def forget(self, run: Watched) -> None:
        """The run has ended by itself."""
        if run in self._runs:
            self._runs.remove(run)

    def hook_exit(self) -> None:
        """Be called when this process ends.

        ``multiprocessing`` ends its children without ``atexit`` and its main process only after waiting for
        them, so its own finalizers are used where it is loaded.
        """
        if self._exit_pid == os.getpid():
            return
        self._exit_pid = os.getpid()
        util = sys.modules.get("multiprocessing.util")
        if util is None:
            atexit.register(self.end_all)
        else:
            util.Finalize(None, self.end_all, exitpriority=-100)

    def end_all(self) -> None:
        """End every open run by what is known about the end of this process."""
        # In a child of multiprocessing the exception is still on its way up; no excepthook will see it.
        outcome = judge(self._uncaught or sys.exc_info()[1])
        end_together([(run, self._judge_exit(run) if outcome is COMPLETED else outcome) for run in self._runs])
        self._runs.clear()
        if isinstance(self._uncaught, KeyboardInterrupt):
            _leave_by_sigint()

    def _judge_exit(self, run: Watched) -> Outcome:
        code, progress = self._exit or (None, [])
        return judge_exit_code(code) if run.progress() in progress else COMPLETED

    def _hook_exceptions(self) -> None:
        previous_hook, previous_exit = sys.excepthook, sys.exit

        def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            self._uncaught = error
            previous_hook(kind, error, trace)

        def leave(status: Any = None, /) -> NoReturn:
            # If metrics are logged after this, someone caught the SystemExit and it means nothing.
            if threading.current_thread() is threading.main_thread():
                self._exit = (status, [run.progress() for run in self._runs])
            previous_exit(status)

        sys.excepthook = excepthook
        sys.exit = leave

    def _hook_sigterm(self) -> None:
        if self._is_sigterm_hooked or threading.current_thread() is not threading.main_thread():
            return  # Python lets only the main thread set handlers
        self._is_sigterm_hooked = True
        previous = signal.getsignal(signal.SIGTERM)
        if previous is None or previous == signal.SIG_IGN:
            return

        def handler(number: int, frame: FrameType | None) -> None:
            interrupt_together(list(self._runs))
            _call_previous(previous, number, frame)

        signal.signal(signal.SIGTERM, handler)

    def _before_fork(self) -> None:
        # A new child forgets signals that its inherited handler has noted but not yet run. Held back by the
        # kernel until the child is ready, a SIGTERM to it is not lost.
        self._fork.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def _after_fork_in_parent(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._fork.mask)

    def _after_fork_in_child(self) -> None:
        try:
            self._uncaught = self._exit = None
            for run in self._runs:
                run.after_fork()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._fork.mask)


def _leave_by_sigint() -> None:
    """Keep the exit code of an uncaught KeyboardInterrupt.

    CPython ends such a process by SIGINT only while the last text of code that it evaluated raised
    KeyboardInterrupt; any import of a module with a namedtuple makes it forget that.
    """
    with suppress(KeyboardInterrupt):
        exec("raise KeyboardInterrupt")


def _call_previous(
    previous: Callable[[int, FrameType | None], Any] | int, number: int, frame: FrameType | None
) -> None:
    if callable(previous):
        previous(number, frame)
    else:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


LIFECYCLE = Lifecycle()
"""The one of this process."""
