"""A trash for runs, archives of their points, and what is kept of points that were dropped. Frozen.

A later change is a migration of its own.
"""

from sqlalchemy import Connection

from stepwire.storage.migrations.m0001_initial import column_types

_SQL = """
ALTER TABLE runs ADD COLUMN deleted_at {int};
CREATE INDEX idx_runs_trash ON runs (status) WHERE deleted_at IS NOT NULL;
CREATE TABLE archive (
    run_id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    file TEXT NOT NULL,
    bytes {int} NOT NULL,
    sha256 TEXT NOT NULL,
    points {int} NOT NULL,
    records {int} NOT NULL,
    sets {json},
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL
) {options};
CREATE TABLE dropped (
    metric_set {int} NOT NULL,
    archived {int} NOT NULL,
    rows {int} NOT NULL,
    step {real},
    summary {blob} NOT NULL,
    PRIMARY KEY (metric_set, archived)
) {options};
"""


def m0003_retention(tx: Connection) -> None:
    """Make what retention keeps track of. No point is touched."""
    for statement in _SQL.format(**column_types(tx)).split(";\n"):
        if statement.strip():
            tx.exec_driver_sql(statement)
