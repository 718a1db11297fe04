"""Event files below a folder, found without a look into every folder each time."""

import os
import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from stepwire.formats.tensorboard import is_event_file

MAX_FOLDERS = 5000
_LOOK_SECONDS = 0.1
_FRESH_NS = 3_000_000_000
_SKIPPED = frozenset(("node_modules", "__pycache__", "site-packages", "venv"))
_PID = re.compile(r"\.tfevents\.\d+\..+\.(\d+)\.\d+(\.v2)?$")


class EventFolders:
    """Watches a folder and those below for new event files.

    A folder is listed when it is new or has changed since; the others cost one ``stat`` each. One look takes at most
    0.1 s and the next goes on where it ended. Hidden folders and those of packages are left out.

    PyTorch's writer opens its file anew for each piece, so it is rarely open when somebody looks; but it puts its
    process id into the name.
    """

    def __init__(self, root: Path) -> None:
        self._changed: dict[str, int] = {}
        self._waiting = deque([str(root)])

    def find(self) -> list[Path]:
        """Return the event files in folders that are new or have changed; some may have been returned before."""
        deadline = time.monotonic() + _LOOK_SECONDS
        found: list[Path] = []
        if not self._waiting:
            self._waiting.extend(self._changed)
        while self._waiting and time.monotonic() < deadline:
            found += self._look(self._waiting.popleft())
        return found

    def _look(self, folder: str) -> Iterator[Path]:
        try:
            changed = os.stat(folder).st_mtime_ns  # noqa: PTH116 - no Path is made for each folder
            if self._changed.get(folder) == changed:
                return
            entries = list(os.scandir(folder))
        except OSError:  # gone, or not ours to read
            self._changed.pop(folder, None)
            return
        # Of a change just now the clock of the file system may not tell the next one apart.
        self._changed[folder] = changed if changed < time.time_ns() - _FRESH_NS else 0
        for entry in entries:
            if is_event_file(entry.name):
                yield Path(entry.path)
            elif self._is_folder(entry):
                self._waiting.append(entry.path)

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        """Whether an entry is a folder that is not known yet."""
        if entry.name.startswith(".") or entry.name in _SKIPPED or len(self._changed) >= MAX_FOLDERS:
            return False
        return entry.path not in self._changed and entry.is_dir(follow_symlinks=False)


def writer_of(name: str) -> int | None:
    """Return the process id in the name of an event file, ``None`` where there is none."""
    match = _PID.search(name)
    return None if match is None else int(match[1])
