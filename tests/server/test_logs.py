"""Console output through the server: stored once, read by REST, told live, harmless whatever it holds."""

import re
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient
from tests.server.test_ingest import RUN, Script
from tests.server.test_websocket import receive, subscribe

TIME = 1_763_905_927_118_000


def log(*lines: Any, stream: str = "stdout") -> dict[str, Any]:
    """A record; a line is a text, or a text and how many lines back the one is whose place it takes."""
    listed = [[TIME, line] if isinstance(line, str) else [TIME, *line] for line in lines]
    return {"type": "log", "time": TIME, "stream": stream, "lines": listed}


def send(client: TestClient, records: list[dict[str, Any]], first: int = 1, **hello: Any) -> None:
    """Store records as a script does."""
    with client.websocket_connect("/ws") as session:
        script = Script(session, **hello)
        script.batch(first, [], records)
        script.receive("ack")


def settled(client: TestClient) -> None:
    """Wait until all that was acknowledged is in its file."""
    assert client.app.state.context.logs.flush()  # type: ignore[attr-defined]


def read(client: TestClient, **query: Any) -> dict[str, Any]:
    """An answer of the log."""
    settled(client)
    answer = client.get(f"/api/runs/{RUN}/logs", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def texts(client: TestClient, **query: Any) -> list[str]:
    """The texts of an answer."""
    return [line["text"] for line in read(client, **query)["lines"]]


def test_lines_are_read_as_they_were_printed(client: TestClient) -> None:
    """With number, time, stream, level and rank; ``next`` is where to go on."""
    send(client, [log("epoch 1"), log("WARNING slow", stream="stderr")], rank=2, world=4)
    found = read(client)
    assert found == {
        "run_id": RUN,
        "lines": [
            {"line": 0, "time": TIME, "stream": "stdout", "text": "epoch 1", "level": "info", "rank": 2, "replaces": None},
            {"line": 1, "time": TIME, "stream": "stderr", "text": "WARNING slow", "level": "warning", "rank": 2, "replaces": None},
        ],
        "first": 0, "next": 2, "total": 2, "more": False,
    }  # fmt: skip


def test_a_repeat_and_an_overlap_double_no_line(client: TestClient) -> None:
    """However it is cut again, each record is appended once."""
    one, two, three = log("one"), log("two"), log("three")
    send(client, [one, two])
    send(client, [one, two])
    send(client, [two, three], first=2)
    assert texts(client) == ["one", "two", "three"]


def test_lines_survive_a_restart(client: TestClient, app: Any) -> None:
    """They are on disk before they are acknowledged."""
    send(client, [log("before")])
    client.__exit__()
    client.__enter__()
    send(client, [log("after")], first=2)
    assert texts(client) == ["before", "after"]


def test_lines_are_not_kept_beside_the_points_too(client: TestClient) -> None:
    """Once the journal is sealed the file is the only place that has them."""
    send(client, [log("only once")])
    settled(client)
    storage = client.app.state.context.storage  # type: ignore[attr-defined]
    storage.series.seal()
    with storage.database.read() as connection:
        bodies = (
            connection.exec_driver_sql("SELECT body FROM record UNION ALL SELECT body FROM journal").scalars().all()
        )
    assert not any(b"only once" in body for body in bodies)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"from": -2}, ["three", "Four"]),
        ({"from": 1, "limit": 1}, ["ERROR two"]),
        ({"q": "FOUR"}, ["Four"]),
        ({"stream": "stderr"}, ["three", "Four"]),
        ({"level": ["error", "warning"]}, ["ERROR two"]),
        ({"rank": 1}, []),
    ],
)
def test_lines_can_be_searched(client: TestClient, query: dict[str, Any], found: list[str]) -> None:
    """By number, text, stream, level and rank."""
    send(client, [log("one", "ERROR two"), log("three", "Four", stream="stderr")])
    assert texts(client, **query) == found


@pytest.mark.parametrize(
    "query", [{"from": "x"}, {"limit": 0}, {"limit": 10_001}, {"stream": "stdin"}, {"level": "loud"}, {"q": "x" * 1001}]
)
def test_a_wrong_question_is_refused(client: TestClient, query: dict[str, Any]) -> None:
    """With the field to blame."""
    send(client, [log("one")])
    assert client.get(f"/api/runs/{RUN}/logs", params=query).status_code == 422


