"""``GET /api/runs`` in order of a metric, filtered by config, with the columns asked for."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.server.test_ingest import RUN, Script

from stepwire.server.telling import LOSS_PARTS, LOSSES, SCORE_PARTS, SCORES

LOSS = {"a": [3, 1], "b": [2], "c": [], "d": [1], "e": ["NaN"], "f": [5, 4], "g": [1]}


@pytest.fixture
def runs(client: TestClient) -> TestClient:
    """Seven runs, five of them with a finite loss."""
    for at, (name, values) in enumerate(LOSS.items()):
        config = {"optim": {"name": ("adam", "sgd")[at % 2], "lr": 0.1}}
        client.post("/api/runs", json={"id": name, "name": name, "config": config, "project": "xy"[at % 2]})
        points = [{"step": step, "metrics": {"loss": value, "(odd) f(x)/µ": -at}} for step, value in enumerate(values)]
        if points:
            client.post(f"/api/runs/{name}/metrics", json={"points": points})
    return client


def page(client: TestClient, **query: Any) -> Any:
    """The answer, which must be one."""
    answer = client.get("/api/runs", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(client: TestClient, **query: Any) -> list[str]:
    """The runs in their order."""
    return [run["id"] for run in page(client, **query)["runs"]]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("min(loss)", "adgbfec"),
        ("-min(loss)", "fbadgec"),
        ("max(loss)", "dgbafec"),
        ("-max(loss)", "fabdgec"),
        ("last(loss)", "adgbfec"),
        ("-first(loss)", "fabdgec"),
        ("min((odd) f(x)/µ)", "gfedbac"),
        ("-last(nothing)", "gfedcba"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_the_order_of_a_metric(runs: TestClient, sort: str, expected: str, limit: int) -> None:
    """Runs without a finite figure come last, the newest first; pages of any size are the whole list once."""
    seen, cursor = "", None
    while True:
        answer = page(runs, sort=sort, limit=limit, **({"cursor": cursor} if cursor else {}))
        assert len(answer["runs"]) <= limit
        seen += "".join(run["id"] for run in answer["runs"])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert seen == expected


def test_filters_and_the_order_of_a_metric(runs: TestClient) -> None:
    """All filters narrow the sorted list, page by page."""
    assert ids(runs, sort="min(loss)", config="optim.name:adam") == ["a", "g", "e", "c"]
    assert ids(runs, sort="min(loss)", config=["optim.name:adam", "optim.lr:0.1"], project="x") == ["a", "g", "e", "c"]
    assert ids(runs, sort="-min(loss)", project="y") == ["f", "b", "d"]
    assert ids(runs, sort="min(loss)", q="d") == ["d"]
    assert ids(runs, sort="min(loss)", config="optim.lr:1") == []
    first = page(runs, sort="min(loss)", config="optim.name:adam", limit=3)
    rest = page(runs, sort="min(loss)", config="optim.name:adam", limit=3, cursor=first["next_cursor"])
    assert [run["id"] for run in first["runs"] + rest["runs"]] == ["a", "g", "e", "c"]
    assert ids(runs, config="optim.name:sgd") == ["f", "d", "b"]


def test_a_page_goes_on_where_it_ended_while_runs_come_and_go(runs: TestClient) -> None:
    """A run that got better, one that is new and one that was deleted cost the pages behind nobody."""
    cursor = page(runs, sort="min(loss)", limit=2)["next_cursor"]
    runs.post("/api/runs/d/metrics", json={"step": 9, "metrics": {"loss": -1}})
    runs.post("/api/runs", json={"id": "new", "name": "new"})
    runs.delete("/api/runs/a")
    assert ids(runs, sort="min(loss)", cursor=cursor) == ["g", "b", "f", "new", "e", "c"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sort": "median(loss)"}, "sort"),
        ({"sort": "min()"}, "sort"),
        ({"sort": "min(loss"}, "sort"),
        ({"sort": "--min(loss)"}, "sort"),
        ({"sort": "min(a\0b)"}, "sort"),
        ({"sort": f"min({'n' * 513})"}, "sort"),
        ({"sort": "min(loss)", "cursor": "x"}, "cursor"),
        ({"sort": "min(loss)", "config": "lr"}, "config"),
        ({"config": "a..b:1"}, "config"),
    ],
)
def test_what_cannot_be_is_refused_by_name(client: TestClient, query: dict[str, str], field: str) -> None:
    """A wrong sort, cursor or condition is 422 and names the field."""
    client.post("/api/runs", json={"name": "one"})
    answer = client.get("/api/runs", params=query)
    assert answer.status_code == 422 and answer.json()["field"] == field, answer.text


def test_a_cursor_of_another_sort_is_refused(runs: TestClient) -> None:
    """A page never goes on in another order, whatever the cursor's form."""
    for sort, other in [("min(loss)", "max(loss)"), ("min(loss)", "-created_at"), ("name", "min(loss)")]:
        cursor = page(runs, sort=sort, limit=1)["next_cursor"]
        answer = runs.get("/api/runs", params={"sort": other, "cursor": cursor})
        assert answer.status_code == 422 and answer.json()["field"] == "cursor"


