"""Archives in the catalog: which run's points were moved into which file, and how far that is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from stepwire.storage.catalog.interface import Archive
from stepwire.storage.database import Database
from stepwire.storage.row import check_text
from stepwire.storage.tables import archive, runs

_FIELDS = tuple(field.name for field in fields(Archive))


class ArchiveRows:
    """The methods of the catalog about archives."""

    _database: Database

    def get_archive(self, run_id: str) -> Archive | None:
        """The archive of a run, or ``None``."""
        check_text("run_id", run_id)
        with self._database.read() as connection:
            row = connection.execute(select(archive).where(archive.c.run_id == run_id)).one_or_none()
        return None if row is None else _archive(row)

    def list_archives(self, states: Sequence[str] = ()) -> list[Archive]:
        """All archives, or those in one of these states."""
        query = select(archive).order_by(archive.c.run_id)
        if states:
            query = query.where(archive.c.state.in_(states))
        with self._database.read() as connection:
            return [_archive(row) for row in connection.execute(query)]

    def untouched_runs(self, before: int) -> list[str]:
        """Ids of ended runs that could be archived; see the interface."""
        has = archive.c.run_id == runs.c.id
        query = (
            select(runs.c.id)
            .outerjoin(archive, has)
            .where(runs.c.deleted_at.is_(None), runs.c.status != "running")
            .where(runs.c.updated_at < before, func.coalesce(runs.c.end_time, 0) < before)
            .where(func.coalesce(archive.c.updated_at, 0) < before)
            .where(
                archive.c.run_id.is_(None)
                | (archive.c.state == "restored")
                | (archive.c.updated_at < runs.c.updated_at)
            )
            .order_by(runs.c.number)
        )
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def put_archive(self, tx: Connection, new: Archive) -> None:
        """Write an archive's row, in place of the one that the run had."""
        self.remove_archive(tx, new.run_id)
        tx.execute(insert(archive).values(**asdict(new)))

    def update_archive(self, tx: Connection, run_id: str, changes: Mapping[str, Any]) -> None:
        """Change fields of :class:`Archive` by name; nothing happens when there is none."""
        tx.execute(update(archive).where(archive.c.run_id == run_id).values(**changes))

    def remove_archive(self, tx: Connection, run_id: str) -> None:
        """Forget the archive of a run; the file is the caller's."""
        tx.execute(delete(archive).where(archive.c.run_id == run_id))


def _archive(row: Row[Any]) -> Archive:
    values = {field: row._mapping[field] for field in _FIELDS}
    values["sets"] = [(number, first, stop) for number, first, stop in values["sets"] or ()]
    return Archive(**values)
