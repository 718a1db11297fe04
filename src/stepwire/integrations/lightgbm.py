"""LightGBM, its own and its scikit-learn interface.

>>> lightgbm.train(params, data, callbacks=[StepwireCallback("trees")])  # doctest: +SKIP
"""

from pathlib import Path
from typing import Any

from lightgbm import Booster
from lightgbm.callback import CallbackEnv, EarlyStopException

from stepwire.client.monitor import TrainingMonitor
from stepwire.integrations.boundary import contained
from stepwire.integrations.recording import Recording


class StepwireCallback:
    """Shows a boosting: metrics of each data set (``valid_0/l2``) and ``learning_rate`` per iteration.

    Steps are LightGBM's iterations, from 0. ``lightgbm.cv`` logs the mean over the folds and ``valid/l2/std``.
    LightGBM tells nobody that an early stop ended the training: such a run is ``completed`` with its script, with
    the next training of this callback, or by ``finish``.

    Args:
        run: Name for the run that each training makes, or a ``TrainingMonitor``.
        checkpoint_dir: Where a checkpoint that the dashboard asks for goes. Without it that is refused.
        options: Arguments of ``TrainingMonitor``: ``project``, ``tags`` …

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``.
    """

    before_iteration = False

    def __init__(self, run: str | TrainingMonitor, *, checkpoint_dir: str | Path | None = None, **options: Any) -> None:
        self.order = 25  # after record_evaluation, before early_stopping, which lets nobody after it see the last one
        self._recording = Recording(run, options)
        self._folder = Path(checkpoint_dir) if checkpoint_dir is not None else None
        self._must_save = False
        self._must_stop = False

    @property
    def monitor(self) -> TrainingMonitor | None:
        """The run, once training began."""
        return self._recording.monitor

    def __call__(self, env: CallbackEnv) -> None:
        """Log an iteration. Raises LightGBM's ``EarlyStopException`` when the dashboard asked to stop."""
        if env.iteration == env.begin_iteration:
            self._begin(env)
        self._log(env)
        self._obey(env)
        if self._must_stop:
            self._end()
            raise EarlyStopException(env.iteration, env.evaluation_result_list or [])
        if env.iteration == env.end_iteration - 1:
            self._end()

    def finish(self) -> None:
        """End the run of the last training."""
        self._recording.finish()

    @contained
    def _begin(self, env: CallbackEnv) -> None:
        self._recording.end()  # of a training that ended early
        monitor = self._recording.begin(env.params, env.end_iteration)
        for data, metric, _, maximize, *_ in env.evaluation_result_list or []:
            monitor.define_metric(f"{data}/{metric}", goal="max" if maximize else "min")
        if self._folder is not None and isinstance(env.model, Booster):
            self._recording.accept("save_checkpoint", self._ask_to_save)

    @contained
    def _log(self, env: CallbackEnv) -> None:
        self._recording.log({"learning_rate": env.params.get("learning_rate"), **_results(env)}, env.iteration)

    @contained
    def _obey(self, env: CallbackEnv) -> None:
        self._must_stop = self._recording.poll()
        if self._must_save and self._folder is not None:
            self._must_save = False
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"stepwire-iteration={env.iteration}.txt"
            env.model.save_model(path)
            self._recording.save_checkpoint(path, _results(env), env.iteration)

    def _ask_to_save(self) -> None:
        self._must_save = True

    @contained
    def _end(self) -> None:
        self._recording.end()


def _results(env: CallbackEnv) -> dict[str, float]:
    """Return the metrics of an iteration; of a cross-validation mean and standard deviation."""
    results: dict[str, float] = {}
    for data, metric, mean, _, *std in env.evaluation_result_list or []:
        results[f"{data}/{metric}"] = mean
        if std:
            results[f"{data}/{metric}/std"] = std[0]
    return results
