"""SIGTERM: the runs are told first, then happens what would have happened without this."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from stepwire.client.imports import load

Handler = Callable[[int, FrameType | None], Any] | int | None
"""As of ``signal.signal``: a function, ``SIG_DFL``, ``SIG_IGN``; ``None`` for one that Python did not set."""

SIGTERM_EXIT_CODE = 128 + signal.SIGTERM
_BUSY_SECONDS = 0.2  # a main thread that has not taken the signal by then is in code that is not Python
_LOOK_SECONDS = 0.01


class Sigterm:
    """Takes SIGTERM before the handler that the script has or will have, and is not seen by the script.

    ``signal.signal`` and ``signal.getsignal`` go on to set and show that handler, so code that installs one, passes
    on to the one before or looks whether there is one works as ever. Where SIGTERM is ignored nothing is installed.

    Python runs handlers in the main thread, when that comes back from code in C. Until then SIGTERM would do
    nothing, where without a handler it ends the process at once. So a thread listens too: when the main thread is
    busy it tells the runs, and ends the process if that is what SIGTERM does without this.

    Args:
        tell: Tells the runs. Called in a signal handler or in a thread; takes at most some seconds. It may be called
            again.
        is_halfway: Whether the signal has interrupted a log call, which keeps what was told only when it goes on.
    """

    def __init__(self, tell: Callable[[], None], is_halfway: Callable[[], bool] = lambda: False) -> None:
        self._tell = tell
        self._is_halfway = is_halfway
        self._signal, self._getsignal = signal.signal, signal.getsignal
        self._behind: Handler = None
        self._is_patched = self._is_hooked = self._is_telling = False
        self._taken = 0
        self._pipe: tuple[int, int] | None = None

    def hook(self) -> None:
        """Begin; does nothing the second time, nor outside of the main thread, where Python sets no handlers."""
        if self._is_hooked or threading.current_thread() is not threading.main_thread():
            return
        if not self._is_patched:
            self._is_patched = True
            self._signal, self._getsignal = signal.signal, signal.getsignal
            signal.signal, signal.getsignal = self._set, self._get
        self._is_hooked = True
        self._install(self._getsignal(signal.SIGTERM))

    def after_fork(self) -> None:
        """Leave SIGTERM to the handler behind in a child process; it may ``hook`` again."""
        self._is_hooked = self._is_telling = False
        if self._is_installed():
            with suppress(ValueError):  # this is no main thread: a signal handler of C's has forked
                self._signal(signal.SIGTERM, self._behind)
        if self._pipe is not None:
            signal.set_wakeup_fd(-1)
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    # --- in place of the functions of ``signal`` ----------------------------------------------------------

    # Their arguments are named as those of the functions are.
    def _set(self, signalnum: int, handler: Handler) -> Handler:
        """Set the handler of a signal; see ``signal.signal``."""
        if signalnum != signal.SIGTERM or not self._is_hooked:
            return self._signal(signalnum, handler)
        previous = self._get(signalnum)
        self._signal(signalnum, handler)  # raises for what is no handler
        self._install(self._getsignal(signalnum))
        return previous

    def _get(self, signalnum: int) -> Handler:
        """Return the handler of a signal; see ``signal.getsignal``."""
        return self._behind if signalnum == signal.SIGTERM and self._is_installed() else self._getsignal(signalnum)

    def _is_installed(self) -> bool:
        return self._getsignal(signal.SIGTERM) == self._take

    def _install(self, handler: Handler) -> None:
        """Come before the handler that is set; not before one that ignores the signal, or one of C's."""
        self._behind = handler
        if callable(handler) or handler == signal.SIG_DFL:
            self._signal(signal.SIGTERM, self._take)
            self._listen()

    # --- when it comes -----------------------------------------------------------------------------------

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._taken += 1
        is_alone = self._is_installed()
        if not self._is_telling:  # else it came twice: whoever sent it is in a hurry
            self._is_telling = True
            try:
                self._tell()
            finally:
                self._is_telling = False
        behind = self._behind
        if callable(behind):
            behind(number, frame)
        elif is_alone:  # else a handler that went around these functions has passed it on, and decides
            self._signal(number, signal.SIG_DFL)
            if self._is_halfway():
                with suppress(RuntimeError):  # no more threads: it ends at once
                    threading.Thread(target=self._end_soon, args=(number,), daemon=True).start()
                    return
            os.kill(os.getpid(), number)

    def _end_soon(self, number: int) -> None:
        """End the process when the call that was interrupted is through, and what it kept is on its way."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while self._is_halfway() and time.monotonic() < deadline:
            time.sleep(0.001)
        try:
            self._tell()
        finally:
            os.kill(os.getpid(), number)

    def _listen(self) -> None:
        """Have a thread hear signals, unless something else of this process does, such as asyncio."""
        if self._pipe is not None or os.name != "posix":
            return
        try:
            pipe = os.pipe()
        except OSError:  # no file descriptor is free: it works without
            return
        os.set_blocking(pipe[1], False)
        listener = threading.Thread(target=self._hear, args=(pipe[0],), name="stepwire-sigterm", daemon=True)
        other = signal.set_wakeup_fd(pipe[1], warn_on_full_buffer=False)
        with suppress(RuntimeError):  # the system has no more threads
            if other == -1:
                listener.start()
                self._pipe = pipe
                return
        signal.set_wakeup_fd(other)
        for end in pipe:
            os.close(end)

    def _hear(self, heard: int) -> None:
        taken = self._taken
        while numbers := os.read(heard, 64):
            if signal.SIGTERM in numbers and not self._is_taken(taken):
                self._act_for_main(taken)
            taken = self._taken

    def _is_taken(self, taken: int) -> bool:
        """Wait a moment for the main thread to take the signal."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while self._taken == taken and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        return self._taken != taken

    def _act_for_main(self, taken: int) -> None:
        self._tell()
        if self._behind == signal.SIG_DFL and self._taken == taken:
            _end_process()


def _end_process() -> None:
    """End this process by SIGTERM from a thread: there Python sets no handlers, so C has to."""
    try:
        load("ctypes")
        import ctypes

        set_handler = ctypes.CDLL(None).signal
        set_handler.argtypes, set_handler.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
        set_handler(signal.SIGTERM, None)  # SIG_DFL is 0
        os.kill(os.getpid(), signal.SIGTERM)
    except (ImportError, OSError, AttributeError):  # a Python without ctypes, or a system without this function
        os._exit(SIGTERM_EXIT_CODE)
