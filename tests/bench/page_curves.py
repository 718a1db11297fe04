"""What the runs of the page's benchmark log: falling curves with more or less noise on them, as training gives them.

How long a line is to draw depends on how rough it is, so the roughness is part of the figure.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.bench.noise import Noise

ROUGHNESS = (0.0, 0.03, 0.1, 0.3)
"""Noise in parts of the curve's height, of one metric after the other: a rate, a mean loss, a loss, a gradient norm."""
ROWS_TO_FALL = 400.0


@dataclass(frozen=True)
class Curves(Noise):
    """One run's points; each value can be worked out again from its place."""

    def values(self, first: int, rows: int) -> NDArray[np.float64]:
        """Values of ``rows`` rows, one column per metric."""
        rough = np.resize(ROUGHNESS, self.metrics)
        return rounded(self._fall(first, rows)[:, None] + rough * super().values(first, rows))

    def column(self, metric: int, first: int, rows: int) -> NDArray[np.float64]:
        """Values of one metric."""
        rough = ROUGHNESS[metric % len(ROUGHNESS)]
        return rounded(self._fall(first, rows) + rough * super().column(metric, first, rows))

    def _fall(self, first: int, rows: int) -> NDArray[np.float64]:
        """From 3 to 1, a little higher in each run."""
        row = np.arange(first, first + rows, dtype=np.float64)
        return 1.0 + 0.1 * self.salt + 2.0 * np.exp(-row / ROWS_TO_FALL)


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """As float32 holds them."""
    return values.astype(np.float32).astype(np.float64)
