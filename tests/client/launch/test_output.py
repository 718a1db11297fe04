"""Output on its way to those who read it: never waited for, never lost in silence."""

from typing import Any

import pytest

from stepwire.client.launch.backlog import Backlog
from stepwire.client.launch.output import LineCutter, Numbers, Output
from stepwire.formats.points import Point


class Sink:
    """Takes what a run would get."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.warnings: list[str] = []
        self.units: dict[str, str] = {}
        self.total: int | None = None

    def log(self, point: Point) -> None:
        self.points.append(point)

    def define_units(self, units: dict[str, str]) -> None:
        self.units |= units

    def plan(self, total_steps: int | None) -> None:
        self.total = total_steps

    def warn(self, event: str, message: str) -> None:
        self.warnings.append(message)


class Broken:
    """A reader that fails at whatever it is given."""

    def feed(self, stream: str, time: int, data: bytes) -> None:
        raise ValueError("feed")

    def skip(self, stream: str) -> None:
        pass

    def tick(self) -> None:
        pass

    def finish(self) -> None:
        raise ValueError("finish")


def test_lines_are_cut_at_both_kinds_of_ends() -> None:
    """Whatever the pieces are."""
    cutter = LineCutter()
    text = "a\r1%\r2%\r\nb é\n\nlast".encode()
    lines: list[str] = []
    for byte in text:
        lines += cutter.feed(bytes([byte]))
    assert lines + cutter.finish() == ["a", "1%", "2%", "b é", "last"]
    assert cutter.finish() == []


def test_a_line_without_an_end_is_cut() -> None:
    """After 64 KiB."""
    cutter = LineCutter()
    assert cutter.feed(b"x" * 60_000) == []
    assert cutter.feed(b"x" * 60_000) == ["x" * 120_000]
    assert cutter.finish() == []


def test_numbers_of_two_streams_do_not_mix() -> None:
    """Half a line of one is not continued by the other; they share the step."""
    sink: Any = Sink()
    numbers = Numbers(sink, [])
    numbers.feed("stdout", 1, b"step 7/10 lo")
    numbers.feed("stderr", 2, b"acc: 0.5\n")
    numbers.feed("stdout", 3, b"ss: 0.25 time: 5ms")
    numbers.finish()
    assert sink.points[0] == Point({"acc": 0.5}, 0, 2)
    assert sink.points[1].metrics == {"loss": 0.25, "time": 0.005}
    assert sink.points[1].step == 7
    assert (sink.units, sink.total) == ({"time": "s"}, 10)


def test_too_many_names_is_one_warning() -> None:
    """However long it goes on."""
    sink: Any = Sink()
    numbers = Numbers(sink, [])
    for number in range(600):
        numbers.feed("stdout", 1, b"loss_%d: 0.5\n" % number)
    assert sink.warnings == ["more than 500 names in the log; others are passed over"]


def test_a_full_backlog_drops_and_counts() -> None:
    """To put never waits, and what was dropped is told."""
    backlog = Backlog(limit=10)
    backlog.put("stdout", 1, b"123456")
    backlog.put("stdout", 2, b"123456")
    backlog.put("stderr", 3, b"1234")
    assert backlog.take(0) == ("stdout", 1, b"123456")
    assert backlog.take(0) == ("stderr", 3, b"1234")
    assert backlog.take(0) is None
    assert (backlog.take_dropped(), backlog.take_dropped()) == (6, 0)
    backlog.put("stdout", 4, b"1234567890")
    assert backlog.take(0) == ("stdout", 2, None)
    assert backlog.take(0) == ("stdout", 4, b"1234567890")


def test_where_bytes_are_missing_no_number_is_made() -> None:
    """Neither of the line before, which may go on, nor of the rest of the one behind."""
    sink: Any = Sink()
    numbers = Numbers(sink, [])
    numbers.feed("stdout", 1, b"loss: 1\nloss: 2")
    numbers.skip("stdout")
    numbers.feed("stdout", 1, b"34 acc: 0.5")
    numbers.feed("stdout", 1, b"7\nloss: 3\n")
    numbers.finish()
    assert [point.metrics for point in sink.points] == [{"loss": 1.0}, {"loss": 3.0}]


def test_a_reader_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """It is told once, and the numbers are there."""
    sink: Any = Sink()
    backlog = Backlog(limit=100)
    output = Output(backlog, [Broken(), Numbers(sink, [])], sink)
    backlog.put("stdout", 1, b"loss: 1\n")
    backlog.put("stdout", 1, b"x" * 1000)
    backlog.put("stdout", 1, b"half a line\nloss: 2\n")
    output.start()
    output.finish(10)
    assert [point.metrics["loss"] for point in sink.points] == [1.0, 2.0]
    assert sink.warnings == ["1,000 bytes of output came too fast and were not read"]
    assert len(caplog.records) == 1


def test_what_cannot_be_read_in_time_is_dropped_and_told() -> None:
    """The end of the run does not wait for a flood."""
    sink: Any = Sink()
    backlog = Backlog()
    for number in range(1000):
        backlog.put("stdout", 1, b"loss: %d\n" % number)
    output = Output(backlog, [Numbers(sink, [])], sink)
    output._end_at = 0.0
    output.start()
    output.finish(-1000.0)
    output._thread.join(20)
    assert len(sink.points) == 1
    assert sink.warnings[0].endswith(" bytes of output came too fast and were not read")
