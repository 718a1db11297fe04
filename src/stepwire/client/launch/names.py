"""Names of metrics where several metric files tell the same one: each file keeps its own."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from stepwire.formats.points import Point, is_name

_Source = tuple[Path | None, str]
"""A file and the name that stands in it."""


class FileNames:
    """Gives the metrics of JSON Lines and CSV files their names in the run.

    A name that another file has told already gets the file's before it: ``val/loss``. What a file's metric is named
    stays for as long as the command runs, also when the file is written anew.
    """

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._renamed: dict[_Source, str | None] = {}
        self._prefixes: dict[Path, list[str]] = {}
        self._paths: list[Path] = []

    def add(self, path: Path) -> None:
        """Take in a file that was found, without links in its path: prefixes tell it from the others."""
        self._paths.append(path)

    def keep(self, names: Iterable[str]) -> None:
        """Keep names for event files, which have prefixes of their own."""
        for name in names:
            self._sources.setdefault(name, (None, name))

    def place(self, path: Path, point: Point) -> Point:
        """Return a point of a file under the names that its metrics have in the run.

        One that can't be told from another file's, as its name would be too long, is left out.
        """
        named = [(self._name(path, name), value) for name, value in point.metrics.items()]
        return Point({name: value for name, value in named if name is not None}, point.step, point.time)

    def _name(self, path: Path, name: str) -> str | None:
        source = (path, name)
        if self._sources.setdefault(name, source) == source:
            return name
        if source not in self._renamed:
            self._renamed[source] = self._rename(path, name)
        return self._renamed[source]

    def _rename(self, path: Path, name: str) -> str | None:
        if path not in self._prefixes:
            self._prefixes[path] = list(self._distinct_tails(path))
        for prefix in self._prefixes[path]:
            told = f"{prefix}/{name}"
            if told not in self._sources and is_name(told):
                self._sources[told] = (path, name)
                return told
        return None

    def _distinct_tails(self, path: Path) -> Iterator[str]:
        others = {tail for other in self._paths if other != path for tail in _tails(other)}
        return (tail for tail in _tails(path) if tail not in others)


def _tails(path: Path) -> Iterator[str]:
    """The ends of a path, the shortest first: ``val``, ``b/val``, and so on, then all of them as ``val.csv``."""
    for whole in (path.with_suffix(""), path):
        parts = [os.fsencode(part).decode("utf-8", "replace") for part in whole.parts[1:]]
        for place in reversed(range(len(parts))):
            yield "/".join(parts[place:])
