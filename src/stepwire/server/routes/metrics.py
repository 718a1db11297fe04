"""``/api/runs/{run_id}/metrics``: add points, read history, newest values and names."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt

from stepwire.errors import ConflictError, InvalidError, NotFoundError, StepwireError
from stepwire.protocol import Number
from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.counterpart import place_at
from stepwire.server.ingest import NewPoint
from stepwire.server.keys import pick, search
from stepwire.server.problems import encode_json
from stepwire.server.records import now_us
from stepwire.server.values import check_metrics, check_name, check_seconds, check_step, is_system, to_json
from stepwire.storage.catalog.interface import StoredAnswer
from stepwire.storage.series.interface import Axis, Buckets

router = APIRouter(prefix="/api/runs/{run_id}/metrics", tags=["metrics"], route_class=StrictRoute)
FIRST_NAMES = 50
MAX_NAMES = 1000
Moment = Annotated[float | None, Query(allow_inf_nan=False)]


class PointBody(BaseModel):
    """The metrics of one step."""

    model_config = ConfigDict(extra="forbid")

    metrics: dict[str, Any]
    step: StrictInt | StrictFloat | None = None
    timestamp: StrictInt | StrictFloat | None = None


class PointsBody(BaseModel):
    """One point, or a batch of ``points``. With ``writer_id`` and ``first_seq`` a retry is harmless."""

    model_config = ConfigDict(extra="forbid")

    metrics: dict[str, Any] | None = None
    step: StrictInt | StrictFloat | None = None
    timestamp: StrictInt | StrictFloat | None = None
    points: list[PointBody] | None = None
    writer_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    first_seq: Annotated[int, Field(ge=1, le=2**62)] | None = None


class Accepted(BaseModel):
    """How many points the request held; they are committed to disk."""

    run_id: str
    accepted: int


class MetricHistory(BaseModel):
    """A window of one metric; ``nonfinite`` is there when any value is not finite."""

    x: list[float]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    last_value: list[float | None]
    count: list[int]
    nonfinite: list[int] | None = None
    first: float | None
    last: float | None
    stored: int
    exact: bool


class History(BaseModel):
    """Windows of a run's metrics; ``more`` says that others exist."""

    run_id: str
    x: Axis
    keys: dict[str, MetricHistory]
    more: bool


class Latest(BaseModel):
    """The newest value of each metric, with its step and time."""

    run_id: str
    step: float | None
    time: int | None
    metrics: dict[str, Number]
    steps: dict[str, float]
    times: dict[str, int]


class MomentAnswer(BaseModel):
    """The newest point of a metric at or before the step or time asked for, else its first one."""

    run_id: str
    key: str
    step: float
    time: int


class Names(BaseModel):
    """Metric names of a run, sorted; ``total`` of them, or as many as ``q`` finds. ``more``: not all are here."""

    run_id: str
    names: list[str]
    total: int
    more: bool


class Renaming(BaseModel):
    """The metric's name now, and the one it is to have."""

    model_config = ConfigDict(extra="forbid")

    from_: Annotated[str, Field(alias="from", min_length=1)]
    to: Annotated[str, Field(min_length=1)]


class Renamed(BaseModel):
    """Says what is shown under which name."""

    run_id: str
    from_: Annotated[str, Field(alias="from")]
    to: str


class MetricDeleted(BaseModel):
    """Says what was deleted."""

    run_id: str
    key: str
    deleted: Literal[True] = True


@router.post("")
async def add_metrics(
    context: Ctx,
    run_id: str,
    body: PointsBody,
    request: Request,
    idempotency_key: Annotated[str | None, Header(max_length=256)] = None,
) -> Accepted:
    """Add points; answered once they are committed to disk."""
    points = _points(body)
    answer = Accepted(run_id=run_id, accepted=len(points))
    if idempotency_key is None:
        await context.ingest.add_points(run_id, points, writer_id=body.writer_id or "rest", first_seq=body.first_seq)
        return answer
    stored = StoredAnswer(hashlib.sha256(await request.body()).hexdigest(), 200, answer.model_dump_json().encode())
    given = await context.ingest.add_points_once(
        run_id,
        points,
        f"{run_id}:{idempotency_key}",
        stored,
        writer_id=body.writer_id or "rest",
        first_seq=body.first_seq,
    )
    if given.digest != stored.digest:
        raise ConflictError("This Idempotency-Key was used for another body.", "Idempotency-Key")
    return Accepted.model_validate_json(given.body)


