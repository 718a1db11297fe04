"""``/api/runs/{run_id}/environment``: what a run runs in."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from stepwire.errors import NotFoundError
from stepwire.server.body import StrictRoute
from stepwire.server.context import Ctx

router = APIRouter(prefix="/api/runs/{run_id}/environment", tags=["runs"], route_class=StrictRoute)


class EnvironmentAnswer(BaseModel):
    """What an attempt of a run runs in, as its script has found it; null or left empty where it is not known."""

    run_id: str
    attempt: int
    time: int
    command: list[Any] = []
    folder: str | None = None
    python: dict[str, Any] = {}
    packages: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    git: dict[str, Any] | None = None
    hardware: dict[str, Any] = {}


@router.get("", response_model=EnvironmentAnswer, responses={204: {"description": "Nothing was told"}})
async def read_environment(
    context: Ctx, run_id: str, attempt: Annotated[int | None, Query(ge=0, le=2**31)] = None
) -> EnvironmentAnswer | Response:
    """Read what the newest attempt runs in, or the one that ``attempt`` names. Nothing told is 204."""
    await context.reads(context.storage.catalog.get_run, run_id)
    try:
        known = await context.reads(context.storage.catalog.get_environment, run_id, attempt)
    except NotFoundError:
        if attempt is not None:
            raise
        # No fault of who asks: many runs never tell it, and a page asks before the others did.
        return Response(status_code=204)
    told = {name: value for name, value in known.found.items() if value is not None}
    return EnvironmentAnswer(run_id=run_id, attempt=known.attempt, time=known.time, **told)
