"""What the sender's side of a spool has in common, whoever wrote it: this process, or one that is gone."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stepwire.client.gaps import gap_item, gap_record, time_of, without_holes
from stepwire.client.outbox import FRAME_RECORDS
from stepwire.formats.batches import build_batch
from stepwire.formats.blocks import Block, Part
from stepwire.formats.spool import GAP, NAMES, Item, read_names, read_record

if TYPE_CHECKING:
    from stepwire.protocol import Batch

_NAMES_BYTES = 32 * 1024 * 1024


class KeptRecords:
    """Hands out numbered records as batches and holds those under way until they are acknowledged.

    A subclass says where records come from.
    """

    def __init__(self) -> None:
        self._names: dict[int, tuple[str, ...]] = {}
        self._names_bytes = 0
        self._announced: set[int] = set()
        self._sent: deque[Part] = deque()
        self._acked = 0
        self._next = 1  # of the records in _sent, when they are sent again
        self._read_seq = 1
        self._config: Item | None = None
        self._lost: Item | None = None
        self._dropped = 0

    # --- what a subclass knows --------------------------------------------------------------------------

    @property
    def last(self) -> int:
        """Number of the newest record."""
        raise NotImplementedError

    def _read(self, limit: int, most: int) -> Iterable[Part]:
        """Records from number ``_read_seq`` on, about ``limit`` bytes, at most ``most``."""
        raise NotImplementedError

    def _note_acked(self, seq: int) -> None:
        """Note that the server has all records up to ``seq``."""
        raise NotImplementedError

    def _oldest_seq(self) -> int:
        """The first record that can still be read."""
        raise NotImplementedError

    def _stored_names(self) -> dict[int, tuple[str, ...]]:
        """Every metric set of the stream."""
        raise NotImplementedError

    # --- what the sender asks ---------------------------------------------------------------------------

    @property
    def acked(self) -> int:
        """Number of the last record that the server has stored."""
        return self._acked

    @property
    def pending(self) -> int:
        """Records that are not yet acknowledged."""
        return self.last - self._acked

    @property
    def read_seq(self) -> int:
        """The next record that was never taken."""
        return self._read_seq

    def take(self, limit: int, most: int = FRAME_RECORDS) -> "Batch | None":
        """Return the next records as a batch, first those to be sent again; None when nothing waits."""
        if self._lost is not None:
            lost, self._lost = self._lost, None
            return self._fill_hole(lost)
        items = self._again(limit, most) if self._next < self._read_seq else self._fresh(limit, most)
        if not items:
            return None
        self._next = items[-1].seq + items[-1].span
        return build_batch(items, _Names(self), self._is_new)

    def _again(self, limit: int, most: int) -> list[Part]:
        items: list[Part] = []
        for part in self._sent:
            if part.seq + part.span <= self._next:
                continue
            item = part.after(self._next - 1) if isinstance(part, Block) and part.seq < self._next else part
            if isinstance(item, Block):
                item = item.first(max(1, min(item.span, most, limit // item.stride)))
            items.append(item)
            limit -= len(item.body)
            most -= item.span
            if limit <= 0 or most <= 0 or item.seq + item.span < part.seq + part.span:
                break
        return items

    def _fresh(self, limit: int, most: int) -> list[Part]:
        items = without_holes([item for item in self._read(limit, most) if item.kind != NAMES], self._read_seq)
        if items:
            self._read_seq = items[-1].seq + items[-1].span
            self._sent.extend(items)
        return items

    def _note_names(self, item: Part) -> None:
        if item.kind == NAMES:
            ordinal, names = read_names(item.body)
            self._keep_names(ordinal, names)

    def _keep_names(self, ordinal: int, names: tuple[str, ...]) -> None:
        self._names_bytes += 64 + sum(map(len, names))
        if self._names_bytes > _NAMES_BYTES:  # a loop that invents names; those still needed are in the spool
            self._names, self._names_bytes = {}, 0
        self._names[ordinal] = names

    def names_of(self, ordinal: int) -> tuple[str, ...]:
        """The names of a metric set. Raises KeyError when the spool has lost them."""
        if ordinal not in self._names:
            self._keep_names(ordinal, self._stored_names()[ordinal])
        return self._names[ordinal]

    def _is_new(self, ordinal: int) -> bool:
        if ordinal in self._announced:
            return False
        self._announced.add(ordinal)
        return True

    def _fill_hole(self, lost: Item) -> "Batch":
        """What stands for records that the server had once and has no more, and that are kept nowhere."""
        from stepwire.protocol import Batch

        records: list[dict[str, Any]] = []
        first, last = lost.seq, lost.seq + lost.span - 1
        if self._config is not None and first < last:
            records.append({"at": 0, **read_record(self._config.body)})
            first += 1
        gap = gap_record(first, last, "the server lost them", time_of(lost))
        records.append({"at": first - lost.seq, **gap})
        return Batch(first_seq=lost.seq, n=lost.span, records=tuple(records), crc=0)

    def acknowledge(self, seq: int) -> None:
        """Forget the records up to ``seq``; a number that was never sent is cut to the last one that was."""
        while self._sent and self._sent[0].seq <= seq:
            item = self._sent[0]
            last = item.seq + item.span - 1
            if last <= seq:
                self._sent.popleft()
            elif isinstance(item, Block):
                self._sent[0], last = item.after(seq), seq
            else:  # a gap that is stored in part: it is sent again
                break
            self._acked = last
        self._next = max(self._next, self._acked + 1)
        self._note_acked(self._acked)

    def resume_at(self, acked: int) -> bool:
        """Go on after ``acked``, the last record that the server has; always True: what is kept nowhere is a gap."""
        self.acknowledge(acked)
        if acked > self._acked:
            self._skip_to(min(acked, self.last))
        elif acked < self._acked:
            self._go_back(acked)
        self.rewind_to(acked + 1)
        return True

    def _skip_to(self, acked: int) -> None:
        """The server has records that were not sent on this connection, as after a restart of the sender."""
        self._sent.clear()
        self._acked = acked
        self._note_acked(acked)
        self._read_seq = self._next = max(self._read_seq, acked + 1)

    def _go_back(self, acked: int) -> None:
        """The server was restored from a backup: send again what the segments still hold."""
        oldest = self._oldest_seq()
        first = max(acked + 1, min(oldest, self._acked + 1))
        self._lost = None
        if first > acked + 1:
            self._lost = gap_item(acked + 1, first - 1, "the server lost them")
            self._dropped += self._lost.span
        self._sent.clear()
        self._acked = first - 1
        self._note_acked(first - 1)
        self._read_seq = self._next = first

    def rewind_to(self, seq: int) -> None:
        """Have ``take`` go on from ``seq`` and announce all names anew."""
        self._next = min(max(seq, self._acked + 1), self._read_seq)
        self._announced.clear()

    def refuse(self, seq: int, reason: str) -> None:
        """Replace a record that the server will never take by a ``gap`` record of the same number."""
        place = next((place for place, item in enumerate(self._sent) if item.seq <= seq < item.seq + item.span), None)
        if place is None or self._sent[place].kind == GAP:
            return
        item = self._sent[place]
        pieces: list[Part] = [gap_item(seq, seq, reason, time_of(item))]
        if isinstance(item, Block):
            before, after = item.first(seq - item.seq), item.after(seq)
            pieces = [*([before] if before.span else []), *pieces, *([after] if after.span else [])]
        del self._sent[place]
        for piece in reversed(pieces):
            self._sent.insert(place, piece)
        self._dropped += 1


class _Names(dict[int, tuple[str, ...]]):
    """The names behind ordinals, looked up when asked for."""

    def __init__(self, outbox: KeptRecords) -> None:
        super().__init__()
        self._outbox = outbox

    def __missing__(self, ordinal: int) -> tuple[str, ...]:
        return self._outbox.names_of(ordinal)
