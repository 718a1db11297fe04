"""How a process ends, and what that says about its runs."""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Protocol

from stepwire.client.notebook import kernel_shell, on_cell_error
from stepwire.client.sigterm import SIGTERM_EXIT_CODE, Sigterm

END_SECONDS = 4.0
INTERRUPT_SECONDS = 2.0
_LOOK_SECONDS = 0.002
_MAX_ERRORS = 20

INTERRUPTED_BY_KEYBOARD = 130  # what a shell sees of a process that ctrl-C ended


class Outcome(NamedTuple):
    """How a run ended: final status, exit code if known, why, and the exception if there was one."""

    status: str
    exit_code: int | None = None
    reason: str | None = None
    error: BaseException | None = None


COMPLETED = Outcome("completed", exit_code=0)
PREEMPTED = Outcome("interrupted", exit_code=SIGTERM_EXIT_CODE, reason="preempted")
KERNEL_ENDED = Outcome("interrupted", reason="the notebook's kernel ended")
CELL_RUN_AGAIN = Outcome("interrupted", reason="cell run again")


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

    @property
    def is_halfway(self) -> bool:
        """Whether a signal handler has logged while it interrupted a log call, which keeps it when it goes on."""

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

    def note_error(self, error: BaseException, where: str) -> None:
        """Tell of an exception that nobody caught and that does not end the process."""

    def replaces(self, earlier: Any) -> bool:
        """Return whether ``earlier``, another run of this process, is what the same notebook cell made before."""

    def after_fork(self) -> None:
        """Become a child process's own writer of the run."""


def end_together(ends: Iterable[tuple[Watched, Outcome]], seconds: float | None = None) -> None:
    """End runs within ``END_SECONDS``, however many: all say how they ended before any is waited for.

    Args:
        seconds: How long to wait in place of that.
    """
    deadline = time.monotonic() + (END_SECONDS if seconds is None else seconds)
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
    """The hooks of one process: exit, uncaught exceptions, ``sys.exit``, SIGTERM, fork, cells of a notebook.

    They are set with the first run and stay; without an open run they do nothing but call the next one.
    SIGINT is left alone: it raises KeyboardInterrupt as always. So is every other signal, as SIGUSR1.
    """

    def __init__(self) -> None:
        self._runs: list[Watched] = []
        self._is_hooked = False
        self._sigterm = Sigterm(
            lambda: interrupt_together(list(self._runs)),
            lambda: any(run.is_halfway for run in list(self._runs)),
        )
        self._errors = 0
        self._uncaught: BaseException | None = None
        self._exit: tuple[object, list[object]] | None = None
        self._exit_pid = 0
        self._is_hooked_again = False
        self._fork = threading.local()

    def watch(self, run: Watched) -> None:
        """End ``run`` with the process."""
        if not self._is_hooked:
            self._is_hooked = True
            self._hook_exceptions()
            self._hook_threads()
            on_cell_error(lambda error: self._note_error(error, "a cell"))
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(
                    before=self._before_fork,
                    after_in_parent=self._after_fork_in_parent,
                    after_in_child=self._after_fork_in_child,
                )
        self.hook_exit()
        self._runs.append(run)

    def end_earlier(self, run: Watched) -> None:
        """End what ``run``, which is about to begin, replaces: a notebook's cell was run again."""
        earlier = [other for other in self._runs if run.replaces(other)]
        if earlier:
            end_together([(other, CELL_RUN_AGAIN) for other in earlier], INTERRUPT_SECONDS)

    def forget(self, run: Watched) -> None:
        """The run has ended by itself."""
        if run in self._runs:
            self._runs.remove(run)

    def hook_exit(self) -> None:
        """Be called when this process ends or gets SIGTERM; a forked child asks for that with its first record."""
        self._sigterm.hook()
        self._hook_end()

    def _hook_end(self) -> None:
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
            if not self._is_hooked_again:
                self._is_hooked_again = True
                util.register_after_fork(self, Lifecycle._hook_end_again)
                self._hook_printed()

    def _hook_printed(self) -> None:
        """Note a child's exception when ``multiprocessing`` prints it: from Python 3.13 on it is gone at the end."""
        if sys.version_info < (3, 13):
            return
        import traceback
        from multiprocessing.process import BaseProcess

        previous = traceback.print_exc

        def print_exc(*arguments: Any, **more: Any) -> None:
            if sys._getframe(1).f_code is BaseProcess._bootstrap.__code__:
                self._uncaught = sys.exc_info()[1]
            previous(*arguments, **more)

        traceback.print_exc = print_exc

    def _hook_end_again(self) -> None:
        """A process of ``multiprocessing`` forgets its finalizers after it has made what came with its arguments."""
        if self._exit_pid == os.getpid():
            self._exit_pid = 0
            self._hook_end()

    def end_all(self) -> None:
        """End every open run by what is known about the end of this process."""
        # In a child of multiprocessing the exception is still on its way up; no excepthook will see it.
        outcome = judge(self._uncaught or sys.exc_info()[1] or _last_uncaught())
        if kernel_shell() is not None:
            outcome = KERNEL_ENDED
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

    def _hook_threads(self) -> None:
        previous = threading.excepthook

        def excepthook(arguments: threading.ExceptHookArgs, /) -> None:
            error, thread = arguments.exc_value, arguments.thread
            if error is not None and not isinstance(error, SystemExit):
                self._note_error(error, f"thread {thread.name}" if thread else "a thread")
            previous(arguments)

        threading.excepthook = excepthook

    def _note_error(self, error: BaseException, where: str) -> None:
        self._errors += 1
        if self._errors <= _MAX_ERRORS:
            for run in list(self._runs):
                run.note_error(error, where)

    def _before_fork(self) -> None:
        # A new child forgets signals that its inherited handler has noted but not yet run. Held back by the
        # kernel until the child is ready, a SIGTERM to it is not lost.
        self._fork.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def _after_fork_in_parent(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._fork.mask)

    def _after_fork_in_child(self) -> None:
        try:
            self._uncaught = self._exit = None
            self._errors = 0
            self._sigterm.after_fork()
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


def _last_uncaught() -> BaseException | None:
    """Return the exception that ends this process when a hook set after ours has kept it from us.

    Python notes it before any hook. An interactive session notes each, and so may a library that prints the errors
    of callbacks; only what comes from the outermost frame of all ends the process.
    """
    error, trace = getattr(sys, "last_value", None), getattr(sys, "last_traceback", None)
    if error is None or trace is None or hasattr(sys, "ps1") or trace.tb_frame.f_back is not None:
        return None
    return error if isinstance(error, BaseException) else None


LIFECYCLE = Lifecycle()
"""The one of this process."""
