"""JSON lines: which numbers count, which is the step, files that grow."""

import math
from pathlib import Path

import pytest

from stepwire.formats.jsonlines import JsonLinesFile, read_line
from stepwire.formats.points import Point
from stepwire.formats.tail import MAX_LINE_BYTES, PIECE_BYTES

NOON = 1_763_899_200_000_000  # 2025-11-23 12:00 UTC, in µs


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a metric file will be."""
    return tmp_path / "metrics.jsonl"


def add(file: Path, text: str) -> None:
    """Add text to a file."""
    with file.open("a") as opened:
        opened.write(text)


@pytest.mark.parametrize(
    ("line", "point"),
    [
        ('{"step": 3, "loss": 0.5}', Point({"loss": 0.5}, 3)),
        ('{"_step": 3, "loss": 1}', Point({"loss": 1.0}, 3)),
        ('{"Step": 3, "loss": 1}', Point({"loss": 1.0}, 3)),
        ('{"global_step": 9, "step": 3, "loss": 1}', Point({"step": 3.0, "loss": 1.0}, 9)),
        ('{"iteration": 4, "epoch": 1, "loss": 1}', Point({"epoch": 1.0, "loss": 1.0}, 4)),
        ('{"epoch": 0.5, "loss": 1}', Point({"loss": 1.0}, 0.5)),
        ('{"step": "3", "loss": 1}', Point({"loss": 1.0}, None)),
        ('{"train": {"loss": 1, "acc": {"top1": 2}}, "step": 1}', Point({"train/loss": 1.0, "train/acc/top1": 2.0}, 1)),
        ('{"loss": "NaN", "b": "-Infinity", "c": "text", "d": [1], "e": true, "f": null}', None),
        ('{"a": Infinity, "step": 1}', Point({"a": math.inf}, 1)),
        ('{"loss": 1, "timestamp": 1763899200}', Point({"loss": 1.0}, None, NOON)),
        ('{"loss": 1, "_timestamp": 1763899200.0}', Point({"loss": 1.0}, None, NOON)),
        ('{"loss": 1, "time": 1763899200000}', Point({"loss": 1.0}, None, NOON)),
        ('{"loss": 1, "ts": 1763899200000000}', Point({"loss": 1.0}, None, NOON)),
        ('{"loss": 1, "time": "2025-11-23T12:00:00Z"}', Point({"loss": 1.0}, None, NOON)),
        ('{"loss": 1, "time": "2025-11-23 13:00:00+01:00"}', Point({"loss": 1.0}, None, NOON)),
        ('{"loss": 1, "time": 12.5}', Point({"loss": 1.0, "time": 12.5})),
        ('{"loss": 1, "time": "soon"}', Point({"loss": 1.0})),
    ],
)
def test_what_a_line_says(line: str, point: Point | None) -> None:
    """Numbers are metrics, one of them the step, one field the time."""
    found = read_line(line)
    if point is None:
        assert found is not None
        assert found.metrics.keys() == {"loss", "b"}
        assert math.isnan(found.metrics["loss"])
        assert found.metrics["b"] == -math.inf
    else:
        assert found == point


@pytest.mark.parametrize(
    "line",
    [
        "",
        "loss: 1",
        "[1, 2]",
        '"text"',
        '{"loss": 1',
        "{'loss': 1}",
        '{"a": "b"}',
        '{"step": 1}',
        '{"\\ud800": 1}',
        '{"\\u0000": 1}',
        '{"a": ' * 2000 + "1" + "}" * 2000,
        '{"a": 1' + "0" * 400 + "}",
        '{"a": 1' + "0" * 5000 + "}",
        "{" + ", ".join(f'"m{number}": 1' for number in range(1001)) + "}",
        f'{{"{"x" * 513}": 1}}',
    ],
)
def test_lines_without_a_usable_number_are_passed_over(line: str) -> None:
    """No line raises, whatever stands in it."""
    assert read_line(line) is None


def test_a_step_that_no_run_can_have_is_left_out() -> None:
    """Beyond ±2**53, or not finite: the number stays a metric."""
    assert read_line('{"step": 1e300, "loss": 1}') == Point({"step": 1e300, "loss": 1.0}, None)
    assert read_line('{"step": Infinity, "loss": 1}') == Point({"step": math.inf, "loss": 1.0}, None)


def test_a_file_that_grows_gives_each_line_once(file: Path) -> None:
    """Half a line waits for its end; a line without a step has the number of those before it."""
    reader = JsonLinesFile(file)
    assert reader.read() == []
    add(file, '{"loss": 3}\n{"los')
    assert reader.read() == [Point({"loss": 3.0}, 0)]
    assert reader.read() == []
    add(file, 's": 2}\r\nnoise\n{"loss": 1}')
    assert reader.read() == [Point({"loss": 2.0}, 1)]
    assert reader.read(is_over=True) == [Point({"loss": 1.0}, 2)]
    assert reader.read(is_over=True) == []


def test_what_was_there_before_is_passed_over(file: Path) -> None:
    """Reading begins behind the bytes that are named."""
    add(file, '{"loss": 3}\n')
    reader = JsonLinesFile(file, start=file.stat().st_size)
    add(file, '{"loss": 2}\n')
    assert reader.read() == [Point({"loss": 2.0}, 0)]


def test_a_file_that_was_cut_or_replaced_is_read_anew(file: Path, tmp_path: Path) -> None:
    """Half a line of the old content does not join the new."""
    add(file, '{"loss": 3}\n{"loss": 2}\n{"l')
    reader = JsonLinesFile(file)
    assert len(reader.read()) == 2
    file.write_text('{"loss": 9}\n')
    assert reader.read() == [Point({"loss": 9.0}, 2)]
    other = tmp_path / "other"
    other.write_text('{"loss": 8}\n{"loss": 7}\n')
    other.replace(file)
    assert [point.metrics["loss"] for point in reader.read()] == [8.0, 7.0]
    file.unlink()
    assert reader.read() == []


def test_a_large_file_is_read_piece_by_piece(file: Path) -> None:
    """The reader says that it is behind until it has seen the end."""
    count = PIECE_BYTES // 20
    add(file, "".join(f'{{"step": {step}, "loss": 1}}\n' for step in range(count)))
    reader = JsonLinesFile(file)
    found = reader.read()
    assert reader.is_behind
    while reader.is_behind:
        found += reader.read()
    assert [point.step for point in found] == list(range(count))


def test_a_line_without_an_end_takes_no_memory(file: Path) -> None:
    """Over 1 MiB it is dropped, and the lines behind it count again."""
    reader = JsonLinesFile(file)
    for _ in range(3):
        add(file, "x" * MAX_LINE_BYTES)
        assert reader.read() == []
    assert len(reader._lines._rest) <= MAX_LINE_BYTES
    add(file, '{"loss": 5}\n{"loss": 1}\n')
    assert reader.read() == [Point({"loss": 1.0}, 0)]
