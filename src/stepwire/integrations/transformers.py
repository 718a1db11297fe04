"""Hugging Face ``Trainer``.

>>> Trainer(model, args, callbacks=[StepwireCallback("bert")])  # doctest: +SKIP
"""

from functools import partial
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from stepwire.client.monitor import TrainingMonitor
from stepwire.integrations.boundary import contained
from stepwire.integrations.recording import Recording

_PREFIXES = ("eval", "test")


class StepwireCallback(TrainerCallback):
    """Shows a training of ``Trainer``: what it logs, its arguments, its checkpoints, the best one.

    Steps are the trainer's ``global_step``. Metrics are called ``train/loss``, ``eval/loss`` and so on. Only the
    main process logs. The dashboard's commands are done by ``TrainerControl``: with several processes, which must
    agree, at the steps where the trainer logs, evaluates or saves.

    Args:
        run: Name for the run that each training makes, or a ``TrainingMonitor``.
        options: Arguments of ``TrainingMonitor``: ``project``, ``tags`` …

    Raises:
        TypeError, InvalidError: As ``TrainingMonitor``.
    """

    def __init__(self, run: str | TrainingMonitor, **options: Any) -> None:
        self._recording = Recording(run, options)
        self._evaluation: dict[str, Any] = {}
        self._asked: set[str] = set()

    @property
    def monitor(self) -> TrainingMonitor | None:
        """The run, once training began; in the main process only."""
        return self._recording.monitor

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin the run."""
        self._asked.clear()
        self._evaluation = {}
        if state.is_world_process_zero:
            self._begin(args, state, kwargs.get("model"))

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Log what the trainer logs."""
        if state.is_world_process_zero and logs:
            self._log(args, state, logs, kwargs.get("model"))

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep the metrics for the next checkpoint."""
        self._evaluation = metrics or {}

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Register the checkpoint that the trainer has written."""
        if state.is_world_process_zero:
            self._save(args, state)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Do what the dashboard asks."""
        if args.world_size == 1 or control.should_log or control.should_evaluate or control.should_save:
            self._obey(args, state, control)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Do what the dashboard asks."""
        self._obey(args, state, control)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say how the training ended."""
        self._end()

    @contained
    def _begin(self, args: TrainingArguments, state: TrainerState, model: Any) -> None:
        config = args.to_dict()
        if hasattr(model, "config") and hasattr(model.config, "to_dict"):
            config["model"] = model.config.to_dict()
        total_steps = state.max_steps if state.max_steps > 0 else None
        self._recording.begin(config, total_steps)
        self._recording.accept("save_checkpoint", partial(self._asked.add, "save_checkpoint"))
        if str(getattr(args.eval_strategy, "value", args.eval_strategy)) != "no":  # else there may be nothing to use
            self._recording.accept("evaluate", partial(self._asked.add, "evaluate"))

    @contained
    def _log(self, args: TrainingArguments, state: TrainerState, logs: dict[str, Any], model: Any) -> None:
        if self._recording.monitor is None:  # an evaluation without a training
            self._recording.begin({})
        self._recording.log({_named(name): value for name, value in logs.items()}, state.global_step)

    @contained
    def _save(self, args: TrainingArguments, state: TrainerState) -> None:
        path = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        best = state.best_model_checkpoint
        is_best = best is not None and Path(best) == path
        self._recording.save_checkpoint(path, self._evaluation, state.global_step, is_best=is_best)

    @contained
    def _end(self) -> None:
        self._recording.end()

    def _obey(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> None:
        self._look()
        asked = _agreed(self._asked) if args.world_size > 1 else self._asked
        control.should_training_stop |= "stop" in asked
        control.should_save |= "save_checkpoint" in asked
        control.should_evaluate |= "evaluate" in asked
        self._asked.clear()

    @contained
    def _look(self) -> None:
        if self._recording.poll():
            self._asked.add("stop")


def _named(name: str) -> str:
    """Return the name as other trackers show it: ``eval_loss`` is ``eval/loss``, ``loss`` is ``train/loss``.

    What the trainer sums up at the end, such as ``train_loss``, is ``train/train_loss``.
    """
    prefix, _, rest = name.partition("_")
    if rest and prefix in _PREFIXES:
        return f"{prefix}/{rest}"
    return name if name == "epoch" else f"train/{name}"


def _agreed(asked: set[str]) -> set[str]:
    """Return what the main process was asked, in all processes."""
    import torch.distributed as dist

    if not dist.is_available() or not dist.is_initialized():  # another backend than torch's: commands are not passed on
        return set()
    box = [asked]
    dist.broadcast_object_list(box, src=0)
    return box[0]
