"""Points that the server itself writes: those that came by REST, and samples."""

from array import array
from hashlib import blake2b
from typing import Literal

from sqlalchemy import Connection

from stepwire.protocol import Batch, SetColumns
from stepwire.storage.series.interface import Appended, SeriesStore

Points = list[tuple[float, int, dict[str, float]]]
"""(step, time in µs, values by name), one per record."""


def append_points(
    series: SeriesStore,
    tx: Connection,
    source: str,
    writer_id: str,
    points: Points,
    *,
    kind: Literal["run", "host"] = "run",
    attempt: int = 1,
    first_seq: int | None = None,
) -> Appended:
    """Store points on a stream of the server's own, numbered on from its last record unless ``first_seq`` is given.

    Raises:
        SequenceGapError: ``first_seq`` is past the next record.
        InvalidError: A point can't be stored; none is.
    """
    stream = series.open_stream(tx, source, writer_id, kind=kind, attempt=attempt)
    return series.append(tx, stream, rows(first_seq or stream.high + 1, points))


def rows(first_seq: int, points: Points) -> Batch:
    """A batch of the server's own: one record per (step, time in µs, metrics)."""
    sets: dict[tuple[str, ...], list[tuple[int, float, int, dict[str, float]]]] = {}
    for at, (step, when, metrics) in enumerate(points):
        sets.setdefault(tuple(metrics), []).append((at, step, when, metrics))
    columns = []
    for names, found in sets.items():
        whole = all(isinstance(step, int) for _, step, _, _ in found)
        columns.append(
            SetColumns(
                id=_set_id(names),
                names=names,
                at=array("I", [at for at, _, _, _ in found]).tobytes(),
                steps=array("q" if whole else "d", [step for _, step, _, _ in found]).tobytes(),
                step_type="i8" if whole else "f8",
                times=array("q", [when for _, _, when, _ in found]).tobytes(),
                values=array("d", [metrics[name] for _, _, _, metrics in found for name in names]).tobytes(),
            )
        )
    return Batch(first_seq, len(points), tuple(columns))


def _set_id(names: tuple[str, ...]) -> int:
    """The same id for the same names at every request, without a look-up: 56 bits of their digest."""
    return int.from_bytes(blake2b("\0".join(names).encode(), digest_size=7).digest(), "little")
