"""Points that are in no block yet: the journal rows past each stream's seal, as arrays kept between reads.

Imported lazily: the server listens before NumPy is loaded.
"""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stepwire.storage.series import journal
from stepwire.storage.series.encoding import Array
from stepwire.storage.series.frames import Frame, FrameSet, decode_frame

_MOST_STREAMS = 10_000
CACHE_BYTES = 64 * 1024 * 1024
_STEP_TYPES = {"i8": np.dtype("<i8"), "f8": np.dtype("<f8")}


class BehindError(Exception):
    """This reader's snapshot is older than what memory holds: it begins again with a new one."""


@dataclass(slots=True)
class Rows:
    """Rows of one metric set in the order of logging; ``values`` is rows × names."""

    seqs: Array
    steps: Array
    times: Array
    values: Array

    def __len__(self) -> int:
        return len(self.seqs)

    def part(self, start: int, stop: int) -> "Rows":
        """Some of them."""
        return Rows(self.seqs[start:stop], self.steps[start:stop], self.times[start:stop], self.values[start:stop])

    def pick(self, chosen: Array) -> "Rows":
        """Those that a mask or an index names."""
        return Rows(self.seqs[chosen], self.steps[chosen], self.times[chosen], self.values[chosen])


def join_frames(frames: Iterable[Frame], widths: dict[int, int]) -> dict[int, Rows]:
    """The rows of ``frames`` of one stream, by metric set; ``widths`` says how many names each set has."""
    parts: dict[int, list[FrameSet]] = {}
    starts: dict[int, list[int]] = {}
    for frame in frames:
        for part in frame.sets:
            if part.number in widths:
                parts.setdefault(part.number, []).append(part)
                starts.setdefault(part.number, []).append(frame.first_seq)
    return {number: _join(found, starts[number], widths[number]) for number, found in parts.items()}


