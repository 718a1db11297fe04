"""The journal of a source as NumPy columns, kept in memory while somebody looks at its charts.

Imported lazily: the server listens before NumPy is loaded.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stepwire.storage.database import Database
from stepwire.storage.series import journal
from stepwire.storage.series.frames import Frame, FrameSet
from stepwire.storage.series.journal import MetricSet

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CACHE_BYTES = 64 * 1024 * 1024
# Up to this size all metrics of a source are decoded at the first look, beyond it only those asked for.
WHOLE_BYTES = 16 * 1024 * 1024
_STEP_TYPES = {"i8": np.dtype("<i8"), "f8": np.dtype("<f8")}


@dataclass(slots=True)
class Joined:
    """The rows of one metric set out of several frames. ``order`` counts the source's records."""

    steps: npt.NDArray[Any]
    times: Ints
    order: Ints
    values: Floats


@dataclass(slots=True)
class Points:
    """One metric of a source in the order of logging."""

    steps: npt.NDArray[Any]
    times: Ints
    values: Floats


def join_frames(
    frames: Iterable[Frame], sets: Mapping[int, MetricSet], order: int = 0
) -> tuple[dict[int, Joined], int]:
    """The rows of ``frames`` by metric set, and the ``order`` of the record after them."""
    parts: dict[int, list[FrameSet]] = {}
    starts: dict[int, list[int]] = {}
    for frame in frames:
        for part in frame.sets:
            parts.setdefault(part.number, []).append(part)
            starts.setdefault(part.number, []).append(order)
        order += frame.n
    joined = {number: _join(found, starts[number], len(sets[number].names)) for number, found in parts.items()}
    return joined, order


def _join(parts: list[FrameSet], starts: list[int], width: int) -> Joined:
    types = {part.step_type for part in parts}
    if len(types) == 1:
        steps = np.frombuffer(b"".join(part.steps for part in parts), _STEP_TYPES[types.pop()])
    else:
        steps = np.concatenate([np.frombuffer(part.steps, _STEP_TYPES[part.step_type]) for part in parts])
    at = np.frombuffer(b"".join(part.at for part in parts), "<u4")
    order = np.repeat(np.array(starts, np.int64), [len(part.at) // 4 for part in parts]) + at
    times = np.frombuffer(b"".join(part.times for part in parts), "<i8")
    values = np.frombuffer(b"".join(part.values for part in parts), "<f8").reshape(-1, width)
    if len(order) > 1 and bool((order[1:] < order[:-1]).any()):
        sort = np.argsort(order, kind="stable")
        return Joined(steps[sort], times[sort], order[sort], values[sort])
    return Joined(steps, times, order, values)


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


class _Columns:
    """One metric set of a source: the columns that were asked for."""

    def __init__(self, names: tuple[str, ...], wanted: frozenset[str] | None) -> None:
        self._picked = [index for index, name in enumerate(names) if wanted is None or name in wanted]
        self._whole = len(self._picked) == len(names)
        self.index = {names[at]: place for place, at in enumerate(self._picked)}
        self.parts: list[_Growing] = []

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self.parts)

    def extend(self, more: Joined) -> None:
        values = more.values if self._whole else more.values[:, self._picked]
        columns = (more.steps, more.times, more.order, values)
        if not self.parts:
            self.parts = [_Growing(column) for column in columns]
            return
        for part, column in zip(self.parts, columns, strict=True):
            part.extend(column)

    def points(self, name: str) -> Joined:
        steps, times, order, values = (part.view() for part in self.parts)
        return Joined(steps, times, order, values[:, self.index[name]])


@dataclass(slots=True)
class _Source:
    """What is in memory of one source: every journal row up to ``through``."""

    wanted: frozenset[str] | None
    through: int = 0
    order: int = 0
    sets: dict[int, _Columns] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def nbytes(self) -> int:
        return sum(columns.nbytes for columns in self.sets.values())

    def has(self, names: frozenset[str]) -> bool:
        return self.wanted is None or names <= self.wanted

    def points(self, name: str) -> Points | None:
        parts = [columns.points(name) for columns in self.sets.values() if name in columns.index]
        if not parts:
            return None
        if len(parts) == 1:
            return Points(parts[0].steps, parts[0].times, parts[0].values)
        sort = np.argsort(np.concatenate([part.order for part in parts]), kind="stable")
        return Points(
            np.concatenate([part.steps for part in parts])[sort],
            np.concatenate([part.times for part in parts])[sort],
            np.concatenate([part.values for part in parts])[sort],
        )


class ColumnCache:
    """Decoded columns of the sources read last, extended by what the journal got since."""

    def __init__(self, database: Database, limit: int = CACHE_BYTES) -> None:
        self._database = database
        self._limit = limit
        self._sources: OrderedDict[int, _Source] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, source_number: int, names: Iterable[str]) -> dict[str, Points]:
        """Every committed point of these metrics; a metric without points is left out."""
        wanted = frozenset(names)
        source = self._take(source_number, wanted)
        with source.lock:
            try:
                self._extend(source_number, source)
            except BaseException:
                self.forget(source_number)  # it may be half extended
                raise
            found = {name: points for name in wanted if (points := source.points(name)) is not None}
        self._trim()
        return found

    def forget(self, source_number: int) -> None:
        """Drop a deleted source."""
        with self._lock:
            self._sources.pop(source_number, None)

    def clear(self) -> None:
        """Drop everything: what was read may not be in the database."""
        with self._lock:
            self._sources.clear()

    def _take(self, number: int, wanted: frozenset[str]) -> _Source:
        with self._lock:
            known = self._sources.get(number)
            if known is not None and known.has(wanted):
                self._sources.move_to_end(number)
                return known
        made = self._make(number, wanted, known)
        with self._lock:
            self._sources[number] = made
            self._sources.move_to_end(number)
        return made

    def _make(self, number: int, wanted: frozenset[str], known: _Source | None) -> _Source:
        with self._database.read() as connection:
            small = journal.bytes_of(connection, number) <= WHOLE_BYTES
        if small:
            return _Source(None)
        before = known.wanted if known is not None and known.wanted is not None else frozenset()
        return _Source(wanted | before)

    def _extend(self, number: int, source: _Source) -> None:
        with self._database.read() as connection:
            sets = journal.metric_sets(connection, number)
            for rows in journal.frames_by_part(connection, number, source.through):
                joined, source.order = join_frames((frame for _, frame in rows), sets, source.order)
                for set_number, more in joined.items():
                    if set_number not in source.sets:
                        source.sets[set_number] = _Columns(sets[set_number].names, source.wanted)
                    source.sets[set_number].extend(more)
                source.through = rows[-1][0]

    def _trim(self) -> None:
        with self._lock:
            used = sum(source.nbytes for source in self._sources.values())
            while used > self._limit and self._sources:
                used -= self._sources.popitem(last=False)[1].nbytes
