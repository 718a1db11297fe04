"""Runs in order of a figure of one metric: out of an index, and out of memory for those whose index is behind."""

import heapq
import math
import sqlite3
from collections.abc import Iterator, Sequence

from stepwire.storage.row import MAX_INT
from stepwire.storage.series.interface import Statistic, Summary

_COLUMNS = {"first": "first", "last": "last", "min": "min", "max": "max", "count": "count"}

Place = tuple[float, int]
"""A figure and the number of the source that has it."""


def ranked(
    db: sqlite3.Connection,
    name: str,
    statistic: Statistic,
    stale: Sequence[tuple[str, int, Summary]],
    *,
    descending: bool,
    after: Place | None,
) -> Iterator[tuple[str, float]]:
    """(source, figure) in order, behind ``after``; ties by source number. ``stale`` is what the index has not."""
    sign = -1 if descending else 1
    begin = (-math.inf, MAX_INT) if after is None else (sign * after[0], after[1])
    behind = sorted(
        (sign * float(value), number, source)
        for source, number, one in stale
        if (value := getattr(one, statistic)) is not None
        and math.isfinite(value)
        and (sign * float(value), number) > begin
    )
    fresh = _indexed(db, name, _COLUMNS[statistic], (sign * begin[0], begin[1]), descending=descending)
    if not behind:
        yield from ((source, value) for value, _, source in fresh)
        return
    for value, _, source in heapq.merge(behind, ((sign * value, number, source) for value, number, source in fresh)):
        yield source, sign * value


def _indexed(
    db: sqlite3.Connection, name: str, column: str, begin: Place, *, descending: bool
) -> Iterator[tuple[float, int, str]]:
    way, past, end = ("DESC", "<", -math.inf) if descending else ("ASC", ">", math.inf)
    figure = f'run_metric."{column}"'
    query = (
        f"SELECT {figure}, source.number, source.id FROM run_metric JOIN source ON source.number = run_metric.source "
        f"WHERE run_metric.name = ? AND {figure} {past}= ? AND ({figure} {past} ? OR run_metric.source > ?) "
        # So that the index is left where the infinite ones begin.
        f"AND {figure} {'>' if descending else '<'} ? AND source.stale = 0 AND source.kind = 'run' "
        f"ORDER BY {figure} {way}, run_metric.source"
    )
    yield from db.execute(query, (name, begin[0], *begin, end))
