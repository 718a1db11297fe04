"""``/api/runs/{run_id}/export`` and ``/api/system/export``: what was logged, as a file."""

import asyncio
import csv
import http.client
import io
import json
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from starlette.testclient import TestClient

from stepwire.server.reads import Reads
from stepwire.server.stream import SteppedResponse
from stepwire.storage.series.interface import RawBlock
from stepwire.testing import RunningServer, running_server


@pytest.fixture
def logged(client: TestClient, run_id: str) -> str:
    """A run with three log rows of two metric sets."""
    points = [
        {"step": 1, "timestamp": 1.5, "metrics": {"loss": 0.1, "acc": 0.5}},
        {"step": 2, "timestamp": 2.5, "metrics": {"loss": "NaN", "acc": 0.75}},
        {"step": 2, "timestamp": 3.5, "metrics": {"val,loss": -0.0}},
    ]
    assert client.post(f"/api/runs/{run_id}/metrics", json={"points": points}).status_code == 200
    return run_id


def rows_of(text: str) -> list[tuple[str, str, str, str]]:
    """Metric, step, time and value of each line of a CSV export."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return sorted((row["metric"], row["step"], row["time"], row["value"]) for row in rows)


EVERYTHING = [
    ("acc", "1", "1500000", "0.5"),
    ("acc", "2", "2500000", "0.75"),
    ("loss", "1", "1500000", "0.1"),
    ("loss", "2", "2500000", "NaN"),
    ("val,loss", "2", "3500000", "-0.0"),
]


def test_csv_holds_every_point(client: TestClient, logged: str) -> None:
    """Without a format a run comes as CSV, as a download whose name is plain ASCII."""
    answer = client.get(f"/api/runs/{logged}/export")
    assert rows_of(answer.text) == EVERYTHING
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="R1-{logged}.csv"'


def test_json_lines_hold_every_log_row(client: TestClient, logged: str) -> None:
    """One object per log call."""
    text = client.get(f"/api/runs/{logged}/export?format=jsonl").text
    found = [json.loads(line) for line in text.splitlines()]
    by_time = sorted((row["time"], row["step"], row["metrics"]) for row in found)
    assert by_time == [
        (1_500_000, 1, {"loss": 0.1, "acc": 0.5}),
        (2_500_000, 2, {"loss": "NaN", "acc": 0.75}),
        (3_500_000, 2, {"val,loss": -0.0}),
    ]


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_tables_hold_every_point(client: TestClient, logged: str, name: str) -> None:
    """pyarrow reads the answer."""
    body = client.get(f"/api/runs/{logged}/export?format={name}").content
    table = pa.ipc.open_stream(body).read_all() if name == "arrow" else parquet.read_table(io.BytesIO(body))
    found = sorted(
        zip(table["metric"].to_pylist(), table["step"].to_pylist(), map(str, table["value"].to_pylist()), strict=True)
    )
    assert found == [(metric, float(step), value.replace("NaN", "nan")) for metric, step, _, value in EVERYTHING]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
        ("text/html, application/vnd.apache.arrow.stream;q=0.9", "application/vnd.apache.arrow.stream"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("*/*", "text/csv; charset=utf-8"),
    ],
)
def test_the_header_accept_chooses_a_format(client: TestClient, logged: str, accept: str, kind: str) -> None:
    """The first known type counts; a format in the query wins over it."""
    answer = client.get(f"/api/runs/{logged}/export", headers={"Accept": accept})
    assert answer.headers["content-type"] == kind
    named = client.get(f"/api/runs/{logged}/export?format=parquet", headers={"Accept": accept})
    assert named.content[:4] == b"PAR1"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("keys=loss", {"loss"}),
        ("keys=*loss", {"loss", "val,loss"}),
        ("key=val,loss&keys=acc", {"val,loss", "acc"}),
        ("key=nothing", set()),
    ],
)
def test_keys_choose_metrics(client: TestClient, logged: str, query: str, names: set[str]) -> None:
    """``keys`` takes commas and globs, ``key`` a name as it is."""
    found = rows_of(client.get(f"/api/runs/{logged}/export?{query}").text)
    assert found == [row for row in EVERYTHING if row[0] in names]


def test_what_can_not_be_exported_is_told(client: TestClient, logged: str) -> None:
    """404 for a run that is not there, 422 with the field for a format that is none."""
    assert client.get("/api/runs/nobody/export").status_code == 404
    refused = client.get(f"/api/runs/{logged}/export?format=xlsx")
    assert (refused.status_code, refused.json()["field"]) == (422, "format")


def test_a_server_without_pyarrow_names_the_command(
    client: TestClient, logged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """422 blames the format and says how to install what it needs."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused = client.get(f"/api/runs/{logged}/export?format=arrow")
    assert (refused.status_code, refused.json()["field"]) == (422, "format")
    assert "pip install 'stepwire[arrow]'" in refused.json()["detail"]


