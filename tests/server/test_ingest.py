"""The socket for training scripts: numbered batches in, acknowledgements after commit, exactly once."""

import struct
import time
import zlib
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from tests.server.test_websocket import receive, subscribe

RUN, WRITER = "run_ingest", "11111111-2222-4333-8444-555555555555"


class Script:
    """A training script that speaks the binary protocol by hand."""

    def __init__(self, session: WebSocketTestSession, **hello: Any) -> None:
        self.session = session
        self.send({"type": "hello", "run_id": RUN, "writer_id": WRITER, "name": "by hand"} | hello)
        self.welcome = self.receive("welcome")

    def send(self, message: dict[str, Any]) -> None:
        """Send one MessagePack frame."""
        self.session.send_bytes(msgspec.msgpack.encode(message))

    def receive(self, kind: str) -> Any:
        """The next message of a kind."""
        for _ in range(50):
            message = msgspec.msgpack.decode(self.session.receive_bytes())
            if message["type"] == kind:
                return message
            assert message["type"] not in {"nack", "error"}, message
        raise AssertionError(f"no {kind}")

    def batch(self, first: int, values: list[float], records: list[dict[str, Any]] | None = None, **more: Any) -> None:
        """One point of ``loss`` per value, then the records."""
        count = len(values)
        columns = {
            "at": struct.pack(f"<{count}I", *range(count)),
            "steps": struct.pack(f"<{count}q", *range(first, first + count)),
            "times": struct.pack(f"<{count}q", *[1_700_000_000_000_000 + n for n in range(count)]),
            "values": struct.pack(f"<{count}d", *values),
        }
        crc = zlib.crc32(b"".join(columns.values()))
        sets = [{"id": 0, "names": ["loss"]} | columns] if values else []
        extra = [{"at": count + n} | record for n, record in enumerate(records or [])]
        self.send(
            {"type": "batch", "first_seq": first, "n": count + len(extra), "sets": sets, "records": extra, "crc": crc}
            | more
        )


def stored(client: TestClient) -> list[float]:
    """All values of ``loss``, in the order of storing."""
    page = client.get(f"/api/runs/{RUN}/metrics", params={"raw": True, "keys": "loss"}).json()
    return list(page["keys"].get("loss", {"value": []})["value"])


def test_hello_makes_the_run_and_batches_are_acknowledged(client: TestClient) -> None:
    """A new run appears with its name; the acknowledgement covers the batch and its points are readable."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        assert script.welcome["acked_seq"] == 0 and script.welcome["proto"] == 1
        script.batch(1, [3.0, 2.0, 1.0])
        assert script.receive("ack")["acked_seq"] == 3
        assert stored(client) == [3.0, 2.0, 1.0]
        assert client.get(f"/api/runs/{RUN}").json()["name"] == "by hand"


def test_a_repeat_and_an_overlap_store_nothing_twice(client: TestClient) -> None:
    """However it is cut again, each record is stored once."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        for first, values in [(1, [1.0, 2.0]), (1, [1.0, 2.0]), (2, [2.0, 3.0, 4.0]), (1, [1.0]), (5, [5.0])]:
            script.batch(first, values)
            script.receive("ack")
    assert stored(client) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_gap_is_refused_with_what_is_expected(client: TestClient) -> None:
    """Nothing of a batch past the next record is stored."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(5, [1.0])
        nack = script.receive("nack")
        assert (nack["code"], nack["expect"]) == ("gap", 1)
    assert stored(client) == []


def test_a_deleted_run_is_gone_for_its_script(client: TestClient) -> None:
    """A script whose run was deleted is told so; the run does not come back by itself."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0])
        script.receive("ack")
        client.delete(f"/api/runs/{RUN}")
        script.batch(2, [2.0])
        assert script.receive("nack")["code"] == "gone"
    assert client.get(f"/api/runs/{RUN}").status_code == 404


