"""Archive, restore and trash over HTTP, and the policy on a running server."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.conftest import LocalClient, same_user

from stepwire.app import create_app
from stepwire.errors import InvalidError
from stepwire.server import jobs
from stepwire.server.settings import Settings


def make_run(client: TestClient, run_id: str, rows: int = 5000, status: str = "completed") -> None:
    """A run with points of one metric, a second apart, long ago."""
    client.post("/api/runs", json={"id": run_id, "name": run_id})
    points = [{"step": at, "timestamp": 1e9 + at, "metrics": {"loss": at % 977 / 3}} for at in range(rows)]
    if points:
        assert client.post(f"/api/runs/{run_id}/metrics", json={"points": points}).status_code == 200
    client.put(f"/api/runs/{run_id}", json={"status": status})


def events(client: TestClient, name: str) -> list[Any]:
    """The events of one kind, newest first."""
    return [event for event in client.get("/api/events").json()["events"] if event["event"] == name]


def raw(client: TestClient, run_id: str) -> Any:
    """The stored values of a run."""
    answer = client.get(f"/api/runs/{run_id}/metrics", params={"raw": True, "limit": 100_000, "keys": "loss"}).json()
    return answer["keys"]["loss"]["value"]


def test_a_run_is_archived_and_restored(client: TestClient, settings: Settings) -> None:
    """Charts and summaries go on in between, the points come back as they were, and events tell of both."""
    make_run(client, "a")
    before, values = client.get("/api/runs/a").json()["summary"], raw(client, "a")
    assert client.get("/api/runs/a/archive").status_code == 404
    made = client.post("/api/runs/a/archive").json()
    assert (made["state"], made["points"], made["file"]) == ("archived", 5000, "a.parquet")
    assert (settings.data_folder / "archive/a.parquet").stat().st_size == made["bytes"]
    assert client.get("/api/runs/a/archive").json() == made and client.post("/api/runs/a/archive").json() == made
    assert raw(client, "a") == [] and client.get("/api/runs/a").json()["summary"] == before
    chart = client.get("/api/runs/a/metrics", params={"points": 10}).json()["keys"]["loss"]
    assert (min(chart["min"]), max(chart["max"]), chart["stored"]) == (0, 976 / 3, 5000)
    assert client.post("/api/runs/a/restore").json()["state"] == "restored"
    assert raw(client, "a") == values
    assert client.post("/api/runs/a/restore").status_code == 409
    (archived,), (restored,) = events(client, "run_archived"), events(client, "run_restored")
    assert archived["data"]["points"] == restored["data"]["points"] == 5000 and archived["run_id"] == "a"


def test_what_can_not_be_archived_is_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running and empty runs are a 409, unknown ones a 404, and a missing package a 422 with the line for it."""
    make_run(client, "runs", 10, "running")
    make_run(client, "empty", 0)
    make_run(client, "good", 10)
    assert client.post("/api/runs/runs/archive").status_code == 409
    assert client.post("/api/runs/empty/archive").status_code == 409
    for way in ("archive", "restore"):
        assert client.post(f"/api/runs/nobody/{way}").status_code == 404
    assert client.get("/api/runs/nobody/archive").status_code == 404
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = client.post("/api/runs/good/archive")
    assert answer.status_code == 422 and "pip install 'stepwire[arrow]'" in answer.json()["detail"]


def test_a_damaged_archive_is_a_conflict(client: TestClient, settings: Settings) -> None:
    """Nothing changes, and with the right file it works."""
    make_run(client, "a", 100)
    client.post("/api/runs/a/archive")
    path = settings.data_folder / "archive/a.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    answer = client.post("/api/runs/a/restore")
    assert (answer.status_code, answer.json()["title"]) == (409, "Damaged data")
    path.write_bytes(whole)
    assert client.post("/api/runs/a/restore").status_code == 200 and len(raw(client, "a")) == 100


