"""Several runs as one line: mean, median, spread and extremes over runs, aligned on a shared x.

Imported lazily: the server listens before NumPy is loaded.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from stepwire.storage.series.buckets import Line, cells_on, shared_x, spread
from stepwire.storage.series.encoding import Array
from stepwire.storage.series.interface import Band, BandGrid


def bands(lines: Sequence[Line], groups: Mapping[str, Sequence[str]], names: Sequence[str], points: int) -> BandGrid:
    """Each metric over each group of sources on one shared x."""
    shared = shared_x(lines, points)
    by_place = {(line.source, line.name): line for line in lines}
    made = [
        _band(group, name, [by_place[source, name] for source in sources if (source, name) in by_place], shared)
        for group, sources in groups.items()
        for name in names
    ]
    return BandGrid(shared.tolist(), made, sum(line.parts.stored for line in lines))


def _band(group: str, name: str, lines: Sequence[Line], shared: Array) -> Band:
    mean, low, high = (np.full((len(lines), len(shared)), np.nan) for _ in range(3))
    for row, cells in enumerate(cells_on(lines, shared)):
        some = cells.count > cells.nonfinite
        places = cells.places[some]
        mean[row, places], low[row, places], high[row, places] = cells.mean[some], cells.min[some], cells.max[some]
    runs = np.count_nonzero(~np.isnan(mean), axis=0) if len(lines) else np.zeros(len(shared), np.int64)
    filled = np.flatnonzero(runs)
    middle, lowest, highest = mean[:, filled], low[:, filled], high[:, filled]
    figures = {
        "mean": _mean(middle),
        "median": _quantile(middle, 0.5),
        "std": _std(middle),
        "min": _extreme(lowest, np.nanmin),
        "max": _extreme(highest, np.nanmax),
        "q25": _quantile(middle, 0.25),
        "q75": _quantile(middle, 0.75),
    }
    columns = {key: spread(values, filled, np.isfinite(values), len(shared)) for key, values in figures.items()}
    return Band(group=group, name=name, runs=runs.tolist(), **columns)


def _mean(values: Array) -> Array:
    """Mean of each column over what is not NaN; each value is divided first, so that no sum leaves the range."""
    seen = np.maximum(np.count_nonzero(~np.isnan(values), axis=0), 1)
    mean: Array = np.nansum(values / seen, axis=0)
    return mean


def _std(values: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        std: Array = np.sqrt(_mean((values - _mean(values)) ** 2))
    return std


def _quantile(values: Array, share: float) -> Array:
    """Quantile of each column over what is not NaN, linear between neighbours. NaN sorts last."""
    if not values.size:
        return np.empty(values.shape[1])
    ordered = np.sort(values, axis=0)
    place = share * (np.count_nonzero(~np.isnan(values), axis=0) - 1)
    below = np.floor(place).astype(np.int64)
    above = np.ceil(place).astype(np.int64)
    every = np.arange(values.shape[1])
    part = place - below
    quantile: Array = ordered[below, every] * (1 - part) + ordered[above, every] * part
    return quantile


def _extreme(values: Array, pick: object) -> Array:
    if not values.size:
        return np.empty(values.shape[1])
    assert callable(pick)
    extreme: Array = pick(values, axis=0)
    return extreme
