"""Metric files of comma-separated values: a header, then a row of numbers per step."""

import csv
import zlib
from array import array
from pathlib import Path

from stepwire.formats.points import SPELLED, Point, is_name, point_of
from stepwire.formats.tail import LineTail

_HEADER_BYTES = 64 * 1024
_MAX_COLUMNS = 1000
_MAX_REMEMBERED = 1_000_000


class CsvFile:
    """Reads the points of a CSV file that still grows.

    Cells that are no numbers are passed over, and so are empty ones. The delimiter is a comma, a semicolon or a tab,
    whichever the header has most of. A row without a step has the number of rows before it.

    A second header within the file begins other columns. Where the file is written anew, as Lightning does when a
    metric appears, rows that say no more than the ones before at their places are not given again.

    Args:
        path: The file; it need not be there yet.
        start: Bytes to pass over: what was there before the run. The header is read all the same.

    Attributes:
        warning: What is wrong with the file, once something is.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self._lines = LineTail(path, start)
        self._restarts = 0
        self._head: bytes | None = None
        self._columns: list[str] = []
        self._delimiter = ","
        self._place = 0
        self._seen = array("L")
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
        if self.warning or not self._find_header():
            self._lines.tail.is_behind = False
            return []
        lines = self._lines.read(is_over=is_over)
        if self._lines.tail.restarts != self._restarts:
            self._restarts = self._lines.tail.restarts
            self._place = 0
        return [point for line in lines if (point := self._read_line(line)) is not None]

    def _find_header(self) -> bool:
        """Read the first line; where it is another than before, the file was written anew."""
        head, newline, _ = self._lines.tail.head(_HEADER_BYTES).partition(b"\n")
        if not newline:
            return False
        if head != self._head:
            if self._head is not None:
                self._lines.tail.restart()
            self._head = head
            text = head.decode("utf-8", "replace").strip()
            self._delimiter = max(",;\t", key=text.count)
            self._columns = _header(self._cells(text))
            if not self._columns:
                self.warning = "its first line is no header"
        return bool(self._columns)

    def _read_line(self, line: str) -> Point | None:
        cells = self._cells(line)
        numbers = {
            name: number
            for name, cell in zip(self._columns, cells, strict=False)
            if name and (number := _number(cell)) is not None
        }
        if not numbers:
            self._columns = (_header(cells) if len(cells) > 1 else []) or self._columns
            return None
        if self._is_known(numbers):
            return None
        point = point_of(numbers | self._moments(cells))
        if point is None or point.step is not None:
            return point
        return Point(point.metrics, self._place - 1, point.time)

    def _is_known(self, numbers: dict[str, float]) -> bool:
        """Remember the row at this place; whether it is there already."""
        mark = zlib.crc32(repr(sorted(numbers.items())).encode("utf-8", "replace"))
        place = self._place
        self._place += 1
        if place < len(self._seen):
            is_known = self._seen[place] == mark
            self._seen[place] = mark
            return is_known
        if place < _MAX_REMEMBERED:
            self._seen.append(mark)
        return False

    def _moments(self, cells: list[str]) -> dict[str, str]:
        """The cells that are text, for those that tell a time."""
        return {name: cell for name, cell in zip(self._columns, cells, strict=False) if name and _number(cell) is None}

    def _cells(self, line: str) -> list[str]:
        try:
            (cells,) = csv.reader(
                [line.lstrip("\ufeff")], delimiter=self._delimiter, skipinitialspace=True, strict=True
            )
        except (csv.Error, ValueError):  # a quote that is not closed; an empty line
            return []
        return [cell.strip() for cell in cells]


def _header(cells: list[str]) -> list[str]:
    """The names of columns; empty when the cells are no header. A column without a usable name has an empty one."""
    names = [cell if is_name(cell) else "" for cell in cells]
    is_header = 0 < len(names) <= _MAX_COLUMNS and any(names) and all(_number(name) is None for name in names)
    return names if is_header else []


def _number(cell: str) -> float | None:
    if cell.lower().lstrip("+-") in SPELLED:
        return float(cell)
    try:
        return float(cell) if cell[-1:].isdigit() or cell[-1:] == "." else None
    except ValueError:
        return None
