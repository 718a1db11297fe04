"""Bytes on disk per point: the whole data folder of a stopped server, journal, indexes and free pages included."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import Shape, check_all, write
from tests.bench.machine import Figure
from tests.bench.server import bytes_on_disk, data_folder, server
from tests.bench.stored import settle, shrink

LOAD_SECONDS = 120.0


@dataclass(frozen=True)
class Case:
    """What is stored: ``clients`` runs of ``frames`` frames."""

    name: str
    shape: Shape
    clients: int
    frames: int
    exact32: bool
    goal: float


CASES = [
    Case("sets of 50, float32-exact noise", Shape(50, 100, 3_000_000), 4, 1000, True, 6),
    Case("single-metric runs, float32-exact noise", Shape(1, 10_000, 3_000_000), 8, 100, True, 8),
    Case("sets of 50, float64 noise", Shape(50, 100, 3_000_000), 4, 1000, False, 10),
    Case("single-metric runs, float64 noise", Shape(1, 10_000, 3_000_000), 8, 100, False, 12),
]


def size(case: Case) -> list[Figure]:
    """Store it, let the runs end, wait until all is sealed, stop the server, and weigh the folder."""
    with data_folder() as folder:
        with server(folder) as (url, _):
            told = write(
                url,
                case.shape,
                LOAD_SECONDS,
                clients=case.clients,
                frames=case.frames,
                exact32=case.exact32,
                prepare=64,
            )
            check_all(url, told)
            waited = settle(url)
            shrink(url)
        stored, free = bytes_on_disk(folder), free_bytes(folder)
    points = sum(one["total"] for one in told) * case.shape.metrics
    note = f"{points:,} points in {case.clients} runs, times with jitter, steps in order; {stored / 1e6:.1f} MB"
    note += f", of which free pages {free / 1e6:.1f} MB; waited {waited:.0f} s"
    return [
        Figure(f"bytes/point, {case.name}", stored / points, "B", case.goal, "at most", "bytes of the folder", note)
    ]


def free_bytes(folder: Path) -> int:
    """Pages of the database file that hold nothing."""
    with closing(sqlite3.connect(f"{(folder / 'dashboard.db').absolute().as_uri()}?mode=ro", uri=True)) as database:
        return int(
            database.execute("PRAGMA freelist_count").fetchone()[0] * database.execute("PRAGMA page_size").fetchone()[0]
        )
