"""The metric files that were there before the command began: what stands in them belongs to earlier runs."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from stepwire.formats.tensorboard import find_event_files, is_event_file

_MAX_SECONDS = 0.1
_TAIL_BYTES = 64
_MAX_MATCHES = 200
_SKIPPED = frozenset(("node_modules", "__pycache__", "site-packages", "venv"))


class Snapshot:
    """Sizes and last bytes of the metric files in a folder, taken when it is made, in at most 0.1 s.

    Args:
        folder: The working folder.
        folders: Further folders, in which event files are looked for.
        names: Further files; ``*`` and ``**`` match many.

    Attributes:
        folder: The working folder, without links in its path.
    """

    def __init__(self, folder: Path, folders: Iterable[Path] = (), names: Iterable[str] = ()) -> None:
        self.folder = folder.resolve()
        self._known: dict[Path, tuple[int, bytes]] = {}
        self._is_complete = True
        for other in folders:
            self._note(find_event_files(other))
        for name in names:
            self._note(self.matching(name))
        self._note(self._walk())

    def start_of(self, path: Path, *, is_appended: bool | None) -> int:
        """Return where the command's own part of a file begins; 0 when the file was written anew.

        Of a file that is added to and that the look around had no time for, it is where the file ends now.

        Args:
            path: Without links in it.
            is_appended: Whether the command opened it to add to it; ``None`` if unknown. Opened otherwise it is taken
                as written anew: the same script writes the same first lines.
        """
        if path in self._known and is_appended is not False:
            size, tail = self._known[path]
            return size if _tail(path, size) == tail else 0
        return 0 if path in self._known or self._is_complete or not is_appended else _size(path)

    def matching(self, name: str) -> list[Path]:
        """Return the files that a name or a pattern stands for."""
        path = Path(name).expanduser()
        if not any(mark in name for mark in "*?["):
            return [self.folder / path]
        anchor = Path(path.anchor) if path.is_absolute() else self.folder
        pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
        found: list[Path] = []
        for match in anchor.glob(pattern):
            found.append(match)
            if len(found) >= _MAX_MATCHES:
                break
        return found

    def _note(self, paths: Iterable[Path]) -> None:
        for path in map(Path.resolve, paths):
            if size := _size(path):
                self._known[path] = size, _tail(path, size)

    def _walk(self) -> Iterator[Path]:
        deadline = time.monotonic() + _MAX_SECONDS
        for at, folders, names in os.walk(self.folder):
            if time.monotonic() > deadline:
                self._is_complete = False
                return
            folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED]
            for name in names:
                if name.endswith((".jsonl", ".csv")) or is_event_file(name):
                    yield Path(at) / name


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not there
        return 0


def _tail(path: Path, size: int) -> bytes:
    """The bytes before a place."""
    try:
        with path.open("rb") as file:
            file.seek(max(size - _TAIL_BYTES, 0))
            return file.read(min(size, _TAIL_BYTES))
    except OSError:  # not there
        return b""
