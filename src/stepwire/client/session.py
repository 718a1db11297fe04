"""One connection of a training script to the server: what is said on it, from hello to its loss."""

from collections import deque
from collections.abc import Callable

from stepwire.client.clock import Clock
from stepwire.client.outbox import FRAME_RECORDS, Outbox
from stepwire.client.refusal import FinalError, RunOwnedError, StreamLostError
from stepwire.client.transport import Transport
from stepwire.limits import HEARTBEAT_SECONDS, PING_AFTER_SECONDS, SILENT_AFTER_SECONDS, WINDOW_BYTES
from stepwire.protocol import (
    Ack,
    Batch,
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
_FEWEST = 256  # some 0.2 ms to make
_WANTED_SECONDS = 0.003  # Python takes the interpreter from a thread after 5 ms
WELCOME_SECONDS = 10.0
_LONGEST_RETRY_SECONDS = 30.0
_STALE_SECONDS = 0.1  # frames already on the way when one of them was refused
_FINAL = {"auth": "the token was refused", "gone": "the run was deleted", "fenced": "another process owns the run"}


class Session:
    """Sends records within the server's window and listens, one ``serve`` after the other.

    Args:
        hello: The first message.
        results: Answers to commands; each is removed once it was sent.
        on_command: Called with each command; returns the answer, if there is one now.
        wake: Ends a ``wait`` of the transport; given to the outbox.
        warn: Takes a line for the log.

    Attributes:
        opened_at: When it was opened, in monotonic seconds.
        welcomed: Whether the server has said welcome.
    """

    def __init__(
        self,
        outbox: Outbox,
        transport: Transport,
        clock: Clock,
        *,
        results: deque[CommandResult],
        on_command: Callable[[CommandMessage], CommandResult | None],
        wake: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self._outbox = outbox
        self._transport = transport
        self._clock = clock
        self._results = results
        self._on_command = on_command
        self._wake = wake
        self._warn = warn
        self.welcomed = False
        self.opened_at = self._heard_at = self._sent_at = self._pinged_at = clock.monotonic()
        self._batch_at = self._resume_at = 0.0
        self._resume_from = 0
        self._under_way: deque[tuple[int, int, int]] = deque()  # first_seq, n, bytes
        self._under_way_bytes = 0
        self._window = WINDOW_BYTES
        self._frame_limit = FRAME_BYTES
        self._most = FRAME_RECORDS
        self._handful = _FEWEST
        self._handed_at = self.opened_at

    def open(self, hello: Hello) -> None:
        """Connect and introduce the script. Raises OSError."""
        self._transport.open()
        self._heard_at = self._clock.monotonic()
        self._send(hello)

    def serve(self, *, hurried: bool) -> None:
        """Wait until something is due, then do it. With ``hurried`` records do not wait for company.

        Raises:
            FinalError: The server wants nothing more of this run.
            StreamLostError: The outbox has begun a new stream; it needs a new writer id.
            OSError: The connection is lost.
        """
        patience = self._patience(hurried=hurried)
        for frame in self._transport.wait(patience, heeds=hurried or self._is_expecting(patience)):
            self._heard_at = self._clock.monotonic()
            self._receive(frame)
        now = self._clock.monotonic()
        if now >= self._heard_at + (SILENT_AFTER_SECONDS if self.welcomed else WELCOME_SECONDS):
            raise TimeoutError("the server is silent")
        if self.welcomed:
            self._keep_alive(now)
            self._send_results()
            self._send_batches(now, hurried=hurried)

    def leave(self) -> None:
        """Say goodbye when all is stored. Raises OSError."""
        if self.welcomed and self._outbox.pending == 0:
            self._send(Bye(self._outbox.last))

    # --- what is due ---------------------------------------------------------------------------------

    def _patience(self, *, hurried: bool) -> float:
        """Return the seconds until something is due by itself, and have the outbox wake us before if need be."""
        now = self._clock.monotonic()
        if not self.welcomed:
            return self._heard_at + WELCOME_SECONDS - now
        until = min(
            self._heard_at + SILENT_AFTER_SECONDS,
            max(self._heard_at, self._pinged_at) + PING_AFTER_SECONDS,
            self._sent_at + HEARTBEAT_SECONDS,
        )
        if self._results:
            return 0.0
        if now < self._resume_at:
            return min(until, self._resume_at) - now
        if self._under_way_bytes >= self._window:
            return until - now
        alone_at = now if hurried else self._batch_at + COALESCE_SECONDS
        if self._outbox.arm(COALESCE_BYTES if now < alone_at else 0, self._wake):
            return 0.0
        return (min(until, alone_at) if now < alone_at else until) - now

    def _is_expecting(self, patience: float) -> bool:
        """Whether what the server says is wanted at once, not when the next batch is due.

        Each time that this thread wakes it takes the interpreter from the training.
        """
        has_room = self._under_way_bytes <= self._window // 2
        return not (self.welcomed and has_room and patience <= COALESCE_SECONDS)

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

    def _send_batches(self, now: float, *, hurried: bool) -> None:
        if now < self._resume_at:
            return
        if self._resume_from:
            self._outbox.rewind_to(self._resume_from)
            self._resume_from = self._under_way_bytes = 0
            self._under_way.clear()
        if not hurried and now < self._batch_at + COALESCE_SECONDS and self._outbox.unsent < COALESCE_BYTES:
            return
        last = self._outbox.last
        while (room := self._window - self._under_way_bytes) > 0:
            batch = self._outbox.take(min(self._frame_limit, room), min(self._most, self._handful))
            if batch is None:
                return
            size = self._send_gently(batch)
            self._under_way.append((batch.first_seq, batch.n, size))
            self._under_way_bytes += size
            self._batch_at = now
            if not hurried and batch.first_seq + batch.n > last:
                return  # sending takes a while beside a busy loop; what came meanwhile waits for company, too

    def _send_gently(self, batch: Batch) -> int:
        """Send a batch, and choose how many records the next one has.

        To make one keeps the interpreter from the training, for as long as that is. Whether the training wants it shows
        after a system call, when this thread does not get it back at once.
        """
        size = self._send(batch)
        is_wanted = self._sent_at - self._handed_at > _WANTED_SECONDS
        self._handful = max(self._handful // 2, _FEWEST) if is_wanted else min(self._handful * 2, FRAME_RECORDS)
        return size

    def _send(self, message: object) -> int:
        import msgspec

        frame = msgspec.msgpack.encode(message)
        self._handed_at = self._clock.monotonic()
        self._transport.send(frame)
        self._sent_at = self._clock.monotonic()
        return len(frame)

    # --- what the server says --------------------------------------------------------------------------

    def _receive(self, frame: bytes) -> None:
        import msgspec

        message = msgspec.json.decode(frame) if frame[:1] == b"{" else msgspec.msgpack.decode(frame)
        kind = message.get("type") if isinstance(message, dict) else None
        if isinstance(kind, str) and kind in _REPLIES:
            reply, method = _REPLIES[kind]
            getattr(self, method)(msgspec.convert(message, reply))

    def _on_welcome(self, welcome: Welcome) -> None:
        self._resume_at_record(welcome.acked_seq)
        self._window = min(max(welcome.window_bytes, 0), WINDOW_BYTES)
        self._frame_limit = min(FRAME_BYTES, max(welcome.max_bytes // 2, 1024))
        self.welcomed = True

    def _resume_at_record(self, acked: int) -> None:
        if not self._outbox.resume_at(acked):
            raise StreamLostError("the server counts this run's records otherwise; what is kept is sent again")

    def _on_ack(self, ack: Ack) -> None:
        self._outbox.acknowledge(ack.acked_seq)
        while self._under_way and self._under_way[0][0] + self._under_way[0][1] - 1 <= ack.acked_seq:
            self._under_way_bytes -= self._under_way.popleft()[2]
        self._most = FRAME_RECORDS

    def _on_nack(self, nack: Nack) -> None:
        now = self._clock.monotonic()
        if nack.code in _FINAL:
            raise FinalError(_FINAL[nack.code], nack.detail)
        if nack.code == "conflict":
            raise RunOwnedError(nack.detail, may_be_gone=nack.retry_ms is not None)
        if not self.welcomed:
            raise ConnectionError(nack.detail)
        if now >= self._resume_at:  # else it is about one of the frames that followed a refused one
            self._resume_from = self._outbox.acked + 1
            self._resume_at = now + self._pause(nack)

    def _pause(self, nack: Nack) -> float:
        """Prepare to send again after a refused frame; return the seconds to wait before."""
        if nack.code == "retry":
            self._warn(f"the server asks to try again ({nack.detail}); training goes on.")
            return min(max((nack.retry_ms or 1000) / 1000, _STALE_SECONDS), _LONGEST_RETRY_SECONDS)
        if nack.code == "gap" and nack.expect is not None:
            self._resume_at_record(nack.expect - 1)
            self._resume_from = self._outbox.acked + 1
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

    def _on_command_message(self, command: CommandMessage) -> None:
        result = self._on_command(command)
        if result is not None:
            self._results.append(result)

    def _on_ping(self, ping: Ping) -> None:
        self._send(Pong())

    def _on_error(self, error: ErrorMessage) -> None:
        self._warn(f"the server did not understand a message: {error.message}")


_REPLIES: dict[str, tuple[type, str]] = {
    "welcome": (Welcome, "_on_welcome"),
    "ack": (Ack, "_on_ack"),
    "nack": (Nack, "_on_nack"),
    "credit": (Credit, "_on_credit"),
    "command": (CommandMessage, "_on_command_message"),
    "ping": (Ping, "_on_ping"),
    "error": (ErrorMessage, "_on_error"),
}
