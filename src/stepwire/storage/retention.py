"""What is kept for how long: raw points, runs in the trash, runs that nobody touched. Default: everything."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from stepwire.errors import NotFoundError, StepwireError
from stepwire.protocol import EventMessage, Level
from stepwire.storage.archive import UNFINISHED, Archives, StoppedError
from stepwire.storage.catalog.interface import Run
from stepwire.storage.open import Storage
from stepwire.storage.series.interface import DropRule

DAY_US = 24 * 3600 * 1_000_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's wishes, in days; ``None``: never.

    Attributes:
        keep_raw: Points older than this are dropped; the pyramid stays.
        archive: Ended runs that nobody touched for so long are archived.
        trash: Deleted runs can be undeleted for so long.
    """

    keep_raw: float | None = None
    archive: float | None = None
    trash: float = 7.0


class Retention:
    """Carries a policy out, and what was asked for by hand. One call at a time, in a thread of the caller's.

    Args:
        storage: The open data folder.
        policy: What is kept for how long.
        clock: Now, in µs since 1970.
        tell: Called with each event once it is committed.
        proceed: Called before each piece of work; what it raises ends the work, which goes on at the next turn.
    """

    def __init__(
        self,
        storage: Storage,
        policy: Policy,
        clock: Callable[[], int],
        tell: Callable[[EventMessage], None] = lambda _event: None,
        proceed: Callable[[], None] = lambda: None,
    ) -> None:
        self.archives = Archives(storage, clock, tell, proceed)
        self._storage = storage
        self._policy = policy
        self._clock = clock
        self._tell = tell
        self._proceed = proceed
        self._told: set[tuple[str, str]] = set()

    def turn(self) -> None:
        """Finish what a kill broke off, then do what is due. What fails is told as an event, once per life."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """As ``turn``, run by run, so that other work finds its place in between."""
        for known in self._storage.catalog.list_archives(UNFINISHED):
            self._try("archive_failed", known.run_id, lambda known=known: self.archives.finish(known))  # type: ignore[misc]
            yield
        before = self._clock() - int(self._policy.trash * DAY_US)
        for one in self._storage.catalog.list_trash(before=before):
            self._try("purge_failed", one.run.id, lambda run=one.run: self.purge(run.id))  # type: ignore[misc]
            yield
        if self._policy.archive is not None:
            yield from self._archive_untouched(self._clock() - int(self._policy.archive * DAY_US))
        if self._policy.keep_raw is not None:
            yield from self._drop_raw(self._clock() - int(self._policy.keep_raw * DAY_US))

    def _try(self, what: str, source: str, work: Callable[[], object]) -> None:
        self._proceed()
        try:
            work()
        except StoppedError:
            raise
        except Exception as error:  # noqa: BLE001 - one run must not keep the others from their turn; the event tells
            if (what, source) not in self._told:
                self._told.add((what, source))
                told = error.message if isinstance(error, StepwireError) else repr(error)
                self._event("warning", what, f"{source}: {told}", source)
        else:
            self._told.discard((what, source))

    # --- deleted runs ----------------------------------------------------------------------------------

    def purge(self, run_id: str) -> None:
        """Delete a run in the trash for good: its rows, its points, its archive.

        Raises:
            NotFoundError: It is not in the trash.
        """
        found = next((one.run for one in self._storage.catalog.list_trash() if one.run.id == run_id), None)
        if found is None:
            raise NotFoundError(f"There is no run {run_id} in the trash.", "run_id")
        usage = self._storage.series.usage(run_id)
        known = self._storage.catalog.get_archive(run_id)
        nbytes = usage.raw + usage.levels + usage.journal + (known.bytes if known is not None else 0)
        line = f"R{found.number} {found.name} deleted for good: {usage.points:,} points, {nbytes:,} bytes"
        data = {"run_id": run_id, "points": usage.points, "bytes": nbytes}
        self._tell(self._write(lambda tx: self._delete(tx, run_id, line, data)))
        if known is not None:
            self.archives.remove_file(known)

    def _delete(self, tx: Connection, run_id: str, line: str, data: dict[str, Any]) -> EventMessage:
        catalog, now = self._storage.catalog, self._clock()
        if not catalog.is_trashed(tx, run_id):  # somebody brought it back meanwhile
            raise NotFoundError(f"There is no run {run_id} in the trash.", "run_id")
        catalog.delete_run(tx, run_id)
        self._storage.series.delete(tx, run_id)
        self._storage.logs.forget(tx)
        catalog.update_archive(tx, run_id, {"state": "removing", "updated_at": now})
        return catalog.add_event(
            tx, time=now, level="info", source="server", event="run_purged", message=line, data=data
        )

    def empty_trash(self) -> int:
        """Delete every run in the trash for good; returns how many there were."""
        found = self._storage.catalog.list_trash()
        for one in found:
            self._proceed()
            self.purge(one.run.id)
        return len(found)

    # --- the policy ------------------------------------------------------------------------------------

    def _archive_untouched(self, before: int) -> Iterator[None]:
        for run_id in self._storage.catalog.untouched_runs(before):
            extent = self._storage.series.extent(run_id)
            if extent.sets and extent.last_time < before:
                self._try("archive_failed", run_id, lambda run_id=run_id: self.archives.archive(run_id))  # type: ignore[misc]
                yield

    def _drop_raw(self, before: int) -> Iterator[None]:
        for source, kind in self._storage.series.raw_older_than(before):
            if kind == "host" or self._may_lose(source, before):
                self._try("raw_drop_failed", source, lambda s=source, k=kind: self._drop(s, k, before))  # type: ignore[misc]
                yield

    def _may_lose(self, run_id: str, before: int) -> bool:
        """Whether a run has ended, and its points are not those of an archive or just came back from one."""
        run = self._find(run_id)
        known = self._storage.catalog.get_archive(run_id)
        restored = known is None or (known.state == "restored" and known.updated_at < before)
        return run is not None and run.status != "running" and restored

    def _find(self, run_id: str) -> Run | None:
        try:
            return self._storage.catalog.get_run(run_id)
        except NotFoundError:
            return None

    def _drop(self, source: str, kind: str, before: int) -> None:
        dropped = self._storage.series.drop(source, DropRule(before=before, ended=kind == "run"), self._proceed)
        if dropped.points:
            line = f"{dropped.points:,} old points dropped, {dropped.bytes:,} bytes given back; their pyramid stays"
            line = line if kind == "run" else f"{source}: {line}"
            self._event("info", "raw_dropped", line, source, {"points": dropped.points, "bytes": dropped.bytes})

    # --- events ----------------------------------------------------------------------------------------

    def _event(self, level: Level, name: str, line: str, source: str, data: dict[str, Any] | None = None) -> None:
        run_id = None if self._find(source) is None else source
        now = self._clock()
        self._tell(
            self._write(
                lambda tx: self._storage.catalog.add_event(
                    tx, time=now, level=level, source="server", event=name, message=line, run_id=run_id, data=data
                )
            )
        )

    def _write(self, job: Callable[[Connection], T]) -> T:
        return self._storage.writer.submit(job).result()
