"""One run in this process: the parts of the SDK, wired, from the first record to the last."""

import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stepwire.client.capture.capture import Capture
from stepwire.client.checkpoints import Checkpoints
from stepwire.client.claim import Claim, ClaimingSender, process_identity
from stepwire.client.clock import Clock
from stepwire.client.commands import Commands
from stepwire.client.document import CONFIG_BYTES, clean, document
from stepwire.client.environment import describe, describe_command, whoami
from stepwire.client.history import History, Origin
from stepwire.client.identity import IdentityFile, SavedCheckpoint
from stepwire.client.ids import new_id
from stepwire.client.lifecycle import END_SECONDS, LIFECYCLE, Outcome, end_together
from stepwire.client.metrics import Metrics, read_step
from stepwire.client.notebook import cell_number
from stepwire.client.notice import warn
from stepwire.client.orphans import start_sweep
from stepwire.client.outbox import Left, MemoryOutbox, NullOutbox, Outbox
from stepwire.client.outbox_spool import SpoolOutbox
from stepwire.client.rank_metrics import RankMetrics
from stepwire.client.ranks import job, mark, warn_silent
from stepwire.client.sampler import Sampler
from stepwire.client.settings import ClientSettings, sync_command
from stepwire.client.spool import Spool, SpoolPlace
from stepwire.client.subject import Subject
from stepwire.client.transport import NullTransport, Transport, WebSocketTransport, check_transport
from stepwire.errors import InvalidError
from stepwire.formats.places import boot_id
from stepwire.limits import HEARTBEAT_SECONDS, MAX_STEP
from stepwire.system import installation_id, process_space
from stepwire.version import __version__

if TYPE_CHECKING:
    from stepwire.protocol import CommandMessage, CommandResult, Hello

_CHECKPOINT_SECONDS = 1.0
_DEVICE_SECONDS = 2.0


