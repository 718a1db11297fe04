"""The one writer: a thread that puts every job that waits into one transaction (group commit)."""

import errno
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from stepwire.errors import StepwireError, StorageFullError
from stepwire.storage.database import Database, driver

T = TypeVar("T")
_ACTIONS = "stepwire.on_commit"
_log = logging.getLogger(__name__)

# After one of these nothing more can be said about the transaction: the whole group fails and starts anew.
_FATAL = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_NOMEM,
    }
)


def on_commit(tx: Connection, action: Callable[[], None]) -> None:
    """Run ``action`` in the writer thread once ``tx`` is on disk; never when its job or its group fails.

    Memory that mirrors the database changes in such actions only. They run before the job's future resolves.
    """
    tx.info[_ACTIONS].append(action)


@dataclass(slots=True)
class _Job:
    run: Callable[[Connection], Any]
    future: Future[Any]
    result: Any = None
    error: Exception | None = None

    def resolve(self) -> None:
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


@dataclass(slots=True)
class _Periodic:
    seconds: float
    job: Callable[[Connection], None]
    wanted: Callable[[], bool]
    due: float


class Writer:
    """Runs jobs against the database, grouped: one COMMIT, hence one sync of the disk, for all that wait.

    Each job has a savepoint, so one that raises undoes itself only. Futures resolve after COMMIT: a result
    means that it is on disk. When the disk fails, every future of the group gets :class:`StorageFullError` or
    :class:`StepwireError`, nothing is kept, and the next group starts on a new connection.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._queue: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._periodic: list[_Periodic] = []
        self._after_failure: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="stepwire-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of jobs that no transaction has taken yet."""
        return len(self._queue)

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Run ``job`` in the next transaction. A future cancelled before that is skipped.

        Raises:
            StepwireError: The writer is closed.
        """
        future: Future[T] = Future()
        with self._changed:
            if self._closing:
                raise StepwireError("The server is stopping and takes no more writes.")
            self._queue.append(_Job(job, future))
            self._changed.notify()
        return future

    def periodically(self, seconds: float, job: Callable[[Connection], None], wanted: Callable[[], bool]) -> None:
        """Run ``job`` in a transaction of its own, at most every ``seconds``, while ``wanted()``; and at close."""
        with self._changed:
            self._periodic.append(_Periodic(seconds, job, wanted, time.monotonic() + seconds))
            self._changed.notify()

    def after_failure(self, action: Callable[[], None]) -> None:
        """Run ``action`` when a group failed: whether its COMMIT reached the disk is then not known."""
        self._after_failure.append(action)

    def close(self, timeout: float = 10.0) -> bool:
        """Take no more jobs, finish those that wait, stop. False when ``timeout`` seconds were too few."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # --- in the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while (group := self._take()) is not None:
            if group:
                self._write(group)
            self._run_periodic(time.monotonic())
        self._run_periodic(float("inf"))
        self._disconnect()

    def _take(self) -> list[_Job] | None:
        """Everything that waits; empty when a periodic job is due; ``None`` at the end."""
        with self._changed:
            while not self._queue:
                if self._closing:
                    return None
                pause = self._pause()
                if pause is not None and pause <= 0:
                    return []
                self._changed.wait(pause)
            group = list(self._queue)
            self._queue.clear()
        return [job for job in group if job.future.set_running_or_notify_cancel()]

    def _pause(self) -> float | None:
        dues = [periodic.due for periodic in self._periodic if periodic.wanted()]
        return min(dues) - time.monotonic() if dues else None

    def _run_periodic(self, now: float) -> None:
        for periodic in self._periodic:
            if periodic.due <= now and periodic.wanted():
                periodic.due = time.monotonic() + periodic.seconds
                job = _Job(periodic.job, Future())
                self._write([job])
                if (error := job.future.exception()) is not None:
                    _log.error("Writing in the background failed: %s", error, exc_info=error)

    def _write(self, group: list[_Job]) -> None:
        try:
            actions = self._commit(group)
        except Exception as failure:  # noqa: BLE001 - the boundary: every waiting caller hears of it
            self._give_up(group, failure)
            return
        for action in actions:
            self._act(action)
        for job in group:
            job.resolve()

    def _commit(self, group: list[_Job]) -> list[Callable[[], None]]:
        connection = self._connect()
        actions: list[Callable[[], None]] = []
        connection.info[_ACTIONS] = actions
        with connection.begin():
            for job in group:
                self._attempt(connection, job, actions)
        return actions

    def _attempt(self, connection: Connection, job: _Job, actions: list[Callable[[], None]]) -> None:
        # Straight to the driver: a savepoint through SQLAlchemy costs more than a small job itself.
        direct = driver(connection)
        mark = len(actions)
        direct.execute("SAVEPOINT job")
        try:
            job.result = job.run(connection)
        except Exception as error:
            if is_fatal(error):
                raise
            direct.execute("ROLLBACK TO job")
            del actions[mark:]
            job.error = error
        direct.execute("RELEASE job")

    def _give_up(self, group: list[_Job], failure: Exception) -> None:
        self._disconnect()
        error = storage_error(failure)
        error.__cause__ = failure
        for action in self._after_failure:
            self._act(action)
        for job in group:
            job.error = error
            job.resolve()

    def _act(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:  # noqa: BLE001 - what is on disk stays true, and the thread must live
            _log.exception("An action after a commit failed")

    def _connect(self) -> Connection:
        if self._connection is None:
            connection = self._database.writer.connect()
            # A file that was replaced or lost shows here, not in the middle of a group.
            connection.exec_driver_sql("SELECT count(*) FROM migration").scalar_one()
            connection.rollback()
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except (DBAPIError, sqlite3.Error):
            _log.exception("Closing the writing connection failed")
            connection.invalidate()


def storage_error(failure: Exception) -> StepwireError:
    """What to tell the callers of a transaction that ``failure`` ended."""
    cause = _driver_error(failure)
    if _code(cause) == sqlite3.SQLITE_FULL or getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return StorageFullError("The disk of the data folder is full; nothing was stored. Make room, then send again.")
    return StepwireError(f"The database can't be written; nothing was stored: {cause}. Send again.")


def is_fatal(error: Exception) -> bool:
    """Whether the disk or the database failed, so that all of the transaction is lost and not one job alone."""
    return _code(_driver_error(error)) in _FATAL


def _code(error: BaseException) -> int | None:
    """SQLite's primary result code; extended codes keep it in their low byte."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _driver_error(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
