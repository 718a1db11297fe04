"""Proof that cells stand for points: what is computed from the points again is what is stored.

Imported lazily: the server listens before NumPy is loaded.
"""

import numpy as np

from stepwire.errors import DamagedError
from stepwire.storage.series.cells import cells_of, decode_cells, decode_ends, encode_cells, encode_ends, ends_of
from stepwire.storage.series.chunks import Chunk
from stepwire.storage.series.encoding import Array

_MEAN_ERROR = 1e-9  # of the greatest value; another processor may add up in another order


def check_axis(level_one: Chunk, steps: Array, times: Array) -> None:
    """Check where the cells of a chunk lie.

    Raises:
        DamagedError: They are not those of rows with these steps and times.
    """
    ends = ends_of(steps, times)
    if level_one.axis == encode_ends(ends):
        return
    # Another version of zstd writes other bytes for the same numbers.
    stored = decode_ends(level_one.axis, level_one.rows)
    for name in type(ends).__slots__:
        if not np.array_equal(getattr(stored, name), getattr(ends, name)):
            raise DamagedError(f"Chunk {level_one.number} does not lie where its points do ({name}).")


def check_columns(level_one: Chunk, stored: list[bytes | None], columns: Array) -> None:
    """Check the cells of some metrics of a chunk; ``columns`` are their points, metrics × points.

    Raises:
        DamagedError: A metric has no cells, or not those of its points.
    """
    fresh = encode_cells(cells_of(columns))
    for place, (was, now) in enumerate(zip(stored, fresh, strict=True)):
        if was is None:
            raise DamagedError(f"Chunk {level_one.number} has no cells for one of its metrics.")
        if was != now and not _is_same(was, now, level_one.rows):
            raise DamagedError(f"Chunk {level_one.number} has other cells than its points give (column {place}).")


def _is_same(was: bytes, now: bytes, cells: int) -> bool:
    """Same figures; means may differ in their last digits, and a zero in its sign where it is an extreme."""
    try:
        (low, high, first, last), mean, odd = decode_cells(was, cells)
        (fresh_low, fresh_high, fresh_first, fresh_last), fresh_mean, fresh_odd = decode_cells(now, cells)
    except ValueError:  # of another length
        return False
    nothing = np.zeros(cells, np.int64)
    odd, fresh_odd = nothing if odd is None else odd, nothing if fresh_odd is None else fresh_odd
    largest = np.where(np.isfinite(fresh_low), np.maximum(np.abs(fresh_low), np.abs(fresh_high)), 0.0)
    return (
        np.array_equal(low, fresh_low)
        and np.array_equal(high, fresh_high)
        and same_bits(first.astype("<f8"), fresh_first.astype("<f8"))
        and same_bits(last.astype("<f8"), fresh_last.astype("<f8"))
        and np.array_equal(odd, fresh_odd)
        and bool((np.abs(mean - fresh_mean) <= _MEAN_ERROR * largest.astype("<f8")).all())
    )


def same_bits(one: Array, other: Array) -> bool:
    """Whether two arrays of float64 are the same bit for bit, whatever kind of NaN they hold."""
    return np.array_equal(one.view("<i8"), other.view("<i8"))
