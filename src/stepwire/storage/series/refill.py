"""Points that come back out of an archive: chunks of level 0 as they were, proven by the cells that stood for them.

They count from the commit that moves ``sealed.raw_from`` back; until then nobody reads them.

Imported lazily: the server listens before NumPy is loaded.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from sqlalchemy import Connection

from stepwire.errors import DamagedError
from stepwire.storage.database import Database, driver
from stepwire.storage.series import chunks
from stepwire.storage.series.chunks import Chunk, NewChunk
from stepwire.storage.series.directory import Directories, Directory, SetEntry, read_names
from stepwire.storage.series.encoding import Array, as_whole, encode_columns, encode_values
from stepwire.storage.series.interface import Extent, RawBlock
from stepwire.storage.series.keeper import Keeper
from stepwire.storage.series.lanes import join_rows
from stepwire.storage.series.levels import chunk_rows
from stepwire.storage.series.proof import check_axis, check_columns
from stepwire.storage.series.tail import Rows

COLUMNS_AT_ONCE = 128
Cuts = Mapping[tuple[int, int], int]


class Refill:
    """Writes points back. Any thread but the writer's."""

    def __init__(self, database: Database, keeper: Keeper, directories: Directories) -> None:
        self._database = database
        self._keeper = keeper
        self._directories = directories

    def fill(self, source: str, extent: Extent, blocks: Iterable[RawBlock], proceed: Callable[[], None]) -> None:
        """Write the chunks that ``extent`` has and the database has not; ``proceed`` is called before each.

        Raises:
            DamagedError: The blocks are not the points that the cells stand for.
        """
        directory = self._directory(source)
        stops = {number: stop for number, _, stop in extent.sets}
        cuts = {(number, column): rows for number, column, rows in extent.cuts}
        places = {(directory.streams[entry.stream].writer_id, entry.id): entry for entry in directory.sets.values()}
        for entry, k, found in _chunks_of(blocks, places, stops):
            proceed()
            if not self._has(entry.number, k):
                self._write(entry, k, found, cuts, directory.cuts)

    def _directory(self, source: str) -> Directory:
        with self._database.read() as connection:
            directory = self._directories.find(driver(connection), source)
        if directory is None:
            raise DamagedError(f"There is nothing of {source} that points could come back to.")
        return directory

    def _has(self, metric_set: int, k: int) -> bool:
        with self._database.read() as connection:
            return bool(chunks.read_chunks(driver(connection), metric_set, 0, k, k))

    def _write(self, entry: SetEntry, k: int, blocks: list[RawBlock], then: Cuts, now: Cuts) -> None:
        """Write one chunk; ``then`` and ``now`` are the deletions that the archive knows, and all of them."""
        had = _columns_at(entry, blocks[0].row, then)
        if any(block.values.shape[1] != len(had) for block in blocks):
            raise DamagedError(f"The archive has other metrics than metric set {entry.number}.")
        columns = _columns_at(entry, blocks[0].row, now)  # of a metric that was deleted since nothing comes back
        kept = set(columns)
        places = [place for place, column in enumerate(had) if column in kept]
        rows = join_rows([Rows(one.seqs, as_whole(one.steps), one.times, one.values[:, places]) for one in blocks])
        steps = as_whole(rows.steps)
        with self._database.read() as connection:
            db = driver(connection)
            cells = _cells_at(db, entry.number, k)
            check_axis(cells, steps, rows.times)
            for at in range(0, len(columns), COLUMNS_AT_ONCE):
                some = columns[at : at + COLUMNS_AT_ONCE]
                found = chunks.read_columns(db, cells.number, some[0], some[-1] + 1)
                check_columns(cells, [found[column - some[0]] for column in some], _across(rows, at, at + len(some)))
            new = _new_chunk(db, entry.number, k, cells, len(rows), encode_columns([rows.seqs, steps, rows.times]))
        self._keeper.add_chunk(new, _bodies(rows, columns))


def _columns_at(entry: SetEntry, row: int, cuts: Cuts) -> list[int]:
    """The columns that were not deleted at a row."""
    return [column for column in range(len(entry.names)) if cuts.get((entry.number, column), 0) <= row]


def _across(rows: Rows, first: int, last: int) -> Array:
    return np.ascontiguousarray(rows.values[:, first:last].T)


def _bodies(rows: Rows, columns: list[int]) -> Iterator[tuple[int, list[bytes]]]:
    for at in range(0, len(columns), COLUMNS_AT_ONCE):
        some = columns[at : at + COLUMNS_AT_ONCE]
        for column, body in zip(some, encode_values(_across(rows, at, at + len(some))), strict=True):
            yield column, [body]


def _cells_at(db: sqlite3.Connection, metric_set: int, k: int) -> Chunk:
    found = chunks.read_chunks(db, metric_set, 1, k, k)
    if not found:
        raise DamagedError(f"Metric set {metric_set} has no cells where points should come back.")
    return found[0]


def _new_chunk(db: sqlite3.Connection, metric_set: int, k: int, cells: Chunk, rows: int, axis: bytes) -> NewChunk:
    query = "SELECT first_seq, s0, s1, t0, t1 FROM chunk WHERE number = ?"
    first_seq, s0, s1, t0, t1 = db.execute(query, (cells.number,)).fetchone()
    return NewChunk(metric_set, 0, k, rows, first_seq, s0, s1, t0, t1, axis)


def _chunks_of(
    blocks: Iterable[RawBlock], places: Mapping[tuple[str, int], SetEntry], stops: Mapping[int, int]
) -> Iterator[tuple[SetEntry, int, list[RawBlock]]]:
    """The blocks of each chunk: (metric set, k, blocks), in their order."""
    waiting: list[RawBlock] = []
    for block in blocks:
        entry = places.get((block.writer_id, block.set_id))
        if entry is None or entry.number not in stops:
            raise DamagedError(f"The archive has a metric set that the run has not ({block.set_id}).")
        size, row = chunk_rows(len(entry.names)), block.row
        while row < block.row + len(block.seqs):
            stop = min((row // size + 1) * size, block.row + len(block.seqs))
            waiting.append(block.part(row, stop))
            if stop % size == 0 or stop == stops[entry.number]:
                yield entry, row // size, waiting
                waiting = []
            row = stop
    if waiting:
        raise DamagedError("The archive ends inside a chunk.")


def show(tx: Connection, extent: Extent) -> None:
    """From this commit on the points are read again.

    Raises:
        DamagedError: A chunk is missing.
    """
    db = driver(tx)
    for number, first, stop in extent.sets:
        query = "SELECT raw_from, names FROM sealed JOIN metric_set ON number = metric_set WHERE metric_set = ?"
        raw_from, names = db.execute(query, (number,)).fetchone()
        if raw_from <= first:  # nothing of it was dropped
            continue
        size = chunk_rows(len(read_names(names)))
        last = -(-raw_from // size)
        query = "SELECT count(*) FROM chunk WHERE metric_set = ? AND level = 0 AND k >= ? AND k < ?"
        (there,) = db.execute(query, (number, first // size, last)).fetchone()
        if raw_from > stop or there != last - first // size:
            raise DamagedError(f"Not all points of metric set {number} came back.")
        db.execute("UPDATE sealed SET raw_from = ? WHERE metric_set = ?", (first, number))
        db.execute("DELETE FROM dropped WHERE metric_set = ? AND archived = 1", (number,))