@router.get("", response_model=History)
async def read_metrics(
    context: Ctx,
    run_id: str,
    keys: str | None = None,
    key: Annotated[list[str] | None, Query()] = None,
    x: Axis = "step",
    from_: Annotated[float | None, Query(alias="from", allow_inf_nan=False)] = None,
    to: Moment = None,
    points: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    superseded: bool = False,
    raw: bool = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
) -> Response:
    """Read history: windows with exact extremes, or with ``raw=true`` the stored points page by page."""
    if raw:
        return await context.reads(_raw, context, run_id, (keys, key), cursor, limit)
    window = {"x": x, "start": from_, "stop": to, "points": points, "superseded": superseded}
    return await context.reads(_history, context, run_id, (keys, key), window)


@router.get("/latest")
async def latest_metrics(context: Ctx, run_id: str) -> Latest:
    """Read the newest value of each metric."""
    return await context.reads(_latest, context, run_id)


@router.get("/moment")
async def metric_moment(
    context: Ctx,
    run_id: str,
    key: Annotated[str, Query(max_length=512)],
    step: Moment = None,
    time: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
) -> MomentAnswer:
    """Find when a run was at ``step``, or at which step it was at ``time`` (µs since 1970)."""
    if (step is None) == (time is None):
        raise InvalidError("Give either step or time.", "step")
    return await context.reads(_moment, context, run_id, key, step, time)


@router.get("/names", response_model=Names)
async def metric_names(
    context: Ctx,
    run_id: str,
    q: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000_000)] = 1_000_000,
) -> Response:
    """List metric names: all, or those that hold ``q``, or fit it when it has ``*`` or ``?``."""
    return await context.reads(_names, context, run_id, q, limit)


@router.post("/rename")
async def rename_metric(context: Ctx, run_id: str, body: Renaming) -> Renamed:
    """Show a metric under another name from now on, points to come too."""
    with _blamed({NotFoundError: "from", InvalidError: "to", ConflictError: "to"}):
        await context.ingest.rename_metric(run_id, body.from_, check_name(body.to, "to"))
    return Renamed.model_validate({"run_id": run_id, "from": body.from_, "to": body.to})


@router.delete("")
async def delete_metric(context: Ctx, run_id: str, key: str) -> MetricDeleted:
    """Forget the points that a metric has by now; what is logged later is kept."""
    with _blamed({NotFoundError: "key"}):
        await context.ingest.delete_metric(run_id, key)
    return MetricDeleted(run_id=run_id, key=key)


@contextmanager
def _blamed(fields: dict[type[StepwireError], str]) -> Iterator[None]:
    """The series' errors are about a ``name``; a request has another field for it."""
    try:
        yield
    except StepwireError as error:
        if error.field == "name":
            error.field = fields.get(type(error), error.field)
        raise


def _points(body: PointsBody) -> list[NewPoint]:
    if body.points is not None and body.metrics is not None:
        raise InvalidError("Send either metrics or points, not both.", "points")
    given = body.points
    if body.metrics is not None:
        given = [PointBody(metrics=body.metrics, step=body.step, timestamp=body.timestamp)]
    if not given:
        raise InvalidError('metrics is missing: send {"step": 1, "metrics": {"loss": 0.5}}.', "metrics")
    return [_point(point, f"points[{at}]." if body.points is not None else "") for at, point in enumerate(given)]


