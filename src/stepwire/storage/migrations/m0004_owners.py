"""Who owns a run, and from which step an attempt went on. Frozen: a later change is a migration of its own."""

from sqlalchemy import Connection

from stepwire.storage.migrations.m0001_initial import column_types

_SQL = """
CREATE TABLE owners (
    run_id TEXT NOT NULL,
    epoch {int} NOT NULL,
    writer_id TEXT NOT NULL,
    attempt {int} NOT NULL,
    host TEXT NOT NULL,
    process TEXT NOT NULL,
    space TEXT NOT NULL,
    pid {int},
    pid_start {real},
    taken {int} NOT NULL DEFAULT 0,
    created_at {int} NOT NULL,
    PRIMARY KEY (run_id, epoch)
) {options};
ALTER TABLE stream ADD COLUMN rewound_to {real};
"""


def m0004_owners(tx: Connection) -> None:
    """Make the table of owners, empty: a run that is open now gets its first owner when its script says hello."""
    for statement in _SQL.format(**column_types(tx)).split(";\n"):
        if statement.strip():
            tx.exec_driver_sql(statement)
