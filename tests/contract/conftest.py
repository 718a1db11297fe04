"""One storage per engine, and a training script reduced to what the series engine sees of it."""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from stepwire.protocol import Batch, SetColumns
from stepwire.storage.open import Storage, open_storage
from stepwire.storage.series.interface import Appended, SeriesStore, Stream

Row = tuple[tuple[str, ...], float, int, tuple[float, ...]]
"""One record: names, step, time (µs), values."""


def make_batch(first_seq: int, rows: Sequence[Row | dict[str, Any]], set_ids: dict[tuple[str, ...], int]) -> Batch:
    """A batch as the SDK makes it: points grouped by metric set, everything else in ``records``."""
    records = tuple({"at": at, **row} for at, row in enumerate(rows) if isinstance(row, dict))
    grouped: dict[tuple[str, ...], list[tuple[int, Row]]] = {}
    for at, row in enumerate(rows):
        if not isinstance(row, dict):
            grouped.setdefault(row[0], []).append((at, row))
    sets = tuple(
        _columns(set_ids.setdefault(names, len(set_ids)), names, members) for names, members in grouped.items()
    )
    return Batch(first_seq=first_seq, n=len(rows), sets=sets, records=records)


def _columns(set_id: int, names: tuple[str, ...], members: list[tuple[int, Row]]) -> SetColumns:
    whole = all(isinstance(row[1], int) for _, row in members)
    count = len(members)
    return SetColumns(
        id=set_id,
        names=names,
        at=struct.pack(f"<{count}I", *(at for at, _ in members)),
        steps=struct.pack(f"<{count}{'q' if whole else 'd'}", *(row[1] for _, row in members)),
        times=struct.pack(f"<{count}q", *(row[2] for _, row in members)),
        values=struct.pack(f"<{count * len(names)}d", *(value for _, row in members for value in row[3])),
        step_type="i8" if whole else "f8",
    )


@dataclass
class Script:
    """A training script with one stream, which remembers what it logged."""

    storage: Storage
    source: str = "run_a"
    writer_id: str = "w1"
    logged: list[Row | dict[str, Any]] = field(default_factory=list)
    set_ids: dict[tuple[str, ...], int] = field(default_factory=dict)

    def write(self, job: Callable[[Connection], Any]) -> Any:
        return self.storage.writer.submit(job).result(20)

    def stream(self) -> Stream:
        return self.write(lambda tx: self.storage.series.open_stream(tx, self.source, self.writer_id))

    def batch(self, first_seq: int, rows: Sequence[Row | dict[str, Any]]) -> Batch:
        return make_batch(first_seq, rows, self.set_ids)

    def send(self, first_seq: int, rows: Sequence[Row | dict[str, Any]]) -> Appended:
        stream, batch = self.stream(), self.batch(first_seq, rows)
        return self.write(lambda tx: self.storage.series.append(tx, stream, batch))

    def log(self, *rows: Row | dict[str, Any]) -> Appended:
        """Send these records as the next ones."""
        appended = self.send(len(self.logged) + 1, rows)
        self.logged.extend(rows)
        return appended

    def points(self, name: str) -> list[tuple[float, int, float]]:
        """What was logged of one metric: step, time, value."""
        return [
            (row[1], row[2], row[3][row[0].index(name)])
            for row in self.logged
            if not isinstance(row, dict) and name in row[0]
        ]


READS = {"raw", "window", "windows", "grid", "bands", "summaries", "ranked", "newest", "names", "scan", "records"}


class Sealing:
    """A series engine that seals everything before each read, so that reads find blocks only."""

    def __init__(self, series: SeriesStore) -> None:
        self._series = series

    def __getattr__(self, name: str) -> Any:
        if name in READS:
            self._series.seal()
        return getattr(self._series, name)


def open_sealing(folder: Path) -> Storage:
    """SQLite with every point in blocks."""
    storage = open_storage(folder)
    return replace(storage, series=Sealing(storage.series))


@pytest.fixture(scope="session", params=["sqlite", "sqlite sealed"])
def open_engine(request: pytest.FixtureRequest) -> Callable[[Path], Storage]:
    """Opens a data folder with each engine."""
    return {"sqlite": open_storage, "sqlite sealed": open_sealing}[request.param]


@pytest.fixture
def storage(open_engine: Callable[[Path], Storage], tmp_path: Path) -> Iterator[Storage]:
    """An empty storage of each engine."""
    opened = open_engine(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def script(storage: Storage) -> Script:
    """A training script that writes to it."""
    return Script(storage)


@pytest.fixture(scope="session")
def new_script() -> type[Script]:
    """Makes more scripts."""
    return Script
