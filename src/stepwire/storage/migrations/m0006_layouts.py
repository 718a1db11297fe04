"""Layouts of the page. Frozen: a later change is a migration of its own."""

from sqlalchemy import Connection

from stepwire.storage.migrations.m0001_initial import column_types

_SQL = """
CREATE TABLE layouts (
    name TEXT NOT NULL PRIMARY KEY,
    body {json} NOT NULL,
    updated_at {int} NOT NULL
) {options}
"""


def m0006_layouts(tx: Connection) -> None:
    """Make the table of layouts, empty."""
    tx.exec_driver_sql(_SQL.format(**column_types(tx)))
