"""The event log in the catalog."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from stepwire.protocol import EventMessage, Level
from stepwire.storage.database import Database
from stepwire.storage.row import MAX_INT, check_text, checked, whole
from stepwire.storage.tables import events, runs, speak_finite

_FIELDS = tuple(field.name for field in fields(EventMessage) if field.name != "type")


class EventRows:
    """The event methods of the catalog."""

    _database: Database

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
        values: dict[str, Any] = {
            "time": time,
            "level": level,
            "source": source,
            "event": event,
            "message": _writable(message),
            "run_id": run_id,
            "step": step,
            "data": speak_finite(data),
        }
        number = tx.scalars(insert(events).values(checked(events, values)).returning(events.c.id)).one()
        return EventMessage(id=number, **values)

    def list_events(
        self,
        *,
        run_id: str | None = None,
        levels: Sequence[Level] = (),
        before: int | None = None,
        limit: int = 200,
    ) -> list[EventMessage]:
        """Newest first, with ids below ``before``."""
        trashed = select(runs.c.id).where(runs.c.deleted_at.is_not(None))
        shown = events.c.run_id.is_(None) | events.c.run_id.not_in(trashed)
        query = select(events).where(shown).order_by(events.c.id.desc()).limit(limit)
        if run_id is not None:
            check_text("run_id", run_id)
            query = query.where(events.c.run_id == run_id)
        if levels:
            query = query.where(events.c.level.in_(levels))
        if before is not None:
            query = query.where(events.c.id < min(before, MAX_INT))
        with self._database.read() as connection:
            return [_event(row) for row in connection.execute(query)]


def _writable(message: str) -> str:
    # Console lines and tracebacks hold anything; an event is never lost for a character.
    return message.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _event(row: Row[Any]) -> EventMessage:
    values = {field: row._mapping[field] for field in _FIELDS}
    values["step"] = whole(values["step"])
    return EventMessage(**values)
