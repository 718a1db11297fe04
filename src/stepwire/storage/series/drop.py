"""Dropping points that are in the pyramid: which, the proof that nothing is lost, the deletion.

Points go from the front of each metric set, whole chunks at a time. From the commit that moves ``sealed.raw_from`` on,
cells stand for them; what their summary was stays in the table ``dropped``.

A chunk stays, and all after it, where a rewind or the end of a deletion lies inside it: cells can't tell its visible
points from the others.

Imported lazily: the server listens before NumPy is loaded.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection

from stepwire.errors import DamagedError
from stepwire.storage.database import Database, driver
from stepwire.storage.series import chunks, summary
from stepwire.storage.series.chunks import Chunk, Sealed
from stepwire.storage.series.directory import Directories, Directory, SetEntry
from stepwire.storage.series.encoding import Array, decode_columns, decode_values
from stepwire.storage.series.erase import PIECE_BYTES, Eraser
from stepwire.storage.series.interface import Dropped, DropRule
from stepwire.storage.series.keeper import Keeper
from stepwire.storage.series.levels import chunk_rows
from stepwire.storage.series.proof import check_axis, check_columns
from stepwire.storage.series.tail import Rows
from stepwire.storage.writer import Writer

COLUMNS_AT_ONCE = 128
_SETS_AT_ONCE = 256


class _BusyError(Exception):
    """Rows came for a chunk that is not full, or the source is gone: the next look decides."""


@dataclass(slots=True)
class _Kept:
    """What stays of the rows of one metric set that are dropped; a row of the table ``dropped``."""

    rows: int
    step: float | None
    figures: Array


@dataclass(slots=True)
class _Piece:
    """Chunks that go in one transaction, and what it leaves: by metric set (rows before, rows after, what stays)."""

    numbers: list[int] = field(default_factory=list)
    sets: dict[int, tuple[int, int, _Kept]] = field(default_factory=dict)
    closing: list[int] = field(default_factory=list)
    points: int = 0
    nbytes: int = 0

    @property
    def is_full(self) -> bool:
        return self.nbytes > PIECE_BYTES or len(self.numbers) >= _SETS_AT_ONCE


class Dropper:
    """Drops points of sources. Any thread but the writer's.

    Args:
        on_closed: Called inside the transaction that drops the last chunk of a set though it is not full.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        keeper: Keeper,
        directories: Directories,
        on_closed: Callable[[], None],
    ) -> None:
        self._database = database
        self._writer = writer
        self._keeper = keeper
        self._directories = directories
        self._on_closed = on_closed

    def drop(self, source: str, rule: DropRule, proceed: Callable[[], None]) -> Dropped:
        """Drop what the rule says, piece by piece; ``proceed`` is called before each and may raise.

        Raises:
            DamagedError: Cells don't stand for their points. What was dropped before stays dropped, no more is.
        """
        points = nbytes = 0
        first: int | None = 0
        while first is not None:
            proceed()
            with self._keeper.pause():
                piece, following = self._next_piece(source, rule, first)
                try:
                    self._commit(piece, rule)
                except _BusyError:
                    continue
            first = following
            points, nbytes = points + piece.points, nbytes + piece.nbytes
        return Dropped(points, nbytes)

    def _next_piece(self, source: str, rule: DropRule, first: int) -> tuple[_Piece, int | None]:
        """The next chunks, of the metric sets from number ``first`` on; where to go on, ``None`` at the end."""
        piece = _Piece()
        with self._database.read() as connection:
            db = driver(connection)
            directory = self._directories.find(db, source)
            if directory is None:
                return piece, None
            for number in sorted(directory.sets):
                if number < first:
                    continue
                self._take(db, directory, directory.sets[number], rule, piece)
                if piece.is_full:
                    return piece, number
        return piece, None

    def _take(
        self, db: sqlite3.Connection, directory: Directory, entry: SetEntry, rule: DropRule, piece: _Piece
    ) -> None:
        """Add the chunks of one metric set that are due, each proven."""
        state = chunks.read_sealed(db, [entry.number]).get(entry.number)
        if state is None:
            return
        size = chunk_rows(len(entry.names))
        piece.numbers += _left_behind(db, entry.number, -(-state.raw_from // size))
        looked = _Look(db, directory, entry, state, rule)
        for chunk in looked.due():
            piece.points += looked.prove(chunk)
            piece.nbytes += chunk.nbytes
            piece.numbers.append(chunk.points.number)
            piece.sets[entry.number] = (state.raw_from, looked.kept.rows, looked.kept)
            if chunk.points.rows < size:
                piece.closing.append(entry.stream)
            if piece.is_full:
                return

    def _commit(self, piece: _Piece, rule: DropRule) -> None:
        if not piece.numbers:
            return
        eraser = Eraser(piece.numbers)

        def job(tx: Connection) -> None:
            db = driver(tx)
            for stream in piece.closing:
                if has_unsealed(db, stream):
                    raise _BusyError
            for number, (before, after, kept) in piece.sets.items():
                _move(db, number, before, after)
                _keep(db, number, kept, archived=rule.archived)
            if piece.closing:
                self._on_closed()
            eraser.step(db)

        self._writer.submit(job).result()
        while not eraser.is_done:
            self._writer.submit(lambda tx: eraser.step(driver(tx))).result()

    def sweep(self, source: str, proceed: Callable[[], None]) -> None:
        """Delete what lies before ``raw_from``: what a kill or a broken restore left."""
        self.drop(source, DropRule(upto={}), proceed)


def has_unsealed(db: sqlite3.Connection, stream: int) -> bool:
    """Whether a stream has rows that are in no block yet."""
    query = (
        "SELECT 1 FROM stream JOIN journal ON journal.source = stream.source AND journal.stream = stream.number "
        "AND journal.number > stream.sealed_through WHERE stream.number = ? LIMIT 1"
    )
    return db.execute(query, (stream,)).fetchone() is not None


def _left_behind(db: sqlite3.Connection, metric_set: int, stop: int) -> list[int]:
    query = "SELECT number FROM chunk WHERE metric_set = ? AND level = 0 AND k < ?"
    return [number for (number,) in db.execute(query, (metric_set, stop))]


def _move(db: sqlite3.Connection, metric_set: int, before: int, after: int) -> None:
    query = "UPDATE sealed SET raw_from = ? WHERE metric_set = ? AND raw_from = ?"
    if db.execute(query, (after, metric_set, before)).rowcount != 1:
        raise _BusyError


def _keep(db: sqlite3.Connection, metric_set: int, kept: _Kept, *, archived: bool) -> None:
    db.execute(
        "INSERT OR REPLACE INTO dropped (metric_set, archived, rows, step, summary) VALUES (?, ?, ?, ?, ?)",
        (metric_set, int(archived), kept.rows, kept.step, kept.figures.tobytes()),
    )


# --- one metric set --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Due:
    """A chunk of points with its cells; ``s1`` is its greatest step, ``hidden``: a rewind hides all of it."""

    points: Chunk
    cells: Chunk
    s1: float
    nbytes: int
    hidden: bool


class _Look:
    """One metric set: its chunks that are due, and what stays of them."""

    def __init__(
        self, db: sqlite3.Connection, directory: Directory, entry: SetEntry, state: Sealed, rule: DropRule
    ) -> None:
        self._db = db
        self._entry = entry
        self._state = state
        self._rule = rule
        self._width = len(entry.names)
        self._size = chunk_rows(self._width)
        self._limit = directory.streams[entry.stream].limit_step
        self._cuts = {column: cut for (of, column), cut in directory.cuts.items() if of == entry.number}
        self.kept = self._read_kept()

    def _read_kept(self) -> _Kept:
        query = "SELECT rows, step, summary FROM dropped WHERE metric_set = ? AND archived = ?"
        row = self._db.execute(query, (self._entry.number, int(self._rule.archived))).fetchone()
        if row is None:
            return _Kept(self._state.raw_from, None, np.zeros(self._width, summary.FIELDS))
        rows, step, figures = row
        return _Kept(rows, step, summary.from_bytes(figures, self._width).copy())

    def due(self) -> Iterator[_Due]:
        """The chunks that the rule says, from the first that still has points."""
        k = self._state.raw_from // self._size
        while (found := self._chunk(k)) is not None:
            yield found
            k += 1

    def _chunk(self, k: int) -> _Due | None:
        if k * self._size >= self._state.rows:
            return None
        query = "SELECT number, rows, axis, s0, s1, t1 FROM chunk WHERE metric_set = ? AND level = 0 AND k = ?"
        row = self._db.execute(query, (self._entry.number, k)).fetchone()
        if row is None:  # the last one, dropped before it was full
            return None
        number, rows, axis, s0, s1, t1 = row
        if not self._may_go(k * self._size, rows, t1) or (self._limit is not None and s0 <= self._limit < s1):
            return None
        cells = chunks.read_chunks(self._db, self._entry.number, 1, k, k)
        if not cells:
            raise DamagedError(f"Chunk {number} has no cells.")
        hidden = self._limit is not None and s0 > self._limit
        return _Due(Chunk(number, k, rows, axis), cells[0], s1, self._size_of(number) + len(axis), hidden)

    def _may_go(self, first: int, rows: int, t1: int) -> bool:
        rule, stop = self._rule, first + rows
        if rule.before is not None and t1 >= rule.before:
            return False
        if rule.upto is not None and stop > rule.upto.get(self._entry.number, 0):
            return False
        if rows < self._size and (not rule.ended or has_unsealed(self._db, self._entry.stream)):
            return False
        return not any(first < cut < stop for cut in self._cuts.values())

    def _size_of(self, number: int) -> int:
        start = number << chunks.COLUMN_BITS
        query = "SELECT coalesce(sum(length(body)), 0) FROM block WHERE id >= ? AND id < ?"
        return int(self._db.execute(query, (start, start + (1 << chunks.COLUMN_BITS))).fetchone()[0])

    def prove(self, due: _Due) -> int:
        """Compare a chunk's cells with its points, and add these to what stays; returns how many points there are.

        Raises:
            DamagedError: They are not the same.
        """
        seqs, steps, times = decode_columns(due.points.axis, due.points.rows)
        check_axis(due.cells, steps, times)
        rows = Rows(seqs, steps, times, seqs)
        first = due.points.k * self._size
        visible = [column for column in range(self._width) if self._cuts.get(column, 0) <= first]
        deleted = [column for column, cut in self._cuts.items() if cut >= first]
        self.kept.figures[deleted] = 0  # what was before them is deleted
        for at in range(0, self._width, COLUMNS_AT_ONCE):
            some = [column for column in visible if at <= column < at + COLUMNS_AT_ONCE]
            if some:
                columns = self._points(due, some, at)
                stored = chunks.read_columns(self._db, due.cells.number, at, at + COLUMNS_AT_ONCE)
                check_columns(due.cells, [stored[column - at] for column in some], columns)
                if not due.hidden:
                    self._add(some, summary.summarise(rows, columns))
        self.kept.rows = first + due.points.rows
        if not due.hidden:
            self.kept.step = due.s1 if self.kept.step is None else max(self.kept.step, due.s1)
        return len(visible) * due.points.rows

    def _points(self, due: _Due, some: list[int], at: int) -> Array:
        bodies = chunks.read_columns(self._db, due.points.number, at, at + COLUMNS_AT_ONCE)
        columns = np.empty((len(some), due.points.rows))
        for place, column in enumerate(some):
            body = bodies[column - at]
            if body is None:
                raise DamagedError(f"Chunk {due.points.number} lacks the points of {self._entry.names[column]}.")
            columns[place] = decode_values(body, due.points.rows)
        return columns

    def _add(self, some: list[int], figures: Array) -> None:
        self.kept.figures[some] = summary.extend(self.kept.figures[some], figures)