def test_a_deleted_run_comes_back_out_of_the_trash(client: TestClient) -> None:
    """With its points, events and checkpoints; viewers are told of both; one that was running is interrupted."""
    make_run(client, "a", 20)
    make_run(client, "b", 20, "running")
    client.post("/api/runs/a/checkpoints", json={"filepath": "x", "id": "c"})
    before, values = client.get("/api/runs/a").json(), raw(client, "a")
    with client.websocket_connect("/ws") as session:
        session.send_json({"type": "subscribe", "run_id": "*"})
        for run_id in "ab":
            client.delete(f"/api/runs/{run_id}")
        trash = client.get("/api/trash").json()["runs"]
        assert [(run["id"], run["number"], run["status"]) for run in trash] == [
            ("b", 2, "running"),
            ("a", 1, "completed"),
        ]
        assert trash[0]["deleted_at"] < trash[0]["purge_at"]
        assert client.get("/api/checkpoints/c").status_code == 404 and client.get("/api/runs").json()["counts"] == {}
        assert client.post("/api/runs", json={"id": "a", "name": "again"}).status_code == 409
        assert client.put("/api/runs/a", json={"name": "again"}).status_code == 409
        for run_id in "ab":
            assert client.post(f"/api/runs/{run_id}/undelete").json() == {"id": run_id, "undeleted": True}
        seen = [session.receive_json() for _ in range(8)]
    assert [one["run_id"] for one in seen if one["type"] == "run_deleted"] == ["a", "b"]
    assert [one["run_id"] for one in seen if one["type"] == "run_created"] == ["a", "b"]
    after = client.get("/api/runs/a").json()
    assert after | {"updated_at": ""} == before | {"updated_at": ""} and raw(client, "a") == values
    assert client.get("/api/runs/a/checkpoints").json()["checkpoints"][0]["id"] == "c"
    assert client.get("/api/runs/b").json()["status"] == "interrupted"
    assert client.get("/api/trash").json() == {"runs": []}
    assert client.post("/api/runs/a/undelete").status_code == 404


def test_the_trash_is_emptied_by_hand(client: TestClient, settings: Settings) -> None:
    """One run or all of them are deleted for good, archives too; only what is in the trash can be."""
    for run_id in "abc":
        make_run(client, run_id, 100)
    client.post("/api/runs/a/archive")
    assert client.delete("/api/trash/a").status_code == 404
    for run_id in "abc":
        client.delete(f"/api/runs/{run_id}")
    assert client.delete("/api/trash/a").json() == {"id": "a", "deleted": True}
    assert list((settings.data_folder / "archive").iterdir()) == []
    assert client.delete("/api/trash").json() == {"deleted": 2} and client.get("/api/trash").json() == {"runs": []}
    assert [event["data"]["run_id"] for event in events(client, "run_purged")][::-1] == ["a", "c", "b"]
    for run_id in "abc":
        assert client.post(f"/api/runs/{run_id}/undelete").status_code == 404
    make_run(client, "a", 10)
    assert len(raw(client, "a")) == 10


def test_the_policy_runs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old points go some time after the start, without a request, and an event tells of it."""
    monkeypatch.setattr(jobs, "RETENTION_FIRST_SECONDS", 0.5)
    settings = Settings(data=tmp_path / "data", sample_seconds=3600, keep_raw_days=30)
    with LocalClient(create_app(settings, lookup=same_user)) as client:
        make_run(client, "a")
        client.app.state.context.storage.series.seal()  # type: ignore[attr-defined]
    with LocalClient(create_app(settings, lookup=same_user)) as client:
        deadline = time.monotonic() + 20
        while not events(client, "raw_dropped"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert raw(client, "a") == []
        assert client.get("/api/runs/a").json()["summary"]["loss"]["count"] == 5000


@pytest.mark.parametrize("variable", ["STEPWIRE_KEEP_RAW_DAYS", "STEPWIRE_ARCHIVE_DAYS", "STEPWIRE_TRASH_DAYS"])
def test_days_are_read_from_the_environment(variable: str) -> None:
    """Parts of a day count; what is no number of days is told with the variable's name."""
    field = variable.removeprefix("STEPWIRE_").lower()
    assert getattr(Settings.from_environment({variable: "0.5"}), field) == 0.5
    for wrong in ("-1", "nan", "inf", "x", "99999999"):
        with pytest.raises(InvalidError) as caught:
            Settings.from_environment({variable: wrong})
        assert caught.value.field == variable
