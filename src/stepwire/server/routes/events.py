"""``/api/events``: the event log."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from stepwire.protocol import EventMessage, Level
from stepwire.server.body import StrictRoute
from stepwire.server.context import Ctx

router = APIRouter(prefix="/api/events", tags=["events"], route_class=StrictRoute)


class EventList(BaseModel):
    """Events, newest first."""

    events: list[EventMessage]


@router.get("")
async def list_events(
    context: Ctx,
    run_id: str | None = None,
    level: Annotated[list[Level] | None, Query()] = None,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> EventList:
    """List events, newest first; ``before`` continues from an event's id."""
    found = await context.reads(
        context.storage.catalog.list_events,
        run_id=run_id,
        levels=tuple(level or ()),
        before=before,
        limit=limit,
    )
    return EventList(events=found)
