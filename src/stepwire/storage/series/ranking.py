"""Runs in order of a figure of one metric: out of an index, and out of memory for those whose index is behind."""

import heapq
import sqlite3
from collections.abc import Iterator, Sequence

from stepwire.storage.series.interface import Statistic, Summary

_COLUMNS = {"first": "first", "last": "last", "min": "min", "max": "max", "count": "count"}


def ranked(
    db: sqlite3.Connection,
    name: str,
    statistic: Statistic,
    stale: Sequence[tuple[str, int, Summary]],
    descending: bool,
) -> Iterator[tuple[str, float]]:
    """(source, figure) in order; ties by source number. ``stale`` are the summaries that the index has not."""
    sign = -1 if descending else 1
    fresh = _indexed(db, name, _COLUMNS[statistic], descending)
    behind = sorted(
        (sign * float(value), number, source)
        for source, number, one in stale
        if (value := getattr(one, statistic)) is not None and value == value  # noqa: PLR0124 - NaN has no place
    )
    for value, _, source in heapq.merge(behind, ((sign * value, number, source) for value, number, source in fresh)):
        yield source, sign * value


def _indexed(db: sqlite3.Connection, name: str, column: str, descending: bool) -> Iterator[tuple[float, int, str]]:
    way = "DESC" if descending else "ASC"
    figure = f'run_metric."{column}"'
    query = (
        f"SELECT {figure}, source.number, source.id FROM run_metric JOIN source ON source.number = run_metric.source "
        f"WHERE run_metric.name = ? AND {figure} IS NOT NULL AND source.stale = 0 AND source.kind = 'run' "
        f"ORDER BY {figure} {way}, run_metric.source"
    )
    yield from db.execute(query, (name,))