def test_a_new_connection_is_told_where_to_go_on(client: TestClient) -> None:
    """welcome carries the last committed record of the stream, also to another connection."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0, 2.0])
        script.receive("ack")
    with client.websocket_connect("/ws") as session:
        assert Script(session).welcome["acked_seq"] == 2
        assert Script(session, writer_id="another-writer").welcome["acked_seq"] == 0


def test_a_damaged_batch_is_refused(client: TestClient) -> None:
    """A wrong checksum, columns that don't agree or bad steps are refused whole."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        for damage in (
            {"crc": 1},
            {"n": 1},
            {"sets": [{"id": 0, "at": b"", "steps": b"1", "times": b"", "values": b""}], "crc": None},
        ):
            script.batch(1, [1.0, 2.0], **damage)
            assert script.receive("nack")["code"] == "bad"
    assert stored(client) == []


def test_records_change_the_run(client: TestClient) -> None:
    """config, event, checkpoint, best, status and gap do what they say, and viewers are told."""
    with client.websocket_connect("/ws") as viewing, client.websocket_connect("/ws") as session:
        subscribe(viewing, RUN)
        script = Script(session)
        script.batch(1, [], [
            {"type": "config", "name": "real name", "project": "p", "config": {"lr": 0.1}, "tags": ["t"], "host": "h", "total_steps": 9},
            {"type": "config_update", "config": {"lr": 0.2, "optimizer": {"name": "adam"}}},
            {"type": "event", "level": "warning", "event": "odd", "message": "look", "step": 3},
            {"type": "checkpoint", "id": "ckpt_a", "filepath": "/a.npz", "step": 3, "metrics": {"loss": 1.5}},
            {"type": "checkpoint", "id": "ckpt_a", "filepath": "/a.npz", "step": 3, "size": 10, "sha256": "0" * 64},
            {"type": "best", "checkpoint_id": "ckpt_a"},
            {"type": "gap", "from": 1, "to": 3, "count": 3, "reason": "memory"},
            {"type": "define_metric", "name": "loss", "goal": "min"},
            {"type": "status", "status": "failed", "reason": "ValueError"},
            {"type": "never_heard_of", "x": 1},
        ])  # fmt: skip
        assert script.receive("ack")["acked_seq"] == 10
        assert receive(viewing, "status_change")["new_status"] == "failed"
    run = client.get(f"/api/runs/{RUN}").json()
    config = {"lr": 0.2, "optimizer": {"name": "adam"}}
    assert (run["name"], run["config"], run["tags"], run["total_steps"]) == ("real name", config, ["t"], 9)
    assert (run["status"], run["reason"], run["metric_definitions"]) == (
        "failed",
        "ValueError",
        {"loss": {"goal": "min"}},
    )
    checkpoint = client.get("/api/checkpoints/ckpt_a").json()
    assert checkpoint["is_best"] and checkpoint["size"] == 10 and checkpoint["metrics"] == {"loss": 1.5}
    events = [event["event"] for event in client.get("/api/events", params={"run_id": RUN}).json()["events"]]
    assert {
        "run_started",
        "odd",
        "checkpoint_saved",
        "checkpoint_best",
        "gap",
        "status_change",
        "config_updated",
    } <= set(events)


