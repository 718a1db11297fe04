"""Lines from the database into the files: once each, whatever is killed when."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import msgspec
from sqlalchemy import Connection, insert, select

from stepwire.errors import StepwireError
from stepwire.protocol import EventMessage, LogLine
from stepwire.storage.catalog.interface import Catalog
from stepwire.storage.database import Database
from stepwire.storage.logs.files import LogFiles
from stepwire.storage.logs.lines import format_line, level_of
from stepwire.storage.logs.reading import LogReader
from stepwire.storage.logs.state import FileState, forget_gone, read_state, save_states
from stepwire.storage.tables import log_file, log_waiting
from stepwire.storage.writer import Writer, on_commit

FOLDER = "logs"
LIMIT_BYTES = 64 * 1024 * 1024
SETTLE_SECONDS = 5.0
_SETTLE_BYTES = 8 * 1024 * 1024
_READ_BYTES = 4 * 1024 * 1024
_RETRY_SECONDS = 5.0
_STATES_REMEMBERED = 1000
_log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode

NewLine = tuple[int, str, int]
"""Time in µs since 1970, text without control characters, and how many lines back the one is whose place it takes."""


class _Waiting(msgspec.Struct, array_like=True):
    """The body of a waiting row."""

    process: int
    rank: int
    stream: str
    lines: list[tuple[int, str, int]]


_decode = msgspec.msgpack.Decoder(_Waiting).decode


class RunLogs:
    """The console output of runs.

    Lines are committed with the batch that brings them, as rows that wait. A thread appends them to the run's file;
    some seconds later, when the file is on disk, one transaction notes its size and forgets the rows. After a kill
    the file is cut to the size that was noted and the rows that wait are appended anew: no line is lost or doubled.

    Attributes:
        limit_bytes: What the files of a run may take. Beyond it the oldest half goes.
        on_lines: Told of lines that can be read now, in the thread that wrote them.
        is_watched: Whether anybody wants to be told of a run's lines.
        on_event: Told of what happened to a run's log.
    """

    def __init__(self, database: Database, writer: Writer, catalog: Catalog) -> None:
        self.limit_bytes = LIMIT_BYTES
        self.on_lines: Callable[[str, list[LogLine]], None] = lambda _run_id, _lines: None
        self.is_watched: Callable[[str], bool] = lambda _run_id: False
        self.on_event: Callable[[EventMessage], None] = lambda _event: None
        self._database = database
        self._writer = writer
        self._catalog = catalog
        self._files = LogFiles(database.folder / FOLDER)
        self._states: dict[str, FileState] = {}
        self._dirty: set[str] = set()
        self._unsettled = 0
        self._read_through = 0
        self._has_failed = False
        self._lock = threading.Lock()  # of states and files, so that a reader sees both of one moment
        self._changed = threading.Condition()
        self._is_wanted = self._is_working = self._is_closing = False
        self._settle_at = 0.0
        self._thread: threading.Thread | None = None
        if self._recover():
            self._wake()

    # --- from other threads ------------------------------------------------------------------------------

    def keep(self, tx: Connection, run_id: str, process: int, rank: int, stream: str, lines: list[NewLine]) -> None:
        """Keep lines that one process of a run wrote to one stream, once ``tx`` is committed.

        Args:
            process: Number of the process's record stream: only its own lines can be replaced.
            rank: Of the process in a distributed run.
            stream: ``stdout`` or ``stderr``.
        """
        body = _encode((process, rank, stream, lines))
        tx.execute(insert(log_waiting).values(run_id=run_id, body=body))
        on_commit(tx, self._wake)

    def forget(self, tx: Connection) -> None:
        """A run was deleted in ``tx``: have its files removed once that is committed."""
        on_commit(tx, self._wake)

    @contextmanager
    def open(self, run_id: str) -> Iterator[LogReader]:
        """Read what a run has printed so far; lines that come meanwhile are not seen."""
        opened: list[tuple[BinaryIO, int | None, int]] = []
        try:
            with self._lock:
                state = self._find_state(run_id)
                for path, size, lines in (
                    (self._files.older(run_id), None, state.older_lines),
                    (self._files.newer(run_id), state.bytes, state.lines),
                ):
                    if lines and path.is_file():
                        opened.append((path.open("rb"), size, lines))
            yield LogReader(opened, state.next_line)
        finally:
            for file, _, _ in opened:
                file.close()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that is committed now can be read; return whether it can."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while (self._is_wanted or self._is_working) and self._thread is not None:
                left = deadline - time.monotonic()
                if left <= 0 or not self._thread.is_alive():
                    return False
                self._changed.wait(min(left, 0.05))
        return True

    def close(self, timeout: float = 10.0) -> None:
        """Append what waits and have it on disk, as far as that goes in ``timeout`` seconds.

        What is left waits in the database for the next start. The writer must still live.
        """
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _wake(self) -> None:
        with self._changed:
            if self._is_closing:
                return
            self._is_wanted = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stepwire-logs", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _find_state(self, run_id: str) -> FileState:
        known = self._states.get(run_id)
        if known is not None:
            return known
        with self._database.read() as connection:
            return self._files.compare(run_id, read_state(connection, run_id))

    def tail(self, run_id: str, count: int) -> list[str]:
        """Return the last ``count`` lines that a run has printed, without colours; of a progress bar its last state."""
        with self.open(run_id) as reader:
            return reader.tail(count)

    # --- in the thread -----------------------------------------------------------------------------------

    def _recover(self) -> bool:
        """Whether something was left to do by the process before. What it wrote behind its last note is cut off."""
        with self._database.read() as connection:
            waiting = connection.scalars(select(log_waiting.c.run_id).distinct()).all()
            gone = connection.scalars(select(log_file.c.run_id).where(log_file.c.is_gone == 1)).all()
        for run_id in waiting:
            self._states[run_id] = self._find_state(run_id)
        return bool(waiting or gone)

    def _run(self) -> None:
        while self._await_work():
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - nothing is lost: the rows wait, and it is tried again
                self._tell_failure(error)
                if not self._pause(_RETRY_SECONDS):
                    return

    def _await_work(self) -> bool:
        """Wait until there is something to do; false when all is done and no more is wanted."""
        with self._changed:
            while not (self._is_wanted or self._is_closing):
                left = self._settle_at - time.monotonic() if self._dirty else None
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            return not (self._is_closing and not self._is_wanted and not self._dirty)

    def _pause(self, seconds: float) -> bool:
        """Wait before the next try; false when the server stops."""
        deadline = time.monotonic() + seconds
        with self._changed:
            self._is_wanted, self._is_working = True, False
            while not self._is_closing and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._is_closing

    def _work(self) -> None:
        with self._changed:
            self._is_working = self._is_wanted
        if self._is_working:
            self._remove_gone()
            while rows := self._read_waiting():
                self._append(rows)
            self._note_idle()
        is_due = self._is_closing or time.monotonic() >= self._settle_at or self._unsettled > _SETTLE_BYTES
        if self._dirty and is_due:
            self._settle()
        self._has_failed = False

    def _read_waiting(self) -> list[tuple[int, str, bytes]]:
        """The next rows, some megabytes of them."""
        with self._changed:
            self._is_wanted = False  # first: a row that is committed from here on says so anew
        rows: list[tuple[int, str, bytes]] = []
        size = 0
        query = select(log_waiting).where(log_waiting.c.number > self._read_through).order_by(log_waiting.c.number)
        with self._database.read() as connection:
            for row in connection.execute(query):
                rows.append((row.number, row.run_id, row.body))
                size += len(row.body)
                if size > min(_READ_BYTES, self.limit_bytes // 4):
                    break
        return rows

    def _note_idle(self) -> None:
        with self._changed:
            self._is_working = False
            self._changed.notify_all()

    def _append(self, rows: list[tuple[int, str, bytes]]) -> None:
        by_run: dict[str, list[tuple[int, bytes]]] = {}
        for number, run_id, body in rows:
            by_run.setdefault(run_id, []).append((number, body))
        for run_id, some in by_run.items():
            self._append_run(run_id, some)
        self._read_through = rows[-1][0]
        if self._unsettled > _SETTLE_BYTES:
            self._settle()

    def _append_run(self, run_id: str, rows: list[tuple[int, bytes]]) -> None:
        before = self._true_state(run_id)
        state = replace(before, rows={key: row.copy() for key, row in before.rows.items()})
        data = bytearray()
        shown: list[LogLine] = []
        for number, body in rows:
            if number > before.applied:
                self._number(state, _decode(body), data, shown, is_shown=self.is_watched(run_id))
                state.applied = number
        if not data:
            return
        if before.bytes and before.bytes + len(data) > self.limit_bytes // 2:
            self._turn(run_id, before)
            state = _moved(state, before)
            before = before.turned()
        self._files.append(run_id, before.bytes, bytes(data))
        with self._lock:
            self._states[run_id] = replace(state, bytes=before.bytes + len(data))
        self._note_unsettled(run_id, len(data))
        if shown:
            self.on_lines(run_id, shown)

    @staticmethod
    def _number(state: FileState, waiting: _Waiting, data: bytearray, shown: list[LogLine], *, is_shown: bool) -> None:
        for when, text, back in waiting.lines:
            number = state.next_line
            replaces = state.number(waiting.process, waiting.stream, back)
            data += format_line(when, waiting.stream, waiting.rank, replaces, text)
            if is_shown:
                stream = "stderr" if waiting.stream == "stderr" else "stdout"
                shown.append(LogLine(number, when, stream, text, level_of(text), waiting.rank, replaces))  # type: ignore[arg-type]

    def _note_unsettled(self, run_id: str, size: int) -> None:
        if not self._dirty:
            self._settle_at = time.monotonic() + SETTLE_SECONDS
        self._dirty.add(run_id)
        self._unsettled += size

    def _settle(self) -> None:
        """Have the files on disk, and note it."""
        dirty = sorted(self._dirty)
        for run_id in dirty:
            self._files.sync(run_id)
        states = {run_id: self._states[run_id] for run_id in dirty}
        self._writer.submit(lambda tx: save_states(tx, states)).result()
        self._dirty.clear()
        self._unsettled = 0
        if len(self._states) > _STATES_REMEMBERED:
            with self._lock:
                self._states.clear()

    def _true_state(self, run_id: str) -> FileState:
        """The state of a run. Where its files are found otherwise, that is noted before anything is added to them."""
        known = self._find_state(run_id)
        found = self._files.compare(run_id, known)
        if found is not known:
            self._writer.submit(lambda tx: save_states(tx, {run_id: found})).result()
            with self._lock:
                self._states[run_id] = found
        return found

    def _turn(self, run_id: str, before: FileState) -> None:
        """The newer file is full: it takes the place of the older one, whose lines are gone."""
        self._settle()
        turned = before.turned()
        with self._lock:
            self._files.turn(run_id)
            event = self._writer.submit(lambda tx: self._save_turn(tx, run_id, turned, before.older_lines)).result()
            self._states[run_id] = turned
        if event is not None:
            self.on_event(event)

    def _save_turn(self, tx: Connection, run_id: str, turned: FileState, gone: int) -> EventMessage | None:
        save_states(tx, {run_id: turned})
        if not gone or self._catalog.find_run(tx, run_id) is None:
            return None
        line = f"the oldest {gone:,} lines of the output are gone: it is over {self.limit_bytes // 2**20:,} MiB"
        now = time.time_ns() // 1000
        data = {"lines": gone, "first_line": turned.first_line}
        return self._catalog.add_event(
            tx, time=now, level="warning", source="server", event="log_cut", message=line, run_id=run_id, data=data
        )

    def _remove_gone(self) -> None:
        with self._database.read() as connection:
            gone = connection.scalars(select(log_file.c.run_id).where(log_file.c.is_gone == 1)).all()
        if not gone:
            return
        with self._lock:
            for run_id in gone:
                self._files.remove(run_id)
                self._states.pop(run_id, None)
                self._dirty.discard(run_id)
        self._writer.submit(lambda tx: forget_gone(tx, gone)).result()

    def _tell_failure(self, error: Exception) -> None:
        if not self._has_failed:  # once, until it goes again
            self._has_failed = True
            told = error.message if isinstance(error, StepwireError) else repr(error)
            _log.error("Console output could not be written to its file; it waits in the database: %s", told)


def _moved(state: FileState, before: FileState) -> FileState:
    """A state that was made of ``before``, now that the files have turned."""
    turned = before.turned()
    lines = state.lines - before.lines
    return replace(state, lines=lines, older_lines=turned.older_lines, first_line=turned.first_line)
