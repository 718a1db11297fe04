"""The server in memory, as tests of training code use it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from stepwire import TrainingMonitor
from stepwire.testing import MemoryTransport

PAGE = Path(__file__).parents[2] / "docs/sdk.md"


def test_points_are_the_steps_and_values_of_one_metric():
    """In the order of logging, also of steps that go back or are not whole; none for a name that was not logged."""
    transport = MemoryTransport()
    with TrainingMonitor("test", transport=transport, mode="online") as monitor:
        monitor.log_metrics({"loss": 3, "acc": 0.5}, step=2)
        monitor.log_metrics({"acc": 0.75}, step=3)
        monitor.log_metrics({"loss": {"val": 9}}, step=3)
        monitor.log_metrics({"loss": 2}, step=1.5)
    assert transport.points("loss") == [(2, 3.0), (1.5, 2.0)]
    assert transport.points("loss/val") == [(3, 9.0)]
    assert transport.points("los") == []
    assert transport.metrics == [{"loss": 3, "acc": 0.5}, {"acc": 0.75}, {"loss/val": 9}, {"loss": 2}]


def test_the_kinds_that_a_script_sends_are_those_of_the_page(tmp_path):
    """``records`` of each kind that the calls of the SDK make is as ``docs/sdk.md`` lists it."""
    transport = MemoryTransport()
    (tmp_path / "model.npz").write_bytes(b"x")
    with TrainingMonitor("test", transport=transport, mode="online", system_metrics_interval=0.05) as monitor:
        monitor.define_metric("loss", goal="min")
        monitor.log_metrics({"loss": 1})
        monitor.update_config({"late": 1})
        monitor.set_total_steps(3)
        monitor.mark_best_checkpoint(monitor.save_checkpoint(tmp_path / "model.npz"))
        monitor.rewind(0)
        monitor.flush()
    made = {record["type"] for record in transport.stored}
    expected = {
        "point",
        "config",
        "config_update",
        "total_steps",
        "define_metric",
        "checkpoint",
        "best",
        "status",
        "rewind",
    }
    assert expected <= made
    section = PAGE.read_text().split("- `records(kind)`")[1].split("\n\n")[0]
    assert made <= set(re.findall(r"`(\w+)`", section))


@pytest.mark.parametrize(("mode", "whole"), [("offline", False), ("disabled", True)])
def test_a_mode_that_sends_nothing_sends_a_transport_nothing(mode, whole, caplog, monkeypatch):
    """As the page says of STEPWIRE_MODE: offline loses what was logged and warns; an argument wins."""
    monkeypatch.setenv("STEPWIRE_MODE", mode)
    transport = MemoryTransport()
    with TrainingMonitor("test", transport=transport) as monitor:
        monitor.log_metrics({"loss": 1})
        assert monitor.flush(0.1) is whole
    assert transport.stored == [] and ("were not stored" in caplog.text) is not whole
    with TrainingMonitor("test", transport=transport, mode="online") as monitor:
        monitor.log_metrics({"loss": 1})
    assert transport.points("loss") == [(0, 1.0)]


SCRIPT = """
import sys
from stepwire import TrainingMonitor
from stepwire.testing import running_server

with running_server(**eval(sys.argv[1])) as server:
    with TrainingMonitor("test", dashboard_url=server.url, mode="online", capture_output=False) as monitor:
        monitor.log_metrics({"loss": 1})
"""


@pytest.mark.parametrize(("settings", "talks"), [({}, False), ({"log_level": "debug"}, True)])
def test_a_running_server_logs_as_a_server_does(settings, talks, tmp_path, monkeypatch):
    """From warnings up, to standard error: the link of the run is all that the test prints."""
    monkeypatch.setenv("STEPWIRE_DIR", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, repr(settings)], capture_output=True, text=True, check=True, timeout=60
    )
    assert len(done.stdout.splitlines()) == 1 and done.stdout.startswith("stepwire: test → http://")
    assert ("metric_logged" in done.stderr) is talks
    assert talks or done.stderr == ""
