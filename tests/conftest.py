"""Fixtures that the specification's test snippets name: ``client``, ``run_id``, ``websocket``."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketTestSession

from stepwire.app import create_app
from stepwire.server.settings import Settings


def pytest_configure() -> None:
    """A shell that runs the tests in the background lets them ignore SIGINT; the scripts under test must not inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def spools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for what scripts under test keep, in place of the user's own."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("XDG_DATA_HOME")
    os.environ["XDG_DATA_HOME"] = str(folder)
    yield folder / "stepwire" / "spool"
    os.environ.pop("XDG_DATA_HOME") if before is None else os.environ.update(XDG_DATA_HOME=before)


@pytest.fixture(autouse=True, scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder for the locks of scripts under test: what else runs on this machine is none of their concern."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(tmp_path_factory.mktemp("runtime"))
    yield
    os.environ.pop("XDG_RUNTIME_DIR") if before is None else os.environ.update(XDG_RUNTIME_DIR=before)


@pytest.fixture(autouse=True, scope="session")
def captures() -> Iterator[None]:
    """Scripts under test capture what they print, but look neither at git nor at the machine, unless a test says so."""
    before = os.environ.get("STEPWIRE_CAPTURE")
    os.environ["STEPWIRE_CAPTURE"] = "console"
    yield
    os.environ.pop("STEPWIRE_CAPTURE") if before is None else os.environ.update(STEPWIRE_CAPTURE=before)


def same_user(_client: object, _server: object) -> int:
    """A look-up for which every peer is the server's own user."""
    return os.getuid()


class LocalClient(TestClient):
    """A client that looks like a program on this machine, on sockets too."""

    __test__ = False

    def __init__(self, app: FastAPI, base_url: str = "http://127.0.0.1:8000", address: str = "127.0.0.1") -> None:
        super().__init__(app, base_url=base_url, client=(address, 50000))

    def websocket_connect(self, url: str, *arguments: Any, **more: Any) -> WebSocketTestSession:
        """Connect with this client's own Host: Starlette's would be ``testserver``."""
        more["headers"] = {"Host": str(self.base_url).partition("//")[2]} | (more.get("headers") or {})
        return super().websocket_connect(url, *arguments, **more)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A server on a data folder of its own that samples its host once."""
    return Settings(data=tmp_path / "data", sample_seconds=3600)


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The application, not started yet."""
    return create_app(settings, lookup=same_user)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A started application and a client on loopback."""
    with LocalClient(app) as client:
        yield client


@pytest.fixture
def run_id(client: TestClient) -> str:
    """A run to work on."""
    created = client.post("/api/runs", json={"name": "test_run", "config": {"lr": 0.001}})
    return str(created.json()["id"])


class Socket:
    """The specification's ``websocket``: awaitable sends and receives.

    Its integration test expects ``metric_update`` first, so with ``swallow`` the ``subscribed`` that always
    comes is read inside ``send_json``.
    """

    def __init__(self, session: WebSocketTestSession, *, swallow: bool) -> None:
        self._session = session
        self._swallow = swallow

    async def send_json(self, message: Any) -> None:
        """Send a message as JSON text."""
        self._session.send_json(message)
        if self._swallow and message.get("type") == "subscribe":
            assert self._session.receive_json()["type"] == "subscribed"

    async def receive_json(self) -> Any:
        """Wait for the next message."""
        return self._session.receive_json()


@pytest.fixture
def websocket(client: TestClient) -> Iterator[Socket]:
    """A connected viewer."""
    with client.websocket_connect("/ws") as session:
        yield Socket(session, swallow=False)
