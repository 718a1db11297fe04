"""Optuna: one run per trial, in a group, and one of the study itself.

>>> study.optimize(objective, n_trials=20, callbacks=[StepwireCallback("search")])  # doctest: +SKIP
"""

import threading
from collections.abc import Mapping
from typing import Any

from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState

from stepwire.client.monitor import Status, TrainingMonitor
from stepwire.integrations.boundary import contained
from stepwire.integrations.recording import Recording

_ENDS: dict[TrialState, tuple[Status, str | None]] = {
    TrialState.COMPLETE: ("completed", None),
    TrialState.PRUNED: ("interrupted", "pruned"),
    TrialState.FAIL: ("failed", "the trial failed"),
}


class StepwireCallback:
    """Shows a study: a run with one point per trial (``value``, ``best_value``), and a run of each trial.

    A trial's run has its parameters as config, its reported values as the metric ``intermediate``, and its end:
    ``completed``, ``interrupted`` for pruned, ``failed``. It appears when the trial is over, or, as the objective's
    own to log to, with ``monitor(trial)``. STOP on the study's run ends the study after the running trials.

    Args:
        run: Name of the study's run and of the group; trials add their number to it.
        options: Arguments of ``TrainingMonitor`` for all these runs: ``project``, ``tags`` …

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``.
    """

    def __init__(self, run: str, **options: Any) -> None:
        self._options = {"group": run, **options}
        self._recording = Recording(run, self._options)
        self._lock = threading.Lock()  # trials may run in several threads
        self._trials: dict[int, TrainingMonitor] = {}
        self._must_stop = False

    @property
    def study_monitor(self) -> TrainingMonitor | None:
        """The study's run, once a trial began."""
        return self._recording.monitor

    def monitor(self, trial: Trial) -> TrainingMonitor:
        """Return the run of a trial that is running; the callback ends it."""
        with self._lock:
            self._begin(trial.study)
            if trial.number not in self._trials:
                self._trials[trial.number] = self._make(trial.number, trial.params)
            return self._trials[trial.number]

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Record a trial that is over; stop the study when the dashboard asked for it."""
        self._record(study, trial)
        if self._must_stop:
            study.stop()

    def finish(self) -> None:
        """End the study's run; else it ends with the process."""
        self._recording.finish()

    def _begin(self, study: Study) -> None:
        if self._recording.monitor is None:
            directions = [direction.name.lower() for direction in study.directions]
            sampler, pruner = type(study.sampler).__name__, type(study.pruner).__name__
            self._recording.begin(
                {"study": study.study_name, "directions": directions, "sampler": sampler, "pruner": pruner}
            )

    def _make(self, number: int, params: Mapping[str, Any], **more: Any) -> TrainingMonitor:
        options = {**self._options, **more}
        config = {**self._recording.config, "trial": number, "params": dict(params)}
        for other in ("config", "run_id", "total_steps"):  # these are the study's
            options.pop(other, None)
        return TrainingMonitor(f"{self._recording.name} {number}", config, **options)

    @contained
    def _record(self, study: Study, trial: FrozenTrial) -> None:
        with self._lock:
            self._begin(study)
            live = self._trials.pop(trial.number, None)
        values = _values(study, trial)
        self._end_trial(live or self._retell(trial), trial, values)
        numbers = {"params": trial.params, **values}
        if len(study.directions) == 1 and any(known.state is TrialState.COMPLETE for known in study.get_trials(False)):
            numbers["best_value"] = study.best_value
        self._recording.log(numbers, trial.number)
        self._must_stop = self._recording.poll() or self._must_stop

    def _retell(self, trial: FrozenTrial) -> TrainingMonitor:
        monitor = self._make(trial.number, trial.params, system_metrics_interval=0)
        for step, value in sorted(trial.intermediate_values.items()):
            monitor.log_metrics({"intermediate": value}, step=step)
        return monitor

    def _end_trial(self, monitor: TrainingMonitor, trial: FrozenTrial, values: dict[str, float]) -> None:
        last = monitor._run.metrics.last_step
        if values:
            monitor.log_metrics(values, step=0 if last is None else last)
        monitor.update_config({"params": trial.params, **({"attrs": trial.user_attrs} if trial.user_attrs else {})})
        status, reason = _ENDS.get(trial.state, ("completed", None))
        monitor.set_status("interrupted" if monitor.should_stop else status, reason)
        monitor.finish()


def _values(study: Study, trial: FrozenTrial) -> dict[str, float]:
    """Return what the objective returned, by the study's names if it has some."""
    values = trial.values if trial.state is TrialState.COMPLETE else None
    if not values:
        return {}
    names = study.metric_names or (["value"] if len(values) == 1 else [f"values/{at}" for at in range(len(values))])
    return dict(zip(names, values, strict=True))
