"""An outbox that survives its process: ring in memory, segments on disk, and only then the memory of the process."""

import threading
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from stepwire.client.batch import MetricSet, Record, Row
from stepwire.client.gaps import gap_item, is_spared, widen_gap
from stepwire.client.imports import load
from stepwire.client.kept import KeptRecords
from stepwire.client.outbox import MEMORY_BYTES, Left
from stepwire.client.ring import RING_BYTES, Ring
from stepwire.client.spool import Spool
from stepwire.formats.blocks import Block, Part, read_parts
from stepwire.formats.spool import (
    FLOAT_ROW,
    GAP,
    HEAD_BYTES,
    NAMES,
    RECORD,
    ROW,
    Item,
    frame,
    gap_body,
    names_body,
    pack_float_row,
    pack_head,
    pack_row,
    read_items,
    read_record,
    record_body,
)
from stepwire.formats.spoolfolder import USUAL_BYTES

_NEVER = 1 << 62
_ALWAYS = -1
_NAMES_BYTES = 32 * 1024 * 1024
_READ_BYTES = 256 * 1024
_MORE_BYTES = 4096  # so that the last of the records wanted is whole
_FULL = "memory full"
_ROUNDS = 1000
_OVERHEAD_BYTES = 140  # what Python takes beside a record's bytes that wait in memory
_crc32 = zlib.crc32


