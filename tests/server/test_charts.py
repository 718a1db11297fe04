"""Charts over several runs, superseded points, and the search in metric names."""

import statistics
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.server.test_ingest import RUN, Script

VALUES = {"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [8.0], "d": [5.0, 6.0]}
CONFIGS = {"a": {"optim": {"name": "adam"}}, "b": {"optim": {"name": "adam"}}, "c": {"optim": {"name": 7}}, "d": {}}


@pytest.fixture
def runs(client: TestClient) -> TestClient:
    """Four runs in three groups."""
    for name, values in VALUES.items():
        client.post("/api/runs", json={"id": name, "name": name, "config": CONFIGS[name], "group": name})
        points = [{"step": step, "metrics": {"loss": value, "x/y": 1}} for step, value in enumerate(values)]
        client.post(f"/api/runs/{name}/metrics", json={"points": points})
    return client


def chart(client: TestClient, **query: Any) -> Any:
    """The answer, which must be one."""
    answer = client.get("/api/series", params={"runs": "a,b,c,d,none", "keys": "loss"} | query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("agg", "columns"),
    [
        ("mean", {"mean": [4.25, 4.0], "std": [statistics.pstdev([1, 3, 8, 5]), statistics.pstdev([2, 4, 6])]}),
        ("std", {"mean": [4.25, 4.0], "std": [statistics.pstdev([1, 3, 8, 5]), statistics.pstdev([2, 4, 6])]}),
        ("median", {"median": [4.0, 4.0], "q25": [2.5, 3.0], "q75": [5.75, 5.0]}),
        ("iqr", {"median": [4.0, 4.0], "q25": [2.5, 3.0], "q75": [5.75, 5.0]}),
        ("band", {"mean": [4.25, 4.0], "min": [1.0, 2.0], "max": [8.0, 6.0]}),
    ],
)
def test_figures_over_all_runs(runs: TestClient, agg: str, columns: dict[str, list[float]]) -> None:
    """Without groups all runs are one; each agg has its own columns and counts the runs at each x."""
    answer = chart(runs, agg=agg)
    (band,) = answer["bands"]
    expected = {name: pytest.approx(values) for name, values in columns.items()}
    assert band == {"group": None, "key": "loss", "runs": [4, 3]} | expected
    assert (answer["x"], answer["series"], answer["stored"]) == ([0, 1], [], 7)
    assert answer["groups"] == [{"group": None, "runs": ["a", "b", "c", "d"]}]
    assert answer["cursors"]["a"] > 0 and answer["cursors"]["none"] == 0


def test_groups_by_a_value_of_the_config(runs: TestClient) -> None:
    """Runs with the same value are one group, named as text; those without one come last."""
    answer = chart(runs, agg="mean", group_by="config.optim.name", keys="*")
    assert answer["groups"] == [
        {"group": "7", "runs": ["c"]},
        {"group": "adam", "runs": ["a", "b"]},
        {"group": None, "runs": ["d"]},
    ]
    found = {(band["group"], band["key"]): (band["mean"], band["runs"]) for band in answer["bands"]}
    assert found[("adam", "loss")] == ([2.0, 3.0], [2, 2])
    assert found[("7", "loss")] == ([8.0, None], [1, 0]) and found[(None, "x/y")] == ([1.0, 1.0], [1, 1])
    assert len(found) == 6
    assert [one["group"] for one in chart(runs, agg="band", group_by="group")["groups"]] == ["a", "b", "c", "d"]


def test_a_group_without_the_metric_has_no_band(runs: TestClient) -> None:
    """What nobody of a group logged is left out."""
    runs.post("/api/runs/a/metrics", json={"step": 0, "metrics": {"only": 1}})
    answer = chart(runs, agg="mean", group_by="config.optim.name", keys="only")
    assert [(band["group"], band["runs"]) for band in answer["bands"]] == [("adam", [1])]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"agg": "sum"}, "agg"),
        ({"group_by": "config.lr"}, "agg"),
        ({"agg": "mean", "group_by": "lr"}, "group_by"),
        ({"agg": "mean", "group_by": "config"}, "group_by"),
        ({"agg": "mean", "group_by": "config."}, "group_by"),
        ({"agg": "mean", "group_by": 'config.a"b'}, "group_by"),
        ({"agg": "mean", "superseded": True}, "superseded"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(runs: TestClient, query: dict[str, Any], field: str) -> None:
    """A wrong figure or group is 422 and names the field."""
    answer = runs.get("/api/series", params={"runs": "a", "keys": "loss"} | query)
    assert answer.status_code == 422 and answer.json()["field"] == field, answer.text


def test_gaps_and_values_that_are_not_finite(client: TestClient) -> None:
    """A line has null where it has no point and where its points aren't finite, and says how many those are."""
    for name, points in {"a": {0: 1, 2: "NaN", 3: 4}, "b": {1: "Infinity", 2: 5}}.items():
        client.post("/api/runs", json={"id": name, "name": name})
        for step, value in points.items():
            client.post(f"/api/runs/{name}/metrics", json={"step": step, "metrics": {"loss": value}})
    a, b = client.get("/api/series", params={"runs": "a,b", "keys": "loss"}).json()["series"]
    assert (a["mean"], a["count"], a["nonfinite"]) == ([1, None, None, 4], [1, 0, 1, 1], [0, 0, 1, 0])
    assert (b["max"], b["count"], b["nonfinite"]) == ([None, None, 5, None], [0, 1, 1, 0], [0, 1, 0, 0])
    assert a["last"] == [1, None, None, 4]


def test_a_resumed_run_leaves_a_ghost(client: TestClient) -> None:
    """A rewind record hides what earlier attempts logged past its step; superseded=true shows just that."""
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0, 2.0, 3.0, 4.0])  # steps 1 to 4
        script.receive("ack")
        again = Script(session, writer_id="second-life", attempt=2)
        again.batch(1, [], [{"type": "rewind", "step": 2}])
        again.receive("ack")
        again.batch(2, [8.0])  # step 2 once more
        again.receive("ack")
    history = f"/api/runs/{RUN}/metrics"
    for path, series in ((history, "keys"), ("/api/series", "series")):
        for superseded, steps in ((False, [1, 2, 2]), (True, [3, 4])):
            answer = client.get(path, params={"runs": RUN, "keys": "loss", "superseded": superseded}).json()
            line = answer["keys"]["loss"] if series == "keys" else answer["series"][0]
            assert sum(line["count"]) == len(steps)
            assert max(answer["x"] if series == "series" else line["x"]) == steps[-1]
    assert client.get(f"/api/runs/{RUN}").json()["summary"]["loss"]["max"] == 8.0
    event = client.get("/api/events", params={"run_id": RUN}).json()["events"][0]
    assert (event["event"], event["step"]) == ("rewound", 2)


