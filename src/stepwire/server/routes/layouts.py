"""``/api/layouts``: what users saved of how the page is laid out. The server keeps it and does not read it."""

import unicodedata
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from stepwire.errors import InvalidError, TooLargeError
from stepwire.server.body import StrictRoute
from stepwire.server.context import Ctx
from stepwire.server.moments import moment
from stepwire.server.problems import encode_json
from stepwire.server.records import now_us
from stepwire.storage.catalog.interface import Layout

router = APIRouter(prefix="/api/layouts", tags=["layouts"], route_class=StrictRoute)
MAX_NAME = 64
MAX_LAYOUT_BYTES = 64 * 1024


class LayoutName(BaseModel):
    """A layout that is there."""

    name: str
    updated_at: str | None


class LayoutList(BaseModel):
    """All layouts, by name."""

    layouts: list[LayoutName]


class LayoutAnswer(LayoutName):
    """A layout, as the page saved it."""

    layout: dict[str, Any]


class LayoutToSave(BaseModel):
    """A layout, in a form that the page alone knows."""

    model_config = ConfigDict(extra="forbid")

    layout: dict[str, Any]


class LayoutDeleted(BaseModel):
    """Says that a layout is forgotten."""

    name: str
    deleted: bool


@router.get("")
async def list_layouts(context: Ctx) -> LayoutList:
    """List the names of all layouts."""
    found = await context.reads(context.storage.catalog.list_layouts)
    return LayoutList(layouts=[LayoutName(name=one.name, updated_at=moment(one.updated_at)) for one in found])


# A name may have slashes in it.
@router.get("/{name:path}")
async def get_layout(context: Ctx, name: str) -> LayoutAnswer:
    """Read one layout."""
    return _answer(await context.reads(context.storage.catalog.get_layout, name))


@router.put("/{name:path}")
async def save_layout(context: Ctx, name: str, body: LayoutToSave) -> LayoutAnswer:
    """Save a layout, in place of the one of that name."""
    _check_name(name)
    if len(encode_json(body.layout)) > MAX_LAYOUT_BYTES:
        raise TooLargeError("layout is over 64 KiB.", "layout")
    return _answer(
        await context.ingest.submit(lambda tx: context.storage.catalog.put_layout(tx, name, body.layout, now_us()))
    )


@router.delete("/{name:path}")
async def delete_layout(context: Ctx, name: str) -> LayoutDeleted:
    """Forget a layout."""
    await context.ingest.submit(lambda tx: context.storage.catalog.delete_layout(tx, name))
    return LayoutDeleted(name=name, deleted=True)


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidError(f"name must have 1 to {MAX_NAME} characters.", "name")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise InvalidError("name must not contain control characters.", "name")
    # Browsers read these as steps in the address.
    if name in {".", ".."}:
        raise InvalidError("name must be more than dots.", "name")


def _answer(found: Layout) -> LayoutAnswer:
    return LayoutAnswer(name=found.name, layout=found.body, updated_at=moment(found.updated_at))
