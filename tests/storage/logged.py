"""Runs with points for the tests of retention: every figure of them is known."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stepwire.protocol import Batch, SetColumns
from stepwire.storage.catalog.interface import NewRun
from stepwire.storage.open import Storage

NAMES = ("loss", "acc", "odd")
DAY = 24 * 3600 * 1_000_000
START = 1_700_000_000_000_000
NANS = np.array([0x7FF8000000000000, 0xFFF8000000000123, 0x7FF0000000000001], np.uint64).view(np.float64)


def write(storage: Storage, job: Any) -> Any:
    """Run a job in the writer's thread."""
    return storage.writer.submit(job).result(30)


def make_values(first: int, rows: int, seed: int = 0) -> Any:
    """The values of rows ``first`` up to ``first + rows``: noise, a slope, and one with NaN of all kinds and ±Inf."""
    number = np.arange(first, first + rows)
    noise = np.sin(number * 0.7 + seed) + (number % 97 == 0) * 50.0
    odd = np.where(number % 5 == 0, NANS[number % 3], number * 0.1)
    odd[number % 113 == 1] = np.inf
    return np.stack([noise, number / 8 + seed, odd], axis=1)


@dataclass
class Run:
    """A run with one stream and one metric set of three metrics; row n has step n, a second after the one before."""

    storage: Storage
    id: str = "run_a"
    writer_id: str = "w1"
    attempt: int = 1
    seed: int = 0
    high: int = 0
    values: Any = field(default_factory=lambda: np.empty((0, 3)))
    step: int = 0
    steps: Any = field(default_factory=lambda: np.empty(0, np.int64))
    start: int = START

    def make(self, status: str = "completed", now: int = START) -> "Run":
        """Make the run in the catalog."""
        new = NewRun(self.id, self.id, status=status)  # type: ignore[arg-type]
        write(self.storage, lambda tx: self.storage.catalog.create_run(tx, new, now))
        return self

    def log(self, rows: int, *, at_once: int = 2000) -> "Run":
        """Log so many more rows."""
        stream = write(
            self.storage,
            lambda tx: self.storage.series.open_stream(tx, self.id, self.writer_id, attempt=self.attempt),
        )
        while rows > 0:
            some = min(rows, at_once)
            batch = self._batch(some)
            write(self.storage, lambda tx, batch=batch: self.storage.series.append(tx, stream, batch))
            rows -= some
        return self

    def _batch(self, rows: int) -> Batch:
        values = make_values(len(self.values), rows, self.seed)
        steps = np.arange(self.step, self.step + rows, dtype=np.int64)
        times = self.start + steps * 1_000_000
        columns = SetColumns(
            0, np.arange(rows, dtype=np.uint32).tobytes(), steps.tobytes(), times.tobytes(), values.tobytes(), NAMES
        )
        batch = Batch(self.high + 1, rows, (columns,))
        self.high, self.step = self.high + rows, self.step + rows
        self.values, self.steps = np.concatenate([self.values, values]), np.concatenate([self.steps, steps])
        return batch


def bits(values: Any) -> list[int]:
    """The bits of float64 values."""
    found: list[int] = np.ascontiguousarray(values, np.float64).view(np.uint64).ravel().tolist()
    return found


def scanned(storage: Storage, run_id: str) -> Any:
    """Every value that is there as a point, rows × names, in the order of reading."""
    blocks = list(storage.series.scan(run_id))
    return np.concatenate([block.values for block in blocks]) if blocks else np.empty((0, 3))


def summaries(storage: Storage, run_id: str) -> Any:
    """The summaries of a run, comparable: NaN equals NaN."""
    return repr(storage.series.summaries([run_id])[run_id])


def count_rows(storage: Storage, query: str) -> int:
    """One number out of the database."""
    with storage.database.read() as connection:
        return int(connection.exec_driver_sql(query).scalar_one())


def integrity(storage: Storage) -> str:
    """What SQLite says of the file."""
    with storage.database.read() as connection:
        return str(connection.exec_driver_sql("PRAGMA integrity_check").scalar_one())
