"""Sealing: unsealed rows of a stream become chunks, blocks and cells. What to write, not when.

Imported lazily: the server listens before NumPy is loaded.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from stepwire.storage.series import chunks, journal, summary
from stepwire.storage.series.cells import cells_of, encode_cells, encode_ends, ends_of
from stepwire.storage.series.chunks import NewChunk, Sealed
from stepwire.storage.series.encoding import (
    Array,
    as_whole,
    decode_columns,
    decode_values,
    encode_columns,
    encode_values,
    pack,
)
from stepwire.storage.series.frames import PASSING, Frame, decode_frame, encode_columns_frame
from stepwire.storage.series.lanes import join_rows
from stepwire.storage.series.levels import chunk_rows
from stepwire.storage.series.tail import Rows, join_frames

PASS_BYTES = 24 * 1024 * 1024
MAX_SPAN = 2**31


@dataclass(frozen=True, slots=True)
class Batchful:
    """The journal rows of one stream that a pass takes, oldest first. ``more``: others follow them."""

    source: int
    stream: int
    sealed_through: int
    numbers: list[int]
    sizes: list[int]
    frames: list[Frame]
    more: bool


@dataclass(frozen=True, slots=True)
class SetSeal:
    """What a pass does to one metric set: ``taken`` go into blocks, ``left`` back into the journal."""

    number: int
    width: int
    before: Sealed
    taken: Rows | None
    left: Rows | None

    @property
    def left_bytes(self) -> int:
        """About what the rows left take in the journal."""
        return 0 if self.left is None else len(self.left) * (20 + 8 * self.width)


def read_batchful(db: sqlite3.Connection, source: int, stream: int) -> Batchful | None:
    """The next journal rows of a stream; ``None`` when there is nothing, or the stream is gone or being purged."""
    query = (
        "SELECT sealed_through FROM stream JOIN source ON source.number = stream.source "
        "WHERE stream.number = ? AND source.number = ? AND kind <> 'deleted'"
    )
    row = db.execute(query, (stream, source)).fetchone()
    if row is None:
        return None
    numbers: list[int] = []
    sizes: list[int] = []
    frames: list[Frame] = []
    more, size = False, 0
    for number, body in journal.bodies(db, source, stream, row[0] + 1):
        size += len(body)
        more = bool(sizes) and size > PASS_BYTES
        if more:
            break
        numbers.append(number)
        sizes.append(len(body))
        frames.append(decode_frame(body))
    return Batchful(source, stream, row[0], numbers, sizes, frames, more) if numbers else None


def plan(batchful: Batchful, widths: dict[int, int], states: dict[int, Sealed], *, everything: bool) -> list[SetSeal]:
    """Which rows are taken. Whole chunks only, unless everything is asked for or too much would be left."""
    rows = join_frames(batchful.frames, widths)
    seals = [_split(number, widths[number], states.get(number, Sealed()), found, everything=everything)
             for number, found in rows.items()]  # fmt: skip
    if not everything and _must_be_whole(batchful, seals):
        return plan(batchful, widths, states, everything=True)
    size = sum(batchful.sizes)
    much_left = size > PASS_BYTES // 2 and sum(seal.left_bytes for seal in seals) > size // 2
    if much_left or (batchful.more and all(seal.taken is None for seal in seals)):
        seals = [_split(seal.number, seal.width, seal.before, rows[seal.number], everything=True) for seal in seals]
    return seals


def _must_be_whole(batchful: Batchful, seals: Sequence[SetSeal]) -> bool:
    """Whether nothing may be left over.

    What is left takes the number of the last row taken. Were that the first row past the seal, the seal would not
    move, and who has that row in memory would not see that it is another. And ``at`` has 32 bits.
    """
    is_some_taken = any(seal.taken is not None for seal in seals)
    left = [seal.left.seqs for seal in seals if seal.left is not None]
    span = max((int(seqs[-1]) for seqs in left), default=0) - min((int(seqs[0]) for seqs in left), default=0)
    return (is_some_taken and batchful.numbers == [batchful.sealed_through + 1]) or span > MAX_SPAN


def _split(number: int, width: int, before: Sealed, rows: Rows, *, everything: bool) -> SetSeal:
    size = chunk_rows(width)
    begun = before.rows % size
    take = len(rows) if everything else max((begun + len(rows)) // size * size - begun, 0)
    return SetSeal(
        number,
        width,
        before,
        rows.part(0, take) if take else None,
        rows.part(take, len(rows)) if take < len(rows) else None,
    )


# --- blocks ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Written:
    """A chunk that is ready: itself and the bodies of its columns."""

    chunk: NewChunk
    bodies: list[bytes]


def build(db: sqlite3.Connection, seal: SetSeal) -> tuple[Iterator[Written], list[int], "Outcome"]:
    """The chunks of one set, made while they are asked for; the numbers of those they replace; the outcome.

    The outcome's state is complete once all chunks were asked for.
    """
    assert seal.taken is not None
    size = chunk_rows(seal.width)
    first, begun = divmod(seal.before.rows, size)
    replaced: list[int] = []
    rows = seal.taken
    if begun:
        rows = join_rows([_read_begun(db, seal, first, replaced), rows])
    outcome = Outcome(_state(seal))
    return _chunks(seal, rows, first, begun, outcome), replaced, outcome


@dataclass(slots=True)
class Outcome:
    """How far the set is afterwards."""

    state: Sealed


def _read_begun(db: sqlite3.Connection, seal: SetSeal, k: int, replaced: list[int]) -> Rows:
    """The last chunk when it is not full: its rows are written again with those that follow."""
    (points,) = chunks.read_chunks(db, seal.number, 0, k, k)
    (cells,) = chunks.read_chunks(db, seal.number, 1, k, k)
    replaced += [points.number, cells.number]
    seqs, steps, times = decode_columns(points.axis, points.rows)
    bodies = chunks.read_columns(db, points.number, 0, seal.width)
    values = np.empty((points.rows, seal.width))
    for column, body in enumerate(bodies):
        values[:, column] = np.nan if body is None else decode_values(body, points.rows)
    return Rows(seqs, steps, times, values)


def _state(seal: SetSeal) -> Sealed:
    rows, before = seal.taken, seal.before
    assert rows is not None
    known = before.rows > 0
    return replace(
        before,
        rows=before.rows + len(rows),
        step_sorted=before.step_sorted and _rises(rows.steps, before.last_step if known else None),
        time_sorted=before.time_sorted and _rises(rows.times, before.last_time if known else None),
        last_step=float(rows.steps[-1]),
        last_time=int(rows.times[-1]),
    )


def _rises(numbers: Array, before: float | None) -> bool:
    return (before is None or before <= numbers[0]) and not bool((numbers[1:] < numbers[:-1]).any())


def _chunks(seal: SetSeal, rows: Rows, first: int, begun: int, outcome: Outcome) -> Iterator[Written]:
    size = chunk_rows(seal.width)
    figures = summary.from_bytes(seal.before.summary, seal.width)
    for at in range(0, len(rows), size):
        part = rows.part(at, min(at + size, len(rows)))
        columns = np.ascontiguousarray(part.values.T)
        known = begun if at == 0 else 0
        fresh = part.part(known, len(part))
        new = summary.summarise(fresh, columns if not known else np.ascontiguousarray(columns[:, known:]))
        figures = summary.extend(figures, new)
        k = first + at // size
        yield Written(_points_chunk(seal.number, k, part), encode_values(columns))
        ends = ends_of(part.steps, part.times)
        yield Written(
            _level_one(seal.number, k, part, encode_ends(ends), len(ends.count)), encode_cells(cells_of(columns))
        )
    outcome.state = replace(outcome.state, summary=figures.tobytes())


def _points_chunk(metric_set: int, k: int, rows: Rows) -> NewChunk:
    return _new_chunk(metric_set, 0, k, len(rows), rows, encode_columns([rows.seqs, as_whole(rows.steps), rows.times]))


def _level_one(metric_set: int, k: int, rows: Rows, axis: bytes, cells: int) -> NewChunk:
    return _new_chunk(metric_set, 1, k, cells, rows, axis)


def _new_chunk(metric_set: int, level: int, k: int, count: int, rows: Rows, axis: bytes) -> NewChunk:
    return NewChunk(
        metric_set, level, k, count, int(rows.seqs[0]), float(rows.steps.min()), float(rows.steps.max()),
        int(rows.times.min()), int(rows.times.max()), axis,
    )  # fmt: skip


# --- what stays in the journal ---------------------------------------------------------------------------


def left_over(seals: Sequence[SetSeal]) -> tuple[int, int, bytes] | None:
    """The rows that are not taken as one journal row (first_seq, n, body)."""
    kept = {seal.number: seal.left for seal in seals if seal.left is not None}
    if not kept:
        return None
    first = min(int(rows.seqs[0]) for rows in kept.values())
    last = max(int(rows.seqs[-1]) for rows in kept.values())
    sets = [(number, *_columns(rows, first)) for number, rows in kept.items()]
    return first, last - first + 1, encode_columns_frame(first, last - first + 1, sets)


def _columns(rows: Rows, first: int) -> tuple[str, bytes, bytes, bytes, bytes]:
    steps = as_whole(rows.steps)
    kind = "i8" if steps.dtype.kind == "i" else "f8"
    return (
        kind,
        (rows.seqs - first).astype("<u4").tobytes(),
        steps.tobytes(),
        rows.times.tobytes(),
        rows.values.tobytes(),
    )


def kept_records(frames: Sequence[Frame]) -> bytes | None:
    """The records of sealed rows that are not points, as they are kept: packed MessagePack of [seq, record]."""
    kept = []
    for frame in frames:
        if len(frame.records) > 1:  # more than an empty array
            records = msgspec.msgpack.decode(frame.records)
            kept += [[frame.first_seq + one["at"], one] for one in records if one["type"] not in PASSING]
    if not kept:
        return None
    raw = msgspec.msgpack.encode(kept)
    return len(raw).to_bytes(8, "little") + pack(raw)
