"""The series engine on SQLite: the writing side, and the door to the reading side.

What arrives becomes one row of the journal. The keeper moves it into blocks; a read sees both as one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sqlalchemy import Connection

from stepwire.errors import ConflictError, InvalidError, NotFoundError, SequenceGapError
from stepwire.limits import MAX_SERIES_PER_RUN
from stepwire.protocol import Batch
from stepwire.storage.database import Database, driver
from stepwire.storage.row import check_text, read_cursor, whole
from stepwire.storage.series import journal
from stepwire.storage.series.batch import Rows, check_batch, check_names, check_width, cut_rows, join_sets, moved_rows
from stepwire.storage.series.directory import Directories
from stepwire.storage.series.extent import find_older, read_extent
from stepwire.storage.series.frames import encode_frame, encode_records
from stepwire.storage.series.interface import (
    AcceptedSet,
    Appended,
    Axis,
    BandGrid,
    Buckets,
    Dropped,
    DropRule,
    Extent,
    Grid,
    RawBlock,
    RawPage,
    Statistic,
    Stream,
    Summary,
    Totals,
    Usage,
)
from stepwire.storage.series.journal import MetricSet, StreamRow
from stepwire.storage.series.keeper import Keeper
from stepwire.storage.series.totals import Census
from stepwire.storage.writer import Writer, on_commit

if TYPE_CHECKING:
    from stepwire.storage.series.drop import Dropper
    from stepwire.storage.series.reading import Reading
    from stepwire.storage.series.refill import Refill

T = TypeVar("T")
_SETS_IN_MEMORY = 10_000
_ROWS_AT_ONCE = 1000
MAX_GIVEN = 100_000  # rows of one record that pages may have given out


class SqliteSeries:
    """Implements :class:`stepwire.storage.series.interface.SeriesStore`. NumPy is loaded by the first read or seal."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._sets: dict[tuple[int, int], MetricSet] = {}
        self._first_times: dict[int, int] = {}
        self._stale: set[int] = set()
        self._cursor: int | None = None
        self._directories = Directories()
        self._shown: dict[int, dict[str, str]] | None = None
        self._census = Census()
        writer.after_failure(self._forget_all)
        self._keeper = Keeper(database, writer, self._directories, self._refresh)

    @cached_property
    def _reading(self) -> "Reading":
        # Lazily: the server listens before NumPy is loaded.
        from stepwire.storage.series.reading import Reading

        return Reading(self._database, self._directories)

    def close(self) -> None:
        """Stop the background work. The writer must still live."""
        self._keeper.close()

    # --- writing -----------------------------------------------------------------------------------------

    def open_stream(
        self,
        tx: Connection,
        source: str,
        writer_id: str,
        *,
        kind: Literal["run", "host"] = "run",
        attempt: int = 1,
        rank: int = 0,
    ) -> Stream:
        """Find the stream or make it, and its source."""
        check_text("source", source)
        check_text("writer_id", writer_id)
        number = journal.make_source(tx, source, kind)
        row = journal.make_stream(tx, number, writer_id, attempt, rank)
        return Stream(row.number, source, writer_id, row.high, row.attempt, rank)

    def append(self, tx: Connection, stream: Stream, batch: Batch) -> Appended:
        """Store what is new of ``batch``; see the interface."""
        return self.append_all(tx, stream, [batch])

    def append_all(self, tx: Connection, stream: Stream, batches: Sequence[Batch]) -> Appended:
        """Store what is new of batches that follow each other; see the interface.

        Raises:
            NotFoundError: The stream's source was deleted.
        """
        row = journal.find_stream(tx, stream.number)
        if row is None:
            raise NotFoundError(f"{stream.source} was deleted.", "run_id")
        # Everything that can be wrong is found before the first write: a caller may catch the error and go on.
        draft = _Draft(row.high, batches[0].first_seq)
        for batch in batches:
            self._add(tx, row, batch, draft)
        if draft.high == row.high:
            return Appended(row.high, 0, (), ())
        self._check_room(tx, row.source, draft.new)
        first_seq, n = row.high + 1, draft.high - row.high
        moved = first_seq - draft.base
        encoded = encode_records([record | {"at": record["at"] - moved} for record in draft.records])
        sets = {set_id: self._take_set(tx, row, set_id, names) for set_id, names in draft.names.items()}
        parts = [(sets[part.sent.id], part) for part in join_sets(draft.rows)]
        body = encode_frame(first_seq, n, [(one.number, part) for one, part in parts], encoded)
        number = journal.add_frame(tx, row, first_seq, n, body)
        self._note_times(tx, row.source, [min(part.times) for _, part in parts])
        if row.source not in self._stale:
            journal.mark_stale(tx, row.source)
        on_commit(tx, lambda: self._committed(row, number, len(body), parts))
        shown = self._shown_names(tx).get(row.source, {})
        accepted = tuple(_accepted(one, part, shown) for one, part in parts)
        return Appended(draft.high, number, accepted, tuple(draft.records), draft.base)

    def rewind(self, tx: Connection, source: str, attempt: int, step: float) -> None:
        """Hide the points of earlier attempts past ``step``; see the interface."""
        number = journal.find_source(tx, source)
        if number is not None:
            driver(tx).execute(
                "UPDATE stream SET limit_step = min(coalesce(limit_step, ?), ?) WHERE source = ? AND attempt < ?",
                (step, step, number, attempt),
            )
            # For streams of earlier attempts that the server hears of later.
            driver(tx).execute(
                "UPDATE stream SET rewound_to = min(coalesce(rewound_to, ?), ?) WHERE source = ? AND attempt = ?",
                (step, step, number, attempt),
            )
            self._changed(tx, number)

    def rename(self, tx: Connection, source: str, old: str, new: str) -> None:
        """Show a metric under another name; see the interface."""
        check_names([new], "name")
        directory = self._directories.find_in_job(driver(tx), source)
        if directory is None or not directory.has(old):
            raise NotFoundError(f"There is no metric {old} in {source}.", "name")
        if old == new:
            return
        if directory.has(new):
            raise ConflictError(f"{source} has a metric {new} already, or had one that was deleted.", "name")
        db = driver(tx)
        changed = db.execute(
            "UPDATE renamed SET shown = ? WHERE source = ? AND shown = ?", (new, directory.number, old)
        ).rowcount
        if old not in directory.shown and directory.is_logged(old):
            db.execute("INSERT INTO renamed (source, name, shown) VALUES (?, ?, ?)", (directory.number, old, new))
        elif not changed:
            raise NotFoundError(f"There is no metric {old} in {source}.", "name")
        # A name that is shown as itself again needs no row.
        db.execute("DELETE FROM renamed WHERE source = ? AND name = shown", (directory.number,))
        self._shown = None
        self._drop_summary(tx, directory.number, old)

    def delete_metric(self, tx: Connection, source: str, name: str) -> None:
        """Forget the points that a metric has by now; see the interface."""
        db = driver(tx)
        directory = self._directories.find_in_job(db, source)
        if directory is None or not directory.has(name):
            raise NotFoundError(f"There is no metric {name} in {source}.", "name")
        for lane in directory.lanes(name):
            rows = journal.count_rows(db, directory.number, lane.set.stream, lane.set.number)
            db.execute(
                'INSERT OR REPLACE INTO metric_cut (metric_set, "column", rows) VALUES (?, ?, ?)',
                (lane.set.number, lane.column, rows),
            )
        self._drop_summary(tx, directory.number, name)
        on_commit(tx, self._keeper.forget)

    def delete(self, tx: Connection, source: str) -> None:
        """Forget a source with all of its points; the keeper gives the bytes back."""
        number = journal.find_source(tx, source)
        number = journal.find_trashed(tx, source) if number is None else number
        if number is not None:
            journal.set_deleted(tx, number)
            on_commit(tx, lambda: self._forget(number))

    def trash(self, tx: Connection, source: str) -> None:
        """Take a run out of sight; see the interface."""
        number = journal.find_source(tx, source)
        if number is not None:
            journal.set_trashed(tx, number)

    def untrash(self, tx: Connection, source: str) -> None:
        """Bring a run out of the trash."""
        number = journal.find_trashed(tx, source)
        if number is not None:
            journal.set_untrashed(tx, number, source)

    def finish(self, source: str) -> None:
        """Seal what a source has when there is time."""
        with self._database.read() as connection:
            number = journal.find_source(connection, source)
        if number is not None:
            self._keeper.finish(number)

    def seal(self, source: str | None = None) -> None:
        """Seal every committed point now; see the interface."""
        number = None
        if source is not None:
            with self._database.read() as connection:
                number = journal.find_source(connection, source)
            if number is None:
                return
        self._keeper.seal(number)

    @property
    def is_behind(self) -> bool:
        """Whether whoever sends points should be made to wait."""
        return self._keeper.is_behind

    def _shown_names(self, tx: Connection) -> dict[int, dict[str, str]]:
        """By source, the metrics that are shown under another name. They are few."""
        if self._shown is None:
            self._shown = {}
            for source, name, shown in driver(tx).execute("SELECT source, name, shown FROM renamed"):
                self._shown.setdefault(source, {})[name] = shown
        return self._shown

    def _changed(self, tx: Connection, number: int) -> None:
        journal.bump(tx, number)
        journal.mark_stale(tx, number)
        on_commit(tx, lambda: self._keeper.refresh(number))

    def _drop_summary(self, tx: Connection, number: int, name: str) -> None:
        driver(tx).execute("DELETE FROM run_metric WHERE source = ? AND name = ?", (number, name))
        self._changed(tx, number)

    def _add(self, tx: Connection, row: StreamRow, batch: Batch, draft: "_Draft") -> None:
        """Take what is new of one batch into the draft; nothing is written."""
        if batch.first_seq > draft.high + 1:
            raise SequenceGapError(draft.high + 1, batch.first_seq)
        rows = check_batch(batch)
        if batch.first_seq + batch.n - 1 <= draft.high:
            return
        skip = draft.high + 1 - batch.first_seq
        for index, one in enumerate(rows):
            names = self._name(tx, row, one, draft, f"sets[{index}]")
            kept = cut_rows(one, skip, len(names)) if skip else one
            if kept.at:
                draft.rows.append(moved_rows(kept, draft.high - draft.start))
        moved = batch.first_seq - draft.base
        draft.records += [
            {**record, "at": record["at"] + moved} if moved else record
            for record in batch.records
            if record["at"] >= skip
        ]
        draft.high = batch.first_seq + batch.n - 1

    def _name(self, tx: Connection, row: StreamRow, rows: Rows, draft: "_Draft", field: str) -> tuple[str, ...]:
        """The metric names of one set of a batch, checked against the set known and the values sent."""
        sent = rows.sent
        names = draft.names.get(sent.id)
        if names is None:
            known = self._find_set(tx, row, sent.id)
            if known is None:
                if sent.names is None:
                    raise InvalidError(
                        f"{field}.names must come with the first use of set {sent.id}.", f"{field}.names"
                    )
                draft.new += sent.names
            names = tuple(sent.names or ()) if known is None else known.names
        if sent.names is not None and tuple(sent.names) != names:
            raise InvalidError(f"{field}.names differ from those of set {sent.id} before.", f"{field}.names")
        check_width(rows, len(names), f"{field}.values")
        draft.names[sent.id] = names
        return names

    def _check_room(self, tx: Connection, source: int, more: Sequence[str]) -> None:
        # Counting distinct names reads them all: not before the sum over the sets could be too many.
        if not more or journal.count_names(tx, source) + len(more) <= MAX_SERIES_PER_RUN:
            return
        known = journal.logged_names(tx, source)
        if len(known.union(more)) > MAX_SERIES_PER_RUN:
            raise InvalidError(f"A run has at most {MAX_SERIES_PER_RUN:,} metrics.", "sets")
        # Names that came again and again are not counted so at the next set too.
        journal.set_names_count(tx, source, len(known))

    def _find_set(self, tx: Connection, row: StreamRow, set_id: int) -> MetricSet | None:
        return self._sets.get((row.number, set_id)) or journal.find_metric_set(tx, row.number, set_id)

    def _take_set(self, tx: Connection, row: StreamRow, set_id: int, names: tuple[str, ...]) -> MetricSet:
        found = self._find_set(tx, row, set_id)
        if found is None:
            return journal.add_metric_set(tx, row.number, row.source, set_id, names)
        return journal.follow_metric_set(tx, row.number, row.source, found) if found.is_closed else found

    def _note_times(self, tx: Connection, source: int, times: Sequence[int]) -> None:
        if not times:
            return
        earliest = min(times)
        if earliest < self._first_times.get(source, earliest + 1):
            journal.note_time(tx, source, earliest)
            on_commit(tx, lambda: self._first_times.update({source: earliest}))

    # --- after COMMIT, in the writer's thread ------------------------------------------------------------

    def _committed(self, row: StreamRow, number: int, size: int, parts: Sequence[tuple[MetricSet, Rows]]) -> None:
        self._cursor = number
        self._stale.add(row.source)
        if len(self._sets) > _SETS_IN_MEMORY:
            self._sets.clear()
        rows: dict[int, tuple[int, int]] = {}
        for one, part in parts:
            self._sets[row.number, one.id] = one
            rows[one.number] = (rows.get(one.number, (0, 0))[0] + len(part.at), len(one.names))
        self._keeper.note(row.source, row.number, rows, size)

    def _forget(self, source: int) -> None:
        self._first_times.pop(source, None)
        self._stale.discard(source)
        self._keeper.forget()

    def _forget_all(self) -> None:
        # Reads nothing: a database that has just failed may not be readable either.
        self._cursor = None
        self._sets.clear()
        self._first_times.clear()
        self._stale.clear()
        self._keeper.forget_all()
        if "_reading" in self.__dict__:
            self._reading.clear()
        self._directories.clear()
        self._census.clear()
        self._shown = None

    def _refresh(self, source: int) -> "Future[None] | None":
        """Bring ``run_metric`` up to date when all of a source is sealed; in the keeper's thread."""
        seen, rows = self._reading.rows_for_index(source)
        if rows is None:
            return None
        rest = rows[_ROWS_AT_ONCE:]
        for at in range(0, len(rest), _ROWS_AT_ONCE):
            some = rest[at : at + _ROWS_AT_ONCE]
            self._writer.submit(lambda tx, some=some: journal.write_metrics(tx, source, some)).result()  # type: ignore[misc]

        def job(tx: Connection) -> None:
            if journal.state_of(driver(tx), source) == seen:
                journal.write_metrics(tx, source, rows[:_ROWS_AT_ONCE])
                journal.keep_metrics(tx, source, rows)
                journal.mark_fresh(tx, source)
                # Not after COMMIT: an append in the same transaction must mark it again.
                self._stale.discard(source)

        return self._writer.submit(job)

    # --- retention ---------------------------------------------------------------------------------------

    @cached_property
    def _dropper(self) -> "Dropper":
        from stepwire.storage.series.drop import Dropper

        # A set that is closed must not be found in memory by the next job of the same transaction.
        return Dropper(self._database, self._writer, self._keeper, self._directories, self._sets.clear)

    @cached_property
    def _refill(self) -> "Refill":
        from stepwire.storage.series.refill import Refill

        return Refill(self._database, self._keeper, self._directories)

    def extent(self, source: str) -> Extent:
        """The sealed points of a source that are not dropped."""
        with self._database.read() as connection:
            return read_extent(driver(connection), source)

    def state(self, tx: Connection, source: str) -> Any:
        """What changes with a source's points; see the interface."""
        number = journal.find_source(tx, source)
        return None if number is None else journal.state_of(driver(tx), number)

    def raw_older_than(self, before: int) -> list[tuple[str, Literal["run", "host"]]]:
        """Sources with points that are all older than ``before``; see the interface."""
        with self._database.read() as connection:
            return find_older(driver(connection), before)

    def drop(self, source: str, rule: DropRule, proceed: Callable[[], None]) -> Dropped:
        """Drop points that the pyramid stands for; see the interface."""
        found: Dropped = self._dropper.drop(source, rule, proceed)
        if found.points:
            self._keeper.give_back()
        return found

    def refill(self, source: str, extent: Extent, blocks: Iterable[RawBlock], proceed: Callable[[], None]) -> None:
        """Write dropped points back; see the interface."""
        self._refill.fill(source, extent, blocks, proceed)

    def show(self, tx: Connection, extent: Extent) -> None:
        """Read what came back from this commit on; see the interface."""
        from stepwire.storage.series.refill import show

        show(tx, extent)
        self._sets.clear()

    def sweep(self, source: str, proceed: Callable[[], None]) -> None:
        """Remove what a refill has left; see the interface."""
        self._dropper.sweep(source, proceed)

    def give_back(self) -> None:
        """Give every free page back soon."""
        self._keeper.give_back()

    # --- reading -----------------------------------------------------------------------------------------

    def at_once(self, job: Callable[[], T]) -> T:
        """Run ``job``, whose reads all see one moment; see the interface."""
        return self._reading.at_once(job)

    def names(self, source: str, among: Sequence[str] | None = None) -> list[str]:
        """Metric names of a source, sorted; see the interface."""
        return self._reading.names(source, among)

    def ranked(
        self,
        name: str,
        statistic: Statistic,
        *,
        descending: bool = False,
        after: tuple[str, float] | None = None,
    ) -> Iterator[tuple[str, float]]:
        """Sources in order of a figure of one metric; see the interface."""
        return self._reading.ranked(name, statistic, descending=descending, after=after)

    def newest(self, sources: Sequence[str], *, but: str) -> dict[str, tuple[float, int]]:
        """Step and time of each source's newest point; see the interface."""
        return self._reading.newest(sources, but)

    def summaries(self, sources: Sequence[str], names: Sequence[str] | None = None) -> dict[str, list[Summary]]:
        """Summaries per source, by name."""
        return self._reading.summaries(sources, names)

    def window(
        self,
        source: str,
        name: str,
        *,
        x: Axis,
        start: float | None = None,
        stop: float | None = None,
        points: int = 1000,
        origin: int | None = None,
        superseded: bool = False,
    ) -> Buckets:
        """One series in about ``points`` buckets; see the interface."""
        (only,) = self.windows(
            source, [name], x=x, start=start, stop=stop, points=points, origin=origin, superseded=superseded
        )
        return only

    def windows(
        self,
        source: str,
        names: Sequence[str],
        *,
        x: Axis,
        start: float | None = None,
        stop: float | None = None,
        points: int = 1000,
        origin: int | None = None,
        superseded: bool = False,
    ) -> list[Buckets]:
        """The window of each of ``names``; see the interface."""
        _check_positive("points", points)
        asked = [(source, name) for name in names]
        origins = {} if origin is None else {source: origin}
        return self._reading.windows(asked, x, start, stop, points, origins, superseded=superseded)

    def grid(
        self,
        series: Sequence[tuple[str, str]],
        *,
        x: Axis,
        start: float | None = None,
        stop: float | None = None,
        points: int = 1000,
        origins: Mapping[str, int] | None = None,
        superseded: bool = False,
    ) -> Grid:
        """Several series on one shared x; see the interface."""
        _check_positive("points", points)
        return self._reading.grid(series, x, start, stop, points, origins or {}, superseded=superseded)

    def bands(
        self,
        groups: Mapping[str, Sequence[str]],
        names: Sequence[str],
        *,
        x: Axis,
        start: float | None = None,
        stop: float | None = None,
        points: int = 1000,
        origins: Mapping[str, int] | None = None,
    ) -> BandGrid:
        """Each metric over each group of sources; see the interface."""
        _check_positive("points", points)
        return self._reading.bands(groups, names, x, start, stop, points, origins or {})

    def raw(self, source: str, names: Sequence[str], *, cursor: str | None = None, limit: int = 10_000) -> RawPage:
        """The next log rows of ``names``; see the interface."""
        _check_positive("limit", limit)
        stream, seq, given = (0, 0, 0) if cursor is None else read_cursor(cursor, int, int, int)
        if not 0 <= given <= MAX_GIVEN or stream < 0 or seq < 0:
            raise InvalidError("cursor is not one that this server gave out.", "cursor")
        return self._reading.raw(source, names, (stream, seq, given), limit)

    def scan(self, source: str, names: Sequence[str] | None = None) -> Iterator[RawBlock]:
        """Every stored row of a source; see the interface."""
        return self._reading.scan(source, names)

    def records(self, source: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """What was logged beside points; see the interface."""
        return self._reading.records(source)

    def usage(self, source: str) -> Usage:
        """What a source takes on disk."""
        with self._database.read() as connection:
            shown = journal.shown_id(connection, source)
        return self._reading.usage(shown)

    def totals(self) -> Totals:
        """What is stored of all sources."""
        with self._database.read() as connection:
            return self._census.take(driver(connection))

    def cursor(self) -> int:
        """Number of the last committed journal row."""
        known = self._cursor
        if known is not None:
            return known
        # Not kept: the writer may have moved on meanwhile, and says so itself.
        with self._database.read() as connection:
            return journal.last_number(connection)

    def source_cursor(self, source: str) -> int:
        """Number of the last committed journal row of one source."""
        with self._database.read() as connection:
            return journal.last_number_of(connection, source)

    def start_time(self, source: str) -> int | None:
        """Time of the source's earliest point (µs)."""
        with self._database.read() as connection:
            return journal.first_time(connection, source)


class _Draft:
    """What an ``append`` is going to store: records ``start + 1`` to ``high``.

    ``records`` are numbered from ``base``, rows from the first record that is stored.
    """

    def __init__(self, start: int, base: int) -> None:
        self.start = self.high = start
        self.base = base
        self.names: dict[int, tuple[str, ...]] = {}
        self.new: list[str] = []
        self.rows: list[Rows] = []
        self.records: list[dict[str, Any]] = []


def _accepted(one: MetricSet, rows: Rows, shown: Mapping[str, str]) -> AcceptedSet:
    steps: list[Any] = list(rows.steps) if rows.sent.step_type == "i8" else [whole(step) for step in rows.steps]
    names = tuple(shown.get(name, name) for name in one.names) if shown else one.names
    return AcceptedSet(names, steps, list(rows.times), rows.sent.values)


def _check_positive(field: str, number: int) -> None:
    if number < 1:
        raise InvalidError(f"{field} must be at least 1.", field)
