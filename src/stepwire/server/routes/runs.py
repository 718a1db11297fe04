"""``/api/runs``: list, create, read, change, delete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from stepwire.errors import InvalidError, NotFoundError
from stepwire.protocol import Health, Number, RunStatus
from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.hub import wanted
from stepwire.server.moments import moment
from stepwire.server.problems import encode_json
from stepwire.server.ranking import list_ranked, read_sort
from stepwire.server.records import now_us
from stepwire.server.telling import most_telling
from stepwire.server.values import SYSTEM, is_system, to_json
from stepwire.storage.catalog.interface import NewRun, Run, RunFilter
from stepwire.storage.series.interface import Summary

router = APIRouter(prefix="/api/runs", tags=["runs"], route_class=StrictRoute)
FIRST_METRICS = 50
Name = Annotated[str, Field(min_length=1, max_length=256)]
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class MetricSummary(BaseModel):
    """One metric over all of its points."""

    last: Number
    last_step: float
    last_time: str
    min: float | None
    min_step: float | None
    max: float | None
    max_step: float | None
    first: Number
    count: int
    nonfinite: int


class LampAnswer(BaseModel):
    """One lamp: its state, and since when it is in that."""

    state: Literal["alive", "gone", "unknown", "open", "silent", "waiting", "moving", "stalled"]
    since: str


class LampsAnswer(BaseModel):
    """Whether a run lives, by three signs that are judged apart."""

    process: LampAnswer
    link: LampAnswer
    step: LampAnswer


class RunAnswer(BaseModel):
    """A run with the summary of its metrics. ``lamps`` is for running ones that a training script opened."""

    id: str
    number: int
    name: str
    project: str
    status: RunStatus
    health: Health
    lamps: LampsAnswer | None
    reason: str | None
    config: dict[str, Any]
    tags: list[str]
    notes: str
    group: str | None
    total_steps: int | None
    host: str | None
    pid: int | None
    attempt: int
    metric_definitions: dict[str, dict[str, Any]]
    start_time: str | None
    end_time: str | None
    created_at: str
    updated_at: str
    step: float | None
    last_time: str | None
    summary: dict[str, MetricSummary]
    more: bool


class RunPage(BaseModel):
    """A page of runs; ``counts`` is over all runs, by status."""

    runs: list[RunAnswer]
    next_cursor: str | None
    counts: dict[str, int]


class RunChanges(BaseModel):
    """What may be changed of a run."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    status: RunStatus | None = None
    config: dict[str, Any] | None = None
    tags: list[Name] | None = None
    notes: Annotated[str, Field(max_length=65_536)] | None = None
    group: Name | None = None
    total_steps: Annotated[int, Field(ge=0, le=2**53)] | None = None
    project: Name | None = None


class RunToCreate(RunChanges):
    """A run to be made; ``id`` is made when it is left out."""

    name: Name
    id: RunId | None = None


class Deleted(BaseModel):
    """Says what was deleted."""

    id: str
    deleted: Literal[True] = True


@dataclass(frozen=True, slots=True)
class _Columns:
    """The metrics that a request asks for: ``keys`` with commas and globs, ``key`` once per name. None: the first."""

    names: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()

    @classmethod
    def read(cls, keys: str | None, key: Sequence[str] | None) -> "_Columns":
        parts = [part for part in (keys or "").split(",") if part]
        return cls(
            (*(part for part in parts if "*" not in part), *(key or ())), tuple(part for part in parts if "*" in part)
        )

    def has(self, name: str) -> bool:
        return name in self.names or (bool(self.globs) and wanted(name, self.globs))


@router.get("", response_model=RunPage)
async def list_runs(
    context: Ctx,
    project: str | None = None,
    status: str | None = None,
    tag: str | None = None,
    q: str | None = None,
    sort: str = "-created_at",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str | None = None,
    config: Annotated[list[str] | None, Query(max_length=50)] = None,
    keys: str | None = None,
    key: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """List runs, the newest first, or in order of a figure of a metric: ``sort=min(val/loss)``."""
    if status is not None and status not in get_args(RunStatus):
        raise InvalidError(f"status is none of {', '.join(get_args(RunStatus))}.", "status")
    where = RunFilter(project, status, tag, q, sort, limit, cursor, tuple(config or ()))
    return await context.reads(_page, context, where, _Columns.read(keys, key))


@router.post("", response_model=RunAnswer)
async def create_run(context: Ctx, body: RunToCreate) -> Response:
    """Create a run. The same ``id`` with the same content is answered again."""
    run = await context.ingest.create_run(_new_run(body.id, body))
    return await context.reads(_one, context, run)


@router.get("/{run_id}", response_model=RunAnswer)
async def get_run(
    context: Ctx, run_id: str, keys: str | None = None, key: Annotated[list[str] | None, Query()] = None
) -> Response:
    """Read one run."""
    columns = _Columns.read(keys, key)
    return await context.reads(lambda: _one(context, context.storage.catalog.get_run(run_id), columns))


@router.put("/{run_id}", response_model=RunAnswer)
async def update_run(context: Ctx, run_id: RunId, body: RunChanges) -> Response:
    """Change a run, or make it when it is not known and the body has a ``name``."""
    changes = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"status"})
    try:
        run = await context.ingest.update_run(run_id, changes, body.status)
    except NotFoundError:
        if body.name is None:
            raise
        run = await context.ingest.create_run(_new_run(run_id, body))
    return await context.reads(_one, context, run)


