"""Cells: what is kept of 64 points that follow each other, of 8 such cells, and so on up the pyramid.

Pure functions over NumPy arrays. Imported lazily: the server listens before NumPy is loaded.
"""

from dataclasses import dataclass

import numpy as np

from stepwire.storage.series.encoding import Array, as_whole, decode_columns, encode_columns, fits_float32
from stepwire.storage.series.levels import CELL_ROWS, RADIX

_F8 = 1
_ODD = 8  # counts of non-finite points follow


@dataclass(slots=True)
class Cells:
    """Figures of some cells (rows) of some metrics (columns); ``count`` is per cell.

    ``min``, ``max`` and ``mean`` are over finite points: +inf, -inf and 0 where there is none. ``odd`` counts the
    others; ``None``: there are none at all.
    """

    count: Array
    min: Array
    max: Array
    mean: Array
    first: Array
    last: Array
    odd: Array | None


@dataclass(slots=True)
class Ends:
    """Where cells lie: steps and times of their first and last points, and their ranges."""

    count: Array
    s_first: Array
    s_last: Array
    t_first: Array
    t_last: Array
    s_min: Array
    s_max: Array
    t_min: Array
    t_max: Array


# --- from points -----------------------------------------------------------------------------------------


def cells_of(columns: Array) -> Cells:
    """Cells of level 1 of a C-ordered matrix (metrics × points); the last one may have fewer than 64 points."""
    rows = columns.shape[1]
    whole = rows - rows % CELL_ROWS
    parts = []
    if whole:
        parts.append(_cells(columns[:, :whole].reshape(len(columns), -1, CELL_ROWS)))
    if whole < rows:
        parts.append(_cells(columns[:, whole:].reshape(len(columns), 1, rows - whole)))
    return parts[0] if len(parts) == 1 else join_cells(parts)


def _cells(values: Array) -> Cells:
    """Cells of points in a cube (metrics × cells × points)."""
    count = np.full(values.shape[1], values.shape[2], np.int64)
    low, high = values.min(axis=2), values.max(axis=2)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = values.sum(axis=2) / values.shape[2]
    odd = None
    if not np.isfinite(mean).all():
        low, high, mean, odd = _odd_cells(values)
    mean = np.clip(mean, np.minimum(low, high), np.maximum(low, high)) if odd is None else mean
    return Cells(
        count,
        low.T,
        high.T,
        mean.T,
        values[:, :, 0].T,
        values[:, :, -1].T,
        None if odd is None or not odd.any() else odd.T,
    )


def _odd_cells(values: Array) -> tuple[Array, Array, Array, Array]:
    finite = np.isfinite(values)
    seen = finite.sum(axis=2)
    low = np.where(finite, values, np.inf).min(axis=2)
    high = np.where(finite, values, -np.inf).max(axis=2)
    kept, divisor = np.where(finite, values, 0.0), np.maximum(seen, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = kept.sum(axis=2) / divisor
    if not np.isfinite(mean).all():  # the sum of huge values left the range; divide first, a little less exact
        mean = (kept / divisor[:, :, None]).sum(axis=2)
    mean = np.where(seen > 0, np.clip(mean, np.where(seen > 0, low, 0.0), np.where(seen > 0, high, 0.0)), 0.0)
    return low, high, mean, values.shape[2] - seen


def ends_of(steps: Array, times: Array) -> Ends:
    """Where the cells of level 1 of these rows lie."""
    starts = np.arange(0, len(steps), CELL_ROWS)
    stops = np.append(starts[1:], len(steps))
    return Ends(
        stops - starts,
        steps[starts],
        steps[stops - 1],
        times[starts],
        times[stops - 1],
        np.minimum.reduceat(steps, starts),
        np.maximum.reduceat(steps, starts),
        np.minimum.reduceat(times, starts),
        np.maximum.reduceat(times, starts),
    )


# --- one level up ----------------------------------------------------------------------------------------


def join_cells(parts: list[Cells]) -> Cells:
    """Cells one after the other."""
    odd = None
    if any(part.odd is not None for part in parts):
        odd = np.concatenate([np.zeros(part.min.shape, np.int64) if part.odd is None else part.odd for part in parts])
    figures = ("count", "min", "max", "mean", "first", "last")
    return Cells(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in figures}, odd=odd)


def join_ends(parts: list[Ends]) -> Ends:
    """Ends one after the other."""
    return Ends(*(np.concatenate([getattr(part, name) for part in parts]) for name in Ends.__slots__))


