"""A SQLite file with exactly the four tables of the written specification, for any SQL tool.

Filled from JSON Lines, because those are at hand whether the points come from a data folder or from a server.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from stepwire.storage.tables import to_json

TABLES = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,  -- running, completed, failed, interrupted
    config TEXT,           -- JSON config
    start_time DATETIME,
    end_time DATETIME,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    timestamp DATETIME DEFAULT CURRENT_TIMESTAMP,
    step INTEGER,
    metrics TEXT NOT NULL,  -- JSON blob
    FOREIGN KEY (run_id) REFERENCES runs(id)
);
CREATE TABLE checkpoints (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    filepath TEXT NOT NULL,
    metrics TEXT,           -- JSON blob
    metadata TEXT,          -- JSON blob (optimizer state, etc.)
    is_best BOOLEAN DEFAULT 0,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (run_id) REFERENCES runs(id)
);
CREATE TABLE system_metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp DATETIME DEFAULT CURRENT_TIMESTAMP,
    cpu_percent REAL,
    memory_percent REAL,
    gpu_memory_used INTEGER,
    gpu_memory_total INTEGER,
    gpu_utilization REAL
);
"""
INDEXES = """
CREATE INDEX idx_metrics_run_step ON metrics(run_id, step);
CREATE INDEX idx_checkpoints_run ON checkpoints(run_id, created_at DESC);
CREATE INDEX idx_metrics_timestamp ON metrics(timestamp);
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SpecifiedDatabase:
    """The file while it is written; ``with`` makes the tables, and the indexes when all is in them.

    Times are text in UTC, ``2026-11-23 14:32:07.118000``, as SQLite's own functions write and read them. Runs and
    checkpoints come as the HTTP API shows them. Points that a rewind has hidden are left out, since no column
    could tell them apart.

    Args:
        file: Where it is made; nothing may be there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> "SpecifiedDatabase":
        self._connection = sqlite3.connect(self._file, isolation_level=None)
        # A file that nobody knows of yet: when writing it fails it is thrown away.
        self._connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + TABLES)
        self._connection.execute("BEGIN")
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
                self._connection.executescript(INDEXES)
        finally:
            self._connection.close()

    def add_run(self, run: Mapping[str, Any]) -> None:
        """Write a row of ``runs``."""
        times = [_spoken(run[name]) for name in ("start_time", "end_time", "created_at")]
        self._insert("runs", 7, [(run["id"], run["name"], run["status"], to_json(run["config"]), *times)])

    def add_checkpoints(self, checkpoints: Iterable[Mapping[str, Any]]) -> None:
        """Write rows of ``checkpoints``."""
        self._insert("checkpoints", 7, (_checkpoint_row(one) for one in checkpoints))

    def add_points(self, run_id: str, lines: Iterable[bytes]) -> None:
        """Write a row of ``metrics`` per log row. ``lines`` is JSON Lines, cut anywhere."""
        decode = msgspec.json.Decoder(_Row).decode
        rows = (decode(line) for line in _lines(lines))
        self._insert(
            "metrics (run_id, timestamp, step, metrics)",
            4,
            ((run_id, _moment(row.time), row.step, bytes(row.metrics).decode()) for row in rows if not row.superseded),
        )

    def add_samples(self, lines: Iterable[bytes], start: str | None = None, stop: str | None = None) -> None:
        """Write a row of ``system_metrics`` per sample of a host; memory of its GPUs added up, utilization averaged.

        Args:
            lines: JSON Lines, cut anywhere.
            start: RFC 3339; earlier samples are left out.
            stop: RFC 3339; later samples are left out.
        """
        decode = msgspec.json.Decoder(_Sample).decode
        first, last = _spoken(start) or "", _spoken(stop) or "9999"
        rows = (_sample_row(decode(line)) for line in _lines(lines))
        self._insert(
            "system_metrics (timestamp, cpu_percent, memory_percent, gpu_memory_used, gpu_memory_total,"
            " gpu_utilization)",
            6,
            (row for row in rows if first <= (row[0] or "") <= last),
        )

    def _insert(self, into: str, width: int, rows: Iterable[Sequence[Any]]) -> None:
        places = ", ".join("?" * width)
        self._connection.executemany(f"INSERT INTO {into} VALUES ({places})", rows)


class _Row(msgspec.Struct, gc=False):
    step: int | float
    time: int
    metrics: msgspec.Raw
    superseded: bool


class _Sample(msgspec.Struct, gc=False):
    time: int
    metrics: dict[str, float | str]


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole


def _checkpoint_row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    texts = (to_json(one["metrics"]), to_json(one["metadata"]))
    return one["id"], one["run_id"], one["filepath"], *texts, int(one["is_best"]), _spoken(one["created_at"])


def _sample_row(sample: _Sample) -> tuple[Any, ...]:
    found = {name: value for name, value in sample.metrics.items() if not isinstance(value, str)}
    used, total, busy = (
        [value for name, value in found.items() if name.startswith("gpu/") and name.endswith(f"/{part}")]
        for part in ("memory_used", "memory_total", "utilization")
    )
    return (
        _moment(sample.time),
        found.get("cpu_percent"),
        found.get("memory_percent"),
        int(sum(used)) if used else None,
        int(sum(total)) if total else None,
        sum(busy) / len(busy) if busy else None,
    )


def _moment(micros: int) -> str | None:
    try:
        return (_EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%d %H:%M:%S.%f")
    except OverflowError:
        return None


def _spoken(moment: str | None) -> str | None:
    """RFC 3339 with ``Z`` as SQLite writes it."""
    return None if moment is None else moment.replace("T", " ").removesuffix("Z")
