"""``/api/runs/{run_id}/logs``: what a run has printed."""

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from stepwire.protocol import Level, LogLine
from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.stream import SteppedResponse
from stepwire.storage.logs.reading import LogFilter, LogPage

router = APIRouter(prefix="/api/runs/{run_id}/logs", tags=["logs"], route_class=StrictRoute)


class LogAnswer(BaseModel):
    """Lines of a run in their order.

    Of lines that take each other's place, as those of a progress bar do, only the newest is here. ``first`` is the
    number of the first line that is still there, ``total`` how many the run has printed so far. The next answer goes
    on at ``next``; ``more`` says that there is something now.
    """

    run_id: str
    lines: list[LogLine]
    first: int
    next: int
    total: int
    more: bool


@router.get("")
async def read_lines(
    context: Ctx,
    run_id: str,
    start: Annotated[int, Query(alias="from", ge=-(2**53), le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    q: Annotated[str, Query(max_length=1000)] = "",
    stream: Annotated[list[Literal["stdout", "stderr"]] | None, Query()] = None,
    level: Annotated[list[Level] | None, Query()] = None,
    rank: Annotated[list[int] | None, Query()] = None,
) -> LogAnswer:
    """Read lines from number ``from`` on; a negative one counts from the end. ``q`` is looked for in any case."""
    await context.reads(context.storage.catalog.get_run, run_id)
    wanted = LogFilter(q, frozenset(stream or ()), frozenset(level or ()), frozenset(rank or ()))
    page = await context.reads(_page, context, run_id, start, limit, wanted)
    return LogAnswer(
        run_id=run_id, lines=page.lines, first=page.first, next=page.next, total=page.total, more=page.more
    )


@router.get("/download", response_class=Response)
async def download_lines(context: Ctx, run_id: str) -> Response:
    """Download all lines as a text file, each with its time and stream in front."""
    await context.reads(context.storage.catalog.get_run, run_id)
    headers = {"Content-Disposition": f'attachment; filename="{run_id}.log"'}
    return SteppedResponse(context.reads, _pieces(context, run_id), "text/plain; charset=utf-8", headers)


def _page(context: Context, run_id: str, start: int, limit: int, wanted: LogFilter) -> LogPage:
    with context.logs.open(run_id) as reader:
        return reader.page(start, limit, wanted)


def _pieces(context: Context, run_id: str) -> Iterator[bytes]:
    with context.logs.open(run_id) as reader:
        yield from reader.pieces()
