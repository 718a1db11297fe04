"""What the raw clients send: values, steps and times that anybody can work out again from the number of a row.

So the server's answers are compared with what was sent, without keeping it: a value is a hash of its place.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

START = 1_763_905_927_000_000
"""Time of row 0, in µs since 1970."""
ROW_MICROSECONDS = 1000
SPIKE_EVERY = 99_991
PEAK_AT, DIP_AT = 31_337, 77_777
SPIKE = 1000.0

_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Noise:
    """One run's points: ``metrics`` values per row, uniform around 0 within ±1.66, with rare spikes past ±1000.

    Attributes:
        salt: Tells runs apart.
        exact32: Whether each value is exactly a float32; else all bits of the float64 are noise.
    """

    salt: int
    metrics: int
    exact32: bool = True

    @property
    def names(self) -> list[str]:
        """Names of the metrics, in the order of the values."""
        return ["loss"] if self.metrics == 1 else [f"layer.{number}/grad_norm" for number in range(self.metrics)]

    def values(self, first: int, rows: int) -> NDArray[np.float64]:
        """Values of ``rows`` rows, one column per metric."""
        places = np.arange(first * self.metrics, (first + rows) * self.metrics, dtype=np.uint64)
        values = self._at(places).reshape(rows, self.metrics)
        _add_spikes(values, first)
        return values

    def column(self, metric: int, first: int, rows: int) -> NDArray[np.float64]:
        """Values of one metric."""
        places = np.arange(first, first + rows, dtype=np.uint64) * np.uint64(self.metrics) + np.uint64(metric)
        values = self._at(places).reshape(rows, 1)
        _add_spikes(values, first)
        return values[:, 0]

    def times(self, first: int, rows: int) -> NDArray[np.int64]:
        """Times of rows in µs: about one a millisecond, with jitter, never falling."""
        row = np.arange(first, first + rows, dtype=np.uint64)
        jitter = _hash(row, self.salt ^ 0x7131) % np.uint64(ROW_MICROSECONDS - 100)
        return (START + row.astype(np.int64) * ROW_MICROSECONDS) + jitter.astype(np.int64)

    def extremes(self, metric: int, first: int, rows: int) -> tuple[float, float]:
        """Smallest and largest value of one metric in a window, looking at every one."""
        low, high = np.inf, -np.inf
        for start in range(first, first + rows, _AT_ONCE):
            part = self.column(metric, start, min(_AT_ONCE, first + rows - start))
            low, high = min(low, float(part.min())), max(high, float(part.max()))
        return low, high

    def _at(self, places: NDArray[np.uint64]) -> NDArray[np.float64]:
        uniform = (_hash(places, self.salt) >> np.uint64(11)).astype(np.float64)
        uniform *= 2.0**-53
        uniform -= 0.5
        uniform *= 3.3166  # no power of two: all bits of the mantissa are in use after rounding
        return uniform.astype(np.float32).astype(np.float64) if self.exact32 else uniform


def _add_spikes(values: NDArray[np.float64], first: int) -> None:
    """One peak and one dip in every ``SPIKE_EVERY`` rows, of a height that tells which one it is."""
    for at, sign in ((PEAK_AT, 1.0), (DIP_AT, -1.0)):
        rows = np.arange((at - first) % SPIKE_EVERY, len(values), SPIKE_EVERY)
        values[rows] = (sign * (SPIKE + (first + rows) // SPIKE_EVERY % 97))[:, None]


def _hash(places: NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    """splitmix64."""
    mixed = places + np.uint64((salt * 0x9E3779B97F4A7C15 + 0x1234567) % 2**64)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
