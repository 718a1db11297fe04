"""Reads the log files of a run, in pieces: however long they are, the memory that it takes is the same."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from stepwire.protocol import Level, LogLine
from stepwire.storage.logs.lines import parse_line, text_of

BLOCK_BYTES = 256 * 1024
SCAN_BYTES = 16 * 1024 * 1024
"""An answer looks through at most so many bytes; the next one goes on there."""
_COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines are wanted; empty: all.

    Attributes:
        text: Part of the line's text, in any case, colours aside.
    """

    text: str = ""
    streams: frozenset[str] = frozenset()
    levels: frozenset[Level] = frozenset()
    ranks: frozenset[int] = frozenset()

    def passes(self, line: LogLine) -> bool:
        """Whether a line is wanted, its text aside."""
        return (
            (not self.streams or line.stream in self.streams)
            and (not self.levels or line.level in self.levels)
            and (not self.ranks or line.rank in self.ranks)
        )


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some lines.

    Attributes:
        lines: In their order. Of those that take each other's place only the newest is there, at the first one's place;
            none when it is empty.
        first: Number of the first line that there is.
        next: Where to go on.
        total: How many lines the run has printed so far.
    """

    lines: list[LogLine]
    first: int
    next: int
    total: int

    @property
    def more(self) -> bool:
        """Whether there are lines from ``next`` on."""
        return self.next < self.total


class _Part:
    """The lines of one file.

    Args:
        size: How many bytes count; all of them when left out.
        first: Number of the first line.
        lines: How many there are.
    """

    def __init__(self, file: BinaryIO, size: int | None, first: int, lines: int) -> None:
        self._file = file
        self.size = file.seek(0, 2) if size is None else size
        self.first = first
        self.lines = lines

    def blocks(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Whole lines from number ``start`` on, some at once, each time with the number of the first."""
        place = self._find(start)
        number, rest = start, b""
        while place < self.size:
            block = self._read(place, BLOCK_BYTES)
            if not block:
                break  # somebody has cut the file
            place += len(block)
            whole, end, rest_of_block = block.rpartition(b"\n")
            if not end:
                rest += block
                continue
            data, rest = rest + whole + end, rest_of_block
            yield number, data
            number += data.count(b"\n")

    def _read(self, place: int, most: int) -> bytes:
        self._file.seek(place)
        return self._file.read(min(most, self.size - place))

    def _find(self, number: int) -> int:
        """Where the line ``number`` begins; searched from the nearer end."""
        before, after = number - self.first, self.first + self.lines - number
        if before <= 0:
            return 0
        return self._find_forwards(before) if before <= after else self._find_backwards(after)

    def _find_forwards(self, skip: int) -> int:
        place = 0
        while place < self.size:
            block = self._read(place, BLOCK_BYTES)
            count = block.count(b"\n")
            if count >= skip or not block:
                return place + _behind_line(block, skip)
            skip -= count
            place += len(block)
        return self.size

    def _find_backwards(self, lines: int) -> int:
        """Where the last ``lines`` lines begin."""
        place, wanted = self.size, lines + 1  # the end of the line before counts too
        while place > 0:
            begin = max(place - BLOCK_BYTES, 0)
            block = self._read(begin, place - begin)
            count = block.count(b"\n")
            if count >= wanted:
                return begin + _behind_line(block, count - wanted + 1)
            wanted -= count
            place = begin
        return 0


class LogReader:
    """The lines of a run as they are at one moment.

    Args:
        files: The older file and the newer one, as far as they are there, each with how many of its bytes count
            (``None``: all) and how many lines these are.
        total: How many lines the run has printed so far.
    """

    def __init__(self, files: Sequence[tuple[BinaryIO, int | None, int]], total: int) -> None:
        self.total = total
        self.first = total - sum(lines for _, _, lines in files)
        self._parts: list[_Part] = []
        number = self.first
        for file, size, lines in files:
            self._parts.append(_Part(file, size, number, lines))
            number += lines

    def tail(self, count: int) -> list[str]:
        """Return the last ``count`` lines as text, without colours; of a progress bar its last state."""
        page = self.page(max(self.first, self.total - 4 * count), 4 * count)
        texts = [_COLOUR.sub(b"", line.text.encode()).decode() for line in page.lines]
        return texts[-count:] if count else []

    def page(self, start: int, limit: int, wanted: LogFilter | None = None) -> LogPage:
        """Return at most ``limit`` lines from number ``start`` on; a negative ``start`` counts from the end."""
        start = self.total + start if start < 0 else start
        start = min(max(start, self.first), self.total)
        page = _Page(limit, wanted or LogFilter())
        following = self.total
        for number, data in self._blocks(start):
            stopped_at = page.take(number, data)
            if stopped_at is not None:
                following = stopped_at
                break
        return LogPage(page.lines, self.first, following, self.total)

    def pieces(self) -> Iterator[bytes]:
        """The files' bytes, one piece after the other."""
        for _, data in self._blocks(self.first):
            yield data

    def _blocks(self, start: int) -> Iterator[tuple[int, bytes]]:
        for part in self._parts:
            if start < part.first + part.lines:
                yield from part.blocks(max(start, part.first))


class _Page:
    """Gathers the lines of an answer."""

    def __init__(self, limit: int, wanted: LogFilter) -> None:
        self._limit = limit
        self._wanted = wanted
        self._needle = wanted.text.casefold()
        self._scanned = 0
        self._by_place: dict[int, LogLine] = {}

    @property
    def lines(self) -> list[LogLine]:
        """What was gathered."""
        return list(self._by_place.values())

    def take(self, number: int, data: bytes) -> int | None:
        """Take the lines of a block; return the number of the first that is not taken when this is enough."""
        self._scanned += len(data)
        if not self._may_match(data):
            return number + data.count(b"\n") if self._scanned >= SCAN_BYTES else None
        for raw in data.splitlines(keepends=True) if b"\r" not in data else data.split(b"\n")[:-1]:
            if self._matches(raw) and not self._add(parse_line(number, raw)):
                return number
            number += 1
        return number if self._scanned >= SCAN_BYTES else None

    def _add(self, line: LogLine) -> bool:
        """Add a line if it is wanted; false when there is no room for it."""
        if not self._wanted.passes(line):
            return True
        place = line.line if line.replaces is None else line.replaces
        if line.replaces is not None and not line.text:  # a progress bar that is gone
            self._by_place.pop(place, None)
            return True
        known = self._by_place.get(place)
        if known is None and len(self._by_place) >= self._limit:
            return False
        if known is not None and known.replaces is None:
            # The place stays that of the line which is in the answer already.
            line = LogLine(known.line, line.time, line.stream, line.text, line.level, line.rank)
        self._by_place[place] = line
        return True

    def _may_match(self, data: bytes) -> bool:
        """Whether a line in a block can match: most blocks are passed over as a whole."""
        if not self._needle or not self._needle.isascii():
            return True
        plain = _COLOUR.sub(b"", data) if b"\x1b" in data else data
        return self._needle.encode() in plain.lower()

    def _matches(self, raw: bytes) -> bool:
        if not self._needle:
            return True
        text = text_of(raw)
        plain = _COLOUR.sub(b"", text) if b"\x1b" in text else text
        if self._needle.isascii():
            return self._needle.encode() in plain.lower()
        return self._needle in plain.decode("utf-8", "replace").casefold()


def _behind_line(block: bytes, count: int) -> int:
    """The place behind the ``count``-th line end of a block that has so many."""
    place = 0
    for _ in range(count):
        place = block.find(b"\n", place) + 1
        if place == 0:
            return len(block)
    return place