class Run:
    """Wires the parts of one run and ends it once.

    Args:
        settings: Checked settings.
        config: The user's configuration; copied, never changed.
        transport: How frames travel; the server's WebSocket when left out.
        origin: What the run goes on from; it is new when left out.
        subject: What it is about; this process when left out. The caller ends the run of another one, and tells
            its link.

    Attributes:
        attempt: Counts the processes that owned the run, this one included.
        history: Its checkpoints.
        claim: Whether this process may write it as its own.
    """

    def __init__(
        self,
        settings: ClientSettings,
        config: Mapping[str, Any] | None = None,
        transport: Transport | None = None,
        origin: Origin | None = None,
        subject: Subject | None = None,
    ) -> None:
        check_transport(transport)
        self.settings = settings
        self._subject = subject
        self._origin = origin or Origin()
        self.attempt = max(self._origin.attempt, settings.attempt)
        self._file: IdentityFile | None = None
        self._rewound: float | None = None
        self._clock = Clock()
        self._pid = os.getpid()
        self._owner_pid = 0 if settings.joins else self._pid
        self._cell = cell_number()
        self._final: Outcome | None = None
        self._ended = False
        self._last = 0
        self._settled: Callable[[], bool] = lambda: True
        self._is_late = False
        fields = document(config, CONFIG_BYTES)
        self.outbox = self._make_outbox(transport)
        self.metrics = self._make_metrics()
        self.claim = Claim(self._origin.on_conflict, self._fork, is_awaited=self._origin.goes_on)
        self.sender = ClaimingSender(
            self.outbox,
            transport or _transport(settings),
            self._introduce,
            self.claim.refuse,
            where=settings.page_url,
            on_command=self._receive,
            on_start=LIFECYCLE.hook_exit,
            offline=settings.offline,
        )
        self.commands = Commands(self.sender.reply, lambda: self.metrics.last_step)
        self.history = History(self._origin, self._tell_warning, self._go_on_from)
        self.checkpoints = Checkpoints(
            self.outbox.put, lambda: self.metrics.last_step, self._clock, self._note_checkpoint
        )
        self._sampler = Sampler(
            settings.system_metrics_interval,
            settings.run_id,
            self.outbox.put,
            self._clock,
            destination=str(settings.spool) if settings.offline else settings.page_url,
            rank=settings.rank if settings.joins else 0,
            pid=None if subject is None else subject.pid,
        )
        self._capture = Capture(self.outbox, self._clock, settings, subject)
        if settings.enabled:
            self._begin(fields)
        elif settings.silent:
            warn_silent(settings.rank)

    def _make_metrics(self) -> Metrics:
        settings = self.settings
        if settings.rank == 0:
            return Metrics(self.outbox, self._clock)
        return RankMetrics(self.outbox, self._clock, settings.rank, all_names=settings.per_rank)

    def _make_outbox(self, transport: Transport | None) -> Outbox:
        if not self.settings.enabled:
            return NullOutbox()
        if transport is not None:  # a test's own: nobody else could deliver what is left
            return MemoryOutbox()
        return SpoolOutbox(self._make_spool)

    def _make_spool(self) -> Spool:
        settings = self.settings
        identity = {
            "run_id": settings.run_id,
            "name": settings.run_name,
            "project": settings.project,
            "url": settings.page_url,
            "rank": settings.rank,
            "world": settings.world_size,
            "attempt": self.attempt,
            "mode": "own" if self.owned else "join",
            "offline": settings.offline,
            "notebook": self._cell is not None,
            "created": self._clock.now(),
            "boot_id": boot_id(),
            "space": process_space(),
            "machine_id": installation_id(),
            **whoami(),
        }
        beat = HEARTBEAT_SECONDS if settings.offline else 0.0
        return Spool(SpoolPlace(settings.spool, identity, heartbeat_seconds=beat))

    @property
    def url(self) -> str:
        """Address of the run's page."""
        return f"{self.settings.page_url}/#/runs/{self.settings.run_id}"

    @property
    def is_halfway(self) -> bool:
        """Whether a signal handler has logged while it interrupted a log call, which keeps it when it goes on."""
        return isinstance(self.outbox, SpoolOutbox) and self.outbox.is_halfway

    @property
    def owned(self) -> bool:
        """Whether this process decides the run's status: not in a forked child, nor with another rank 0."""
        return self._owner_pid == os.getpid()

    def record(self, kind: str, **fields: Any) -> None:
        """Keep a record that is not a point. Raises InvalidError once the run was finished."""
        self.require_open()
        self.outbox.put({"type": kind, "time": self._clock.now(), **fields})

    @property
    def is_finished(self) -> bool:
        """Whether it takes nothing any more."""
        return self._ended

    def require_open(self) -> None:
        """Raise InvalidError once the run was finished."""
        if self._ended:
            raise InvalidError("This run was finished; make a new TrainingMonitor.")

    def set_status(self, outcome: Outcome) -> None:
        """Say how the run ended, whatever the process does later."""
        self._final = outcome
        self.record("status", **_status(outcome))

    def flush(self, seconds: float) -> bool:
        """Wait until all that was logged is stored, offline until it is on the disk; return whether it is."""
        deadline = time.monotonic() + seconds
        self._capture.drain()
        has_come = self.metrics.deferred.settle(deadline)
        if self.settings.offline:
            return self.outbox.sync() and has_come
        left = max(deadline - time.monotonic(), 0.0)
        return (self.sender.flush(left) if self.outbox.pending else True) and has_come

    @property
    def dropped(self) -> int:
        """Records that were lost, each told in the run."""
        return self.outbox.dropped + self.metrics.deferred.dropped

    def define_metric(self, name: str, *, rank: str, **fields: Any) -> None:
        """Keep what is known about a metric; on ranks other than 0 only about those that every rank logs."""
        if isinstance(self.metrics, RankMetrics):
            if rank != "all":
                return
            self.metrics.include(name)
            name = self.metrics.name_here(name)
        self.record("define_metric", name=name, rank=rank, **fields)

    def _receive(self, command: "CommandMessage") -> "CommandResult | None":
        return self.commands.receive(command)

    # --- where it goes on from -------------------------------------------------------------------------

    def rewind(self, step: float) -> None:
        """Go on from ``step``: what earlier attempts logged past it is superseded."""
        step = read_step(step)
        self.record("rewind", step=step)
        self._rewound = step
        self._count_from(step)

    @property
    def begins_again(self) -> bool:
        """Whether an earlier attempt left no checkpoint: the first step that is logged tells where this one begins."""
        return self._origin.goes_on and self._origin.step is None and self.owned and not self.history.is_resumed

    def begin_again(self, step: float) -> None:
        """Supersede what earlier attempts logged from ``step`` on, unless the script said where it goes on."""
        if self._rewound is None and self.owned:  # not in a forked child
            first = read_step(step)
            before = first - 1 if isinstance(first, int) else math.nextafter(first, -math.inf)
            self.rewind(max(before, -MAX_STEP))

    def _count_from(self, step: float) -> None:
        """The next log call without a step is the one after ``step``."""
        if self.metrics.last_step is None:
            self.metrics.last_step = int(step) if step == int(step) else step

    def keep(self, file: IdentityFile) -> None:
        """Note checkpoints in ``file`` from now on."""
        self._file = file

    def abandon(self) -> None:
        """Leave no trace: another process owns the run, and nothing of it was logged here."""
        LIFECYCLE.forget(self)
        self._sampler.stop()
        self._capture.leave()
        self._ended = True
        self.metrics.close()
        self.sender.close(time.monotonic() + 1.0)
        self.outbox.close(is_over=True)

    def _tell_origin(self) -> None:
        if self._origin.forked_from is not None:
            self._tell_fork(self._origin.forked_from)
        if self._origin.goes_on and self._origin.step is not None:
            self.rewind(self._origin.step)

    def _go_on_from(self, step: float) -> None:
        """A checkpoint of an earlier attempt was loaded."""
        self._count_from(step)
        is_told = self._origin.step is not None or self._rewound == step
        if self._origin.goes_on and self.owned and not is_told and not self._ended:
            self.rewind(step)

    def _note_checkpoint(self, saved: SavedCheckpoint) -> None:
        self.history.add(saved)
        if self._file is not None:
            self._file.add(saved)

    def _fork(self) -> str:
        """Go on under an id of its own, in the sender's thread: nothing was sent under the other."""
        taken = self.settings.run_id
        self.settings = self.settings._replace(run_id=new_id("run"))
        self.attempt = 1
        self.outbox.relabel(run_id=self.settings.run_id, attempt=1)
        if self._file is not None:
            self._file.give_back()
        self._tell_fork(taken)
        return f"another process owns run {taken}; this one goes on as {self.url}"

    def _tell_fork(self, taken: str) -> None:
        now = self._clock.now()
        self.outbox.put({"type": "config_update", "time": now, "config": {"forked_from": taken}})
        self._tell_warning("forked", f"goes on from run {taken}, which another process owns", {"run_id": taken})

    def _tell_warning(self, event: str, message: str, data: dict[str, Any]) -> None:
        fields = {"level": "warning", "event": event, "message": message, "data": data}
        self.outbox.put({"type": "event", "time": self._clock.now(), **fields})

    # --- begin and end -------------------------------------------------------------------------------

    def _begin(self, config: dict[str, Any]) -> None:
        LIFECYCLE.end_earlier(self)
        if not (self.owned and self._origin.goes_on):
            self.confirm()
        if self.owned:
            self.record("config", **self._identity(), config=_with_job(config))
            self._tell_origin()
        elif self.settings.of_command and self.settings.rank == 0:
            self._tell_command(config)
        if self._subject is None:
            LIFECYCLE.watch(self)
        if self.settings.launch:
            mark(self.settings.launch)
        self._sampler.start()
        self._capture.start()

    def confirm(self) -> None:
        """Tell the run's link: as far as is known now, no other process owns it."""
        if self.owned and self.settings.enabled and self._subject is None:
            self._announce()
        if isinstance(self.outbox, SpoolOutbox):
            start_sweep(self.settings, None if self.settings.offline else lambda: self.sender.reached)

    def _identity(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "name": settings.run_name,
            "project": settings.project,
            "group": settings.group,
            "tags": list(settings.tags),
            "notes": settings.notes,
            "total_steps": settings.total_steps,
            "start_time": self._clock.now(),
            "attempt": self.attempt,
            "sdk": __version__,
            **(describe() if self._subject is None else describe_command(self._subject.argv)),
        }

    def _tell_command(self, config: dict[str, Any]) -> None:
        """Add to the run of ``stepwire run`` what it could not know."""
        if config:
            self.record("config_update", config=config)
        if self.settings.total_steps is not None:
            self.record("total_steps", total_steps=self.settings.total_steps)

    def _announce(self) -> None:
        """Print the run's link, the only line that the SDK ever prints."""
        name = "".join(character if character.isprintable() else "?" for character in self.settings.run_name)
        where = f"kept in {self.settings.spool}" if self.settings.offline else self.url
        line = f"stepwire: {name} → {where}\n"
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        with suppress(AttributeError, OSError, ValueError):  # no stdout, a closed one, or a broken pipe
            sys.stdout.write(line.encode(encoding, "replace").decode(encoding))
            sys.stdout.flush()

    def end(self, outcome: Outcome) -> None:
        """Set the final status, deliver what is left within ``END_SECONDS``, and stop. Only the first call counts."""
        if not self._ended:
            end_together([(self, outcome)])

    def conclude(self, outcome: Outcome, deadline: float) -> None:
        """Set the final status and hurry what is left on its way.

        Args:
            deadline: When all is to be over, in monotonic seconds; files are measured no longer than 1 s of it.
        """
        LIFECYCLE.forget(self)
        self._sampler.stop()
        self._await_values(deadline - END_SECONDS + _DEVICE_SECONDS)
        self._capture.finish()
        if self.owned:
            if self._file is not None:
                self._file.release()
            self._await_checkpoints(deadline - END_SECONDS + _CHECKPOINT_SECONDS)
            self._tell_end(outcome)
        elif self._is_heard and outcome.error is not None:
            self._tell_error(outcome.error)
        self._ended = True
        self.metrics.close()
        self._hurry()

    def interrupt(self, outcome: Outcome) -> None:
        """Set a status and hurry what is left on its way; the run may go on."""
        if self.owned and self._final is None:
            self._final = outcome
            self.record("status", **_status(outcome))
        self._capture.drain()
        self._hurry()

    def _hurry(self) -> None:
        self._last = self.outbox.last
        self._settled = self.sender.hurry(leave_if_unreachable=True)

    def settled(self) -> bool:
        """Return whether all is stored that was logged before ``conclude`` or ``interrupt``, or nobody is there."""
        if self.metrics.deferred.pending:
            self._is_late = True
            return False
        if self._is_late:  # what has come from a device since has to be sent, too
            self._is_late = False
            self._hurry()
        return self._settled()

    def calm(self) -> None:
        """End the hurry of ``interrupt``."""
        self.sender.calm()

    def close(self, deadline: float) -> None:
        """Stop sending, by ``deadline`` in monotonic seconds, and say so if records were not stored."""
        self.sender.close(deadline)
        is_stored = self.sender.has_stored(self._last)
        count = self.outbox.pending
        left = self.outbox.close(is_over=is_stored)
        if not is_stored:
            self._tell_loss(count, left)

    def note_error(self, error: BaseException, where: str) -> None:
        """Tell of an exception that nobody caught and that does not end the process."""
        with suppress(InvalidError):  # the run ended meanwhile
            self._tell_error(error, where)

    def replaces(self, earlier: Any) -> bool:
        """Return whether ``earlier`` has this one's name and was made by a cell of the same notebook before."""
        if self._cell is None or not isinstance(earlier, Run) or not (self.owned and earlier.owned):
            return False
        mine, its = self.settings, earlier.settings
        is_same = (mine.run_name, mine.project) == (its.run_name, its.project) or mine.run_id == its.run_id
        return is_same and earlier._cell != self._cell

    def progress(self) -> object:
        """Return the time of the newest row: it changes when metrics are logged."""
        return self.metrics.last_time

    def after_fork(self) -> None:
        """Become a child process's own writer of the run: a stream of its own, without a say in the status."""
        self.outbox.after_fork()
        self.sender.after_fork()
        self._sampler.after_fork()
        self._capture.after_fork()
        self.metrics.after_fork()
        self.checkpoints.after_fork()
        if self._file is not None:
            self._file.after_fork()

    @property
    def _is_heard(self) -> bool:
        """Whether this process, which does not own the run, tells why it failed: a rank, or the script of a command."""
        return bool(self.settings.rank or self.settings.of_command) and self._pid == os.getpid()

    def _tell_end(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            self._tell_error(outcome.error)
        if self._final is None:
            self.record("status", **_status(outcome))

    def _tell_error(self, error: BaseException, where: str | None = None) -> None:
        import traceback

        lines = traceback.format_exception(error)
        who = f"rank {self.settings.rank}: " if self.settings.rank else ""
        self.record(
            "event",
            level="error",
            event="traceback",
            message=clean(who + lines[-1].strip() + (f" (in {where}; the run goes on)" if where else "")),
            step=self.metrics.last_step,
            data={"traceback": clean("".join(lines))},
        )

    def _await_values(self, deadline: float) -> None:
        if not self.metrics.deferred.settle(deadline):
            self.metrics.deferred.give_up()

    def _await_checkpoints(self, deadline: float) -> None:
        while self._is_noting and time.monotonic() < deadline:
            time.sleep(0.005)

    @property
    def _is_noting(self) -> bool:
        return self.checkpoints.busy or (self._file is not None and self._file.busy)

    def _tell_loss(self, count: int, left: Left) -> None:
        """Say what became of ``count`` records that no server has."""
        settings, known = self.settings, f"{count:,} records of run {self.settings.run_id}"
        where = f"kept in {settings.spool}"
        if not isinstance(self.outbox, SpoolOutbox):
            text = f"{known} were not stored: {self.sender.reason}."
        elif left.lost or not left.is_on_disk:
            text = f"{known} were not stored: {self.sender.reason}. {settings.spool} can't be written. "
            text += f"{left.lost:,} of them are lost. " if left.lost else ""
            if left.lost < count:
                text += "What is not in it is in shared memory until this machine is restarted. "
                text += f"Mend the folder, then: {sync_command(settings)}"
        elif settings.offline:
            text = f"{known} are {where}; deliver them with: {sync_command(settings)}"
        else:
            text = (
                f"{known} were not stored yet: {self.sender.reason}. They are {where}; the next run here that logs to "
                f"{settings.page_url} delivers them, and so does: {sync_command(settings)}"
            )
        warn("%s", text)

    def _introduce(self, writer_id: str, next_seq: int) -> "Hello":
        me = whoami()
        from stepwire.protocol import Hello

        return Hello(
            run_id=self.settings.run_id,
            writer_id=writer_id,
            sdk=f"stepwire-python/{__version__}",
            rank=self.settings.rank,
            world=self.settings.world_size,
            attempt=self.attempt,
            mode="own" if self.owned else "join",
            next_seq=next_seq,
            boot_id=boot_id(),
            mono_ns=time.monotonic_ns(),
            wall_ns=time.time_ns(),
            name=self.settings.run_name,
            project=self.settings.project,
            process_space=process_space(),
            notebook=self._cell is not None,
            host=me["host"],
            process=process_identity(),
            pid=me["pid"],
            pid_start=me["pid_start"],
            take=self.claim.takes,
        )


def _transport(settings: ClientSettings) -> Transport:
    is_online = settings.enabled and not settings.offline
    return WebSocketTransport(settings.socket_url, settings.api_key) if is_online else NullTransport()


def _with_job(config: dict[str, Any]) -> dict[str, Any]:
    """A config with what names the Slurm job, so that the tasks of an array can be told apart."""
    found = job()
    return {"slurm": {**found, "host": whoami()["host"]}} | config if found else config


def _status(outcome: Outcome) -> dict[str, Any]:
    fields = {"status": outcome.status, "reason": outcome.reason, "exit_code": outcome.exit_code}
    return {name: value for name, value in fields.items() if value is not None}
