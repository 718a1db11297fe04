"""Lightning.

>>> Trainer(logger=StepwireLogger("digits"), callbacks=[StepwireCallback()])  # doctest: +SKIP
"""

import math
import re
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:  # the same under its older name
    from pytorch_lightning import Callback, LightningModule, Trainer
    from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
    from pytorch_lightning.utilities import rank_zero_only
else:
    from lightning.pytorch import Callback, LightningModule, Trainer
    from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
    from lightning.pytorch.utilities import rank_zero_only

from stepwire.client.monitor import TrainingMonitor
from stepwire.integrations.boundary import contained
from stepwire.integrations.pytorch import learning_rates
from stepwire.integrations.recording import Recording


class StepwireLogger(Logger):
    """Shows what a module logs, its hyperparameters, and the checkpoints of ``ModelCheckpoint``.

    Steps are Lightning's own; each row has its ``epoch``. Only rank 0 logs. A training that raises ends its run,
    ``failed`` or ``interrupted``. With ``StepwireCallback`` beside it the run also has learning rates, planned steps,
    commands, and is ``completed`` when training is over; else it is with the process.

    Args:
        run: Name of the run, or a ``TrainingMonitor``.
        prefix: Put before each metric's name, with ``/``.
        options: Arguments of ``TrainingMonitor``: ``project``, ``tags`` …

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``.
    """

    def __init__(self, run: str | TrainingMonitor, *, prefix: str = "", **options: Any) -> None:
        super().__init__()
        self._recording = Recording(run, options)
        self._prefix = f"{prefix}/" if prefix else ""
        self._metrics: dict[str, Any] = {}
        self._optimizers: list[Any] = []
        self._rated_at: int | None = None
        self._saved_at: int | None = None

    @property
    @rank_zero_experiment
    def experiment(self) -> TrainingMonitor:
        """The run; it begins when this is first asked for."""
        return self._recording.monitor or self._recording.begin({})

    @property
    def name(self) -> str:
        """Name of the run, as it may stand in a path."""
        return re.sub(r"[^\w.-]+", "_", self._recording.name)

    @property
    def version(self) -> str | None:
        """Id of the run, ``None`` before it begins and in other processes."""
        return self._recording.monitor.run_id if self._recording.monitor else None

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Add to the run's config."""
        self._log_hyperparams(params)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Log what Lightning collected."""
        self._log_metrics(metrics, step)

    @rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Register what ``ModelCheckpoint`` has written."""
        self._register(checkpoint_callback)

    def finalize(self, status: str) -> None:
        """End the run by what the training raised; a run whose training ended well stays open for a test."""
        if status == "failed":
            self._fail()

    @contained
    def _log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:
        self.experiment.update_config(vars(params) if isinstance(params, Namespace) else params)

    @contained
    def _log_metrics(self, metrics: dict[str, float], step: int | None) -> None:
        self.experiment  # noqa: B018 - begins the run
        self._metrics = metrics
        rates = learning_rates(*self._optimizers) if step != self._rated_at else {}  # Lightning logs a step in rows
        self._rated_at = step
        self._recording.log({**metrics, **rates}, step, self._prefix)

    @contained
    def _register(self, callback: Any) -> None:
        # Lightning says nowhere else which file it has just written.
        path, step = callback._last_checkpoint_saved, callback._last_global_step_saved
        if path == callback.last_model_path and step == self._saved_at:
            return  # a copy of what was written before
        self._saved_at = step
        score = callback.best_k_models.get(path)
        metrics = self._metrics if score is None else {callback.monitor: score}
        is_best = callback.monitor is not None and path == callback.best_model_path
        self._recording.save_checkpoint(path, metrics, step, is_best=is_best)

    @contained
    def _fail(self) -> None:
        self._optimizers = []
        error = sys.exception()
        if error is not None:
            self._recording.fail(error)


class StepwireCallback(Callback):
    """Adds to each ``StepwireLogger`` of the trainer what a logger is not told.

    Learning rates in each row, the planned steps, how the training ended, and the dashboard's commands: stop, and a
    checkpoint written at once. With several processes, which must agree, commands are looked for each
    ``log_every_n_steps`` batches.

    Args:
        checkpoint_dir: Where such a checkpoint goes; when left out, beside those of ``ModelCheckpoint``, else
            into the trainer's ``default_root_dir``.
    """

    def __init__(self, checkpoint_dir: str | Path | None = None) -> None:
        self._folder = checkpoint_dir
        self._asked: set[str] = set()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin."""
        self._asked.clear()
        self._begin(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the optimizers from now on."""
        self._start(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Do what the dashboard asks."""
        if trainer.world_size == 1 or (batch_idx + 1) % max(trainer.log_every_n_steps, 1) == 0:
            self._look(trainer)
            self._obey(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how the training ended."""
        self._end(trainer)

    @contained
    def _begin(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            for logger in _loggers(trainer):
                logger._recording.begin({})
                logger._recording.accept("save_checkpoint", partial(self._asked.add, "save_checkpoint"))

    @contained
    def _start(self, trainer: Trainer) -> None:
        steps = trainer.estimated_stepping_batches  # by all ranks: it may talk to them
        for logger in _loggers(trainer):
            logger._optimizers = trainer.optimizers
            if logger._recording.monitor is not None and math.isfinite(steps) and steps > 0:
                logger._recording.monitor.set_total_steps(int(steps))

    @contained
    def _look(self, trainer: Trainer) -> None:
        for logger in _loggers(trainer):
            if logger._recording.poll():
                self._asked.add("stop")

    def _obey(self, trainer: Trainer) -> None:
        asked = self._asked if trainer.world_size == 1 else trainer.strategy.broadcast(self._asked)
        if "save_checkpoint" in asked:
            self._save(trainer)
        if "stop" in asked:
            trainer.should_stop = True
        self._asked.clear()

    @contained
    def _save(self, trainer: Trainer) -> None:
        path = self._path(trainer)
        trainer.save_checkpoint(path)
        for logger in _loggers(trainer):
            logger._recording.save_checkpoint(path, logger._metrics, trainer.global_step)

    def _path(self, trainer: Trainer) -> Path:
        given = self._folder or getattr(trainer.checkpoint_callback, "dirpath", None)
        return Path(given or trainer.default_root_dir) / f"stepwire-step={trainer.global_step}.ckpt"

    @contained
    def _end(self, trainer: Trainer) -> None:
        for logger in _loggers(trainer):
            logger._optimizers = []
            logger._recording.end()


def _loggers(trainer: Trainer) -> list[StepwireLogger]:
    return [logger for logger in trainer.loggers if isinstance(logger, StepwireLogger)]
