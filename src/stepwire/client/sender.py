"""The thread that brings what was logged to the server."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable

from stepwire.client import backoff
from stepwire.client.clock import Clock
from stepwire.client.imports import load
from stepwire.client.outbox import FRAME_RECORDS, Outbox
from stepwire.client.transport import Transport
from stepwire.protocol import (
    PING_AFTER_SECONDS,
    SILENT_AFTER_SECONDS,
    WINDOW_BYTES,
    Ack,
    Bye,
    CommandMessage,
    CommandResult,
    Credit,
    ErrorMessage,
    Hello,
    Nack,
    Ping,
    Pong,
    Welcome,
)

COALESCE_SECONDS = 0.1
COALESCE_BYTES = 64 * 1024
FRAME_BYTES = 256 * 1024
HEARTBEAT_SECONDS = 15.0
WELCOME_SECONDS = 10.0
WARN_SECONDS = 60.0
_HURRIED_SECONDS = 0.25
_STALE_SECONDS = 0.1  # frames already on the way when one of them was refused
_BREATH_SECONDS = 0.02
_MODULES = ("encodings.idna", "logging", "msgspec", "uuid", "websockets.client", "websockets.uri")
_MAX_RESULTS = 1000
_FINAL = {"auth": "the token was refused", "gone": "the run was deleted", "fenced": "another process owns the run"}


class Sender:
    """Sends what the outbox holds, keeps it until it is acknowledged, and connects again for ever.

    One daemon thread, started by the first record and again after a fork. Its state belongs to it alone;
    other threads only read the attributes below, and call ``flush``, ``close``,
    ``reply``.

    Args:
        outbox: Where records wait.
        transport: How frames travel.
        where: Address of the server, for warnings.
        introduce: Makes the ``hello`` for a new writer id and the next sequence number.
        on_command: Called with each command of the dashboard; returns the answer, if there is one now.
        on_start: Called when the thread starts, in the thread that logged first.
        chance: A random number in [0, 1) for the back-off.

    Attributes:
        connected: Whether the server has said welcome and the connection stands.
        reached: Whether it ever has.
        failures: Connection attempts that failed so far.
        stopped_by: Why the server wants nothing more of this run, else ``None``.
    """

    def __init__(
        self,
        outbox: Outbox,
        transport: Transport,
        introduce: Callable[[str, int], Hello],
        *,
        where: str = "the server",
        on_command: Callable[[CommandMessage], CommandResult | None] = lambda command: None,
        on_start: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
        chance: Callable[[], float] = lambda: int.from_bytes(os.urandom(4), "big") / 2**32,
    ) -> None:
        self._outbox = outbox
        self._transport = transport
        self._introduce = introduce
        self._where = where
        self._on_command = on_command
        self._on_start = on_start
        self._clock = clock or Clock()
        self._chance = chance
        self._warned_at = -WARN_SECONDS
        self._reset()
        outbox.arm(0, self._wake)

    def _reset(self) -> None:
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._writer_id = ""
        self._starting = threading.Lock()
        self._results: deque[CommandResult] = deque(maxlen=_MAX_RESULTS)
        self._closing = self._hurried = False
        self.reached = False
        self.failures = 0
        self.stopped_by: str | None = None
        self._streak = 0
        self._retry_at = self._failed_at = 0.0
        self._disconnect()

    def _disconnect(self) -> None:
        self.connected = False
        self._open_since: float | None = None
        self._under_way: deque[tuple[int, int, int]] = deque()
        self._under_way_bytes = 0
        self._window = WINDOW_BYTES
        self._frame_limit = FRAME_BYTES
        self._most = FRAME_RECORDS
        self._resume_at = 0.0
        self._resume_from = 0
        self._heard_at = self._sent_at = self._pinged_at = self._batch_at = 0.0

    # --- from other threads ---------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self.started:
            self.start()
        self._transport.wake()

    @property
    def started(self) -> bool:
        """Whether the thread was started in this process."""
        return self._thread is not None and self._pid == os.getpid()

    def start(self) -> None:
        """Start the thread, unless it runs in this process."""
        if not self._starting.acquire(blocking=False):
            return  # another thread, or the frame that this signal handler interrupted, is about it
        try:
            if not self.started:
                self._start()
        finally:
            self._starting.release()

    def _start(self) -> None:
        thread = threading.Thread(target=self.run, name="stepwire-sender", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down and starts no more threads
            return
        self._thread, self._pid = thread, os.getpid()
        self._on_start()

    def after_fork(self) -> None:
        """Become the idle sender of a child process; its first record starts a stream of its own."""
        self._transport.after_fork()
        self._reset()
        self._outbox.arm(0, self._wake)

    def reply(self, result: CommandResult) -> None:
        """Send what became of a command."""
        self._results.append(result)
        self._transport.wake()

    def flush(self, seconds: float, *, leave_if_unreachable: bool = False) -> bool:
        """Wait until all that was logged before is stored by the server.

        Args:
            seconds: Give up after this long.
            leave_if_unreachable: Also give up when no server was ever reached and one more attempt fails.

        Returns:
            Whether all of it is stored.
        """
        target = self._outbox.last
        deadline = time.monotonic() + seconds
        failures = self.failures
        self._hurried = True
        self._wake()
        # Sleeps, no lock: this also runs in signal handlers, where a lock may belong to the interrupted frame.
        while not self._is_stored(target):
            refused = leave_if_unreachable and not self.reached and self.failures > failures
            if self.stopped_by or self._thread is None or refused or time.monotonic() >= deadline:
                break
            time.sleep(0.002)
        self._hurried = False
        return self._is_stored(target)

    def _is_stored(self, target: int) -> bool:
        return self._outbox.acked >= target or self._outbox.pending == 0

    def close(self, seconds: float) -> bool:
        """Flush, say goodbye and end the thread; return whether all is stored."""
        deadline = time.monotonic() + seconds
        stored = self.flush(seconds, leave_if_unreachable=True)
        self._closing = True
        self._transport.wake()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(min(deadline - time.monotonic(), 1.0), 0.0))
        return stored

    # --- the thread ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until closed. The one place where any error is caught: none may reach the training script."""
        load(*_MODULES)
        while not self._closing:
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - see above; it is logged, and the connection begins anew
                self._fail(error)
                time.sleep(_BREATH_SECONDS)  # were even waiting to fail, this thread must not spin
        self._leave()

    def turn(self) -> None:
        """Do what is due now, then wait for the next thing."""
        now = self._clock.monotonic()
        retry_at = min(self._retry_at, self._failed_at + _HURRIED_SECONDS) if self._hurried else self._retry_at
        if self.stopped_by:
            self._transport.wait(HEARTBEAT_SECONDS)
        elif self._open_since is not None:
            self._serve(now)
        elif now < retry_at:
            self._transport.wait(retry_at - now)
        else:
            self._connect(now)

    def _connect(self, now: float) -> None:
        from uuid import uuid4

        self._transport.open()
        self._writer_id = self._writer_id or str(uuid4())
        self._open_since = self._heard_at = now
        self._send(self._introduce(self._writer_id, self._outbox.last + 1))

    def _serve(self, now: float) -> None:
        for frame in self._transport.wait(self._patience(now)):
            self._heard_at = self._clock.monotonic()
            self._receive(frame)
        now = self._clock.monotonic()
        if self._open_since is None or self.stopped_by:
            return
        if now >= self._heard_at + (SILENT_AFTER_SECONDS if self.connected else WELCOME_SECONDS):
            raise TimeoutError("the server is silent")
        if self.connected:
            self._keep_alive(now)
            self._send_results()
            self._send_batches(now)

    def _patience(self, now: float) -> float:
        """Return the seconds until something is due by itself, and have the outbox wake us before if need be."""
        if not self.connected:
            return self._heard_at + WELCOME_SECONDS - now
        until = min(
            self._heard_at + SILENT_AFTER_SECONDS,
            max(self._heard_at, self._pinged_at) + PING_AFTER_SECONDS,
            self._sent_at + HEARTBEAT_SECONDS,
        )
        if self._results:
            return 0.0
        if now < self._resume_at:
            until = min(until, self._resume_at)
        elif self._under_way_bytes < self._window:
            coalesced_at = now if self._hurried else self._batch_at + COALESCE_SECONDS
            if self._outbox.arm(COALESCE_BYTES if now < coalesced_at else 0, self._wake):
                return 0.0
            until = min(until, coalesced_at) if now < coalesced_at else until
        return until - now

    def _keep_alive(self, now: float) -> None:
        if now >= self._sent_at + HEARTBEAT_SECONDS:
            self._outbox.put({"type": "heartbeat", "time": self._clock.now()})
        if now >= max(self._heard_at, self._pinged_at) + PING_AFTER_SECONDS:
            self._pinged_at = now
            self._send(Ping())

    def _send_results(self) -> None:
        while self._results:
            self._send(self._results[0])
            self._results.popleft()

    def _send_batches(self, now: float) -> None:
        if now < self._resume_at:
            return
        if self._resume_from:
            self._outbox.rewind_to(self._resume_from)
            self._resume_from = self._under_way_bytes = 0
            self._under_way.clear()
        if not self._hurried and now < self._batch_at + COALESCE_SECONDS and self._outbox.unsent < COALESCE_BYTES:
            return
        while (room := self._window - self._under_way_bytes) > 0:
            batch = self._outbox.take(min(self._frame_limit, room), self._most)
            if batch is None:
                return
            self._under_way.append((batch.first_seq, batch.n, size := self._send(batch)))
            self._under_way_bytes += size
            self._batch_at = now

    def _send(self, message: object) -> int:
        import msgspec

        frame = msgspec.msgpack.encode(message)
        self._transport.send(frame)
        self._sent_at = self._clock.monotonic()
        return len(frame)

    # --- what the server says --------------------------------------------------------------------------

    def _receive(self, frame: bytes) -> None:
        import msgspec

        message = msgspec.json.decode(frame) if frame[:1] == b"{" else msgspec.msgpack.decode(frame)
        kind = message.get("type") if isinstance(message, dict) else None
        if kind in _REPLIES:
            reply, method = _REPLIES[kind]
            getattr(self, method)(msgspec.convert(message, reply))

    def _on_welcome(self, welcome: Welcome) -> None:
        self.connected = self.reached = True
        self._window = min(max(welcome.window_bytes, 0), WINDOW_BYTES)
        self._frame_limit = min(FRAME_BYTES, max(welcome.max_bytes // 2, 1024))
        known = self._outbox.acked
        self._outbox.acknowledge(welcome.acked_seq)
        if self._outbox.acked != welcome.acked_seq:
            self._begin_anew(max(known - welcome.acked_seq, 0))
        self._outbox.rewind_to(welcome.acked_seq + 1)

    def _begin_anew(self, lost: int) -> None:
        """The server counts otherwise, as after a restore from a backup: send what is kept as a new stream."""
        self._outbox.restart(lost)
        self._writer_id = ""
        raise ConnectionError("the server counts this run's records otherwise; sending again what is kept")

    def _on_ack(self, ack: Ack) -> None:
        self._outbox.acknowledge(ack.acked_seq)
        while self._under_way and self._under_way[0][0] + self._under_way[0][1] - 1 <= ack.acked_seq:
            self._under_way_bytes -= self._under_way.popleft()[2]
        self._most = FRAME_RECORDS

    def _on_nack(self, nack: Nack) -> None:
        now = self._clock.monotonic()
        if nack.code in _FINAL:
            self.stopped_by = _FINAL[nack.code]
            self._warn(f"{self.stopped_by} ({nack.detail}); training goes on, nothing more is sent.")
            self._transport.close()
            self._disconnect()
        elif not self.connected:
            raise ConnectionError(nack.detail)
        elif now >= self._resume_at:  # else one of the frames that followed a refused one
            self._resume_from = self._outbox.acked + 1
            self._resume_at = now + self._pause(nack)

    def _pause(self, nack: Nack) -> float:
        """Prepare to send again after a refused frame; return the seconds to wait before."""
        if nack.code == "retry":
            self._warn(f"the server asks to try again ({nack.detail}); training goes on.")
            return min(max((nack.retry_ms or 1000) / 1000, _STALE_SECONDS), 30.0)
        if nack.code == "gap" and nack.expect is not None:
            if nack.expect <= self._outbox.acked:
                self._begin_anew(self._outbox.acked + 1 - nack.expect)
            self._outbox.acknowledge(nack.expect - 1)
            self._resume_from = nack.expect
        else:
            self._narrow(nack)
        return _STALE_SECONDS

    def _narrow(self, nack: Nack) -> None:
        """Send smaller frames until the record is found that the server can't take; that one becomes a gap."""
        first = nack.at_seq or self._outbox.acked + 1
        count = next((n for seq, n, _ in self._under_way if seq == first), self._most)
        if count > 1:
            self._most = count // 2
            return
        self._warn(f"the server can't take a record ({nack.detail}); it is left out.")
        self._outbox.refuse(first, nack.detail[:200])

    def _on_credit(self, credit: Credit) -> None:
        self._window = min(max(credit.window_bytes, 0), WINDOW_BYTES)

    def _on_message(self, command: CommandMessage) -> None:
        result = self._on_command(command)
        if result is not None:
            self._results.append(result)

    def _on_ping(self, ping: Ping) -> None:
        self._send(Pong())

    def _on_error(self, error: ErrorMessage) -> None:
        self._warn(f"the server did not understand a message: {error.message}")

    # --- ends ------------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        """Close what is left of the connection and choose when to try again."""
        now = self._clock.monotonic()
        if self._open_since is not None and now - self._open_since >= backoff.STABLE_SECONDS:
            self._streak = 0
        self._transport.close()
        self._disconnect()
        self.failures += 1
        self._streak += 1
        self._failed_at = now
        self._retry_at = now + backoff.delay(self._streak, self._chance())
        self._warn(
            f"no connection to {self._where} ({str(error) or type(error).__name__}); training goes on, "
            f"{self._outbox.pending:,} records wait in memory."
        )

    def _leave(self) -> None:
        try:
            if self.connected and self._outbox.pending == 0:
                self._send(Bye(self._outbox.last))
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
            import logging

            logging.getLogger("stepwire").warning("stepwire: %s", text)


_REPLIES: dict[str, tuple[type, str]] = {
    "welcome": (Welcome, "_on_welcome"),
    "ack": (Ack, "_on_ack"),
    "nack": (Nack, "_on_nack"),
    "credit": (Credit, "_on_credit"),
    "command": (CommandMessage, "_on_message"),
    "ping": (Ping, "_on_ping"),
    "error": (ErrorMessage, "_on_error"),
}
