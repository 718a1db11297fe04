"""What a series engine promises. Every engine passes ``tests/contract/test_series.py``.

Promises:

* **Exactly once.** A record is stored once, however often and however cut it is sent. Its identity is
  (source, writer, sequence number).
* **Committed means kept.** ``append`` runs inside the caller's transaction; when that commits, a reader sees
  all of it, before that nothing of it.
* **No extremum is lost.** The smallest and the largest finite value of a window, its first, its last and its
  counts are exact at any width.
* **Nothing is averaged that is not finite.** NaN and ±Inf are kept bit for bit, counted apart, and never
  enter min, max or mean.
* **Order.** Points come in ascending x; equal x in the order of logging. The value at a step is the last one.
  Between streams the order is that of attempts, then of the streams' opening.
* **A repeated step keeps all its points.**
* **A rewind hides, never deletes.** Points of earlier attempts past the step are *superseded*: left out of
  summaries, windows and grids, and read with ``superseded=True``.
* **Where a point lies is nobody's business.** Compaction moves points from the journal into blocks, and a read
  beside it sees each of them exactly once.

Words: a *source* is a run or a host; a *stream* is one writer (a process life) of a source; a *metric set* is
the ordered names that one log call carries; *sealed* points are those in blocks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import Connection

from stepwire.protocol import Batch

T = TypeVar("T")
Statistic = Literal["first", "last", "min", "max", "count"]
"""A figure of a summary that runs can be sorted by."""

Axis = Literal["step", "time", "relative"]
"""x axis: step number, µs since 1970 (integers), or seconds since the run's first start (floats)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An open stream: its number in the database and ``high``, its last stored sequence number (0: none)."""

    number: int
    source: str
    writer_id: str
    high: int
    attempt: int = 1
    rank: int = 0


@dataclass(frozen=True, slots=True)
class AcceptedSet:
    """The rows of one metric set that an ``append`` newly stored, ready for the viewers.

    Attributes:
        names: Metric names, in column order.
        steps: One per row; whole numbers are ``int``.
        times: µs since 1970, one per row.
        values: float64, row-major, one per row and name, as raw little-endian bytes.
    """

    names: tuple[str, ...]
    steps: list[int] | list[float]
    times: list[int]
    values: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """Outcome of one ``append``.

    Attributes:
        high: The stream's last sequence number now; acknowledge up to here after COMMIT.
        cursor: Number of the journal row, growing over all streams; 0 when nothing was new.
        sets: What was new, by metric set.
        records: The records that are not points and were new, as they came; their ``at`` counts from ``first_seq``.
        first_seq: ``first_seq`` of the first batch.
    """

    high: int
    cursor: int
    sets: tuple[AcceptedSet, ...]
    records: tuple[dict[str, Any], ...]
    first_seq: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric of one run, over all of its points. ``min``/``max``/``first``/``last`` as logged.

    ``count`` counts every point, ``nonfinite`` those that are NaN or ±Inf. ``min`` and ``max`` are ``None``
    while no finite point exists. ``first`` and ``last`` may be non-finite; a NaN is told as
    NaN and -0.0 as 0.0, payload and sign are only in the points. Steps are those of the point meant; on ties the
    earliest. Times in µs.
    """

    name: str
    count: int
    nonfinite: int
    first: float
    last: float
    last_step: float
    last_time: int
    min: float | None
    min_step: float | None
    max: float | None
    max_step: float | None


@dataclass(frozen=True, slots=True)
class Buckets:
    """A window of one series, at most about ``points`` entries, ascending x.

    ``mean``, ``min``, ``max`` are over the finite points of a bucket (``None`` when it has none); ``last`` is
    the last logged finite-or-not value. ``exact`` is true when each entry is one stored point (then
    ``mean == min == max == last``, ``count == 1``). ``stored`` counts the points of the whole window. ``x`` is
    the x of each bucket's first point. ``nonfinite`` counts per bucket.
    """

    source: str
    name: str
    x: list[float]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    last: list[float | None]
    count: list[int]
    nonfinite: list[int]
    first_value: float | None
    last_value: float | None
    stored: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Several series on one shared ascending x: ``None`` where a series has no point in a bucket.

    ``series[i]`` has as many entries as ``x``. ``exact`` is true when no bucket of any series holds more than
    one point. ``stored`` counts all points in the window.
    """

    x: list[float]
    series: list[Buckets]
    exact: bool
    stored: int


