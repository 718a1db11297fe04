"""A small ingest server on a real socket, and scripts run as real processes against it."""

import os
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from stepwire.client.memory import read_batch

PATIENCE_SECONDS = 5.0
Plan = Callable[["IngestServer", dict[str, Any]], Any]


class IngestServer:
    """Speaks welcome and ack, keeps each record once, and misbehaves as planned.

    ``plan`` decides each batch's fate: ``"ack"``, ``"silent"`` (stored, never acknowledged), ``"drop"`` (not
    stored, link cut), ``"drop after commit"`` (stored, link cut before the acknowledgement), or a message to
    answer with instead of storing.
    """

    def __init__(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self.plan: Plan = lambda _server, _batch: "ack"
        self.streams: dict[str, dict[int, dict[str, Any]]] = {}
        self.hellos: list[dict[str, Any]] = []
        self.batches: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.window_bytes = 4 * 1024 * 1024
        self._links: list[ServerConnection] = []
        self._server = serve(self._handle, "127.0.0.1", port, ssl=context, compression=None, max_size=None)
        self.port = self._server.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and cut every link."""
        self._server.shutdown()
        self._thread.join()
        for link in self._links:
            link.close_socket()

    @property
    def stored(self) -> list[dict[str, Any]]:
        """All records in order, stream after stream."""
        return [record for stream in list(self.streams.values()) for _, record in sorted(stream.copy().items())]

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Records of one type, in order."""
        return [record for record in self.stored if record["type"] == kind]

    @property
    def metrics(self) -> list[dict[str, float]]:
        """The metrics of each point, in order."""
        return [record["metrics"] for record in self.records("point")]

    @property
    def received_metrics(self) -> list[dict[str, float]]:
        """As ``metrics``, after waiting up to 5 s for the first."""
        self.await_(lambda: self.metrics)
        return self.metrics

    def await_(self, condition: Callable[[], Any]) -> None:
        """Wait until ``condition`` holds; fail after 5 s."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s; faults: {self.faults}"
            time.sleep(0.005)

    def say(self, message: dict[str, Any]) -> None:
        """Send a message on the newest link."""
        self._links[-1].send(msgspec.msgpack.encode(message))

    def _handle(self, link: ServerConnection) -> None:
        self._links.append(link)
        writer, names = "", {}
        try:
            for frame in link:
                message = msgspec.msgpack.decode(frame)
                if message["type"] == "hello":
                    writer = message["writer_id"]
                    self.hellos.append(message)
                    self._welcome(link, writer)
                elif message["type"] == "batch":
                    self._decide(link, writer, names, message)
                else:
                    self.others.append(message)
        except ConnectionClosed:
            return

    def _welcome(self, link: ServerConnection, writer: str) -> None:
        high = len(self.streams.setdefault(writer, {}))
        welcome = {"type": "welcome", "server_id": "test", "acked_seq": high, "window_bytes": self.window_bytes}
        link.send(msgspec.msgpack.encode(welcome))

    def _decide(self, link: ServerConnection, writer: str, names: dict[int, list[str]], batch: dict[str, Any]) -> None:
        self.batches.append(batch)
        fate = self.plan(self, batch)
        stream = self.streams[writer]
        if isinstance(fate, dict):
            link.send(msgspec.msgpack.encode(fate))
            return
        if fate == "drop":
            link.socket.shutdown(socket.SHUT_RDWR)
            return
        if batch["first_seq"] > len(stream) + 1:
            gap = {"type": "nack", "code": "gap", "expect": len(stream) + 1, "detail": "records missing"}
            link.send(msgspec.msgpack.encode(gap))
            return
        self._store(stream, read_batch(batch, names))
        if fate == "drop after commit":
            link.socket.shutdown(socket.SHUT_RDWR)
        elif fate == "ack":
            link.send(msgspec.msgpack.encode({"type": "ack", "acked_seq": len(stream)}))

    def _store(self, stream: dict[int, dict[str, Any]], records: dict[int, dict[str, Any]]) -> None:
        for seq, record in records.items():
            comparable = {key: value for key, value in record.items() if key != "at"}
            known = stream.setdefault(seq, comparable)
            if repr(known) != repr(comparable):
                self.faults.append(f"record {seq} came twice with different content")


@pytest.fixture
def mock_server() -> Iterator[IngestServer]:
    """A server that stores and acknowledges; ``received_metrics`` waits up to 5 s."""
    server = IngestServer()
    yield server
    server.stop()
    assert server.faults == []


@pytest.fixture
def script() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python code in a process of its own: ``script(code, url)``."""
    processes: list[subprocess.Popen[str]] = []

    def start(code: str, url: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={**os.environ, "STEPWIRE_URL": url, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def refusing_url() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"ws://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def black_hole_url() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
