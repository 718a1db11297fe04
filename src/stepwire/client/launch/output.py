"""Reads what the command writes: lines for the run's log, numbers for its charts."""

import logging
import math
import re
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from stepwire.client.launch.backlog import Backlog
from stepwire.client.launch.sink import Sink
from stepwire.client.launch.tracebacks import Tracebacks
from stepwire.formats.patterns import Patterns
from stepwire.formats.points import Point

_WAIT_SECONDS = 0.2
_HOLD_SECONDS = 0.5
_SLICE_BYTES = 4096
_REST = 2.0
_END_SECONDS = 0.5
_MAX_LINE_BYTES = 64 * 1024
_LINE_END = re.compile(rb"[\r\n]+")


class Reader(Protocol):
    """Makes something of the output."""

    def feed(self, stream: str, time: int, data: bytes) -> None:
        """Take bytes of a stream, written at ``time`` in µs since 1970."""

    def skip(self, stream: str) -> None:
        """Bytes are missing here: what stands before and behind is no line."""

    def tick(self) -> None:
        """Do what is due; called several times a second."""

    def finish(self) -> None:
        """Take the end of all streams."""


class LineCutter:
    """Cuts a stream into what stands between line ends and carriage returns.

    So each state of a progress bar is a line. One over 64 KiB is cut.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._is_cut = False

    def skip(self) -> None:
        """Forget the line that is open, and what comes of it."""
        self._rest, self._is_cut = b"", True

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that are complete now."""
        *lines, self._rest = _LINE_END.split(self._rest + data)
        if self._is_cut and lines:
            self._is_cut = False
            del lines[0]
        elif self._is_cut:
            self._rest = b""
        if len(self._rest) > _MAX_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in lines if line]

    def finish(self) -> list[str]:
        """Return the last line, which has no end."""
        return self.feed(b"\n")


class Numbers:
    """Logs the numbers in the output, but not those in tracebacks.

    Args:
        custom: The user's patterns.
    """

    def __init__(self, sink: Sink, custom: Sequence[re.Pattern[str]]) -> None:
        self._sink = sink
        self._patterns = Patterns(custom)
        self._cutters: dict[str, LineCutter] = {}
        self._tracebacks: dict[str, Tracebacks] = {}
        self._hold_until = 0.0
        self._warning: str | None = None

    def feed(self, stream: str, time: int, data: bytes) -> None:
        """Take bytes of a stream."""
        self._read(stream, self._cutters.setdefault(stream, LineCutter()).feed(data), time)

    def skip(self, stream: str) -> None:
        """Bytes are missing here."""
        self._cutters.setdefault(stream, LineCutter()).skip()

    def tick(self) -> None:
        """Log what has waited long enough for a progress bar."""
        if self._patterns.is_holding and time.monotonic() >= self._hold_until:
            self._log(self._patterns.flush())

    def finish(self) -> None:
        """Take the last lines, which have no end."""
        for stream, cutter in self._cutters.items():
            self._read(stream, cutter.finish(), time.time_ns() // 1000)
        self._log(self._patterns.flush())

    def _read(self, stream: str, lines: list[str], at: int) -> None:
        tracebacks = self._tracebacks.setdefault(stream, Tracebacks())
        for line in map(tracebacks.cut, lines):
            was_holding = self._patterns.is_holding
            self._log(self._patterns.read(line, at))
            if self._patterns.is_holding and not was_holding:
                self._hold_until = time.monotonic() + _HOLD_SECONDS

    def _log(self, points: list[Point]) -> None:
        for point in points:
            self._sink.log(point)
        if points:
            self._sink.define_units(self._patterns.units)
            self._sink.plan(self._patterns.total_steps)
        if self._patterns.warning != self._warning and self._patterns.warning is not None:
            self._warning = self._patterns.warning
            self._sink.warn("patterns", self._warning)


class Output:
    """The thread that gives the output to those who read it.

    Args:
        backlog: Where it waits.
        readers: Who reads it, each all of it.
    """

    def __init__(self, backlog: Backlog, readers: Sequence[Reader], sink: Sink) -> None:
        self._backlog = backlog
        self._readers = readers
        self._sink = sink
        self._is_over = threading.Event()
        self._end_at = math.inf
        self._has_complained = False
        self._thread = threading.Thread(target=self._run, name="stepwire-output", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Read what is left, as far as that goes in so many seconds."""
        self._end_at = time.monotonic() + seconds
        self._is_over.set()
        self._backlog.wake()
        self._thread.join(seconds + _END_SECONDS)

    def _run(self) -> None:
        ticked_at = 0.0
        while (piece := self._backlog.take(_WAIT_SECONDS)) is not None or not self._is_over.is_set():
            if piece is not None:
                self._read(*piece)
            if time.monotonic() >= self._end_at:
                self._backlog.drop()
            if time.monotonic() - ticked_at >= _WAIT_SECONDS:
                ticked_at = time.monotonic()
                self._tell_dropped()
                for reader in self._readers:
                    reader.tick()
        self._tell_dropped()
        for reader in self._readers:
            self._end(reader)

    def _read(self, stream: str, at: int, data: bytes | None) -> None:
        """Give bytes to the readers, and let the threads that copy have the interpreter for longer than that took."""
        if data is None:
            for reader in self._readers:
                reader.skip(stream)
            return
        for place in range(0, len(data), _SLICE_BYTES):
            began = time.thread_time()
            for reader in self._readers:
                self._give(reader, stream, at, data[place : place + _SLICE_BYTES])
            if not self._is_over.is_set():
                time.sleep(_REST * (time.thread_time() - began))

    def _give(self, reader: Reader, stream: str, at: int, data: bytes) -> None:
        try:
            reader.feed(stream, at, data)
        except Exception as error:  # noqa: BLE001 - output has every oddity; the command and the other readers go on
            self._complain(error)

    def _end(self, reader: Reader) -> None:
        try:
            reader.finish()
        except Exception as error:  # noqa: BLE001 - as above
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        if not self._has_complained:
            self._has_complained = True
            logging.getLogger("stepwire").warning("stepwire: a part of the output was not read: %r", error)

    def _tell_dropped(self) -> None:
        dropped = self._backlog.take_dropped()
        if dropped:
            self._sink.warn("output_dropped", f"{dropped:,} bytes of output came too fast and were not read")
