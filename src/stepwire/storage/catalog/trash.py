"""The trash of the catalog: runs that were deleted and can still come back."""

from sqlalchemy import Connection, select, update

from stepwire.errors import NotFoundError
from stepwire.storage.catalog.answers import delete_answers
from stepwire.storage.catalog.interface import Run, TrashedRun
from stepwire.storage.catalog.runs import is_trashed, read_run, require_run
from stepwire.storage.database import Database
from stepwire.storage.row import check_text
from stepwire.storage.tables import runs


class TrashRows:
    """The methods of the catalog about deleted runs."""

    _database: Database

    def trash_run(self, tx: Connection, run_id: str, now: int) -> None:
        """Move a run to the trash; see the interface."""
        require_run(tx, run_id)
        delete_answers(tx, run_id)
        tx.execute(update(runs).where(runs.c.id == run_id).values(deleted_at=now))

    def undelete_run(self, tx: Connection, run_id: str, now: int) -> Run:
        """Take a run out of the trash; see the interface."""
        check_text("run_id", run_id)
        taken = update(runs).where(runs.c.id == run_id, runs.c.deleted_at.is_not(None))
        if tx.execute(taken.values(deleted_at=None, updated_at=now)).rowcount != 1:
            raise NotFoundError(f"There is no run {run_id} in the trash.", "run_id")
        return read_run(tx.execute(select(runs).where(runs.c.id == run_id)).one())

    def is_trashed(self, tx: Connection, run_id: str) -> bool:
        """Whether a run is in the trash, as this transaction sees it."""
        return is_trashed(tx, run_id)

    def list_trash(self, *, before: int | None = None) -> list[TrashedRun]:
        """The runs in the trash, the last deleted first; ``before`` (µs): only those deleted earlier."""
        query = select(runs).where(runs.c.deleted_at.is_not(None)).order_by(runs.c.deleted_at.desc(), runs.c.number)
        if before is not None:
            query = query.where(runs.c.deleted_at < before)
        with self._database.read() as connection:
            return [TrashedRun(read_run(row), row.deleted_at) for row in connection.execute(query)]