def merge_cells(cells: Cells) -> Cells:
    """Eight cells in one; their number is a multiple of eight."""
    fold = (-1, RADIX, cells.min.shape[1])
    count = cells.count.reshape(-1, RADIX)
    odd = None if cells.odd is None else cells.odd.reshape(fold)
    finite = count[:, :, None] - (0 if odd is None else odd)
    total = finite.sum(axis=1)
    share = finite / np.maximum(total, 1)[:, None, :]
    low, high = cells.min.reshape(fold).min(axis=1), cells.max.reshape(fold).max(axis=1)
    mean = (cells.mean.reshape(fold) * share).sum(axis=1)
    some = total > 0
    mean = np.clip(mean, np.where(some, low, 0.0), np.where(some, high, 0.0))
    return Cells(
        count.sum(axis=1),
        low,
        high,
        mean,
        cells.first.reshape(fold)[:, 0],
        cells.last.reshape(fold)[:, -1],
        None if odd is None else odd.sum(axis=1),
    )


def merge_ends(ends: Ends) -> Ends:
    """Where eight cells in one lie."""
    folded = {name: getattr(ends, name).reshape(-1, RADIX) for name in Ends.__slots__}
    return Ends(
        folded["count"].sum(axis=1),
        folded["s_first"][:, 0],
        folded["s_last"][:, -1],
        folded["t_first"][:, 0],
        folded["t_last"][:, -1],
        folded["s_min"].min(axis=1),
        folded["s_max"].max(axis=1),
        folded["t_min"].min(axis=1),
        folded["t_max"].max(axis=1),
    )


# --- as bytes --------------------------------------------------------------------------------------------


def encode_cells(cells: Cells) -> list[bytes]:
    """One body for each metric."""
    figures = np.ascontiguousarray(np.stack([cells.min, cells.max, cells.first, cells.last]).transpose(2, 0, 1))
    narrow = fits_float32(figures.reshape(len(figures), -1)).tolist()
    with np.errstate(over="ignore", invalid="ignore"):
        small = figures.astype("<f4")
    mean = np.ascontiguousarray(cells.mean.T, "<f8")
    odd = None if cells.odd is None else np.ascontiguousarray(cells.odd.T, "<u4")
    some_odd = np.zeros(len(figures), bool) if odd is None else np.add.reduce(odd, axis=1) > 0
    bodies = []
    for column, is_narrow in enumerate(narrow):
        kind = (0 if is_narrow else _F8) | (_ODD if some_odd[column] else 0)
        body = bytes((kind,)) + (small if is_narrow else figures)[column].tobytes() + mean[column].tobytes()
        bodies.append(body + odd[column].tobytes() if odd is not None and some_odd[column] else body)
    return bodies


def decode_cells(body: bytes, count: int) -> tuple[Array, Array, Array | None]:
    """The figures of ``count`` cells of one metric: (min, max, first, last) as four rows, mean, odd counts."""
    width = 8 if body[0] & _F8 else 4
    figures = np.frombuffer(body, f"<f{width}", 4 * count, 1).reshape(4, count)
    at = 1 + 4 * width * count
    mean = np.frombuffer(body, "<f8", count, at)
    odd = np.frombuffer(body, "<u4", count, at + 8 * count) if body[0] & _ODD else None
    return figures, mean, odd


def decode_many(bodies: list[bytes], counts: list[int]) -> tuple[Array, Array, Array | None]:
    """The figures of several bodies of one metric, one after the other."""
    kinds = {body[0] for body in bodies}
    if len(kinds) == 1 and len(set(counts)) == 1 and not kinds <= {_ODD, _ODD | _F8}:
        cells, width = counts[0], 8 if bodies[0][0] & _F8 else 4
        kind = np.dtype([("kind", "u1"), ("figures", f"<f{width}", (4, cells)), ("mean", "<f8", (cells,))])
        rows = np.frombuffer(b"".join(bodies), kind)
        return rows["figures"].transpose(1, 0, 2).reshape(4, -1), rows["mean"].reshape(-1), None
    decoded = [decode_cells(body, count) for body, count in zip(bodies, counts, strict=True)]
    odd = None
    if any(one is not None for _, _, one in decoded):
        odd = np.concatenate([np.zeros(len(mean), "<u4") if one is None else one for _, mean, one in decoded])
    figures = np.concatenate([four for four, _, _ in decoded], axis=1)
    return figures, np.concatenate([mean for _, mean, _ in decoded]), odd


def encode_ends(ends: Ends) -> bytes:
    """Count, ends, and the ranges where they are not the ends."""
    columns = [ends.count, as_whole(ends.s_first), as_whole(ends.s_last), ends.t_first, ends.t_last]
    in_order = [
        (ends.s_min == ends.s_first).all(),
        (ends.s_max == ends.s_last).all(),
        (ends.t_min == ends.t_first).all(),
        (ends.t_max == ends.t_last).all(),
    ]
    if not all(in_order):
        columns += [as_whole(ends.s_min), as_whole(ends.s_max), ends.t_min, ends.t_max]
    return encode_columns(columns)


def decode_ends(body: bytes, cells: int) -> Ends:
    """Undo ``encode_ends``."""
    columns = decode_columns(body, cells)
    if len(columns) == 5:
        columns += columns[1:]
    return Ends(**dict(zip(Ends.__slots__, columns, strict=True)))
