"""Console output and environments of runs. Frozen: a later change is a migration of its own."""

from sqlalchemy import Connection

from stepwire.storage.migrations.m0001_initial import column_types

_SQL = """
CREATE TABLE log_file (
    run_id TEXT NOT NULL PRIMARY KEY,
    bytes {int} NOT NULL,
    lines {int} NOT NULL,
    older_lines {int} NOT NULL,
    first_line {int} NOT NULL,
    is_gone {int} NOT NULL DEFAULT 0
) {options};
CREATE TABLE log_waiting (
    number {counter},
    run_id TEXT NOT NULL,
    body {blob} NOT NULL
) {options};
CREATE INDEX idx_log_waiting_run ON log_waiting (run_id);
CREATE TABLE environments (
    run_id TEXT NOT NULL,
    attempt {int} NOT NULL,
    time {int} NOT NULL,
    body {json} NOT NULL,
    PRIMARY KEY (run_id, attempt)
) {options};
"""


def m0005_logs(tx: Connection) -> None:
    """Make the tables, empty. What scripts have printed before was not kept."""
    for statement in _SQL.format(**column_types(tx)).split(";\n"):
        if statement.strip():
            tx.exec_driver_sql(statement)
