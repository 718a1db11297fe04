"""One metric set as a reader finds it: sealed rows in chunks, unsealed rows in the tail, the pyramid between.

Imported lazily: the server listens before NumPy is loaded.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from stepwire.storage.series import chunks
from stepwire.storage.series.cells import decode_many
from stepwire.storage.series.chunks import Sealed
from stepwire.storage.series.encoding import Array, decode_column_of, decode_values_of
from stepwire.storage.series.levels import CELL_ROWS, CHUNK_ROWS, cell_rows, chunk_cells, chunk_rows
from stepwire.storage.series.parts import Parts, of_points, same
from stepwire.storage.series.tail import Rows

RAW_PER_POINT = 64  # a window is read point by point up to this many points per bucket
CELLS_PER_POINT = 8
MAX_LEVEL = 9
_GUESSES = 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """Cells ``start`` up to ``stop`` of one level; on level 0 rows."""

    level: int
    start: int
    stop: int


_COLUMNS = {
    "seqs": 0, "steps": 1, "times": 2,
    "count": 0, "s_first": 1, "s_last": 2, "t_first": 3, "t_last": 4, "s_min": 5, "s_max": 6, "t_min": 7, "t_max": 8,
}  # fmt: skip


Piece = tuple[int, int, int, bytes]
"""(number, k, rows, axis) of a chunk."""


@dataclass(slots=True)
class Axes:
    """Where the parts of a stretch lie. Each column is decoded when it is first asked for.

    The stretch begins ``skip`` rows or cells into the first chunk and has ``length`` of them.
    """

    chunks: list[Piece]
    skip: int
    length: int
    _columns: dict[str, Array] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Array:
        """``seqs``, ``steps``, ``times`` of level 0; above it the fields of ``cells.Ends``."""
        if name not in _COLUMNS:
            raise AttributeError(name)
        if name not in self._columns:
            axes = [chunk[3] for chunk in self.chunks]
            # Where cells never fall back, their ranges are their ends and not stored again.
            index = _COLUMNS[name]
            indexes = [index if index < axis[0] else index - 4 for axis in axes]
            self._columns[name] = self.cut(decode_column_of(axes, [chunk[2] for chunk in self.chunks], indexes))
        return self._columns[name]

    def cut(self, whole: Array) -> Array:
        """What of all rows or cells of the chunks belongs to the stretch."""
        return whole[..., self.skip : self.skip + self.length]


@dataclass(slots=True)
class SetReader:
    """Reads one metric set inside one snapshot; axes are decoded once for all of its metrics.

    ``tail`` are the rows past ``state.rows``.
    """

    db: sqlite3.Connection
    number: int
    width: int
    state: Sealed
    tail: Rows | None
    _axes: dict[Stretch, Axes] = field(default_factory=dict)
    _counts: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Rows in all."""
        return self.state.rows + (0 if self.tail is None else len(self.tail))

    def last_row(self) -> tuple[float, int] | None:
        """Step and time (µs) of the last row; ``None`` when there is none."""
        if self.tail is not None and len(self.tail):
            step, time = self.tail.steps[-1].item(), int(self.tail.times[-1])
        elif self.state.rows:
            step, time = self.state.last_step, self.state.last_time
        else:
            return None
        return (int(step) if step == int(step) else step), time

    def is_sorted(self, axis: str) -> bool:
        """Whether the sealed rows never fall on this axis."""
        return self.state.step_sorted if axis == "step" else self.state.time_sorted

    # --- where is x? -----------------------------------------------------------------------------------

    def locate(self, axis: str, x: float, *, right: bool) -> int:
        """The first sealed row at or past ``x`` (past it, with ``right``), on an axis that is sorted.

        Where points are gone, the first row of the cell that ``x`` is in; with ``right`` the row after that cell.
        """
        size = chunk_rows(self.width)
        k = self._chunk_of("s" if axis == "step" else "t", x, right=right)
        first = k * size
        if first >= self.state.rows:
            return self.state.rows
        side: Literal["left", "right"] = "right" if right else "left"
        if first < self.state.raw_from:
            ends = self.axes(Stretch(1, first // CELL_ROWS, -(-min(first + size, self.state.rows) // CELL_ROWS)))
            firsts, lasts = (ends.s_first, ends.s_last) if axis == "step" else (ends.t_first, ends.t_last)
            cells = int(np.searchsorted(firsts if right else lasts, x, side))
            return min(first + CELL_ROWS * cells, self.state.rows)
        rows = self.axes(Stretch(0, first, min(first + size, self.state.rows)))
        return first + int(np.searchsorted(rows.steps if axis == "step" else rows.times, x, side))

    def _chunk_of(self, axis: str, x: float, *, right: bool) -> int:
        """The first chunk with a point at or past ``x``; guessed, because steps and times mostly come evenly."""
        low, high = 0, -(-self.state.rows // chunk_rows(self.width))
        left, end = -np.inf, float(self.state.last_step if axis == "s" else self.state.last_time)
        for turn in range(128):
            if low >= high:
                break
            middle = low if not turn else (low + high) // 2
            if 0 < turn <= _GUESSES and end > left:
                share = min(max((x - left) / (end - left), 0.0), 1.0)  # x may be infinite
                middle = min(low + int(share * (high - low)), high - 1)
            begin, last = chunks.bounds(self.db, self.number, middle, axis)
            if last < x or (right and last == x):
                low, left = middle + 1, last
            elif middle == low or begin < x or (right and begin == x):
                return middle  # the one before ends too early
            else:
                high, end = middle, begin
        return low

    def first_row(self, seq: int) -> int:
        """The first row of record ``seq`` or a later one."""
        size = chunk_rows(self.width)
        low, high = 0, -(-self.state.rows // size)
        while low < high:  # the first chunk that begins past seq
            middle = (low + high) // 2
            if chunks.first_seq(self.db, self.number, middle) >= seq:
                high = middle
            else:
                low = middle + 1
        if low * size < self.state.rows and not low:
            return 0
        if low:
            before = (low - 1) * size
            if before < self.state.raw_from:
                return min(low * size, self.state.rows)
            rows = self.axes(Stretch(0, before, min(before + size, self.state.rows)))
            row = before + int(np.searchsorted(rows.seqs, seq, "left"))
            if row < self.state.rows:
                return row
        return self.state.rows + (0 if self.tail is None else int(np.searchsorted(self.tail.seqs, seq, "left")))

    # --- the pyramid -----------------------------------------------------------------------------------

    def stretches(self, start: int, stop: int, points: int) -> list[Stretch]:
        """The coarsest cells that still give about ``points`` buckets, finer ones at both edges, in order."""
        rows = stop - start
        level = 0
        if rows > max(RAW_PER_POINT * points, CHUNK_ROWS):
            level = 1
            while level < MAX_LEVEL and rows > CELLS_PER_POINT * points * cell_rows(level):
                level += 1
        return self.cover(start, stop, level)

    def between_points(self, start: int, stop: int, stretches: Sequence[Stretch]) -> list[Stretch]:
        """Rows ``start`` up to ``stop`` in cells as coarse as those, but the first and the last row as points."""
        level = max(stretch.level for stretch in stretches)
        return [Stretch(0, start, start + 1), *self.cover(start + 1, stop - 1, level), Stretch(0, stop - 1, stop)]

    def cover(self, start: int, stop: int, level: int) -> list[Stretch]:
        """Sealed rows ``start`` up to ``stop`` in cells of at most this level."""
        if start >= stop:
            return []
        if level == 0:
            return self._cover_points(start, stop)
        size = cell_rows(level)
        first = -(-start // size)
        last = min(stop // size, self._cells_of(level))
        if level == 1 and stop == self.state.rows:
            last = -(-stop // size)  # the last cell may have fewer rows
        if first >= last:
            return self.cover(start, stop, level - 1)
        edge = min(last * size, stop)
        return [
            *self.cover(start, first * size, level - 1),
            Stretch(level, first, last),
            *self.cover(edge, stop, level - 1),
        ]

    def _cover_points(self, start: int, stop: int) -> list[Stretch]:
        gone = min(self.state.raw_from, stop)
        found = []
        if start < gone:
            found.append(Stretch(1, start // CELL_ROWS, -(-gone // CELL_ROWS)))
        if max(start, gone) < stop:
            found.append(Stretch(0, max(start, gone), stop))
        return found

    def _cells_of(self, level: int) -> int:
        """How many whole cells of a level are there."""
        if level == 1:
            return self.state.rows // CELL_ROWS
        if level not in self._counts:
            # A level is filled from the one below: where that is missing, so is this.
            below = self._counts.get(level - 1) if level > 2 else None
            self._counts[level] = 0 if below == 0 else chunks.count_chunks(self.db, self.number, level)
        return self._counts[level] * chunk_cells(level, self.width)

    # --- reading ---------------------------------------------------------------------------------------

    def axes(self, stretch: Stretch) -> Axes:
        """Where the cells or rows of a stretch lie."""
        if stretch not in self._axes:
            self._axes[stretch] = self._read_axes(stretch)
        return self._axes[stretch]

    def _read_axes(self, stretch: Stretch) -> Axes:
        size = chunk_cells(stretch.level, self.width)
        first, last = stretch.start // size, (stretch.stop - 1) // size
        found = chunks.read_pieces(self.db, self.number, stretch.level, first, last)
        return Axes(found, stretch.start - first * size, stretch.stop - stretch.start)

    def read(self, stretches: Sequence[Stretch], column: int, axis: str, *, seqs: bool = False) -> list[Parts]:
        """One metric over some stretches, in order; ``seqs``: with the record numbers of points."""
        axes = [self.axes(stretch) for stretch in stretches]
        bodies = chunks.read_blocks(self.db, (chunk[0] for one in axes for chunk in one.chunks), column)
        return [
            self._cells(stretch, one, bodies, axis) if stretch.level else _points(one, bodies, axis, seqs=seqs)
            for stretch, one in zip(stretches, axes, strict=True)
        ]

    def values(self, stretch: Stretch, column: int) -> Array:
        """The points of one metric over a stretch of level 0."""
        axes = self.axes(stretch)
        return _values(axes, chunks.read_blocks(self.db, (chunk[0] for chunk in axes.chunks), column))

    def _cells(self, stretch: Stretch, axes: Axes, bodies: dict[int, bytes], axis: str) -> Parts:
        found = [bodies[chunk[0]] for chunk in axes.chunks]
        figures, mean, odd = decode_many(found, [chunk[2] for chunk in axes.chunks])
        low, high, first, last = axes.cut(figures).astype("<f8", copy=False)
        x = axes.s_min if axis == "step" else axes.t_min
        size = cell_rows(stretch.level)
        whole = stretch.stop * size <= self.state.rows
        count = same(size, axes.length) if whole else axes.count
        odd = same(0, axes.length) if odd is None else axes.cut(odd).astype(np.int64)
        return Parts(x, low, high, axes.cut(mean), first, last, count, odd, same(0, axes.length), is_raw=False)

    def column_rows(self, stretch: Stretch, column: int) -> Rows:
        """The points of one metric over a stretch of level 0."""
        axes = self.axes(stretch)
        return Rows(axes.seqs, axes.steps, axes.times, self.values(stretch, column))


def join_rows(parts: Sequence[Rows]) -> Rows:
    """Rows one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in Rows.__slots__))


def _values(axes: Axes, bodies: dict[int, bytes]) -> Array:
    return axes.cut(decode_values_of([bodies[chunk[0]] for chunk in axes.chunks], [chunk[2] for chunk in axes.chunks]))


def _points(axes: Axes, bodies: dict[int, bytes], axis: str, *, seqs: bool) -> Parts:
    return of_points(axes.steps if axis == "step" else axes.times, _values(axes, bodies), axes.seqs if seqs else None)
