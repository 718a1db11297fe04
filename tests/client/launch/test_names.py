"""Several metric files that tell a metric of the same name."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.formats.events import event, simple, version

from stepwire.client.launch.files import Files
from stepwire.client.launch.names import FileNames
from stepwire.client.launch.snapshot import Snapshot
from stepwire.formats.points import Point
from stepwire.formats.tfrecord import frame


class Sink:
    """Takes what a run would get."""

    def __init__(self) -> None:
        self.told: list[tuple[float | None, dict[str, float]]] = []

    def log_from_file(self, point: Point) -> None:
        self.told.append((point.step, point.metrics))

    def warn(self, event: str, message: str) -> None:
        raise AssertionError(message)


def write(folder: Path, contents: dict[str, str]) -> None:
    """Add text to files."""
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("a") as file:
            file.write(text)


def look(folder: Path, *names: str) -> tuple[Files, Sink]:
    """Those files, read in the order that they are named in."""
    sink: Any = Sink()
    snapshot = Snapshot(folder / "nothing")
    files = Files(os.getpid(), snapshot, sink, names=[str(folder / name) for name in names], is_searching=False)
    turn(files)
    return files, sink


def turn(files: Files) -> None:
    """Look around once more."""
    files._find_at = 0.0
    files._turn(is_over=False)


JSON = '{"step": 1, "loss": 0.5}\n'
CSV = "step,loss\n1,0.5\n"


@pytest.mark.parametrize(
    ("contents", "names"),
    [
        ({"train.jsonl": JSON, "val.jsonl": JSON}, ["loss", "val/loss"]),
        ({"log.csv": CSV, "val.jsonl": JSON}, ["loss", "val/loss"]),
        ({"log.jsonl": JSON, "history.csv": CSV}, ["loss", "history/loss"]),
        ({"a.csv": CSV, "b.csv": CSV, "c.csv": CSV}, ["loss", "b/loss", "c/loss"]),
        ({"a/val.jsonl": JSON, "b/val.jsonl": JSON}, ["loss", "b/val/loss"]),
        ({"x/a/val.jsonl": JSON, "y/a/val.jsonl": JSON}, ["loss", "y/a/val/loss"]),
        ({"log.jsonl": JSON, "log.csv": CSV}, ["loss", "log.csv/loss"]),
        ({"train.jsonl": JSON, "a/val.jsonl": JSON, "b/val.jsonl": JSON}, ["loss", "a/val/loss", "b/val/loss"]),
    ],
)
def test_a_name_that_another_file_has_told_gets_the_files(
    tmp_path: Path, contents: dict[str, str], names: list[str]
) -> None:
    """And its folder's where another file is named the same, and its ending where that alone tells them apart."""
    write(tmp_path, contents)
    _, sink = look(tmp_path, *contents)
    assert sink.told == [(1, {name: 0.5}) for name in names]


def test_a_name_that_only_one_file_tells_stays(tmp_path: Path) -> None:
    """Beside one that has the file's name."""
    write(tmp_path, {"train.jsonl": '{"loss": 1, "lr": 2}\n', "val.jsonl": '{"loss": 3, "accuracy": 4}\n'})
    _, sink = look(tmp_path, "train.jsonl", "val.jsonl")
    assert [metrics for _, metrics in sink.told] == [{"loss": 1, "lr": 2}, {"val/loss": 3, "accuracy": 4}]


def test_files_that_match_a_pattern_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Whatever order the folder has, so that each run of a script gives the same names."""
    names = [f"{number:02}.jsonl" for number in range(20)]
    write(tmp_path, dict.fromkeys(reversed(names), JSON))
    _, sink = look(tmp_path, "*.jsonl")
    told = [name for _, metrics in sink.told for name in metrics]
    assert told == ["loss", *(f"{number:02}/loss" for number in range(1, 20))]


def test_the_names_stay_when_a_file_is_written_anew(tmp_path: Path) -> None:
    """Rotated, or made shorter, also where the file that told a name first is gone."""
    write(tmp_path, {"train.jsonl": JSON, "val.jsonl": JSON})
    files, sink = look(tmp_path, "train.jsonl", "val.jsonl")
    (tmp_path / "val.jsonl").rename(tmp_path / "val.jsonl.1")
    (tmp_path / "train.jsonl").unlink()
    write(tmp_path, {"val.jsonl": JSON})
    turn(files)
    (tmp_path / "val.jsonl").write_text('{"loss": 1}\n')
    write(tmp_path, {"train.jsonl": JSON})
    turn(files)
    assert [list(metrics) for _, metrics in sink.told] == [["loss"], ["val/loss"], ["val/loss"], ["loss"], ["val/loss"]]


def test_a_file_has_one_prefix_whatever_is_found_later(tmp_path: Path) -> None:
    """A name that comes later gets the same as the first; the file that is found later has a longer one."""
    write(tmp_path, {"train.jsonl": '{"loss": 1, "acc": 1}\n', "a/val.jsonl": '{"loss": 1}\n'})
    files, sink = look(tmp_path, "train.jsonl", "*/val.jsonl")
    write(tmp_path, {"a/val.jsonl": '{"acc": 1}\n', "b/val.jsonl": '{"acc": 1}\n'})
    turn(files)
    assert [metrics for _, metrics in sink.told[1:]] == [{"val/loss": 1}, {"val/acc": 1}, {"b/val/acc": 1}]


def test_a_prefixed_name_meets_no_other(tmp_path: Path) -> None:
    """Neither one that stands so in another file nor one of the same file."""
    train, val = tmp_path / "w" / "train.jsonl", tmp_path / "w" / "val.jsonl"
    names = FileNames()
    names.add(train)
    names.add(val)
    assert names.place(train, Point({"loss": 1, "val/loss": 2})).metrics == {"loss": 1, "val/loss": 2}
    assert names.place(val, Point({"loss": 3, "val/loss": 4})).metrics == {"w/val/loss": 3, "val/val/loss": 4}
    assert names.place(val, Point({"val/loss": 4, "loss": 3})).metrics == {"w/val/loss": 3, "val/val/loss": 4}
    assert names.place(train, Point({"w/val/loss": 5})).metrics == {"train/w/val/loss": 5}


def test_a_name_too_long_with_its_prefix_is_left_out(tmp_path: Path) -> None:
    """The others of its line are there; bytes of a file's name that are no UTF-8 are replaced."""
    names = FileNames()
    path = tmp_path / os.fsdecode(b"v\xffl.jsonl")
    names.place(tmp_path / "train.jsonl", Point({"x" * 512: 1, "loss": 1}))
    assert names.place(path, Point({"x" * 512: 2, "loss": 2})).metrics == {"v\ufffdl/loss": 2}


def test_event_files_keep_their_names(tmp_path: Path) -> None:
    """Two in one folder tell one metric; a file that tells the same later gets its name before it."""
    for number in (1, 2):
        data = version() + frame(event(1763905927.0, number, simple("loss", 0.5)))
        (tmp_path / f"events.out.tfevents.{number}").write_bytes(data)
    write(tmp_path, {"metrics.csv": CSV})
    _, sink = look(tmp_path, "events.out.tfevents.1", "metrics.csv", "events.out.tfevents.2")
    assert sink.told == [(1, {"loss": 0.5}), (1, {"metrics/loss": 0.5}), (2, {"loss": 0.5})]