@router.delete("/{run_id}")
async def delete_run(context: Ctx, run_id: str) -> Deleted:
    """Delete a run with its points, events and registrations. Files stay."""
    await context.ingest.delete_run(run_id)
    return Deleted(id=run_id)


def _new_run(run_id: str | None, body: RunChanges) -> NewRun:
    return NewRun(
        id=run_id,
        name=body.name or "",
        project=body.project or "default",
        status=body.status or "running",
        config=body.config or {},
        tags=tuple(body.tags or ()),
        notes=body.notes or "",
        group=body.group,
        total_steps=body.total_steps,
    )


def _page(context: Context, where: RunFilter, columns: _Columns) -> Response:
    by = read_sort(where.sort)
    if by is None:
        runs, next_cursor = context.storage.catalog.list_runs(where)
    else:
        runs, next_cursor = list_ranked(context.storage, by, where)
    counts = context.storage.catalog.count_runs()
    return _answer({"runs": _described(context, runs, columns), "next_cursor": next_cursor, "counts": counts})


def _one(context: Context, run: Run, columns: _Columns | None = None) -> Response:
    return _answer(_described(context, [run], columns or _Columns())[0])


def _answer(body: Any) -> Response:
    # Not by way of a response model: it costs more than reading the runs.
    return Response(encode_json(body), media_type="application/json")


def _described(context: Context, runs: Sequence[Run], columns: _Columns) -> list[dict[str, Any]]:
    """The runs as the API shows them, each with the summary of the metrics that ``columns`` names."""
    store, run_ids = context.storage.series, [run.id for run in runs]
    if columns.names and not columns.globs:
        summaries = store.summaries(run_ids, columns.names)
        newest: Mapping[str, tuple[float, int]] = store.newest(run_ids, but=SYSTEM)
        found = [_describe(run, summaries[run.id], newest.get(run.id), more=False) for run in runs]
    else:
        summaries = store.summaries(run_ids)
        found = [_describe_all(run, summaries[run.id], columns) for run in runs]
    return [one | {"lamps": _lamps(context, run)} for one, run in zip(found, runs, strict=True)]


def _lamps(context: Context, run: Run) -> dict[str, dict[str, str | None]] | None:
    lamps = context.liveness.lamps(run.id) if run.status == "running" else None
    if lamps is None:
        return None
    now = now_us()
    return {
        name: {"state": lamp.state, "since": moment(now - round(context.liveness.ago(lamp) * 1e6))}
        for name, lamp in (("process", lamps.process), ("link", lamps.link), ("step", lamps.step))
    }


def _describe_all(run: Run, summaries: list[Summary], columns: _Columns) -> dict[str, Any]:
    found = [one for one in summaries if columns.has(one.name)] if columns.globs else summaries
    logged = [summary for summary in summaries if not is_system(summary.name)]
    last = max(logged, key=lambda summary: summary.last_time, default=None)
    newest = (last.last_step, last.last_time) if last else None
    if columns.globs:
        return _describe(run, found, newest, more=False)
    if len(found) <= FIRST_METRICS:
        return _describe(run, sorted(found, key=lambda summary: is_system(summary.name)), newest, more=False)
    aims = {name for name, definition in run.metric_definitions.items() if "goal" in definition}
    return _describe(run, most_telling(found, aims, FIRST_METRICS), newest, more=True)


def _describe(
    run: Run, summaries: Sequence[Summary], newest: tuple[float, int] | None, *, more: bool
) -> dict[str, Any]:
    step, last_time = newest or (None, None)
    return {name: getattr(run, name) for name in _PLAIN} | {
        "tags": run.tags,
        "start_time": moment(run.start_time),
        "end_time": moment(run.end_time),
        "created_at": moment(run.created_at),
        "updated_at": moment(run.updated_at),
        "step": step,
        "last_time": moment(last_time),
        "summary": {summary.name: _summary(summary) for summary in summaries},
        "more": more,
    }


_PLAIN = (
    "id", "number", "name", "project", "status", "health", "reason", "config", "notes", "group",
    "total_steps", "host", "pid", "attempt", "metric_definitions",
)  # fmt: skip


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "last": to_json(summary.last),
        "last_step": summary.last_step,
        "last_time": moment(summary.last_time),
        "min": summary.min,
        "min_step": summary.min_step,
        "max": summary.max,
        "max_step": summary.max_step,
        "first": to_json(summary.first),
        "count": summary.count,
        "nonfinite": summary.nonfinite,
    }
