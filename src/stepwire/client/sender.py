"""The thread that brings what was logged to the server."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from stepwire.client import backoff
from stepwire.client.clock import Clock
from stepwire.client.imports import load
from stepwire.client.notice import warn
from stepwire.client.outbox import Outbox
from stepwire.client.refusal import FinalError
from stepwire.client.transport import Transport

if TYPE_CHECKING:
    from stepwire.client.session import Session
    from stepwire.protocol import CommandMessage, CommandResult, Hello

WARN_SECONDS = 60.0
_HURRIED_SECONDS = 0.25
_BREATH_SECONDS = 0.02
_IDLE_SECONDS = 60.0
_START_SECONDS = 1.0  # between two tries to start the thread
_MAX_RESULTS = 1000
_MODULES = (
    *("stepwire.client.session", "encodings.idna", "msgspec", "selectors", "socket", "uuid"),
    *("websockets.client", "websockets.uri"),
)


class Sender:
    """Sends what the outbox holds, keeps it until it is acknowledged, and connects again for ever.

    One daemon thread, started by the first record and again by a forked child's first record. Its state
    belongs to it alone; other threads read the attributes and call ``start``, ``hurry``, ``calm``, ``flush``,
    ``reply``, ``close``.

    Args:
        outbox: Where records wait.
        transport: How frames travel.
        introduce: Makes the ``hello`` for a writer id and the next sequence number.
        where: Address of the server, for warnings.
        meanwhile: What warnings say goes on meanwhile.
        on_command: Called with each command of the dashboard; returns the answer, if there is one now.
        on_start: Called when the thread starts, in the thread that logged first.
        chance: Returns a random number in [0, 1) for the back-off.
        offline: Never start: somebody else brings the records to a server.

    Attributes:
        reached: Whether the server has ever said welcome.
        failures: Connections that could not be made or were lost so far.
        trouble: What was wrong with the last connection, else ``None``.
        stopped_by: Why the server wants nothing more of this run, else ``None``.
    """

    def __init__(  # noqa: PLR0913 - what it works with; all but three have a usual value
        self,
        outbox: Outbox,
        transport: Transport,
        introduce: "Callable[[str, int], Hello]",
        *,
        where: str = "the server",
        meanwhile: str = "training goes on",
        on_command: "Callable[[CommandMessage], CommandResult | None]" = lambda command: None,
        on_start: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
        chance: Callable[[], float] = lambda: int.from_bytes(os.urandom(4), "big") / 2**32,
        offline: bool = False,
    ) -> None:
        self._outbox = outbox
        self._transport = transport
        self._introduce = introduce
        self._where = where
        self._meanwhile = meanwhile
        self._on_command = on_command
        self._on_start = on_start
        self._clock = clock or Clock()
        self._chance = chance
        self._is_offline = offline
        self._warned_at = -WARN_SECONDS
        self._reset()

    def _reset(self) -> None:
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._start_at = 0.0
        self._pid = os.getpid()
        self._session: Session | None = None
        self._results: deque[CommandResult] = deque(maxlen=_MAX_RESULTS)
        self._closing = self._hurried = False
        self._streak = 0
        self._retry_at = self._failed_at = 0.0
        self.reached = False
        self.failures = 0
        self.trouble: str | None = None
        self.stopped_by: str | None = None
        self._outbox.arm(0, self._wake)

    @property
    def reason(self) -> str:
        """Why records are left."""
        if self.stopped_by is not None:
            return self.stopped_by
        return "no server answered in time" if self.reached or self.trouble is None else self.trouble

    # --- from other threads ---------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        """Whether the thread was started in this process."""
        return self._thread is not None and self._pid == os.getpid()

    @property
    def connected(self) -> bool:
        """Whether the server has said welcome on a connection that still stands."""
        return self._session is not None and self._session.welcomed

    def _wake(self) -> None:
        if self._is_offline:
            return
        self.start()
        self._transport.wake()

    def start(self) -> None:
        """Start the thread, unless it runs in this process; when that fails a later record tries again."""
        if self.started or not self._starting.acquire(blocking=False):
            return  # if not started: another thread, or the frame that this signal handler interrupted, is at it
        try:
            if not self.started:
                self._start()
        finally:
            self._starting.release()

    def _start(self) -> None:
        now = self._clock.monotonic()
        if now < self._start_at and not self._hurried:
            self._outbox.wake_on_put()
            return
        thread = threading.Thread(target=self.run, name="stepwire-sender", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads, or the interpreter is shutting down
            self._start_at = now + _START_SECONDS
            self._outbox.wake_on_put()
            return
        self._thread, self._pid = thread, os.getpid()
        self._on_start()

    def after_fork(self) -> None:
        """Become the idle sender of a child process; its first record starts a stream of its own."""
        self._transport.after_fork()
        self._reset()

    def reply(self, result: "CommandResult") -> None:
        """Send what became of a command."""
        self._results.append(result)
        self._transport.wake()

    def hurry(self, *, leave_if_unreachable: bool = False) -> Callable[[], bool]:
        """Let records wait for no company until ``calm``.

        Args:
            leave_if_unreachable: Also settle when no server was ever reached and one more attempt fails.

        Returns:
            A look at what was logged before: whether it is stored, or waiting for that is in vain.
        """
        target, failures = self._outbox.last, self.failures
        self._hurried = True
        if self._outbox.pending:
            self._wake()

        def settled() -> bool:
            is_refused = leave_if_unreachable and not self.reached and self.failures > failures
            return is_refused or not self.started or self.stopped_by is not None or self.has_stored(target)

        return settled

    def calm(self) -> None:
        """Let records wait for company again."""
        self._hurried = False

    def flush(self, seconds: float) -> bool:
        """Wait up to ``seconds`` until all that was logged before is stored; return whether it is."""
        target = self._outbox.last
        deadline = time.monotonic() + seconds
        settled = self.hurry()
        while not settled() and time.monotonic() < deadline:
            time.sleep(0.002)
        self.calm()
        return self.has_stored(target)

    def has_stored(self, seq: int) -> bool:
        """Return whether the server has stored all records up to ``seq``."""
        return self._outbox.acked >= seq or self._outbox.pending == 0

    def close(self, deadline: float) -> None:
        """Say goodbye and end the thread; wait for that up to 1 s, until ``deadline`` in monotonic seconds."""
        self._closing = True
        if not self.started or self._thread is None:
            self._transport.release()
            return
        self._transport.wake()
        self._thread.join(max(min(deadline - time.monotonic(), 1.0), 0.0))

    # --- the thread ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until closed. The one place where any error is caught: none may reach the training script."""
        while not self._closing:
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - see above; it is logged, and the connection begins anew
                self._fail(error)
                time.sleep(_BREATH_SECONDS)  # were even waiting to fail, this thread must not spin
        self._leave()

    def turn(self) -> None:
        """Do what is due now, or wait for the next thing."""
        now = self._clock.monotonic()
        retry_at = min(self._retry_at, self._failed_at + _HURRIED_SECONDS) if self._hurried else self._retry_at
        if self.stopped_by:
            self._transport.wait(_IDLE_SECONDS)
        elif self._session is not None:
            self._session.serve(hurried=self._hurried)
            self.reached = self.reached or self.connected
        elif now < retry_at:
            self._transport.wait(retry_at - now)
        else:
            self._connect()

    def _connect(self) -> None:
        load(*_MODULES)  # here, not once: without a free file descriptor it fails
        from stepwire.client.session import Session

        session = Session(
            self._outbox,
            self._transport,
            self._clock,
            results=self._results,
            on_command=self._on_command,
            wake=self._wake,
            warn=self._warn,
        )
        session.open(self._introduce(self._outbox.writer_id, self._outbox.last + 1))
        self._session = session

    def _fail(self, error: Exception) -> None:
        """Close what is left of the connection and choose when to try again, if at all."""
        now = self._clock.monotonic()
        if self._session is not None and now - self._session.opened_at >= backoff.STABLE_SECONDS:
            self._streak = 0
        self._session = None
        self._transport.close()
        self.failures += 1
        if isinstance(error, FinalError):
            self.stopped_by = error.reason
            self._warned_at = -WARN_SECONDS  # this one is always said
            self._warn(f"{error}; {self._meanwhile}, nothing more is sent.")
            return
        self._streak += 1
        self._failed_at = now
        self._retry_at = now + backoff.delay(self._streak, self._chance())
        self.trouble = str(error) or type(error).__name__
        waiting = f"{self._outbox.pending:,} records wait."
        self._warn(f"no connection to {self._where} ({self.trouble}); {self._meanwhile}, {waiting}")

    def _leave(self) -> None:
        try:
            if self._session is not None:
                self._session.leave()
            self._transport.close()
        except OSError:  # the server left first
            return
        finally:
            self._transport.release()

    def _warn(self, text: str) -> None:
        """Log at most one warning a minute."""
        now = self._clock.monotonic()
        if now - self._warned_at >= WARN_SECONDS:
            self._warned_at = now
            warn("%s", text)
