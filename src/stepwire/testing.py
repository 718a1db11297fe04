"""What tests of training code need: a real server in this process, a clock that stands still.

>>> with running_server() as server:  # doctest: +SKIP
...     monitor = TrainingMonitor("test", dashboard_url=server.url)
"""

import asyncio
import logging
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwire.client.memory import FakeClock, MemoryTransport

__all__ = ["FakeClock", "MemoryTransport", "RunningServer", "running_server"]


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that takes requests. ``url`` is its ``http://`` address; ``token`` opens it from anywhere."""

    url: str
    token: str
    data: Path
    app: Any


@contextmanager
def running_server(data: Path | None = None, **settings: Any) -> Iterator[RunningServer]:
    """Run a real server in a thread of this process, on a free port of 127.0.0.1.

    Args:
        data: Data folder; a throw-away one when left out.
        settings: Other fields of the server's settings, as ``silent_seconds=1`` or ``log_level="debug"``. The server
            logs to standard error, from ``warning`` up unless told otherwise.
    """
    with (
        tempfile.TemporaryDirectory(prefix="stepwire-") as folder,
        _log_to_stderr(settings.get("log_level", "warning")),
    ):
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        app = _app(settings | {"data": data or Path(folder), "port": port})
        server = _server(app)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            thread.join(0.01)
        try:
            yield RunningServer(f"http://127.0.0.1:{port}", app.state.token, data or Path(folder), app)
        finally:
            server.should_exit = True
            thread.join(10)
            listening.close()


@contextmanager
def _log_to_stderr(level: str) -> Iterator[None]:
    """Log as a server does, and no more, while it runs. What the tests have set up themselves stays."""
    import structlog

    if structlog.is_configured():
        yield
        return
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),  # the one that is there when a line comes
    )
    try:
        yield
    finally:
        structlog.reset_defaults()


def _app(settings: dict[str, Any]) -> Any:
    from stepwire.app import create_app
    from stepwire.server.settings import Settings

    return create_app(Settings(**settings))


def _server(app: Any) -> Any:
    import uvicorn

    from stepwire.server.connection import Connection

    config = uvicorn.Config(
        app,
        http=Connection,
        ws="websockets-sansio",
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        log_config=None,
        lifespan="on",
    )
    return uvicorn.Server(config)