@pytest.mark.parametrize("figure", ["NaN", "Infinity", "x"])
def test_a_forged_cursor_is_refused(runs: TestClient, figure: str) -> None:
    """Only a finite figure is a place."""
    from stepwire.storage.row import write_cursor

    cursor = write_cursor("min(loss)", "a", figure, 0, 0)
    answer = runs.get("/api/runs", params={"sort": "min(loss)", "cursor": cursor})
    assert answer.status_code == 422 and answer.json()["field"] == "cursor"


def test_columns_are_what_keys_name(client: TestClient, run_id: str) -> None:
    """Named metrics come alone, step and time stay those of the newest point of all but the process's own."""
    for step, metrics in enumerate([{"a,b": 1, "loss": 2}, {"acc": 3}]):
        client.post(
            f"/api/runs/{run_id}/metrics", json={"step": step, "metrics": metrics, "timestamp": 1_700_000_000 + step}
        )
    body = {"step": 99, "metrics": {"system/cpu": 1}, "timestamp": 1_700_000_009}
    client.post(f"/api/runs/{run_id}/metrics", json=body)
    whole = client.get(f"/api/runs/{run_id}").json()
    assert list(whole["summary"]) == ["a,b", "acc", "loss", "system/cpu"] and whole["more"] is False
    for query in ({"keys": "loss"}, {"keys": "loss,lo*"}, {"key": "loss"}, {"keys": "loss,nothing"}):
        for run in (client.get(f"/api/runs/{run_id}", params=query).json(), page(client, **query)["runs"][0]):
            assert run == whole | {"summary": {"loss": whole["summary"]["loss"]}}
    assert list(client.get(f"/api/runs/{run_id}", params={"key": "a,b"}).json()["summary"]) == ["a,b"]
    assert (whole["step"], whole["last_time"]) == (1, "2023-11-14T22:13:21.000000Z")


def test_of_many_metrics_those_are_told_that_tell_most(client: TestClient, run_id: str) -> None:
    """Fifty of 131: what has a goal, losses, scores and rates come whatever their names; the machine's come last."""
    many = {f"a{number:03}": 1.0 for number in range(100)} | {f"aux/loss_{number}": 1.0 for number in range(20)}
    telling = {"train/loss": 1, "val/loss": 1, "zNll": 1, "val/topK_acc": 1, "mean_reward": 1, "optim/lr": 1}
    machine = {f"system/{number}_loss": 1.0 for number in range(4)}
    client.post(f"/api/runs/{run_id}/metrics", json={"step": 1, "metrics": many | machine | telling | {"zz": 1}})
    run = client.get(f"/api/runs/{run_id}").json()
    summary = list(run["summary"])
    assert len(summary) == 50 and run["more"] is True
    assert summary[:3] == ["zNll", "train/loss", "val/loss"]
    assert summary[23:] == ["mean_reward", "val/topK_acc", "optim/lr", "zz", *(f"a{number:03}" for number in range(23))]
    assert page(client)["runs"][0]["summary"] == run["summary"]


def test_a_metric_with_a_goal_is_told_before_all(client: TestClient) -> None:
    """What ``define_metric`` gave a goal is what the run is about, whatever its name."""
    values = {f"loss_{number}": 1 for number in range(60)} | {"zz": 1, "zy": 1}
    with client.websocket_connect("/ws") as session:
        script = Script(session)
        goal = {"type": "define_metric", "name": "zz", "goal": "max"}
        script.batch(1, [1.0], [goal, {"type": "define_metric", "name": "zy", "unit": "m"}])
        script.receive("ack")
    client.post(f"/api/runs/{RUN}/metrics", json={"metrics": values})
    assert list(client.get(f"/api/runs/{RUN}").json()["summary"])[:3] == ["zz", "loss", "loss_0"]


def test_the_page_picks_its_main_metric_by_the_same_words() -> None:
    """A word that only one of both knows would hide the metric that the page shows."""
    source = (Path(__file__).parents[2] / "frontend/src/lib/pick.ts").read_text()
    goals = (Path(__file__).parents[2] / "frontend/src/lib/goal.ts").read_text()
    lists = [set(words.split("|")) for words in re.findall(r"/\^\(([\w|]+)\)\$/", source + goals)]
    assert LOSSES in lists
    assert set(SCORES) in [one | other for one in lists for other in lists]
    assert re.findall(r"/([\w|]+)/\.test\(lower\)", goals) == ["|".join(LOSS_PARTS)]
    assert re.findall(r'lower\.includes\("(\w+)"\)', goals) == list(SCORE_PARTS)
