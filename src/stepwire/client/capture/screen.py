"""The lines that a terminal would show of one stream, while progress bars write over them."""

import re
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_CHARACTERS = 16 * 1024
UPDATE_US = 1_000_000
_ROWS = 24
_CUT = "…"
_MOVE = re.compile(r"\n|\r|\x08+|\x1b\[(\d{0,4})(?:;\d{0,4})?([A-HJKf])")
_ACTS = re.compile(r"[\r\x08\x1b]")
_UNFINISHED = re.compile(r"\x1b(\[[0-9;]{0,16})?$")


class Shown(NamedTuple):
    """A line as it is now.

    Attributes:
        time: When it was written last, µs since 1970.
        back: 0 for a new line, else it is what has become of the line so many back: 1 is the last new one.
    """

    time: int
    text: str
    back: int


@dataclass(slots=True)
class _Row:
    """A line that may still be written to.

    Attributes:
        place: Its number among the lines that were told; -1 while it was not.
        due_at: When a change of it is to be told, µs.
        is_over: The cursor has left it downwards.
        is_fresh: The cursor is at its beginning: what is written next takes the place of what it holds.
    """

    parts: list[str] = field(default_factory=list)
    size: int = 0
    time: int = 0
    place: int = -1
    due_at: int = 0
    has_changed: bool = False
    is_over: bool = False
    is_fresh: bool = False
    was_overwritten: bool = False

    @property
    def text(self) -> str:
        """What it holds; the blanks that wiped out a longer text are left out."""
        text = "".join(self.parts)
        return text.rstrip() if self.was_overwritten else text


class Screen:
    """Takes what a script writes and gives lines; the newest 24 of them can be written over.

    A carriage return begins a line anew, moves of the cursor up and down find earlier lines, as nested progress bars
    do. A finished line is given at once. One that is being written over is given at most once a second, and its last
    state always. Lines are cut at 16 KiB; colours and other escape sequences stay in the text.
    """

    def __init__(self) -> None:
        self._rows: deque[_Row] = deque([_Row()])
        self._cursor = 0
        self._told = 0
        self._ready: list[Shown] = []
        self._held = ""

    def feed(self, time: int, text: str) -> None:
        """Take what was written at ``time``, in µs since 1970."""
        if self._held:
            text, self._held = self._held + text, ""
        if _ACTS.search(text) is None:
            self._feed_plain(time, text)
            return
        if unfinished := _UNFINISHED.search(text):
            self._held = unfinished[0]
            text = text[: unfinished.start()]
        end = 0
        for move in _MOVE.finditer(text):
            self._write(time, text[end : move.start()])
            self._move(time, move)
            end = move.end()
        self._write(time, text[end:])

    def take(self, now: int, *, everything: bool = False) -> list[Shown]:
        """Return what is to be told.

        Args:
            now: µs since 1970.
            everything: Whether changes are told although their time has not come.
        """
        due = [
            place for place, row in enumerate(self._rows) if row.has_changed and (everything or self._is_due(row, now))
        ]
        if due:
            for place in range(due[-1] + 1):
                row = self._rows[place]
                if row.place < 0 or place in due:
                    self._tell(row)
        ready, self._ready = self._ready, []
        return ready

    @property
    def waits_until(self) -> int | None:
        """When the next change is due, in µs since 1970; ``None`` when nothing has changed."""
        return min((row.due_at for row in self._rows if row.has_changed), default=None)

    @staticmethod
    def _is_due(row: _Row, now: int) -> bool:
        return (row.is_over and row.place < 0) or now >= row.due_at

    # --- writing -----------------------------------------------------------------------------------------

    def _feed_plain(self, time: int, text: str) -> None:
        first, *others = text.split("\n")
        self._write(time, first)
        for other in others:
            self._down(time)
            self._write(time, other)

    def _write(self, time: int, text: str) -> None:
        if not text:
            return
        row = self._rows[self._cursor]
        if row.is_fresh:
            row.parts, row.size = [], 0
            row.is_fresh, row.was_overwritten = False, True
        room = MAX_CHARACTERS - row.size
        if room > 0:
            row.parts.append(text if len(text) <= room else text[: room - 1] + _CUT)
            row.size += len(text)
            self._note_change(row, time)

    def _note_change(self, row: _Row, time: int) -> None:
        row.time = time
        if not row.has_changed:
            row.has_changed = True
            row.due_at = max(row.due_at, time + (UPDATE_US if row.place < 0 else 0))

    def _move(self, time: int, move: re.Match[str]) -> None:
        code = move[0]
        if code == "\n":
            self._down(time)
        elif code == "\r":
            self._rows[self._cursor].is_fresh = True
        elif code[0] == "\x08":
            self._erase_back(len(code))
        else:
            self._obey(time, move[2], int(move[1] or 0))

    def _obey(self, time: int, order: str, count: int) -> None:
        if order in "AF":
            self._cursor = max(self._cursor - max(count, 1), 0)
        elif order in "BE":
            self._cursor = min(self._cursor + max(count, 1), len(self._rows) - 1)
        elif order == "K":
            self._erase_line(time, count)
        elif order in "Hf" or (order == "J" and count > 1):
            self._begin_anew(time)
        if order in "EF" or (order == "G" and count <= 1):
            self._rows[self._cursor].is_fresh = True

    def _erase_line(self, time: int, mode: int) -> None:
        row = self._rows[self._cursor]
        if mode == 2 or (mode == 0 and row.is_fresh):
            if row.size:
                self._note_change(row, time)
            row.parts, row.size = [], 0
            row.was_overwritten = True

    def _erase_back(self, count: int) -> None:
        row = self._rows[self._cursor]
        text = "".join(row.parts)
        row.parts = [text[: max(len(text) - count, 0)]]
        row.size = len(row.parts[0])

    def _begin_anew(self, time: int) -> None:
        """The screen was cleared: what was on it is over."""
        while self._cursor < len(self._rows) - 1:
            self._down(time)
        if self._rows[self._cursor].size:
            self._down(time)
        while len(self._rows) > 1:
            self._scroll()

    def _down(self, time: int) -> None:
        row = self._rows[self._cursor]
        row.is_fresh = False
        if not row.is_over:
            row.is_over = True
            if row.place < 0:  # an empty line is one too
                row.time = row.time or time
                row.has_changed = True
        self._cursor += 1
        if self._cursor == len(self._rows):
            self._rows.append(_Row())
            if len(self._rows) > _ROWS:
                self._scroll()
        else:
            self._rows[self._cursor].is_fresh = True

    def _scroll(self) -> None:
        """The oldest row can't be reached any more: its last state is told."""
        row = self._rows.popleft()
        self._cursor = max(self._cursor - 1, 0)
        if row.has_changed or row.place < 0:
            self._tell(row)

    def _tell(self, row: _Row) -> None:
        back = 0
        if row.place < 0:
            row.place = self._told
            self._told += 1
        else:
            back = self._told - row.place
        self._ready.append(Shown(row.time, row.text, back))
        row.has_changed = False
        row.due_at = row.time + UPDATE_US
