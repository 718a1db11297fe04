"""What the catalog promises: everything about a run but its points.

Every engine passes ``tests/contract/test_catalog.py``.

Promises:

* Writes take the writer's transaction (``tx``) and are visible when it commits; reads open their own read-only
  connection and may run in any thread.
* Ids come from the client. Creating twice with the same content is harmless, with other content a conflict.
* At most one checkpoint of a run is best.
* Times are µs since 1970 UTC.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

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
class Owner:
    """A process that owns a run, or owned it before another did.

    Attributes:
        epoch: Counts the owners of the run from 1; the greatest is the one that owns it.
        writer_id: The process's stream.
        attempt: Of that stream.
        host: Name of its machine; empty when it did not say.
        process: Identity of the process, the same for all of its streams; empty when it did not say.
        space: What its process id counts in; empty when it did not say.
        pid: Its process id.
        pid_start: When it started, in seconds since 1970.
        taken: It was still there when another took the run from it.
        created_at: Since when it owned the run, µs.
    """

    run_id: str
    epoch: int
    writer_id: str
    attempt: int = 1
    host: str = ""
    process: str = ""
    space: str = ""
    pid: int | None = None
    pid_start: float | None = None
    taken: bool = False
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs ``list_runs`` returns, and in which order.

    ``sort`` is a column (``created_at``, ``start_time``, ``name``, ``status``, ``number``, ``updated_at``), with
    ``-`` in front for descending. ``text`` matches name, id and tags as a substring. ``cursor`` continues a page.
    Each of ``config`` is ``path:value``, a dotted path into the config and the scalar that has to stand there.
    """

    project: str | None = None
    status: str | None = None
    tag: str | None = None
    text: str | None = None
    sort: str = "-created_at"
    limit: int = 100
    cursor: str | None = None
    config: tuple[str, ...] = ()


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
class TrashedRun:
    """A run in the trash, and when it was put there (µs)."""

    run: Run
    deleted_at: int


