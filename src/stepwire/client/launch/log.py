"""The command's output as lines of the run's log."""

import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stepwire.client.document import clean
from stepwire.client.redaction import LineRedactor
from stepwire.formats.tokens import strip_ansi

LAST_LINES = 20
LINES_PER_SECOND = 1000
_BURST_LINES = 10_000
_LINE_CHARACTERS = 8000
_LINE_BYTES = 64 * 1024
_RECORD_LINES = 500
_RECORD_SECONDS = 0.5
_BAR_SECONDS = 10.0
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]")


@dataclass(slots=True)
class _Line:
    """The line of a stream that has no end yet.

    Attributes:
        text: What stands there now, behind the last carriage return.
        told: What a line was made of already, at ``told_at`` in monotonic seconds.
    """

    told_at: float
    text: bytes = b""
    has_returned: bool = False
    told: bytes = b""


class Log:
    """Makes ``log`` records of output.

    A carriage return begins the line anew, as on a terminal: of a progress bar what stood there last is kept, and
    every 10 s what stands there then. Colours stay, other escape sequences go, secrets are hidden. Over 1,000 lines
    a second, for longer than 10 s, lines are left out; a line says how many.

    Args:
        put: Takes the fields of a ``log`` record.
        secrets: Texts to hide wherever they stand.

    Attributes:
        last: The newest lines, without colours.
    """

    def __init__(
        self,
        put: Callable[..., None],
        clock: Callable[[], float] = time.monotonic,
        *,
        secrets: Iterable[str] = (),
    ) -> None:
        self._put = put
        self._secrets = tuple(secrets)
        self._redactors: dict[str, LineRedactor] = {}
        self._clock = clock
        self._open: dict[str, _Line] = {}
        self._lines: dict[str, list[list[int | str]]] = {}
        self._count = 0
        self._put_at = clock()
        self._room = float(_BURST_LINES)
        self._room_at = clock()
        self._left_out = 0
        self.last: deque[str] = deque(maxlen=LAST_LINES)

    def feed(self, stream: str, time: int, data: bytes) -> None:
        """Take bytes of a stream, written at ``time`` in µs since 1970."""
        line = self._open.setdefault(stream, _Line(self._clock()))
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._write(line, part)
            if line.text != line.told or not line.told:
                self._add(stream, time, line.text)
            line.text, line.has_returned, line.told = b"", False, b""
        self._write(line, rest)
        if len(line.text) > _LINE_BYTES:
            self._add(stream, time, line.text)
            line.text = b""

    def skip(self, stream: str) -> None:
        """Bytes are missing here: what is kept of the line says so."""
        line = self._open.setdefault(stream, _Line(self._clock()))
        self._write(line, b" [stepwire: output is missing here]")

    @staticmethod
    def _write(line: _Line, part: bytes) -> None:
        """Write to an open line as to a terminal. A return at its end counts when something comes behind it."""
        for place, piece in enumerate(part.split(b"\r")):
            line.has_returned = line.has_returned or place > 0
            if piece:
                line.text = piece if line.has_returned else line.text + piece
                line.has_returned = False

    def tick(self) -> None:
        """Put what waits, when that is due."""
        now = self._clock()
        for stream, line in self._open.items():
            if line.text != line.told and now - line.told_at >= _BAR_SECONDS:
                self._add(stream, time.time_ns() // 1000, line.text)
                line.told, line.told_at = line.text, now
        if self._count and now - self._put_at >= _RECORD_SECONDS:
            self._flush()

    def finish(self) -> None:
        """Take the end of all streams."""
        for stream, line in self._open.items():
            if line.text and line.text != line.told:
                self._add(stream, time.time_ns() // 1000, line.text)
        self._room = float(_BURST_LINES)
        self._tell_left_out("stdout", time.time_ns() // 1000)
        self._flush()

    def _add(self, stream: str, time: int, data: bytes) -> None:
        if not self._has_room():
            self._left_out += 1
            return
        self._tell_left_out(stream, time)
        text = _CONTROL.sub("", data.decode("utf-8", "replace"))
        if stream not in self._redactors:
            self._redactors[stream] = LineRedactor(self._secrets)
        text = self._redactors[stream](clean(text, _LINE_CHARACTERS))
        self.last.append(strip_ansi(text))
        self._append(stream, time, text)

    def _append(self, stream: str, time: int, text: str) -> None:
        self._lines.setdefault(stream, []).append([time, text])
        self._count += 1
        if self._count >= _RECORD_LINES:
            self._flush()

    def _has_room(self) -> bool:
        now = self._clock()
        self._room = min(self._room + (now - self._room_at) * LINES_PER_SECOND, float(_BURST_LINES))
        self._room_at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True

    def _tell_left_out(self, stream: str, time: int) -> None:
        if self._left_out:
            self._append(stream, time, f"[stepwire: {self._left_out:,} lines were left out here: too many a second]")
            self._left_out = 0

    def _flush(self) -> None:
        for stream, lines in self._lines.items():
            self._put("log", stream=stream, lines=lines)
        self._lines = {}
        self._count = 0
        self._put_at = self._clock()
