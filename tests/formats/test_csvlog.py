"""CSV files: headers that change, cells that are no numbers, files that grow or are written anew."""

import math
from pathlib import Path

import pytest

from stepwire.formats.csvlog import CsvFile
from stepwire.formats.points import Point


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a metric file will be."""
    return tmp_path / "metrics.csv"


def add(file: Path, text: str) -> None:
    """Add text to a file."""
    with file.open("a") as opened:
        opened.write(text)


def read(file: Path, text: str) -> list[Point]:
    """The points of a whole file."""
    add(file, text)
    return CsvFile(file).read(is_over=True)


def test_rows_are_points(file: Path) -> None:
    """The step's column is the step, empty cells and text are passed over."""
    found = read(file, "epoch,step,train_loss,note\n0,49,0.5,first\n0,99,,\n1,149,nan,-\n")
    assert found[0] == Point({"epoch": 0.0, "train_loss": 0.5}, 49)
    assert found[1] == Point({"epoch": 0.0}, 99)
    assert found[2].step == 149
    assert math.isnan(found[2].metrics["train_loss"])


def test_a_row_without_a_step_has_the_number_of_those_before(file: Path) -> None:
    """Counted from 0, as log calls are."""
    assert read(file, "loss\n3\n2\n1") == [Point({"loss": value}, step) for step, value in enumerate((3.0, 2.0, 1.0))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", ", "])
def test_delimiters(file: Path, delimiter: str) -> None:
    """The one that the header has most of; blanks around cells do not count."""
    rows = [["step", "loss", "a b"], ["1", "0.5", "2e-3"]]
    assert read(file, "".join(delimiter.join(row) + "\r\n" for row in rows)) == [Point({"loss": 0.5, "a b": 0.002}, 1)]


def test_quoted_cells_and_a_byte_order_mark(file: Path) -> None:
    """As spreadsheets write them; TensorBoard's own download has a wall time."""
    found = read(file, '\ufeff"Wall time","Step","Value"\n1763899200.5,7,0.25\n')
    assert found == [Point({"Value": 0.25}, 7, 1_763_899_200_500_000)]


def test_a_time_in_text(file: Path) -> None:
    """ISO 8601 is a time, other text is nothing."""
    assert read(file, "timestamp,loss\n2025-11-23T12:00:00Z,1\n") == [Point({"loss": 1.0}, 0, 1_763_899_200_000_000)]


def test_a_file_that_grows_gives_each_row_once(file: Path) -> None:
    """Half a row waits for its end, and so does half a header."""
    reader = CsvFile(file)
    add(file, "step,lo")
    assert reader.read() == []
    add(file, "ss\n1,0.")
    assert reader.read() == []
    add(file, "5\n2,0.4")
    assert reader.read() == [Point({"loss": 0.5}, 1)]
    add(file, "1\n")
    assert reader.read() == [Point({"loss": 0.41}, 2)]
    assert reader.read() == []


def test_a_second_header_begins_other_columns(file: Path) -> None:
    """A script that was started again adds its header to the same file."""
    found = read(file, "step,loss\n1,0.5\nstep,acc,loss\n2,0.9,0.4\n")
    assert found == [Point({"loss": 0.5}, 1), Point({"acc": 0.9, "loss": 0.4}, 2)]


def test_a_file_written_anew_with_more_columns_gives_only_what_is_new(file: Path) -> None:
    """Lightning rewrites the whole file when a metric appears: the rows before are not given again."""
    reader = CsvFile(file)
    add(file, "step,loss\n1,0.5\n2,0.4\n")
    assert len(reader.read()) == 2
    file.write_text("step,loss,val_loss\n1,0.5,\n2,0.4,\n2,,0.6\n")
    assert reader.read() == [Point({"val_loss": 0.6}, 2)]
    file.write_text("step,loss,val_loss,lr\n1,0.5,,\n2,0.4,,\n2,,0.6,\n3,0.3,,0.1\n")
    assert reader.read() == [Point({"loss": 0.3, "lr": 0.1}, 3)]


def test_a_file_of_another_run_under_the_same_name_is_given_whole(file: Path) -> None:
    """Shorter than before, with other rows."""
    reader = CsvFile(file)
    add(file, "step,loss\n1,0.5\n2,0.4\n")
    reader.read()
    file.write_text("step,loss\n1,0.7\n")
    assert reader.read() == [Point({"loss": 0.7}, 1)]


def test_what_was_there_before_is_passed_over(file: Path) -> None:
    """The header is known all the same."""
    add(file, "step,loss\n1,0.5\n")
    reader = CsvFile(file, start=file.stat().st_size)
    add(file, "2,0.4\n")
    assert reader.read() == [Point({"loss": 0.4}, 2)]


@pytest.mark.parametrize("text", ["1,2,3\n4,5,6\n", "\n1\n", ",,\n1,2,3\n", "nan,inf\n1,2\n"])
def test_a_file_without_a_header_is_none(file: Path, text: str) -> None:
    """Numbers have no names there: a warning, and nothing is read."""
    add(file, text)
    reader = CsvFile(file)
    assert reader.read() == []
    assert reader.warning == "its first line is no header"


@pytest.mark.parametrize("row", ['"open', "1,2,3,4,5", "", ",", "x,y", "1", "0x10,1_0", "٣,1"])
def test_odd_rows_do_no_harm(file: Path, row: str) -> None:
    """Quotes that are not closed, too many or too few cells, nothing at all: the rows behind still count."""
    found = read(file, f"step,loss\n{row}\n7,0.5\n")
    assert found[-1].metrics in ({"loss": 0.5}, {"x": 7.0, "y": 0.5})
