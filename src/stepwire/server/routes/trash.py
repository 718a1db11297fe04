"""``/api/trash``: deleted runs, until they are deleted for good."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from stepwire.protocol import RunStatus
from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.moments import moment
from stepwire.storage.catalog.interface import TrashedRun
from stepwire.storage.retention import DAY_US

router = APIRouter(tags=["retention"], route_class=StrictRoute)


class TrashedAnswer(BaseModel):
    """A run in the trash; it is deleted for good some minutes after ``purge_at``."""

    id: str
    number: int
    name: str
    project: str
    status: RunStatus
    deleted_at: str | None
    purge_at: str | None


class Trash(BaseModel):
    """All runs in the trash, the last deleted first."""

    runs: list[TrashedAnswer]


class Undeleted(BaseModel):
    """Says which run is back."""

    id: str
    undeleted: Literal[True] = True


class Purged(BaseModel):
    """Says which run is deleted for good."""

    id: str
    deleted: Literal[True] = True


class Emptied(BaseModel):
    """Says how many runs were deleted for good."""

    deleted: int


@router.get("/api/trash")
async def list_trash(context: Ctx) -> Trash:
    """List the runs that were deleted and can still come back."""
    found = await context.reads(context.storage.catalog.list_trash)
    return Trash(runs=[_answer(context, one) for one in found])


@router.post("/api/runs/{run_id}/undelete")
async def undelete_run(context: Ctx, run_id: str) -> Undeleted:
    """Take a run out of the trash, with everything that it had."""
    await context.ingest.undelete_run(run_id)
    return Undeleted(id=run_id)


@router.delete("/api/trash/{run_id}")
async def purge_run(context: Ctx, run_id: str) -> Purged:
    """Delete a run in the trash for good, with its points and its archive."""
    await context.keeping.purge(run_id)
    return Purged(id=run_id)


@router.delete("/api/trash")
async def empty_trash(context: Ctx) -> Emptied:
    """Delete every run in the trash for good."""
    return Emptied(deleted=await context.keeping.empty_trash())


def _answer(context: Context, one: TrashedRun) -> TrashedAnswer:
    plain = ("id", "number", "name", "project", "status")
    return TrashedAnswer(
        **{name: getattr(one.run, name) for name in plain},
        deleted_at=moment(one.deleted_at),
        purge_at=moment(one.deleted_at + int(context.settings.trash_days * DAY_US)),
    )
