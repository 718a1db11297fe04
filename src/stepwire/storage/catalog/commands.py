"""Commands to runs in the catalog."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from stepwire.errors import ConflictError, InvalidError, NotFoundError
from stepwire.protocol import CommandMessage
from stepwire.storage.catalog.runs import require_run
from stepwire.storage.database import Database
from stepwire.storage.row import check_text, checked, whole
from stepwire.storage.tables import commands

_FIELDS = tuple(field.name for field in fields(CommandMessage) if field.name != "type")
_CHANGEABLE = frozenset({"state", "step", "message", "time"})
_OPEN = ("sent", "delivered")


class CommandRows:
    """The command methods of the catalog."""

    _database: Database

    def add_command(self, tx: Connection, command: CommandMessage) -> None:
        """Keep a command for a run.

        Raises:
            NotFoundError: No such run.
            ConflictError: The id was used before.
        """
        require_run(tx, command.run_id)
        if _find(tx, command.id) is not None:
            raise ConflictError(f"Command {command.id} exists already.", "id")
        values = {field: getattr(command, field) for field in _FIELDS}
        tx.execute(insert(commands).values(checked(commands, values)))

    def get_command(self, command_id: str) -> CommandMessage:
        """The command; raises NotFoundError."""
        with self._database.read() as connection:
            return _require(connection, command_id)

    def list_commands(self, run_id: str, *, open_only: bool = False) -> list[CommandMessage]:
        """Those of a run, oldest first; ``open_only``: without an outcome yet."""
        check_text("run_id", run_id)
        query = select(commands).where(commands.c.run_id == run_id).order_by(commands.c.number)
        if open_only:
            query = query.where(commands.c.state.in_(_OPEN))
        with self._database.read() as connection:
            return [_command(row) for row in connection.execute(query)]

    def update_command(self, tx: Connection, command_id: str, changes: Mapping[str, Any]) -> CommandMessage:
        """Change ``state``, ``step``, ``message`` or ``time``; raises NotFoundError."""
        for field in changes:
            if field not in _CHANGEABLE:
                raise InvalidError(f"{field} is not a field of a command that can be changed.", field)
        _require(tx, command_id)
        if changes:
            tx.execute(update(commands).where(commands.c.id == command_id).values(checked(commands, changes)))
        return _require(tx, command_id)

    def expire_commands(self, tx: Connection, run_id: str, now: int) -> list[CommandMessage]:
        """Those without an outcome become ``expired``; returns them as they are now, oldest first."""
        open_ones = select(commands.c.id).where(commands.c.run_id == run_id, commands.c.state.in_(_OPEN))
        found = tx.execute(open_ones.order_by(commands.c.number)).scalars().all()
        return [self.update_command(tx, command_id, {"state": "expired", "time": now}) for command_id in found]


def _find(tx: Connection, command_id: str) -> CommandMessage | None:
    check_text("command_id", command_id)
    row = tx.execute(select(commands).where(commands.c.id == command_id)).one_or_none()
    return None if row is None else _command(row)


def _require(tx: Connection, command_id: str) -> CommandMessage:
    found = _find(tx, command_id)
    if found is None:
        raise NotFoundError(f"There is no command {command_id}.", "command_id")
    return found


def _command(row: Row[Any]) -> CommandMessage:
    values = {field: row._mapping[field] for field in _FIELDS}
    values["args"] = values["args"] or {}
    values["step"] = whole(values["step"])
    return CommandMessage(**values)