class SpoolOutbox(KeptRecords):
    """Records of one stream, numbered as they are put, kept until acknowledged; see ``Outbox``.

    ``put`` copies a record into the spool's ring and returns: from then on it survives the process. When the ring is
    full and the disk takes nothing, records wait in at most ``limit`` bytes of memory; then the oldest points among
    them leave, and a gap record stands for them.

    Args:
        make_spool: Makes the spool, when the first record comes; raises OSError where there is no place for one.
        limit: Bytes of memory for what neither ring nor disk take.
    """

    def __init__(self, make_spool: Callable[[], Spool], limit: int = MEMORY_BYTES) -> None:
        self._make_spool = make_spool
        self._limit = limit
        self._begin()

    def _begin(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._spool: Spool | None = None
        self._ring: Ring | _NoRing = _NoRing()
        self._late: deque[Row | Record] = deque()
        self._overflow: deque[tuple[int, bytes]] = deque()
        self._overflow_bytes = 0
        self._read_at = 0
        self._is_placed = True  # whether _read_at is where _read_seq begins, or before
        self._is_closed = False
        self._wake: Callable[[], None] = lambda: None
        self._wake_above = _NEVER

    @property
    def spool(self) -> Spool:
        """The spool, made with the first record: a forked child may never have one."""
        if self._spool is None:
            with self._lock:
                if self._spool is None:
                    spool = self._make_spool()
                    spool.attach(self)
                    self._ring = spool.ring
                    self._spool = spool
        return self._spool

    # --- the side of the training ----------------------------------------------------------------------

    def put(self, item: Row | Record) -> None:
        """Keep a record. Never blocks on a disk."""
        lock = self._lock
        if lock._is_owned():  # type: ignore[attr-defined]  # a signal handler logs while it interrupts this method
            self._late.append(item)
            return
        with lock:
            self._append(item)
            while self._late:
                self._append(self._late.popleft())
        if self._wake_above != _NEVER and self.unsent > self._wake_above:
            self._wake_above = _NEVER
            self._wake()

    def _append(self, item: Row | Record) -> None:
        spool = self._spool or self.spool
        seq = (self._overflow[-1][0] if self._overflow else self._ring.mark[1]) + 1
        if type(item) is tuple:
            metric_set, step, time, values = item
            if metric_set.stream is not spool.introduction:
                self._introduce(spool, metric_set, seq - 1)
            if type(step) is int:
                body = pack_row(seq, ROW, metric_set.ordinal, step, time) + values
            else:
                body = pack_float_row(seq, FLOAT_ROW, metric_set.ordinal, step, time) + values
        else:
            body = self._encode(seq, item)  # type: ignore[arg-type]
        record = pack_head(len(body), _crc32(body)) + body
        if self._overflow or not self._ring.append(record, seq):
            self._spill(record, seq)
        if spool.is_idle:
            spool.wake()

    def _introduce(self, spool: Spool, metric_set: MetricSet, seq: int) -> None:
        """Tell the names of a set before its first row. The record has no number of its own."""
        introduction = spool.introduction
        self._keep_names(metric_set.ordinal, metric_set.names)
        record = frame(names_body(seq, metric_set.ordinal, metric_set.names))
        spool.new_names[metric_set.ordinal] = metric_set.names
        if len(record) > self._ring.largest:
            spool.drain_now()  # ten thousand long names: they go to the disk alone
        elif self._overflow or not self._ring.append(record, seq):
            self._spill(record, seq)
        metric_set.stream = introduction

    def _encode(self, seq: int, record: Record) -> bytes:
        with suppress(ImportError, OSError):  # then the record is kept as JSON
            load("msgspec")
        try:
            body = record_body(seq, record)
            if len(body) > self._ring.largest - HEAD_BYTES:
                raise OverflowError(f"{len(body):,} bytes")
        except (TypeError, ValueError, OverflowError) as error:
            fields = {"level": "warning", "event": "record_left_out"}
            message = f"a {record.get('type')} record can't be kept: {error!r}"[:1000]
            message = message.encode("ascii", "backslashreplace").decode()
            body = record_body(seq, {"type": "event", "time": record["time"], **fields, "message": message})
        if self._config is None and record.get("type") == "config":
            self._config = Item(seq, RECORD, body)
        return body

    def _spill(self, record: bytes, seq: int) -> None:
        """The ring is full: write it to the disk when that goes at once, else keep the record in memory."""
        if self._is_closed:
            return  # a thread of ours that came late; a script's call is refused before
        if not self._overflow and self.spool.drain_now() and self._ring.append(record, seq):
            return
        self._overflow.append((seq, record))
        self._overflow_bytes += len(record) + _OVERHEAD_BYTES
        if self._overflow_bytes > self._limit:
            self._make_room()

    def _make_room(self) -> None:
        """Let the oldest points of the overflow go, a quarter at once; what stands between is spared."""
        kept: deque[tuple[int, bytes]] = deque()
        gap: dict[str, Any] | None = None
        size, enough = self._overflow_bytes, self._limit * 3 // 4
        while self._overflow and size > enough:
            seq, record = self._overflow.popleft()
            item = next(read_items(record))[1]
            if item.kind == GAP and read_record(item.body)["reason"] == _FULL:
                gap = widen_gap(gap, item, _FULL)
                continue
            if is_spared(item):
                _close_gap(kept, gap)
                gap = None
                kept.append((seq, record))
                continue
            size -= len(record) + _OVERHEAD_BYTES
            self._dropped += 1
            gap = widen_gap(gap, item, _FULL)
        _close_gap(kept, gap)
        kept.extend(self._overflow)
        self._overflow = kept
        self._overflow_bytes = sum(len(record) + _OVERHEAD_BYTES for _, record in kept)

    def refill(self) -> None:
        """Move what waits in memory into the ring, as far as it has room."""
        with self._lock:
            while self._overflow:
                seq, record = self._overflow[0]
                last = seq
                if record[16] == GAP:
                    last = read_record(record[8:])["to"]
                if not self._ring.append(record, last):
                    return
                self._overflow.popleft()
                self._overflow_bytes -= len(record) + _OVERHEAD_BYTES

    @property
    def is_halfway(self) -> bool:
        """Whether a signal handler has logged while it interrupted ``put``, which keeps it when it goes on."""
        return bool(self._late)

    # --- what the sender asks ---------------------------------------------------------------------------

    @property
    def writer_id(self) -> str:
        """Id of the stream."""
        return self.spool.writer_id

    @property
    def overflows(self) -> bool:
        """Whether records wait in memory because the ring has no room."""
        return bool(self._overflow)

    @property
    def last(self) -> int:
        """Number of the newest record."""
        overflow = self._overflow
        return overflow[-1][0] if overflow else self._ring.mark[1]

    @property
    def unsent(self) -> int:
        """Bytes that wait for ``take``; those to be sent again count as one."""
        return self._ring.mark[0] - self._read_at + self._overflow_bytes + (self._next < self._read_seq)

    @property
    def dropped(self) -> int:
        """Records lost because disk and memory were full or the server refused them."""
        return self._dropped + (self._spool.dropped if self._spool is not None else 0)

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

    def known_names(self) -> dict[int, tuple[str, ...]]:
        """The metric sets whose names are in memory."""
        return self._names.copy()

    def _note_acked(self, seq: int) -> None:
        self.spool.acknowledged(seq)

    def _oldest_seq(self) -> int:
        return self.spool.oldest_seq()

    def _stored_names(self) -> dict[int, tuple[str, ...]]:
        return self.spool.stored_names()

    def _go_back(self, acked: int) -> None:
        super()._go_back(acked)
        self._is_placed = False

    def _read(self, limit: int, most: int) -> list[Part]:
        """Records from ``_read_seq`` on, out of the ring as long as it holds them, else from the disk."""
        while True:
            in_ring = self._read_ring(self._read_at, limit, most) if self._is_placed else None
            if in_ring is not None:
                return in_ring
            kept_at, kept_seq = self._ring.kept
            self._is_placed = self._read_seq >= kept_seq
            if self._is_placed:
                self._read_at = kept_at
                continue
            found = self.spool.reader.read(self._read_seq, limit, most)
            for item in found:
                self._note_names(item)
            if found or self._ring.kept[1] == kept_seq:
                return [*found] or self._missing(kept_seq)

    def _read_ring(self, start: int, limit: int, most: int, more: int = _MORE_BYTES) -> list[Part] | None:
        """Records of the ring from position ``start`` on; ``None`` when others were written over them meanwhile."""
        head = self._ring.mark[0]
        end = min(head, start + min(limit, most * USUAL_BYTES) + more)
        pieces = self._ring.copy(start, end)
        if not self._ring.holds(start):
            return None
        items: list[Part] = []
        for at, piece in pieces:
            start = max(start, at)
            for after, item in read_parts(piece, start - at, most, self._read_seq, checks=False):
                start = at + after
                self._read_at = max(self._read_at, start)
                if isinstance(item, Item):
                    self._note_names(item)
                if item.seq + item.span > self._read_seq and item.kind != NAMES:
                    unread = self._unread(item)
                    items.append(unread)
                    limit -= len(unread.body)
                    most -= unread.span
                if limit <= 0 or most <= 0:
                    return items
        if not items and end < head:
            return self._read_ring(start, limit, most, more + _READ_BYTES)  # one record, larger than what was copied
        return items

    def _unread(self, item: Part) -> Part:
        is_begun = isinstance(item, Block) and item.seq < self._read_seq
        return item.after(self._read_seq - 1) if is_begun else item  # type: ignore[union-attr]

    def _missing(self, kept_seq: int) -> list[Part]:
        """A gap for records that should be on the disk and are not: somebody deleted the folder."""
        return [gap_item(self._read_seq, kept_seq - 1, "the spool was deleted")]

    def relabel(self, **changes: Any) -> None:
        """Change what is said of the run that the records belong to: ``run_id``, ``attempt``."""
        self.spool.relabel(changes)

    def sync(self) -> bool:
        """Have the disk keep all that was put, also through a power cut; whether it does."""
        for _ in range(_ROUNDS):
            self.refill()
            if self._spool is not None and not self._spool.sync():
                return False
            if not self._overflow:
                return True
        return False

    def close(self, *, is_over: bool) -> Left:
        """Leave nothing in memory: what was not acknowledged stays in the spool for who comes next; see ``Outbox``."""
        if self._spool is None:
            return Left()
        with self._lock:
            for _ in range(_ROUNDS):
                if not self._overflow:
                    break
                self.spool.drain_now()
                self.refill()
            lost, pending = self.last - self._ring.mark[1], self.pending
            self._is_closed = True
            self._ring = _NoRing(self._ring.mark)
        is_on_disk = self.spool.close(is_over=is_over)
        is_only_here = not is_on_disk and self.spool.ring.path is None
        return Left(pending if is_only_here else lost, is_on_disk=is_on_disk)

    def after_fork(self) -> None:
        """Become the empty outbox of a child process: what the parent logged is the parent's to send."""
        spool = self._spool
        self._begin()  # first: whatever happens, this process never writes into its parent's ring
        if spool is not None:
            spool.abandon()


class _NoRing:
    """The ring before there is one, and after: empty, without room."""

    def __init__(self, mark: tuple[int, int] = (0, 0)) -> None:
        self.mark = mark
        self.largest = RING_BYTES // 2
        self.kept = (mark[0], mark[1] + 1)

    def append(self, record: bytes, seq: int) -> bool:
        """Take nothing."""
        return False

    def copy(self, start: int, end: int) -> list[tuple[int, bytes]]:
        """Have nothing."""
        return []

    def holds(self, start: int) -> bool:
        """Hold nothing, and so all of it."""
        return True


def _close_gap(kept: deque[tuple[int, bytes]], gap: dict[str, Any] | None) -> None:
    if gap is not None:
        kept.append((gap["to"], frame(gap_body(gap["from"], gap))))
