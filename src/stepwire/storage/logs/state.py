"""How far the log files of a run are, in memory and in the database."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select, update

from stepwire.storage.tables import log_file, log_waiting

ROWS_REMEMBERED = 64


@dataclass(slots=True)
class FileState:
    """The two files of a run.

    Attributes:
        bytes: Of the newer file, as far as it is whole.
        lines: In these bytes.
        older_lines: In the older file.
        first_line: Number of the first line that there is.
        applied: Number of the last waiting row that is in the file.
        rows: By process and stream the numbers of the newest lines, which may be replaced.
    """

    bytes: int = 0
    lines: int = 0
    older_lines: int = 0
    first_line: int = 0
    applied: int = 0
    rows: dict[tuple[int, str], deque[int]] = field(default_factory=dict)

    @property
    def next_line(self) -> int:
        """Number that the next line gets: so many lines were there so far."""
        return self.first_line + self.older_lines + self.lines

    def turned(self) -> "FileState":
        """The state once the newer file is the older one, and what was the older one is gone."""
        return FileState(
            older_lines=self.lines,
            first_line=self.first_line + self.older_lines,
            applied=self.applied,
            rows=self.rows,
        )

    def number(self, process: int, stream: str, back: int) -> int | None:
        """Give a line the next number; return that of the line whose place it takes, ``back`` lines before.

        A line that takes another's place is no line of its own to those that count back.
        """
        rows = self.rows.setdefault((process, stream), deque(maxlen=ROWS_REMEMBERED))
        if 0 < back <= len(rows):
            replaced: int | None = rows[-back]
        else:
            replaced = None
            rows.append(self.next_line)
        self.lines += 1
        return replaced


def read_state(connection: Connection, run_id: str) -> FileState:
    """What the database knows; that of a run without files when it knows nothing."""
    query = select(log_file).where(log_file.c.run_id == run_id, log_file.c.is_gone == 0)
    row = connection.execute(query).one_or_none()
    if row is None:
        return FileState()
    return FileState(row.bytes, row.lines, row.older_lines, row.first_line)


def save_states(tx: Connection, states: Mapping[str, FileState]) -> None:
    """Note that what the files hold is on disk; it waits no more."""
    for run_id, state in states.items():
        _save_state(tx, run_id, state)
        waited = log_waiting.c.run_id == run_id, log_waiting.c.number <= state.applied
        tx.execute(delete(log_waiting).where(*waited))


def _save_state(tx: Connection, run_id: str, state: FileState) -> None:
    values = {name: getattr(state, name) for name in ("bytes", "lines", "older_lines", "first_line")}
    known = tx.execute(select(log_file.c.is_gone).where(log_file.c.run_id == run_id)).one_or_none()
    if known is None:
        tx.execute(insert(log_file).values(run_id=run_id, **values))
    elif not known.is_gone:
        tx.execute(update(log_file).where(log_file.c.run_id == run_id).values(values))


def mark_gone(tx: Connection, run_id: str) -> None:
    """A run is deleted: what waits is forgotten, its files go soon."""
    tx.execute(delete(log_waiting).where(log_waiting.c.run_id == run_id))
    tx.execute(delete(log_file).where(log_file.c.run_id == run_id))
    nothing = {"bytes": 0, "lines": 0, "older_lines": 0, "first_line": 0}
    tx.execute(insert(log_file).values(run_id=run_id, is_gone=1, **nothing))


def forget_gone(tx: Connection, run_ids: Sequence[str]) -> None:
    """The files of deleted runs are removed."""
    tx.execute(delete(log_file).where(log_file.c.run_id.in_(run_ids), log_file.c.is_gone == 1))
