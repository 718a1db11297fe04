"""Everything a server stores, opened and closed together."""

from dataclasses import dataclass
from pathlib import Path

from stepwire.errors import StepwireError
from stepwire.storage.catalog.interface import Catalog
from stepwire.storage.catalog.sql import SqlCatalog
from stepwire.storage.database import Database, open_database
from stepwire.storage.logs.keeper import RunLogs
from stepwire.storage.series.interface import SeriesStore
from stepwire.storage.series.sqlite import SqliteSeries
from stepwire.storage.writer import Writer


@dataclass(frozen=True, slots=True)
class Storage:
    """The open storage of one data folder.

    Write with ``storage.writer.submit(lambda tx: storage.catalog.create_run(tx, …))``; read from any thread.
    """

    database: Database
    writer: Writer
    catalog: Catalog
    series: SeriesStore
    logs: RunLogs

    def close(self, timeout: float = 10.0) -> None:
        """Finish the writes that wait, then close and unlock the folder. Harmless when done already.

        Raises:
            StepwireError: ``timeout`` seconds were too few. The folder stays locked while this process lives,
                because two that write would damage it.
        """
        self.logs.close(timeout)
        self.series.close()
        if not self.writer.close(timeout):
            raise StepwireError(f"{self.writer.waiting} writes were not finished within {timeout:g} s.")
        self.database.close()


def open_storage(folder: Path) -> Storage:
    """Open the data folder, made when it is not there.

    Raises:
        DataFolderInUseError: Another server has it.
        StepwireError: It can't be used, or a newer Stepwire wrote it.
    """
    database = open_database(folder)
    writer = Writer(database)
    try:
        catalog = SqlCatalog(database)
        return Storage(database, writer, catalog, SqliteSeries(database, writer), RunLogs(database, writer, catalog))
    except BaseException:
        writer.close()
        database.close()
        raise