def test_poison_never_blocks_its_stream(client: TestClient) -> None:
    """A record that can't be used is put aside and told; those beside and behind it are stored."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        deep: dict[str, Any] = {}
        for _ in range(300):
            deep = {"a": deep}
        poison = [
            {"type": "event", "message": "deep", "data": deep}, {"type": "system", "process": "x"}, {"type": "system", "process": [1]},
            {"type": "status", "status": "flying"}, {"type": "config"}, {"type": "best", "checkpoint_id": "none"}, {"type": "event"},
            {"type": "event", "message": "x", "data": {"bytes": b"\xff"}}, {"type": "checkpoint", "id": 3}, {"type": "system", "host": 4, "process": {"a": "b"}},
            {"type": "total_steps", "total_steps": 2**63}, {"type": "config", "name": "n", "config": [1]},
            {"type": "config_update", "config": "lr=1"}, {"type": "config_update"},
        ]  # fmt: skip
        script.batch(1, [1.0], poison)
        assert script.receive("ack")["acked_seq"] == 1 + len(poison)
        script.batch(2 + len(poison), [2.0])
        script.receive("ack")
    assert stored(client) == [1.0, 2.0]
    refused = [event for event in client.get("/api/events").json()["events"] if event["event"] == "record_refused"]
    assert len(refused) >= 9
    assert client.get("/api/runs").status_code == 200


def test_json_text_works_as_well(client: TestClient) -> None:
    """A script in any language may speak JSON text with plain arrays."""
    with client.websocket_connect("/ws") as session:
        session.send_json({"type": "hello", "run_id": RUN, "writer_id": "w"})
        assert session.receive_json()["type"] == "welcome"
        columns = {"at": [0, 1], "steps": [0, 0.5], "times": [1, 2], "values": [[1.5, "NaN"], [2.5, 3]]}
        session.send_json(
            {"type": "batch", "first_seq": 1, "n": 2, "sets": [{"id": 0, "names": ["loss", "acc"]} | columns]}
        )
        assert receive(session, "ack")["acked_seq"] == 2
    assert stored(client) == [1.5, 2.5]


def test_a_stop_reaches_the_script_and_its_answer_the_viewer(client: TestClient) -> None:
    """sent → delivered → acknowledged with the step, told to the viewers; a late script still gets it."""
    with client.websocket_connect("/ws") as viewing, client.websocket_connect("/ws") as session:
        script = Script(session)
        subscribe(viewing, RUN)
        sent = client.post(f"/api/runs/{RUN}/commands", json={"command": "stop"}).json()
        command = script.receive("command")
        assert (command["id"], command["command"]) == (sent["id"], "stop")
        for state, step in (("delivered", None), ("acknowledged", 12)):
            script.send({"type": "command_result", "id": command["id"], "state": state, "step": step})
            told = receive(viewing, "command")
            while told["state"] != state:
                told = receive(viewing, "command")
        assert told["step"] == 12
        again = client.post(f"/api/runs/{RUN}/commands", json={"command": "stop"}).json()
    with client.websocket_connect("/ws") as session:
        assert Script(session).receive("command")["id"] == again["id"]


def test_host_samples_of_another_machine_are_kept(client: TestClient) -> None:
    """A script's host shows in the system status and has a history; the process is the run's own series."""
    sample = {
        "host": "far-away", "time": time.time_ns() // 1000, "cpu_percent": 50.0, "memory_percent": 20.0, "memory_used": 1, "memory_total": 5,
        "gpus": [{"index": 0, "name": "H100", "utilization": 90.0, "memory_used": 3, "memory_total": 4}],
    }  # fmt: skip
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(
            1, [], [{"type": "system", "time": sample["time"], "host": sample, "process": {"cpu_percent": 99.0}}]
        )
        script.receive("ack")
    hosts = {host["host"]: host for host in client.get("/api/system/status").json()["hosts"]}
    assert hosts["far-away"]["gpus"][0]["utilization"] == 90
    history = client.get("/api/system/history", params={"host": "far-away"}).json()["series"]
    assert history["cpu_percent"]["mean"] == [50] and history["gpu/0/utilization"]["max"] == [90]
    assert client.get(f"/api/runs/{RUN}/metrics/latest").json()["metrics"] == {"system/process/cpu_percent": 99}


@pytest.mark.parametrize("field", ["run_id", "writer_id"])
def test_ids_that_are_none_are_refused(client: TestClient, field: str) -> None:
    """hello checks its ids before anything is made."""
    with client.websocket_connect("/ws") as session:
        session.send_bytes(
            msgspec.msgpack.encode({"type": "hello", "run_id": "a", "writer_id": "b"} | {field: "../etc"})
        )
        answer = msgspec.msgpack.decode(session.receive_bytes())
        assert answer["type"] == "error" and answer["field"] == field
    assert client.get("/api/runs").json()["runs"] == []


def test_a_deleted_run_does_not_come_back_by_its_scripts_reconnect(client: TestClient) -> None:
    """hello of a deleted run is answered with gone, in the trash or not; made anew on purpose, it is a run again."""
    with client.websocket_connect("/ws") as session:
        Script(session)
    client.delete(f"/api/runs/{RUN}")
    with client.websocket_connect("/ws") as session:
        session.send_bytes(msgspec.msgpack.encode({"type": "hello", "run_id": RUN, "writer_id": WRITER}))
        assert msgspec.msgpack.decode(session.receive_bytes())["code"] == "gone"
    assert client.get("/api/runs").json()["runs"] == []
    client.delete(f"/api/trash/{RUN}")
    with client.websocket_connect("/ws") as session:
        session.send_bytes(msgspec.msgpack.encode({"type": "hello", "run_id": RUN, "writer_id": WRITER}))
        assert msgspec.msgpack.decode(session.receive_bytes())["code"] == "gone"
    client.post("/api/runs", json={"id": RUN, "name": "on purpose"})
    with client.websocket_connect("/ws") as session:
        assert Script(session).welcome["acked_seq"] == 0


def test_rows_of_unequal_length_are_refused(client: TestClient) -> None:
    """Values never slide from one metric to another."""
    with client.websocket_connect("/ws") as session:
        session.send_json({"type": "hello", "run_id": RUN, "writer_id": "w"})
        columns = {"at": [0, 1], "steps": [0, 1], "times": [1, 2], "values": [[1], [2, 3, 4]]}
        session.send_json({"type": "batch", "first_seq": 1, "n": 2, "sets": [{"id": 0, "names": ["a", "b"]} | columns]})
        assert receive(session, "error")["field"] == "sets[0].values"


@pytest.mark.parametrize("field", ["attempt", "rank", "world", "project"])
def test_hello_is_bounded(client: TestClient, field: str) -> None:
    """Numbers and names beyond any use get an error, and the socket stays."""
    with client.websocket_connect("/ws") as session:
        value: Any = "p" * 300 if field == "project" else 2**31
        session.send_json({"type": "hello", "run_id": RUN, "writer_id": "w", field: value})
        assert session.receive_json()["field"] == field
        session.send_json({"type": "ping"})
        assert session.receive_json() == {"type": "pong"}


def test_a_fault_of_the_storage_is_not_the_records(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails under a record, nothing is acknowledged: the script sends it again, and then it counts."""
    import sqlite3

    from sqlalchemy.exc import OperationalError

    from stepwire.storage.catalog.sql import SqlCatalog

    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR  # type: ignore[attr-defined]
    whole = SqlCatalog.update_run

    def failing(*_: Any, **__: Any) -> Any:
        raise OperationalError("UPDATE", {}, fault)

    with client.websocket_connect("/ws") as session:
        script = Script(session)
        monkeypatch.setattr(SqlCatalog, "update_run", failing)
        script.batch(1, [], [{"type": "status", "status": "completed"}])
        nack = msgspec.msgpack.decode(session.receive_bytes())
        assert (nack["type"], nack["code"]) == ("nack", "retry")
        monkeypatch.setattr(SqlCatalog, "update_run", whole)
        script.batch(1, [], [{"type": "status", "status": "completed"}])
        assert script.receive("ack")["acked_seq"] == 1
    assert client.get(f"/api/runs/{RUN}").json()["status"] == "completed"


