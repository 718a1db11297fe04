"""Ray Tune: one run per trial, in a group.

>>> tune.Tuner(train, run_config=tune.RunConfig(callbacks=[StepwireCallback("search")]))  # doctest: +SKIP

In Ray Train, make the ``TrainingMonitor`` in the training function of the worker of rank 0.
"""

from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.logger import LoggerCallback
from ray.tune.result import AUTO_RESULT_KEYS, DONE, SHOULD_CHECKPOINT, TRAINING_ITERATION

from stepwire.integrations.boundary import contained
from stepwire.integrations.recording import Recording

_RAYS_OWN = {*AUTO_RESULT_KEYS, "config", DONE, SHOULD_CHECKPOINT}


class StepwireCallback(LoggerCallback):
    """Shows each trial of Ray Tune: what it reports, its config, its checkpoints, its end.

    Steps are ``training_iteration``, from 1. All is logged by the process that calls ``fit``. STOP on a trial's run
    ends that trial at its next report.

    Args:
        run: Name of the group; trials add their id to it.
        options: Arguments of ``TrainingMonitor`` for the runs: ``project``, ``tags`` …

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``.
    """

    def __init__(self, run: str, **options: Any) -> None:
        super().__init__()
        # The trials' own processes are elsewhere; of this one, samples would say nothing about them.
        self._options = {"group": run, "system_metrics_interval": 0, **options}
        self._run = run
        self._trials: dict[str, Recording] = {}
        Recording(run, self._options)

    def run_id(self, trial: Trial) -> str | None:
        """Return the id of a running trial's run."""
        recording = self._trials.get(trial.trial_id)
        return recording.monitor.run_id if recording is not None and recording.monitor is not None else None

    def log_trial_start(self, trial: Trial) -> None:
        """Begin a trial's run; one that is restarted goes on in it."""
        self._begin(trial)

    def log_trial_result(self, iteration: int, trial: Trial, result: dict[str, Any]) -> None:
        """Log what a trial reports."""
        self._log(trial, result)

    def log_trial_save(self, trial: Trial) -> None:
        """Register a trial's checkpoint."""
        self._save(trial)

    def log_trial_end(self, trial: Trial, failed: bool = False) -> None:
        """End a trial's run."""
        self._end(trial, failed)

    @contained
    def _begin(self, trial: Trial) -> None:
        if trial.trial_id not in self._trials:
            recording = Recording(f"{self._run} {trial.trial_id}", self._options)
            recording.begin(trial.config)
            self._trials[trial.trial_id] = recording

    @contained
    def _log(self, trial: Trial, result: dict[str, Any]) -> None:
        self._begin(trial)
        recording = self._trials[trial.trial_id]
        recording.log(_reported(result), result[TRAINING_ITERATION])
        if recording.poll():
            trial.stopping_criterion = {**trial.stopping_criterion, TRAINING_ITERATION: 0}

    @contained
    def _save(self, trial: Trial) -> None:
        recording = self._trials.get(trial.trial_id)
        if recording is not None and trial.checkpoint:
            last = trial.last_result or {}
            recording.save_checkpoint(Path(trial.checkpoint.path), _reported(last), last.get(TRAINING_ITERATION))

    @contained
    def _end(self, trial: Trial, failed: bool) -> None:
        recording = self._trials.pop(trial.trial_id, None)
        if recording is None or recording.monitor is None:
            return
        if failed:
            recording.monitor.set_status("failed", str(trial.error_file or "the trial failed")[:1024])
            recording.monitor.finish()
        else:
            recording.finish()


def _reported(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in _RAYS_OWN}
