"""What was logged and is not yet stored by the server."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from stepwire.client.batch import Kept, Record, Row, build_batch
from stepwire.client.gaps import SPARED
from stepwire.client.ids import new_writer_id

if TYPE_CHECKING:
    from stepwire.protocol import Batch

MEMORY_BYTES = 64 * 1024 * 1024
RESERVE_BYTES = 1024 * 1024
FRAME_RECORDS = 4096

_ROW_BYTES = 208  # what CPython needs for a row beside its values: tuple, two ints, bytes header
_WIRE_ROW_BYTES = 20  # at, step, time
_NEVER = 1 << 62
_ALWAYS = -1


class Left(NamedTuple):
    """What an outbox leaves when it is closed.

    Attributes:
        lost: Records that are kept nowhere.
        is_on_disk: Whether the others are on the disk; else they are in shared memory.
    """

    lost: int = 0
    is_on_disk: bool = True


class Outbox(Protocol):
    """Records in the order of logging, each numbered when it is first taken and kept until acknowledged.

    ``put`` may be called from any thread, also from a signal handler; the other methods from the sender's.
    """

    @property
    def writer_id(self) -> str:
        """Id of the stream that the records belong to, a UUIDv4."""

    @property
    def acked(self) -> int:
        """Number of the last record that the server has stored."""

    @property
    def pending(self) -> int:
        """Records that are not yet acknowledged."""

    @property
    def last(self) -> int:
        """Number that the newest record has or will get."""

    @property
    def unsent(self) -> int:
        """Bytes that wait for ``take``."""

    @property
    def dropped(self) -> int:
        """Records lost because memory was full or the server refused them, each told in a ``gap`` record."""

    def put(self, item: Row | Record) -> None:
        """Keep a record. Never blocks on I/O; drops the oldest points when memory is full."""

    def arm(self, size: int, wake: Callable[[], None]) -> bool:
        """Have ``wake`` called once when more than ``size`` bytes wait; return True when they already do."""

    def wake_on_put(self) -> None:
        """Have the next ``put`` call what ``arm`` was given, however little waits: nobody came last time."""

    def take(self, limit: int, most: int = FRAME_RECORDS) -> "Batch | None":
        """Return the next records, about ``limit`` bytes and at most ``most`` of them, at least one if any."""

    def acknowledge(self, seq: int) -> None:
        """Forget the records up to ``seq``."""

    def rewind_to(self, seq: int) -> None:
        """Have ``take`` go on from ``seq``, with all names announced anew, as after a new connection."""

    def refuse(self, seq: int, reason: str) -> None:
        """Replace a record that the server will never take by a ``gap`` record of the same number."""

    def resume_at(self, acked: int) -> bool:
        """Have ``take`` go on after ``acked``, the last record that the server has, with all names announced anew.

        Returns:
            False when that can't be: then a new stream was begun with all that is kept.
        """

    def relabel(self, **changes: Any) -> None:
        """Change what is kept of the run that the records belong to: ``run_id``, ``attempt``."""

    def sync(self) -> bool:
        """Have a disk keep all that was put; whether it does."""

    def close(self, *, is_over: bool) -> Left:
        """Let go of what is held; ``is_over`` when the run has ended and the server has stored all of it."""

    def after_fork(self) -> None:
        """Become the empty outbox of a child process."""


class NullOutbox:
    """Keeps nothing: the outbox of ``mode="disabled"``."""

    acked = pending = last = unsent = dropped = 0
    writer_id = ""

    def put(self, item: Row | Record) -> None:
        """Forget the record."""

    def arm(self, size: int, wake: Callable[[], None]) -> bool:
        """Never call ``wake``."""
        return False

    def wake_on_put(self) -> None:
        """Do nothing: there is nothing to come for."""

    def take(self, limit: int, most: int = FRAME_RECORDS) -> "Batch | None":
        """Return None: nothing is ever here."""
        return None

    def acknowledge(self, seq: int) -> None:
        """Do nothing."""

    def rewind_to(self, seq: int) -> None:
        """Do nothing."""

    def refuse(self, seq: int, reason: str) -> None:
        """Do nothing."""

    def resume_at(self, acked: int) -> bool:
        """Agree: nothing is ever sent."""
        return True

    def relabel(self, **changes: Any) -> None:
        """Do nothing."""

    def sync(self) -> bool:
        """Agree: there is nothing to keep."""
        return True

    def close(self, *, is_over: bool) -> Left:
        """Do nothing."""
        return Left()

    def after_fork(self) -> None:
        """Do nothing."""


class _Loss:
    """The points that memory had no room for, since the last gap record left."""

    __slots__ = ("count", "first_step", "last_step", "time")

    def __init__(self) -> None:
        self.count = 0
        self.first_step: float | None = None
        self.last_step: float | None = None
        self.time = 0

    def add(self, item: "Row | Kept") -> None:
        self.count += 1
        if isinstance(item, Kept):
            self.time = item.record["time"]
            return
        self.first_step = item[1] if self.first_step is None else self.first_step
        self.last_step, self.time = item[1], item[2]

    def record(self, seq: int) -> Record:
        """Return the gap record; ``from`` and ``to`` are the numbers that the lost records would have had."""
        return _gap(seq, self.count, "memory full", self.time) | {
            "from_step": self.first_step,
            "to_step": self.last_step,
        }


def _gap(seq: int, count: int, reason: str, time: int) -> Record:
    return {"type": "gap", "time": time, "from": seq, "to": seq + count - 1, "reason": reason, "count": count}


def _size(item: Row | Kept) -> int:
    return _ROW_BYTES + len(item[3]) if type(item) is tuple else item.size  # type: ignore[union-attr]


class MemoryOutbox:
    """An outbox of at most ``limit`` bytes of memory.

    A record's number is its place: the first of ``_sent`` is ``acked + 1``. A record that was on the wire
    once keeps its number and its content for ever; only records that never left can be dropped.

    The lock is re-entrant, because a signal handler may log while it has interrupted ``put``. It is never
    held during I/O.
    """

    def __init__(self, limit: int = MEMORY_BYTES, reserve: int = RESERVE_BYTES) -> None:
        self._limit = limit
        self._reserve = reserve
        self._config: Kept | None = None
        self._wake: Callable[[], None] = lambda: None
        self._dropped = 0
        self._generation = 0
        self._lock = threading.RLock()
        self._writer_id = ""
        self._clear()

    @property
    def writer_id(self) -> str:
        """Id of the stream."""
        self._writer_id = self._writer_id or new_writer_id()
        return self._writer_id

    def _clear(self) -> None:
        self._sent: deque[Row | Kept] = deque()
        self._spared: deque[Kept] = deque()
        self._loss: _Loss | None = None
        self._waiting: deque[Row | Kept] = deque()
        self._acked = 0
        self._next = 1
        self._generation += 1
        self._size = 0
        self._spared_size = 0
        self._unsent = 0
        self._wake_above = _NEVER

    @property
    def acked(self) -> int:
        """Number of the last record that the server has stored."""
        return self._acked

    @property
    def pending(self) -> int:
        """Records that are not yet acknowledged."""
        return self.last - self._acked

    @property
    def last(self) -> int:
        """Number that the newest record has or will get."""
        unsent = len(self._spared) + (self._loss is not None) + len(self._waiting)
        return self._acked + len(self._sent) + unsent

    @property
    def unsent(self) -> int:
        """Bytes that wait for ``take``; those to be sent again count as one."""
        return self._unsent + (self._next <= self._acked + len(self._sent))

    @property
    def dropped(self) -> int:
        """Records lost because memory was full or the server refused them."""
        return self._dropped

    def put(self, item: Row | Record) -> None:
        """Keep a record; drop the oldest points when memory is full."""
        kept: Row | Kept
        if type(item) is tuple:
            kept, size = item, _ROW_BYTES + len(item[3])
        else:
            kept = self._keep(item)  # type: ignore[arg-type]
            size = kept.size
        with self._lock:
            self._waiting.append(kept)
            self._size += size
            self._unsent += size
            if self._size > self._limit:
                self._make_room()
        if self._unsent > self._wake_above:
            self._wake_above = _NEVER
            self._wake()

    def _keep(self, record: Record) -> Kept:
        kept = Kept(record)
        if record["type"] == "config" and self._config is None:
            self._config = kept
        return kept

    def _make_room(self) -> None:
        while self._size > self._limit and self._waiting:
            item = self._waiting.popleft()
            if isinstance(item, Kept) and item.record["type"] in SPARED:
                self._spared.append(item)
                self._spared_size += item.size
            else:
                self._lose(item)
        while self._spared_size > self._reserve and self._spared[-1] is not self._config:
            place = 1 if self._spared[0] is self._config else 0
            oldest = self._spared[place]
            del self._spared[place]
            self._spared_size -= oldest.size
            self._lose(oldest)

    def _lose(self, item: Row | Kept) -> None:
        size = _size(item)
        self._size -= size
        self._unsent -= size
        self._dropped += 1
        self._loss = self._loss or _Loss()
        self._loss.add(item)

    def arm(self, size: int, wake: Callable[[], None]) -> bool:
        """Have ``wake`` called once when more than ``size`` bytes wait; return True when they already do."""
        self._wake = wake
        self._wake_above = size
        # Set first, looked at second: a put in between either sees the mark or is seen here.
        if self.unsent <= size:
            return False
        self._wake_above = _NEVER
        return True

    def wake_on_put(self) -> None:
        """Have the next ``put`` call what ``arm`` was given, however little waits."""
        self._wake_above = _ALWAYS

    def take(self, limit: int, most: int = FRAME_RECORDS) -> "Batch | None":
        """Return the next records as a batch, first those to be sent again; None when nothing waits."""
        with self._lock:
            first = self._next
            generation = self._generation
            again = first - self._acked - 1
            source = islice(self._sent, again, again + most) if again < len(self._sent) else self._number(most)
            items = self._fill(source, limit, generation)
            self._next += len(items)
        return build_batch(first, items, generation) if items else None

    def _number(self, most: int) -> Iterable[Row | Kept]:
        """Give unsent records their numbers, one by one as they are asked for."""
        for _ in range(most):
            if self._spared:
                item: Row | Kept = self._spared.popleft()
                self._spared_size -= _size(item)
            elif self._loss:
                item = Kept(self._loss.record(self._acked + len(self._sent) + 1))
                self._loss = None
                self._size += item.size
                self._unsent += item.size
            elif self._waiting:
                item = self._waiting.popleft()
            else:
                return
            self._unsent -= _size(item)
            self._sent.append(item)
            yield item

    @staticmethod
    def _fill(source: Iterable[Row | Kept], limit: int, generation: int) -> list[Row | Kept]:
        items: list[Row | Kept] = []
        size = 0
        for item in source:
            items.append(item)
            if type(item) is tuple:
                size += _WIRE_ROW_BYTES + len(item[3])
                if item[0].announced != generation:
                    size += item[0].wire_bytes
            else:
                size += item.size  # type: ignore[union-attr]
            if size >= limit:
                break
        return items

    def acknowledge(self, seq: int) -> None:
        """Forget the records up to ``seq``; a number that was never sent is cut to the last one that was."""
        with self._lock:
            while self._acked < seq and self._sent:
                self._size -= _size(self._sent.popleft())
                self._acked += 1
            self._next = max(self._next, self._acked + 1)

    def rewind_to(self, seq: int) -> None:
        """Have ``take`` go on from ``seq`` and announce all names anew."""
        with self._lock:
            self._next = min(max(seq, self._acked + 1), self._acked + len(self._sent) + 1)
            self._generation += 1

    def refuse(self, seq: int, reason: str) -> None:
        """Replace a record that the server will never take by a ``gap`` record of the same number."""
        with self._lock:
            place = seq - self._acked - 1
            if not 0 <= place < len(self._sent):
                return
            refused = self._sent[place]
            time = refused.record["time"] if isinstance(refused, Kept) else refused[2]
            gap = Kept(_gap(seq, 1, reason, time))
            self._size += gap.size - _size(refused)
            self._sent[place] = gap
            self._dropped += 1

    def resume_at(self, acked: int) -> bool:
        """Go on after ``acked``; a new stream when the server counts otherwise, as after a restore from a backup."""
        known = self._acked
        self.acknowledge(acked)
        if self._acked != acked:
            self.restart(max(known - acked, 0))
            return False
        self.rewind_to(acked + 1)
        return True

    def relabel(self, **changes: Any) -> None:
        """Do nothing: nobody else reads this memory."""

    def sync(self) -> bool:
        """Say no: memory is no disk."""
        return self.pending == 0

    def close(self, *, is_over: bool) -> Left:
        """Do nothing: what is in memory goes with it."""
        return Left(self.pending)

    def restart(self, lost: int) -> None:
        """Begin a new stream: ``config`` first, then a gap of ``lost`` records, then all that is kept."""
        with self._lock:
            kept = [*self._sent, *self._spared, *self._waiting]
            loss, wake_above = self._loss, self._wake_above
            self._writer_id = ""
            self._clear()
            self._loss, self._wake_above = loss, wake_above
            self._spared.extend(self._head(lost))
            self._spared_size = sum(item.size for item in self._spared)
            self._waiting.extend(item for item in kept if item is not self._config)
            self._size = self._unsent = self._spared_size + sum(map(_size, self._waiting))

    def _head(self, lost: int) -> list[Kept]:
        config = [self._config] if self._config else []
        time = self._config.record["time"] if self._config else 0
        return config + ([Kept(_gap(len(config) + 1, lost, "server lost them", time))] if lost else [])

    def after_fork(self) -> None:
        """Become the empty outbox of a child process: what the parent logged is the parent's to send."""
        self._lock = threading.RLock()  # the parent's may be held by a thread that does not exist here
        self._dropped = 0
        self._config = None
        self._writer_id = ""
        self._clear()
