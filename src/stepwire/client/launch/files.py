"""Metric files that the command writes: found, and read while they grow."""

import logging
import math
import os
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from stepwire.client.launch.folders import EventFolders, writer_of
from stepwire.client.launch.names import FileNames
from stepwire.client.launch.openfiles import files_open_for_writing
from stepwire.client.launch.sink import Sink
from stepwire.client.launch.snapshot import Snapshot
from stepwire.formats.csvlog import CsvFile
from stepwire.formats.jsonlines import JsonLinesFile
from stepwire.formats.points import Point
from stepwire.formats.tail import head_of
from stepwire.formats.tensorboard import EventFile, find_event_files, is_event_file
from stepwire.system.process import descendants

MAX_FILES = 200
MAX_STRANGERS = 10_000
POLL_SECONDS = 1.0
_FIRST_SECONDS = 0.05
_JOIN_SECONDS = 0.5
_SHARE = 20  # looking around takes one part in so many of the time
_LOG_NAME = re.compile(r"metrics|progress|history|log|training|results|scalars", re.IGNORECASE)
_STEP_COLUMN = re.compile(r"\b(global_?step|_?step|epoch|iter(ation)?|num_updates|timesteps?)\b", re.IGNORECASE)
_PHASE_FOLDERS = frozenset(("train", "training", "val", "valid", "validation", "eval", "evaluation", "test"))
_HEADER_BYTES = 4096


class MetricFile(Protocol):
    """A reader of ``stepwire.formats``."""

    @property
    def warning(self) -> str | None:
        """What is wrong with the file, once something is."""

    @property
    def is_behind(self) -> bool:
        """Whether the last reading left something."""

    def read(self, *, is_over: bool = False) -> list[Point]:
        """Return the points added since the last reading."""