def test_a_hosts_samples_are_exported(client: TestClient) -> None:
    """The server's own host, the one asked for by name, and 404 for one that nobody knows."""
    while not (hosts := client.get("/api/system/status").json()["hosts"]):
        time.sleep(0.01)
    host = hosts[0]["host"]
    own = client.get("/api/system/export?format=jsonl&keys=cpu_percent").text
    assert all(json.loads(line)["metrics"].keys() == {"cpu_percent"} for line in own.splitlines())
    assert client.get(f"/api/system/export?host={host}&keys=cpu_percent&format=jsonl").text == own
    assert client.get("/api/system/export?host=nowhere").json()["field"] == "host"


def test_hidden_renamed_and_deleted_points(client: TestClient, logged: str) -> None:
    """What a rewind has hidden comes and says so, a renamed metric has its new name, a deleted one is gone."""
    storage = client.app.state.context.storage  # type: ignore[attr-defined]
    for change in (
        lambda tx: storage.series.rewind(tx, logged, 2, 1),
        lambda tx: storage.series.rename(tx, logged, "acc", "accuracy"),
        lambda tx: storage.series.delete_metric(tx, logged, "val,loss"),
    ):
        storage.writer.submit(change).result(10)
    text = client.get(f"/api/runs/{logged}/export").text
    found = sorted((row["metric"], row["step"], row["superseded"]) for row in csv.DictReader(io.StringIO(text)))
    assert found == [("accuracy", "1", "0"), ("accuracy", "2", "1"), ("loss", "1", "0"), ("loss", "2", "1")]


class Visitor:
    """The other end of an ASGI answer, which leaves after some pieces."""

    def __init__(self, leaves_after: int) -> None:
        self.got: list[bytes] = []
        self._leaves_after = leaves_after
        self._left = asyncio.Event()

    async def send(self, message: Any) -> None:
        """Take a message."""
        if message.get("body"):
            self.got.append(message["body"])
        if len(self.got) >= self._leaves_after:
            self._left.set()

    async def receive(self) -> dict[str, str]:
        """Say that the visitor has left, once he has."""
        await self._left.wait()
        return {"type": "http.disconnect"}


@pytest.fixture
def reads() -> Iterator[Reads]:
    """Threads for steps."""
    made = Reads(2)
    yield made
    made.close()


SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}}


async def test_a_client_that_leaves_ends_the_export(reads: Reads) -> None:
    """Its generator is closed, after the step that was under way, and makes no more."""
    made, closed = [], []

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                time.sleep(0.01)
                made.append(threading.current_thread().name)
                yield b"piece"
        finally:
            closed.append(threading.current_thread().name)

    visitor = Visitor(leaves_after=3)
    await SteppedResponse(reads, pieces(), "text/plain")(SCOPE, visitor.receive, visitor.send)
    assert len(closed) == 1 and 3 <= len(made) <= 6
    assert all(name.startswith("stepwire-read") for name in [*made, *closed])


