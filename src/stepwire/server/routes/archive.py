"""``/api/runs/{run_id}/archive`` and ``/restore``: a run's points as a file beside the database, and back."""

from fastapi import APIRouter
from pydantic import BaseModel

from stepwire.errors import InvalidError, MissingExtraError, NotFoundError
from stepwire.server.body import StrictRoute
from stepwire.server.context import Ctx
from stepwire.server.moments import moment
from stepwire.storage.catalog.interface import Archive, ArchiveState

router = APIRouter(prefix="/api/runs/{run_id}", tags=["retention"], route_class=StrictRoute)


class ArchiveAnswer(BaseModel):
    """The archive of a run; ``file`` lies in the folder ``archive`` of the data folder, ``bytes`` is its size."""

    run_id: str
    state: ArchiveState
    file: str
    bytes: int
    sha256: str
    points: int
    created_at: str | None
    updated_at: str | None


@router.get("/archive")
async def get_archive(context: Ctx, run_id: str) -> ArchiveAnswer:
    """Read how far a run's archive is."""
    await context.reads(context.storage.catalog.get_run, run_id)
    known = await context.reads(context.storage.catalog.get_archive, run_id)
    if known is None:
        raise NotFoundError(f"Run {run_id} has no archive.", "run_id")
    return _answer(known)


@router.post("/archive")
async def archive_run(context: Ctx, run_id: str) -> ArchiveAnswer:
    """Move the points of an ended run into a Parquet file; charts go on. Answered when it is done."""
    try:
        return _answer(await context.keeping.archive(run_id))
    except MissingExtraError as error:
        raise InvalidError(f"This server can't archive. {error.message}") from None


@router.post("/restore")
async def restore_run(context: Ctx, run_id: str) -> ArchiveAnswer:
    """Bring the points of an archived run back and remove the file. Answered when it is done."""
    try:
        return _answer(await context.keeping.restore(run_id))
    except MissingExtraError as error:
        raise InvalidError(f"This server can't restore. {error.message}") from None


def _answer(known: Archive) -> ArchiveAnswer:
    plain = ("run_id", "state", "file", "bytes", "sha256", "points")
    return ArchiveAnswer(
        **{name: getattr(known, name) for name in plain},
        created_at=moment(known.created_at),
        updated_at=moment(known.updated_at),
    )
