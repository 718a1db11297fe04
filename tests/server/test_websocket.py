"""The socket for viewers: the specification's messages, pushed after commit; bad input never ends it."""

import time
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect


async def test_websocket_subscribe(websocket: Any) -> None:
    """The specification's snippet: subscribing to a run, known or not, is answered."""
    await websocket.send_json({"type": "subscribe", "run_id": "test"})
    response = await websocket.receive_json()
    assert response["type"] == "subscribed"


def receive(session: WebSocketTestSession, kind: str) -> Any:
    """The next message of a kind; others before it are passed over."""
    for _ in range(50):
        if (message := session.receive_json())["type"] == kind:
            return message
    raise AssertionError(f"no {kind} among 50 messages")


def subscribe(session: WebSocketTestSession, run_id: str, **more: Any) -> Any:
    """Subscribe and return the answer."""
    session.send_json({"type": "subscribe", "run_id": run_id} | more)
    return receive(session, "subscribed")


def test_ping_is_answered(client: TestClient) -> None:
    """The heartbeat of the specification."""
    with client.websocket_connect("/ws") as session:
        session.send_json({"type": "ping"})
        assert session.receive_json() == {"type": "pong"}


def test_a_single_step_has_the_specified_shape(client: TestClient, run_id: str) -> None:
    """One step travels as step and metrics, without series."""
    with client.websocket_connect("/ws") as session:
        subscribe(session, run_id)
        client.post(f"/api/runs/{run_id}/metrics", json={"step": 7, "metrics": {"loss": 0.5, "acc": "NaN"}})
        update = receive(session, "metric_update")
        assert update["run_id"] == run_id and update["step"] == 7
        assert update["metrics"] == {"loss": 0.5, "acc": "NaN"} and "series" not in update


def test_a_burst_carries_every_point(client: TestClient, run_id: str) -> None:
    """Several steps at once travel as series; step and metrics hold the newest."""
    with client.websocket_connect("/ws") as session:
        subscribe(session, run_id)
        points = [{"step": step, "metrics": {"loss": step / 2}} for step in range(10)]
        client.post(f"/api/runs/{run_id}/metrics", json={"points": points})
        update = receive(session, "metric_update")
        assert update["series"]["loss"]["step"] == list(range(10))
        assert update["series"]["loss"]["value"] == [step / 2 for step in range(10)]
        assert (update["step"], update["metrics"]) == (9, {"loss": 4.5}) and update["cursor"] > update["since"]


def test_keys_narrow_what_is_sent(client: TestClient, run_id: str) -> None:
    """Names and globs choose the metrics of a subscription."""
    with client.websocket_connect("/ws") as session:
        subscribe(session, run_id, keys=["loss", "val/*"])
        client.post(f"/api/runs/{run_id}/metrics", json={"step": 1, "metrics": {"loss": 1, "val/acc": 2, "other": 3}})
        assert receive(session, "metric_update")["metrics"] == {"loss": 1, "val/acc": 2}


def test_unsubscribe_ends_the_updates(client: TestClient, run_id: str) -> None:
    """After unsubscribed nothing of the run comes any more."""
    with client.websocket_connect("/ws") as session:
        subscribe(session, run_id)
        session.send_json({"type": "unsubscribe", "run_id": run_id})
        assert receive(session, "unsubscribed")["run_id"] == run_id
        client.post(f"/api/runs/{run_id}/metrics", json={"step": 1, "metrics": {"loss": 1}})
        session.send_json({"type": "ping"})
        assert session.receive_json() == {"type": "pong"}


def test_status_and_checkpoints_are_pushed(client: TestClient, run_id: str) -> None:
    """status_change and checkpoint_saved have the specified fields."""
    with client.websocket_connect("/ws") as session:
        subscribe(session, run_id)
        checkpoint = client.post(
            f"/api/runs/{run_id}/checkpoints", json={"filepath": "a.pt", "metrics": {"loss": 1}}
        ).json()
        saved = receive(session, "checkpoint_saved")
        assert (saved["run_id"], saved["checkpoint_id"], saved["metrics"]) == (run_id, checkpoint["id"], {"loss": 1})
        client.put(f"/api/runs/{run_id}", json={"status": "completed"})
        change = receive(session, "status_change")
        assert (change["old_status"], change["new_status"]) == ("running", "completed")


