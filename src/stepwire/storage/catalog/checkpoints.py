"""Checkpoints in the catalog: registrations, never files."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from stepwire.errors import ConflictError, InvalidError, NotFoundError
from stepwire.storage.catalog.ids import new_id
from stepwire.storage.catalog.interface import Checkpoint, NewCheckpoint
from stepwire.storage.catalog.runs import is_trashed, require_run
from stepwire.storage.database import Database
from stepwire.storage.row import check_text, checked, whole
from stepwire.storage.tables import checkpoints, runs

_FIELDS = tuple(field.name for field in fields(Checkpoint))
_CHANGEABLE = frozenset({"size", "sha256", "verdict", "metrics", "metadata", "step"})


class CheckpointRows:
    """The checkpoint methods of the catalog."""

    _database: Database

    def register_checkpoint(self, tx: Connection, new: NewCheckpoint, now: int) -> tuple[Checkpoint, bool]:
        """Make a checkpoint, or find it; see the interface."""
        require_run(tx, new.run_id)
        known = find_checkpoint(tx, new.id) if new.id is not None else None
        if known is not None:
            if known.run_id != new.run_id:
                raise ConflictError(f"Checkpoint {known.id} belongs to another run.", "id")
            return known, False
        values = asdict(new) | {
            "id": new.id or new_id("ckpt_"),
            "number": _next_number(tx, new.run_id),
            "created_at": now if new.created_at is None else new.created_at,
        }
        tx.execute(insert(checkpoints).values(checked(checkpoints, values)))
        return _require(tx, values["id"]), True

    def get_checkpoint(self, checkpoint_id: str) -> Checkpoint:
        """The checkpoint; raises NotFoundError."""
        with self._database.read() as connection:
            return _require(connection, checkpoint_id)

    def list_checkpoints(self, run_id: str) -> list[Checkpoint]:
        """Those of a run, newest first; raises NotFoundError."""
        query = select(checkpoints).where(checkpoints.c.run_id == run_id).order_by(checkpoints.c.number.desc())
        with self._database.read() as connection:
            require_run(connection, run_id)
            return [_checkpoint(row) for row in connection.execute(query)]

    def update_checkpoint(self, tx: Connection, checkpoint_id: str, changes: Mapping[str, Any]) -> Checkpoint:
        """Change what is told of a checkpoint; see the interface."""
        for field in changes:
            if field not in _CHANGEABLE:
                raise InvalidError(f"{field} is not a field of a checkpoint that can be changed.", field)
        _require(tx, checkpoint_id)
        if changes:
            tx.execute(
                update(checkpoints).where(checkpoints.c.id == checkpoint_id).values(checked(checkpoints, changes))
            )
        return _require(tx, checkpoint_id)

    def mark_best(self, tx: Connection, checkpoint_id: str) -> Checkpoint:
        """Make it the run's one best checkpoint; raises NotFoundError."""
        chosen = _require(tx, checkpoint_id)
        # Two statements: at no moment may the run have two, and an index holds that.
        tx.execute(update(checkpoints).where(checkpoints.c.run_id == chosen.run_id).values(is_best=0))
        tx.execute(update(checkpoints).where(checkpoints.c.id == checkpoint_id).values(is_best=1))
        return _require(tx, checkpoint_id)

    def delete_checkpoint(self, tx: Connection, checkpoint_id: str) -> None:
        """Forget the registration; the file is never touched. Raises NotFoundError."""
        _require(tx, checkpoint_id)
        tx.execute(checkpoints.delete().where(checkpoints.c.id == checkpoint_id))


def find_checkpoint(tx: Connection, checkpoint_id: str) -> Checkpoint | None:
    """The checkpoint as this transaction sees it, or ``None``."""
    check_text("checkpoint_id", checkpoint_id)
    row = tx.execute(select(checkpoints).where(checkpoints.c.id == checkpoint_id)).one_or_none()
    return None if row is None else _checkpoint(row)


def _require(tx: Connection, checkpoint_id: str) -> Checkpoint:
    found = find_checkpoint(tx, checkpoint_id)
    if found is None or is_trashed(tx, found.run_id):
        raise NotFoundError(f"There is no checkpoint {checkpoint_id}.", "checkpoint_id")
    return found


def _checkpoint(row: Row[Any]) -> Checkpoint:
    values = {field: row._mapping[field] for field in _FIELDS}
    values["metrics"] = values["metrics"] or {}
    values["metadata"] = values["metadata"] or {}
    values["is_best"] = bool(values["is_best"])
    values["step"] = whole(values["step"])
    return Checkpoint(**values)


def _next_number(tx: Connection, run_id: str) -> int:
    made = runs.c.checkpoints_made
    tx.execute(update(runs).where(runs.c.id == run_id).values({made: made + 1}))
    return int(tx.scalars(select(made).where(runs.c.id == run_id)).one())
