"""Numbered migrations: named functions, each recorded in the same transaction as its effect.

A migration is never changed once released; its name is what a database remembers.
"""

import time
from collections.abc import Callable

from sqlalchemy import Connection, insert, inspect, select

from stepwire.errors import StepwireError
from stepwire.storage.migrations.m0001_initial import m0001_initial
from stepwire.storage.migrations.m0002_blocks import m0002_blocks
from stepwire.storage.migrations.m0003_retention import m0003_retention
from stepwire.storage.migrations.m0004_owners import m0004_owners
from stepwire.storage.migrations.m0005_logs import m0005_logs
from stepwire.storage.migrations.m0006_layouts import m0006_layouts
from stepwire.storage.tables import migration

MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    m0001_initial,
    m0002_blocks,
    m0003_retention,
    m0004_owners,
    m0005_logs,
    m0006_layouts,
)


def pending(tx: Connection) -> list[Callable[[Connection], None]]:
    """The migrations that this database still needs, in order.

    Raises:
        StepwireError: The database has a migration that this code does not know.
    """
    applied = _applied(tx)
    unknown = sorted(applied - {step.__name__ for step in MIGRATIONS})
    if unknown:
        raise StepwireError(
            f"The database was written by a newer Stepwire (it has {', '.join(unknown)}): "
            "upgrade Stepwire, or name another data folder with --data."
        )
    return [step for step in MIGRATIONS if step.__name__ not in applied]


def migrate(tx: Connection) -> list[str]:
    """Bring the database up to date inside ``tx``; returns the names of what was applied."""
    steps = pending(tx)
    for step in steps:
        migration.create(tx, checkfirst=True)
        step(tx)
        tx.execute(insert(migration).values(name=step.__name__, applied_at=time.time_ns() // 1000))
    return [step.__name__ for step in steps]


def _applied(tx: Connection) -> set[str]:
    if not inspect(tx).has_table(migration.name):
        return set()
    return set(tx.scalars(select(migration.c.name)))
