"""The summary of each metric of each source: exact in memory while points come, written back about once a second.

The database holds the summaries of all journal rows up to ``summarised_through``; what came later is folded in
when it is asked for, so a process that was killed loses nothing.
"""

import math
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from sqlalchemy import Connection, select, update

from stepwire.storage.database import Database
from stepwire.storage.row import whole
from stepwire.storage.series import journal
from stepwire.storage.series.frames import Frame, decode_frame
from stepwire.storage.series.interface import Summary
from stepwire.storage.series.journal import MetricSet
from stepwire.storage.tables import meta, run_metric
from stepwire.storage.writer import on_commit

IDLE_SECONDS = 60.0
_PENDING_BYTES = 8 * 1024 * 1024
_THROUGH = meta.c.name == "summarised_through"
_UPSERT = (
    "INSERT INTO run_metric (source, name, count, nonfinite, first, last, last_step, last_time, "
    "min, min_step, max, max_step) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (source, name) DO UPDATE SET count = excluded.count, nonfinite = excluded.nonfinite, "
    "first = excluded.first, last = excluded.last, last_step = excluded.last_step, "
    "last_time = excluded.last_time, min = excluded.min, min_step = excluded.min_step, "
    "max = excluded.max, max_step = excluded.max_step"
)


@dataclass(slots=True)
class _Part:
    """Summary of some rows of a metric, with the order of the row that each figure came from."""

    summary: Summary
    first_at: int = -1
    last_at: int = -1
    min_at: int = -1
    max_at: int = -1


@dataclass(slots=True)
class _Source:
    """A source in memory: ``metrics`` covers journal rows up to ``through``, ``pending`` those after it."""

    metrics: dict[str, Summary]
    through: int
    sets: dict[int, MetricSet]
    changed: set[str] = field(default_factory=set)
    pending: list[bytes] = field(default_factory=list)
    pending_bytes: int = 0
    used: float = field(default_factory=time.monotonic)

    def add(self, number: int, body: bytes, sets: Iterable[MetricSet]) -> None:
        if number <= self.through:
            return
        self.through = number
        self.sets.update((one.number, one) for one in sets)
        self.pending.append(body)
        self.pending_bytes += len(body)
        self.used = time.monotonic()
        if self.pending_bytes > _PENDING_BYTES:
            self.fold_pending()

    def fold(self, frames: Iterable[Frame]) -> None:
        for name, part in _summarise(frames, self.sets).items():
            known = self.metrics.get(name)
            self.metrics[name] = part.summary if known is None else _merge(_Part(known), part).summary
            self.changed.add(name)

    def fold_pending(self) -> None:
        if self.pending:
            self.fold(decode_frame(body) for body in self.pending)
            self.pending.clear()
            self.pending_bytes = 0


