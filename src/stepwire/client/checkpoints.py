"""Checkpoints of a run: registered at once, measured off the training thread."""

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stepwire.client.batch import Record
from stepwire.client.clock import Clock
from stepwire.client.document import METADATA_BYTES, clean, document, json_number
from stepwire.client.identity import SavedCheckpoint
from stepwire.client.ids import new_id
from stepwire.client.imports import load
from stepwire.client.metrics import flatten, read_step
from stepwire.client.settings import text
from stepwire.errors import InvalidError

_READ_BYTES = 1024 * 1024
_PATH_CHARACTERS = 4096


class Checkpoints:
    """Registers checkpoint files and finds out size and SHA-256 in a thread of its own.

    Args:
        put: Takes the records.
        last_step: Returns the step to note when the caller names none.
        note: Told of each checkpoint at once, in the caller's thread.
    """

    def __init__(
        self,
        put: Callable[[Record], None],
        last_step: Callable[[], float | None],
        clock: Clock,
        note: Callable[[SavedCheckpoint], None] = lambda saved: None,
    ) -> None:
        self._put = put
        self._note = note
        self._last_step = last_step
        self._clock = clock
        self.after_fork()

    def after_fork(self) -> None:
        """Leave what is being measured to the parent process."""
        self._lock = threading.RLock()  # re-entrant: a signal handler may save while it has interrupted a save
        self._waiting: deque[Record] = deque()
        self._busy = False

    def save(
        self,
        filepath: str | os.PathLike[str],
        metrics: Mapping[str, Any] | None,
        metadata: Mapping[str, Any] | None,
        step: float | None,
    ) -> str:
        """Register a file and return the new checkpoint's id. See ``TrainingMonitor.save_checkpoint``."""
        path = os.fspath(filepath) if isinstance(filepath, os.PathLike) else filepath
        if not isinstance(path, str):
            raise TypeError(f"filepath must be a path, not {type(filepath).__name__}")
        if not path or "\0" in path or len(path) > _PATH_CHARACTERS:
            raise InvalidError(f"filepath must have 1 to {_PATH_CHARACTERS} characters, no NUL.", field="filepath")
        record: Record = {
            "type": "checkpoint",
            "time": self._clock.now(),
            "id": new_id("ckpt"),
            "filepath": _absolute(path),
            "step": self._last_step() if step is None else read_step(step),
            "metrics": {name: json_number(value) for name, value in flatten(metrics or {}).items()},
            "metadata": document(metadata, METADATA_BYTES, "metadata"),
            "verdict": "registered",
        }
        self._put({**record, "filepath": clean(record["filepath"])})
        self._note(SavedCheckpoint(record["id"], record["filepath"], record["step"]))
        self._measure_later(record)
        return str(record["id"])

    def mark_best(self, checkpoint_id: str) -> None:
        """Mark one checkpoint the best of the run."""
        checkpoint_id = text("checkpoint_id", checkpoint_id, most=64)
        self._put({"type": "best", "time": self._clock.now(), "checkpoint_id": checkpoint_id})

    @property
    def busy(self) -> bool:
        """Whether files are still being measured."""
        return self._busy

    def _measure_later(self, record: Record) -> None:
        with self._lock:
            self._waiting.append(record)
            if self._busy:
                return
            self._busy = True
        try:
            threading.Thread(target=self._measure_all, name="stepwire-checkpoints", daemon=True).start()
        except RuntimeError:  # the interpreter is shutting down: the checkpoint stays without size and checksum
            self._busy = False

    def _measure_all(self) -> None:
        load("hashlib")
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    return
                record = self._waiting.popleft()
            found = measure(Path(record["filepath"]))
            self._put({**record, "filepath": clean(record["filepath"]), "time": self._clock.now(), **found})


def _absolute(path: str) -> str:
    try:
        return str(Path(path).absolute())
    except OSError:  # the working directory was removed
        return path


def measure(path: Path) -> dict[str, Any]:
    """Return ``size`` in bytes, ``sha256`` and ``verdict`` of a file; of a folder the size only."""
    try:
        if path.is_dir():
            return {"size": _folder_size(path), "verdict": "registered"}
        size, sha256 = _digest(path)
    except (OSError, ValueError):  # ValueError: no file system can name it
        return {"verdict": "missing"}
    return {"size": size, "sha256": sha256, "verdict": "registered"}


def _digest(path: Path) -> tuple[int, str]:
    import hashlib

    digest = hashlib.sha256()
    size = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def _folder_size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
