"""Where numbers go that were found in output and files: into the run, from several threads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stepwire.errors import InvalidError
from stepwire.formats.points import Point

if TYPE_CHECKING:
    from stepwire.client.run import Run


class Sink:
    """Logs points, units and warnings to a run. What comes after the run's end is dropped."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._lock = threading.Lock()
        self._of_files: set[str] = set()
        self._units: set[str] = set()
        self._total: int | None = None

    def log_from_file(self, point: Point) -> None:
        """Log a point of a metric file; one without a time is of now."""
        self._of_files.update(point.metrics)
        self._log(point)

    def log(self, point: Point) -> None:
        """Log a point of a log line, but not what a metric file tells better."""
        metrics = {name: value for name, value in point.metrics.items() if name not in self._of_files}
        if metrics:
            self._log(Point(metrics, point.step, point.time))

    def _log(self, point: Point) -> None:
        time = None if point.time is None else point.time / 1_000_000
        with self._lock, self._until_over():
            self._run.metrics.log(point.metrics, point.step, time)

    def define_units(self, units: dict[str, str]) -> None:
        """Tell the units of metrics, each once."""
        for name in units.keys() - self._units:
            self._units.add(name)
            with self._until_over():
                self._run.define_metric(name, rank="zero", goal=None, unit=units[name])

    def plan(self, total_steps: int | None) -> None:
        """Tell the planned number of steps when it has changed."""
        if total_steps is not None and total_steps != self._total:
            self._total = total_steps
            self.keep("total_steps", total_steps=total_steps)

    def keep(self, kind: str, **fields: object) -> None:
        """Keep a record that is not a point."""
        with self._until_over():
            self._run.record(kind, **fields)

    def warn(self, event: str, message: str) -> None:
        """Put a warning into the run's event log."""
        self.keep("event", level="warning", event=event, message=message)

    @contextmanager
    def _until_over(self) -> Iterator[None]:
        """Drop what the run refuses because it was finished meanwhile: a slow reader's command must not hear of it."""
        try:
            yield
        except InvalidError:
            if not self._run.is_finished:
                raise
