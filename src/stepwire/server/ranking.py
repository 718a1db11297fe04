"""The run list in order of a figure of one metric, ``sort=min(val/loss)``: no points are read for it.

Runs without such a figure come behind those that have one, the newest first. A page goes on where the one before
ended, in either part.
"""

import math
import re
from dataclasses import dataclass
from itertools import islice
from typing import cast

from stepwire.errors import InvalidError
from stepwire.server.values import check_name
from stepwire.storage.catalog.interface import Run, RunFilter
from stepwire.storage.open import Storage
from stepwire.storage.row import check_text, read_cursor, write_cursor
from stepwire.storage.series.interface import Statistic, Summary

_SORT = re.compile(r"(-?)(\w+)\((.*)\)", re.DOTALL)
_STATISTICS = ("min", "max", "first", "last")
_MOST_FIRST = 1000


@dataclass(frozen=True, slots=True)
class MetricSort:
    """``min(loss)``, with ``-`` in front for descending."""

    statistic: Statistic
    name: str
    descending: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run stands in the list. ``figure`` is ``None`` in the second part, which is in the order of the rest."""

    run_id: str
    figure: float | None
    created_at: int = 0
    number: int = 0


def read_sort(sort: str) -> MetricSort | None:
    """The metric that ``sort`` names; ``None`` when it names a field of the run.

    Raises:
        InvalidError: It is neither.
    """
    read = _SORT.fullmatch(sort)
    if read is None:
        return None
    sign, statistic, name = read.groups()
    if statistic not in _STATISTICS:
        raise InvalidError(f"sort knows {', '.join(f'{one}(NAME)' for one in _STATISTICS)} of a metric.", "sort")
    check_text("sort", name)
    return MetricSort(cast(Statistic, statistic), check_name(name, "sort"), descending=bool(sign))


def list_ranked(storage: Storage, by: MetricSort, where: RunFilter) -> tuple[list[Run], str | None]:
    """A page of runs and the cursor of the next one.

    Raises:
        InvalidError: The cursor or a filter is wrong; ``field`` names it.
    """
    after = None if where.cursor is None else _read_place(where.cursor, where.sort)
    page: list[_Place] = []
    if after is None or after.figure is not None:
        page, after = _with_figure(storage, by, where, after), None
    if len(page) <= where.limit:
        page += _without_figure(storage, by, where, after, where.limit + 1 - len(page))
    shown = page[: where.limit]
    runs = storage.catalog.find_runs([place.run_id for place in shown])
    return runs, _write_place(where.sort, shown[-1]) if len(page) > len(shown) else None


def _with_figure(storage: Storage, by: MetricSort, where: RunFilter, after: _Place | None) -> list[_Place]:
    """At most one more than a page, behind ``after``."""
    behind = None if after is None or after.figure is None else (after.run_id, after.figure)
    ranked = storage.series.ranked(by.name, by.statistic, descending=by.descending, after=behind)
    first = list(islice(ranked, min(4 * where.limit + 1, _MOST_FIRST)))
    matching = storage.catalog.matching(where, [run_id for run_id, _ in first])
    found = [_Place(*one) for one in first if one[0] in matching]
    if len(found) <= where.limit and first:  # few runs match: which of all?
        matching = storage.catalog.matching(where)
        found += islice((_Place(*one) for one in ranked if one[0] in matching), where.limit + 1 - len(found))
    return found[: where.limit + 1]


def _without_figure(
    storage: Storage, by: MetricSort, where: RunFilter, after: _Place | None, wanted: int
) -> list[_Place]:
    """The next ``wanted`` runs, the newest first, behind ``after``."""
    before = None if after is None else (after.created_at, after.number)
    rest = storage.catalog.newest_first(where, before)
    first = list(islice(rest, min(4 * wanted, _MOST_FIRST)))
    summaries = storage.series.summaries([one[0] for one in first], [by.name])
    found = [_place(one) for one in first if not any(_has_figure(by, each) for each in summaries[one[0]])]
    if len(found) < wanted and first:  # most runs have one
        ranked = {run_id for run_id, _ in storage.series.ranked(by.name, by.statistic)}
        found += islice((_place(one) for one in rest if one[0] not in ranked), wanted - len(found))
    return found[:wanted]


def _place(row: tuple[str, int, int]) -> _Place:
    return _Place(row[0], None, row[1], row[2])


def _has_figure(by: MetricSort, summary: Summary) -> bool:
    figure = getattr(summary, by.statistic)
    return figure is not None and math.isfinite(figure)


def _write_place(sort: str, place: _Place) -> str:
    figure = "" if place.figure is None else repr(place.figure)
    return write_cursor(sort, place.run_id, figure, place.created_at, place.number)


def _read_place(cursor: str, sort: str) -> _Place:
    begun, run_id, figure, created_at, number = read_cursor(cursor, str, str, str, int, int)
    if begun != sort:
        raise InvalidError("cursor belongs to another sort.", "cursor")
    try:
        read = float(figure) if figure else None
    except ValueError:
        read = math.nan
    if read is not None and not math.isfinite(read):
        raise InvalidError("cursor is not one that this server gave out.", "cursor")
    return _Place(run_id, read, created_at, number)
