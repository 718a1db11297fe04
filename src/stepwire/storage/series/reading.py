"""The reading side of the series engine: every read of a store, on snapshots.

Imported lazily: the server listens before NumPy is loaded.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from stepwire.storage.database import Database, driver
from stepwire.storage.series import bands as over_runs
from stepwire.storage.series import buckets, journal, summary, usage
from stepwire.storage.series.buckets import Line
from stepwire.storage.series.directory import Directories
from stepwire.storage.series.encoding import unpack
from stepwire.storage.series.frames import PASSING, decode_frame
from stepwire.storage.series.interface import (
    Axis,
    BandGrid,
    Buckets,
    Grid,
    RawBlock,
    RawPage,
    Statistic,
    Summary,
    Usage,
)
from stepwire.storage.series.ranking import ranked
from stepwire.storage.series.raw import RawPager, scan_source
from stepwire.storage.series.snapshot import Kept, Snapshot
from stepwire.storage.series.tail import BehindError
from stepwire.storage.series.window import Window

T = TypeVar("T")
_MOST_IN = 500
_FINE_LINES = 16  # beyond, a chart may have half as many buckets as asked for: decoding then takes a quarter


class Reading:
    """Reads of all sources. Any thread."""

    def __init__(self, database: Database, directories: Directories) -> None:
        self._database = database
        self._kept = Kept(directories)

    def clear(self) -> None:
        """Drop what is kept between reads."""
        self._kept.clear()

    def at_once(self, job: Callable[[], T]) -> T:
        """Run ``job``, whose reads see one moment; again on a newer one when memory is ahead of it."""
        if self._database.is_at_once:
            return job()
        while True:
            with suppress(BehindError), self._database.at_once():
                return job()

    # --- names and summaries ---------------------------------------------------------------------------

    def names(self, source: str, among: Sequence[str] | None) -> list[str]:
        """Metric names of a source, sorted; those whose every point was deleted are left out."""

        def job(snapshot: Snapshot) -> list[str]:
            directory = snapshot.directory(source)
            if directory is None:
                return []
            found = directory.names() if among is None else sorted(filter(directory.has, set(among)))
            if not directory.cuts:
                return list(found)
            cut = {directory.sets[number].names[column] for number, column in directory.cuts}
            doubtful = {directory.shown.get(name, name) for name in cut}
            return [name for name in found if name not in doubtful or _has_points(snapshot, source, name)]

        return self._kept.read(self._database, job)

    def summaries(self, sources: Sequence[str], names: Sequence[str] | None) -> dict[str, list[Summary]]:
        """Summaries per source, by name."""

        def job(snapshot: Snapshot) -> dict[str, list[Summary]]:
            found: dict[str, list[Summary]] = {source: [] for source in sources}
            fresh: dict[int, str] = {}
            for source, number, stale in _sources(snapshot, sources):
                if stale:
                    found[source] = _computed(snapshot, source, names)
                else:
                    fresh[number] = source
            for number, one in _indexed(snapshot, list(fresh), names):
                found[fresh[number]].append(one)
            return found

        return self._kept.read(self._database, job)

    def newest(self, sources: Sequence[str], but: str) -> dict[str, tuple[float, int]]:
        """Step and time of each source's newest point."""

        def job(snapshot: Snapshot) -> dict[str, tuple[float, int]]:
            found: dict[str, tuple[float, int]] = {}
            fresh: dict[int, str] = {}
            for source, number, stale in _sources(snapshot, sources):
                if not stale:
                    fresh[number] = source
                elif (last := _last_row(snapshot, source, but)) is not None:
                    found[source] = last
            for number, step, time in _newest_indexed(snapshot, list(fresh), but):
                found[fresh[number]] = (step, time)
            return found

        return self._kept.read(self._database, job)

    def ranked(
        self, name: str, statistic: Statistic, *, descending: bool, after: tuple[str, float] | None
    ) -> Iterator[tuple[str, float]]:
        """Sources in order of a figure of one metric, all on one snapshot."""
        while True:
            with self._database.read() as connection:
                snapshot = Snapshot(driver(connection), self._kept)
                try:
                    behind = _stale(snapshot, name)
                except BehindError:
                    if self._database.is_at_once:
                        raise
                    continue
                place = None if after is None else (after[1], _number_of(snapshot, after[0]))
                yield from ranked(snapshot.db, name, statistic, behind, descending=descending, after=place)
                return

    def rows_for_index(self, source: int) -> tuple[Any, list[tuple[Any, ...]] | None]:
        """The rows of ``run_metric`` of a source, and the state they are of; ``None``: none are due."""

        def job(snapshot: Snapshot) -> tuple[Any, list[tuple[Any, ...]] | None]:
            row = snapshot.db.execute("SELECT id, stale, kind FROM source WHERE number = ?", (source,)).fetchone()
            if row is None or not row[1] or row[2] == "deleted" or _has_tail(snapshot, source):
                return None, None
            summaries = _computed(snapshot, row[0], None)
            return journal.state_of(snapshot.db, source), [summary.to_row(one) for one in summaries]

        return self._kept.read(self._database, job)

    # --- charts ----------------------------------------------------------------------------------------

    def windows(
        self,
        series: Sequence[tuple[str, str]],
        x: Axis,
        start: float | None,
        stop: float | None,
        points: int,
        origins: Mapping[str, int],
        *,
        superseded: bool,
    ) -> list[Buckets]:
        """Each series in buckets of its own."""
        lines = self._lines(series, x, start, stop, points, origins, superseded=superseded)
        return [buckets.window(line, points) for line in lines]

    def grid(
        self,
        series: Sequence[tuple[str, str]],
        x: Axis,
        start: float | None,
        stop: float | None,
        points: int,
        origins: Mapping[str, int],
        *,
        superseded: bool,
    ) -> Grid:
        """All series on one shared x."""
        return buckets.grid(self._lines(series, x, start, stop, points, origins, superseded=superseded), points)

    def bands(
        self,
        groups: Mapping[str, Sequence[str]],
        names: Sequence[str],
        x: Axis,
        start: float | None,
        stop: float | None,
        points: int,
        origins: Mapping[str, int],
    ) -> BandGrid:
        """Each metric over each group of sources."""
        sources = dict.fromkeys(source for group in groups.values() for source in group)
        asked = [(source, name) for source in sources for name in names]
        lines = self._lines(asked, x, start, stop, points, origins, superseded=False)
        return over_runs.bands(lines, groups, names, points)

    def _lines(
        self,
        series: Sequence[tuple[str, str]],
        x: Axis,
        start: float | None,
        stop: float | None,
        points: int,
        origins: Mapping[str, int],
        *,
        superseded: bool,
    ) -> list[Line]:
        fewest = points if len(series) <= _FINE_LINES else -(-points // 2)
        window = Window("step" if x == "step" else "time", start, stop, points, superseded, fewest=fewest)

        def job(snapshot: Snapshot) -> list[Line]:
            return [snapshot.line(source, name, x, window, origins.get(source)) for source, name in series]

        return self._kept.read(self._database, job)

    # --- points as they are ----------------------------------------------------------------------------

    def raw(self, source: str, names: Sequence[str], after: tuple[int, int, int], limit: int) -> RawPage:
        """One page of points."""
        return self._kept.read(self._database, lambda snapshot: RawPager(snapshot, source, names, limit).page(after))

    def scan(self, source: str, names: Sequence[str] | None) -> Iterator[RawBlock]:
        """Every row, a chunk at a time, each on a snapshot of its own."""
        return scan_source(lambda job: self._kept.read(self._database, job), source, names)

    def records(self, source: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """What was logged beside points, stream by stream."""
        with self._database.read() as connection:
            db = driver(connection)
            row = db.execute("SELECT number FROM source WHERE id = ?", (source,)).fetchone()
            if row is None:
                return
            streams = "SELECT number, sealed_through FROM stream WHERE source = ? ORDER BY attempt, number"
            for stream, through in db.execute(streams, row).fetchall():
                query = "SELECT body FROM record WHERE source = ? AND stream = ? ORDER BY number"
                for (body,) in db.execute(query, (row[0], stream)):
                    raw = unpack(memoryview(body)[8:], int.from_bytes(body[:8], "little"))
                    yield from ((stream, seq, record) for seq, record in msgspec.msgpack.decode(raw))
                for _, body in journal.bodies(db, row[0], stream, through + 1):
                    frame = decode_frame(body)
                    for record in msgspec.msgpack.decode(frame.records):
                        if record["type"] not in PASSING:
                            yield stream, frame.first_seq + record["at"], record

    def usage(self, source: str) -> Usage:
        """What a source takes on disk."""
        return self._kept.read(self._database, lambda snapshot: usage.measure(snapshot, source))


def _stale(snapshot: Snapshot, name: str) -> list[tuple[str, int, Summary]]:
    """The summaries of one metric that the index has not."""
    rows = snapshot.db.execute("SELECT id, number FROM source WHERE stale = 1 AND kind = 'run'").fetchall()
    return [(source, number, one) for source, number in rows for one in _computed(snapshot, source, [name])]


def _number_of(snapshot: Snapshot, source: str) -> int:
    """Number of a source; 0, before all others, when it is gone."""
    row = snapshot.db.execute("SELECT number FROM source WHERE id = ?", (source,)).fetchone()
    return 0 if row is None else int(row[0])


def _last_row(snapshot: Snapshot, source: str, but: str) -> tuple[float, int] | None:
    """Step and time of the newest visible point, out of the ends of the metric sets."""
    directory = snapshot.directory(source)
    if directory is None:
        return None
    if directory.cuts or any(stream.limit_step is not None for stream in directory.streams.values()):
        every = [one for one in _computed(snapshot, source, None) if not one.name.startswith(but)]
        newest = max(every, key=lambda one: one.last_time, default=None)
        return None if newest is None else (newest.last_step, newest.last_time)
    shown = [number for number, entry in directory.sets.items() if not all(map(_begins(but), entry.names))]
    snapshot.prepare(directory, shown)
    lasts = [last for number in shown if (last := snapshot.reader(number).last_row()) is not None]
    return max(lasts, key=lambda last: last[1], default=None)


def _begins(but: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(but)


def _newest_indexed(snapshot: Snapshot, sources: Sequence[int], but: str) -> Iterator[tuple[int, float, int]]:
    for at in range(0, len(sources), _MOST_IN):
        some = list(sources[at : at + _MOST_IN])
        # With max() SQLite takes the other columns from the row that has it.
        query = (
            f"SELECT source, last_step, max(last_time) FROM run_metric WHERE source IN ({','.join('?' * len(some))}) "
            "AND substr(name, 1, ?) <> ? GROUP BY source"
        )
        for number, step, time in snapshot.db.execute(query, (*some, len(but), but)):
            yield number, int(step) if step.is_integer() else step, time


def _has_points(snapshot: Snapshot, source: str, name: str) -> bool:
    directory = snapshot.directory(source)
    assert directory is not None
    return any(lane.cut < reader.total for lane, reader in snapshot.lanes(directory, name))


def _has_tail(snapshot: Snapshot, source: int) -> bool:
    query = (
        "SELECT 1 FROM stream JOIN journal ON journal.source = stream.source AND journal.stream = stream.number "
        "AND journal.number > stream.sealed_through WHERE stream.source = ? LIMIT 1"
    )
    return snapshot.db.execute(query, (source,)).fetchone() is not None


def _computed(snapshot: Snapshot, source: str, names: Sequence[str] | None) -> list[Summary]:
    """Summaries out of the sets' own figures and the tail."""
    directory = snapshot.directory(source)
    if directory is None:
        return []
    if names is None:
        snapshot.prepare(directory, list(directory.sets))
        wanted: Sequence[str] = directory.names()
    else:
        wanted = sorted(name for name in set(names) if directory.has(name))
    return snapshot.summaries(directory, wanted)


def _sources(snapshot: Snapshot, sources: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    for at in range(0, len(sources), _MOST_IN):
        some = list(sources[at : at + _MOST_IN])
        marks = ",".join("?" * len(some))
        yield from snapshot.db.execute(f"SELECT id, number, stale FROM source WHERE id IN ({marks})", some).fetchall()


def _indexed(snapshot: Snapshot, sources: Sequence[int], names: Sequence[str] | None) -> Iterator[tuple[int, Summary]]:
    """Summaries out of ``run_metric``, by name within each source."""
    query = f"SELECT source, {summary.COLUMNS} FROM run_metric WHERE source IN"
    few = names is not None and len(names) <= _MOST_IN
    for at in range(0, len(sources), _MOST_IN):
        some = list(sources[at : at + _MOST_IN])
        sql, values = f"{query} ({','.join('?' * len(some))})", [*some]
        if few and names is not None:
            sql += f" AND name IN ({','.join('?' * len(names))})"
            values += names  # type: ignore[arg-type]
        for source, *columns in snapshot.db.execute(f"{sql} ORDER BY source, name", values):
            if few or names is None or columns[0] in names:
                yield source, summary.from_row(columns)