@dataclass(frozen=True, slots=True)
class Band:
    """Several runs as one line: figures over the runs' own values at each x of a grid, ``None`` where none has one.

    Each run counts once at an x, with the mean of its points there (a run that logs more often does not weigh more).

    Attributes:
        group: What the runs have in common, as the caller named it.
        name: The metric.
        runs: How many runs have a value, per x.
        std: Standard deviation of the population (divided by n).
        q25, q75: Quartiles, linear between neighbours.
        min, max: Over all points of all runs.
    """

    group: str
    name: str
    runs: list[int]
    mean: list[float | None]
    median: list[float | None]
    std: list[float | None]
    min: list[float | None]
    max: list[float | None]
    q25: list[float | None]
    q75: list[float | None]


@dataclass(frozen=True, slots=True)
class BandGrid:
    """Bands on one shared ascending x. ``stored`` counts the points behind them."""

    x: list[float]
    bands: list[Band]
    stored: int


@dataclass(frozen=True, slots=True)
class RawBlock:
    """Some stored rows of one metric set of one stream, in the order of logging, as arrays.

    Attributes:
        writer_id, attempt, rank: The stream.
        set_id: The stream's own ordinal of the metric set.
        row: Number of the first row in its metric set, from 0.
        names: Metric names as shown, one per column of ``values``.
        seqs: int64, the record number of each row in its stream.
        steps: int64, or float64 when a step is not whole.
        times: int64, µs since 1970.
        values: float64, rows × names, bit for bit as logged.
        superseded: bool per row: hidden by a rewind.
        missing: bool per name: deleted points of this metric stand here; its values mean nothing.
    """

    writer_id: str
    attempt: int
    rank: int
    set_id: int
    row: int
    names: tuple[str, ...]
    seqs: Any
    steps: Any
    times: Any
    values: Any
    superseded: Any
    missing: tuple[bool, ...]

    def part(self, start: int, stop: int) -> "RawBlock":
        """Rows ``start`` up to ``stop``, by their numbers in the metric set."""
        rows = slice(start - self.row, stop - self.row)
        arrays = {name: getattr(self, name)[rows] for name in ("seqs", "steps", "times", "values", "superseded")}
        return replace(self, row=start, **arrays)