async def test_nothing_is_made_before_the_last_piece_was_taken(reads: Reads) -> None:
    """A slow client is waited for: at most one piece exists that it has not taken."""
    made, taken, ahead = 0, 0, 0

    def pieces() -> Iterator[bytes]:
        nonlocal made
        for _ in range(20):
            made += 1
            yield b"" if made % 3 == 0 else b"piece"

    async def send(message: Any) -> None:
        nonlocal taken, ahead
        await asyncio.sleep(0.002)
        ahead = max(ahead, made - taken)
        taken = made

    visitor = Visitor(leaves_after=100)
    await SteppedResponse(reads, pieces(), "text/plain")(SCOPE, visitor.receive, send)
    assert made == 20 and ahead <= 2  # the piece in hand, and an empty one before it


async def test_the_event_loop_goes_on_while_a_step_takes_long(reads: Reads) -> None:
    """A step of a quarter of a second is made in a thread: the loop ticks meanwhile."""

    def pieces() -> Iterator[bytes]:
        time.sleep(0.25)
        yield b"piece"

    visitor = Visitor(leaves_after=100)
    sending = asyncio.ensure_future(
        SteppedResponse(reads, pieces(), "text/plain")(SCOPE, visitor.receive, visitor.send)
    )
    ticks = 0
    while not sending.done():
        await asyncio.sleep(0.005)
        ticks += 1
    await sending
    assert ticks > 5 and visitor.got == [b"piece"]


async def test_an_error_on_the_way_is_no_whole_answer(reads: Reads) -> None:
    """The last message, which would end the answer well, is never sent."""
    sent = []

    def pieces() -> Iterator[bytes]:
        yield b"piece"
        raise OSError("gone")

    async def send(message: Any) -> None:
        sent.append(message)

    visitor = Visitor(leaves_after=100)
    with pytest.raises((OSError, ExceptionGroup)):
        await SteppedResponse(reads, pieces(), "text/plain")(SCOPE, visitor.receive, send)
    assert sent[-1].get("more_body") is True


class EndlessSource:
    """A source that has no end, in place of the series engine's: counts the rows that were taken from it."""

    def __init__(self, breaks_after: int = 1 << 62) -> None:
        self.rows = 0
        self.closed = threading.Event()
        self._breaks_after = breaks_after

    def scan(self, _source: str, _names: object = None) -> Iterator[RawBlock]:
        """Blocks of 1,000 rows."""
        count, hidden = np.arange(1000), np.zeros(1000, bool)
        try:
            while self.rows < self._breaks_after:
                self.rows += 1000
                yield RawBlock("w", 1, 0, 0, 0, ("loss",), count, count, count, np.zeros((1000, 1)), hidden, (False,))
            raise OSError("gone")
        finally:
            self.closed.set()


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A real server on a real socket."""
    with running_server() as running:
        yield running


def ask(server: RunningServer, source: EndlessSource, monkeypatch: pytest.MonkeyPatch) -> http.client.HTTPConnection:
    """Ask for the export of a run whose points are those of ``source``."""
    series = server.app.state.context.storage.series
    monkeypatch.setattr(type(series), "scan", lambda _, *arguments: source.scan(*arguments))
    connection = http.client.HTTPConnection(server.url.partition("//")[2], timeout=10)
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    connection.request("PUT", "/api/runs/run_1", json.dumps({"name": "endless"}), headers)
    connection.getresponse().read()
    connection.request("GET", "/api/runs/run_1/export?format=csv", headers=headers)
    return connection


def test_a_client_that_reads_nothing_is_waited_for(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a real socket an export stops while nobody reads it, and ends when the reader goes away."""
    source = EndlessSource()
    connection = ask(server, source, monkeypatch)
    assert connection.getresponse().read(6) == b"metric"
    before = -1
    while before != source.rows:
        before = source.rows
        time.sleep(0.3)
    assert before < 1_000_000 and not source.closed.is_set()
    connection.close()
    assert source.closed.wait(10)


def test_half_an_export_is_no_export(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """When reading breaks off, the client is told by an answer that has no proper end."""
    connection = ask(server, EndlessSource(breaks_after=10_000), monkeypatch)
    answer = connection.getresponse()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    connection.close()
