"""``TrainingMonitor``: what a training script holds in its hand. It only delegates."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self

from stepwire.client.lifecycle import COMPLETED, Outcome, judge
from stepwire.client.run import Run
from stepwire.client.settings import read_settings, text
from stepwire.client.settings import total_steps as read_total_steps
from stepwire.client.transport import Transport
from stepwire.errors import InvalidError

Status = Literal["completed", "failed", "interrupted"]
Goal = Literal["min", "max"]


class TrainingMonitor:
    """Shows one training run, live, in the dashboard, and keeps it.

    Nothing here blocks or stops the training: without a server, records wait in at most 64 MiB of memory and
    are delivered when one answers. Only misuse raises. The run ends with the process: ``completed``;
    ``failed`` by an uncaught exception or a non-zero ``sys.exit``; ``interrupted`` by ctrl-C or SIGTERM.

    >>> with TrainingMonitor("digits", config={"lr": 0.001}) as monitor:  # doctest: +SKIP
    ...     for step in range(1000):
    ...         monitor.log_metrics({"loss": 1 / (step + 1)}, step=step)

    Args:
        run_name: Name shown for the run, at most 256 characters.
        config: Hyperparameters: a dict, dataclass or ``argparse.Namespace``. Copied; values that JSON does not
            know become text, secrets are hidden.
        dashboard_url: ``ws``, ``wss``, ``http`` or ``https`` address of the server, with its path prefix if it
            has one. Else ``STEPWIRE_URL``, else ``ws://localhost:8000``.
        project: Project of the run. Else ``STEPWIRE_PROJECT``, else ``default``.
        group: Name that runs of one experiment share.
        tags: Words to find the run by.
        notes: Free text.
        total_steps: Planned number of steps, for progress and remaining time.
        run_id: Id of the run; a new one when left out.
        rank: Number of this process in a distributed training. With a ``run_id`` only rank 0 owns the run;
            the others add their points to it.
        world_size: Number of those processes.
        api_key: Token for a server that is not on this machine. Else ``STEPWIRE_API_KEY``.
        system_metrics_interval: Seconds between two samples of host and process, 5 when left out; 0 for none.
        mode: ``online`` or ``disabled`` (arguments are checked, nothing is kept or sent). Else
            ``STEPWIRE_MODE``, else ``online``.
        transport: How frames travel, for tests: ``stepwire.testing.MemoryTransport()``.

    Raises:
        TypeError: An argument is of the wrong type.
        InvalidError: An argument or variable has a value that cannot be used; ``field`` names it.
    """

    def __init__(  # noqa: PLR0913 - the arguments of the specification and of the documented interface
        self,
        run_name: str,
        config: Mapping[str, Any] | None = None,
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
        api_key: str | None = None,
        system_metrics_interval: float | None = None,
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
            "api_key": api_key,
            "system_metrics_interval": system_metrics_interval,
            "mode": mode,
        }
        self._run = Run(read_settings(run_name, arguments), config, transport)
        self._log = self._run.metrics.log

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
        return self._run.outbox.dropped

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        step: float | None = None,
        timestamp: float | datetime | None = None,
    ) -> None:
        """Log the values of some metrics at one step. Never blocks.

        Args:
            metrics: Name → number: int, float, bool, or a scalar of NumPy, torch or JAX. Nested dicts are
                joined by ``/``. NaN and ±Inf are kept.
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

    def define_metric(
        self,
        name: str,
        *,
        goal: Goal | None = None,
        unit: str | None = None,
        x: str | None = None,
        rank: str = "zero",
    ) -> None:
        """Say how metrics are to be shown.

        Args:
            name: A metric name or a glob such as ``val/*``.
            goal: Whether a small (``"min"``) or a large (``"max"``) value is better.
            unit: Unit of the values.
            x: Name of the metric that is its x axis.
            rank: Whose values count in a distributed training.
        """
        if goal not in (None, "min", "max"):
            raise InvalidError(f"goal must be 'min' or 'max', not {goal!r}.", field="goal")
        given = {"unit": unit, "x": x, "rank": rank}
        fields = {field: text(field, value, most=512) for field, value in given.items() if value is not None}
        self._run.record("define_metric", name=text("name", name, most=512), goal=goal, **fields)

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

    def set_status(self, status: Status) -> None:
        """Say how the run ended, whatever the process does later."""
        if status not in ("completed", "failed", "interrupted"):
            raise InvalidError(
                f"status must be 'completed', 'failed' or 'interrupted', not {status!r}.", field="status"
            )
        self._run.set_status(Outcome(status))

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait up to ``timeout`` seconds until all that was logged is stored; return whether it is."""
        if isinstance(timeout, bool) or not isinstance(timeout, int | float):
            raise TypeError(f"timeout must be seconds, not {type(timeout).__name__}")
        if math.isnan(timeout) or timeout < 0:
            raise InvalidError("timeout must be 0 or more seconds.", field="timeout")
        return self._run.sender.flush(timeout) if self._run.outbox.pending else True

    def finish(self) -> None:
        """End the run, ``completed`` unless ``set_status`` said otherwise; wait at most 5 s for the server."""
        self._run.end(COMPLETED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.end(judge(error))
