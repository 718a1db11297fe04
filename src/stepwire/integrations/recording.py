"""The run behind a callback: made when training begins, or one that the user made."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from stepwire.client.document import CONFIG_BYTES, document
from stepwire.client.monitor import TrainingMonitor
from stepwire.client.settings import read_settings
from stepwire.integrations.scalars import scalars


class Recording:
    """Records one training after the other, each in a run of its own unless the user gave one.

    Args:
        run: Name for the runs to be made, or a ``TrainingMonitor``, which stays the user's to end.
        options: Arguments of ``TrainingMonitor`` for runs to be made.

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``; or options beside a monitor.

    Attributes:
        monitor: The run that is recorded, ``None`` before the first training.
        name: Name of the runs.
        config: What the user adds to the config of each.
    """

    def __init__(self, run: str | TrainingMonitor, options: Mapping[str, Any]) -> None:
        self.monitor: TrainingMonitor | None = None
        self._is_given = isinstance(run, TrainingMonitor)
        self._is_over = False
        self._options = dict(options)
        self.config = document(self._options.pop("config", None), CONFIG_BYTES)
        if isinstance(run, TrainingMonitor):
            self.monitor = run
            self.name = run._run.settings.run_name
            if options:
                raise TypeError(f"{', '.join(options)}: give these to the TrainingMonitor.")
        else:
            self.name = run
            signature(TrainingMonitor).bind(run, **options)
            read_settings(run, options)

    def begin(self, config: Mapping[str, Any], total_steps: int | None = None) -> TrainingMonitor:
        """Return the run of a training that begins: the one that is recorded, or a new one after ``end``.

        Args:
            config: What the framework was told; the user's ``config`` wins.
            total_steps: Planned steps, if they are known.
        """
        if self._is_over and self.monitor is not None:
            self.monitor.finish()
            self.monitor = None
        self._is_over = False
        if self.monitor is None:
            self.monitor = self._make(config, total_steps)
        else:
            if config:
                self.monitor.update_config(config)
            if total_steps is not None:
                self.monitor.set_total_steps(total_steps)
        return self.monitor

    def log(self, values: Mapping[Any, Any], step: float | None, prefix: str = "") -> None:
        """Log the numbers of ``values``; without one, nothing."""
        found = scalars(values, prefix)
        if found and self.monitor is not None:
            self.monitor.log_metrics(found, step=step)

    def save_checkpoint(
        self, path: str | os.PathLike[str], values: Mapping[Any, Any], step: float | None, *, is_best: bool = False
    ) -> str | None:
        """Register what the framework has written and return the checkpoint's id."""
        if self.monitor is None:
            return None
        checkpoint = self.monitor.save_checkpoint(path, metrics=scalars(values), step=step)
        if is_best:
            self.monitor.mark_best_checkpoint(checkpoint)
        return checkpoint

    def accept(self, command: str, handler: Callable[[], object]) -> None:
        """Have ``poll`` do a command by ``handler``, whose text is the outcome; a handler of the user's stays."""
        if self.monitor is None:
            return
        if isinstance(self.monitor._run.commands.handler(command), _Handler | None):
            self.monitor.on(command, _Handler(handler))

    def poll(self) -> bool:
        """Do the commands that came; return whether the run was asked to stop."""
        if self.monitor is None:
            return False
        self.monitor.poll()
        return self.monitor.should_stop

    def end(self) -> None:
        """Say that the training is over: ``interrupted`` if it was asked to stop, else ``completed``.

        The run stays open for what is logged afterwards, such as a test.
        """
        if self.monitor is not None and not self._is_given and not self._is_over:
            self.monitor.set_status("interrupted" if self.monitor.should_stop else "completed")
            self._is_over = True

    def finish(self) -> None:
        """End the run for good."""
        self.end()
        if self.monitor is not None and not self._is_given:
            self.monitor.finish()
            self.monitor = None

    def fail(self, error: BaseException) -> None:
        """End the run by what training raised."""
        if self.monitor is not None and not self._is_given:
            self.monitor.__exit__(type(error), error, error.__traceback__)
            self.monitor = None

    def _make(self, config: Mapping[str, Any], total_steps: int | None) -> TrainingMonitor:
        options = {"total_steps": total_steps, **self._options}
        return TrainingMonitor(self.name, {**config, **self.config}, **options)


@dataclass(frozen=True)
class _Handler:
    """A handler of ours, to be told from one of the user's."""

    act: Callable[[], object]

    def __call__(self, _args: dict[str, Any]) -> object:
        return self.act()
