"""The catalog on SQLAlchemy Core, for SQLite and PostgreSQL."""

from functools import cached_property

from sqlalchemy import select

from stepwire.storage.catalog.answers import AnswerRows
from stepwire.storage.catalog.archives import ArchiveRows
from stepwire.storage.catalog.checkpoints import CheckpointRows
from stepwire.storage.catalog.commands import CommandRows
from stepwire.storage.catalog.environments import EnvironmentRows
from stepwire.storage.catalog.events import EventRows
from stepwire.storage.catalog.layouts import LayoutRows
from stepwire.storage.catalog.owners import OwnerRows
from stepwire.storage.catalog.runs import RunRows
from stepwire.storage.catalog.trash import TrashRows
from stepwire.storage.database import Database
from stepwire.storage.tables import meta


class SqlCatalog(
    RunRows,
    OwnerRows,
    EnvironmentRows,
    TrashRows,
    ArchiveRows,
    LayoutRows,
    CheckpointRows,
    EventRows,
    CommandRows,
    AnswerRows,
):
    """Implements :class:`stepwire.storage.catalog.interface.Catalog`; one file per noun."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def server_id(self) -> str:
        """Identity of this database, made with it."""
        return self._server_id

    @cached_property
    def _server_id(self) -> str:
        with self._database.read() as connection:
            return str(connection.scalars(select(meta.c.value).where(meta.c.name == "server_id")).one())
