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
* **A repeated step keeps all its points.**

Words: a *source* is a run or a host; a *stream* is one writer (a process life) of a source; a *metric set* is
the ordered names that one log call carries.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import Connection

from stepwire.protocol import Batch

Axis = Literal["step", "time", "relative"]
"""x axis: step number, µs since 1970 (integers), or seconds since the run's first start (floats)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An open stream: its number in the database and ``high``, its last stored sequence number (0: none)."""

    number: int
    source: str
    writer_id: str
    high: int


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
        records: The records that are not points and were new, as they came (``at`` still relative to the
            batch's ``first_seq``).
    """

    high: int
    cursor: int
    sets: tuple[AcceptedSet, ...]
    records: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric of one run, over all of its points. ``min``/``max``/``first``/``last`` as logged.

    ``count`` counts every point, ``nonfinite`` those that are NaN or ±Inf. ``min`` and ``max`` are ``None``
    while no finite point exists. ``first`` and ``last`` may be non-finite; a NaN is told as
    NaN, its payload is only in the points. Steps are those of the point meant; on ties the
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

    def names(self, source: str) -> list[str]:
        """Metric names of a source, sorted."""
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
    ) -> Buckets:
        """One series between ``start`` and ``stop`` (both included; ``None``: open) in about ``points`` buckets.

        ``origin`` (µs) is where ``relative`` counts from; the source's earliest point when left out.
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
    ) -> list[Buckets]:
        """The ``window`` of each of ``names``, in their order, at the price of one reading of the source."""
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
    ) -> Grid:
        """Several (source, name) on one shared x of at most about ``points`` buckets: a whole chart in one pass.

        ``origins`` (µs, by source) are where ``relative`` counts from.
        """
        ...

    def raw(self, source: str, names: Sequence[str], *, cursor: str | None = None, limit: int = 10_000) -> RawPage:
        """The next at most ``limit`` log rows of ``names`` in the order of storing.

        Raises:
            InvalidError: ``cursor`` was not made by this method.
        """
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
        """Forget a source with all of its points."""
        ...

    def iter_journal(self, source: str) -> Iterator[Batch]:
        """The batches of a source as stored, in order (export, tests)."""
        ...
