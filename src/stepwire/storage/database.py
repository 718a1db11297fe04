"""The database file of a data folder: its lock, its one writing connection, its reading connections."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from stepwire.errors import StepwireError
from stepwire.storage.lock import FolderLock
from stepwire.storage.migrations import migrate

_log = logging.getLogger(__name__)
FILE_NAME = "dashboard.db"
CHECKPOINT_PAGES = 4000
WAL_BYTES = 32 * 1024 * 1024  # what the write-ahead log keeps on disk once a burst is over
READERS = 16
READER_CACHE_KIB = 8192  # at most, of each connection that reads a lot

_WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"wal_autocheckpoint={CHECKPOINT_PAGES}",
    f"journal_size_limit={WAL_BYTES}",
    "foreign_keys=ON",
)


class _Shared(threading.local):
    """What the reads of one thread share while they are to see one moment."""

    connection: Connection | None = None


class Database:
    """The open database of one data folder.

    Exactly one connection of one process ever writes or checkpoints, because SQLite before 3.51.3 can damage a
    WAL database otherwise (sqlite.org/wal.html#walresetbug). Only ``writer.py`` takes from ``writer``.

    Attributes:
        folder: The data folder.
        writer: Engine of the writing connection. Its transactions begin with ``BEGIN IMMEDIATE``.
        reader: Engine of the reading connections; they cannot write.
    """

    def __init__(self, folder: Path, lock: FolderLock) -> None:
        path = folder / FILE_NAME
        self.folder = folder
        self.writer = _engine(lambda: _open_writer(path), "BEGIN IMMEDIATE", NullPool)
        self.reader = _engine(lambda: _open_reader(path), "BEGIN", QueuePool, pool_size=READERS, max_overflow=-1)
        self._lock = lock
        self._shared = _Shared()

    def write_url(self, url: str) -> None:
        """Name this server's address in the lock file, for whoever finds the folder in use."""
        self._lock.write_url(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only connection that sees one moment of the database throughout. Any thread may."""
        if self._shared.connection is not None:
            yield self._shared.connection
            return
        # Begun by hand: statements that go straight to the driver would begin nothing, each seeing a moment of its own.
        with self.reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Have all ``read`` of this thread see the same moment, on one connection."""
        if self.is_at_once:
            yield
            return
        with self.read() as connection:
            self._shared.connection = connection
            try:
                yield
            finally:
                self._shared.connection = None

    @property
    def is_at_once(self) -> bool:
        """Whether this thread is inside ``at_once``."""
        return self._shared.connection is not None

    def close(self) -> None:
        """Close every connection, then give the folder back. The writer must have been closed before."""
        self.reader.dispose()
        try:
            # The last to close empties the write-ahead log, and a reader, which can't write, may have been that.
            with self.writer.connect() as connection:
                driver(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (DBAPIError, sqlite3.Error) as error:  # a disk that fails: the log is read again at the next start
            _log.warning("The write-ahead log could not be emptied: %s", error)
        self.writer.dispose()
        self._lock.close()


def open_database(folder: Path) -> Database:
    """Open the database in ``folder``, made with private permissions when new, and bring it up to date.

    Raises:
        DataFolderInUseError: Another server has the folder.
        StepwireError: The folder can't be used, the file is no database, or a newer Stepwire wrote it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FolderLock(folder)
    except OSError as error:
        raise StepwireError(f"The data folder {folder} can't be used: {error.strerror}.") from error
    try:
        return _open_locked(folder, lock)
    except BaseException:
        lock.close()
        raise


def check_writable(tx: Connection) -> None:
    """Write something that nobody reads; the transaction's COMMIT then shows that the disk takes writes.

    Something new each time: SQLite writes nothing for a row that stays the same.
    """
    driver(tx).execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('checked_at', ?)", (str(time.time_ns()),))


def driver(tx: Connection) -> sqlite3.Connection:
    """The driver's connection below ``tx``, inside the same transaction. Its errors are ``sqlite3.Error``."""
    connection = tx.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection


def _open_locked(folder: Path, lock: FolderLock) -> Database:
    # Made here and not by SQLite, so that nobody else may read it; the -wal and -shm files follow its mode.
    os.close(os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600))
    database = Database(folder, lock)
    try:
        with database.writer.begin() as tx:
            migrate(tx)
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StepwireError(f"The database {folder / FILE_NAME} can't be opened: {cause}.") from error
    return database


def _engine(creator: Any, begin: str, pool: Any, **options: Any) -> Engine:
    engine = create_engine("sqlite://", creator=creator, poolclass=pool, **options)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _open_writer(path: Path) -> sqlite3.Connection:
    # isolation_level=None: the driver must not begin transactions of its own accord.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    # auto_vacuum counts only before the first page is written, and WAL writes one.
    new = ("auto_vacuum=INCREMENTAL",) if path.stat().st_size == 0 else ()
    return _with(connection, *new, *_WRITER_PRAGMAS)


def _open_reader(path: Path) -> sqlite3.Connection:
    # No mmap_size: a read past the end of a file that shrank would end the process (SIGBUS).
    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    return _with(connection, "query_only=ON", f"cache_size=-{READER_CACHE_KIB}")


def _with(connection: sqlite3.Connection, *pragmas: str) -> sqlite3.Connection:
    """Set pragmas, the first of which reads the file: it may be no database."""
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection
