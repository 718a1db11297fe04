"""What the catalog promises: everything about a run but its points.

Every engine passes ``tests/contract/test_catalog.py``.

Promises:

* Writes take the writer's transaction (``tx``) and are visible when it commits; reads open their own read-only
  connection and may run in any thread.
* Ids come from the client. Creating twice with the same content is harmless, with other content a conflict.
* At most one checkpoint of a run is best.
* Times are µs since 1970 UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection

from stepwire.protocol import CommandMessage, EventMessage, Health, Level, RunStatus


@dataclass(frozen=True, slots=True)
class Run:
    """One run. ``number`` counts the runs of this server (``R12``); ``best`` rules are per metric (``goals``)."""

    id: str
    number: int
    name: str
    project: str
    status: RunStatus
    health: Health
    config: dict[str, Any]
    tags: tuple[str, ...]
    notes: str
    group: str | None
    total_steps: int | None
    host: str | None
    pid: int | None
    pid_start: float | None
    attempt: int
    metric_definitions: dict[str, dict[str, Any]]
    reason: str | None
    start_time: int | None
    end_time: int | None
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class NewRun:
    """What ``create_run`` needs; ``id`` is made when it is ``None``."""

    id: str | None
    name: str
    project: str = "default"
    status: RunStatus = "running"
    config: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    notes: str = ""
    group: str | None = None
    total_steps: int | None = None
    host: str | None = None
    pid: int | None = None
    pid_start: float | None = None
    attempt: int = 1
    start_time: int | None = None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs ``list_runs`` returns, and in which order.

    ``sort`` is a column (``created_at``, ``start_time``, ``name``, ``status``, ``number``, ``updated_at``), with
    ``-`` in front for descending. ``text`` matches name, id and tags as a substring. ``cursor`` continues a page.
    """

    project: str | None = None
    status: str | None = None
    tag: str | None = None
    text: str | None = None
    sort: str = "-created_at"
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint of a run; ``filepath`` is a claim of the client, an echo, never an argument.

    ``verdict``: ``registered`` (present when the SDK looked), ``missing`` (it was not).
    """

    id: str
    run_id: str
    number: int
    filepath: str
    step: float | None
    metrics: dict[str, Any]
    metadata: dict[str, Any]
    is_best: bool
    size: int | None
    sha256: str | None
    verdict: str
    created_at: int


@dataclass(frozen=True, slots=True)
class NewCheckpoint:
    """What ``register_checkpoint`` needs; ``id`` is made when it is ``None``."""

    id: str | None
    run_id: str
    filepath: str
    step: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    size: int | None = None
    sha256: str | None = None
    verdict: str = "registered"
    created_at: int | None = None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered to an ``Idempotency-Key``: the digest of the request's body and the answer."""

    digest: str
    status: int
    body: bytes


