"""Hugging Face Accelerate.

>>> accelerator = Accelerator(log_with=StepwireTracker("digits"))  # doctest: +SKIP
"""

from typing import Any

from accelerate.tracking import GeneralTracker, on_main_process

from stepwire.client.monitor import TrainingMonitor
from stepwire.integrations.boundary import contained
from stepwire.integrations.recording import Recording


class StepwireTracker(GeneralTracker):
    """Shows what ``Accelerator.log`` logs; only the main process does.

    ``accelerator.end_training()`` ends the run. ``should_stop`` is the dashboard's STOP; checkpoints that
    ``save_state`` has written are registered by ``tracker.save_checkpoint(folder)``.

    Args:
        run: Name of the run, or a ``TrainingMonitor``.
        options: Arguments of ``TrainingMonitor``: ``group``, ``tags`` …

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``.
    """

    name = "stepwire"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, run: str | TrainingMonitor, **options: Any) -> None:
        super().__init__()
        self._recording = Recording(run, options)

    @property
    def tracker(self) -> TrainingMonitor | None:
        """The run, once ``init_trackers`` was called; in the main process only."""
        return self._recording.monitor

    @on_main_process
    def start(self) -> None:
        """Begin the run."""
        self._begin()

    @on_main_process
    def store_init_configuration(self, values: dict[str, Any]) -> None:
        """Add to the run's config."""
        self._store(values)

    @on_main_process
    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Log numbers; other values are left out."""
        self._log(values, step)

    @on_main_process
    def finish(self) -> None:
        """End the run."""
        self._finish()

    @property
    def should_stop(self) -> bool:
        """Whether the dashboard asked to stop: always False but in the main process.

        Have the others know by ``accelerator.set_trigger()`` and ``accelerator.check_trigger()``.
        """
        return self._recording.poll()

    @contained
    def _begin(self) -> None:
        self._recording.begin({})

    @contained
    def _store(self, values: dict[str, Any]) -> None:
        if self._recording.monitor is not None:
            self._recording.monitor.update_config(values)

    @contained
    def _log(self, values: dict[str, Any], step: int | None) -> None:
        self._recording.log(values, step)

    @contained
    def _finish(self) -> None:
        self._recording.finish()
