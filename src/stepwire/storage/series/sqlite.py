"""The series engine on SQLite: every batch is one row of a journal; reads decode it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection

from stepwire.errors import InvalidError, NotFoundError, SequenceGapError
from stepwire.protocol import MAX_SERIES_PER_RUN, Batch
from stepwire.storage.database import Database
from stepwire.storage.row import check_text, read_cursor, whole
from stepwire.storage.series import journal
from stepwire.storage.series.batch import Rows, check_batch, check_width, cut_rows
from stepwire.storage.series.frames import encode_frame, encode_records, to_batch
from stepwire.storage.series.interface import AcceptedSet, Appended, Axis, Buckets, Grid, RawPage, Stream, Summary
from stepwire.storage.series.journal import MetricSet, StreamRow
from stepwire.storage.series.summary import Summaries
from stepwire.storage.writer import Writer, on_commit

if TYPE_CHECKING:
    from stepwire.storage.series.buckets import Line
    from stepwire.storage.series.columns import ColumnCache, Points

WRITE_BACK_SECONDS = 1.0
_SETS_IN_MEMORY = 10_000


class SqliteSeries:
    """Implements :class:`stepwire.storage.series.interface.SeriesStore`. NumPy is loaded by the first read."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._summaries = Summaries(database)
        self._sets: dict[tuple[int, int], MetricSet] = {}
        self._first_times: dict[int, int] = {}
        self._cursor: int | None = None
        self._columns: ColumnCache | None = None
        writer.after_failure(self._forget_all)
        writer.periodically(WRITE_BACK_SECONDS, self._summaries.write_back, self._summaries.has_changed)

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
        return Stream(row.number, source, writer_id, row.high)

    def append(self, tx: Connection, stream: Stream, batch: Batch) -> Appended:
        """Store what is new of ``batch``; see the interface.

        Raises:
            NotFoundError: The stream's source was deleted.
        """
        row = journal.find_stream(tx, stream.number)
        if row is None:
            raise NotFoundError(f"{stream.source} was deleted.", "run_id")
        if batch.first_seq > row.high + 1:
            raise SequenceGapError(row.high + 1, batch.first_seq)
        rows = check_batch(batch)
        if batch.first_seq + batch.n - 1 <= row.high:
            return Appended(row.high, 0, (), ())
        # Everything that can be wrong is found before the first write: a caller may catch the error and go on.
        names = self._name(tx, row, rows)
        skip = row.high + 1 - batch.first_seq
        kept, records = _cut(rows, names, batch.records, skip)
        encoded = encode_records([record | {"at": record["at"] - skip} for record in records])
        sets = [self._take_set(tx, row, one.sent.id, found) for one, found in zip(rows, names, strict=True)]
        named = [(one, part) for one, part in zip(sets, kept, strict=True) if part.at]
        first_seq, n = batch.first_seq + skip, batch.n - skip
        body = encode_frame(first_seq, n, [(one.number, part) for one, part in named], encoded)
        number = journal.add_frame(tx, row, first_seq, n, body)
        self._note_times(tx, row.source, [min(part.times) for _, part in named])
        on_commit(tx, lambda: self._committed(row, number, body, sets))
        return Appended(first_seq + n - 1, number, tuple(_accepted(one, part) for one, part in named), records)

    def delete(self, tx: Connection, source: str) -> None:
        """Forget a source with all of its points."""
        number = journal.find_source(tx, source)
        if number is not None:
            journal.delete_source(tx, number)
            on_commit(tx, lambda: self._forget(number))

    def _name(self, tx: Connection, row: StreamRow, rows: Sequence[Rows]) -> list[tuple[str, ...]]:
        """The metric names of each set of a batch, checked against the sets known and the values sent."""
        new: dict[int, tuple[str, ...]] = {}
        named = []
        for index, one in enumerate(rows):
            sent, field = one.sent, f"sets[{index}]"
            known = self._find_set(tx, row, sent.id)
            names = known.names if known is not None else new.get(sent.id, sent.names)
            if names is None:
                raise InvalidError(f"{field}.names must come with the first use of set {sent.id}.", f"{field}.names")
            if sent.names is not None and tuple(sent.names) != tuple(names):
                raise InvalidError(f"{field}.names differ from those of set {sent.id} before.", f"{field}.names")
            check_width(one, len(names), f"{field}.values")
            if known is None:
                new[sent.id] = tuple(names)
            named.append(tuple(names))
        if new:
            self._check_room(tx, row.source, [name for names in new.values() for name in names])
        return named

    def _check_room(self, tx: Connection, source: int, more: Sequence[str]) -> None:
        # Counting distinct names reads them all: not before the sum over the sets could be too many.
        if journal.count_names(tx, source) + len(more) <= MAX_SERIES_PER_RUN:
            return
        known = {name for one in journal.metric_sets(tx, source).values() for name in one.names}
        if len(known.union(more)) > MAX_SERIES_PER_RUN:
            raise InvalidError(f"A run has at most {MAX_SERIES_PER_RUN:,} metrics.", "sets")
        # Names that came again and again are not counted so at the next set too.
        journal.set_names_count(tx, source, len(known))

    def _find_set(self, tx: Connection, row: StreamRow, set_id: int) -> MetricSet | None:
        return self._sets.get((row.number, set_id)) or journal.find_metric_set(tx, row.number, set_id)

    def _take_set(self, tx: Connection, row: StreamRow, set_id: int, names: tuple[str, ...]) -> MetricSet:
        return self._find_set(tx, row, set_id) or journal.add_metric_set(tx, row.number, row.source, set_id, names)

    def _note_times(self, tx: Connection, source: int, times: Sequence[int]) -> None:
        if not times:
            return
        earliest = min(times)
        if earliest < self._first_times.get(source, earliest + 1):
            journal.note_time(tx, source, earliest)
            on_commit(tx, lambda: self._first_times.update({source: earliest}))

    # --- after COMMIT, in the writer's thread ------------------------------------------------------------

    def _committed(self, row: StreamRow, number: int, body: bytes, sets: Sequence[MetricSet]) -> None:
        self._cursor = number
        if len(self._sets) > _SETS_IN_MEMORY:
            self._sets.clear()
        for one in sets:
            self._sets[row.number, one.id] = one
        self._summaries.note(row.source, number, body, sets)

    def _forget(self, source: int) -> None:
        self._summaries.forget(source)
        self._first_times.pop(source, None)
        if self._columns is not None:
            self._columns.forget(source)

    def _forget_all(self) -> None:
        # Reads nothing: a database that has just failed may not be readable either.
        self._cursor = None
        self._sets.clear()
        self._first_times.clear()
        self._summaries.forget_all()
        if self._columns is not None:
            self._columns.clear()

    # --- reading -----------------------------------------------------------------------------------------

    def names(self, source: str) -> list[str]:
        """Metric names of a source, sorted."""
        with self._database.read() as connection:
            number = journal.find_source(connection, source)
            sets = {} if number is None else journal.metric_sets(connection, number)
        return sorted({name for one in sets.values() for name in one.names})

    def summaries(self, sources: Sequence[str], names: Sequence[str] | None = None) -> dict[str, list[Summary]]:
        """Summaries per source, by name."""
        with self._database.read() as connection:
            numbers = {source: journal.find_source(connection, source) for source in sources}
        found = self._summaries.read([number for number in numbers.values() if number is not None])
        wanted = None if names is None else set(names)
        return {
            source: [one for name, one in sorted(found.get(number, {}).items()) if wanted is None or name in wanted]
            if number is not None
            else []
            for source, number in numbers.items()
        }

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
    ) -> Buckets:
        """One series in about ``points`` buckets; see the interface."""
        return self.windows(source, [name], x=x, start=start, stop=stop, points=points, origin=origin)[0]

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
    ) -> list[Buckets]:
        """The window of each of ``names``; see the interface."""
        from stepwire.storage.series import buckets

        _check_positive("points", points)
        origins = {} if origin is None else {source: origin}
        lines = self._lines([(source, name) for name in names], x, start, stop, origins)
        return [buckets.window(line, points) for line in lines]

    def grid(
        self,
        series: Sequence[tuple[str, str]],
        *,
        x: Axis,
        start: float | None = None,
        stop: float | None = None,
        points: int = 1000,
        origins: Mapping[str, int] | None = None,
    ) -> Grid:
        """Several series on one shared x; see the interface."""
        from stepwire.storage.series import buckets

        _check_positive("points", points)
        return buckets.grid(self._lines(series, x, start, stop, origins or {}), points)

    def raw(self, source: str, names: Sequence[str], *, cursor: str | None = None, limit: int = 10_000) -> RawPage:
        """The next log rows of ``names``; see the interface."""
        from stepwire.storage.series.raw import RawPager

        _check_positive("limit", limit)
        after = (0, 0) if cursor is None else tuple(read_cursor(cursor, int, int))
        pager = RawPager(names, limit)
        with self._database.read() as connection:
            number = journal.find_source(connection, source)
            if number is not None:
                pager.read(connection, number, (after[0], after[1]))
        return pager.page()

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
            number = journal.find_source(connection, source)
            return 0 if number is None else journal.last_number_of(connection, number)

    def start_time(self, source: str) -> int | None:
        """Time of the source's earliest point (µs)."""
        with self._database.read() as connection:
            return journal.first_time(connection, source)

    def iter_journal(self, source: str) -> Iterator[Batch]:
        """The batches of a source as stored, in order."""
        with self._database.read() as connection:
            number = journal.find_source(connection, source)
            if number is None:
                return
            sets = {key: (one.id, one.names) for key, one in journal.metric_sets(connection, number).items()}
            for _, frame in journal.frames(connection, number):
                yield to_batch(frame, sets)

    def _lines(
        self,
        series: Sequence[tuple[str, str]],
        x: Axis,
        start: float | None,
        stop: float | None,
        origins: Mapping[str, int],
    ) -> "list[Line]":
        from stepwire.storage.series import buckets

        found: dict[str, dict[str, Points]] = {}
        for source in dict.fromkeys(source for source, _ in series):
            found[source] = self._read(source, [name for one, name in series if one == source])
        lines = []
        for source, name in series:
            points = found[source].get(name)
            origin = origins.get(source)
            if origin is None and x == "relative":
                origin = self.start_time(source)
            lines.append(buckets.to_line(source, name, points, x, origin or 0, start, stop))
        return lines

    def _read(self, source: str, names: Sequence[str]) -> "dict[str, Points]":
        from stepwire.storage.series.columns import ColumnCache

        if self._columns is None:
            self._columns = ColumnCache(self._database)
        with self._database.read() as connection:
            number = journal.find_source(connection, source)
        return {} if number is None else self._columns.read(number, names)


def _cut(
    rows: Sequence[Rows], names: Sequence[tuple[str, ...]], records: tuple[dict[str, Any], ...], skip: int
) -> tuple[list[Rows], tuple[dict[str, Any], ...]]:
    """What is not among the first ``skip`` records of a batch."""
    if not skip:
        return list(rows), records
    kept = [cut_rows(one, skip, len(found)) for one, found in zip(rows, names, strict=True)]
    return kept, tuple(record for record in records if record["at"] >= skip)


def _accepted(names: MetricSet, rows: Rows) -> AcceptedSet:
    steps: list[Any] = list(rows.steps) if rows.sent.step_type == "i8" else [whole(step) for step in rows.steps]
    return AcceptedSet(names.names, steps, list(rows.times), rows.sent.values)


def _check_positive(field: str, number: int) -> None:
    if number < 1:
        raise InvalidError(f"{field} must be at least 1.", field)
