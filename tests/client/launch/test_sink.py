"""What was found, on its way into the run."""

import pytest

from stepwire.client.launch.sink import Sink
from stepwire.client.lifecycle import Outcome
from stepwire.client.run import Run
from stepwire.client.settings import read_settings
from stepwire.client.subject import Subject
from stepwire.formats.points import Point
from stepwire.testing import MemoryTransport


@pytest.fixture
def transport() -> MemoryTransport:
    """A server in memory."""
    return MemoryTransport()


@pytest.fixture
def run(transport: MemoryTransport) -> Run:
    """The run of a command."""
    settings = read_settings("command", {"system_metrics_interval": 0})
    return Run(settings, {"lr": 1}, transport, subject=Subject(1, ("train", "--api-key=hf_abcdefghijklmnop")))


def test_what_a_file_tells_is_not_read_from_lines(run: Run, transport: MemoryTransport) -> None:
    """The file has every value and its step; a line the last one, often at another step."""
    sink = Sink(run)
    sink.log(Point({"loss": 1.0, "acc": 0.5}, 1, 1_000_000))
    sink.log_from_file(Point({"loss": 0.5}, 7, 2_000_000))
    sink.log(Point({"loss": 0.5, "acc": 0.6}, 8, 3_000_000))
    sink.log(Point({"loss": 0.5}, 8, 3_000_000))
    assert run.flush(5)
    points = [record for record in transport.stored if record["type"] == "point"]
    assert [(point["step"], point["metrics"]) for point in points] == [
        (1, {"loss": 1.0, "acc": 0.5}),
        (7, {"loss": 0.5}),
        (8, {"acc": 0.6}),
    ]
    assert [point["time"] for point in points] == [1_000_000, 2_000_000, 3_000_000]


def test_units_and_totals_are_told_once(run: Run, transport: MemoryTransport) -> None:
    """However often they are seen."""
    sink = Sink(run)
    for total in (10, 10, None, 20):
        sink.define_units({"time": "s"})
        sink.plan(total)
    assert run.flush(5)
    assert [record["unit"] for record in transport.records("define_metric")] == ["s"]
    assert [record["total_steps"] for record in transport.records("total_steps")] == [10, 20]


def test_the_run_of_a_command_is_described_by_its_command_line(
    run: Run, transport: MemoryTransport, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without secrets, and without this Python's version, which says nothing about it; it prints no link itself."""
    assert run.flush(5)
    (config,) = transport.records("config")
    assert config["argv"] == ["train", "--api-key=[redacted]"]
    assert config["config"] == {"lr": 1}
    assert "python" not in config
    assert capsys.readouterr().out == ""


def test_what_comes_after_the_end_is_dropped(run: Run, transport: MemoryTransport) -> None:
    """A reader that is slow must not tell the command's terminal of it."""
    sink = Sink(run)
    run.end(Outcome("completed", 0))
    before = len(transport.stored)
    sink.log(Point({"loss": 1.0}, 1, 1_000_000))
    sink.define_units({"time": "s"})
    sink.plan(100)
    sink.keep("log", lines=[])
    sink.warn("patterns", "late")
    assert len(transport.stored) == before
