"""Keras 3, on any backend.

>>> model.fit(x, y, callbacks=[StepwireCallback("digits")])  # doctest: +SKIP
"""

import threading
from pathlib import Path
from typing import Any

import keras

from stepwire.client.monitor import TrainingMonitor
from stepwire.integrations.boundary import contained
from stepwire.integrations.folder import Folder
from stepwire.integrations.recording import Recording


class StepwireCallback(keras.callbacks.Callback):
    """Shows a training of ``fit``.

    Steps are the optimizer's: batches trained so far. After each epoch come its metrics by Keras' names (``loss``,
    ``val_loss``), ``epoch``, counted from 0 as Keras does, and ``learning_rate``; after each batch ``batch/loss``
    and so on, which Keras averages over the epoch so far. STOP ends the epoch at once; a checkpoint asked for is
    written at the end of the epoch.

    Args:
        run: Name for the run that each ``fit`` makes, or a ``TrainingMonitor``.
        checkpoint: The ``ModelCheckpoint`` that is given to ``fit`` before this callback: what it writes is
            registered, the newest as best if it saves the best only.
        log_batches: Log each n-th batch; 0 for none.
        options: Arguments of ``TrainingMonitor``: ``project``, ``tags`` …

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``.
    """

    async_safe = True  # batches may be told in another thread: nothing here reads the model's state meanwhile

    def __init__(
        self,
        run: str | TrainingMonitor,
        *,
        checkpoint: keras.callbacks.ModelCheckpoint | None = None,
        log_batches: int = 1,
        **options: Any,
    ) -> None:
        super().__init__()
        self._recording = Recording(run, options)
        self._checkpoint = checkpoint
        self._log_batches = log_batches
        self._folder: Folder | None = None
        self._first = 0
        self._batches = 0
        self._counting = threading.Lock()
        self._must_save = False

    @property
    def monitor(self) -> TrainingMonitor | None:
        """The run, once training began; in the first process only."""
        return self._recording.monitor

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin the run."""
        self._begin()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Log a batch and look for STOP."""
        with self._counting:
            self._batches = max(self._batches, batch + 1)
        self._log_batch(batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log an epoch, register checkpoints, do what the dashboard asks."""
        self._first += self._batches
        self._batches = 0
        self._log_epoch(epoch, logs or {})
        self._register(logs or {})
        self._obey(logs or {})

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Say that training is over."""
        self._end(logs or {})

    @contained
    def _begin(self) -> None:
        if _rank() > 0:
            return
        model, params = self.model, self.params or {}
        self._first = int(model.optimizer.iterations)
        self._batches = 0
        per_epoch = params.get("steps")
        epochs = params.get("epochs")
        total_steps = self._first + per_epoch * epochs if per_epoch and epochs else None
        self._recording.begin(_config(model, params), total_steps)
        self._recording.accept("save_checkpoint", self._ask_to_save)
        if self._checkpoint is not None:
            path = Path(self._checkpoint.filepath)
            self._folder = Folder(path.parent, f"*{path.suffix}")

    @contained
    def _log_batch(self, batch: int, logs: dict[str, Any]) -> None:
        if self._log_batches and (batch + 1) % self._log_batches == 0:
            self._recording.log(logs, self._first + batch + 1, "batch/")
        if self._recording.monitor is not None and self._recording.monitor.should_stop:
            self._model.stop_training = True  # not self.model: that would fetch JAX's state

    @contained
    def _log_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        if self._recording.monitor is not None:
            rate = float(self.model.optimizer.learning_rate)
            self._recording.log({"learning_rate": rate, **logs, "epoch": epoch}, self._first)

    @contained
    def _register(self, logs: dict[str, Any]) -> None:
        if self._checkpoint is None or self._folder is None:
            return
        for path in self._folder.news():
            self._recording.save_checkpoint(path, logs, self._first, is_best=self._checkpoint.save_best_only)

    @contained
    def _obey(self, logs: dict[str, Any]) -> None:
        if self._recording.poll():
            self.model.stop_training = True
        if self._must_save:
            self._must_save = False
            self._save(logs)

    def _ask_to_save(self) -> None:
        self._must_save = True

    def _save(self, logs: dict[str, Any]) -> None:
        folder = self._folder.path if self._folder else Path()
        path = folder / f"stepwire-step={self._first}.keras"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.model.save(path)
        self._recording.save_checkpoint(path, logs, self._first)
        if self._folder:
            self._folder.passed(path)

    @contained
    def _end(self, logs: dict[str, Any]) -> None:
        self._register(logs)
        self._recording.end()


def _config(model: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": {"name": model.name, "parameters": model.count_params()},
        "optimizer": model.optimizer.get_config(),
        "loss": model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", None),
        "epochs": params.get("epochs"),
        "steps_per_epoch": params.get("steps"),
        "backend": keras.backend.backend(),
    }


def _rank() -> int:
    if keras.backend.backend() != "jax":
        return 0
    import jax

    return int(jax.process_index())
