"""What runs ran in, in the catalog: one row for each attempt."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from stepwire.errors import NotFoundError
from stepwire.storage.catalog.interface import Environment
from stepwire.storage.database import Database
from stepwire.storage.row import check_text, checked
from stepwire.storage.tables import environments


class EnvironmentRows:
    """The methods of the catalog about environments."""

    _database: Database

    def add_environment(self, tx: Connection, run_id: str, attempt: int, time: int, found: dict[str, Any]) -> None:
        """Keep what was found out about an attempt, beside what is known of it."""
        here = (environments.c.run_id == run_id) & (environments.c.attempt == attempt)
        known = tx.execute(select(environments.c.body).where(here)).one_or_none()
        body = found if known is None else known.body | found
        values = checked(environments, {"run_id": run_id, "attempt": attempt, "time": time, "body": body})
        if known is None:
            tx.execute(insert(environments).values(values))
        else:
            tx.execute(update(environments).where(here).values(values))

    def get_environment(self, run_id: str, attempt: int | None = None) -> Environment:
        """That of an attempt, the newest one when left out. Raises NotFoundError."""
        check_text("run_id", run_id)
        query = select(environments).where(environments.c.run_id == run_id).order_by(environments.c.attempt.desc())
        if attempt is not None:
            query = query.where(environments.c.attempt == attempt)
        with self._database.read() as connection:
            row = connection.execute(query.limit(1)).one_or_none()
        if row is None:
            which, field = (f"run {run_id}", "run_id") if attempt is None else (f"its attempt {attempt}", "attempt")
            raise NotFoundError(f"Nothing is known about the environment of {which}.", field)
        return Environment(row.run_id, row.attempt, row.time, row.body)
