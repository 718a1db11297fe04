"""Who owns a run: one process at a time writes it as its own.

Owners follow each other by epochs, which the database keeps. A process that comes while the owner is there is told
of the conflict; once the owner is gone the next one that comes is the owner.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from stepwire.errors import FencedError, OwnedError
from stepwire.protocol import Hello
from stepwire.storage.catalog.interface import Catalog, Owner, Run

GONE_AFTER_SECONDS = 10.0
"""A process on another machine that left without a goodbye may come back for so long."""

_PRUNE_ABOVE = 100
_START_TOLERANCE_SECONDS = 2.0  # the kernel's idea of the boot time moves with the clock
_Writer = tuple[str, str]


class Presence:
    """Which writers have a socket open, and when the others count as gone.

    Changed on the event loop and read in the writer's thread too: each step is one operation on a dict.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known_from = clock() + GONE_AFTER_SECONDS
        self._links: dict[_Writer, int] = {}
        self._gone_at: dict[_Writer, float] = {}
        self._prune_above = _PRUNE_ABOVE

    def arrive(self, run_id: str, writer_id: str) -> None:
        """A socket of this writer is open."""
        writer = run_id, writer_id
        self._links[writer] = self._links.get(writer, 0) + 1

    def leave(self, run_id: str, writer_id: str, *, for_good: bool) -> None:
        """One of its sockets is closed; ``for_good``: it said goodbye."""
        writer = run_id, writer_id
        links = self._links.get(writer, 0) - 1
        if links > 0:
            self._links[writer] = links
            return
        self._links.pop(writer, None)
        self._gone_at[writer] = self._clock() + (0 if for_good else GONE_AFTER_SECONDS)
        if len(self._gone_at) > self._prune_above:
            self._prune()

    def _prune(self) -> None:
        now = self._clock()
        if now >= self._known_from:
            self._gone_at = {writer: at for writer, at in self._gone_at.items() if at > now}
        self._prune_above = 2 * len(self._gone_at) + _PRUNE_ABOVE

    def is_there(self, run_id: str, writer_id: str) -> bool:
        """Whether a socket of this writer is open."""
        return (run_id, writer_id) in self._links

    def was_there(self, run_id: str, writer_id: str) -> bool:
        """Whether this server saw its last socket close a short while ago."""
        return (run_id, writer_id) in self._gone_at

    def seconds_left(self, run_id: str, writer_id: str) -> float:
        """Seconds until a writer without a socket counts as gone; one never seen may be about to come back."""
        return max(self._gone_at.get((run_id, writer_id), self._known_from) - self._clock(), 0.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a script is to its run.

    Attributes:
        attempt: The attempt that its stream belongs to.
        epoch: That of the run's owner.
        owns: Whether that is this script.
        goes_on: Whether the run is taken up again by a new attempt.
    """

    attempt: int
    epoch: int
    owns: bool = False
    goes_on: bool = False


class Owners:
    """Decides, within the writer's transactions, who owns a run.

    Args:
        catalog: Where owners are kept.
        presence: Who is there.
        space: What process ids of this server count in; see ``process_space``.
    """

    def __init__(self, catalog: Catalog, presence: Presence, space: str) -> None:
        self._catalog = catalog
        self._presence = presence
        self._space = space
        self._moved: set[str] = set()

    def admit(self, tx: Connection, hello: Hello, run: Run | None, now: int) -> Standing:
        """Say what a script is to its run, and note it as the owner if it becomes that.

        Args:
            run: The run, if there is one.
            now: µs since 1970.

        Raises:
            OwnedError: Another process owns the run.
            FencedError: The script owned it before.
        """
        owners = self._catalog.list_owners(tx, hello.run_id)
        reached = max([run.attempt if run else 0, *(owner.attempt for owner in owners[:1])])
        if hello.mode == "sync":
            _refuse_taken(hello, owners)
            return Standing(hello.attempt, owners[0].epoch if owners else 0)
        if hello.mode == "join":
            return self._join(hello, owners, reached)
        if owners and owners[0].writer_id == hello.writer_id:
            return Standing(owners[0].attempt, owners[0].epoch, owns=True)
        if owners:
            self._check_free(tx, hello, owners, is_running=run is not None and run.status == "running")
        return self._succeed(tx, hello, owners, reached, now)

    def _join(self, hello: Hello, owners: Sequence[Owner], reached: int) -> Standing:
        """A further process: of the attempt that runs, or of the one that is about to begin."""
        is_early = bool(owners) and not self._presence.is_there(hello.run_id, owners[0].writer_id)
        return Standing(max(hello.attempt, reached + is_early), owners[0].epoch if owners else 0)

    def _succeed(self, tx: Connection, hello: Hello, owners: Sequence[Owner], reached: int, now: int) -> Standing:
        attempt = max(hello.attempt, reached + 1 if owners else reached)
        epoch = owners[0].epoch + 1 if owners else 1
        new = Owner(
            run_id=hello.run_id,
            epoch=epoch,
            writer_id=hello.writer_id,
            attempt=attempt,
            host=hello.host,
            process=hello.process,
            space=hello.process_space,
            pid=hello.pid,
            pid_start=hello.pid_start,
            created_at=now,
        )
        self._catalog.add_owner(tx, new)
        if owners:
            self._moved.add(hello.run_id)
        return Standing(attempt, epoch, owns=True, goes_on=0 < reached < attempt)

    def _check_free(self, tx: Connection, hello: Hello, owners: Sequence[Owner], *, is_running: bool) -> None:
        """Raise when the run can't be given to this script."""
        owner = owners[0]
        if any(former.writer_id == hello.writer_id for former in owners):
            raise FencedError(f"Run {hello.run_id} was taken over by another process.", "run_id")
        is_there = self._presence.is_there(owner.run_id, owner.writer_id)
        if hello.take:
            if is_there:
                self._catalog.mark_taken(tx, owner.run_id, owner.epoch)
            return
        if hello.process and hello.process == owner.process:
            return
        if is_there:
            where = f" on {owner.host}" if owner.host else ""
            raise OwnedError(f"Another process{where} owns run {hello.run_id} and is connected.")
        if is_running:
            self._check_gone(hello, owner)

    def _check_gone(self, hello: Hello, owner: Owner) -> None:
        """Raise while an owner without a socket may come back.

        One whose process is seen on this machine does, and one whose process is gone does not. Of others those that
        left on the machine of the script that asks do not.
        """
        is_there = process_lives(owner) if owner.space and owner.space == self._space else None
        is_same_host = owner.host == hello.host or not (owner.host and hello.host)
        if is_there is False:
            return
        if is_there is None and is_same_host and self._presence.was_there(owner.run_id, owner.writer_id):
            return
        seconds = self._presence.seconds_left(owner.run_id, owner.writer_id)
        if is_there:
            seconds = GONE_AFTER_SECONDS
        if seconds > 0:
            raise OwnedError(f"Another process owned run {hello.run_id} a moment ago and may come back.", seconds)

    def check(self, tx: Connection, run_id: str, epoch: int) -> None:
        """Raise FencedError when the owner of ``epoch`` owns the run no more."""
        # Only where an owner was followed by another since this server started can two of them be connected.
        if run_id in self._moved and self._catalog.current_epoch(tx, run_id) != epoch:
            raise FencedError(f"Run {run_id} was taken over by another process.", "run_id")


def process_lives(owner: Owner) -> bool | None:
    """Whether the process of an owner on this machine is there; ``None`` when that is not known."""
    import psutil

    if owner.pid is None or owner.pid_start is None:
        return None
    try:
        process = psutil.Process(owner.pid)
        is_dead = process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        is_other = abs(process.create_time() - owner.pid_start) >= _START_TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError, ValueError, OverflowError):  # it is there and tells nothing; or the id is none
        return None
    return not (is_dead or is_other)


def _refuse_taken(hello: Hello, owners: Sequence[Owner]) -> None:
    if any(owner.taken and owner.writer_id == hello.writer_id for owner in owners):
        raise FencedError(f"Run {hello.run_id} was taken from this process.", "run_id")
