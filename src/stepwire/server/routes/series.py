"""``/api/series``: a whole chart, several metrics of several runs on one shared x, in one request."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from stepwire.errors import InvalidError, NotFoundError
from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.hub import wanted
from stepwire.server.problems import encode_json
from stepwire.storage.series.interface import Axis, Buckets

router = APIRouter(prefix="/api/series", tags=["metrics"], route_class=StrictRoute)
MAX_RUNS = 200
MAX_SERIES = 1000


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


class Chart(BaseModel):
    """A chart. ``exact``: every entry is one stored point. ``cursors`` go into ``subscribe``'s ``since``."""

    x: list[float]
    series: list[ChartSeries]
    exact: bool
    stored: int
    cursors: dict[str, int]


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
) -> Response:
    """Read a chart. Runs that don't exist (yet) are left out."""
    run_ids = tuple(dict.fromkeys(part for part in runs.split(",") if part))
    if not 0 < len(run_ids) <= MAX_RUNS:
        raise InvalidError(f"runs must name 1 to {MAX_RUNS} runs, separated by commas.", "runs")
    wanted_keys = tuple(part for part in (keys or "").split(",") if part) + tuple(key or ())
    body = await context.reads(_chart, context, run_ids, wanted_keys, x, from_, to, points)
    return Response(body, media_type="application/json")


def _chart(
    context: Context,
    run_ids: tuple[str, ...],
    keys: tuple[str, ...],
    x: Axis,
    start: float | None,
    stop: float | None,
    points: int,
) -> bytes:
    store = context.storage.series
    cursors = {run_id: store.source_cursor(run_id) for run_id in run_ids}
    asked = [(run_id, name) for run_id in run_ids for name in store.names(run_id) if wanted(name, keys)]
    if len(asked) > MAX_SERIES:
        raise InvalidError(f"keys asks for {len(asked):,} lines; a chart holds at most {MAX_SERIES:,}.", "keys")
    grid = store.grid(
        asked,
        x=x,
        start=start,
        stop=stop,
        points=points,
        origins=_origins(context, run_ids) if x == "relative" else None,
    )
    series = [_line(line) for line in grid.series]
    return encode_json({"x": grid.x, "series": series, "exact": grid.exact, "stored": grid.stored, "cursors": cursors})


def _origins(context: Context, run_ids: tuple[str, ...]) -> dict[str, int]:
    origins = {}
    for run_id in run_ids:
        try:
            started = context.storage.catalog.get_run(run_id).start_time
        except NotFoundError:
            continue
        if started is not None:
            origins[run_id] = started
    return origins


def _line(line: Buckets) -> dict[str, Any]:
    columns = {name: getattr(line, name) for name in ("mean", "min", "max", "last", "count")}
    odd = {"nonfinite": line.nonfinite} if any(line.nonfinite) else {}
    return {"run_id": line.source, "key": line.name} | columns | odd
