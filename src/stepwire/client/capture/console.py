"""What this process prints: heard once, kept by every run that is open and wants it."""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from stepwire.client.batch import Record
from stepwire.client.capture.tee import Tee
from stepwire.client.clock import Clock
from stepwire.client.imports import load
from stepwire.client.notice import warn

if TYPE_CHECKING:
    from stepwire.client.capture.transcript import Transcript

STREAMS = ("stdout", "stderr")
TURN_SECONDS = 0.25
WAITING_BYTES = 4 * 1024 * 1024
_HEARD_BYTES = 128  # of what is heard beside its text
_SLICE_BYTES = 64 * 1024
_REST = 2.0  # so much longer than it has worked the thread lets others have the interpreter
_PATIENCE_SECONDS = 0.5  # at the end, for a turn of the thread's that is under way
_IDLE_SECONDS = 60.0
_DRAIN_SECONDS = 1.0

Put = Callable[[Record], None]


class Console:
    """Standard output and error of this process, as ``log`` records.

    Whoever writes does nothing but append the text to a list. A daemon thread makes lines of it, four times a second
    while there is something to do. What comes faster than it can be taken is counted and left out.

    Streams are those that are in :data:`sys` when a run begins. What reaches the terminal past them is not heard:
    ``os.write``, output of C code, child processes.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._secrets: set[str] = set()
        self._reset()

    def _reset(self) -> None:
        self._takers: list[Put] = []
        self._tees: dict[str, Tee] = {}
        self._transcripts: dict[str, Transcript] = {}
        self._heard: deque[tuple[str, int, str, int]] = deque()
        self._heard_size = self._taken_size = 0
        self._missed: dict[str, int] = {}
        self._is_idle = True
        self._signal: SimpleQueue[bool] = SimpleQueue()
        self._work = threading.Lock()
        self._membership = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def join(self, put: Put, secrets: Iterable[str] = ()) -> None:
        """Have ``put`` take what is printed from now on.

        Args:
            put: Takes ``log`` records, in a thread of ours.
            secrets: Texts that are hidden wherever they stand, beside those of the environment.
        """
        with self._membership:
            self._secrets.update(secrets)
            self._attach()
            self._takers.append(put)
            self._start()

    def leave(self, put: Put) -> None:
        """Give ``put`` what was printed until now, and nothing more. The last one gives the streams back."""
        if put not in self._takers:
            return
        self.drain()
        with self._membership:
            self._takers.remove(put)
            if not self._takers:
                self._stop()

    def drain(self) -> None:
        """Give all that was printed until now, unfinished lines too; takes at most about a second."""
        until, deadline = self._heard_size, time.monotonic() + _DRAIN_SECONDS
        # Not for as long as there is something: a thread may print without end.
        while self._turn(everything=True) and self._taken_size < until and time.monotonic() < deadline:
            pass

    def after_fork(self) -> None:
        """In a child process: its output is not the run's, and no thread of ours is here."""
        if self._pid == os.getpid():
            return
        for tee in self._tees.values():
            tee.detach()
        self._reset()

    # --- hearing -----------------------------------------------------------------------------------------

    def _attach(self) -> None:
        for name in STREAMS:
            stream = getattr(sys, name, None)
            known = self._tees.get(name)
            if stream is None or (known is not None and known.stream is stream):
                continue
            if known is not None:  # the script has put another one in its place
                known.detach()
            if any(tee.stream is stream for tee in self._tees.values() if tee is not known):
                continue  # both are the same
            tee = Tee(stream, partial(self._hear, name))
            if tee.attach():
                self._tees[name] = tee

    def _hear(self, name: str, text: str) -> None:
        # No lock and no I/O: this runs in every print, in signal handlers, and while the interpreter ends.
        missed = 0
        room = max(WAITING_BYTES - _HEARD_BYTES - (self._heard_size - self._taken_size), 0)
        if len(text) > room:
            missed = text.count("\n", room)
            if not room:
                self._missed[name] = self._missed.get(name, 0) + missed
                return
            text = text[:room]
        self._heard_size += len(text) + _HEARD_BYTES
        self._heard.append((name, self._clock.now(), text, missed))
        if self._is_idle:
            self._is_idle = False
            self._signal.put(True)

    # --- in the thread -----------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=(self._signal,), name="stepwire-console", daemon=True
            )
            with suppress(RuntimeError):  # the system has no more threads: all is taken at the end, as far as it fits
                self._thread.start()

    def _stop(self) -> None:
        for tee in self._tees.values():
            tee.detach()
        self._tees, self._transcripts = {}, {}
        self._heard.clear()
        self._thread = None
        self._signal.put(False)
        self._signal, self._is_idle = SimpleQueue(), True

    def _run(self, signal: "SimpleQueue[bool]") -> None:
        while True:
            try:
                if not signal.get(timeout=self._patience()):
                    return
            except Empty:
                pass  # an unfinished line is due
            else:
                time.sleep(TURN_SECONDS)
            self._is_idle = True  # first: what is heard from here on signals anew
            is_more = True
            while is_more:
                began = time.thread_time()
                is_more = self._turn(everything=False)
                time.sleep(_REST * (time.thread_time() - began))

    def _patience(self) -> float:
        """Seconds until something is due that nobody signals."""
        dues = [transcript.waits_until for transcript in list(self._transcripts.values())]
        due = min((due for due in dues if due is not None), default=None)
        if due is None:
            return _IDLE_SECONDS
        return min(max((due - self._clock.now()) / 1e6, TURN_SECONDS), _IDLE_SECONDS)

    def _turn(self, *, everything: bool) -> bool:
        """Take a piece of what was heard and give what has become of it; return whether there is more."""
        # Not for ever: a signal handler may have interrupted the very frame that holds the lock.
        if not self._work.acquire(timeout=_PATIENCE_SECONDS):
            return False
        try:
            self._take_heard()
            now = self._clock.now()
            for transcript in self._transcripts.values():
                for record in transcript.take(now, everything=everything and not self._heard):
                    for put in list(self._takers):
                        put(record)
        except Exception as error:  # noqa: BLE001 - output has every oddity; a defect of ours must not harm the script
            self._give_up(error)
        finally:
            self._work.release()
        return bool(self._heard)

    def _take_heard(self) -> None:
        size = 0
        while self._heard and size < _SLICE_BYTES:
            name, at, text, missed = self._heard.popleft()
            size += len(text) + _HEARD_BYTES
            self._feed(name, at, text, missed)
        self._taken_size += size
        if not self._heard:
            # Threads that write at once may have lost each other's count; here it is known again.
            self._taken_size = self._heard_size
            for name in list(self._missed):
                self._feed(name, self._clock.now(), "", self._missed.pop(name))

    def _feed(self, name: str, at: int, text: str, missed: int) -> None:
        if name not in self._transcripts:
            self._transcripts[name] = self._begin(name)
        self._transcripts[name].feed(at, text)
        if missed:
            self._transcripts[name].miss(at, missed)

    def _begin(self, name: str) -> "Transcript":
        load("stepwire.client.capture.transcript")
        from stepwire.client.capture.transcript import Transcript
        from stepwire.client.redaction import LineRedactor, environment_secrets

        return Transcript(name, LineRedactor([*environment_secrets(os.environ), *self._secrets]))

    def _give_up(self, error: Exception) -> None:
        for tee in self._tees.values():
            tee.detach()
        self._transcripts = {}
        self._heard.clear()
        warn("output is not captured any more: %r", error)


CONSOLE = Console()
"""The one of this process."""
