"""Raw points as a file: ``/api/runs/{run_id}/export``, and a host's at ``/api/system/export``."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from stepwire.errors import InvalidError, MissingExtraError, NotFoundError
from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.keys import pick
from stepwire.server.samples import host_source
from stepwire.server.stream import SteppedResponse
from stepwire.storage.export.formats import FORMATS, FormatName, check_here, load_format

router = APIRouter(tags=["export"], route_class=StrictRoute)
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {form.media_type: {} for form in FORMATS.values()}, "description": "The file"}
}
Keys = tuple[str | None, list[str] | None]


@router.get("/api/runs/{run_id}/export", response_class=Response, responses=_FILE)
async def export_run(
    context: Ctx,
    run_id: str,
    format: FormatName | None = None,
    keys: str | None = None,
    key: Annotated[list[str] | None, Query()] = None,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Download every stored point of a run, unchanged, those hidden by a rewind included."""
    run = await context.reads(context.storage.catalog.get_run, run_id)
    await context.reads(check_here, context.storage.catalog, run_id)
    return await _file(context, run_id, f"R{run.number}-{run_id}", format or _accepted(accept), (keys, key))


@router.get("/api/system/export", response_class=Response, responses=_FILE)
async def export_host(
    context: Ctx,
    host: str | None = None,
    format: FormatName | None = None,
    keys: str | None = None,
    key: Annotated[list[str] | None, Query()] = None,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Download every stored sample of a host, the server's own when none is named."""
    name = host or context.host
    source = host_source(name)
    known = await context.reads(context.storage.series.names, source)
    if not known and name not in context.hosts:
        raise NotFoundError(f"No host {name[:80]!r} was ever seen.", "host")
    return await _file(context, source, name[:80], format or _accepted(accept), (keys, key))


def _accepted(accept: str) -> FormatName:
    """The first format that the header ``Accept`` names; CSV when it names none."""
    for part in accept.lower().split(","):
        for name, form in FORMATS.items():
            if part.partition(";")[0].strip() == form.media_type:
                return name
    return "csv"


async def _file(context: Context, source: str, title: str, name: FormatName, asked: Keys) -> Response:
    form = FORMATS[name]
    try:
        write = await context.reads(load_format, name)
    except MissingExtraError as error:
        raise InvalidError(f"This server can't write {name}. {error.message}", "format") from None
    names = await context.reads(_chosen, context, source, asked)
    title = re.sub(r"[^A-Za-z0-9._-]", "_", title)
    headers = {"Content-Disposition": f'attachment; filename="{title}.{form.suffix}"'}
    blocks = await context.reads(context.storage.series.scan, source, names)
    return SteppedResponse(context.reads, write(blocks), form.media_type, headers)


def _chosen(context: Context, source: str, asked: Keys) -> list[str] | None:
    if not any(asked):
        return None
    names = context.storage.series.names(source)
    chosen = pick(names, *asked)
    if names and not chosen:
        raise NotFoundError("No metric has a name that keys or key asks for.", "keys")
    return chosen
