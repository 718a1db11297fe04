"""Stored points unchanged: page by page for the API, chunk by chunk for exports.

Imported lazily: the server listens before NumPy is loaded.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from stepwire.storage.row import write_cursor
from stepwire.storage.series.directory import Directory, Lane, SetEntry
from stepwire.storage.series.encoding import Array
from stepwire.storage.series.interface import RawBlock, RawPage
from stepwire.storage.series.lanes import SetReader, Stretch, join_rows
from stepwire.storage.series.levels import chunk_rows
from stepwire.storage.series.snapshot import Snapshot
from stepwire.storage.series.tail import Rows

Job = Callable[[Callable[[Snapshot], Any]], Any]


class RawPager:
    """One page of at most ``limit`` log rows that carry one of ``names``: stream by stream, in the order of logging.

    A cursor is a place: (stream, record number, rows of that record already given).
    """

    def __init__(self, snapshot: Snapshot, source: str, names: Sequence[str], limit: int) -> None:
        self._snapshot = snapshot
        self._directory = snapshot.directory(source)
        self._names = names
        self._left = limit
        self._stream = 0
        self._parts: dict[str, list[tuple[Array, ...]]] = {name: [] for name in names}

    def page(self, after: tuple[int, int, int]) -> RawPage:
        """The rows after a place."""
        cursor = None
        if self._directory is not None:
            for stream, lanes in _by_stream(self._directory, self._names):
                if stream < after[0]:
                    continue
                _, seq, given = after if stream == after[0] else (0, 0, 0)
                cursor = self._read(stream, lanes, seq, given)
                if cursor is not None:
                    break
        keys = {name: _columns(parts) for name, parts in self._parts.items()}
        return RawPage(keys, None if cursor is None else write_cursor(*cursor))

    def _read(self, stream: int, lanes: dict[str, list[Lane]], seq: int, given: int) -> tuple[int, int, int] | None:
        """Take rows of one stream; where the page ended when more follow."""
        assert self._directory is not None
        self._stream = stream
        sets = sorted({lane.set.number for found in lanes.values() for lane in found})
        self._snapshot.prepare(self._directory, sets)
        # One row more than fits tells whether there is more.
        spans = {number: _span(self._snapshot.reader(number), seq, self._left + given + 1) for number in sets}
        seqs = np.concatenate([rows.seqs for _, rows in spans.values()])
        owner = np.repeat(np.arange(len(sets)), [len(rows) for _, rows in spans.values()])
        inner = np.concatenate([np.arange(len(rows)) for _, rows in spans.values()])
        order = np.lexsort((inner, owner, seqs))[given:]
        taken = order[: self._left]
        for place, number in enumerate(sets):
            first, rows = spans[number]
            chosen = np.sort(inner[taken[owner[taken] == place]])
            self._take(lanes, number, first, rows, chosen)
        self._left -= len(taken)
        if len(order) <= len(taken):
            return None
        if not len(taken):
            return stream, seq, given
        last = int(seqs[taken[-1]])
        of_last = int(np.count_nonzero(seqs[taken] == last)) + (given if last == seq else 0)
        return stream, last, of_last

    def _take(self, lanes: dict[str, list[Lane]], number: int, first: int, rows: Rows, chosen: Array) -> None:
        if not len(chosen):
            return
        reader = self._snapshot.reader(number)
        stop = int(chosen[-1]) + 1
        for name, found in lanes.items():
            for lane in found:
                if lane.set.number == number:
                    picked = chosen[(first + chosen) >= lane.cut]
                    if len(picked):
                        start = int(picked[0])  # blocks of deleted points before it may be gone
                        values = column_values(reader, lane.column, first + start, first + stop)[picked - start]
                        streams = np.full(len(picked), self._stream)
                        columns = (rows.steps[picked], rows.times[picked], values)
                        self._parts[name].append((streams, rows.seqs[picked], *columns))


def _by_stream(directory: Directory, names: Sequence[str]) -> list[tuple[int, dict[str, list[Lane]]]]:
    found: dict[int, dict[str, list[Lane]]] = {}
    for name in names:
        for lane in directory.lanes(name):
            found.setdefault(lane.stream.number, {}).setdefault(name, []).append(lane)
    return sorted(found.items())


def _span(reader: SetReader, seq: int, limit: int) -> tuple[int, Rows]:
    """The number of the first row of record ``seq`` or a later one, and up to ``limit`` rows from there on."""
    start = max(reader.first_row(seq), reader.state.raw_from)
    return start, rows_between(reader, start, min(start + limit, reader.total))


def rows_between(reader: SetReader, start: int, stop: int) -> Rows:
    """Rows ``start`` up to ``stop`` of a set, without values, sealed or not."""
    parts = []
    if start < reader.state.rows:
        axes = reader.axes(Stretch(0, start, min(stop, reader.state.rows)))
        parts.append(Rows(axes.seqs, axes.steps, axes.times, axes.seqs))
    if stop > reader.state.rows and reader.tail is not None:
        tail = reader.tail.part(max(start - reader.state.rows, 0), stop - reader.state.rows)
        parts.append(Rows(tail.seqs, tail.steps, tail.times, tail.seqs))
    if not parts:
        none = np.empty(0, np.int64)
        return Rows(none, none, none, none)
    return join_rows(parts)


def column_values(reader: SetReader, column: int, start: int, stop: int) -> Array:
    """The values of one metric in rows ``start`` up to ``stop``."""
    parts = []
    if start < reader.state.rows:
        parts.append(reader.values(Stretch(0, start, min(stop, reader.state.rows)), column))
    if stop > reader.state.rows and reader.tail is not None:
        parts.append(reader.tail.values[max(start - reader.state.rows, 0) : stop - reader.state.rows, column])
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _columns(parts: Sequence[tuple[Array, ...]]) -> tuple[list[float], list[int], list[float]]:
    if not parts:
        return [], [], []
    streams, seqs, steps, times, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    sort = np.lexsort((seqs, streams)) if len(parts) > 1 else slice(None)  # a metric may stand in several sets
    return steps[sort].tolist(), times[sort].tolist(), values[sort].tolist()


# --- scans -----------------------------------------------------------------------------------------------


def scan_source(read: Job, source: str, names: Sequence[str] | None) -> Iterator[RawBlock]:
    """Every row of a source, set by set, one chunk at a time, each on a snapshot of its own."""
    directory: Directory | None = read(lambda snapshot: snapshot.directory(source))
    if directory is None:
        return
    wanted = None if names is None else set(names)
    for entry in sorted(directory.sets.values(), key=lambda one: (directory.streams[one.stream].attempt, one.number)):
        shown = directory.shown_names(entry)
        columns = [at for at, name in enumerate(shown) if wanted is None or name in wanted]
        if columns:
            yield from _scan_set(read, source, entry.number, columns)


def _scan_set(read: Job, source: str, number: int, columns: Sequence[int]) -> Iterator[RawBlock]:
    row = 0
    while True:
        at = row
        found: tuple[RawBlock | None, int] = read(lambda snapshot: _block(snapshot, source, number, columns, at))  # noqa: B023
        block, row = found
        if block is None:
            return
        yield block


def _block(
    snapshot: Snapshot, source: str, number: int, columns: Sequence[int], row: int
) -> tuple[RawBlock | None, int]:
    directory = snapshot.directory(source)
    if directory is None or number not in directory.sets:
        return None, row  # deleted meanwhile
    entry = directory.sets[number]
    snapshot.prepare(directory, [number])
    reader = snapshot.reader(number)
    row = max(row, reader.state.raw_from)
    if row >= reader.total:
        return None, row
    size = chunk_rows(reader.width)
    # Not across the place where a metric's deleted points end: above and below it other metrics are there.
    edges = [cut for (of, _), cut in directory.cuts.items() if of == number and cut > row]
    stop = min([(row // size + 1) * size, reader.total, *edges])
    return _raw_block(directory, entry, reader, columns, row, stop), stop


def _raw_block(
    directory: Directory, entry: SetEntry, reader: SetReader, columns: Sequence[int], row: int, stop: int
) -> RawBlock:
    stream = directory.streams[entry.stream]
    shown = directory.shown_names(entry)
    rows = rows_between(reader, row, stop)
    values = np.empty((stop - row, len(columns)))
    missing = []
    for place, column in enumerate(columns):
        cut = directory.cuts.get((entry.number, column), 0)
        missing.append(cut > row)
        if cut < stop:
            values[:, place] = column_values(reader, column, row, stop)
    limit = stream.limit_step
    return RawBlock(
        writer_id=stream.writer_id,
        attempt=stream.attempt,
        rank=stream.rank,
        set_id=entry.id,
        row=row,
        names=tuple(shown[column] for column in columns),
        seqs=rows.seqs,
        steps=rows.steps,
        times=rows.times,
        values=values,
        superseded=np.zeros(stop - row, bool) if limit is None else rows.steps > limit,
        missing=tuple(missing),
    )
