"""Metric files: which of those that a process holds open, from where on, under which names."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.formats.events import event, simple, version

from stepwire.client.launch import files as module
from stepwire.client.launch import snapshot as snapshot_module
from stepwire.client.launch.files import Files
from stepwire.client.launch.folders import EventFolders, writer_of
from stepwire.client.launch.openfiles import files_open_for_writing
from stepwire.client.launch.snapshot import Snapshot
from stepwire.formats.points import Point
from stepwire.formats.tfrecord import frame
from stepwire.system.process import descendants


class Sink:
    """Takes what a run would get."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.warnings: list[str] = []

    def log_from_file(self, point: Point) -> None:
        self.points.append(point)

    def warn(self, event: str, message: str) -> None:
        self.warnings.append(message)


def read(folder: Path, **options: Any) -> tuple[list[Point], list[str]]:
    """All points that are found after the fact, and the warnings."""
    sink: Any = Sink()
    snapshot = options.pop("snapshot", None) or Snapshot(folder / "nothing")
    files = Files(os.getpid(), snapshot, sink, is_searching=False, **options)
    files.start()
    files.stop(20)
    files.join()
    return sink.points, sink.warnings


def write_event(file: Path, tag: str, step: int = 1) -> None:
    """Add an event to a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_bytes(version())
    with file.open("ab") as opened:
        opened.write(frame(event(1763905927.0, step, simple(tag, 0.5))))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_files_open_for_writing_are_found_in_descendants(tmp_path: Path) -> None:
    """Of the metric files only, below the folder only, for writing only, with how they were opened."""
    (tmp_path / "read.csv").touch()
    inner = "import sys; f = open('inner.csv', 'a'); print('up', flush=True); sys.stdin.read()"
    source = f"""if 1:
        import subprocess, sys
        opened = [open('a.jsonl', 'w'), open('b.txt', 'w'), open('read.csv'), open('/dev/shm/x.jsonl', 'w')]
        subprocess.run([sys.executable, '-c', {inner!r}])
    """
    with subprocess.Popen(
        [sys.executable, "-c", source], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = sorted(files_open_for_writing([process.pid, *descendants(process.pid)], tmp_path.resolve()))
        process.communicate()
    assert found == [(tmp_path / "a.jsonl", False), (tmp_path / "inner.csv", True)]
    assert list(files_open_for_writing([process.pid], tmp_path)) == []


def test_an_appended_file_begins_where_the_command_began(tmp_path: Path) -> None:
    """What an earlier run has written is not this one's; a file that was written anew is, as a whole."""
    for name in ("same", "added", "anew", "shorter"):
        (tmp_path / f"{name}.jsonl").write_text('{"step": 1, "a": 1}\n' * 10)
    snapshot = Snapshot(tmp_path)
    with (tmp_path / "added.jsonl").open("a") as file:
        file.write('{"step": 2, "a": 2}\n')
    (tmp_path / "anew.jsonl").write_text('{"step": 3, "a": 3.5}\n' * 20)
    (tmp_path / "shorter.jsonl").write_text('{"step": 3, "a": 4}\n')
    (tmp_path / "new.jsonl").write_text('{"step": 4, "a": 5}\n')
    points, _ = read(tmp_path, snapshot=snapshot, names=["*.jsonl"])
    assert sorted(value for point in points for value in point.metrics.values()) == [2, *[3.5] * 20, 4, 5]


def test_a_folder_too_large_to_look_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is added to then counts from where it is found; what is written anew counts whole."""
    monkeypatch.setattr(snapshot_module, "_MAX_SECONDS", -1.0)
    snapshot = Snapshot(tmp_path)
    file = tmp_path / "log.jsonl"
    file.write_text('{"a": 1}\n')
    assert snapshot.start_of(file, is_appended=True) == 9
    assert snapshot.start_of(file, is_appended=False) == 0


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["runs/exp"], ["loss"]),
        (["logs/train", "logs/validation"], ["train/loss", "validation/loss"]),
        (["logs/validation", "logs/train"], ["train/loss", "validation/loss"]),
        (["runs/exp", "runs/exp/loss_train"], ["loss", "loss_train/loss"]),
        (["runs/one", "runs/two"], ["loss", "two/loss"]),
        (["runs/one", "other/two/three"], ["loss", "three/loss"]),
    ],
)
def test_names_of_event_files_in_several_folders(tmp_path: Path, folders: list[str], names: list[str]) -> None:
    """The first folder has none before it, unless it is named after a phase; the others have theirs."""
    paths = []
    for number, folder in enumerate(folders):
        paths.append(tmp_path / folder / f"events.out.tfevents.{number}.host")
        write_event(paths[-1], "loss")
    points, _ = read(tmp_path, names=[str(path) for path in paths])
    assert sorted(name for point in points for name in point.metrics) == names


def test_a_name_that_has_the_prefix_already_keeps_it(tmp_path: Path) -> None:
    """Not ``train/train/loss``."""
    write_event(tmp_path / "train" / "events.out.tfevents.1", "train/loss")
    points, _ = read(tmp_path, folders=[tmp_path])
    assert [point.metrics for point in points] == [{"train/loss": 0.5}]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    """By its folder, by its name, by a link to it."""
    file = tmp_path / "runs" / "events.out.tfevents.1"
    write_event(file, "loss")
    (tmp_path / "link").symlink_to(tmp_path / "runs")
    points, _ = read(tmp_path, folders=[tmp_path / "runs", tmp_path / "link"], names=[str(file)])
    assert len(points) == 1


def test_the_number_of_files_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And said once."""
    monkeypatch.setattr(module, "MAX_FILES", 3)
    for number in range(6):
        (tmp_path / f"{number}.jsonl").write_text('{"a": 1}\n')
    points, warnings = read(tmp_path, names=[str(tmp_path / "*.jsonl")])
    assert len(points) == 3
    assert warnings == ["more than 3 metric files; others are not read"]


