"""A server and a clock in memory, to test the SDK and code that uses it: no network, no waiting."""

import threading
from array import array
from collections import deque
from typing import Any

from stepwire.client.clock import Clock


class FakeClock(Clock):
    """A clock that moves only when told to, for tests of the SDK's own parts. ``TrainingMonitor`` takes none.

    Args:
        start: Where wall time begins, in µs since 1970.
    """

    def __init__(self, start: int = 1_700_000_000_000_000) -> None:
        self._start = start
        self._seconds = 0.0

    def now(self) -> int:
        """Return µs since 1970 UTC."""
        return self._start + round(self._seconds * 1_000_000)

    def monotonic(self) -> float:
        """Return seconds since the clock was made."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._seconds += seconds


class MemoryTransport:
    """A transport whose server lives in it: says welcome, stores records once, acknowledges.

    ``TrainingMonitor("test", transport=MemoryTransport(), mode="online")`` sends here; once the run has ended, or
    after ``flush``, ``points``, ``metrics`` and ``records`` tell what a server would have stored.

    Args:
        clock: With a ``FakeClock`` a wait lets that clock pass instead of waiting. Only for who calls the sender
            himself: the thread of a ``TrainingMonitor`` would never rest.

    Attributes:
        frames: Every message that was sent, decoded.
        reachable: Set to False to refuse connections.
        acknowledging: Set to False to keep records without acknowledging them.
        refusals: Messages to answer the next batches with, instead of storing them.
    """

    def __init__(self, clock: FakeClock | None = None) -> None:
        self._clock = clock
        self._woken = threading.Event()
        self._replies: deque[bytes] = deque()
        self._open = False
        self._cut = False
        self._streams: dict[str, dict[int, dict[str, Any]]] = {}
        self._names: dict[int, list[str]] = {}
        self._writer = ""
        self.frames: list[dict[str, Any]] = []
        self.reachable = True
        self.acknowledging = True
        self.refusals: deque[dict[str, Any]] = deque()

    @property
    def stored(self) -> list[dict[str, Any]]:
        """All records in order, stream after stream: points as ``{"type": "point", "step", "time", "metrics"}``."""
        return [record for stream in self._streams.values() for _, record in sorted(stream.items())]

    @property
    def metrics(self) -> list[dict[str, float]]:
        """The metrics of each point, in order: a dict of name → value per log call."""
        return [point["metrics"] for point in self.records("point")]

    def points(self, metric: str) -> list[tuple[float, float]]:
        """Return the step and value of each point of a metric, in order."""
        logged = [(point["step"], point["metrics"]) for point in self.records("point")]
        return [(step, values[metric]) for step, values in logged if metric in values]

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Return the stored records of one type: ``point``, ``config``, ``status``, ``checkpoint``, ``event`` …"""
        return [record for record in self.stored if record["type"] == kind]

    def say(self, message: dict[str, Any]) -> None:
        """Have the server send a message to the script."""
        import msgspec

        self._replies.append(msgspec.msgpack.encode(message))
        self.wake()

    def drop(self) -> None:
        """Cut the connection, with all that the server had to say."""
        self._cut = self._open
        self._open = False
        self._replies.clear()
        self.wake()

    # --- the side of the sender ----------------------------------------------------------------------

    def open(self) -> None:
        """Connect."""
        if not self.reachable:
            raise ConnectionRefusedError("the server in memory is not reachable")
        self._open = True
        self._cut = False
        self._names = {}

    def send(self, frame: bytes) -> None:
        """Have the server read a frame."""
        import msgspec

        if not self._open:
            raise ConnectionResetError("the server in memory hung up")
        message = msgspec.msgpack.decode(frame)
        self.frames.append(message)
        if message["type"] == "hello":
            self._writer = message["writer_id"]
            self.say({"type": "welcome", "server_id": "memory", "acked_seq": self._high()})
        elif message["type"] == "batch":
            self._store(message)
        elif message["type"] == "ping":
            self.say({"type": "pong"})

    def wait(self, seconds: float, *, heeds: bool = True) -> list[bytes]:
        """Return what the server said."""
        if self._clock is None:
            self._woken.wait(seconds)
        elif not self._woken.is_set():
            self._clock.advance(max(seconds, 0))
        self._woken.clear()
        if self._cut:
            self._cut = False
            raise ConnectionResetError("the server in memory hung up")
        return [self._replies.popleft() for _ in range(len(self._replies))]

    def wake(self) -> None:
        """End a ``wait``."""
        self._woken.set()

    def close(self) -> None:
        """End the connection."""
        self._open = self._cut = False

    def release(self) -> None:
        """Hold nothing but what was stored."""

    def after_fork(self) -> None:
        """Forget everything: memory is not shared with the parent."""
        self.__init__(self._clock)  # type: ignore[misc]  # a new server for a new process

    # --- the side of the server ----------------------------------------------------------------------

    def _high(self) -> int:
        return len(self._streams.setdefault(self._writer, {}))

    def _store(self, batch: dict[str, Any]) -> None:
        if self.refusals:
            self.say(self.refusals.popleft())
        elif batch["first_seq"] > self._high() + 1:
            self.say({"type": "nack", "code": "gap", "expect": self._high() + 1, "detail": "records missing"})
        else:
            stream = self._streams[self._writer]
            for seq, record in read_batch(batch, self._names).items():
                stream.setdefault(seq, record)
            if self.acknowledging:
                self.say({"type": "ack", "acked_seq": self._high()})


def read_batch(batch: dict[str, Any], names: dict[int, list[str]]) -> dict[int, dict[str, Any]]:
    """Return the records of a decoded batch by sequence number; ``names`` remembers those of its connection.

    Raises:
        ValueError: A record is missing, or a metric set's names were not announced.
    """
    records = {batch["first_seq"] + record["at"]: record for record in batch["records"]}
    for columns in batch["sets"]:
        if columns["names"] is not None:
            names[columns["id"]] = columns["names"]
        if columns["id"] not in names:
            raise ValueError(f"metric set {columns['id']} was not announced on this connection")
        records |= _points(batch["first_seq"], columns, names[columns["id"]])
    expected = set(range(batch["first_seq"], batch["first_seq"] + batch["n"]))
    if records.keys() != expected:
        raise ValueError(f"records {expected ^ records.keys()} are missing or too many")
    return records


def _points(first_seq: int, columns: dict[str, Any], names: list[str]) -> dict[int, dict[str, Any]]:
    at, times, values = array("I", columns["at"]), array("q", columns["times"]), array("d", columns["values"])
    steps = array("q" if columns["step_type"] == "i8" else "d", columns["steps"])
    width = len(names)
    return {
        first_seq + place: {
            "type": "point",
            "step": steps[row],
            "time": times[row],
            "metrics": dict(zip(names, values[row * width : (row + 1) * width], strict=True)),
        }
        for row, place in enumerate(at)
    }