class Files:
    """Looks for metric files each second and logs what is added to them, in a thread of its own.

    Args:
        pid: The command; its descendants count too.
        snapshot: What was there before it.
        folders: Where event files are looked for, open or not.
        names: Files to read, open or not; ``*`` and ``**`` match many.
        is_searching: Whether open files are looked at.
    """

    def __init__(
        self,
        pid: int,
        snapshot: Snapshot,
        sink: Sink,
        *,
        folders: Iterable[Path] = (),
        names: Iterable[str] = (),
        is_searching: bool = True,
    ) -> None:
        self._pid = pid
        self._snapshot = snapshot
        self._sink = sink
        self._folders = list(folders)
        self._names = list(names)
        self._is_searching = is_searching
        self._missing = {f"--tensorboard {folder}" for folder in self._folders}
        self._missing.update(f"--watch {name}" for name in self._names)
        self._files: dict[Path, MetricFile] = {}
        self._prefixes: dict[Path, str] = {}
        self._names_told = FileNames()
        self._refused: set[Path] = set()
        self._pids: set[int] = set()
        self._event_folders = EventFolders(snapshot.folder)
        self._strangers: dict[Path, int] = {}
        self._base: Path | None = None
        self._find_at = 0.0
        self._warned: set[Path] = set()
        self._is_over = threading.Event()
        self._end_at = math.inf
        self._has_complained = False
        self._thread = threading.Thread(target=self._run, name="stepwire-files", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Begin to read what is left, as far as that goes in so many seconds."""
        self._end_at = time.monotonic() + seconds
        self._is_over.set()

    def join(self) -> None:
        """Wait until that is done."""
        self._thread.join(max(self._end_at - time.monotonic(), 0.0) + _JOIN_SECONDS)

    def _run(self) -> None:
        pause = _FIRST_SECONDS
        while not self._is_over.wait(pause):
            self._turn(is_over=False)
            pause = min(2 * pause, POLL_SECONDS)
        self._turn(is_over=True)

    def _turn(self, *, is_over: bool) -> None:
        try:
            self._find(is_over=is_over)
            for path, file in list(self._files.items()):
                self._read(path, file, is_over=is_over)
        except Exception as error:  # noqa: BLE001 - file systems have every oddity; the command goes on
            if not self._has_complained:
                self._has_complained = True
                logging.getLogger("stepwire").warning("stepwire: a metric file was not read: %r", error)

    def _read(self, path: Path, file: MetricFile, *, is_over: bool) -> None:
        while True:
            for point in file.read(is_over=is_over):
                self._log(path, point)
            if not file.is_behind:
                break
            if time.monotonic() >= self._end_at:
                self._sink.warn("metric_file", f"{path}: not read to its end, there was too much of it")
                break
        if file.warning is not None and path not in self._warned:
            self._warned.add(path)
            self._sink.warn("metric_file", f"{path}: {file.warning}")

    def _log(self, path: Path, point: Point) -> None:
        if is_event_file(path.name):
            placed = _prefixed(point, self._prefix(path))
            self._names_told.keep(placed.metrics)
        else:
            placed = self._names_told.place(path, point)
        if placed.metrics:
            self._sink.log_from_file(placed)

    # --- finding ---------------------------------------------------------------------------------------

    def _find(self, *, is_over: bool) -> None:
        began = time.monotonic()
        if began < self._find_at and not is_over:
            return
        if self._is_searching:
            self._search()
        for folder in self._folders:
            self._add_named(f"--tensorboard {folder}", find_event_files(folder))
        for name in self._names:
            self._add_named(f"--watch {name}", sorted(self._snapshot.matching(name)))
        if is_over and self._missing:
            self._sink.warn("metric_file", f"nothing was ever there: {', '.join(sorted(self._missing))}")
        now = time.monotonic()
        self._find_at = now + _SHARE * (now - began)

    def _add_named(self, option: str, paths: Iterable[Path]) -> None:
        for path in paths:
            if option in self._missing and os.path.exists(path):  # noqa: PTH110 - of Path's it may raise
                self._missing.discard(option)
            self._add(path)

    def _search(self) -> None:
        pids = [self._pid, *descendants(self._pid)]
        self._pids.update(pids)
        for path, is_appended in files_open_for_writing(pids, self._snapshot.folder):
            if self._is_metric_file(path):
                self._add(path, is_appended=is_appended)
        for path in self._event_folders.find():
            # Of a writer whose name is not known yet: it may have been too young for this look.
            if (writer := writer_of(path.name)) is not None and len(self._strangers) < MAX_STRANGERS:
                self._strangers[path] = writer
        for path in [path for path, writer in self._strangers.items() if writer in self._pids]:
            del self._strangers[path]
            self._add(path)

    def _is_metric_file(self, path: Path) -> bool:
        if path in self._files or path in self._refused:
            return False
        if path.suffix.lower() == ".csv" and not _LOG_NAME.search(path.name):
            return _has_step_column(path)
        return is_event_file(path.name) or path.suffix.lower() in (".jsonl", ".csv")

    def _add(self, path: Path, *, is_appended: bool | None = None) -> None:
        path = path.resolve()
        if path in self._files or path in self._refused:
            return
        if len(self._files) >= MAX_FILES:
            self._refused.add(path)
            if len(self._refused) == 1:
                self._sink.warn("metric_file", f"more than {MAX_FILES} metric files; others are not read")
            return
        start = self._snapshot.start_of(path, is_appended=is_appended)
        if is_event_file(path.name):
            self._files[path] = EventFile(path, start)
            return
        self._names_told.add(path)
        if path.suffix.lower() == ".csv":
            self._files[path] = CsvFile(path, start)
        else:
            self._files[path] = JsonLinesFile(path, start)

    def _prefix(self, path: Path) -> str:
        """What stands before the names of an event file: nothing, but where there are several folders of them."""
        if path not in self._prefixes:
            self._prefixes[path] = self._event_prefix(path.parent)
        return self._prefixes[path]

    def _event_prefix(self, folder: Path) -> str:
        if self._base is None:
            self._base = folder.parent if folder.name.lower() in _PHASE_FOLDERS else folder
        for base in (self._base, self._base.parent):
            if folder == base:
                return ""
            if base in folder.parents:
                return f"{folder.relative_to(base).as_posix()}/"
        return f"{folder.name}/"


def _prefixed(point: Point, prefix: str) -> Point:
    if not prefix:
        return point
    metrics = {name if name.startswith(prefix) else prefix + name: value for name, value in point.metrics.items()}
    return Point(metrics, point.step, point.time)


def _has_step_column(path: Path) -> bool:
    header = head_of(path, _HEADER_BYTES).partition(b"\n")[0]
    return bool(_STEP_COLUMN.search(header.decode("utf-8", "replace")))