class Summaries:
    """Summaries of all sources. Any thread reads; only the writer's thread calls ``note`` and ``write_back``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._sources: dict[int, _Source] = {}
        self._dirty: set[int] = set()
        self._last = 0
        self._is_known = False
        with database.read() as connection:
            self._learn(connection)

    def forget_all(self) -> None:
        """A COMMIT may or may not have reached the disk: what the database holds is read at the next use."""
        with self._lock:
            self._is_known = False
            self._sources.clear()
            self._dirty.clear()

    def note(self, source: int, number: int, body: bytes, sets: Iterable[MetricSet]) -> None:
        """A journal row was committed."""
        with self._lock:
            if not self._is_known:
                return  # whoever learns what the database holds finds this row there
            self._last = max(self._last, number)
            self._dirty.add(source)
            state = self._sources.get(source)
            if state is not None:  # else it is read from the journal when somebody asks
                state.add(number, body, sets)

    def forget(self, source: int) -> None:
        """A source was deleted."""
        with self._lock:
            self._sources.pop(source, None)
            self._dirty.discard(source)

    def has_changed(self) -> bool:
        """Is there something to write back?"""
        return not self._is_known or bool(self._dirty)

    def read(self, sources: Sequence[int]) -> dict[int, dict[str, Summary]]:
        """Summaries by metric name."""
        found: dict[int, dict[str, Summary]] = {}
        with self._database.read() as connection, self._lock:
            self._learn(connection)
            for source in sources:
                if source in self._dirty or source in self._sources:
                    found[source] = dict(self._current(source, connection).metrics)
            found.update(_rows(connection, [source for source in sources if source not in found]))
        return found

    def write_back(self, tx: Connection) -> None:
        """Store what changed since the last time, and up to which journal row that is."""
        with self._lock:
            self._learn(tx)
            written = {source: self._current(source, tx) for source in self._dirty}
            rows = [
                (source, *_to_row(state.metrics[name]))
                for source, state in written.items()
                for name in sorted(state.changed)
            ]
            if rows:
                tx.exec_driver_sql(_UPSERT, rows)
            tx.execute(update(meta).where(_THROUGH).values(value=str(self._last)))
        on_commit(tx, lambda: self._written(written))

    def _written(self, written: dict[int, _Source]) -> None:
        with self._lock:
            for source, state in written.items():
                state.changed.clear()
                self._dirty.discard(source)
            old = time.monotonic() - IDLE_SECONDS
            for source in [number for number, state in self._sources.items() if state.used < old]:
                if source not in self._dirty:
                    del self._sources[source]

    def _learn(self, connection: Connection) -> None:
        if not self._is_known:
            self._last = journal.last_number(connection)
            self._dirty = journal.sources_after(connection, _through(connection))
            self._is_known = True

    def _current(self, source: int, connection: Connection) -> _Source:
        state = self._sources.get(source)
        if state is None:
            state = self._sources[source] = self._load(source, connection)
        state.fold_pending()
        return state

    def _load(self, source: int, connection: Connection) -> _Source:
        through = _through(connection)
        state = _Source(_rows(connection, [source])[source], through, journal.metric_sets(connection, source))
        for part in journal.frames_by_part(connection, source, through):
            state.fold(frame for _, frame in part)
            state.through = part[-1][0]
        return state


def _through(connection: Connection) -> int:
    return int(connection.scalars(select(meta.c.value).where(_THROUGH)).one())


def _rows(connection: Connection, sources: Sequence[int]) -> dict[int, dict[str, Summary]]:
    found: dict[int, dict[str, Summary]] = {source: {} for source in sources}
    for source, *columns in connection.execute(select(run_metric).where(run_metric.c.source.in_(sources))):
        summary = _from_row(columns)
        found[source][summary.name] = summary
    return found


def _to_row(summary: Summary) -> tuple[Any, ...]:
    return tuple(None if isinstance(value, float) and math.isnan(value) else value for value in astuple(summary))


def _from_row(columns: Sequence[Any]) -> Summary:
    name, count, nonfinite, first, last, last_step, last_time, low, min_step, high, max_step = columns
    return Summary(
        name=name,
        count=count,
        nonfinite=nonfinite,
        first=math.nan if first is None else first,
        last=math.nan if last is None else last,
        last_step=_step(last_step),
        last_time=last_time,
        min=low,
        min_step=whole(min_step),
        max=high,
        max_step=whole(max_step),
    )


def _step(number: float) -> float:
    return int(number) if float(number).is_integer() else number


def _summarise(frames: Iterable[Frame], sets: dict[int, MetricSet]) -> dict[str, _Part]:
    # Lazily: the server listens before NumPy is loaded.
    from stepwire.storage.series.columns import join_frames

    found: dict[str, _Part] = {}
    for number, rows in join_frames(frames, sets)[0].items():
        for part in _summarise_set(sets[number].names, rows):
            name = part.summary.name
            found[name] = _merge(found[name], part) if name in found else part
    return found


def _summarise_set(names: Sequence[str], rows: Any) -> list[_Part]:
    import numpy as np

    if not len(rows.order):
        return []
    finite = np.isfinite(rows.values)
    low = np.where(finite, rows.values, np.inf).argmin(axis=0).tolist()
    high = np.where(finite, rows.values, -np.inf).argmax(axis=0).tolist()
    counts = finite.sum(axis=0).tolist()
    steps, order, values = rows.steps, rows.order, rows.values
    length = len(order)
    return [
        _Part(
            Summary(
                name=name,
                count=length,
                nonfinite=length - count,
                first=float(values[0, column]),
                last=float(values[-1, column]),
                last_step=_step(steps[-1].item()),
                last_time=int(rows.times[-1]),
                min=float(values[at_min, column]) if count else None,
                min_step=_step(steps[at_min].item()) if count else None,
                max=float(values[at_max, column]) if count else None,
                max_step=_step(steps[at_max].item()) if count else None,
            ),
            first_at=int(order[0]),
            last_at=int(order[-1]),
            min_at=int(order[at_min]),
            max_at=int(order[at_max]),
        )
        for column, (name, at_min, at_max, count) in enumerate(zip(names, low, high, counts, strict=True))
    ]


def _merge(one: _Part, two: _Part) -> _Part:
    a, b = one.summary, two.summary
    first = a if one.first_at <= two.first_at else b
    last = b if two.last_at >= one.last_at else a
    low = one if _is_before(a.min, one.min_at, b.min, two.min_at) else two
    high = one if _is_before(_negative(a.max), one.max_at, _negative(b.max), two.max_at) else two
    return _Part(
        Summary(
            name=a.name,
            count=a.count + b.count,
            nonfinite=a.nonfinite + b.nonfinite,
            first=first.first,
            last=last.last,
            last_step=last.last_step,
            last_time=last.last_time,
            min=low.summary.min,
            min_step=low.summary.min_step,
            max=high.summary.max,
            max_step=high.summary.max_step,
        ),
        first_at=min(one.first_at, two.first_at),
        last_at=max(one.last_at, two.last_at),
        min_at=low.min_at,
        max_at=high.max_at,
    )


def _is_before(a: float | None, a_at: int, b: float | None, b_at: int) -> bool:
    """Does ``a`` win as the smaller, or as the earlier of equals? ``None`` never wins against a number."""
    if a is None or b is None:
        return b is None
    return (a, a_at) <= (b, b_at)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value