def _join(parts: Sequence[FrameSet], starts: Sequence[int], width: int) -> Rows:
    types = {part.step_type for part in parts}
    if len(types) == 1:
        steps = np.frombuffer(b"".join(part.steps for part in parts), _STEP_TYPES[types.pop()])
    else:
        steps = np.concatenate([np.frombuffer(part.steps, _STEP_TYPES[part.step_type]) for part in parts])
    at = np.frombuffer(b"".join(part.at for part in parts), "<u4")
    seqs = np.repeat(np.array(starts, np.int64), [len(part.at) // 4 for part in parts]) + at
    times = np.frombuffer(b"".join(part.times for part in parts), "<i8")
    values = np.frombuffer(b"".join(part.values for part in parts), "<f8").reshape(-1, width)
    if len(seqs) > 1 and bool((seqs[1:] < seqs[:-1]).any()):
        sort = np.argsort(seqs, kind="stable")
        return Rows(seqs[sort], steps[sort], times[sort], values[sort])
    return Rows(seqs, steps, times, values)


class _Growing:
    """An array that grows at its end. Views given out earlier stay as they were."""

    def __init__(self, first: npt.NDArray[Any]) -> None:
        self._room = first
        self._length = len(first)

    @property
    def nbytes(self) -> int:
        return self._room.nbytes

    def view(self) -> npt.NDArray[Any]:
        return self._room[: self._length]

    def extend(self, more: npt.NDArray[Any]) -> None:
        length = self._length + len(more)
        kind = np.result_type(self._room, more)
        if length > len(self._room) or kind != self._room.dtype:
            room = np.empty((length + length // 2, *self._room.shape[1:]), kind)
            room[: self._length] = self.view()
            self._room = room
        self._room[self._length : length] = more
        self._length = length


@dataclass(slots=True)
class _Grown:
    """The rows of one metric set out of the first ``frames`` frames of a stream."""

    frames: int = 0
    columns: list[_Growing] = field(default_factory=list)

    def extend(self, rows: Rows) -> None:
        columns = (rows.seqs, rows.steps, rows.times, rows.values)
        if not self.columns:
            self.columns = [_Growing(column) for column in columns]
            return
        for grown, column in zip(self.columns, columns, strict=True):
            grown.extend(column)

    def rows(self) -> Rows | None:
        return Rows(*(column.view() for column in self.columns)) if self.columns else None


@dataclass(slots=True)
class _Stream:
    """The frames of one stream past ``sealed_through``, up to ``through``."""

    sealed_through: int
    through: int
    numbers: list[int] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    nbytes: int = 0
    counted: int = 0  # of ``size``, in the sum over all streams
    sets: dict[int, _Grown] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        return self.nbytes + sum(column.nbytes for grown in list(self.sets.values()) for column in grown.columns)


class Tails:
    """The unsealed rows of the streams read last, extended by what the journal got since."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._streams: OrderedDict[int, _Stream] = OrderedDict()
        self._used = 0
        self._lock = threading.Lock()

    def read(
        self, db: sqlite3.Connection, source: int, stream: int, sealed_through: int, high: int, widths: dict[int, int]
    ) -> dict[int, Rows]:
        """The unsealed rows of the metric sets that ``widths`` names; one without such rows is left out.

        ``high`` is the stream's last record in ``db``'s snapshot: memory may have later ones already.

        Raises:
            BehindError: More of the stream is sealed by now than ``db``'s snapshot knows.
        """
        kept = self._take(stream, sealed_through)
        with kept.lock:
            try:
                _move(kept, sealed_through)
                _extend(kept, db, source, stream)
                found = {number: _grow(kept, number, width) for number, width in widths.items()}
            except BehindError:
                raise
            except BaseException:
                self.forget(stream)  # it may be half extended
                raise
        self._count(stream, kept)
        shown = {number: _upto(rows, high) for number, rows in found.items() if rows is not None}
        return {number: rows for number, rows in shown.items() if len(rows)}

    def forget(self, stream: int) -> None:
        """Drop one stream."""
        with self._lock:
            self._drop(self._streams.pop(stream, None))

    def clear(self) -> None:
        """Drop everything: what was read may not be in the database."""
        with self._lock:
            self._streams.clear()
            self._used = 0

    def _take(self, stream: int, sealed_through: int) -> _Stream:
        with self._lock:
            kept = self._streams.get(stream)
            if kept is None:
                kept = self._streams[stream] = _Stream(sealed_through, sealed_through)
            self._streams.move_to_end(stream)
            return kept

    def _count(self, stream: int, kept: _Stream) -> None:
        """Note what a stream takes by now, and drop those that were read longest ago when it is too much."""
        with self._lock:
            if self._streams.get(stream) is not kept:  # dropped meanwhile
                return
            size = kept.size
            self._used += size - kept.counted
            kept.counted = size
            while (self._used > self._limit or len(self._streams) > _MOST_STREAMS) and self._streams:
                self._drop(self._streams.popitem(last=False)[1])

    def _drop(self, kept: _Stream | None) -> None:
        if kept is not None:
            self._used -= kept.counted


def _upto(rows: Rows, high: int) -> Rows:
    if not len(rows) or rows.seqs[-1] <= high:
        return rows
    return rows.part(0, int(np.searchsorted(rows.seqs, high, "right")))


def _move(kept: _Stream, sealed_through: int) -> None:
    """Drop the frames that are sealed meanwhile."""
    if kept.sealed_through > sealed_through:
        raise BehindError
    if kept.sealed_through < sealed_through:
        # The row right after the seal may be a new one under an old number: what was left over of the sealed rows.
        again = [place for place, number in enumerate(kept.numbers) if number > sealed_through + 1]
        kept.numbers = [kept.numbers[place] for place in again]
        kept.frames = [kept.frames[place] for place in again]
        kept.nbytes = sum(_size(frame) for frame in kept.frames)
        kept.sets.clear()
        kept.sealed_through = sealed_through
        if not kept.numbers:
            kept.through = sealed_through


def _extend(kept: _Stream, db: sqlite3.Connection, source: int, stream: int) -> None:
    first = kept.sealed_through + 1
    if kept.numbers and kept.numbers[0] != first and not kept.sets:
        for number, body in journal.bodies(db, source, stream, first, first):
            _add(kept, 0, number, body)
    for number, body in journal.bodies(db, source, stream, kept.through + 1):
        _add(kept, len(kept.numbers), number, body)
    if kept.numbers:
        kept.through = max(kept.through, kept.numbers[-1])


def _add(kept: _Stream, place: int, number: int, body: bytes) -> None:
    frame = decode_frame(body)
    kept.numbers.insert(place, number)
    kept.frames.insert(place, frame)
    kept.nbytes += _size(frame)


def _size(frame: Frame) -> int:
    return sum(len(part.values) + len(part.times) + len(part.steps) + len(part.at) for part in frame.sets)


def _grow(kept: _Stream, number: int, width: int) -> Rows | None:
    grown = kept.sets.setdefault(number, _Grown())
    if grown.frames < len(kept.frames):
        rows = join_frames(kept.frames[grown.frames :], {number: width}).get(number)
        if rows is not None:
            grown.extend(rows)
        grown.frames = len(kept.frames)
    return grown.rows()
