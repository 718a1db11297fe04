"""What ranks other than 0 log: nothing, but for the metrics that every rank is to log."""

from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from stepwire.client.clock import Clock
from stepwire.client.metrics import Metrics, spread
from stepwire.client.outbox import Outbox

_MAX_NAMES = 100_000


class RankMetrics(Metrics):
    """Keeps the metrics that all ranks log, under names that end with the rank; the others are not even read.

    Args:
        rank: The number of this process.
        all_names: Whether all metrics are such.
    """

    def __init__(self, outbox: Outbox, clock: Clock, rank: int, *, all_names: bool) -> None:
        super().__init__(outbox, clock)
        self._rank = rank
        self._patterns = ["*"] if all_names else []
        self._names: dict[str, str] = {}

    def include(self, pattern: str) -> None:
        """Have every rank log the metrics of this name or glob."""
        self._patterns.append(pattern)
        self._names = {}

    def name_here(self, name: str) -> str:
        """Return a metric's name, or a glob, on this rank."""
        return f"{name}/rank{self._rank}"

    def log(self, metrics: Mapping[str, Any], step: float | None, timestamp: float | datetime | None) -> None:
        """Log one row; one of nothing moves the step on all the same. See ``TrainingMonitor.log_metrics``."""
        here: dict[str, Any] = {}
        for name, value in spread(metrics).items():
            if known := self._names.get(name) or self._decide(name):
                here[known] = value
        super().log(here, step, timestamp)

    def _decide(self, name: str) -> str:
        """The name here, ``""`` for a metric of rank 0 alone."""
        if len(self._names) >= _MAX_NAMES:
            self._names = {}
        is_included = any(fnmatchcase(name, pattern) for pattern in self._patterns)
        return self._names.setdefault(name, self.name_here(name) if is_included else "")
