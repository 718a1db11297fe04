"""Layouts of the page in the catalog: what users saved under a name."""

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from stepwire.errors import ConflictError, NotFoundError
from stepwire.storage.catalog.interface import MAX_LAYOUTS, Layout
from stepwire.storage.database import Database
from stepwire.storage.row import check_text, checked
from stepwire.storage.tables import layouts


class LayoutRows:
    """The methods of the catalog about layouts."""

    _database: Database

    def list_layouts(self) -> list[Layout]:
        """All of them, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(layouts).order_by(layouts.c.name)).all()
        return [Layout(row.name, row.body, row.updated_at) for row in rows]

    def get_layout(self, name: str) -> Layout:
        """Raises NotFoundError."""
        check_text("name", name)
        with self._database.read() as connection:
            row = connection.execute(select(layouts).where(layouts.c.name == name)).one_or_none()
        if row is None:
            raise _missing(name)
        return Layout(row.name, row.body, row.updated_at)

    def put_layout(self, tx: Connection, name: str, body: dict[str, Any], now: int) -> Layout:
        """Save a layout, in place of the one of that name. Raises ConflictError."""
        values = checked(layouts, {"name": name, "body": body, "updated_at": now})
        if tx.execute(update(layouts).where(layouts.c.name == name).values(values)).rowcount == 0:
            if int(tx.execute(select(func.count()).select_from(layouts)).scalar_one()) >= MAX_LAYOUTS:
                raise ConflictError(f"There are {MAX_LAYOUTS} layouts already; delete one first.", "name")
            tx.execute(insert(layouts).values(values))
        return Layout(name, body, now)

    def delete_layout(self, tx: Connection, name: str) -> None:
        """Forget a layout. Raises NotFoundError."""
        check_text("name", name)
        if tx.execute(delete(layouts).where(layouts.c.name == name)).rowcount == 0:
            raise _missing(name)


def _missing(name: str) -> NotFoundError:
    return NotFoundError(f"There is no layout {name}.", "name")
