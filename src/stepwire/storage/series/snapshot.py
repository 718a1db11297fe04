"""One moment of the database as the reading side of the series sees it: blocks and tail that fit together.

Imported lazily: the server listens before NumPy is loaded.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from stepwire.storage.database import Database, driver
from stepwire.storage.series import chunks, summary
from stepwire.storage.series.buckets import Line
from stepwire.storage.series.chunks import Sealed
from stepwire.storage.series.directory import Directories, Directory, Lane
from stepwire.storage.series.dropped import dropped_share
from stepwire.storage.series.encoding import Array
from stepwire.storage.series.interface import Axis, Summary
from stepwire.storage.series.lanes import SetReader
from stepwire.storage.series.parts import nothing
from stepwire.storage.series.tail import BehindError, Rows, Tails
from stepwire.storage.series.window import Window, read_metric, shifted

T = TypeVar("T")
_ROWS_AT_ONCE = 65_536
_SHARES_KEPT = 20_000


class Kept:
    """What is kept in memory between snapshots; any of it may be dropped at any time."""

    def __init__(self, directories: Directories) -> None:
        self.directories = directories
        self.tails = Tails()
        self._shares: OrderedDict[tuple[int, int], tuple[tuple[int, int, float | None], Array]] = OrderedDict()

    def read(self, database: Database, job: "Callable[[Snapshot], T]") -> T:
        """Run ``job`` on a snapshot, again with a newer one when memory is ahead of it."""
        while True:
            try:
                with database.read() as connection:
                    return job(Snapshot(driver(connection), self))
            except BehindError:
                if database.is_at_once:
                    raise  # only a newer moment helps, for all of its reads

    def share(self, lane: Lane, reader: SetReader) -> Array:
        """The summary of one column over its visible rows."""
        key, state = (lane.set.number, lane.column), (reader.total, lane.cut, lane.stream.limit_step)
        known = self._shares.get(key)
        if known is not None and known[0] == state:
            return known[1]
        share = cut_share(lane, reader)
        self._shares[key] = (state, share)
        while len(self._shares) > _SHARES_KEPT:
            self._shares.popitem(last=False)
        return share

    def clear(self) -> None:
        """Drop everything: what was read may not be in the database."""
        self.directories.clear()
        self.tails.clear()
        self._shares.clear()


class Snapshot:
    """Reads inside one transaction. Any number of sources; what several metrics share is read once."""

    def __init__(self, db: sqlite3.Connection, kept: "Kept") -> None:
        self.db = db
        self._kept = kept
        self._directories = kept.directories
        self._tails = kept.tails
        self._found: dict[str, Directory | None] = {}
        self._readers: dict[int, SetReader] = {}
        self._summaries: dict[int, Array] = {}

    def directory(self, source: str) -> Directory | None:
        """What is known of a source; ``None``: there is no such source."""
        if source not in self._found:
            self._found[source] = self._directories.find(self.db, source)
        return self._found[source]

    def lanes(self, directory: Directory, name: str) -> list[tuple[Lane, SetReader]]:
        """Where a metric lies, with the readers of its sets."""
        lanes = directory.lanes(name)
        self.prepare(directory, {lane.set.number for lane in lanes})
        return [(lane, self._readers[lane.set.number]) for lane in lanes]

    def prepare(self, directory: Directory, sets: Iterable[int]) -> None:
        """Make the readers of some metric sets of a source."""
        wanted = [number for number in sets if number not in self._readers]
        by_stream: dict[int, dict[int, int]] = {}
        for number in wanted:
            entry = directory.sets[number]
            by_stream.setdefault(entry.stream, {})[number] = len(entry.names)
        states = chunks.read_sealed(self.db, wanted)
        for stream, widths in by_stream.items():
            query = "SELECT sealed_through, high FROM stream WHERE number = ?"
            through, high = self.db.execute(query, (stream,)).fetchone()
            tail = self._tails.read(self.db, directory.number, stream, through, high, widths)
            for number, width in widths.items():
                state = states.get(number, Sealed())
                self._readers[number] = SetReader(self.db, number, width, state, tail.get(number))

    def reader(self, number: int) -> SetReader:
        """The reader of a set that was prepared."""
        return self._readers[number]

    def line(self, source: str, name: str, axis: Axis, window: Window, origin: int | None) -> Line:
        """One series of a chart; ``origin`` (µs) is where ``relative`` counts from."""
        directory = self.directory(source)
        if directory is None:
            return Line(source, name, nothing())
        if axis == "relative":
            origin = self.first_time(directory.number) if origin is None else origin
            window = shifted(window, origin)
        parts = read_metric(self.lanes(directory, name), window)
        if axis == "relative":
            parts.x = (parts.x - origin) / 1e6
        return Line(source, name, parts)

    def first_time(self, number: int) -> int:
        """Time of a source's earliest point (µs); 0 while it has none."""
        row = self.db.execute("SELECT first_time FROM source WHERE number = ?", (number,)).fetchone()
        return row[0] or 0

    # --- summaries -------------------------------------------------------------------------------------

    def summaries(self, directory: Directory, names: Sequence[str]) -> list[Summary]:
        """The summaries of some metrics of a source; those without a visible point are left out."""
        found = []
        for name in names:
            shares = [
                summary.Share(lane.order, self._share(lane, reader)) for lane, reader in self.lanes(directory, name)
            ]
            one = summary.combine(name, shares)
            if one is not None:
                found.append(one)
        return found

    def _share(self, lane: Lane, reader: SetReader) -> Array:
        if lane.cut or lane.stream.limit_step is not None:
            return self._kept.share(lane, reader)
        if reader.number not in self._summaries:
            self._summaries[reader.number] = _whole(reader)
        share: Array = self._summaries[reader.number][lane.column]
        return share


def _whole(reader: SetReader) -> Array:
    """The summaries of all columns of a set, sealed rows and tail."""
    figures = summary.from_bytes(reader.state.summary, reader.width)
    if reader.tail is None:
        return figures
    return summary.extend(figures, summary.summarise(reader.tail, np.ascontiguousarray(reader.tail.values.T)))


def cut_share(lane: Lane, reader: SetReader) -> Array:
    """The summary of one column over its visible rows, where some were deleted or superseded. Reads every point."""
    figures = np.zeros(1, summary.FIELDS) if lane.cut >= reader.state.raw_from else dropped_share(lane, reader)
    for start in range(max(lane.cut, reader.state.raw_from), reader.state.rows, _ROWS_AT_ONCE):
        for stretch in reader.cover(start, min(start + _ROWS_AT_ONCE, reader.state.rows), 0):
            figures = _add(figures, reader.column_rows(stretch, lane.column), lane.stream.limit_step)
    if reader.tail is not None and lane.cut < reader.total:
        tail = reader.tail.part(max(lane.cut - reader.state.rows, 0), len(reader.tail))
        one = Rows(tail.seqs, tail.steps, tail.times, tail.values[:, lane.column])
        figures = _add(figures, one, lane.stream.limit_step)
    share: Array = figures[0]
    return share


def _add(figures: Array, rows: Rows, limit: float | None) -> Array:
    if limit is not None:
        rows = rows.pick(rows.steps <= limit)
    if not len(rows):
        return figures
    return summary.extend(figures, summary.summarise(rows, np.ascontiguousarray(rows.values)[None, :]))
