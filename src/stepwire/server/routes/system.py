"""Hosts, health, version, and the browser's session."""

import hmac
import platform
import sqlite3
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from stepwire.errors import NotFoundError, UnauthorizedError
from stepwire.limits import PROTOCOL_VERSION
from stepwire.protocol import HostStatus
from stepwire.server.body import StrictRoute
from stepwire.server.context import Context, Ctx
from stepwire.server.problems import encode_json
from stepwire.server.samples import host_source
from stepwire.storage.database import check_writable
from stepwire.version import __version__

router = APIRouter(tags=["system"], route_class=StrictRoute)
MAX_SERIES = 1000
SESSION_SECONDS = 30 * 24 * 3600


class Hosts(BaseModel):
    """The newest sample of each host; the server's own is always there."""

    hosts: list[HostStatus]


class HostSeries(BaseModel):
    """One series of a host."""

    x: list[float]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]


class HostHistory(BaseModel):
    """A host's series over time (µs since 1970)."""

    host: str
    x: Literal["time"] = "time"
    series: dict[str, HostSeries]


class Health(BaseModel):
    """The server takes writes."""

    status: Literal["ok"] = "ok"


class Version(BaseModel):
    """Versions of the server and of what it speaks."""

    version: str
    api: int
    protocol: list[int]
    python: str
    sqlite: str


class Token(BaseModel):
    """The access token that ``stepwire up`` printed."""

    token: Annotated[str, Field(min_length=1, max_length=256)]


@router.get("/api/system/status")
async def system_status(context: Ctx) -> Hosts:
    """Read the newest sample of each host."""
    return Hosts(hosts=sorted(context.hosts.values(), key=lambda status: status.host != context.host))


@router.get("/api/system/history", response_model=HostHistory)
async def system_history(
    context: Ctx,
    host: str | None = None,
    from_: Annotated[float | None, Query(alias="from", allow_inf_nan=False)] = None,
    to: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    points: Annotated[int, Query(ge=1, le=10_000)] = 300,
) -> Response:
    """Read a host's series over time; the server's own host when none is named."""
    body = await context.reads(_history, context, host or context.host, from_, to, points)
    return Response(body, media_type="application/json")


@router.get("/health")
async def health(context: Ctx) -> Health:
    """Answer once a write went through the storage."""
    await context.ingest.submit(check_writable)
    return Health()


@router.get("/api/version")
async def version() -> Version:
    """Tell the versions."""
    return Version(
        version=__version__,
        api=1,
        protocol=[PROTOCOL_VERSION],
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
    )


@router.post("/api/session", status_code=204)
async def open_session(context: Ctx, body: Token, request: Request) -> Response:
    """Swap the token for a cookie that scripts can't read."""
    if not hmac.compare_digest(body.token.encode(), context.token.encode()):
        raise UnauthorizedError(
            "That is not this server's token; `stepwire up` prints the link that holds it.", "token"
        )
    answer = Response(status_code=204)
    secure = request.url.scheme == "https"
    answer.set_cookie(
        context.cookie,
        context.token,
        max_age=SESSION_SECONDS,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return answer


def _history(context: Context, host: str, start: float | None, stop: float | None, points: int) -> bytes:
    source, store = host_source(host), context.storage.series
    names = store.names(source)
    if not names and host not in context.hosts:
        raise NotFoundError(f"No host {host[:80]!r} was ever seen.", "host")
    windows = store.windows(source, names[:MAX_SERIES], x="time", start=start, stop=stop, points=points)
    series = {
        window.name: {"x": window.x, "mean": window.mean, "min": window.min, "max": window.max} for window in windows
    }
    return encode_json({"host": host, "x": "time", "series": series})
