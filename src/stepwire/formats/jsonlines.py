"""Metric files of JSON lines: one object a line, as most scripts that log to a file write them."""

import json
from pathlib import Path

from stepwire.formats.points import Point, point_of
from stepwire.formats.tail import LineTail


class JsonLinesFile:
    """Reads the points of a JSON-lines file that still grows.

    Numbers are metrics, nested objects join their names with ``/``. Text, lists and booleans are passed over, and so
    is a line that is no JSON object. A line without a step has the number of lines with numbers before it.

    Args:
        path: The file; it need not be there yet.
        start: Bytes to pass over: what was there before the run.

    Attributes:
        warning: What is wrong with the file, once something is.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self._lines = LineTail(path, start)
        self._count = 0
        self.warning: str | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the last reading left something."""
        return self._lines.tail.is_behind

    def read(self, *, is_over: bool = False) -> list[Point]:
        """Return the points added since the last reading.

        Args:
            is_over: Nothing more will be written.
        """
        points = []
        for line in self._lines.read(is_over=is_over):
            point = read_line(line)
            if point is not None:
                points.append(point if point.step is not None else Point(point.metrics, self._count, point.time))
                self._count += 1
        return points


def read_line(line: str) -> Point | None:
    """Return the numbers of a line; ``None`` when it is no JSON object or has none."""
    text = line.strip()
    if not text.startswith("{") or not text.endswith("}"):
        return None
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return point_of(fields) if isinstance(fields, dict) else None