class Catalog(Protocol):
    """Runs, checkpoints, events, commands."""

    def server_id(self) -> str:
        """Identity of this database, made once; a restored backup keeps it."""
        ...

    # runs
    def create_run(self, tx: Connection, new: NewRun, now: int) -> tuple[Run, bool]:
        """Make a run; ``(run, True)`` when it is new, ``(run, False)`` when the same was there already.

        Raises:
            ConflictError: The id exists with another name, project or config.
        """
        ...

    def get_run(self, run_id: str) -> Run:
        """Raises NotFoundError."""
        ...

    def find_run(self, tx: Connection, run_id: str) -> Run | None:
        """The run as this transaction sees it."""
        ...

    def list_runs(self, where: RunFilter) -> tuple[list[Run], str | None]:
        """A page of runs and the cursor of the next one.

        Raises:
            InvalidError: ``sort`` or ``cursor`` is not one of ours.
        """
        ...

    def running_runs(self) -> list[Run]:
        """Every run whose status is ``running``, by number."""
        ...

    def count_runs(self) -> dict[str, int]:
        """Number of runs by status."""
        ...

    def update_run(self, tx: Connection, run_id: str, changes: Mapping[str, Any], now: int) -> tuple[Run, Run]:
        """Change fields of :class:`Run` by name; returns (before, after). Unknown field: InvalidError.

        Raises:
            NotFoundError: No such run.
        """
        ...

    def delete_run(self, tx: Connection, run_id: str) -> None:
        """Forget a run with its checkpoints' rows, events, commands and answers; only its id is remembered.

        Never touches a file.

        Raises:
            NotFoundError: No such run.
        """
        ...

    def was_deleted(self, tx: Connection, run_id: str) -> bool:
        """Was the last run with this id deleted? ``create_run`` with the same id makes it false again."""
        ...

    # checkpoints
    def register_checkpoint(self, tx: Connection, new: NewCheckpoint, now: int) -> tuple[Checkpoint, bool]:
        """Make a checkpoint; ``False`` when this id was there already.

        Raises:
            NotFoundError: No such run.
            ConflictError: The id belongs to another run.
        """
        ...

    def get_checkpoint(self, checkpoint_id: str) -> Checkpoint:
        """Raises NotFoundError."""
        ...

    def list_checkpoints(self, run_id: str) -> list[Checkpoint]:
        """Newest first.

        Raises:
            NotFoundError: No such run.
        """
        ...

    def update_checkpoint(self, tx: Connection, checkpoint_id: str, changes: Mapping[str, Any]) -> Checkpoint:
        """Change ``size``, ``sha256``, ``verdict``, ``metrics``, ``metadata`` or ``step``. Raises NotFoundError."""
        ...

    def mark_best(self, tx: Connection, checkpoint_id: str) -> Checkpoint:
        """Make it the run's one best checkpoint. Raises NotFoundError."""
        ...

    def delete_checkpoint(self, tx: Connection, checkpoint_id: str) -> None:
        """Forget a registration; never touches the file. Raises NotFoundError."""
        ...

    # events
    def add_event(  # noqa: PLR0913 - the columns of an event, all by name
        self,
        tx: Connection,
        *,
        time: int,
        level: Level,
        source: str,
        event: str,
        message: str,
        run_id: str | None = None,
        step: float | None = None,
        data: dict[str, Any] | None = None,
    ) -> EventMessage:
        """Append to the event log."""
        ...

    def list_events(
        self, *, run_id: str | None = None, levels: Sequence[Level] = (), before: int | None = None, limit: int = 200
    ) -> list[EventMessage]:
        """Newest first, with ids below ``before``."""
        ...

    # commands
    def add_command(self, tx: Connection, command: CommandMessage) -> None:
        """Keep a command for a run."""
        ...

    def get_command(self, command_id: str) -> CommandMessage:
        """Raises NotFoundError."""
        ...

    def list_commands(self, run_id: str, *, open_only: bool = False) -> list[CommandMessage]:
        """Oldest first; ``open_only``: those ``sent`` or ``delivered``."""
        ...

    def update_command(self, tx: Connection, command_id: str, changes: Mapping[str, Any]) -> CommandMessage:
        """Change ``state``, ``step``, ``message`` or ``time``. Raises NotFoundError."""
        ...

    def expire_commands(self, tx: Connection, run_id: str, now: int) -> list[CommandMessage]:
        """The run has ended: its commands without an outcome become ``expired``; returns them, oldest first."""
        ...

    # idempotency and dead letters
    def stored_answer(self, tx: Connection, key: str, now: int) -> StoredAnswer | None:
        """The answer given to this key, unless that is more than 24 hours before ``now``."""
        ...

    def store_answer(self, tx: Connection, key: str, answer: StoredAnswer, now: int) -> None:
        """Remember an answer for 24 hours; older ones are forgotten.

        A ``key`` that begins with a run's id and a colon is forgotten with that run.
        """
        ...

    def bury(self, tx: Connection, stream: int, seq: int, reason: str, body: bytes) -> None:
        """Keep a record that can't be used (at most 4 KiB of it) in ``dead_letters``."""
        ...