def test_a_file_system_that_fails_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread goes on."""

    def fail(*_: object) -> None:
        raise OSError("stale file handle")

    monkeypatch.setattr(module, "find_event_files", fail)
    read(tmp_path, folders=[tmp_path])
    assert [record.message for record in caplog.records] == [
        "stepwire: a metric file was not read: OSError('stale file handle')"
    ]


def test_an_event_file_that_is_not_open_is_found_by_its_writers_name(tmp_path: Path) -> None:
    """PyTorch's writer has its process id there; those of other processes are theirs."""
    sink: Any = Sink()
    mine = f"events.out.tfevents.1.my.host.{os.getpid()}.0"
    write_event(tmp_path / "old" / mine, "before")
    snapshot = Snapshot(tmp_path)
    files = Files(os.getpid(), snapshot, sink)
    write_event(tmp_path / "runs" / "a" / mine, "loss")
    write_event(tmp_path / "runs" / "b" / "events.out.tfevents.1.my.host.1.0", "other")
    write_event(tmp_path / "runs" / "c" / "events.out.tfevents.1.host", "nameless")
    for look in range(3):
        files._find_at = 0.0
        files._turn(is_over=False)
        write_event(tmp_path / "runs" / "a" / mine, "loss", look)
    files.start()
    files.stop(20)
    files.join()
    assert [point.metrics for point in sink.points] == [{"loss": 0.5}] * 4


@pytest.mark.parametrize(
    ("name", "pid"),
    [
        ("events.out.tfevents.1795840352.vm.5275.0", 5275),
        ("events.out.tfevents.1795840352.a.b.c.5275.12", 5275),
        ("events.out.tfevents.1795840352.vm.5275.0.v2", 5275),
        ("events.out.tfevents.1795840352.vm", None),
    ],
)
def test_the_writer_of_an_event_file(name: str, pid: int | None) -> None:
    """TensorBoard's names end with process id and a number, tensorboardX's with the host."""
    assert writer_of(name) == pid


def test_folders_are_listed_when_they_change(tmp_path: Path) -> None:
    """A file is found in a folder that was there and in one that is new; hidden ones are left out."""
    (tmp_path / "there" / "deep").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    folders = EventFolders(tmp_path)
    assert folders.find() == []
    for name in ("there/deep", ".hidden", "new/er"):
        write_event(tmp_path / name / "events.out.tfevents.1", "a")
    found: set[Path] = set()
    for _ in range(5):
        found.update(folders.find())
    assert sorted(found) == sorted(tmp_path / name / "events.out.tfevents.1" for name in ("there/deep", "new/er"))


def test_a_file_too_large_for_the_end_is_told(tmp_path: Path) -> None:
    """What there was time for counts."""
    (tmp_path / "log.jsonl").write_text('{"a": 1}\n' * 300_000)
    sink: Any = Sink()
    files = Files(os.getpid(), Snapshot(tmp_path / "nothing"), sink, names=[str(tmp_path / "log.jsonl")])
    files.stop(0)
    files._turn(is_over=True)
    assert 0 < len(sink.points) < 300_000
    assert sink.warnings == [f"{tmp_path / 'log.jsonl'}: not read to its end, there was too much of it"]


def test_a_file_that_is_written_anew_with_the_same_lines_is_read_from_its_beginning(tmp_path):
    """A job that died early is started again in its folder: the same script writes the same first lines."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"loss": 1}\n{"loss": 2}\n')
    snapshot = Snapshot(tmp_path)
    path.write_text('{"loss": 1}\n{"loss": 2}\n{"loss": 3}\n')
    assert snapshot.start_of(path, is_appended=False) == 0
    assert snapshot.start_of(path, is_appended=True) == 24
    assert snapshot.start_of(path, is_appended=None) == 24
