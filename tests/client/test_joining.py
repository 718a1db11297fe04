"""A monitor in a command of ``stepwire run``: when it joins, and when it does not."""

import os

import pytest

from stepwire import TrainingMonitor
from stepwire.client import joining
from stepwire.client.joining import JOIN, accept, invitation
from stepwire.client.settings import read_settings
from stepwire.testing import MemoryTransport


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process."""
    monkeypatch.setattr(joining, "_joined_in", 0)


def test_the_first_monitor_joins_and_the_next_does_not() -> None:
    """It samples nothing: its processes are the command's."""
    environment = invitation("run_outer")
    first = accept(read_settings("a", {}, environment), {}, environment)
    assert (first.run_id, first.joins, first.of_command) == ("run_outer", True, True)
    assert first.system_metrics_interval == 0
    second = accept(read_settings("a", {}, environment), {}, environment)
    assert (second.joins, second.of_command) == (False, False)
    assert second.run_id != "run_outer"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ({"run_id": "run_own"}, {}),
        ({"dashboard_url": "http://other:1"}, {}),
        ({"mode": "disabled"}, {}),
        ({}, {JOIN: ""}),
        ({}, {JOIN: "not/an id"}),
    ],
)
def test_what_says_otherwise_wins(arguments: dict[str, str], environment: dict[str, str]) -> None:
    """An id of its own, another server, none at all; and does not use the invitation up."""
    told = invitation("run_outer") | environment
    assert not accept(read_settings("a", arguments, told), arguments, told).joins
    whole = invitation("run_outer")
    assert accept(read_settings("a", {}, whole), {}, whole).joins


def test_the_same_server_by_another_spelling_is_the_same() -> None:
    """Scripts often name the default address."""
    environment = invitation("run_outer")
    arguments = {"dashboard_url": "http://localhost:8000"}
    assert accept(read_settings("a", arguments, environment), arguments, environment).joins


def test_elsewhere_its_processes_are_sampled() -> None:
    """A rank on another host is not in the command's tree; and who asks for samples gets them."""
    environment = {JOIN: "run_outer another-host"}
    assert accept(read_settings("a", {}, environment), {}, environment).system_metrics_interval == 5.0
    joining._joined_in = 0
    arguments = {"system_metrics_interval": 2.0}
    here = invitation("run_outer")
    assert accept(read_settings("a", arguments, here), arguments, here).system_metrics_interval == 2.0


def test_a_rank_that_knows_no_launch_has_a_run_now() -> None:
    """It would have been silent."""
    environment = invitation("run_outer") | {"RANK": "1", "WORLD_SIZE": "2"}
    settings = accept(read_settings("a", {}, environment), {}, environment)
    assert (settings.run_id, settings.rank, settings.enabled, settings.silent) == ("run_outer", 1, True, False)


def test_a_joined_monitor_tells_what_the_command_line_could_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its config and its steps; no config record, no status and no link."""
    monkeypatch.setenv(JOIN, invitation("run_outer")[JOIN])
    transport = MemoryTransport()
    with TrainingMonitor("a", config={"lr": 1}, total_steps=7, transport=transport) as monitor:
        assert monitor.run_id == "run_outer"
        monitor.log_metrics({"loss": 1})
    kinds = [record["type"] for record in transport.stored if record["type"] != "point"]
    assert kinds == ["config_update", "total_steps"]
    assert capsys.readouterr().out == ""
    assert os.environ[JOIN]