def test_a_run_that_is_not_there_has_no_log(client: TestClient) -> None:
    """404, for reading and for the file."""
    for path in ("logs", "logs/download", "environment"):
        assert client.get(f"/api/runs/nobody/{path}").status_code == 404


def test_the_log_can_be_downloaded(client: TestClient) -> None:
    """As a text file that no browser takes for a page."""
    send(client, [log("<script>alert(1)</script>", "two")])
    settled(client)
    answer = client.get(f"/api/runs/{RUN}/logs/download")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{RUN}.log"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [line.split(" ", 2)[2] for line in answer.text.splitlines()] == ["<script>alert(1)</script>", "two"]


HOSTILE = [
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]0;title\x07\x1b[2J\x1b[H",
    "two\nlines\r\nof one",
    "\u202egnp.exe\u2066",
    "\x00\x07\x9b31m\x7f",
    "2025-01-01T00:00:00.000000Z stderr/9@1 pretends to be a line",
    "<img src=x onerror=alert(1)>{{7*7}}${7*7}",
    "__proto__",
]


def test_hostile_text_is_text(client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that acts is in the file, in the answer or in the server's own log; each text is one line."""
    written = []
    structlog.configure(processors=[lambda _, __, line: written.append(dict(line)) or ""])
    send(client, [log(*HOSTILE), {"type": "log", "stream": HOSTILE[0], "lines": []}])
    found = texts(client)
    assert len(found) == len(HOSTILE)
    assert found[0] == "click"
    assert found[3] == "two\\x0alines\\x0d\\x0aof one"
    assert found[6:] == HOSTILE[6:]
    kept = (client.app.state.context.settings.data_folder / "logs" / f"{RUN}.log").read_bytes().decode()  # type: ignore[attr-defined]
    assert len(kept.splitlines()) == len(HOSTILE)
    acts = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
    assert acts.search(kept) is None
    assert acts.search("".join(found)) is None
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err + repr(written)


def test_colours_stay(client: TestClient) -> None:
    """SGR codes are in the answer, as text."""
    send(client, [log("\x1b[31mred\x1b[0m")])
    assert texts(client) == ["\x1b[31mred\x1b[0m"]


@pytest.mark.parametrize(
    "record",
    [
        {"stream": "stdin", "lines": []},
        {"stream": "stdout"},
        {"stream": "stdout", "lines": "text"},
        {"stream": "stdout", "lines": ["text"]},
        {"stream": "stdout", "lines": [[TIME]]},
        {"stream": "stdout", "lines": [[TIME, 7]]},
        {"stream": "stdout", "lines": [[TIME, "text", 1, 2]]},
    ],
)
def test_a_record_that_is_none_is_put_aside(client: TestClient, record: dict[str, Any]) -> None:
    """A warning tells; what follows is kept, nothing of the bad one is."""
    send(client, [{"type": "log", **record}, log("next")])
    assert texts(client) == ["next"]
    events = client.get("/api/events", params={"run_id": RUN}).json()["events"]
    assert "record_refused" in {event["event"] for event in events}


@pytest.mark.parametrize("time", [-1, 2**63, "now", None, 1.5, True])
def test_a_line_without_a_usable_time_gets_that_of_arrival(client: TestClient, time: Any) -> None:
    """The text is worth more than its time."""
    send(client, [{"type": "log", "stream": "stdout", "lines": [[time, "text"]]}])
    [line] = read(client)["lines"]
    assert line["text"] == "text"
    assert line["time"] > TIME


def test_a_huge_line_is_cut(client: TestClient) -> None:
    """One of a megabyte costs 64 KiB."""
    send(client, [log("x" * 1_000_000)])
    [text] = texts(client)
    assert len(text) == 64 * 1024
    assert text.endswith("…")


def test_watchers_are_told_lines_when_they_ask(client: TestClient) -> None:
    """With ``logs`` a subscription brings lines; without it, and for the run list, it does not."""
    with (
        client.websocket_connect("/ws") as asked,
        client.websocket_connect("/ws") as silent,
        client.websocket_connect("/ws") as script,
    ):
        asked.send_json({"type": "subscribe", "run_id": RUN, "logs": True})
        assert receive(asked, "subscribed")
        subscribe(silent, RUN)
        subscribe(silent, "*")
        Script(script).batch(1, [1.0], [log("bar 1%", ("bar 2%", 1))])
        message = receive(asked, "log")
        assert message["run_id"] == RUN
        assert [(line["line"], line["text"], line["replaces"]) for line in message["lines"]] == [
            (0, "bar 1%", None),
            (1, "bar 2%", 0),
        ]
        settled(client)
        silent.send_json({"type": "ping"})
        kinds = []
        while (kind := silent.receive_json()["type"]) != "pong":
            kinds.append(kind)
        assert "log" not in kinds


def test_a_watcher_of_a_flood_is_told_where_to_read(client: TestClient) -> None:
    """Of a thousand lines at once none is sent; ``resync`` says from which line on to read."""
    with client.websocket_connect("/ws") as asked, client.websocket_connect("/ws") as script:
        asked.send_json({"type": "subscribe", "run_id": RUN, "logs": True})
        receive(asked, "subscribed")
        Script(script).batch(1, [], [log(*map(str, range(1000)))])
        message = receive(asked, "resync")
        assert message["from_line"] == 0
    assert texts(client) == [str(number) for number in range(1000)]


def test_a_purged_run_leaves_no_file(client: TestClient) -> None:
    """Deleted for good is deleted for good."""
    send(client, [log("secret plans")])
    settled(client)
    folder = client.app.state.context.settings.data_folder / "logs"  # type: ignore[attr-defined]
    assert [path.name for path in folder.iterdir()] == [f"{RUN}.log"]
    client.delete(f"/api/runs/{RUN}")
    assert client.get(f"/api/runs/{RUN}/logs").status_code == 404
    client.post(f"/api/runs/{RUN}/undelete")
    assert texts(client) == ["secret plans"]
    client.delete(f"/api/runs/{RUN}")
    client.delete(f"/api/trash/{RUN}")
    settled(client)
    assert list(folder.iterdir()) == []


def test_the_environment_of_a_run_is_kept(client: TestClient) -> None:
    """Records of one attempt are joined; the newest attempt is answered unless another one is named."""
    first = {"type": "environment", "time": TIME, "command": ["train.py"], "packages": {"numpy": "2.1"}}
    send(client, [first, {"type": "environment", "time": TIME + 1, "git": {"commit": "abc", "dirty": True}}])
    found = client.get(f"/api/runs/{RUN}/environment").json()
    assert found == {
        "run_id": RUN, "attempt": 1, "time": TIME + 1, "command": ["train.py"], "folder": None, "python": {},
        "packages": {"numpy": "2.1"}, "variables": {}, "git": {"commit": "abc", "dirty": True}, "hardware": {},
    }  # fmt: skip
    other = "22222222-2222-4333-8444-555555555555"
    send(client, [{"type": "environment", "folder": "/again"}], writer_id=other, attempt=2)
    assert client.get(f"/api/runs/{RUN}/environment").json()["folder"] == "/again"
    assert client.get(f"/api/runs/{RUN}/environment", params={"attempt": 1}).json()["command"] == ["train.py"]
    assert client.get(f"/api/runs/{RUN}/environment", params={"attempt": 3}).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [{"packages": ["numpy"]}, {"command": "train.py"}, {"folder": 7}, {"git": "abc"}, {"git": {"diff": "x" * 2**20}}],
)
def test_an_environment_that_is_none_is_put_aside(client: TestClient, fields: dict[str, Any]) -> None:
    """Of the wrong kind, or of megabytes."""
    send(client, [{"type": "environment", **fields}])
    answer = client.get(f"/api/runs/{RUN}/environment")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/api/runs/none/environment").status_code == 404
    events = client.get("/api/events", params={"run_id": RUN}).json()["events"]
    assert "record_refused" in {event["event"] for event in events}


def test_the_tail_is_there_for_the_judge(client: TestClient) -> None:
    """What a run printed last, as text."""
    send(client, [log("one", "two", "\x1b[31mthree\x1b[0m")])
    settled(client)
    assert client.app.state.context.logs.tail(RUN, 2) == ["two", "three"]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """structlog as it was."""
    yield
    structlog.reset_defaults()
