"""Which streams, metric sets and names a source has. Kept in memory until the source's ``version`` moves on."""

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from stepwire.storage.series.chunks import COLUMN_BITS

MAX_SOURCES = 256
_MOST_SEARCHES = 32
_COLUMN_MASK = (1 << COLUMN_BITS) - 1
_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One writer of a source. Points past ``limit_step`` are superseded by a later attempt."""

    number: int
    writer_id: str
    attempt: int
    rank: int
    limit_step: float | None


@dataclass(slots=True)
class SetEntry:
    """One metric set: its number, its stream, the stream's own id for it, its logged names as the database has them."""

    number: int
    stream: int
    id: int
    text: str
    _names: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The logged names, by column."""
        if self._names is None:
            self._names = read_names(self.text)
        return self._names

    def has(self, quoted: Iterable[str]) -> bool:
        """Whether a name, written as it may stand in ``text``, is one of them; found without reading the others."""
        return any(one in self.text for one in quoted)


@dataclass(frozen=True, slots=True)
class Lane:
    """One column of one metric set; rows before ``cut`` were deleted."""

    stream: StreamEntry
    set: SetEntry
    column: int
    cut: int

    @property
    def order(self) -> tuple[int, int]:
        """Streams of a source follow each other so."""
        return self.stream.attempt, self.stream.number


@dataclass(slots=True)
class Directory:
    """What is known of one source at one ``version``."""

    number: int
    version: int
    last_set: int = 0
    streams: dict[int, StreamEntry] = field(default_factory=dict)
    sets: dict[int, SetEntry] = field(default_factory=dict)
    cuts: dict[tuple[int, int], int] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    # Set and column in one whole number: a hundred thousand pairs would keep the garbage collector busy.
    _places: dict[str, int] = field(default_factory=dict)
    _more: dict[str, list[int]] = field(default_factory=dict)
    _names: list[str] | None = None
    _unread: list[SetEntry] = field(default_factory=list)
    _searches: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def names(self) -> list[str]:
        """Every metric name as shown, sorted."""
        with self._lock:
            if self._names is None:
                self._read_all()
                logged: Iterable[str] = self._places
                if self.shown:
                    logged = {self.shown.get(name, name) for name in logged}
                self._names = sorted(logged)
            return self._names

    def has(self, name: str) -> bool:
        """Whether a metric is shown under this name."""
        return any(True for _ in self._logged(name))

    def is_logged(self, name: str) -> bool:
        """Whether a script logged this name."""
        self._look(name)
        return name in self._places

    def lanes(self, name: str) -> list[Lane]:
        """Where the points of a metric lie, in the order of attempts and streams."""
        found = []
        for logged in self._logged(name):
            for place in (self._places[logged], *self._more.get(logged, ())):
                number, column = place >> COLUMN_BITS, place & _COLUMN_MASK
                entry = self.sets[number]
                found.append(Lane(self.streams[entry.stream], entry, column, self.cuts.get((number, column), 0)))
        found.sort(key=lambda lane: (lane.order, lane.set.number))
        return found

    def _look(self, name: str) -> None:
        """Take in the sets that have a name, or all once many names were looked for: a chart of one metric out of a
        hundred thousand needs not know them all."""
        if not self._unread:
            return
        with self._lock:  # several threads read one directory
            self._searches += 1
            if self._searches > _MOST_SEARCHES:
                self._read_all()
            quoted = {json.dumps(name), json.dumps(name, ensure_ascii=False)}
            for entry in [entry for entry in self._unread if entry.has(quoted)]:
                self._take(entry)
                self._unread.remove(entry)

    def _read_all(self) -> None:
        for entry in self._unread:
            self._take(entry)
        self._unread.clear()

    def _logged(self, name: str) -> Iterable[str]:
        for one in (name, *(old for old, new in self.shown.items() if new == name)):
            self._look(one)
        if name in self._places and name not in self.shown:
            yield name
        if self.shown:
            yield from (old for old, new in self.shown.items() if new == name and old in self._places)

    def shown_names(self, entry: SetEntry) -> tuple[str, ...]:
        """The names of a metric set as shown."""
        return tuple(self.shown.get(name, name) for name in entry.names) if self.shown else entry.names

    def add(self, entry: SetEntry) -> None:
        """Take in one more metric set."""
        self.sets[entry.number] = entry
        self.last_set = max(self.last_set, entry.number)
        self._names = None
        self._unread.append(entry)

    def _take(self, entry: SetEntry) -> None:
        first = entry.number << COLUMN_BITS
        fresh = dict(zip(entry.names, range(first, first + len(entry.names)), strict=True))
        if not self._places.keys().isdisjoint(fresh):
            for name in self._places.keys() & fresh.keys():
                self._more.setdefault(name, []).append(fresh.pop(name))
        self._places.update(fresh)


class Directories:
    """The directories of the sources read last. Any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Directory] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, db: sqlite3.Connection, source: str) -> Directory | None:
        """The directory of a source as this snapshot has it; ``None``: there is no such source."""
        row = db.execute("SELECT number, version FROM source WHERE id = ?", (source,)).fetchone()
        return None if row is None else self.load(db, *row)

    def find_in_job(self, db: sqlite3.Connection, source: str) -> Directory | None:
        """The directory as the writer's open transaction has it. Not kept: the job may still be rolled back."""
        row = db.execute("SELECT number, version FROM source WHERE id = ?", (source,)).fetchone()
        return None if row is None else _read(db, row[0], row[1], None)

    def load(self, db: sqlite3.Connection, number: int, version: int) -> Directory:
        """The directory of a source by number."""
        with self._lock:
            known = self._kept.get(number)
            if known is not None and known.version == version:
                self._kept.move_to_end(number)
                return known
        made = _read(db, number, version, known if known is not None and known.version < version else None)
        with self._lock:
            current = self._kept.get(number)
            if current is None or current.version < version:  # a reader with an older snapshot keeps its own
                self._kept[number] = made
                self._kept.move_to_end(number)
                while len(self._kept) > MAX_SOURCES:
                    self._kept.popitem(last=False)
        return made

    def clear(self) -> None:
        """Forget everything: what was read may not be in the database."""
        with self._lock:
            self._kept.clear()


