"""What the database's files take on disk."""

from dataclasses import dataclass

from stepwire.storage.database import FILE_NAME, Database, driver


@dataclass(frozen=True, slots=True)
class Size:
    """In bytes: the database, its write-ahead log beside it, and what of the database is free for what comes."""

    database: int
    wal: int
    free: int


def measure(database: Database) -> Size:
    """The sizes now. Reads two pages."""
    with database.read() as connection:
        db = driver(connection)
        page, pages, free = (
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
        )
    log = database.folder / f"{FILE_NAME}-wal"
    return Size(page * pages, log.stat().st_size if log.exists() else 0, page * free)
