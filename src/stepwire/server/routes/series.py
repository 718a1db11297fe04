"""``/api/series``: a whole chart, several metrics of several runs on one shared x, in one request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from stepwire.errors import InvalidError
from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.groups import Group, read_group_by
from stepwire.server.hub import wanted
from stepwire.server.problems import encode_json
from stepwire.storage.catalog.interface import Run
from stepwire.storage.series.interface import Axis, Band, Buckets

router = APIRouter(prefix="/api/series", tags=["metrics"], route_class=StrictRoute)
MAX_RUNS = 200
MAX_SERIES = 1000
MAX_BEHIND = 5000

Aggregate = Literal["mean", "std", "median", "iqr", "band"]
_COLUMNS: dict[Aggregate, tuple[str, ...]] = {
    "mean": ("mean", "std"),
    "std": ("mean", "std"),
    "median": ("median", "q25", "q75"),
    "iqr": ("median", "q25", "q75"),
    "band": ("mean", "min", "max"),
}


class ChartSeries(BaseModel):
    """One metric of one run on the chart's x; ``null`` where it has no point."""

    run_id: str
    key: str
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    last: list[float | None]
    count: list[int]
    nonfinite: list[int] | None = None


class ChartBand(BaseModel):
    """One metric over a group of runs on the chart's x; which columns are there depends on ``agg``.

    ``group`` is the value that the runs share, ``null`` for those without one. ``runs`` counts those with a value.
    """

    group: str | None
    key: str
    runs: list[int]
    mean: list[float | None] | None = None
    std: list[float | None] | None = None
    median: list[float | None] | None = None
    q25: list[float | None] | None = None
    q75: list[float | None] | None = None
    min: list[float | None] | None = None
    max: list[float | None] | None = None


class Chart(BaseModel):
    """A chart. ``exact``: every entry is one stored point. ``cursors`` go into ``subscribe``'s ``since``.

    With ``agg`` it has ``bands`` and ``groups`` (the runs of each), and no ``series``.
    """

    x: list[float]
    series: list[ChartSeries]
    exact: bool
    stored: int
    cursors: dict[str, int]
    bands: list[ChartBand] | None = None
    groups: list[Group] | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request asks for."""

    run_ids: tuple[str, ...]
    keys: tuple[str, ...]
    x: Axis
    start: float | None
    stop: float | None
    points: int
    superseded: bool = False


@router.get("", response_model=Chart)
async def read_series(
    context: Ctx,
    runs: str,
    keys: str | None = None,
    key: Annotated[list[str] | None, Query()] = None,
    x: Axis = "step",
    from_: Annotated[float | None, Query(alias="from", allow_inf_nan=False)] = None,
    to: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    points: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    superseded: bool = False,
    agg: Aggregate | None = None,
    group_by: str | None = None,
) -> Response:
    """Read a chart: each run's lines, or with ``agg`` figures over runs. Runs that don't exist (yet) are left out."""
    run_ids = tuple(dict.fromkeys(part for part in runs.split(",") if part))
    if not 0 < len(run_ids) <= MAX_RUNS:
        raise InvalidError(f"runs must name 1 to {MAX_RUNS} runs, separated by commas.", "runs")
    wanted_keys = tuple(part for part in (keys or "").split(",") if part) + tuple(key or ())
    asked = _Asked(run_ids, wanted_keys, x, from_, to, points, superseded)
    if agg is None:
        if group_by is not None:
            raise InvalidError(f"group_by goes with agg: {', '.join(_COLUMNS)}.", "agg")
        body = await context.reads(context.storage.series.at_once, lambda: _chart(context, asked))
    else:
        if superseded:
            raise InvalidError("superseded points are not aggregated; leave out agg or superseded.", "superseded")
        body = await context.reads(context.storage.series.at_once, lambda: _bands(context, asked, agg, group_by))
    return Response(body, media_type="application/json")


def _chart(context: Context, asked: _Asked) -> bytes:
    cursors = _cursors(context, asked)
    lines = _lines(context, asked, MAX_SERIES)
    grid = context.storage.series.grid(
        lines,
        x=asked.x,
        start=asked.start,
        stop=asked.stop,
        points=asked.points,
        origins=_origins(context.storage.catalog.find_runs(asked.run_ids)) if asked.x == "relative" else None,
        superseded=asked.superseded,
    )
    series = [_line(line) for line in grid.series]
    return encode_json({"x": grid.x, "series": series, "exact": grid.exact, "stored": grid.stored, "cursors": cursors})


def _bands(context: Context, asked: _Asked, agg: Aggregate, group_by: str | None) -> bytes:
    value_of = read_group_by(group_by)
    cursors = _cursors(context, asked)
    names = sorted({name for _, name in _lines(context, asked, MAX_BEHIND)})
    runs = context.storage.catalog.find_runs(asked.run_ids)
    groups: dict[str | None, list[str]] = {}
    for run in runs:
        groups.setdefault(value_of(run), []).append(run.id)
    order = sorted(groups, key=lambda value: (value is None, value))
    if len(order) * len(names) > MAX_SERIES:
        raise InvalidError(f"{len(order)} groups of {len(names):,} metrics; a chart holds {MAX_SERIES:,}.", "group_by")
    grid = context.storage.series.bands(
        {str(number): groups[value] for number, value in enumerate(order)},
        names,
        x=asked.x,
        start=asked.start,
        stop=asked.stop,
        points=asked.points,
        origins=_origins(runs) if asked.x == "relative" else None,
    )
    return encode_json(
        {
            "x": grid.x,
            "series": [],
            "exact": False,
            "stored": grid.stored,
            "cursors": cursors,
            "bands": [_band(band, order[int(band.group)], agg) for band in grid.bands if any(band.runs)],
            "groups": [{"group": value, "runs": groups[value]} for value in order],
        }
    )


def _cursors(context: Context, asked: _Asked) -> dict[str, int]:
    return {run_id: context.storage.series.source_cursor(run_id) for run_id in asked.run_ids}


def _lines(context: Context, asked: _Asked, most: int) -> list[tuple[str, str]]:
    """(run, metric) of every line that is asked for."""
    store = context.storage.series
    among = None if any("*" in key for key in asked.keys) else asked.keys
    lines = [
        (run_id, name) for run_id in asked.run_ids for name in store.names(run_id, among) if wanted(name, asked.keys)
    ]
    if len(lines) > most:
        raise InvalidError(f"keys asks for {len(lines):,} lines; a chart holds at most {most:,}.", "keys")
    return lines


def _origins(runs: Sequence[Run]) -> dict[str, int]:
    return {run.id: run.start_time for run in runs if run.start_time is not None}


def _line(line: Buckets) -> dict[str, Any]:
    columns = {name: getattr(line, name) for name in ("mean", "min", "max", "last", "count")}
    odd = {"nonfinite": line.nonfinite} if any(line.nonfinite) else {}
    return {"run_id": line.source, "key": line.name} | columns | odd


def _band(band: Band, group: str | None, agg: Aggregate) -> dict[str, Any]:
    columns = {name: getattr(band, name) for name in _COLUMNS[agg]}
    return {"group": group, "key": band.name, "runs": band.runs} | columns
