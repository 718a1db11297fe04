"""The server's own host."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.conftest import LocalClient, same_user
from tests.system.nvml_driver import FULL, Card, Driver, plug_in

from stepwire.app import create_app
from stepwire.server.settings import Settings
from stepwire.system import gpu
from stepwire.system.host import HostSampler


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A server that samples its host all the time."""
    return replace(settings, sample_seconds=0.02)


def hosts(client: TestClient, so: Callable[[list[Any]], bool]) -> list[Any]:
    """The hosts that are shown, once they are as they should be."""
    deadline = time.monotonic() + 30
    while not so(found := client.get("/api/system/status").json()["hosts"]):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return list(found)


def test_a_driver_that_hangs_holds_up_no_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are answered, and the server ends, while the driver lets its caller wait."""
    asked, answers = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        answers.wait(60)

    monkeypatch.setattr(gpu, "open_nvml", hang)
    with LocalClient(create_app(settings, lookup=same_user)) as client:
        assert asked.wait(30)
        assert client.get("/health").status_code == 200
        assert client.get("/api/system/status").json()["hosts"] == []
    assert not answers.is_set()
    answers.set()


def test_a_sample_that_fails_is_followed_by_the_next(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread lives on."""
    failing = iter([KeyError("odd"), OSError(24, "files")])
    original = HostSampler.sample

    def sometimes(self: HostSampler, *arguments: Any) -> Any:
        for error in failing:
            raise error
        return original(self, *arguments)

    monkeypatch.setattr(HostSampler, "sample", sometimes)
    with LocalClient(create_app(settings, lookup=same_user)) as client:
        assert hosts(client, bool)[0]["memory_total"] > 0


def test_a_gpu_that_falls_off_the_bus_is_an_event_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log tells it for the server, and the status shows it; the other GPU is shown as before."""
    cards = [Card(answers=FULL, name="Card A"), Card(answers=FULL, name="Card B")]
    plug_in(monkeypatch, Driver(*cards))
    with LocalClient(create_app(settings, lookup=same_user)) as client:
        hosts(client, lambda found: bool(found) and len(found[0]["gpus"]) == 2)
        cards[1].lost = True
        first, second = hosts(client, lambda found: found[0]["gpus"][1]["lost"])[0]["gpus"]
        assert (first["utilization"], second["utilization"]) == (87.0, None)

        def events() -> list[Any]:
            listed = client.get("/api/events", params={"level": "error"}).json()["events"]
            return [event for event in listed if event["event"] == "gpu_lost"]

        deadline = time.monotonic() + 30
        while not events():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        seen = hosts(client, bool)[0]["time"]
        hosts(client, lambda found: found[0]["time"] > seen + 500_000)
        (event,) = events()
    assert (event["source"], event["run_id"], event["data"]) == ("system", None, {"gpu": 1})
    assert "GPU 1 (Card B)" in event["message"]