@dataclass(frozen=True, slots=True)
class DropRule:
    """Which points are dropped once the pyramid stands for them.

    Attributes:
        before: Those of chunks whose newest point is older than this, µs.
        upto: Those of these metric sets, by number, before these rows.
        ended: The source logs no more: chunks go that are not full.
        archived: An archive has them, so that they may come back.
    """

    before: int | None = None
    upto: Mapping[int, int] | None = None
    ended: bool = False
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many values were dropped, and their size in bytes."""

    points: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Extent:
    """The sealed points that a source has, for an archive.

    Attributes:
        sets: (number of the metric set, its first row that is not dropped, the row after its last).
        cuts: (number of the metric set, column, row before which the metric was deleted).
        records: How many records the streams have.
        state: Something that is another when a point, a name or a deletion came.
        last_time: Time of the newest point (µs), 0 when there is none.
    """

    sets: list[tuple[int, int, int]]
    cuts: list[tuple[int, int, int]]
    records: int
    state: Any
    last_time: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a source takes on disk, in bytes of rows (page slack not counted).

    ``raw`` are sealed points, ``levels`` their pyramid and axes, ``journal`` points not sealed yet. ``metrics``
    holds raw and pyramid bytes per metric.
    """

    points: int
    raw: int
    levels: int
    journal: int
    metrics: dict[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """What is stored of all sources, the journal's size in bytes.

    ``unsealed_points`` are those in the journal. ``blocks`` and ``series`` (of runs) count what was deleted too.
    """

    journal_rows: int
    journal_bytes: int
    unsealed_points: int
    chunks: int
    blocks: int
    series: int


@dataclass(frozen=True, slots=True)
class RawPage:
    """Stored points unchanged, per metric; ``next_cursor`` is ``None`` on the last page."""

    keys: dict[str, tuple[list[float], list[int], list[float]]]
    next_cursor: str | None


class SeriesStore(Protocol):
    """Points of runs and hosts. Methods that take ``tx`` run inside the writer's transaction; the others read
    on a connection of their own and may run in any thread.
    """

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
        """Find the stream or make it (and its source). Idempotent."""
        ...

    def append(self, tx: Connection, stream: Stream, batch: Batch) -> Appended:
        """Store what is new of ``batch``; records up to the stream's ``high`` are skipped, an overlap is cut.

        Raises:
            SequenceGapError: ``batch.first_seq`` is past ``high + 1``.
            InvalidError: Buffer lengths don't agree, a metric set is not known, a step is out of range, the
                record numbers aren't inside the batch. Nothing is stored.
            NotFoundError: The stream's source was deleted.
        """
        ...

    def append_all(self, tx: Connection, stream: Stream, batches: Sequence[Batch]) -> Appended:
        """Store several batches of a stream that follow each other, as one ``append`` at the price of one.

        Raises:
            As ``append``, for the first batch that is wrong. Nothing is stored, of the others neither.
        """
        ...

    def rewind(self, tx: Connection, source: str, attempt: int, step: float) -> None:
        """Attempt ``attempt`` goes on from ``step``: points of earlier attempts past it become superseded.

        Those too whose streams are opened later, when the attempt has a stream.
        """
        ...

    def rename(self, tx: Connection, source: str, old: str, new: str) -> None:
        """Show metric ``old`` as ``new`` from now on, points to come too. The points themselves stay.

        Raises:
            NotFoundError: No such metric.
            InvalidError: ``new`` is no name.
            ConflictError: ``new`` is a metric of the source already.
        """
        ...

    def delete_metric(self, tx: Connection, source: str, name: str) -> None:
        """Forget the points that a metric has by now; what is logged later is kept.

        Raises:
            NotFoundError: No such metric.
        """
        ...

    def finish(self, source: str) -> None:
        """The source is not expected to log more soon: seal what it has when there is time. Returns at once."""
        ...

    def seal(self, source: str | None = None) -> None:
        """Seal every committed point of a source, or of all, now. Waits for it; not for the writer's thread."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether so much waits to be sealed that whoever sends points should be made to wait."""
        ...

    def names(self, source: str, among: Sequence[str] | None = None) -> list[str]:
        """Metric names of a source, sorted; with ``among`` those of them that it has."""
        ...

    def ranked(
        self,
        name: str,
        statistic: Statistic,
        *,
        descending: bool = False,
        after: tuple[str, float] | None = None,
    ) -> Iterator[tuple[str, float]]:
        """Sources of kind ``run`` with a finite such figure of this metric, in its order, read as they are asked for.

        Ties by source number. Exact as of the first step of the iteration; no points are read. ``after``: go on
        behind this source, where it stood with this figure; with a source that is gone, at the figure.
        """
        ...

    def newest(self, sources: Sequence[str], *, but: str) -> dict[str, tuple[float, int]]:
        """Step and time (µs) of each source's newest point, metrics whose names begin with ``but`` left out."""
        ...

    def summaries(self, sources: Sequence[str], names: Sequence[str] | None = None) -> dict[str, list[Summary]]:
        """Summaries per source, exact as of the last commit, without reading points."""
        ...

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
        """One series between ``start`` and ``stop`` (both included; ``None``: open) in about ``points`` buckets.

        Every bucket is exact for the points that it counts, and buckets follow each other without a gap; where
        cells of the pyramid stand for points, a bucket's edge may lie less than one cell beside the even grid.
        ``origin`` (µs) is where ``relative`` counts from; the source's earliest point when left out.
        ``superseded``: the points hidden by rewinds instead of the visible ones.
        """
        ...

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
        """The ``window`` of each of ``names``, in their order, at the price of one reading of the source."""
        ...

    def at_once(self, job: Callable[[], T]) -> T:
        """Run ``job`` in this thread and return what it does; all of its reads see one moment of the store.

        It may be run again from the start, so it should only read. Iterators have to be used up within it.
        """
        ...

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
        """Several (source, name) on one shared x of at most about ``points`` buckets: a whole chart in one pass.

        ``origins`` (µs, by source) are where ``relative`` counts from.
        """
        ...

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
        """Each metric over each group of sources: mean, median, spread and extremes at every x of a shared grid."""
        ...

    def raw(self, source: str, names: Sequence[str], *, cursor: str | None = None, limit: int = 10_000) -> RawPage:
        """The next at most ``limit`` log rows of ``names``, stream by stream in the order of logging.

        Points hidden by rewinds are among them, deleted and archived ones are not.

        Raises:
            InvalidError: ``cursor`` was not made by this method.
        """
        ...

    def scan(self, source: str, names: Sequence[str] | None = None) -> Iterator[RawBlock]:
        """Every stored row of a source, some thousand at a time, in constant memory; for exports.

        Points that arrive meanwhile may or may not be there. Deleted and archived points are not.
        """
        ...

    def records(self, source: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """(stream number, record number, record) of what was logged beside points, heartbeats and samples left out."""
        ...

    def usage(self, source: str) -> Usage:
        """What a source takes on disk, in the trash or not."""
        ...

    def totals(self) -> Totals:
        """What is stored of all sources; cheap enough to be asked for each second."""
        ...

    def close(self) -> None:
        """Stop the background work; the writer must still live. What is left is done after the next start."""
        ...

    def cursor(self) -> int:
        """Number of the last committed journal row."""
        ...

    def source_cursor(self, source: str) -> int:
        """Number of the last committed journal row of one source; 0 when it has none."""
        ...

    def start_time(self, source: str) -> int | None:
        """Time of the source's earliest point (µs), from which ``relative`` counts when the run has no start."""
        ...

    def delete(self, tx: Connection, source: str) -> None:
        """Forget a source with all of its points, in the trash or not. Their bytes are given back in the background."""
        ...

    def trash(self, tx: Connection, source: str) -> None:
        """Take a run out of sight: no read finds it, no stream of it can write, until ``untrash``."""
        ...

    def untrash(self, tx: Connection, source: str) -> None:
        """Bring a run out of the trash, with all of its points."""
        ...

    # retention
    def extent(self, source: str) -> Extent:
        """The sealed points of a source that are not dropped."""
        ...

    def state(self, tx: Connection, source: str) -> Any:
        """``Extent.state`` as this transaction sees it; ``None`` when there is no such source."""
        ...

    def raw_older_than(self, before: int) -> list[tuple[str, Literal["run", "host"]]]:
        """Sources with a chunk of points that are all older than ``before`` (µs)."""
        ...

    def drop(self, source: str, rule: DropRule, proceed: Callable[[], None]) -> Dropped:
        """Drop points that the pyramid stands for, after the proof that it does, some at a time.

        Charts, summaries and counts go on as they were; ``raw`` and ``scan`` no longer have these points.
        ``proceed`` is called before each piece; what it raises ends the work, which is whole so far.

        Raises:
            DamagedError: The pyramid does not stand for the points. They stay.
        """
        ...

    def refill(self, source: str, extent: Extent, blocks: Iterable[RawBlock], proceed: Callable[[], None]) -> None:
        """Write dropped points of ``extent`` back; what is there already is left out. ``show`` makes them count.

        Raises:
            DamagedError: The blocks are not the points that the pyramid stands for.
        """
        ...

    def show(self, tx: Connection, extent: Extent) -> None:
        """Read the points that ``refill`` wrote from this commit on.

        Raises:
            DamagedError: Some are missing.
        """
        ...

    def sweep(self, source: str, proceed: Callable[[], None]) -> None:
        """Remove what a ``refill`` that was broken off has written."""
        ...

    def give_back(self) -> None:
        """Give every free page of the file back soon, not only when there are many."""
        ...
