"""Taking up a run again: which run it is, whether it is still another process's, and what becomes of it then."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stepwire.client.history import OnConflict, Origin
from stepwire.client.identity import Identity, IdentityFile, owner_lives, this_process
from stepwire.client.ids import new_id
from stepwire.client.lookup import find_unfinished
from stepwire.client.metrics import read_step
from stepwire.client.run import Run
from stepwire.client.settings import ClientSettings
from stepwire.client.shown import shown
from stepwire.client.transport import Transport
from stepwire.errors import InvalidError

ANSWER_SECONDS = 2.0
RANK_SECONDS = 5.0
_LOOK_SECONDS = 0.005


class Plan(NamedTuple):
    """What ``resume_or_create`` was told, checked: see there. ``run_id`` is ``None`` where nobody gave one."""

    folder: Path
    on_conflict: OnConflict
    step: float | None
    run_id: str | None


def read_plan(checkpoint_dir: object, on_conflict: object, step: object, run_id: str | None) -> Plan:
    """Check the arguments that only ``resume_or_create`` has. Raises TypeError or InvalidError."""
    folder = os.fspath(checkpoint_dir) if isinstance(checkpoint_dir, os.PathLike) else checkpoint_dir
    if not isinstance(folder, str):
        raise TypeError(f"checkpoint_dir must be a path, not {type(checkpoint_dir).__name__}")
    if not folder or "\0" in folder:
        raise InvalidError("checkpoint_dir must not be empty or hold NUL.", field="checkpoint_dir")
    if on_conflict not in ("fork", "take"):
        raise InvalidError(f"on_conflict must be 'fork' or 'take', not {shown(on_conflict)}.", field="on_conflict")
    chosen: OnConflict = "take" if on_conflict == "take" else "fork"
    given = run_id or os.environ.get("STEPWIRE_RUN_ID") or None
    return Plan(Path(folder), chosen, None if step is None else read_step(step), given)


def resume(
    read: Callable[[str | None], ClientSettings],
    plan: Plan,
    config: Mapping[str, Any] | None,
    transport: Transport | None,
) -> Run:
    """Return the run that ``resume_or_create`` asks for, begun. Waits for at most some seconds.

    Args:
        read: Reads the settings, for a run id or for a new one; raises what is wrong with them.
        plan: What to do.
        config: The user's configuration.
        transport: How frames travel; the server's WebSocket when left out.
    """
    return _Resumption(read, plan, config, transport).run()


class _Resumption:
    """One call of ``resume_or_create``."""

    def __init__(
        self,
        read: Callable[[str | None], ClientSettings],
        plan: Plan,
        config: Mapping[str, Any] | None,
        transport: Transport | None,
    ) -> None:
        self._read = read
        self._settings = settings = read(plan.run_id)
        self._plan = plan
        self._config = config
        self._transport = transport
        self._accompanies = settings.joins and settings.rank == 0
        wanted = None if self._accompanies else plan.run_id
        self._file = IdentityFile(plan.folder, settings.run_name, settings.project, wanted)

    def run(self) -> Run:
        """Begin the run."""
        if self._settings.rank > 0:
            return self._join()
        found = self._file.read()
        if self._accompanies:
            return self._accompany(found)
        if found is not None:
            return self._take_up(found)
        told = self._ask()
        return self._create() if told is None else self._take_up(told, is_told=True)

    def _ask(self) -> Identity | None:
        """What the server knows; nobody is asked where nothing is sent."""
        settings = self._settings
        if not settings.enabled or settings.offline or self._transport is not None:
            return None
        return find_unfinished(settings, self._plan.run_id)

    def _create(self) -> Run:
        settings = self._settings
        identity = Identity(settings.run_id, settings.run_name, settings.project, owner=this_process())
        if not self._file.create(identity):
            found = self._file.read()
            if found is not None:  # another process has just begun
                return self._take_up(found)
        run = self._begin(settings.run_id, Origin())
        run.keep(self._file)
        return run

    def _take_up(self, found: Identity, *, is_told: bool = False) -> Run:
        """Go on with a run, unless another process owns it.

        Args:
            is_told: The server named it: then one that another process owns is not meant.
        """
        is_mine = found.owner == this_process()
        if self._plan.on_conflict == "fork" and not is_mine and owner_lives(found):
            return self._fork(found)
        attempt = found.attempt + 1
        run = self._begin(found.run_id, self._origin(found, attempt=attempt, goes_on=True))
        self._await_answer(run)
        if run.claim.settle():
            run.abandon()
            return self._create() if is_told else self._fork(found)
        self._keep(run, found._replace(attempt=attempt, owner=this_process()), None if is_told else found)
        run.confirm()
        return run

    def _keep(self, run: Run, mine: Identity, before: Identity | None) -> None:
        if before is not None:
            self._file.adopt(mine, before)
        elif not self._file.create(mine):
            return  # another process has just begun there: the folder is its
        run.keep(self._file)

    def _fork(self, found: Identity) -> Run:
        """Go on from another process's run as a new one; the folder stays that run's."""
        return self._begin(new_id("run"), self._origin(found, forked_from=found.run_id))

    def _join(self) -> Run:
        """A further rank: of the run that rank 0 takes up, or of the one that it makes."""
        deadline = time.monotonic() + RANK_SECONDS
        while (found := self._file.read()) is None and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        if found is None:
            return Run(self._settings, self._config, self._transport)
        is_enabled = self._settings.enabled or self._settings.silent
        settings = self._settings._replace(run_id=found.run_id, joins=True, enabled=is_enabled, silent=False)
        return Run(settings, self._config, self._transport, self._origin(found, attempt=found.attempt, goes_on=True))

    def _accompany(self, found: Identity | None) -> Run:
        """Log to the run of the process that started this one; the checkpoints are those of the folder all the same."""
        settings, here = self._settings, this_process()
        before = found or Identity(settings.run_id, settings.run_name, settings.project, attempt=0)
        run = self._begin(settings.run_id, self._origin(before, attempt=before.attempt + 1))
        if found is None or found.owner == here or not owner_lives(found):
            mine = before._replace(run_id=settings.run_id, attempt=run.attempt, owner=here)
            self._keep(run, mine, found)
        return run

    def _origin(self, found: Identity, **fields: Any) -> Origin:
        plan = self._plan
        return Origin(checkpoints=found.checkpoints, step=plan.step, on_conflict=plan.on_conflict, **fields)

    def _begin(self, run_id: str, origin: Origin) -> Run:
        return Run(self._settings._replace(run_id=run_id), self._config, self._transport, origin)

    def _await_answer(self, run: Run) -> None:
        """Give the server a moment to say whose the run is."""
        if not self._settings.enabled or self._settings.offline:
            return
        deadline, sender = time.monotonic() + ANSWER_SECONDS, run.sender
        while not (sender.connected or sender.failures or run.claim.is_lost) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
