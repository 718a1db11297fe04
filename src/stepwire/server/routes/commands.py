"""Commands to a running script, acknowledged by it."""

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from stepwire.errors import InvalidError
from stepwire.protocol import CommandMessage
from stepwire.server.body import StrictRoute
from stepwire.server.context import Ctx
from stepwire.server.problems import encode_json
from stepwire.server.records import now_us

MAX_ARGS_BYTES = 16 * 1024
router = APIRouter(prefix="/api/runs/{run_id}/commands", tags=["commands"], route_class=StrictRoute)


class CommandToSend(BaseModel):
    """What the run is asked to do; a script that has no way to do it refuses, and says so."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["stop", "save_checkpoint", "evaluate"]
    args: Annotated[dict[str, Any], Field(max_length=64)] = {}


class CommandList(BaseModel):
    """All commands to a run, oldest first."""

    commands: list[CommandMessage]


@router.post("")
async def send_command(context: Ctx, run_id: str, body: CommandToSend) -> CommandMessage:
    """Send a command; its state then goes ``delivered``, ``acknowledged`` or ``refused``."""
    if len(encode_json(body.args)) > MAX_ARGS_BYTES:
        raise InvalidError("args is over 16 KiB.", "args")
    command = CommandMessage(f"cmd_{uuid.uuid4().hex}", run_id, body.command, body.args, time=now_us())
    return await context.ingest.send_command(command)


@router.get("")
async def list_commands(context: Ctx, run_id: str) -> CommandList:
    """List the commands to a run, oldest first."""
    await context.reads(context.storage.catalog.get_run, run_id)
    return CommandList(commands=await context.reads(context.storage.catalog.list_commands, run_id))
