"""Bytes that are given back: of deleted sources and metrics, then free pages to the file system. No NumPy."""

import sqlite3
import time
from collections.abc import Callable

from stepwire.storage.database import CHECKPOINT_PAGES, Database, driver
from stepwire.storage.series import gone
from stepwire.storage.series.erase import purge_some
from stepwire.storage.series.pieces import Job

VACUUM_PAGES = 256  # a transaction
FREE_PAGES = 256
FREE_PAGES_BUSY = 8192  # the next points take them again


class Reclaimer:
    """Gives bytes back, a piece at a time, until something else is due.

    Args:
        database: Where it looks.
        write: Runs a job in a transaction of its own; returns what it returns.
        must_yield: Whether something else is due.
        is_quiet: Whether no points came lately.
    """

    def __init__(
        self,
        database: Database,
        write: Callable[[Job], object],
        must_yield: Callable[[], bool],
        is_quiet: Callable[[], bool],
    ) -> None:
        self._database = database
        self._write = write
        self._must_yield = must_yield
        self._is_quiet = is_quiet
        self.is_due = True
        self.is_generous = False

    def work(self) -> None:
        """Do what there is to do."""
        self._purge()
        self._vacuum()

    def _purge(self) -> None:
        """Remove what deleted sources and metrics left."""
        if not self.is_due:
            return
        self.is_due = False
        try:
            done = self._purge_sources() and self._purge_metrics()
        except BaseException:
            self.is_due = True  # again, later
            raise
        self.is_due = self.is_due or not done

    def _purge_sources(self) -> bool:
        with self._database.read() as connection:
            rows = driver(connection).execute("SELECT number FROM source WHERE kind = 'deleted'").fetchall()
        for (source,) in rows:
            while self._write(lambda db, source=source: purge_some(db, source)):  # type: ignore[misc]
                if self._must_yield():
                    return False
            self.is_generous = True
        return True

    def _purge_metrics(self) -> bool:
        with self._database.read() as connection:
            cuts = gone.read_cuts(driver(connection))
        for cut in cuts:
            with self._database.read() as connection:
                pieces = list(gone.blocks_of(driver(connection), cut))
            for piece in pieces:
                if self._must_yield():
                    return False
                ids = [(block,) for block in piece]
                self._write(lambda db, ids=ids: db.executemany("DELETE FROM block WHERE id = ?", ids))  # type: ignore[misc]
        return True

    def _vacuum(self) -> None:
        """Give free pages back to the file system while nothing else waits."""
        while not self._must_yield():
            with self._database.read() as connection:
                db = driver(connection)
                free = db.execute("PRAGMA freelist_count").fetchone()[0]
                pages = db.execute("PRAGMA page_count").fetchone()[0]
            if free <= (FREE_PAGES if self.is_generous else self._free_pages(pages)):
                if self.is_generous:
                    self._checkpoint()
                return
            self._write(_vacuum_some)

    def _checkpoint(self) -> None:
        """Have what was given back cut off the file: a commit of the writer does it when it checkpoints."""
        self.is_generous = False
        self._write(lambda db: db.execute("PRAGMA wal_autocheckpoint=1"))
        # Something that changes, for SQLite writes nothing when a row stays the same.
        now = str(time.time_ns() // 1000)
        self._write(lambda db: db.execute("INSERT OR REPLACE INTO meta VALUES ('vacuumed_at', ?)", (now,)))
        self._write(lambda db: db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}"))

    def _free_pages(self, pages: int) -> int:
        return max(FREE_PAGES if self._is_quiet() else FREE_PAGES_BUSY, pages // 50)


def _vacuum_some(db: sqlite3.Connection) -> None:
    # One page a call: Python's sqlite3 takes a single step of a statement that has no columns.
    for _ in range(VACUUM_PAGES):
        db.execute("PRAGMA incremental_vacuum(1)")