def _point(point: PointBody, field: str) -> NewPoint:
    step = None if point.step is None else check_step(point.step, f"{field}step")
    names, values = check_metrics(point.metrics, f"{field}metrics")
    when = now_us() if point.timestamp is None else check_seconds(point.timestamp, f"{field}timestamp")
    return step, when, dict(zip(names, values, strict=True))


def _chosen(context: Context, run_id: str, asked: tuple[str | None, list[str] | None]) -> tuple[list[str], bool]:
    context.storage.catalog.get_run(run_id)
    names = context.storage.series.names(run_id)
    if any(asked):
        chosen = pick(names, *asked)
        if len(chosen) > MAX_NAMES:
            raise InvalidError(f"keys asks for {len(chosen):,} metrics; one answer holds {MAX_NAMES:,}.", "keys")
        return chosen, False
    names.sort(key=is_system)
    return names[:FIRST_NAMES], len(names) > FIRST_NAMES


def _history(
    context: Context,
    run_id: str,
    asked: tuple[str | None, list[str] | None],
    window: dict[str, Any],
) -> Response:
    names, more = _chosen(context, run_id, asked)
    origin = context.storage.catalog.get_run(run_id).start_time
    windows = context.storage.series.windows(run_id, names, origin=origin, **window)
    body = {
        "run_id": run_id,
        "x": window["x"],
        "keys": {window.name: _window(window) for window in windows},
        "more": more,
    }
    return Response(encode_json(body), media_type="application/json")


def _window(window: Buckets) -> dict[str, Any]:
    columns = {name: getattr(window, name) for name in ("x", "mean", "min", "max", "count")}
    ends = {"first": window.first_value, "last": window.last_value, "last_value": window.last}
    odd = {"nonfinite": window.nonfinite} if any(window.nonfinite) else {}
    return columns | ends | odd | {"stored": window.stored, "exact": window.exact}


def _raw(
    context: Context, run_id: str, asked: tuple[str | None, list[str] | None], cursor: str | None, limit: int
) -> Response:
    names, _ = _chosen(context, run_id, asked)
    page = context.storage.series.raw(run_id, names, cursor=cursor, limit=limit)
    keys = {
        name: {"step": steps, "time": times, "value": [to_json(value) for value in values]}
        for name, (steps, times, values) in page.keys.items()
    }
    return Response(
        encode_json({"run_id": run_id, "keys": keys, "next_cursor": page.next_cursor}),
        media_type="application/json",
    )


def _latest(context: Context, run_id: str) -> Latest:
    context.storage.catalog.get_run(run_id)
    found = context.storage.series.summaries([run_id]).get(run_id, [])
    logged = [summary for summary in found if not is_system(summary.name)]
    newest = max(logged, key=lambda summary: summary.last_time, default=None)
    return Latest(
        run_id=run_id,
        step=newest.last_step if newest else None,
        time=newest.last_time if newest else None,
        metrics={summary.name: to_json(summary.last) for summary in found},
        steps={summary.name: summary.last_step for summary in found},
        times={summary.name: summary.last_time for summary in found},
    )


def _moment(context: Context, run_id: str, key: str, step: float | None, time: int | None) -> MomentAnswer:
    context.storage.catalog.get_run(run_id)
    series = context.storage.series

    def read(axis: Axis, start: float | None, stop: float | None) -> Buckets:
        return series.window(run_id, key, x=axis, start=start, stop=stop)

    axis, value = ("step", step) if step is not None else ("time", time or 0)
    place = series.at_once(lambda: place_at(read, cast("Axis", axis), value))
    if place is None:
        raise NotFoundError(f"Run {run_id} has no points of {key}.", "key")
    return MomentAnswer(run_id=run_id, key=key, step=place.step, time=place.time)


def _names(context: Context, run_id: str, q: str | None, limit: int) -> Response:
    context.storage.catalog.get_run(run_id)
    names = context.storage.series.names(run_id)
    found = search(names, q) if q else names
    answer = {"run_id": run_id, "names": found[:limit], "total": len(found), "more": len(found) > limit}
    return Response(encode_json(answer), media_type="application/json")
