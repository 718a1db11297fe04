"""Finds what a framework has written into a folder, for those that tell nobody."""

from pathlib import Path

_Seen = tuple[int, int]


class Folder:
    """Tells the files that are new or changed since the last look. What is there at first is not news.

    Args:
        path: The folder; it need not exist yet.
        pattern: Glob of the files in it.
    """

    def __init__(self, path: str | Path, pattern: str = "*") -> None:
        self.path = Path(path)
        self._pattern = pattern
        self._seen: dict[Path, _Seen] = {}
        self.news()

    def news(self) -> list[Path]:
        """Return files written since the last look, oldest first."""
        now = {file: _state(file) for file in self.path.glob(self._pattern) if file.is_file()}
        fresh = [file for file, state in now.items() if self._seen.get(file) != state]
        self._seen = now
        return sorted(fresh, key=lambda file: now[file])

    def passed(self, file: Path) -> None:
        """Take a file for seen: it was not the framework that wrote it."""
        if file.parent == self.path:
            self._seen[file] = _state(file)


def _state(file: Path) -> _Seen:
    found = file.stat()
    return found.st_mtime_ns, found.st_size
