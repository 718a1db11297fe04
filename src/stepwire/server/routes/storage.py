"""What the data folder holds, and what one run takes of it."""

from dataclasses import asdict

from fastapi import APIRouter, Response
from pydantic import BaseModel

from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.problems import encode_json
from stepwire.storage.size import measure

router = APIRouter(tags=["system"], route_class=StrictRoute)


class StorageState(BaseModel):
    """Sizes in bytes. ``free_bytes`` is what of ``database_bytes`` waits for new points.

    The journal holds points that are not sealed yet. ``blocks`` and ``series`` are at most as many.
    """

    database_bytes: int
    wal_bytes: int
    free_bytes: int
    journal_rows: int
    journal_bytes: int
    unsealed_points: int
    chunks: int
    blocks: int
    runs: int
    series: int


class RunUsage(BaseModel):
    """What a run takes, in bytes: sealed points, their pyramid, points not sealed yet; ``metrics`` without the last."""

    run_id: str
    points: int
    bytes: int
    raw_bytes: int
    levels_bytes: int
    journal_bytes: int
    metrics: dict[str, int]


@router.get("/api/storage")
async def storage_state(context: Ctx) -> StorageState:
    """Tell how much is stored. Cheap enough to be asked each second."""
    return await context.reads(_state, context)


@router.get("/api/runs/{run_id}/usage", response_model=RunUsage)
async def run_usage(context: Ctx, run_id: str) -> Response:
    """Tell what a run and each of its metrics take on disk."""
    return await context.reads(_usage, context, run_id)


def _state(context: Context) -> StorageState:
    size = measure(context.storage.database)
    return StorageState(
        database_bytes=size.database,
        wal_bytes=size.wal,
        free_bytes=size.free,
        runs=sum(context.storage.catalog.count_runs().values()),
        **asdict(context.storage.series.totals()),
    )


def _usage(context: Context, run_id: str) -> Response:
    context.storage.catalog.get_run(run_id)
    usage = context.storage.series.usage(run_id)
    answer = {
        "run_id": run_id,
        "points": usage.points,
        "bytes": usage.raw + usage.levels + usage.journal,
        "raw_bytes": usage.raw,
        "levels_bytes": usage.levels,
        "journal_bytes": usage.journal,
        "metrics": usage.metrics,
    }
    return Response(encode_json(answer), media_type="application/json")
