"""``/api/runs``: list, create, read, change, delete."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from stepwire.errors import NotFoundError
from stepwire.protocol import Health, Number, RunStatus
from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.hub import wanted
from stepwire.server.moments import moment
from stepwire.server.values import is_system, to_json
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


class RunAnswer(BaseModel):
    """A run with the summary of its metrics."""

    id: str
    number: int
    name: str
    project: str
    status: RunStatus
    health: Health
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


@router.get("")
async def list_runs(
    context: Ctx,
    project: str | None = None,
    status: str | None = None,
    tag: str | None = None,
    q: str | None = None,
    sort: str = "-created_at",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str | None = None,
    keys: str | None = None,
) -> RunPage:
    """List runs, the newest first."""
    where = RunFilter(project, status, tag, q, sort, limit, cursor)
    return await context.reads(_page, context, where, keys)


@router.post("")
async def create_run(context: Ctx, body: RunToCreate) -> RunAnswer:
    """Create a run. The same ``id`` with the same content is answered again."""
    run = await context.ingest.create_run(_new_run(body.id, body))
    return await context.reads(describe, context, run)


@router.get("/{run_id}")
async def get_run(context: Ctx, run_id: str, keys: str | None = None) -> RunAnswer:
    """Read one run."""
    return await context.reads(lambda: describe(context, context.storage.catalog.get_run(run_id), keys))


@router.put("/{run_id}")
async def update_run(context: Ctx, run_id: RunId, body: RunChanges) -> RunAnswer:
    """Change a run, or make it when it is not known and the body has a ``name``."""
    changes = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"status"})
    try:
        run = await context.ingest.update_run(run_id, changes, body.status)
    except NotFoundError:
        if body.name is None:
            raise
        run = await context.ingest.create_run(_new_run(run_id, body))
    return await context.reads(describe, context, run)


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


def _page(context: Context, where: RunFilter, keys: str | None) -> RunPage:
    runs, next_cursor = context.storage.catalog.list_runs(where)
    summaries = context.storage.series.summaries([run.id for run in runs])
    answers = [_describe(run, summaries.get(run.id, []), keys) for run in runs]
    return RunPage(runs=answers, next_cursor=next_cursor, counts=context.storage.catalog.count_runs())


def describe(context: Context, run: Run, keys: str | None = None) -> RunAnswer:
    """A run as the API shows it, with the summary of the metrics that ``keys`` names."""
    return _describe(run, context.storage.series.summaries([run.id]).get(run.id, []), keys)


def _describe(run: Run, summaries: list[Summary], keys: str | None) -> RunAnswer:
    names = tuple(keys.split(",")) if keys else None
    found = [summary for summary in summaries if wanted(summary.name, names)]
    found.sort(key=lambda summary: is_system(summary.name))
    shown = found if names else found[:FIRST_METRICS]
    logged = [summary for summary in summaries if not is_system(summary.name)]
    newest = max(logged, key=lambda summary: summary.last_time, default=None)
    return RunAnswer.model_construct(
        **{name: getattr(run, name) for name in _PLAIN},
        tags=list(run.tags),
        start_time=moment(run.start_time),
        end_time=moment(run.end_time),
        created_at=moment(run.created_at),
        updated_at=moment(run.updated_at),
        step=newest.last_step if newest else None,
        last_time=moment(newest.last_time) if newest else None,
        summary={summary.name: _summary(summary) for summary in shown},
        more=len(shown) < len(found),
    )


_PLAIN = (
    "id", "number", "name", "project", "status", "health", "reason", "config", "notes", "group",
    "total_steps", "host", "pid", "attempt", "metric_definitions",
)  # fmt: skip


def _summary(summary: Summary) -> MetricSummary:
    return MetricSummary.model_construct(
        last=to_json(summary.last),
        last_step=summary.last_step,
        last_time=moment(summary.last_time),
        min=summary.min,
        min_step=summary.min_step,
        max=summary.max,
        max_step=summary.max_step,
        first=to_json(summary.first),
        count=summary.count,
        nonfinite=summary.nonfinite,
    )
