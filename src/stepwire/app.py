"""``create_app(settings)``: the only place that wires a server together."""

import asyncio
import contextlib
import importlib
import os
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from stepwire.errors import StepwireError
from stepwire.server.context import Context
from stepwire.server.guard import Guard
from stepwire.server.hub import Hub
from stepwire.server.ingest import Ingest
from stepwire.server.jobs import Jobs
from stepwire.server.liveness import Liveness
from stepwire.server.logs import tell_viewers
from stepwire.server.peer import PeerLookup, peer_uid
from stepwire.server.problems import install_problems
from stepwire.server.reads import Reads
from stepwire.server.retention import Keeping
from stepwire.server.routes import (
    archive,
    checkpoints,
    commands,
    docs,
    environment,
    events,
    export,
    layouts,
    live,
    logs,
    metrics,
    runs,
    series,
    storage,
    system,
    trash,
)
from stepwire.server.settings import Settings
from stepwire.server.static import Page
from stepwire.storage.open import open_storage
from stepwire.system import process_space
from stepwire.version import __version__

WARM_UP_SECONDS = 0.02
TOKEN_LENGTH = 32  # characters; anything shorter is what a kill or a full disk left
ROUTES = (
    *(runs, archive, trash, metrics, series, export, checkpoints, commands, events, logs, environment),
    *(layouts, system, storage, docs, live),
)


def create_app(settings: Settings | None = None, *, lookup: PeerLookup = peer_uid) -> FastAPI:
    """Build a server. Its database is opened when it starts, so a test may make ten; only the access token is made now.

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
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(chosen),
        redirect_slashes=False,
    )
    install_problems(app)
    for route in ROUTES:
        app.include_router(route.router)
    app.mount("/", Page(), name="page")
    token = chosen.token or access_token(chosen.data_folder)
    app.state.token, app.state.cookie = token, f"stepwire_{chosen.port}"
    app.add_middleware(Guard, settings=chosen, token=token, cookie=app.state.cookie, peer_uid=lookup)
    if chosen.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=chosen.allowed_origins,
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
        )
    return app


def access_token(folder: Path) -> str:
    """The data folder's access token: made once, readable by its owner only.

    Raises:
        StepwireError: The folder can't be used.
    """
    path = folder / "token"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = path.read_text().strip() if path.exists() else None
        return (
            known if known is not None and len(known) >= TOKEN_LENGTH else _make_token(path, broken=known is not None)
        )
    except OSError as error:
        raise StepwireError(
            f"The data folder {folder} can't be used: {error.strerror}. Name another with --data."
        ) from None


def _make_token(path: Path, *, broken: bool) -> str:
    """Write a whole token under a name of its own, then link it into place: nobody ever sees half of one."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".token-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if broken:  # cut off by a full disk or a kill
            Path(draft).replace(path)
        else:
            with contextlib.suppress(FileExistsError):  # another server was quicker; its token counts
                os.link(draft, path)
        return path.read_text().strip()
    finally:
        Path(draft).unlink(missing_ok=True)


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
        warm = asyncio.create_task(_warm_up(context.reads))
        try:
            yield
        finally:
            warm.cancel()
            await asyncio.gather(warm, return_exceptions=True)
            await jobs.stop()
            await context.keeping.stop()
            await asyncio.to_thread(context.reads.close)
            await asyncio.to_thread(context.storage.close)

    return lifespan


def _open(settings: Settings, token: str, cookie: str) -> Context:
    storage = open_storage(settings.data_folder)
    hub, host = Hub(), socket.gethostname()
    liveness = Liveness(
        time.monotonic, settings.silent_seconds, settings.crashed_seconds, settings.stalled_seconds, process_space()
    )
    liveness.expect(run.id for run in storage.catalog.running_runs() if run.pid is not None)
    ingest = Ingest(storage, hub, host)
    keeping = Keeping(storage, hub, settings)
    server_id = storage.catalog.server_id()
    storage.logs.limit_bytes = int(settings.run_log_mib * 2**20)
    tell_viewers(storage.logs, hub, asyncio.get_running_loop())
    return Context(
        settings, storage, Reads(), hub, ingest, keeping, liveness, storage.logs, token, cookie, host, server_id
    )


async def _warm_up(reads: Reads) -> None:
    """Load what reads and seals once the first requests are answered, so that no chart waits for it."""
    await asyncio.sleep(WARM_UP_SECONDS)
    for module in ("numpy", "stepwire.storage.series.reading", "stepwire.storage.series.seal"):
        await reads(importlib.import_module, module)
