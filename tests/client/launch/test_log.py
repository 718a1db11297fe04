"""The command's output as lines of the run's log."""

from typing import Any

import pytest

from stepwire.client.launch.log import LINES_PER_SECOND, Log


class Kept:
    """A log, what it put, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.records: list[dict[str, Any]] = []
        self.log = Log(lambda kind, **fields: self.records.append({"type": kind, **fields}), lambda: self.now)

    def lines(self, stream: str = "stdout") -> list[str]:
        """The text of all lines of a stream."""
        return [text for record in self.records if record["stream"] == stream for _, text in record["lines"]]


@pytest.fixture
def kept() -> Kept:
    """A log at time 0."""
    return Kept()


def test_lines_have_their_stream_and_time(kept: Kept) -> None:
    """A record holds lines of one stream, each with the time at which it ended."""
    kept.log.feed("stdout", 1, b"one\ntw")
    kept.log.feed("stderr", 2, b"bad\n")
    kept.log.feed("stdout", 3, b"o\r\nlast")
    kept.log.finish()
    assert kept.records[0] == {
        "type": "log",
        "stream": "stdout",
        "lines": [[1, "one"], [3, "two"], [pytest.approx(kept.records[0]["lines"][2][0]), "last"]],
    }
    assert kept.records[1] == {"type": "log", "stream": "stderr", "lines": [[2, "bad"]]}
    assert list(kept.log.last) == ["one", "bad", "two", "last"]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ([b"1%\r2%\r3%\n"], ["3%"]),
        ([b"\r1%", b"\r2%", b"\r3%"], ["3%"]),
        ([b"1%\r", b"2%\r", b"\n"], ["2%"]),
        ([b"text\r\n"], ["text"]),
        ([b"a\n\nb\n"], ["a", "", "b"]),
        ([b"\x1b[31mred\x1b[0m \x1b[2K\x1b]0;title\x07x\n"], ["\x1b[31mred\x1b[0m x"]),
        ([b"nul\0 bell\x07 \xff\n"], ["nul bell \ufffd"]),
        (["é".encode()[:1], "é\n".encode()[1:]], ["é"]),
        ([b"key hf_abcdefghijklmnop\n"], ["key [redacted]"]),
    ],
)
def test_what_a_line_becomes(kept: Kept, data: list[bytes], lines: list[str]) -> None:
    """Bars are kept in their last state, colours stay, other escape sequences and secrets go."""
    for part in data:
        kept.log.feed("stdout", 1, part)
    kept.log.finish()
    assert kept.lines() == lines


def test_a_bar_without_an_end_is_told_every_ten_seconds(kept: Kept) -> None:
    """A bar may go on for hours; and one that rests is not told again."""
    for second in range(35):
        kept.now = second
        if second < 25:
            kept.log.feed("stderr", second, b"\r%d/100" % second)
        kept.log.tick()
    assert kept.lines("stderr") == ["10/100", "20/100", "24/100"]
    kept.log.feed("stderr", 40, b"\n")
    kept.log.finish()
    assert len(kept.lines("stderr")) == 3


def test_records_are_put_when_due(kept: Kept) -> None:
    """Twice a second, or with 500 lines."""
    kept.log.feed("stdout", 1, b"a\n")
    kept.log.tick()
    assert kept.records == []
    kept.now = 0.6
    kept.log.tick()
    assert len(kept.records) == 1
    kept.log.feed("stdout", 1, b"b\n" * 500)
    assert len(kept.records) == 2


def test_a_flood_is_cut_and_says_so(kept: Kept) -> None:
    """The first 10,000 lines at once, then 1,000 a second; where lines are missing a line says how many."""
    kept.log.feed("stdout", 1, b"x\n" * 15_000)
    assert len(kept.lines()) == 10_000
    kept.now = 1.0
    kept.log.feed("stdout", 1, b"y\n" * 2000)
    kept.log.finish()
    lines = kept.lines()
    assert lines[10_000] == "[stepwire: 5,000 lines were left out here: too many a second]"
    assert lines[10_001:].count("y") == LINES_PER_SECOND
    assert lines[-1] == "[stepwire: 1,000 lines were left out here: too many a second]"


def test_a_line_without_an_end_takes_no_memory(kept: Kept) -> None:
    """It is cut; what is kept of a line is bounded."""
    for _ in range(100):
        kept.log.feed("stdout", 1, b"x" * 10_000)
    kept.log.finish()
    assert all(len(line) <= 8000 for line in kept.lines())
    assert len(kept.lines()) < 20


def test_where_bytes_are_missing_the_line_says_so(kept: Kept) -> None:
    """What was dropped because it came too fast."""
    kept.log.feed("stdout", 1, b"one tw")
    kept.log.skip("stdout")
    kept.log.feed("stdout", 1, b"ee\nfour\n")
    kept.log.finish()
    assert kept.lines() == ["one tw [stepwire: output is missing here]ee", "four"]
