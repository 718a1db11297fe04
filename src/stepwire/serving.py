"""Run a server in this process: listen, start, say where it is, and stop cleanly."""

import contextlib
import errno
import gc
import logging
import os
import socket
import sys
import threading
from dataclasses import replace
from getpass import getuser

import uvicorn
from fastapi import FastAPI

from stepwire.app import create_app
from stepwire.errors import StepwireError
from stepwire.limits import MAX_FRAME_BYTES
from stepwire.server.connection import Connection
from stepwire.server.framing import Framing
from stepwire.server.log import configure_log
from stepwire.server.settings import Settings
from stepwire.storage.lock import require_free
from stepwire.version import __version__


def serve(settings: Settings, *, browser: bool = False) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: How the server runs; port 0 takes a free one.
        browser: Open the page once it is there.

    Returns:
        0, or 1 when the server could not start.

    Raises:
        StepwireError: The port is taken, or another server has the data folder.
    """
    sockets = _listen(settings)
    settings = replace(settings, port=sockets[0].getsockname()[1])
    configure_log(settings.log_level, settings.log_file)
    server = AnnouncedServer(create_app(settings), settings, browser=browser)
    # A start that failed with an error of ours is told in one line by the command, not by a traceback.
    logging.getLogger("uvicorn.error").addFilter(lambda _: server.failure is None)
    with contextlib.suppress(SystemExit):  # uvicorn's way to tell that the start failed
        server.run(sockets=sockets)
    if isinstance(server.failure, StepwireError):
        raise server.failure
    return 0 if server.started else 1


def _listen(settings: Settings) -> list[socket.socket]:
    try:
        return listen(settings.host, settings.port)
    except StepwireError:
        require_free(settings.data_folder)  # a server that has the folder is the likely reason, and better to know
        raise


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets; for loopback on IPv4 and, where there is one, on IPv6 under the same port.

    Raises:
        StepwireError: The address can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        first = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise StepwireError(f"Can't listen on {host}:{port}: {error.strerror}. {_hint(error)}") from None
    if host not in {"127.0.0.1", "localhost"}:
        return [first]
    try:
        return [first, socket.create_server(("::1", first.getsockname()[1]), family=socket.AF_INET6, backlog=1024)]
    except OSError:
        return [first]  # no IPv6 on this machine, or the port is taken there


def _hint(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "Another program listens there; choose another port with --port."
    if error.errno == errno.EACCES:
        return "Ports below 1024 are often the system's; choose another with --port."
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return "Name an address of this machine with --host; 0.0.0.0 means all of them."
    return "See --host and --port."


class AnnouncedServer(uvicorn.Server):
    """uvicorn, telling its link once it takes requests, and keeping what its start failed with."""

    def __init__(self, app: FastAPI, settings: Settings, *, browser: bool) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws=Framing,
                ws_max_size=MAX_FRAME_BYTES,
                ws_ping_interval=None,
                ws_per_message_deflate=False,
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=3,
                timeout_keep_alive=30,
            )
        )
        self._app = app
        self._settings = settings
        self._browser = browser

    @property
    def failure(self) -> BaseException | None:
        """What the start failed with."""
        failure: BaseException | None = getattr(self._app.state, "failure", None)
        return failure

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets)
        gc.freeze()
        gc.enable()
        link = link_of(self._settings, self._app.state.token)
        self._app.state.context.storage.database.write_url(link.partition("/#")[0])
        print(f"Stepwire {__version__} at {link}", flush=True)  # noqa: T201 - the command's answer
        for line in hints(self._settings):
            print(line, flush=True)  # noqa: T201 - the command's answer
        if self._browser and sys.stdout.isatty() and not os.environ.get("SSH_CONNECTION"):
            threading.Thread(target=_open_browser, args=(link,), daemon=True).start()


def _open_browser(link: str) -> None:
    import webbrowser

    webbrowser.open(link)


def hints(settings: Settings) -> list[str]:
    """Lines that help to reach the page from elsewhere."""
    lines = []
    if settings.is_loopback and os.environ.get("SSH_CONNECTION"):
        machine = os.environ["SSH_CONNECTION"].split()[2]
        lines.append(f"From your own machine: ssh -L {settings.port}:127.0.0.1:{settings.port} {getuser()}@{machine}")
    if not settings.is_loopback:
        lines.append(
            "The link holds the access token and travels in clear: put TLS before it outside a trusted network."
        )
        lines.append("Training scripts: set STEPWIRE_API_KEY to the part after #t=")
    return lines


def link_of(settings: Settings, token: str) -> str:
    """The page's address; when not on loopback with the access token in its fragment, which no log sees."""
    if settings.is_loopback:
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"http://{name}:{settings.port}"
    wide = settings.host in {"0.0.0.0", "::"}
    name = socket.gethostname() if wide else settings.host
    return f"http://{name}:{settings.port}/#t={token}"