ArchiveState = Literal["writing", "dropping", "archived", "restoring", "restored", "removing"]


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive of a run's points.

    Attributes:
        state: ``writing``: the file is being written, all points are in the database. ``dropping``: the file is
            whole and checked, points of the database go. ``archived``: they are gone. ``restoring``: they come
            back. ``restored``: they are back, there is no file. ``removing``: the run is gone, the file goes.
        file: Name of the file in the folder ``archive`` of the data folder.
        bytes: Size of the file.
        sha256: Of the file, as hexadecimal digits.
        points: How many values are in it.
        records: How many records the run's streams had then; more of them mean that the run went on.
        sets: What is in it: (number of the metric set, first row, the row after the last).
        created_at: When the file was begun, µs.
        updated_at: When the state changed last, µs.
    """

    run_id: str
    state: ArchiveState
    file: str
    bytes: int = 0
    sha256: str = ""
    points: int = 0
    records: int = 0
    sets: list[tuple[int, int, int]] = field(default_factory=list)
    created_at: int = 0
    updated_at: int = 0


@dataclass(frozen=True, slots=True)
class Environment:
    """What an attempt of a run ran in.

    Attributes:
        time: When the newest part of it was found out, µs.
        found: ``command``, ``folder``, ``python``, ``packages``, ``variables``, ``git``, ``hardware``, as far as they
            are known.
    """

    run_id: str
    attempt: int
    time: int
    found: dict[str, Any]


MAX_LAYOUTS = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """How a user laid out the page; ``body`` is in the page's own form."""

    name: str
    body: dict[str, Any]
    updated_at: int


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
            ConflictError: The id exists with another name, project or config, or is in the trash.
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
            InvalidError: ``sort`` or ``cursor`` is not one of ours, or a filter can't be; ``field`` names it.
        """
        ...

    def matching(self, where: RunFilter, among: Sequence[str] | None = None) -> set[str]:
        """Which of the runs ``among``, or of all, the filter lets through; its order and page play no part."""
        ...

    def newest_first(self, where: RunFilter, before: tuple[int, int] | None = None) -> Iterator[tuple[str, int, int]]:
        """(id, created_at, number) of the runs that the filter lets through, read as they are asked for.

        ``before``: only those made before this (created_at, number).
        """
        ...

    def find_runs(self, run_ids: Sequence[str]) -> list[Run]:
        """These runs in this order; those that are not there are left out."""
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
        """Forget a run, in the trash or not, with its checkpoints' rows, events, commands and answers.

        Only its id is remembered.

        Never touches a file.

        Raises:
            NotFoundError: No such run.
        """
        ...

    def was_deleted(self, tx: Connection, run_id: str) -> bool:
        """Was the last run with this id deleted, into the trash or for good?

        ``create_run`` with the same id makes it false again.
        """
        ...

    # owners
    def list_owners(self, tx: Connection, run_id: str) -> list[Owner]:
        """Every process that owned the run, the one that owns it now first."""
        ...

    def current_epoch(self, tx: Connection, run_id: str) -> int:
        """The epoch of the process that owns the run; 0 when none ever did."""
        ...

    def add_owner(self, tx: Connection, new: Owner) -> None:
        """Note the next owner of a run; ``epoch`` is one more than that of the owner before."""
        ...

    def mark_taken(self, tx: Connection, run_id: str, epoch: int) -> None:
        """Note that the owner of an epoch was still there when it lost the run."""
        ...

    # trash
    def trash_run(self, tx: Connection, run_id: str, now: int) -> None:
        """Move a run to the trash: nothing of it is found any more until it is undeleted. Its answers are forgotten.

        Raises:
            NotFoundError: No such run, or it is there already.
        """
        ...

    def undelete_run(self, tx: Connection, run_id: str, now: int) -> Run:
        """Take a run out of the trash, with all that belongs to it.

        Raises:
            NotFoundError: It is not there.
        """
        ...

    def is_trashed(self, tx: Connection, run_id: str) -> bool:
        """Whether a run is in the trash, as this transaction sees it."""
        ...

    def list_trash(self, *, before: int | None = None) -> list[TrashedRun]:
        """The runs in the trash, the last deleted first; ``before`` (µs): only those deleted earlier."""
        ...

    # archives
    def get_archive(self, run_id: str) -> Archive | None:
        """The archive of a run, or ``None``."""
        ...

    def list_archives(self, states: Sequence[ArchiveState] = ()) -> list[Archive]:
        """All archives, or those in one of these states."""
        ...

    def untouched_runs(self, before: int) -> list[str]:
        """Ids of ended runs that nothing was changed of since ``before`` (µs), by number.

        Those with an archive only when they were restored or changed after that.
        """
        ...

    def put_archive(self, tx: Connection, new: Archive) -> None:
        """Write an archive's row, in place of the one that the run had."""
        ...

    def update_archive(self, tx: Connection, run_id: str, changes: Mapping[str, Any]) -> None:
        """Change fields of :class:`Archive` by name; nothing happens when there is none."""
        ...

    def remove_archive(self, tx: Connection, run_id: str) -> None:
        """Forget the archive of a run; the file is the caller's."""
        ...

    # environments
    def add_environment(self, tx: Connection, run_id: str, attempt: int, time: int, found: dict[str, Any]) -> None:
        """Keep what was found out about an attempt; what was known under the same names is replaced."""
        ...

    def get_environment(self, run_id: str, attempt: int | None = None) -> Environment:
        """That of an attempt, the newest one when left out.

        Raises:
            NotFoundError: There is none.
        """
        ...

    # layouts
    def list_layouts(self) -> list[Layout]:
        """All of them, by name."""
        ...

    def get_layout(self, name: str) -> Layout:
        """Raises NotFoundError."""
        ...

    def put_layout(self, tx: Connection, name: str, body: dict[str, Any], now: int) -> Layout:
        """Save a layout, in place of the one of that name.

        Raises:
            ConflictError: It would be one more than ``MAX_LAYOUTS``.
        """
        ...

    def delete_layout(self, tx: Connection, name: str) -> None:
        """Forget a layout. Raises NotFoundError."""
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
