"""What is kept of one stream: lines without secrets, in records of bounded size."""

from stepwire.client.batch import Record
from stepwire.client.capture.allowance import Allowance
from stepwire.client.capture.screen import Screen, Shown
from stepwire.client.redaction import LineRedactor
from stepwire.formats.terminal import clean_terminal

RECORD_BYTES = 16 * 1024
_LINE_BYTES = 24  # of a line beside its text
_QUIET_US = 1_000_000


class Transcript:
    """Makes ``log`` records of what is written to a stream.

    A record is ``{"type": "log", "time", "stream", "lines"}``; a line is ``[time, text]``, or ``[time, text, back]``
    for what has become of the line so many lines back: 1 is the line before. Lines that do not pass the allowance are
    counted; one line says how many.

    Args:
        stream: ``stdout`` or ``stderr``.
        redact: Hides the secrets of a line.
    """

    def __init__(self, stream: str, redact: LineRedactor) -> None:
        self._stream = stream
        self._redact = redact
        self._screen = Screen()
        self._allowance = Allowance()
        self._missed = 0
        self._left_out_at = 0
        self._places: dict[int, int] = {}
        self._shown = 0
        self._kept = 0

    def feed(self, time: int, text: str) -> None:
        """Take what was written at ``time``, in µs since 1970."""
        self._screen.feed(time, text)

    def miss(self, time: int, lines: int) -> None:
        """Lines were written here that nobody could keep."""
        self._missed += lines
        self._left_out_at = time

    @property
    def waits_until(self) -> int | None:
        """When something is due by itself, in µs since 1970; ``None`` when nothing is waiting."""
        notice = self._left_out_at + _QUIET_US if self._missed or self._allowance.left_out else None
        dues = [due for due in (self._screen.waits_until, notice) if due is not None]
        return min(dues, default=None)

    def take(self, now: int, *, everything: bool = False) -> list[Record]:
        """Return the records that are due at ``now``, in µs since 1970.

        Args:
            now: µs since 1970.
            everything: Whether also what could wait is told.
        """
        lines = [line for shown in self._screen.take(now, everything=everything) for line in self._keep(shown)]
        is_quiet = now >= self._left_out_at + _QUIET_US
        if (everything or is_quiet) and (notice := self._tell_left_out(now)):
            lines.append(notice)
        return self._records(now, lines)

    def _keep(self, shown: Shown) -> list[list[int | str]]:
        number = self._shown - shown.back if shown.back else self._shown
        self._shown += not shown.back
        text = self._redact(clean_terminal(shown.text))
        if not self._allowance.passes(shown.time, len(text) + _LINE_BYTES):
            self._left_out_at = shown.time
            return []
        notice = self._tell_left_out(shown.time)
        line: list[int | str] = [shown.time, text]
        place = self._places.get(number)
        if shown.back and place is not None:
            line.append(self._kept - place)
        else:
            self._note_place(number)
        return [line] if notice is None else [notice, line]

    def _note_place(self, number: int) -> None:
        """Remember where a line was kept: some may be left out between it and what becomes of it."""
        self._places[number] = self._kept
        self._kept += 1
        if len(self._places) > 64:
            del self._places[next(iter(self._places))]

    def _tell_left_out(self, time: int) -> list[int | str] | None:
        count = self._allowance.take_left_out() + self._missed
        if not count:
            return None
        self._missed = 0
        self._kept += 1
        what = "line was" if count == 1 else "lines were"
        return [time, f"[stepwire: {count:,} {what} left out: too much output at once]"]

    def _records(self, now: int, lines: list[list[int | str]]) -> list[Record]:
        records: list[Record] = []
        some: list[list[int | str]] = []
        size = 0
        for line in lines:
            some.append(line)
            size += len(str(line[1])) + _LINE_BYTES
            if size >= RECORD_BYTES:
                records.append(self._record(now, some))
                some, size = [], 0
        return [*records, self._record(now, some)] if some else records

    def _record(self, now: int, lines: list[list[int | str]]) -> Record:
        return {"type": "log", "time": now, "stream": self._stream, "lines": lines}