def _read(db: sqlite3.Connection, number: int, version: int, before: Directory | None) -> Directory:
    made = Directory(number, version)
    if before is not None:  # sets never change: only new ones are read
        with before._lock:
            made.sets, made.last_set = dict(before.sets), before.last_set
            made._places = dict(before._places)
            made._more = {name: list(places) for name, places in before._more.items()}
            made._unread = list(before._unread)
    streams = "SELECT number, writer_id, attempt, rank, limit_step FROM stream WHERE source = ?"
    made.streams = {row[0]: StreamEntry(*row) for row in db.execute(streams, (number,))}
    sets = "SELECT number, stream, id, names FROM metric_set WHERE source = ? AND number > ? ORDER BY number"
    for set_number, stream, set_id, names in db.execute(sets, (number, made.last_set)):
        made.add(SetEntry(set_number, stream, set_id, names))
    made.shown = dict(db.execute("SELECT name, shown FROM renamed WHERE source = ?", (number,)))
    cuts = (
        'SELECT metric_cut.metric_set, metric_cut."column", metric_cut.rows FROM metric_cut '
        "JOIN metric_set ON metric_set.number = metric_cut.metric_set WHERE metric_set.source = ?"
    )
    made.cuts = {(set_number, column): rows for set_number, column, rows in db.execute(cuts, (number,))}
    return made


def read_names(text: str) -> tuple[str, ...]:
    """The names of a metric set as the database keeps them."""
    return _decode_names(text)


def write_names(names: tuple[str, ...]) -> str:
    """The names of a metric set for the database."""
    return json.dumps(names)