def test_the_newest_step_is_the_trainings_not_the_samplers(client: TestClient) -> None:
    """A sample of the process, whose steps are seconds, is told to viewers and moves no step."""
    with client.websocket_connect("/ws") as viewing, client.websocket_connect("/ws") as session:
        subscribe(viewing, RUN)
        script = Script(session)
        script.batch(1, [1.0, 2.0], [{"type": "system", "process": {"cpu_percent": 5.0}}])
        script.receive("ack")
        update = receive(viewing, "metric_update")
        while "system/process/cpu_percent" not in update["metrics"]:
            update = receive(viewing, "metric_update")
        assert client.get(f"/api/runs/{RUN}/metrics/latest").json()["step"] == 2
        assert client.get(f"/api/series?runs={RUN}&keys=loss").json()["cursors"][RUN] == update["cursor"]


def test_a_socket_watches_a_bounded_number_of_runs(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more subscription than allowed is an error; those there stay."""
    from stepwire.server.routes import live

    monkeypatch.setattr(live, "MAX_SUBSCRIPTIONS", 2)
    with client.websocket_connect("/ws") as session:
        for run in "ab":
            subscribe(session, run)
        session.send_json({"type": "subscribe", "run_id": "c"})
        assert receive(session, "error")["field"] == "run_id"
        session.send_json({"type": "subscribe", "run_id": "a", "keys": ["x"] * 2000})
        assert receive(session, "error")["field"] == "keys"
