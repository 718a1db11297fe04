"""What the whole store holds, cheap enough to be asked for each second."""

import sqlite3
import threading

from stepwire.storage.series.frames import decode_frame
from stepwire.storage.series.interface import Totals


class Census:
    """Counts, and keeps what can't change: the points of a journal row, the width of a metric set. Any thread."""

    def __init__(self) -> None:
        self._points: dict[tuple[int, int], int] = {}
        self._widths: dict[int, int] = {}
        self._lock = threading.Lock()

    def take(self, db: sqlite3.Connection) -> Totals:
        """Count. No block is read, and each journal row only once."""
        with self._lock:
            # The length of a body is read without the body.
            rows = db.execute("SELECT number, first_seq, length(body) FROM journal").fetchall()
            known = self._points
            self._points = {
                key: known[key] if key in known else _points(db, key[0]) for key in ((one[0], one[1]) for one in rows)
            }
            chunks, blocks = self._blocks(db)
            (series,) = db.execute("SELECT coalesce(sum(names), 0) FROM source WHERE kind = 'run'").fetchone()
            return Totals(
                journal_rows=len(rows),
                journal_bytes=sum(size for _, _, size in rows),
                unsealed_points=sum(self._points.values()),
                chunks=chunks,
                blocks=blocks,
                series=series,
            )

    def clear(self) -> None:
        """Forget everything: what was read may not be in the database."""
        with self._lock:
            self._points.clear()
            self._widths.clear()

    def _blocks(self, db: sqlite3.Connection) -> tuple[int, int]:
        """Chunks, out of an index; and as many blocks as their metric sets have columns."""
        new = "SELECT number, json_array_length(names) FROM metric_set WHERE number > ?"
        self._widths.update(db.execute(new, (max(self._widths, default=0),)).fetchall())
        counts = db.execute("SELECT metric_set, count(*) FROM chunk GROUP BY metric_set").fetchall()
        return sum(count for _, count in counts), sum(count * self._widths.get(number, 0) for number, count in counts)


def _points(db: sqlite3.Connection, number: int) -> int:
    (body,) = db.execute("SELECT body FROM journal WHERE number = ?", (number,)).fetchone()
    return sum(len(part.values) // 8 for part in decode_frame(body).sets)
