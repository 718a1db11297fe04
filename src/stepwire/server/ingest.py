"""The one write path: everything that changes a run enters here, from socket and REST alike.

A change is a job in the writer's thread. When it is committed, and not before, it is acknowledged to its
sender and told to the viewers.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection

from stepwire.errors import ConflictError, GoneError, InvalidError, NotFoundError, StepwireError
from stepwire.protocol import (
    Batch,
    CommandMessage,
    CommandResult,
    EventMessage,
    Hello,
    HostStatus,
    Level,
    Resync,
    RunDeleted,
    RunStatus,
    ServerMessage,
    StatusChange,
)
from stepwire.server.hub import Hub
from stepwire.server.logs import read_log
from stepwire.server.owners import Owners, Presence, Standing
from stepwire.server.points import Points, append_points
from stepwire.server.records import (
    TERMINAL,
    Record,
    Scene,
    announce,
    apply_record,
    checkpoint_message,
    now_us,
    set_status,
)
from stepwire.server.samples import Samples, host_columns, host_source, read_host
from stepwire.server.trash import undelete
from stepwire.server.values import SYSTEM, check_depth, spoken
from stepwire.storage.catalog.interface import Checkpoint, NewCheckpoint, NewRun, Run, StoredAnswer
from stepwire.storage.open import Storage
from stepwire.storage.series.interface import Appended, SeriesStore, Stream
from stepwire.storage.writer import is_fatal, on_commit
from stepwire.system import process_space

log = structlog.get_logger()
T = TypeVar("T")
NewPoint = tuple[float | None, int, dict[str, float]]
"""(step or ``None`` for the next one, time in µs, values by name)."""
Outcome = tuple[Batch, Appended | Exception]
"""A batch and what became of it."""
MAX_NEXT_STEPS = 10_000
_PIECE_BYTES = 4 * 1024 * 1024
_PIECE_RECORDS = 2**20


def _pieces(batches: list[Batch]) -> Iterator[list[Batch]]:
    """Batches in groups of some megabytes: each becomes one journal row."""
    some: list[Batch] = []
    size = records = 0
    for batch in batches:
        some.append(batch)
        size += sum(len(columns.values) + len(columns.times) for columns in batch.sets)
        records += batch.n
        if size > _PIECE_BYTES or records > _PIECE_RECORDS:
            yield some
            some, size, records = [], 0, 0
    if some:
        yield some


def _is_given_up(run: Run) -> bool:
    return run.status == "crashed" or (run.status == "running" and run.health == "disconnected")


def _attempt(series: SeriesStore, tx: Connection, stream: Stream, batch: Batch) -> Appended | Exception:
    try:
        return series.append(tx, stream, batch)
    except StepwireError as error:
        return error


@dataclass(frozen=True, slots=True)
class Opened:
    """A script's open stream, the run, and what the script is to it."""

    stream: Stream
    run: Run
    standing: Standing

    @property
    def owned_epoch(self) -> int | None:
        """The epoch in which the script owns the run; ``None`` when another process may do that beside it."""
        return self.standing.epoch if self.standing.owns else None


