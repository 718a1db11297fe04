"""XGBoost, its own and its scikit-learn interface.

>>> xgboost.train(params, data, callbacks=[StepwireCallback("trees")])  # doctest: +SKIP
"""

import json
from pathlib import Path
from typing import Any

from xgboost import Booster, collective
from xgboost.callback import TrainingCallback

from stepwire.client.monitor import TrainingMonitor
from stepwire.integrations.boundary import contained
from stepwire.integrations.folder import Folder
from stepwire.integrations.recording import Recording


class StepwireCallback(TrainingCallback):
    """Shows a boosting: metrics of each data set (``train/rmse``) and ``learning_rate`` per round.

    Steps are XGBoost's rounds, from 0. In a distributed training only worker 0 logs. ``xgboost.cv`` logs the mean
    over the folds and ``train/rmse/std``.

    Args:
        run: Name for the run that each training makes, or a ``TrainingMonitor``.
        checkpoint_dir: Folder in which ``TrainingCheckPoint`` writes: its files are registered, and a checkpoint
            that the dashboard asks for goes there. After an early stop the one of the best round, if it was
            written, is marked best.
        options: Arguments of ``TrainingMonitor``: ``project``, ``config`` …

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``.
    """

    def __init__(self, run: str | TrainingMonitor, *, checkpoint_dir: str | Path | None = None, **options: Any) -> None:
        super().__init__()
        self._recording = Recording(run, options)
        self._folder = Folder(checkpoint_dir) if checkpoint_dir is not None else None
        self._checkpoints: dict[int, str | None] = {}
        self._must_save = False
        self._must_stop = False

    @property
    def monitor(self) -> TrainingMonitor | None:
        """The run, once training began; in worker 0 only."""
        return self._recording.monitor

    def before_training(self, model: Any) -> Any:
        """Begin the run."""
        self._begin(model)
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, dict[str, Any]]) -> bool:
        """Log a round; True stops the training."""
        self._log(model, epoch, evals_log)
        self._register(epoch, evals_log)
        self._obey(model, epoch, evals_log)
        return self._agreed()

    def after_training(self, model: Any) -> Any:
        """Say that training is over."""
        self._end(model)
        return model

    @contained
    def _begin(self, model: Any) -> None:
        self._checkpoints.clear()
        if collective.get_rank() == 0:
            self._recording.begin(_params(model))
            if self._folder is not None and isinstance(model, Booster):
                self._recording.accept("save_checkpoint", self._ask_to_save)

    @contained
    def _log(self, model: Any, epoch: int, evals_log: dict[str, dict[str, Any]]) -> None:
        if self._recording.monitor is not None:
            rate = _params(model).get("learning_rate")
            self._recording.log({"learning_rate": rate, **_newest(evals_log)}, epoch)

    @contained
    def _register(self, epoch: int, evals_log: dict[str, dict[str, Any]]) -> None:
        for path in self._folder.news() if self._folder is not None else []:
            self._checkpoints[epoch] = self._recording.save_checkpoint(path, _newest(evals_log), epoch)

    @contained
    def _obey(self, model: Any, epoch: int, evals_log: dict[str, dict[str, Any]]) -> None:
        self._must_stop = self._recording.poll()
        if self._must_save and self._folder is not None:
            self._must_save = False
            self._folder.path.mkdir(parents=True, exist_ok=True)
            model.save_model(self._folder.path / f"stepwire-round={epoch}.ubj")
            self._register(epoch, evals_log)  # it is one of the folder's news

    def _ask_to_save(self) -> None:
        self._must_save = True

    def _agreed(self) -> bool:
        if collective.get_world_size() == 1:
            return self._must_stop
        return bool(collective.broadcast(self._must_stop, 0))

    @contained
    def _end(self, model: Any) -> None:
        best = self._checkpoints.get(getattr(model, "best_iteration", -1))
        if best is not None and self._recording.monitor is not None:
            self._recording.monitor.mark_best_checkpoint(best)
        self._recording.end()


def _newest(evals_log: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Return the last value of each metric; of a cross-validation mean and standard deviation."""
    newest: dict[str, float] = {}
    for data, metrics in evals_log.items():
        for metric, values in metrics.items():
            mean, *std = values[-1] if isinstance(values[-1], tuple) else (values[-1],)
            newest[f"{data}/{metric}"] = mean
            if std:
                newest[f"{data}/{metric}/std"] = std[0]
    return newest


def _params(model: Any) -> dict[str, Any]:
    """Return all parameters of a booster, of a cross-validation those of its first fold."""
    booster = model if isinstance(model, Booster) else model.cvfolds[0].bst
    found: dict[str, Any] = {}
    _collect(json.loads(booster.save_config()), found)
    return found


def _collect(part: dict[str, Any], found: dict[str, Any]) -> None:
    for name, value in part.items():
        if isinstance(value, dict):
            _collect(value, found)
        elif isinstance(value, str) and name != "name":
            found[name] = _number(value)


def _number(text: str) -> float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
