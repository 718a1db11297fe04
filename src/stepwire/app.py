"""``create_app(settings)``: the only place that wires a server together."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from stepwire.errors import StepwireError
from stepwire.server.context import Context
from stepwire.server.guard import Guard
from stepwire.server.hub import Hub
from stepwire.server.ingest import Ingest
from stepwire.server.jobs import Jobs
from stepwire.server.liveness import Liveness
from stepwire.server.peer import PeerLookup, peer_uid
from stepwire.server.problems import install_problems
from stepwire.server.reads import Reads
from stepwire.server.routes import checkpoints, commands, events, live, metrics, runs, series, system
from stepwire.server.settings import Settings
from stepwire.server.static import Page
from stepwire.storage.catalog.interface import RunFilter
from stepwire.storage.open import open_storage
from stepwire.version import __version__

ROUTES = (runs, metrics, series, checkpoints, commands, events, system, live)


def create_app(settings: Settings | None = None, *, lookup: PeerLookup = peer_uid) -> FastAPI:
    """Build a server. Nothing is opened before it starts, so a test may make ten.

    Args:
        settings: How it runs; read from ``STEPWIRE_*`` when left out, so that
            ``uvicorn --factory stepwire.app:create_app`` works.
        lookup: Tells the user at the other end of a loopback connection.

    Returns:
        An ASGI application. ``app.state.context`` holds its parts while it runs.

    Raises:
        DataFolderInUseError: At start, when another server has the data folder.
    """
    chosen = settings or Settings.from_environment()
    app = FastAPI(
        title="Stepwire",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url="/api/docs",
        redoc_url=None,
        lifespan=_lifespan(chosen),
        root_path=chosen.root_path,
        redirect_slashes=False,
    )
    install_problems(app)
    for route in ROUTES:
        app.include_router(route.router)
    app.mount("/", Page(), name="page")
    token = chosen.token or access_token(chosen.data_folder)
    app.state.token, app.state.cookie = token, f"stepwire_{chosen.port}"
    app.add_middleware(Guard, settings=chosen, token=token, cookie=app.state.cookie, peer_uid=lookup)
    return app


def access_token(folder: Path) -> str:
    """The data folder's access token: made once, readable by its owner only."""
    path = folder / "token"
    if path.exists():
        return path.read_text().strip()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    token = secrets.token_urlsafe(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    return token


def _lifespan(settings: Settings):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Starlette's own type is private
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            context = _open(settings, app.state.token, app.state.cookie)
        except StepwireError as error:
            app.state.failure = error  # for the command line: uvicorn itself only tells that the start failed
            raise
        app.state.context = context
        jobs = Jobs(context)
        jobs.start()
        warm = asyncio.create_task(context.reads(_warm_up))
        try:
            yield
        finally:
            await asyncio.gather(warm, return_exceptions=True)
            await jobs.stop()
            context.reads.close()
            await asyncio.to_thread(context.storage.close)

    return lifespan


def _open(settings: Settings, token: str, cookie: str) -> Context:
    storage = open_storage(settings.data_folder)
    hub, host = Hub(), socket.gethostname()
    liveness = Liveness(time.monotonic, settings.silent_seconds, settings.crashed_seconds)
    running, _ = storage.catalog.list_runs(RunFilter(status="running", limit=1000))
    liveness.expect(run.id for run in running if run.pid is not None)
    ingest = Ingest(storage, hub, host)
    return Context(settings, storage, Reads(), hub, ingest, liveness, token, cookie, host)


def _warm_up() -> None:
    """Load NumPy once the socket listens, so that the first chart doesn't wait for it."""
    import numpy as np

    np.zeros(1)
