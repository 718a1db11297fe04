"""Owners of runs in the catalog: one row for each process that owned a run, so that none comes back unnoticed."""

from dataclasses import asdict, fields

from sqlalchemy import Connection, func, insert, select, update

from stepwire.storage.catalog.interface import Owner
from stepwire.storage.row import check_text, checked
from stepwire.storage.tables import owners

_FIELDS = tuple(field.name for field in fields(Owner))


class OwnerRows:
    """The methods of the catalog about owners."""

    def list_owners(self, tx: Connection, run_id: str) -> list[Owner]:
        """Every process that owned the run, the newest first."""
        check_text("run_id", run_id)
        query = select(owners).where(owners.c.run_id == run_id).order_by(owners.c.epoch.desc())
        found = []
        for row in tx.execute(query):
            values = {field: row._mapping[field] for field in _FIELDS}
            found.append(Owner(**values | {"taken": bool(values["taken"])}))
        return found

    def current_epoch(self, tx: Connection, run_id: str) -> int:
        """The greatest epoch; 0 when there is none."""
        query = select(func.coalesce(func.max(owners.c.epoch), 0)).where(owners.c.run_id == run_id)
        return int(tx.execute(query).scalar_one())

    def add_owner(self, tx: Connection, new: Owner) -> None:
        """Note the next owner of a run."""
        values = asdict(new) | {"taken": int(new.taken)}
        tx.execute(insert(owners).values(checked(owners, values)))

    def mark_taken(self, tx: Connection, run_id: str, epoch: int) -> None:
        """Note that an owner was still there when it lost the run."""
        tx.execute(update(owners).where(owners.c.run_id == run_id, owners.c.epoch == epoch).values(taken=1))
