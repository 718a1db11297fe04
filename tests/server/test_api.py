"""The REST endpoints of the specification, its own snippets first."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient


def test_create_run(client: TestClient) -> None:
    """The specification's snippet: a run is created and has an id."""
    response = client.post("/api/runs", json={
        "name": "test_run",
        "config": {"lr": 0.001}
    })  # fmt: skip
    assert response.status_code == 200
    assert "id" in response.json()


def test_log_metrics(client: TestClient, run_id: str) -> None:
    """The specification's snippet: metrics are accepted."""
    response = client.post(f"/api/runs/{run_id}/metrics", json={
        "step": 100,
        "metrics": {"loss": 0.5}
    })  # fmt: skip
    assert response.status_code == 200


def log(client: TestClient, run_id: str, **body: Any) -> Any:
    """Add points; they must be accepted."""
    response = client.post(f"/api/runs/{run_id}/metrics", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_run_carries_what_it_was_created_with(client: TestClient) -> None:
    """Every field of a new run comes back, and the number counts up."""
    body = {
        "name": "a",
        "project": "p",
        "config": {"optim": {"lr": 1e-3}},
        "tags": ["x"],
        "notes": "n",
        "group": "g",
        "total_steps": 10,
    }
    first, second = client.post("/api/runs", json=body).json(), client.post("/api/runs", json={"name": "b"}).json()
    assert {name: first[name] for name in body} == body
    assert second["number"] == first["number"] + 1
    assert first["status"] == "running" and first["start_time"].endswith("Z")
    assert client.get(f"/api/runs/{first['id']}").json() == first


def test_creating_again_with_the_same_id(client: TestClient) -> None:
    """A repeated creation is harmless; other content under the same id is a conflict."""
    body = {"id": "mine", "name": "a", "config": {"lr": 1}}
    assert client.post("/api/runs", json=body).json()["number"] == client.post("/api/runs", json=body).json()["number"]
    assert client.post("/api/runs", json=body | {"config": {"lr": 2}}).status_code == 409


def test_put_changes_a_run_and_makes_one_that_has_a_name(client: TestClient, run_id: str) -> None:
    """PUT changes what is given; on an unknown id it makes the run if there is a name."""
    changed = client.put(f"/api/runs/{run_id}", json={"status": "completed", "tags": ["done"]}).json()
    assert (changed["status"], changed["tags"], changed["name"]) == ("completed", ["done"], "test_run")
    assert changed["end_time"] is not None
    assert client.put("/api/runs/other", json={"tags": ["x"]}).status_code == 404
    assert client.put("/api/runs/other", json={"name": "new"}).json()["id"] == "other"


def test_list_runs_pages_and_filters(client: TestClient) -> None:
    """Pages hold every run once, newest first; filters narrow."""
    ids = [client.post("/api/runs", json={"name": f"run {n}", "project": "ab"[n % 2]}).json()["id"] for n in range(5)]
    first = client.get("/api/runs", params={"limit": 2}).json()
    second = client.get("/api/runs", params={"limit": 10, "cursor": first["next_cursor"]}).json()
    assert [run["id"] for run in first["runs"] + second["runs"]] == ids[::-1]
    assert second["next_cursor"] is None and first["counts"]["running"] == 5
    assert len(client.get("/api/runs", params={"project": "a"}).json()["runs"]) == 3
    assert [run["name"] for run in client.get("/api/runs", params={"q": "run 3"}).json()["runs"]] == ["run 3"]
    assert client.get("/api/runs", params={"sort": "drop table"}).status_code == 422


def test_delete_run_forgets_everything(client: TestClient, run_id: str) -> None:
    """A deleted run is out of sight with its points."""
    log(client, run_id, step=1, metrics={"loss": 1})
    assert client.delete(f"/api/runs/{run_id}").json() == {"id": run_id, "deleted": True}
    for path in (f"/api/runs/{run_id}", f"/api/runs/{run_id}/metrics", f"/api/runs/{run_id}/metrics/latest"):
        assert client.get(path).status_code == 404
    assert client.delete(f"/api/runs/{run_id}").status_code == 404


def test_history_returns_every_point_when_it_fits(client: TestClient, run_id: str) -> None:
    """What was logged comes back exactly, in step order."""
    log(client, run_id, points=[{"step": step, "metrics": {"loss": 1 / (1 + step), "acc": step}} for step in (0, 2, 1)])
    answer = client.get(f"/api/runs/{run_id}/metrics").json()
    loss = answer["keys"]["loss"]
    assert loss["x"] == [0, 1, 2] and loss["mean"] == loss["min"] == loss["max"] == [1, 1 / 2, 1 / 3]
    assert loss["exact"] and loss["stored"] == 3 and set(answer["keys"]) == {"loss", "acc"}


def test_history_keeps_extremes_when_it_does_not_fit(client: TestClient, run_id: str) -> None:
    """A spike of one point among thousands is in the answer at any width."""
    values = [float(step % 7) for step in range(3000)]
    values[1234] = 1e6
    log(client, run_id, points=[{"step": step, "metrics": {"loss": value}} for step, value in enumerate(values)])
    loss = client.get(f"/api/runs/{run_id}/metrics", params={"points": 20}).json()["keys"]["loss"]
    assert max(loss["max"]) == 1e6 and min(loss["min"]) == 0 and not loss["exact"]
    assert sum(loss["count"]) == loss["stored"] == 3000 and len(loss["x"]) <= 40


def test_values_that_are_not_finite_survive(client: TestClient, run_id: str) -> None:
    """NaN and infinities are kept, told as strings, and never averaged."""
    for step, value in enumerate(["NaN", "Infinity", "-Infinity", 1.5]):
        log(client, run_id, step=step, metrics={"loss": value})
    raw = client.get(f"/api/runs/{run_id}/metrics", params={"raw": True}).json()["keys"]["loss"]
    assert raw["value"] == ["NaN", "Infinity", "-Infinity", 1.5] and raw["step"] == [0, 1, 2, 3]
    loss = client.get(f"/api/runs/{run_id}/metrics").json()["keys"]["loss"]
    assert loss["mean"] == [None, None, None, 1.5] and loss["nonfinite"] == [1, 1, 1, 0]
    summary = client.get(f"/api/runs/{run_id}").json()["summary"]["loss"]
    assert (summary["first"], summary["min"], summary["nonfinite"]) == ("NaN", 1.5, 3)


def test_raw_pages_through_everything(client: TestClient, run_id: str) -> None:
    """The pages together hold every stored row once, in order."""
    log(client, run_id, points=[{"step": step, "metrics": {"loss": step}} for step in range(25)])
    seen, cursor = [], None
    while True:
        page = client.get(
            f"/api/runs/{run_id}/metrics", params={"raw": True, "limit": 10} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += page["keys"].get("loss", {"value": []})["value"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == list(range(25))


def test_latest_and_names(client: TestClient, run_id: str) -> None:
    """The newest value per metric, each with its own step and time."""
    log(client, run_id, step=1, metrics={"loss": 2, "val/loss": 3}, timestamp=1_700_000_000.25)
    log(client, run_id, step=2, metrics={"loss": 1}, timestamp=1_700_000_001)
    latest = client.get(f"/api/runs/{run_id}/metrics/latest").json()
    assert latest["metrics"] == {"loss": 1, "val/loss": 3} and latest["steps"] == {"loss": 2, "val/loss": 1}
    assert latest["times"]["val/loss"] == 1_700_000_000_250_000 and latest["step"] == 2
    assert client.get(f"/api/runs/{run_id}/metrics/names").json()["names"] == ["loss", "val/loss"]


def test_implied_steps_count_on(client: TestClient, run_id: str) -> None:
    """Without a step the first is 0 and the next follows the last."""
    log(client, run_id, metrics={"loss": 1})
    log(client, run_id, step=10, metrics={"loss": 2})
    log(client, run_id, points=[{"metrics": {"loss": 3}}, {"metrics": {"loss": 4}}])
    assert client.get(f"/api/runs/{run_id}/metrics").json()["keys"]["loss"]["x"] == [0, 10, 11, 12]


def test_series_puts_many_runs_on_one_axis(client: TestClient) -> None:
    """Lines share one ascending x with gaps where a run has no point; runs that don't exist are left out."""
    for name, steps in {"a": (0, 1, 2), "b": (1, 3)}.items():
        client.post("/api/runs", json={"id": name, "name": name})
        log(client, name, points=[{"step": step, "metrics": {"loss": step, "other": 1}} for step in steps])
    chart = client.get("/api/series", params={"runs": "a,b,c", "keys": "lo*"}).json()
    assert chart["x"] == [0, 1, 2, 3] and chart["exact"] and chart["stored"] == 5
    assert {(line["run_id"], line["key"]): line["mean"] for line in chart["series"]} == {
        ("a", "loss"): [0, 1, 2, None],
        ("b", "loss"): [None, 1, None, 3],
    }
    assert chart["cursors"]["a"] > 0 and chart["cursors"]["c"] == 0


def test_relative_time_counts_from_the_start_of_the_run(client: TestClient, run_id: str) -> None:
    """x=relative is seconds since the run's start, x=time is µs."""
    started = client.get(f"/api/runs/{run_id}").json()["start_time"]
    from datetime import datetime

    start = datetime.fromisoformat(started).timestamp()
    log(client, run_id, step=1, metrics={"loss": 1}, timestamp=start + 2.5)
    relative = client.get(f"/api/runs/{run_id}/metrics", params={"x": "relative"}).json()["keys"]["loss"]["x"]
    assert relative == [pytest.approx(2.5, abs=1e-3)]
    times = client.get(f"/api/runs/{run_id}/metrics", params={"x": "time"}).json()["keys"]["loss"]["x"]
    assert times == [pytest.approx((start + 2.5) * 1e6, abs=2)]


def test_a_retry_with_an_idempotency_key_stores_once(client: TestClient, run_id: str) -> None:
    """The same key and body is answered again without storing; another body is a conflict."""
    headers = {"Idempotency-Key": "k1"}
    answers = [
        client.post(f"/api/runs/{run_id}/metrics", json={"step": 1, "metrics": {"loss": 1}}, headers=headers)
        for _ in range(3)
    ]
    assert [answer.json() for answer in answers] == [{"run_id": run_id, "accepted": 1}] * 3
    assert client.get(f"/api/runs/{run_id}/metrics").json()["keys"]["loss"]["stored"] == 1
    assert (
        client.post(
            f"/api/runs/{run_id}/metrics", json={"step": 2, "metrics": {"loss": 1}}, headers=headers
        ).status_code
        == 409
    )


def test_numbered_points_store_once(client: TestClient, run_id: str) -> None:
    """With writer_id and first_seq a repeat is skipped and a gap refused with what is expected."""
    body = {
        "writer_id": "w",
        "first_seq": 1,
        "points": [{"step": 1, "metrics": {"loss": 1}}, {"step": 2, "metrics": {"loss": 2}}],
    }
    for _ in range(2):
        log(client, run_id, **body)
    assert client.get(f"/api/runs/{run_id}/metrics").json()["keys"]["loss"]["stored"] == 2
    refused = client.post(f"/api/runs/{run_id}/metrics", json=body | {"first_seq": 9})
    assert refused.status_code == 409 and "3" in refused.json()["detail"]


def test_checkpoints(client: TestClient, run_id: str) -> None:
    """Registered, listed newest first, exactly one best, forgotten; load is refused with the reason."""
    first = client.post(
        f"/api/runs/{run_id}/checkpoints", json={"filepath": "/ckpt/1.pt", "step": 1, "metrics": {"loss": 2}}
    ).json()
    second = client.post(
        f"/api/runs/{run_id}/checkpoints", json={"filepath": "/ckpt/2.pt", "metadata": {"a": [1]}}
    ).json()
    for checkpoint in (first, second):
        assert client.post(f"/api/checkpoints/{checkpoint['id']}/best").json()["is_best"]
    listed = client.get(f"/api/runs/{run_id}/checkpoints").json()["checkpoints"]
    assert [(item["id"], item["is_best"], item["number"]) for item in listed] == [
        (second["id"], True, 2),
        (first["id"], False, 1),
    ]
    assert client.get(f"/api/checkpoints/{first['id']}").json()["metrics"] == {"loss": 2}
    refused = client.post(f"/api/checkpoints/{first['id']}/load")
    assert refused.status_code == 403 and "/ckpt/1.pt" in refused.json()["detail"]
    assert client.delete(f"/api/checkpoints/{first['id']}").json()["deleted"]
    assert client.get(f"/api/checkpoints/{first['id']}").status_code == 404


def test_commands(client: TestClient, run_id: str) -> None:
    """A stop is kept for the run; a run that ended takes none."""
    sent = client.post(f"/api/runs/{run_id}/commands", json={"command": "stop"}).json()
    assert (
        sent["state"] == "sent" and client.get(f"/api/runs/{run_id}/commands").json()["commands"][0]["id"] == sent["id"]
    )
    client.put(f"/api/runs/{run_id}", json={"status": "completed"})
    assert client.post(f"/api/runs/{run_id}/commands", json={"command": "stop"}).status_code == 409
    assert client.post(f"/api/runs/{run_id}/commands", json={"command": "format disk"}).status_code == 422


def test_the_commands_that_can_be_sent(client: TestClient, run_id: str) -> None:
    """Stop, a checkpoint and an evaluation; whether a script can do it, the script says."""
    for command in ("stop", "save_checkpoint", "evaluate"):
        sent = client.post(f"/api/runs/{run_id}/commands", json={"command": command})
        assert (sent.status_code, sent.json()["command"]) == (200, command)
    refused = client.post(f"/api/runs/{run_id}/commands", json={"command": "dance"})
    assert (refused.status_code, refused.json()["field"]) == (422, "command")


def test_a_command_that_nobody_took_expires_with_its_run(client: TestClient, run_id: str) -> None:
    """Once the run has ended its open commands have an outcome too."""
    client.post(f"/api/runs/{run_id}/commands", json={"command": "stop"})
    client.put(f"/api/runs/{run_id}", json={"status": "completed"})
    commands = client.get(f"/api/runs/{run_id}/commands").json()["commands"]
    assert [command["state"] for command in commands] == ["expired"]


def test_events_tell_what_happened(client: TestClient, run_id: str) -> None:
    """Status changes and checkpoints are in the event log, newest first, and filter by level."""
    client.post(f"/api/runs/{run_id}/checkpoints", json={"filepath": "a.npz"})
    client.put(f"/api/runs/{run_id}", json={"status": "failed"})
    events = client.get("/api/events", params={"run_id": run_id}).json()["events"]
    assert [event["event"] for event in events][:2] == ["status_change", "checkpoint_saved"]
    assert [event["level"] for event in client.get("/api/events", params={"level": "error"}).json()["events"]] == [
        "error"
    ]


def test_system_status_has_this_host_from_the_first_second(client: TestClient) -> None:
    """The server samples its own host at once, and its history is readable."""
    import socket
    import time

    deadline = time.monotonic() + 10
    while not (hosts := client.get("/api/system/status").json()["hosts"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    host = hosts[0]
    assert host["host"] == socket.gethostname() and 0 < host["memory_used"] < host["memory_total"]
    assert 0 < host["cpu_percent"] <= 100 and host["disk"]["total"] > 0
    assert client.get("/api/system/history").json()["host"] == host["host"]
    assert client.get("/api/system/history", params={"host": "nobody"}).status_code == 404


def test_health_and_version(client: TestClient) -> None:
    """Health goes through the storage; the version names what is spoken."""
    assert client.get("/health").json() == {"status": "ok"}
    version = client.get("/api/version").json()
    assert version["protocol"] == [1] and version["version"] and version["sqlite"]


def test_openapi_and_docs_are_served(client: TestClient) -> None:
    """The machine-readable description and its page are there."""
    assert "/api/series" in client.get("/api/openapi.json").json()["paths"]
    assert client.get("/api/docs").status_code == 200


BAD_BODIES = [
    b'{"step": 1, "metrics": {"loss": NaN}}',
    b'{"step": 1, "metrics": {"loss": Infinity}}',
    b'{"step": 1, "metrics": {"loss": 1e999}}',
    b'{"step": 9223372036854775808, "metrics": {"loss": 1}}',
    b'{"step": -9223372036854775809, "metrics": {"loss": 1}}',
    b'{"step": 1e300, "metrics": {"loss": 1}}',
    b'{"step": true, "metrics": {"loss": 1}}',
    b'{"step": "1", "metrics": {"loss": 1}}',
    b'{"step": 1, "metrics": {"\\ud800": 1}}',
    b'{"step": 1, "metrics": {"loss": "\\ud800"}}',
    b'{"step": 1, "metrics": {"loss": ' + b"9" * 5000 + b"}}",
    b'{"step": ' + b"9" * 5000 + b', "metrics": {"loss": 1}}',
    b'{"step": 1, "metrics": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    b'{"step": 1, "metrics": {"loss": [1]}}',
    b'{"step": 1, "metrics": {"loss": null}}',
    b'{"step": 1, "metrics": {"": 1}}',
    b'{"step": 1, "metrics": {"a\\u0000b": 1}}',
    b'{"step": 1, "metrics": {"' + b"n" * 513 + b'": 1}}',
    b'{"step": 1, "metrics": {}}',
    b'{"step": 1}',
    b'{"points": []}',
    b'{"points": [{"step": 1, "metrics": {"loss": "x"}}]}',
    b'{"step": 1, "metrics": {"loss": 1}, "timestamp": 1e300}',
    b'{"step": 1, "metrics": {"loss": 1}, "extra": 1}',
    b'{"first_seq": -1, "writer_id": "w", "step": 1, "metrics": {"loss": 1}}',
    b"\xff\xfe",
    b"",
    b"[]",
    b"null",
    b'"text"',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: body[:40].decode("latin-1"))
def test_bad_metrics_are_refused_and_nothing_is_stored(client: TestClient, run_id: str, body: bytes) -> None:
    """Any bad body gets a 4xx problem that says what is wrong, and leaves nothing behind."""
    response = client.post(f"/api/runs/{run_id}/metrics", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= response.status_code < 500, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] and response.json()["status"] == response.status_code
    assert client.get(f"/api/runs/{run_id}/metrics/names").json()["names"] == []


def test_odd_names_come_back_unchanged(client: TestClient, run_id: str) -> None:
    """Quotes, SQL, markup, dunder names and any Unicode are just names."""
    names = [
        "a'b\"c",
        "'; DROP TABLE runs;--",
        "<img src=x onerror=1>",
        "__proto__",
        "naïve/损失",
        "a b",
        "*",
        ",",
        "\u202e",
    ]
    log(client, run_id, step=1, metrics={name: index for index, name in enumerate(names)})
    assert client.get(f"/api/runs/{run_id}/metrics/latest").json()["metrics"] == {
        name: index for index, name in enumerate(names)
    }
    for name in names:
        answer = client.get(f"/api/runs/{run_id}/metrics", params={"key": name}).json()
        assert answer["keys"][name]["mean"] == [names.index(name)]


def test_config_holds_any_json(client: TestClient) -> None:
    """Big integers, deep-enough nesting, NUL and odd keys survive in a run's config."""
    config = {"big": 2**70, "nul": "a\x00b", "deep": [[[[{"x": None}]]]], "__proto__": {"a": 1}, "f": 1e-300}
    run = client.post("/api/runs", json={"name": "odd", "config": config}).json()
    assert client.get(f"/api/runs/{run['id']}").json()["config"] == config


@pytest.mark.parametrize("params", [
    {"limit": 2**64}, {"limit": -1}, {"limit": "x"}, {"points": 0}, {"points": 10**9}, {"x": "colour"}, {"from": "nan"},
    {"raw": "true", "cursor": "zzz"}, {"from": "1e999"}, {"raw": "true", "limit": 100_001},
])  # fmt: skip
def test_bad_queries_are_refused(client: TestClient, run_id: str, params: dict[str, Any]) -> None:
    """A query that can't be answered is a 422 that names its field."""
    response = client.get(f"/api/runs/{run_id}/metrics", params=params)
    assert response.status_code == 422 and response.json()["field"] in params


@pytest.mark.parametrize("path", ["/api/runs/none", "/api/checkpoints/none", "/api/runs/none/commands", "/api/nothing"])
def test_what_is_not_there_is_404(client: TestClient, path: str) -> None:
    """Unknown ids and paths are 404 problems."""
    response = client.get(path)
    assert response.status_code == 404 and response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("PUT", "/api/runs", "GET, POST"), ("DELETE", "/api/series", "GET"), ("POST", "/api/version", "GET"),
    ("PUT", "/api/runs/none/metrics", "DELETE, GET, POST"), ("POST", "/api/runs/none", "DELETE, GET, PUT"),
])  # fmt: skip
def test_what_a_path_does_not_answer_is_405(client: TestClient, method: str, path: str, allowed: str) -> None:
    """A wrong method on a path that is there is told from a path that isn't."""
    response = client.request(method, path)
    assert response.status_code == 405 and response.headers["content-type"] == "application/problem+json"
    assert method in response.json()["detail"] and response.headers["allow"] == allowed


def test_an_unknown_attempt_is_named(client: TestClient, run_id: str) -> None:
    """The field to blame is the one that is wrong."""
    response = client.get(f"/api/runs/{run_id}/environment?attempt=9")
    assert (response.status_code, response.json()["field"]) == (404, "attempt")


def test_a_large_body_is_refused(client: TestClient, run_id: str) -> None:
    """50 MB are refused with 413, declared or streamed."""
    url = f"/api/runs/{run_id}/metrics"
    assert client.post(url, content=b" " * 50_000_000).status_code == 413
    streamed = client.post(
        url, content=(b" " * 1_000_000 for _ in range(50)), headers={"Content-Type": "application/json"}
    )
    assert streamed.status_code == 413


def test_values_round_trip_bit_for_bit(client: TestClient, run_id: str) -> None:
    """Floats come back as they were sent."""
    values = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 2**53 + 2.0, math.pi]
    log(client, run_id, points=[{"step": step, "metrics": {"v": value}} for step, value in enumerate(values)])
    raw = client.get(f"/api/runs/{run_id}/metrics", params={"raw": True}).json()["keys"]["v"]["value"]
    assert [math.copysign(1, value) for value in raw] == [math.copysign(1, value) for value in values] and raw == values


def test_implied_steps_of_parallel_requests_are_all_different(client: TestClient, run_id: str) -> None:
    """However many post at once without a step, none gets the same one."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log(client, run_id, metrics={"loss": n}), range(40)))
    raw = client.get(f"/api/runs/{run_id}/metrics", params={"raw": True}).json()["keys"]["loss"]
    assert sorted(raw["step"]) == list(range(40)) and sorted(raw["value"]) == list(range(40))


def test_an_answer_does_not_outlive_its_run(client: TestClient) -> None:
    """A key of a deleted run is no excuse: the run is gone, and a new one of that id stores again."""
    body, headers = {"step": 1, "metrics": {"loss": 1}}, {"Idempotency-Key": "k"}
    for _ in range(2):
        client.post("/api/runs", json={"id": "again", "name": "a"})
        assert client.post("/api/runs/again/metrics", json=body, headers=headers).status_code == 200
        assert client.get("/api/runs/again").json()["summary"]["loss"]["count"] == 1
        client.delete("/api/runs/again")
        assert client.post("/api/runs/again/metrics", json=body, headers=headers).status_code == 404
        client.delete("/api/trash/again")


def test_a_key_and_numbers_together_store_once(client: TestClient, run_id: str) -> None:
    """Numbered points are recognised under another key too."""
    body = {"writer_id": "w", "first_seq": 1, "step": 1, "metrics": {"loss": 1}}
    for key in "ab":
        assert (
            client.post(f"/api/runs/{run_id}/metrics", json=body, headers={"Idempotency-Key": key}).status_code == 200
        )
    assert client.get(f"/api/runs/{run_id}").json()["summary"]["loss"]["count"] == 1


@pytest.mark.parametrize(
    "cursor", ["WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwXQ==", "eyJ2IjogIlx1ZDgwMCJ9", "bnVsbA==", "W10="]
)
def test_cursors_that_are_not_ours_are_refused(client: TestClient, run_id: str, cursor: str) -> None:
    """A cursor of anybody's making is a 422 that names it."""
    for url, params in (
        ("/api/runs", {"sort": "name"}),
        ("/api/runs", {}),
        (f"/api/runs/{run_id}/metrics", {"raw": "true"}),
    ):
        response = client.get(url, params=params | {"cursor": cursor})
        assert response.status_code == 422 and response.json()["field"] == "cursor"


def test_a_commands_arguments_are_bounded(client: TestClient, run_id: str) -> None:
    """Arguments that no script could receive are refused."""
    big = {"command": "stop", "args": {"note": "x" * 20_000}}
    assert client.post(f"/api/runs/{run_id}/commands", json=big).json()["field"] == "args"


def test_the_docs_page_needs_no_script(client: TestClient) -> None:
    """The page of the API stands under the content policy: endpoints and schemas are in it, scripts are not."""
    page = client.get("/api/docs").text
    assert "/api/series" in page and "RunAnswer" in page and "<script" not in page
    assert client.get("/api/docs.css").headers["content-type"].startswith("text/css")


def test_a_body_that_is_not_declared_as_json_is_told_so(client: TestClient) -> None:
    """What curl sends by itself is answered with the header to add."""
    for kind in ("application/x-www-form-urlencoded", "text/plain"):
        response = client.post("/api/runs", content=b'{"name": "x"}', headers={"Content-Type": kind})
        assert response.status_code == 422 and "application/json" in response.json()["detail"]


@pytest.mark.parametrize(("body", "field", "told"), [
    ({"step": "102", "metrics": {"a": 1}}, "step", "step must be a number."),
    ({"step": True, "metrics": {"a": 1}}, "step", "step must be a number."),
    ({"points": [{"step": 1, "timestamp": "x", "metrics": {}}]}, "points[0].timestamp", "points[0].timestamp must be a number."),
    ({"points": [{"stpe": 1, "metrics": {}}]}, "points[0].stpe", "points[0].stpe is no known field (did you mean step?)."),
    ({"metrics": 3}, "metrics", "metrics must be an object."),
])  # fmt: skip
def test_what_is_wrong_with_a_point_is_told_by_its_field(
    client: TestClient, run_id: str, body: dict[str, Any], field: str, told: str
) -> None:
    """The field as it was sent, once, without the words of the validator."""
    response = client.post(f"/api/runs/{run_id}/metrics", json=body)
    assert (response.status_code, response.json()["field"], response.json()["detail"]) == (422, field, told)


@pytest.mark.parametrize(("body", "field", "told"), [
    ({"nme": "x"}, "nme", "nme is no known field (did you mean name?); name is missing."),
    ({}, "name", "name is missing."),
    ({"name": "", "tags": [1]}, "name", "name must have at least 1 character; tags[0] must be text."),
    ([1], "body", "body must be an object."),
    ({str(at): 0 for at in range(8)} | {"name": "x"}, "0", "; and 3 more."),
])  # fmt: skip
def test_an_unknown_field_is_named_with_what_may_be_meant(client: TestClient, body: Any, field: str, told: str) -> None:
    """Before what is missing because of it."""
    answer = client.post("/api/runs", json=body).json()
    assert answer["field"] == field and answer["detail"].endswith(told)


def test_a_field_like_no_other_is_answered_with_those_that_there_are(client: TestClient, run_id: str) -> None:
    """Also by the names that they have in JSON."""
    answer = client.post(f"/api/runs/{run_id}/metrics/rename", json={"from": "a", "to": "b", "xyz": 1}).json()
    assert answer["detail"] == "xyz is no known field (known are from, to)."


def test_the_step_of_a_run_is_that_of_its_newest_point(client: TestClient, run_id: str) -> None:
    """A later point at a smaller step is where the run is."""
    log(client, run_id, step=12, metrics={"x": 1}, timestamp=1_700_000_000)
    log(client, run_id, step=3, metrics={"loss": 1}, timestamp=1_700_000_001)
    run = client.get(f"/api/runs/{run_id}").json()
    assert run["step"] == 3 and run["last_time"].startswith("2023-11-14T22:13:21")