class Ingest:
    """Writes, then tells. Methods are called on the event loop.

    Args:
        storage: Where it goes.
        hub: Who is told.
        own_host: Name of this machine: its samples are taken by the server itself, not from scripts.
        clock: Now, in µs since 1970.
    """

    def __init__(self, storage: Storage, hub: Hub, own_host: str, clock: Callable[[], int] = now_us) -> None:
        self._storage = storage
        self._hub = hub
        self._own_host = own_host
        self._clock = clock
        self._samples = Samples(storage.series, own_host)
        self._next_steps: dict[str, int] = {}
        self._presence = Presence(time.monotonic)
        self._owners = Owners(storage.catalog, self._presence, process_space())
        self.on_system: Callable[[HostStatus], None] = lambda _status: None
        self.on_command: Callable[[CommandMessage], bool] = lambda _command: False

    def submit(self, job: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Run ``job`` in the writer's next transaction; done once that is committed."""
        return asyncio.wrap_future(self._storage.writer.submit(job))

    # --- streams of training scripts -------------------------------------------------------------------

    async def open(self, hello: Hello) -> Opened:
        """Open a script's stream; makes the run if it is new, and wakes one that was given up or is taken up again.

        What ``sync`` brings of an earlier life wakes nobody. Followed by ``leave`` unless it raises.

        Raises:
            GoneError: The run was deleted.
            OwnedError: Another process owns the run.
            FencedError: Another process has taken it over.
        """

        def job(tx: Connection) -> tuple[Opened, list[ServerMessage]]:
            now = self._clock()
            run = self._storage.catalog.find_run(tx, hello.run_id)
            if run is None and self._storage.catalog.was_deleted(tx, hello.run_id):
                raise GoneError(f"Run {hello.run_id} was deleted.", "run_id")
            standing = self._owners.admit(tx, hello, run, now)
            run, messages = self._begin(Scene(tx, self._storage.catalog, hello.run_id, now), hello, run, standing)
            stream = self._storage.series.open_stream(
                tx, hello.run_id, hello.writer_id, attempt=standing.attempt, rank=hello.rank
            )
            return Opened(stream, run, standing), messages

        # Before the writer decides: of two that come at once, the second one finds the first there.
        self._presence.arrive(hello.run_id, hello.writer_id)
        try:
            opened, messages = await self.submit(job)
        except BaseException:
            self.leave(hello, for_good=True)
            raise
        self._tell(messages, hello.run_id)
        return opened

    def leave(self, hello: Hello, *, for_good: bool) -> None:
        """The socket of a script that was opened is closed; ``for_good``: the script said goodbye."""
        self._presence.leave(hello.run_id, hello.writer_id, for_good=for_good)

    def _begin(
        self, scene: Scene, hello: Hello, run: Run | None, standing: Standing
    ) -> tuple[Run, list[ServerMessage]]:
        if run is None:
            name, project = hello.name or hello.run_id, hello.project or "default"
            new = NewRun(hello.run_id, name, project, attempt=standing.attempt, start_time=scene.now)
            run, _ = scene.catalog.create_run(scene.tx, new, scene.now)
            return run, [announce(run)]
        messages: list[ServerMessage] = []
        if standing.goes_on:
            scene.catalog.update_run(scene.tx, run.id, {"attempt": standing.attempt}, scene.now)
            messages = set_status(scene, "running", reason=f"attempt {standing.attempt}")
            self._next_steps.pop(run.id, None)
        elif hello.mode != "sync" and _is_given_up(run):
            messages = set_status(scene, "running", reason="the training script is back")
        return run, messages

    def record(
        self, stream: Stream, waiting: deque[Batch], owned_epoch: int | None = None
    ) -> asyncio.Future[list[Outcome]]:
        """Store the batches of a stream that wait, exactly once, in order; then tell the viewers.

        The batches are taken when the writer comes to it: those that arrived meanwhile share one journal row.

        Args:
            owned_epoch: Store them only while the owner of this epoch owns the run.

        Returns:
            A future for what became of each batch that waited then.
        """
        taken: list[Batch] = []

        def job(tx: Connection) -> tuple[list[Outcome], list[Appended], list[ServerMessage]]:
            while waiting:
                taken.append(waiting.popleft())
            if owned_epoch is not None:
                self._owners.check(tx, stream.source, owned_epoch)
            outcomes = self._append(tx, stream, taken)
            stored = list({id(one): one for _, one in outcomes if isinstance(one, Appended)}.values())
            scene = Scene(tx, self._storage.catalog, stream.source, self._clock(), self._storage.series, stream.attempt)
            messages: list[ServerMessage] = []
            more: list[Appended] = []
            for appended in stored:
                for item in appended.records:
                    messages += self._apply(scene, stream, appended.first_seq, item, more)
            self._seal_when_ended(tx, messages)
            return outcomes, stored + more, messages

        # Submitted before this returns, so that batches enter the writer's queue in the order of the socket.
        try:
            submitted = self.submit(job)
        except StepwireError as error:  # the server stops
            submitted = asyncio.get_running_loop().create_future()
            submitted.set_exception(error)
        return asyncio.ensure_future(self._told(submitted, stream, taken, waiting))

    def _append(self, tx: Connection, stream: Stream, batches: list[Batch]) -> list[Outcome]:
        """All batches as one where possible; else each by itself, so that a bad one doesn't harm the others."""
        series = self._storage.series
        outcomes: list[Outcome] = []
        for some in _pieces(batches):
            try:
                stored = series.append_all(tx, stream, some)
                outcomes += [(batch, stored) for batch in some]
            except StepwireError:
                outcomes += [(batch, _attempt(series, tx, stream, batch)) for batch in some]
        return outcomes

    async def _told(
        self,
        job: asyncio.Future[tuple[list[Outcome], list[Appended], list[ServerMessage]]],
        stream: Stream,
        taken: list[Batch],
        waiting: deque[Batch],
    ) -> list[Outcome]:
        try:
            outcomes, stored, messages = await job
        except Exception as error:  # noqa: BLE001 - told to the sender of each batch, who sends it again
            taken += waiting
            waiting.clear()
            return [(batch, error) for batch in taken]
        for appended in stored:
            self._hub.publish_points(stream.source, appended.sets, appended.cursor)
        self._tell(messages, stream.source)
        self._show_hosts(stream, tuple(record for appended in stored for record in appended.records))
        return outcomes

    def _show_hosts(self, stream: Stream, records: tuple[Record, ...]) -> None:
        for record in records:
            if record.get("type") == "system" and record.get("host") is not None:
                with contextlib.suppress(InvalidError):  # told as record_refused already
                    status = read_host(record["host"])
                    if self._samples.is_heard(status.host, stream, record):
                        self.on_system(status)

    def _apply(
        self, scene: Scene, stream: Stream, first_seq: int, record: Record, stored: list[Appended]
    ) -> list[ServerMessage]:
        """Apply one record; one that can't be used is buried, so that it never blocks its stream."""
        try:
            check_depth(record, "record")
            if record.get("type") == "system":
                # No savepoint: points are checked before any is written, and can't be taken back one by one.
                stored += self._samples.keep(scene.tx, stream, record, scene.now)
                return []
            if record.get("type") == "log":
                self._keep_lines(scene, stream, record)
                return []
        except InvalidError as error:
            return [self._bury(scene, stream, first_seq, record, error)]
        scene.tx.exec_driver_sql("SAVEPOINT record")
        try:
            messages = apply_record(scene, record)
            if record.get("type") == "rewind":
                self._next_steps.pop(scene.run_id, None)
        except Exception as error:
            if is_fatal(error) or isinstance(error, MemoryError):
                raise  # the storage's fault, not the record's: it is sent again
            scene.tx.exec_driver_sql("ROLLBACK TO record")
            messages = [self._bury(scene, stream, first_seq, record, error)]
        scene.tx.exec_driver_sql("RELEASE record")
        return messages

    def _keep_lines(self, scene: Scene, stream: Stream, record: Record) -> None:
        """Keep what the script printed. The viewers are told when it is in the run's log file."""
        name, lines = read_log(record, scene.now)
        self._storage.logs.keep(scene.tx, stream.source, stream.number, stream.rank, name, lines)

    def _bury(self, scene: Scene, stream: Stream, first_seq: int, record: Record, error: Exception) -> ServerMessage:
        seq = first_seq + int(record.get("at", 0))
        body = repr(record).encode("utf-8", "replace")
        self._storage.catalog.bury(scene.tx, stream.number, seq, str(error), body)
        line = f"a {str(record.get('type'))[:64]} record can't be used: {error}"
        return scene.event("warning", "server", "record_refused", line)

    # --- REST ------------------------------------------------------------------------------------------

    async def create_run(self, new: NewRun) -> Run:
        """Make a run, or find the same one. Raises ConflictError for other content under the same id."""

        def job(tx: Connection) -> tuple[Run, list[ServerMessage]]:
            now = self._clock()
            run, fresh = self._storage.catalog.create_run(tx, replace(new, start_time=new.start_time or now), now)
            return run, [announce(run)] if fresh else []

        run, messages = await self.submit(job)
        self._tell(messages, run.id)
        return run

    async def update_run(self, run_id: str, changes: dict[str, Any], status: RunStatus | None = None) -> Run:
        """Change a run's fields and status. Raises NotFoundError."""

        def job(tx: Connection) -> tuple[Run, list[ServerMessage]]:
            scene = Scene(tx, self._storage.catalog, run_id, self._clock())
            _, run = self._storage.catalog.update_run(tx, run_id, changes, scene.now)
            messages = set_status(scene, status) if status else []
            self._seal_when_ended(tx, messages)
            return self._storage.catalog.find_run(tx, run_id) or run, messages

        run, messages = await self.submit(job)
        self._tell(messages, run_id)
        return run

    async def set_status(
        self,
        run_id: str,
        status: RunStatus,
        *,
        health: Any = "ok",
        reason: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Judge a run (server's own view). A run that has ended in the meantime is left as it is.

        Args:
            data: More for the event about it.
        """

        def job(tx: Connection) -> list[ServerMessage]:
            run = self._storage.catalog.find_run(tx, run_id)
            if run is None or run.status != "running":
                return []
            scene = Scene(tx, self._storage.catalog, run_id, self._clock())
            messages = set_status(scene, status, health=health, reason=reason, data=data)
            self._seal_when_ended(tx, messages)
            return messages

        self._tell(await self.submit(job), run_id)

    async def wake(self, run_id: str, reason: str) -> None:
        """A run that was given up is running after all; one that ended otherwise is left as it is."""

        def job(tx: Connection) -> list[ServerMessage]:
            run = self._storage.catalog.find_run(tx, run_id)
            if run is None or not _is_given_up(run):
                return []
            scene = Scene(tx, self._storage.catalog, run_id, self._clock())
            return set_status(scene, "running", reason=reason)

        self._tell(await self.submit(job), run_id)

    def _seal_when_ended(self, tx: Connection, messages: list[ServerMessage]) -> None:
        """Have a run's last points sealed soon when one of ``messages`` says that it ended."""
        for message in messages:
            if isinstance(message, StatusChange) and message.new_status in TERMINAL:
                on_commit(tx, partial(self._storage.series.finish, message.run_id))

    async def delete_run(self, run_id: str) -> None:
        """Move a run with its points to the trash. Raises NotFoundError."""

        def job(tx: Connection) -> None:
            self._storage.catalog.trash_run(tx, run_id, self._clock())
            self._storage.series.trash(tx, run_id)

        await self.submit(job)
        self._hub.publish(RunDeleted(run_id), run_id)

    async def undelete_run(self, run_id: str) -> Run:
        """Take a run out of the trash; one that was running is over, for its script was told. Raises NotFoundError."""
        run, messages = await self.submit(lambda tx: undelete(tx, self._storage, run_id, self._clock()))
        self._tell(messages, run_id)
        return run

    async def add_points(
        self, run_id: str, points: list[NewPoint], *, writer_id: str = "rest", first_seq: int | None = None
    ) -> Appended:
        """Store points that came by REST. Raises NotFoundError, SequenceGapError."""
        appended = await self.submit(lambda tx: self._append_rest(tx, run_id, points, writer_id, first_seq))
        self._hub.publish_points(run_id, appended.sets, appended.cursor)
        return appended

    async def add_points_once(
        self,
        run_id: str,
        points: list[NewPoint],
        key: str,
        answer: StoredAnswer,
        *,
        writer_id: str = "rest",
        first_seq: int | None = None,
    ) -> StoredAnswer:
        """Store points unless ``key`` was answered before; the points and the answer are kept in one transaction.

        Returns:
            ``answer``, or what was answered to the key before. Raises NotFoundError, SequenceGapError.
        """

        def job(tx: Connection) -> tuple[StoredAnswer, Appended | None]:
            known = self._storage.catalog.stored_answer(tx, key, self._clock())
            if known is not None:
                return known, None
            appended = self._append_rest(tx, run_id, points, writer_id, first_seq)
            self._storage.catalog.store_answer(tx, key, answer, self._clock())
            return answer, appended

        given, appended = await self.submit(job)
        if appended is not None:
            self._hub.publish_points(run_id, appended.sets, appended.cursor)
        return given

    async def rename_metric(self, run_id: str, old: str, new: str) -> None:
        """Show a metric under another name from now on, points to come too.

        Raises:
            NotFoundError: No such run, or no such metric.
            InvalidError: ``new`` is no name.
            ConflictError: The run has a metric ``new``.
        """

        def job(tx: Connection) -> list[ServerMessage]:
            run = self._require_run(tx, run_id)
            self._storage.series.rename(tx, run_id, old, new)
            scene = Scene(tx, self._storage.catalog, run_id, self._clock())
            defined = dict(run.metric_definitions)
            if old in defined and old != new:
                defined[new] = defined.pop(old)
                self._storage.catalog.update_run(tx, run_id, {"metric_definitions": defined}, scene.now)
            data = {"from": old, "to": new}
            return [Resync(run_id), scene.event("info", "run", "metric_renamed", f"{old} is now {new}", data=data)]

        self._tell(await self.submit(job), run_id)

    async def delete_metric(self, run_id: str, name: str) -> None:
        """Forget the points that a metric has by now. Raises NotFoundError."""

        def job(tx: Connection) -> list[ServerMessage]:
            self._require_run(tx, run_id)
            self._storage.series.delete_metric(tx, run_id, name)
            scene = Scene(tx, self._storage.catalog, run_id, self._clock())
            line = f"the points of {name} were deleted"
            return [Resync(run_id), scene.event("warning", "run", "metric_deleted", line, data={"key": name})]

        self._tell(await self.submit(job), run_id)

    def _require_run(self, tx: Connection, run_id: str) -> Run:
        run = self._storage.catalog.find_run(tx, run_id)
        if run is None:
            raise NotFoundError(f"There is no run {run_id}.", "run_id")
        return run

    async def add_event(self, level: Level, source: str, event: str, message: str, data: dict[str, Any]) -> None:
        """Add a line that is about no run to the event log."""
        now = self._clock()

        def job(tx: Connection) -> EventMessage:
            return self._storage.catalog.add_event(
                tx, time=now, level=level, source=source, event=event, message=message, data=data
            )

        self._hub.publish(await self.submit(job))

    async def add_host_samples(self, samples: list[HostStatus]) -> None:
        """Store samples that the server took of its own host."""
        points: Points = [(status.time // 1_000_000, status.time, host_columns(status)) for status in samples]
        source = host_source(self._own_host)
        await self.submit(lambda tx: append_points(self._storage.series, tx, source, "server", points, kind="host"))

    def _append_rest(
        self, tx: Connection, run_id: str, points: list[NewPoint], writer_id: str, first_seq: int | None
    ) -> Appended:
        attempt = self._require_run(tx, run_id).attempt
        if writer_id == "rest" and attempt > 1:
            writer_id = f"rest/{attempt}"  # what comes after a rewind is not superseded by it
        stepped = self._with_steps(run_id, points)
        appended = append_points(
            self._storage.series, tx, run_id, writer_id, stepped, attempt=attempt, first_seq=first_seq
        )
        self._next_steps[run_id] = int(stepped[-1][0]) + 1
        return appended

    def _with_steps(self, run_id: str, points: list[NewPoint]) -> Points:
        """Fill in implied steps; in the writer's thread, one request after another, so that none is given twice."""
        if all(step is not None for step, _, _ in points):
            return [(step, when, values) for step, when, values in points if step is not None]
        if len(self._next_steps) > MAX_NEXT_STEPS:
            self._next_steps.clear()
        following = max(self._next_steps.get(run_id, 0), self._stored_next_step(run_id))
        stepped: Points = []
        for step, when, values in points:
            known = following if step is None else step
            following = int(known) + 1
            stepped.append((known, when, values))
        return stepped

    def _stored_next_step(self, run_id: str) -> int:
        found = self._storage.series.newest([run_id], but=SYSTEM).get(run_id)
        return 0 if found is None else int(found[0]) + 1

    async def register_checkpoint(self, new: NewCheckpoint) -> Checkpoint:
        """Register a checkpoint. Raises NotFoundError, ConflictError."""

        def job(tx: Connection) -> tuple[Checkpoint, list[ServerMessage]]:
            scene = Scene(tx, self._storage.catalog, new.run_id, self._clock())
            saved, fresh = self._storage.catalog.register_checkpoint(tx, new, scene.now)
            if not fresh:
                return saved, []
            line = f"ckpt_{saved.number:04d} saved"
            return saved, [
                checkpoint_message(saved),
                scene.event("info", "checkpoint", "checkpoint_saved", line, step=new.step),
            ]

        return await self._checkpoint(job)

    async def mark_best(self, checkpoint_id: str) -> Checkpoint:
        """Mark a checkpoint best, and no other of its run. Raises NotFoundError."""

        def job(tx: Connection) -> tuple[Checkpoint, list[ServerMessage]]:
            saved = self._storage.catalog.mark_best(tx, checkpoint_id)
            scene = Scene(tx, self._storage.catalog, saved.run_id, self._clock())
            line = f"ckpt_{saved.number:04d} is best"
            return saved, [
                checkpoint_message(saved),
                scene.event("info", "checkpoint", "checkpoint_best", line, step=saved.step),
            ]

        return await self._checkpoint(job)

    async def _checkpoint(self, job: Callable[[Connection], tuple[Checkpoint, list[ServerMessage]]]) -> Checkpoint:
        saved, messages = await self.submit(job)
        self._tell(messages, saved.run_id)
        return saved

    async def delete_checkpoint(self, checkpoint_id: str) -> None:
        """Forget a registration; the file is never touched. Raises NotFoundError."""
        await self.submit(lambda tx: self._storage.catalog.delete_checkpoint(tx, checkpoint_id))

    # --- commands --------------------------------------------------------------------------------------

    async def send_command(self, command: CommandMessage) -> CommandMessage:
        """Keep a command and hand it to the run's script if that is connected.

        Raises:
            NotFoundError: No such run.
            ConflictError: The run is not running.
        """

        def job(tx: Connection) -> list[ServerMessage]:
            run = self._storage.catalog.find_run(tx, command.run_id)
            if run is None:
                raise NotFoundError(f"There is no run {command.run_id}.", "run_id")
            if run.status != "running":
                raise ConflictError(f"Run {run.name} is {run.status}; only a running run takes commands.")
            self._storage.catalog.add_command(tx, command)
            scene = Scene(tx, self._storage.catalog, run.id, self._clock())
            return [
                command,
                scene.event("info", "command", "command_sent", f"{command.command.upper()} sent"),
            ]

        self._tell(await self.submit(job), command.run_id)
        self.on_command(command)
        return command

    async def command_result(self, run_id: str, result: CommandResult) -> None:
        """Note what a script did with a command. One of another run, or unknown, is ignored with a log line."""

        def job(tx: Connection) -> list[ServerMessage]:
            known = self._storage.catalog.get_command(result.id)
            if known.run_id != run_id or known.state in {"acknowledged", "refused", "expired"}:
                return []
            changes = {
                "state": result.state,
                "step": result.step,
                "message": result.message,
                "time": self._clock(),
            }
            command = self._storage.catalog.update_command(tx, result.id, changes)
            scene = Scene(tx, self._storage.catalog, run_id, self._clock())
            at = f" at step {spoken(result.step)}" if result.step is not None else ""
            line = f"{command.command.upper()} {result.state}{at}" + (f": {result.message}" if result.message else "")
            return [
                command,
                scene.event("info", "command", f"command_{result.state}", line, step=result.step),
            ]

        try:
            self._tell(await self.submit(job), run_id)
        except NotFoundError:
            log.warning("command_unknown", run_id=run_id, command_id=result.id)

    def _tell(self, messages: list[ServerMessage], run_id: str) -> None:
        for message in messages:
            self._hub.publish(message, run_id)
