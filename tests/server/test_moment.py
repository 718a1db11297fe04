"""When a run was at a step, and at which step it was when."""

import math
import random
from bisect import bisect_right
from typing import Any

import pytest
from starlette.testclient import TestClient

BEGIN = 1_800_000_000


@pytest.fixture(scope="module")
def points() -> list[tuple[float, int]]:
    """Steps and times in microseconds of 6,000 points, with uneven gaps and stretches of the same time."""
    chance = random.Random(7)
    step, time = 0.0, BEGIN * 1_000_000
    found = []
    for _ in range(6000):
        found.append((step, time))
        step += chance.choice([1, 1, 1, 2, 50])
        time += chance.choice([0, 1, 1000, 40_000, 9_000_000])
    return found


@pytest.fixture
def run(client: TestClient, points: list[tuple[float, int]]) -> TestClient:
    """A run that logged them, some of its values not finite."""
    client.post("/api/runs", json={"id": "a", "name": "a"})
    body = [
        {"step": step, "timestamp": time / 1e6, "metrics": {"loss": "NaN" if at % 97 == 0 else 1 / (at + 1)}}
        for at, (step, time) in enumerate(points)
    ]
    for start in range(0, len(body), 2000):
        answer = client.post("/api/runs/a/metrics", json={"points": body[start : start + 2000]})
        assert answer.status_code == 200, answer.text
    return client


def moment(client: TestClient, **query: Any) -> Any:
    """The answer of the run's loss."""
    return client.get("/api/runs/a/metrics/moment", params={"key": "loss"} | query)


def test_it_is_the_newest_point_at_or_before(run: TestClient, points: list[tuple[float, int]]) -> None:
    """For steps that were logged, for those between two, and for those beyond both ends."""
    steps = [step for step, _ in points]
    chance = random.Random(8)
    asked = [steps[0], steps[-1], -5.0, steps[-1] + 1000, *(chance.uniform(0, steps[-1]) for _ in range(20))]
    for step in asked + chance.sample(steps, 20):
        at = max(0, bisect_right(steps, step) - 1)
        assert moment(run, step=step).json() == {"run_id": "a", "key": "loss", "step": steps[at], "time": points[at][1]}


def test_a_time_leads_to_its_step(run: TestClient, points: list[tuple[float, int]]) -> None:
    """Of several points of one time it is the last."""
    times = [time for _, time in points]
    chance = random.Random(9)
    for time in [0, times[-1] + 10**12, *(chance.randint(times[0], times[-1]) for _ in range(20)), *times[:9]]:
        at = max(0, bisect_right(times, time) - 1)
        assert moment(run, time=time).json()["step"] == points[at][0]


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({}, 422, "step"),
        ({"step": 1, "time": 1}, 422, "step"),
        ({"step": "x"}, 422, "step"),
        ({"time": -1}, 422, "time"),
        ({"step": math.inf}, 422, "step"),
        ({"step": 1, "key": "none"}, 404, "key"),
    ],
)
def test_a_wrong_question_is_told_so(run: TestClient, query: dict[str, Any], status: int, field: str) -> None:
    """Both, neither, what is no number, and a metric that the run has not."""
    answer = moment(run, **query)
    assert (answer.status_code, answer.json().get("field")) == (status, field)


def test_a_run_that_is_not_there_is_not_found(client: TestClient) -> None:
    """As everywhere."""
    assert moment(client, step=1).status_code == 404
