"""``TrainingMonitor``: what a training script holds in its hand. It only delegates."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self

from stepwire.client.document import CONFIG_BYTES, document
from stepwire.client.history import OnConflict
from stepwire.client.joining import accept as accept_invitation
from stepwire.client.lifecycle import COMPLETED, Outcome, judge
from stepwire.client.resume import read_plan, resume
from stepwire.client.run import Run
from stepwire.client.settings import ClientSettings, for_joining, read_settings, text
from stepwire.client.settings import total_steps as read_total_steps
from stepwire.client.shown import shown
from stepwire.client.transport import Transport
from stepwire.errors import InvalidError

Status = Literal["completed", "failed", "interrupted"]
Goal = Literal["min", "max"]
Config = Mapping[str, Any] | Any  # a dataclass, a Namespace, another object with attributes: no type says that


class TrainingMonitor:
    """Shows one training run, live, in the dashboard, and keeps it.

    Nothing here blocks or stops the training. What was logged survives the process and waits on disk until a
    server has it. Only misuse raises. The run ends with the process: ``completed``;
    ``failed`` by an uncaught exception or a non-zero ``sys.exit``; ``interrupted`` by ctrl-C or SIGTERM.

    >>> with TrainingMonitor("digits", config={"lr": 0.001}) as monitor:  # doctest: +SKIP
    ...     for step in range(1000):
    ...         monitor.log_metrics({"loss": 1 / (step + 1)}, step=step)

    Args:
        run_name: Name shown for the run, at most 256 characters.
        config: Hyperparameters: a dict or other mapping, a dataclass, an ``argparse.Namespace`` or another object with
            attributes. Copied; values that JSON does not know become text, secrets are hidden.
        dashboard_url: ``ws``, ``wss``, ``http`` or ``https`` address of the server, with its path prefix if it
            has one. Else ``STEPWIRE_URL``, else ``ws://localhost:8000``.
        project: Project of the run. Else ``STEPWIRE_PROJECT``, else ``default``.
        group: Name that runs of one experiment share.
        tags: Words to find the run by.
        notes: Free text.
        total_steps: Planned number of steps, for progress and remaining time.
        run_id: Id of the run; a new one when left out.
        rank: Number of this process in a distributed training. Else what its launcher tells (torchrun, Slurm,
            MPI, …), else 0. Rank 0 owns the run; the others join it.
        world_size: Number of those processes. 1 makes each process a run of its own.
        per_rank: Have every rank log all metrics; those of rank 3 get names that end with ``/rank3``.
        api_key: Token for a server that is not on this machine. Else ``STEPWIRE_API_KEY``.
        system_metrics_interval: Seconds between two samples of host and processes; 0 for none. Else
            ``STEPWIRE_SYSTEM_METRICS_INTERVAL``, else 5.
        capture_output: Whether what the script prints is kept with the run. Else as ``STEPWIRE_CAPTURE`` says, else
            it is.
        mode: ``online``, ``offline`` (all is kept on disk for ``stepwire sync``, nothing is sent) or ``disabled``
            (arguments are checked, nothing is kept or sent). Else ``STEPWIRE_MODE``, else ``online``; with
            ``STEPWIRE_DIR`` and no address ``offline``.
        transport: How frames travel, for tests: ``stepwire.testing.MemoryTransport()``.

    Raises:
        TypeError: An argument is of the wrong type.
        InvalidError: An argument or variable has a value that cannot be used; ``field`` names it.
    """

    def __init__(  # noqa: PLR0913 - the arguments of the specification and of the documented interface
        self,
        run_name: str,
        config: Config | None = None,
        dashboard_url: str | None = None,
        *,
        project: str | None = None,
        group: str | None = None,
        tags: Iterable[str] = (),
        notes: str | None = None,
        total_steps: int | None = None,
        run_id: str | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        per_rank: bool = False,
        api_key: str | None = None,
        system_metrics_interval: float | None = None,
        capture_output: bool | None = None,
        mode: Literal["online", "offline", "disabled"] | None = None,
        transport: Transport | None = None,
    ) -> None:
        arguments = {
            "dashboard_url": dashboard_url,
            "project": project,
            "group": group,
            "tags": tags,
            "notes": notes,
            "total_steps": total_steps,
            "run_id": run_id,
            "rank": rank,
            "world_size": world_size,
            "per_rank": per_rank,
            "api_key": api_key,
            "system_metrics_interval": system_metrics_interval,
            "capture_output": capture_output,
            "mode": mode,
        }
        settings = accept_invitation(read_settings(run_name, arguments), arguments)
        self._start(Run(settings, config, transport))

    def _start(self, run: Run) -> None:
        self._run = run
        self._log = run.metrics.log if not run.begins_again else self._first_log

    def _first_log(self, metrics: Mapping[str, Any], step: float | None, timestamp: float | datetime | None) -> None:
        self._run.metrics.log(metrics, step, timestamp)
        if step is not None and metrics:
            self._log = self._run.metrics.log
            self._run.begin_again(step)

    def __reduce__(self) -> tuple[Callable[..., "TrainingMonitor"], tuple[type, ClientSettings]]:
        """Become, in the process that loads it, a further writer of the same run."""
        return _join, (type(self), for_joining(self._run.settings))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @classmethod
    def resume_or_create(
        cls,
        run_name: str,
        checkpoint_dir: str | os.PathLike[str],
        config: Config | None = None,
        dashboard_url: str | None = None,
        *,
        on_conflict: OnConflict = "fork",
        step: float | None = None,
        **options: Any,
    ) -> Self:
        """Take up the run whose checkpoints are in a folder, or start a new one.

        The run is the one that the folder's ``.stepwire-run.json`` names; no server has to answer for that. Without
        the file it is the newest run of this name and project that is not completed, if a server answers within
        2 s; then a new one. A run that is taken up again gets a new attempt.

        >>> monitor = TrainingMonitor.resume_or_create("digits", "./checkpoints")  # doctest: +SKIP
        >>> if monitor.is_resumed:  # doctest: +SKIP
        ...     last_checkpoint = monitor.get_last_checkpoint()

        Args:
            run_name: As for ``TrainingMonitor``.
            checkpoint_dir: Folder of the checkpoints; made when it is not there.
            config: As for ``TrainingMonitor``.
            dashboard_url: As for ``TrainingMonitor``.
            on_conflict: What to do when another process owns the run: ``"fork"`` goes on as a new run, whose config
                says ``forked_from``; ``"take"`` takes the run over, and the other process logs to it no more.
            step: Step to go on from, when the script itself loads what it goes on with.
            **options: The other arguments of ``TrainingMonitor``.

        Raises:
            TypeError: An argument is of the wrong type, or is none of these.
            InvalidError: One has a value that cannot be used; ``field`` names it.
        """
        known = TrainingMonitor.__init__.__kwdefaults__ or {}
        if unknown := sorted(options.keys() - known.keys()):
            raise TypeError(f"resume_or_create() got an unexpected keyword argument {unknown[0]!r}")
        arguments = {**known, **options, "dashboard_url": dashboard_url}
        plan = read_plan(checkpoint_dir, on_conflict, step, arguments["run_id"])
        monitor = cls.__new__(cls)
        monitor._start(
            resume(
                lambda run_id: read_settings(run_name, {**arguments, "run_id": run_id}),
                plan,
                config,
                arguments["transport"],
            )
        )
        return monitor

    @property
    def is_resumed(self) -> bool:
        """Whether there is a checkpoint of an earlier attempt to go on from."""
        return self._run.history.is_resumed

    @property
    def attempt(self) -> int:
        """1 for a new run, one more each time that it is taken up again."""
        return self._run.attempt

    @property
    def run_id(self) -> str:
        """Id of the run: ``run_`` and 32 hex digits, unless another was given."""
        return self._run.settings.run_id

    @property
    def url(self) -> str:
        """Address of the run's page."""
        return self._run.url

    @property
    def dropped(self) -> int:
        """Records lost because memory was full or the server refused them; each loss is shown in the run."""
        return self._run.dropped

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        step: float | None = None,
        timestamp: float | datetime | None = None,
    ) -> None:
        """Log the values of some metrics at one step. Never blocks.

        Args:
            metrics: Name → number: int, float, bool, or a scalar of NumPy, torch or JAX. Nested dicts are
                joined by ``/``. NaN and ±Inf are kept. A call with numbers on a device is kept once they have come.
            step: Any finite number within ±2**53; one more than the last when left out, 0 at first.
            timestamp: Seconds since 1970 or an aware ``datetime``; now when left out.

        Raises:
            TypeError: ``metrics`` is not a dict, or a name, value, step or timestamp is of the wrong type.
            InvalidError: One has a value that cannot be used, or the run was finished.
        """
        self._log(metrics, step, timestamp)

    def save_checkpoint(
        self,
        filepath: str | os.PathLike[str],
        metrics: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        step: float | None = None,
    ) -> str:
        """Register a checkpoint file that the script has written; the file stays where it is.

        Size and SHA-256 are found out in the background. A file that is not there does not raise: the
        checkpoint is shown as missing.

        Args:
            filepath: The file, or a folder of files.
            metrics: Values to show beside it.
            metadata: Anything to keep with it, at most 256 KiB; what is more is cut.
            step: The last logged step when left out.

        Returns:
            The checkpoint's id, at once.

        Raises:
            TypeError, InvalidError: As ``log_metrics``.
        """
        self._run.require_open()
        return self._run.checkpoints.save(filepath, metrics, metadata, step)

    def mark_best_checkpoint(self, checkpoint_id: str) -> None:
        """Mark a checkpoint the best of the run, and no other. An id the server does not know is an event."""
        self._run.require_open()
        self._run.checkpoints.mark_best(checkpoint_id)

    def get_last_checkpoint(self, trust: bool = False) -> Any:
        """Load the newest checkpoint that is whole, and go on from its step.

        ``.pt``, ``.pth`` and ``.ckpt`` are loaded on the CPU with ``weights_only=True``; ``.safetensors`` and ``.npz``
        give a dict; ``.json`` what it holds. A file that is missing or damaged is a warning in the event log, and the
        checkpoint before it is tried. What earlier attempts logged past the checkpoint's step is superseded.

        Args:
            trust: The file may run any code while it is loaded, as it is your own: for ``.pkl`` and ``.joblib``, and
                for files of torch or NumPy that hold more than numbers.

        Raises:
            NotFoundError: There is none.
            InvalidError: The newest one could run code and ``trust`` is not given, or is of another format.
            MissingExtraError: The library that reads it is not installed.
        """
        return self._run.history.load_last(trust=trust)

    def last_checkpoint_path(self) -> str | None:
        """Path of the newest checkpoint that is there and looks whole, to load it yourself; None when there is none.

        Then say ``rewind`` with its step.
        """
        return self._run.history.last_path()

    def rewind(self, step: float) -> None:
        """Go on from ``step``: what earlier attempts of this run logged past it is superseded, kept and drawn dim."""
        self._run.rewind(step)

    def define_metric(
        self,
        name: str,
        *,
        goal: Goal | None = None,
        unit: str | None = None,
        x: str | None = None,
        rank: Literal["zero", "all"] = "zero",
    ) -> None:
        """Say how metrics are to be shown.

        Args:
            name: A metric name or a glob such as ``val/*``.
            goal: Whether a small (``"min"``) or a large (``"max"``) value is better.
            unit: Unit of the values.
            x: Name of the metric that is its x axis.
            rank: Which ranks of a distributed training log it: ``"zero"`` or ``"all"``. Call this on every rank.
        """
        if goal not in (None, "min", "max"):
            raise InvalidError(f"goal must be 'min' or 'max', not {shown(goal)}.", field="goal")
        if rank not in ("zero", "all"):
            raise InvalidError(f"rank must be 'zero' or 'all', not {shown(rank)}.", field="rank")
        given = {"unit": unit, "x": x}
        fields = {field: text(field, value, most=512) for field, value in given.items() if value is not None}
        self._run.define_metric(text("name", name, most=512), goal=goal, rank=rank, **fields)

    def update_config(self, config: Config) -> None:
        """Add to the run's config, or replace entries of it: what became known after the start.

        Args:
            config: As the ``config`` that the run began with; entries of the same name are replaced whole.

        Raises:
            TypeError: Neither a mapping nor an object with attributes.
        """
        self._run.record("config_update", config=document(config, CONFIG_BYTES))

    def set_total_steps(self, total_steps: int) -> None:
        """Set the planned number of steps, for progress and remaining time."""
        self._run.record("total_steps", total_steps=read_total_steps(total_steps))

    @property
    def should_stop(self) -> bool:
        """Whether the dashboard asked this run to stop. The first look that finds so is shown there."""
        return self._run.commands.should_stop

    def on(self, command: str, handler: Callable[[dict[str, Any]], object]) -> None:
        """Have ``poll`` call ``handler`` with the arguments of each ``command`` of the dashboard."""
        self._run.commands.on(command, handler)

    def poll(self) -> int:
        """Run the handlers of commands that came; return how many. What a handler raises is yours."""
        return self._run.commands.poll()

    def set_status(self, status: Status, reason: str | None = None) -> None:
        """Say how the run ended, whatever the process does later.

        Args:
            status: ``"completed"``, ``"failed"`` or ``"interrupted"``.
            reason: Why, in a few words.
        """
        if status not in ("completed", "failed", "interrupted"):
            raise InvalidError(
                f"status must be 'completed', 'failed' or 'interrupted', not {shown(status)}.", field="status"
            )
        why = None if reason is None else text("reason", reason, most=1024)
        self._run.set_status(Outcome(status, reason=why))

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait up to ``timeout`` seconds until all that was logged is stored; return whether it is."""
        if isinstance(timeout, bool) or not isinstance(timeout, int | float):
            raise TypeError(f"timeout must be seconds, not {type(timeout).__name__}")
        if math.isnan(timeout) or timeout < 0:
            raise InvalidError("timeout must be 0 or more seconds.", field="timeout")
        return self._run.flush(timeout)

    def finish(self) -> None:
        """End the run, ``completed`` unless ``set_status`` said otherwise; wait at most 5 s for the server."""
        self._run.end(COMPLETED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.end(judge(error))


def _join(kind: type[TrainingMonitor], settings: ClientSettings) -> TrainingMonitor:
    """Make a monitor that writes into the run of another process."""
    monitor = kind.__new__(kind)
    monitor._start(Run(settings))
    return monitor