def test_the_run_list_hears_of_every_run(client: TestClient) -> None:
    """A subscription to "*" tells of new runs, their newest values and their end."""
    with client.websocket_connect("/ws") as session:
        subscribe(session, "*")
        run = client.post("/api/runs", json={"name": "fresh"}).json()
        created = receive(session, "run_created")
        assert (created["run_id"], created["name"], created["number"]) == (run["id"], "fresh", run["number"])
        client.post(f"/api/runs/{run['id']}/metrics", json={"step": 3, "metrics": {"loss": 1}})
        update = receive(session, "metric_update")
        assert (update["run_id"], update["step"], update["metrics"]) == (
            run["id"],
            3,
            {"loss": 1},
        ) and "since" not in update
        client.delete(f"/api/runs/{run['id']}")
        assert receive(session, "run_deleted")["run_id"] == run["id"]


def test_since_tells_whether_something_was_missed(client: TestClient, run_id: str) -> None:
    """A viewer that comes back with its cursor is told to read again, if and only if there is more."""
    with client.websocket_connect("/ws") as session:
        before = subscribe(session, run_id)["cursor"]
        client.post(f"/api/runs/{run_id}/metrics", json={"step": 1, "metrics": {"loss": 1}})
        receive(session, "metric_update")
    with client.websocket_connect("/ws") as session:
        now = subscribe(session, run_id, since=before)["cursor"]
        assert receive(session, "resync")["run_id"] == run_id
        subscribe(session, run_id, since=now)
        session.send_json({"type": "ping"})
        assert session.receive_json() == {"type": "pong"}


BAD_MESSAGES = [
    "", "not json", "[]", "null", "1", '"x"', "{}", '{"type": 1}', '{"type": "nonsense"}', '{"type": "subscribe"}',
    '{"type": "subscribe", "run_id": 1}', '{"type": "subscribe", "run_id": ""}', '{"type": "subscribe", "run_id": NaN}',
    '{"type": "subscribe", "run_id": "a", "keys": "loss"}', '{"type": "subscribe", "run_id": "\\ud800"}',
    '{"type": "batch", "first_seq": 1, "n": 1}', '{"type": "hello"}', '{"type": "hello", "run_id": "a b", "writer_id": "w"}',
    '{"type": "subscribe", "run_id": "a", "since": 1e999}', "[" * 50_000, '{"a":' * 40 + "1" + "}" * 40,
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_MESSAGES, ids=lambda text: text[:40])
def test_a_bad_message_gets_an_error_and_the_socket_stays(client: TestClient, text: str) -> None:
    """Whatever can't be used is answered with an error, and the socket goes on."""
    with client.websocket_connect("/ws") as session:
        session.send_text(text)
        assert session.receive_json()["type"] == "error"
        session.send_json({"type": "ping"})
        assert session.receive_json() == {"type": "pong"}


def test_a_binary_frame_from_a_viewer_gets_an_error(client: TestClient) -> None:
    """Viewers speak text; binary is answered, not fatal."""
    with client.websocket_connect("/ws") as session:
        for data in (b"", b"\xff\xff", b"\x81\xa4type\xa4ping"):
            session.send_bytes(data)
            assert session.receive_json()["type"] == "error"


def test_ten_errors_in_a_minute_end_the_socket(client: TestClient) -> None:
    """The tenth bad message closes with 1008."""
    with client.websocket_connect("/ws") as session:
        for _ in range(10):
            session.send_text("nonsense")
        with pytest.raises(WebSocketDisconnect) as closed:
            for _ in range(12):
                session.receive_json()
        assert closed.value.code == 1008


def test_one_who_only_listens_is_asked_for_a_sign_of_life(
    client: TestClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames that the server sends don't count as heard: it pings, keeps who answers and ends who doesn't."""
    from stepwire.server.routes import live

    monkeypatch.setattr(live, "PING_AFTER_SECONDS", 0.5)
    monkeypatch.setattr(live, "SILENT_AFTER_SECONDS", 3)
    with client.websocket_connect("/ws") as session:
        subscribe(session, run_id)
        kinds: list[str] = []
        for step in range(40):
            client.post(f"/api/runs/{run_id}/metrics", json={"step": step, "metrics": {"loss": step}})
            message = session.receive_json()
            kinds.append(message["type"])
            if message["type"] == "ping":
                session.send_json({"type": "pong"})
            time.sleep(0.1)
        assert kinds.count("ping") >= 2
        with pytest.raises(WebSocketDisconnect) as closed:
            for _ in range(100):
                session.receive_json()
        assert closed.value.code == 1001
