"""The outbox of a spool that another process wrote: what it left, or what it still writes, on its way to a server."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stepwire.client.batch import Record, Row
from stepwire.client.kept import KeptRecords
from stepwire.client.outbox import Left
from stepwire.formats.blocks import Block, Part
from stepwire.formats.ring import read_ring
from stepwire.formats.spool import NAMES, RECORD, Item, read_record, record_body
from stepwire.formats.spoolfolder import (
    DONE_FILE,
    SegmentReader,
    all_names,
    last_status,
    list_segments,
    note_acked,
    read_acked,
    write_whole,
)

_LOOK_BYTES = 1024 * 1024
_LOOK_RECORDS = 100_000


class StoredOutbox(KeptRecords):
    """Hands out the records in a spool's folder; ``refresh`` finds those that came since. See ``Outbox``.

    Args:
        folder: The stream's folder.
        writer_id: Id of the stream.
        ring: The ring that its process left behind, if it is on this machine and that process is gone.

    Attributes:
        writer_id: Id of the stream.
        dropped: Records that the server refused.
        ending: The ``status`` record that the run's process wrote as its last, if any.
    """

    def __init__(self, folder: Path, writer_id: str, ring: Path | None = None) -> None:
        super().__init__()
        self.writer_id = writer_id
        self._folder = folder
        self._reader = SegmentReader(folder)
        self._scan = SegmentReader(folder)
        self._last = 0
        self._rest: list[Item] = []
        self.ending: dict[str, Any] | None = None
        self._wake: Callable[[], None] = lambda: None
        self._acked = self._noted = read_acked(folder)
        self._read_seq = self._next = self._acked + 1
        self._last = self._acked
        try:
            self.refresh()
            if ring is not None:
                self._add_ring(ring)
        except BaseException:
            self._scan.close()
            raise

    @property
    def last(self) -> int:
        """Number of the newest record."""
        return self._last

    @property
    def dropped(self) -> int:
        """Records that the server refused."""
        return self._dropped

    @property
    def unsent(self) -> int:
        """1 when something waits for ``take``, else 0: how many bytes is not known."""
        return int(self._next <= self._last)

    def refresh(self) -> bool:
        """Look for records that came since; whether there are any. Raises OSError."""
        began = self._last
        while True:
            before = self._last
            for item in self._scan.read(before + 1, _LOOK_BYTES, _LOOK_RECORDS):
                self._note(item)
            if self._last == before:
                return before > began

    def _note(self, item: Part) -> None:
        self._note_names(item)
        if isinstance(item, Item) and item.kind == RECORD:
            self._note_record(item)
        self._last = max(self._last, item.seq + item.span - 1)

    def _note_record(self, item: Item) -> None:
        record = read_record(item.body)
        if record.get("type") == "config" and self._config is None:
            self._config = item
        if record.get("type") == "status":
            self.ending = None if record.get("status") == "running" else record

    def _add_ring(self, path: Path) -> None:
        """The records that had not reached the disk."""
        try:
            items = read_ring(path)
        except FileNotFoundError:  # the machine was started anew, or all of it is on the disk
            return
        for item in items:
            if item.seq + item.span - 1 > self._last or item.kind == NAMES:
                self._rest.append(item)
                self._note(item)

    def has_ended(self) -> bool:
        """Whether the run's process told how it ended. Reads all of the spool. Raises OSError."""
        return self.ending is not None or last_status(self._folder, self._rest) is not None

    def put(self, item: Row | Record) -> None:
        """Add a record at the end; a heartbeat is none, for the process is not this one."""
        if isinstance(item, dict) and item["type"] != "heartbeat":
            added = Item(self._last + 1, RECORD, record_body(self._last + 1, item))
            self._rest.append(added)
            self._note(added)

    def arm(self, size: int, wake: Callable[[], None]) -> bool:
        """Have ``wake`` called by ``ring`` when something waits; return True when it already does."""
        self._wake = wake
        return self.unsent > 0

    def announce(self) -> None:
        """Wake the sender."""
        self._wake()

    def wake_on_put(self) -> None:
        """Do nothing: who refreshes wakes."""

    def _read(self, limit: int, most: int) -> Sequence[Part]:
        # What came after the last look is left for the next one, so that nothing is sent that `last` does not count.
        read = self._reader.read(self._read_seq, limit, most)
        found = [_until(self._last, item) for item in read if item.seq <= self._last]
        if any(item.kind != NAMES for item in found):
            return found
        later = [item for item in self._rest if item.seq + item.span > self._read_seq]
        return later[:most]

    def _note_acked(self, seq: int) -> None:
        self._acked = seq

    def _oldest_seq(self) -> int:
        segments = list_segments(self._folder)
        return segments[0].first_seq if segments else self._last + 1

    def _stored_names(self) -> dict[int, tuple[str, ...]]:
        return dict(all_names(self._folder))

    def note(self) -> None:
        """Write down what the server has by now, for whoever comes next. Raises OSError."""
        if self._acked != self._noted and self._folder.is_dir():
            note_acked(self._folder, self._acked)
            self._noted = self._acked

    def relabel(self, **changes: Any) -> None:
        """Do nothing: the run is its own process's."""

    def sync(self) -> bool:
        """Agree: it was on the disk before."""
        return True

    def close(self, *, is_over: bool) -> Left:
        """Let go of the files; ``is_over`` marks the spool as delivered, so that nobody looks again. Raises OSError."""
        try:
            self.note()
            if is_over and self._folder.is_dir():
                write_whole(self._folder / DONE_FILE, b"")
        finally:
            self._reader.close()
            self._scan.close()
        return Left()

    def after_fork(self) -> None:
        """Let go of the files: the parent delivers."""
        self._reader.close()
        self._scan.close()


def _until(last: int, item: Part) -> Part:
    """The item without what comes after record ``last``."""
    return item.first(min(item.span, last + 1 - item.seq)) if isinstance(item, Block) else item
