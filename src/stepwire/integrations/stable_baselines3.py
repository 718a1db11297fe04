"""Stable-Baselines3.

>>> model.learn(10_000, callback=StepwireCallback("cartpole"))  # doctest: +SKIP
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    CheckpointCallback,
    EvalCallback,
    EventCallback,
)
from stable_baselines3.common.logger import KVWriter

from stepwire.client.monitor import TrainingMonitor
from stepwire.integrations.boundary import contained
from stepwire.integrations.folder import Folder
from stepwire.integrations.recording import Recording

_STEPS = re.compile(r"_(\d+)_steps$")


class StepwireWriter(KVWriter):
    """An output format of SB3's logger: writes what it dumps to a run."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """Log the numbers, but those meant for other formats only."""
        self._write(key_values, key_excluded, step)

    def close(self) -> None:
        """The run outlives SB3's logger."""

    @contained
    def _write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int) -> None:
        kept = {name: value for name, value in key_values.items() if "stepwire" not in key_excluded.get(name, ())}
        self._recording.log(kept, step)


class StepwireCallback(BaseCallback):
    """Shows a training of ``learn``: all that SB3's logger dumps, by its names and at its ``num_timesteps``.

    Files that a ``CheckpointCallback`` writes, and the best model of an ``EvalCallback``, are registered when these
    are given to ``learn`` too. STOP ends the training at the next step.

    Args:
        run: Name for the run that each ``learn`` makes, or a ``TrainingMonitor``.
        checkpoint_dir: Where a checkpoint that the dashboard asks for goes; the folder of the
            ``CheckpointCallback`` when left out, and without one it is refused.
        options: Arguments of ``TrainingMonitor``: ``project``, ``tags`` …

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``.
    """

    def __init__(self, run: str | TrainingMonitor, *, checkpoint_dir: str | Path | None = None, **options: Any) -> None:
        super().__init__()
        self._recording = Recording(run, options)
        self._folder = Path(checkpoint_dir) if checkpoint_dir is not None else None
        self._watched: list[_Watched] = []
        self._must_save = False
        self._must_stop = False

    @property
    def monitor(self) -> TrainingMonitor | None:
        """The run, once training began."""
        return self._recording.monitor

    def _on_training_start(self) -> None:
        self._begin()

    def _on_step(self) -> bool:
        self._look()
        return not self._must_stop

    def _on_training_end(self) -> None:
        self._end()

    @contained
    def _begin(self) -> None:
        self._must_stop = False
        total_steps = self.locals.get("total_timesteps")
        self._recording.begin(_config(self.model), int(total_steps) if total_steps else None)
        formats = self.logger.output_formats
        formats[:] = [known for known in formats if not isinstance(known, StepwireWriter)]
        formats.append(StepwireWriter(self._recording))
        self._watched = list(_watch(self.locals.get("callback")))
        if self._folder is None and self._watched:
            self._folder = self._watched[0].folder.path
        if self._folder is not None:
            self._recording.accept("save_checkpoint", self._ask_to_save)

    @contained
    def _look(self) -> None:
        for watched in self._watched:
            if watched.may_have_written(self.n_calls):
                self._register(watched)
        self._must_stop = self._recording.poll()
        if self._must_save:
            self._must_save = False
            self._save()

    def _register(self, watched: "_Watched") -> None:
        for path in watched.folder.news():
            found = _STEPS.search(path.stem)
            step = int(found[1]) if found else self.num_timesteps
            self._recording.save_checkpoint(path, watched.metrics(), step, is_best=watched.is_best)

    def _ask_to_save(self) -> None:
        self._must_save = True

    def _save(self) -> None:
        assert self._folder is not None
        path = self._folder / f"stepwire_{self.num_timesteps}_steps.zip"
        self.model.save(path)
        self._recording.save_checkpoint(path, {}, self.num_timesteps)
        for watched in self._watched:
            watched.folder.passed(path)

    @contained
    def _end(self) -> None:
        for watched in self._watched:
            self._register(watched)
        self._recording.end()


class _Watched:
    """A callback that writes models every so many steps, and the folder that it writes into."""

    def __init__(self, callback: BaseCallback, folder: str, every: int, *, is_best: bool) -> None:
        self._callback = callback
        self._every = max(every, 1)
        self.folder = Folder(folder, "best_model.zip" if is_best else "*.zip")
        self.is_best = is_best

    def may_have_written(self, calls: int) -> bool:
        """Return whether it may have written at this step, or at the last if it is called after us."""
        return calls % self._every in (0, 1 % self._every)

    def metrics(self) -> dict[str, float]:
        """Return what the callback knows of the model that it wrote last."""
        return {"eval/mean_reward": self._callback.best_mean_reward} if self.is_best else {}


def _watch(callback: Any) -> Iterator[_Watched]:
    """Find the callbacks of ``learn`` that write models."""
    if isinstance(callback, CallbackList):
        for inner in callback.callbacks:
            yield from _watch(inner)
    elif isinstance(callback, CheckpointCallback):
        yield _Watched(callback, callback.save_path, callback.save_freq, is_best=False)
    elif isinstance(callback, EventCallback):
        if isinstance(callback, EvalCallback) and callback.best_model_save_path is not None:
            yield _Watched(callback, callback.best_model_save_path, callback.eval_freq, is_best=True)
        yield from _watch(callback.callback)


def _config(model: Any) -> dict[str, Any]:
    """Return the algorithm and what it was made with: the plain values among its attributes."""
    plain = {
        name: value
        for name, value in vars(model).items()
        if not name.startswith("_") and isinstance(value, bool | int | float | str)
    }
    return {
        "algorithm": type(model).__name__,
        "policy": type(model.policy).__name__,
        "learning_rate": model.learning_rate if not callable(model.learning_rate) else "schedule",
        **{name: value for name, value in plain.items() if name not in ("num_timesteps", "learning_rate")},
    }
