"""Metrics renamed and deleted after the fact, and runs that end."""

import time
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.server.test_ingest import RUN, Script
from tests.server.test_websocket import receive, subscribe


def log(client: TestClient, run_id: str, **metrics: float) -> None:
    """One point per metric."""
    assert client.post(f"/api/runs/{run_id}/metrics", json={"metrics": metrics}).status_code == 200


def names(client: TestClient, run_id: str) -> list[str]:
    """The run's metrics."""
    return list(client.get(f"/api/runs/{run_id}/metrics/names").json()["names"])


def rename(client: TestClient, run_id: str, old: Any, new: Any) -> Any:
    """The answer to a renaming."""
    return client.post(f"/api/runs/{run_id}/metrics/rename", json={"from": old, "to": new})


def test_a_renamed_metric_goes_on_under_its_new_name(client: TestClient, run_id: str) -> None:
    """Points before and after, its definition, an event: all have the new name; a viewer is told to read again."""
    log(client, run_id, loss=1, acc=2)
    with client.websocket_connect("/ws") as session:
        subscribe(session, run_id)
        answer = rename(client, run_id, "loss", "train/loss (µ)")
        assert answer.json() == {"run_id": run_id, "from": "loss", "to": "train/loss (µ)"}
        assert receive(session, "resync")["run_id"] == run_id
        assert receive(session, "event")["event"] == "metric_renamed"
        log(client, run_id, loss=3)
        assert receive(session, "metric_update")["metrics"] == {"train/loss (µ)": 3}
    assert names(client, run_id) == ["acc", "train/loss (µ)"]
    assert client.get(f"/api/runs/{run_id}/metrics").json()["keys"]["train/loss (µ)"]["mean"] == [1, 3]


def test_what_is_known_of_a_metric_goes_with_its_name(client: TestClient) -> None:
    """The goal that a script defined stands under the new name."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0], [{"type": "define_metric", "name": "loss", "goal": "min"}])
        script.receive("ack")
    rename(client, RUN, "loss", "l")
    assert client.get(f"/api/runs/{RUN}").json()["metric_definitions"] == {"l": {"goal": "min"}}


@pytest.mark.parametrize(
    ("old", "new", "status", "field"),
    [
        ("none", "x", 404, "from"),
        ("loss", "acc", 409, "to"),
        ("loss", "n" * 513, 422, "to"),
        ("loss", "a\0b", 422, "to"),
        ("loss", "", 422, "to"),
        ("loss", 7, 422, "to"),
        ("", "x", 422, "from"),
    ],
)
def test_a_renaming_that_cannot_be(
    client: TestClient, run_id: str, old: Any, new: Any, status: int, field: str
) -> None:
    """It is refused with the field to blame, and nothing changes."""
    log(client, run_id, loss=1, acc=2)
    answer = rename(client, run_id, old, new)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert names(client, run_id) == ["acc", "loss"]
    assert rename(client, "nobody", "a", "b").json()["field"] == "run_id"


def test_a_deleted_metric_is_gone_until_it_is_logged_again(client: TestClient, run_id: str) -> None:
    """Its points leave every answer; what comes later is kept; a viewer is told to read again."""
    log(client, run_id, loss=1, acc=2)
    path = f"/api/runs/{run_id}/metrics"
    with client.websocket_connect("/ws") as session:
        subscribe(session, run_id)
        assert client.delete(path, params={"key": "loss"}).json() == {"run_id": run_id, "key": "loss", "deleted": True}
        assert receive(session, "resync")["run_id"] == run_id
        assert receive(session, "event")["event"] == "metric_deleted"
    assert names(client, run_id) == ["acc"] and list(client.get(f"/api/runs/{run_id}").json()["summary"]) == ["acc"]
    log(client, run_id, loss=7)
    assert client.get(path).json()["keys"]["loss"]["mean"] == [7]


def test_deleting_what_is_not_there(client: TestClient, run_id: str) -> None:
    """404 with the field; without a key 422."""
    assert client.delete(f"/api/runs/{run_id}/metrics", params={"key": "x"}).json()["field"] == "key"
    assert client.delete("/api/runs/nobody/metrics", params={"key": "x"}).json()["field"] == "run_id"
    assert client.delete(f"/api/runs/{run_id}/metrics").json()["field"] == "key"


def sealed(client: TestClient) -> bool:
    """Whether all points leave the journal within ten seconds."""
    deadline = time.monotonic() + 10
    while (left := client.get("/api/storage").json()["unsealed_points"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not left


@pytest.mark.parametrize("by", ["record", "put"])
def test_the_points_of_a_run_that_ended_are_sealed(client: TestClient, by: str) -> None:
    """Nobody waits for more of them: they move into blocks at once."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0, 2.0])
        script.receive("ack")
        assert client.get("/api/storage").json()["unsealed_points"] == 2
        if by == "record":
            script.batch(3, [], [{"type": "status", "status": "completed"}])
            script.receive("ack")
        else:
            client.put(f"/api/runs/{RUN}", json={"status": "failed"})
        assert sealed(client)
    assert client.get(f"/api/runs/{RUN}/metrics").json()["keys"]["loss"]["mean"] == [1, 2]


def test_the_points_of_a_run_judged_crashed_are_sealed(client: TestClient, app: Any, run_id: str) -> None:
    """The server's own judgement ends a run too."""
    log(client, run_id, loss=1)
    assert client.portal is not None
    client.portal.call(app.state.context.ingest.set_status, run_id, "crashed")
    assert sealed(client)


def test_what_is_stored_is_told(client: TestClient, run_id: str) -> None:
    """Sizes and counts of all, and of one run by metric."""
    log(client, run_id, loss=1, acc=2)
    state = client.get("/api/storage").json()
    assert (state["journal_rows"], state["unsealed_points"], state["runs"], state["series"]) == (1, 2, 1, 2)
    assert state["database_bytes"] > 4096 and state["wal_bytes"] > 0 and state["free_bytes"] >= 0
    usage = client.get(f"/api/runs/{run_id}/usage").json()
    assert (usage["points"], usage["raw_bytes"], usage["metrics"]) == (2, 0, {})
    assert usage["bytes"] == usage["journal_bytes"] > 0
    client.put(f"/api/runs/{run_id}", json={"status": "completed"})
    assert sealed(client)
    usage = client.get(f"/api/runs/{run_id}/usage").json()
    assert usage["journal_bytes"] == 0 and usage["metrics"].keys() == {"loss", "acc"}
    assert sum(usage["metrics"].values()) <= usage["bytes"] == usage["raw_bytes"] + usage["levels_bytes"]
    state = client.get("/api/storage").json()
    assert state["chunks"] > 0 and state["blocks"] >= state["chunks"] and state["journal_bytes"] == 0
    assert client.get("/api/runs/nobody/usage").status_code == 404
