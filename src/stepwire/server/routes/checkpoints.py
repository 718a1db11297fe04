"""Checkpoints: register, list, read, mark best, forget. Files are never opened here."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt

from stepwire.errors import ForbiddenError, InvalidError
from stepwire.protocol import Number
from stepwire.server.body import StrictRoute
from stepwire.server.context import Ctx
from stepwire.server.moments import moment
from stepwire.server.problems import encode_json
from stepwire.server.values import check_metrics, check_step, to_json
from stepwire.storage.catalog.interface import Checkpoint, NewCheckpoint

router = APIRouter(tags=["checkpoints"], route_class=StrictRoute)
MAX_METADATA_BYTES = 256 * 1024
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class CheckpointAnswer(BaseModel):
    """A registered checkpoint; ``filepath`` is what the client said, ``size`` in bytes."""

    id: str
    run_id: str
    number: int
    filepath: str
    step: float | None
    metrics: dict[str, Any]
    metadata: dict[str, Any]
    is_best: bool
    size: int | None
    sha256: str | None
    verdict: str
    created_at: str


class CheckpointList(BaseModel):
    """All checkpoints of a run, newest first."""

    checkpoints: list[CheckpointAnswer]


class CheckpointToRegister(BaseModel):
    """A checkpoint that a script has written; ``id`` is made when it is left out."""

    model_config = ConfigDict(extra="forbid")

    filepath: Annotated[str, Field(min_length=1, max_length=4096)]
    step: StrictInt | StrictFloat | None = None
    metrics: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    size: Annotated[int, Field(ge=0, le=2**62)] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    id: Id | None = None


class CheckpointDeleted(BaseModel):
    """Says that a registration is forgotten."""

    id: str
    deleted: bool


@router.get("/api/runs/{run_id}/checkpoints")
async def list_checkpoints(context: Ctx, run_id: str) -> CheckpointList:
    """List a run's checkpoints, newest first."""
    found = await context.reads(context.storage.catalog.list_checkpoints, run_id)
    return CheckpointList(checkpoints=[_answer(item) for item in found])


@router.post("/api/runs/{run_id}/checkpoints")
async def register_checkpoint(context: Ctx, run_id: str, body: CheckpointToRegister) -> CheckpointAnswer:
    """Register a checkpoint where it is; the file is not read."""
    if len(encode_json(body.metadata)) > MAX_METADATA_BYTES:
        raise InvalidError("metadata is over 256 KiB; keep large state in the file.", "metadata")
    new = NewCheckpoint(
        id=body.id,
        run_id=run_id,
        filepath=body.filepath,
        step=None if body.step is None else check_step(body.step, "step"),
        metrics=_metrics(body.metrics),
        metadata=body.metadata,
        size=body.size,
        sha256=body.sha256,
    )
    return _answer(await context.ingest.register_checkpoint(new))


@router.get("/api/checkpoints/{checkpoint_id}")
async def get_checkpoint(context: Ctx, checkpoint_id: str) -> CheckpointAnswer:
    """Read one checkpoint."""
    return _answer(await context.reads(context.storage.catalog.get_checkpoint, checkpoint_id))


@router.post("/api/checkpoints/{checkpoint_id}/best")
async def mark_best(context: Ctx, checkpoint_id: str) -> CheckpointAnswer:
    """Mark it best, and no other of its run."""
    return _answer(await context.ingest.mark_best(checkpoint_id))


@router.delete("/api/checkpoints/{checkpoint_id}")
async def delete_checkpoint(context: Ctx, checkpoint_id: str) -> CheckpointDeleted:
    """Forget the registration. The file is never touched."""
    await context.ingest.delete_checkpoint(checkpoint_id)
    return CheckpointDeleted(id=checkpoint_id, deleted=True)


@router.post("/api/checkpoints/{checkpoint_id}/load")
async def load_checkpoint(context: Ctx, checkpoint_id: str) -> CheckpointAnswer:
    """Refused for now: loading from the dashboard is not built yet."""
    found = await context.reads(context.storage.catalog.get_checkpoint, checkpoint_id)
    raise ForbiddenError(
        f"Not allowed yet: loading from the dashboard is not built. Load {found.filepath!r} in the training script."
    )


def _metrics(given: dict[str, Any]) -> dict[str, Number]:
    if not given:
        return {}
    names, values = check_metrics(given, "metrics")
    return {name: to_json(value) for name, value in zip(names, values, strict=True)}


def _answer(found: Checkpoint) -> CheckpointAnswer:
    plain = {name: getattr(found, name) for name in CheckpointAnswer.model_fields if name != "created_at"}
    return CheckpointAnswer.model_construct(**plain, created_at=moment(found.created_at))
