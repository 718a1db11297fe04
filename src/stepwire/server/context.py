"""What a route needs, in one value: ``context: Annotated[Context, Depends(get_context)]``."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from stepwire.protocol import HostStatus
from stepwire.server.hub import Hub
from stepwire.server.ingest import Ingest
from stepwire.server.liveness import Liveness
from stepwire.server.reads import Reads
from stepwire.server.retention import Keeping
from stepwire.server.settings import Settings
from stepwire.storage.logs.keeper import RunLogs
from stepwire.storage.open import Storage


@dataclass(slots=True)
class Context:
    """The parts of one running server.

    Attributes:
        logs: What the runs have printed.
        host: Name of this machine.
        server_id: Identity of the database.
        hosts: The newest sample of each host.
    """

    settings: Settings
    storage: Storage
    reads: Reads
    hub: Hub
    ingest: Ingest
    keeping: Keeping
    liveness: Liveness
    logs: RunLogs
    token: str
    cookie: str
    host: str
    server_id: str
    hosts: dict[str, HostStatus] = field(default_factory=dict)


async def get_context(connection: HTTPConnection) -> Context:
    """The context that ``create_app`` made."""
    context: Context = connection.app.state.context
    return context


Ctx = Annotated[Context, Depends(get_context)]