def test_a_rewind_hides_training_only(client: TestClient) -> None:
    """Samples of the process, and points that come by REST afterwards, are no earlier attempt's."""
    system = {"type": "system", "process": {"cpu": 5.0}}
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        script.batch(1, [1.0, 2.0, 3.0], [system])
        script.receive("ack")
        client.post(f"/api/runs/{RUN}/metrics", json={"step": 3, "metrics": {"val": 1}})
        again = Script(session, writer_id="second-life", attempt=2)
        again.batch(1, [], [{"type": "rewind", "step": 1}, system])
        again.receive("ack")
    client.post(f"/api/runs/{RUN}/metrics", json={"metrics": {"val": 2}})
    keys = client.get(f"/api/runs/{RUN}/metrics").json()["keys"]
    assert (keys["loss"]["x"], keys["val"]["x"], keys["val"]["mean"]) == ([1], [2], [2])
    assert sum(keys["system/process/cpu"]["count"]) == 2
    assert client.get(f"/api/runs/{RUN}").json()["attempt"] == 2


@pytest.mark.parametrize("step", [None, "x", True, 2**60])
def test_a_rewind_without_a_step_is_put_aside(client: TestClient, step: Any) -> None:
    """It hides nothing and blocks nothing."""
    with client.websocket_connect("/ws") as session:
        script = Script(session, attempt=2)
        script.batch(1, [1.0], [{"type": "rewind", "step": step}])
        script.receive("ack")
    events = [event["event"] for event in client.get("/api/events", params={"run_id": RUN}).json()["events"]]
    assert "record_refused" in events and "rewound" not in events


NAMES = ["loss", "Loss/Ä", "a[0]/w", "a0/w", "val/loss", "x\ny"]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("", NAMES),
        ("LOSS", ["loss", "Loss/Ä", "val/loss"]),
        ("ä", ["Loss/Ä"]),
        ("*loss", ["loss", "val/loss"]),
        ("?oss*", ["loss", "Loss/Ä"]),
        ("a[0]*", ["a[0]/w"]),
        ("a[0]", ["a[0]/w"]),
        ("x?y", ["x\ny"]),
        ("l.*", []),
        ("nothing", []),
    ],
)
def test_names_are_searched(client: TestClient, run_id: str, q: str, expected: list[str]) -> None:
    """Part of a name, or a pattern with * and ?, in any case; the answer says how many there are."""
    client.post(f"/api/runs/{run_id}/metrics", json={"step": 1, "metrics": dict.fromkeys(NAMES, 1)})
    path = f"/api/runs/{run_id}/metrics/names"
    found = client.get(path, params={"q": q}).json()
    assert found == {"run_id": run_id, "names": sorted(expected), "total": len(expected), "more": False}
    first = client.get(path, params={"q": q, "limit": 1}).json()
    assert (first["names"], first["total"]) == (sorted(expected)[:1], len(expected))
    assert first["more"] is (len(expected) > 1)
    assert client.get(path, params={"limit": 0}).json()["field"] == "limit"
