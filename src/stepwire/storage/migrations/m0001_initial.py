"""The first schema. Frozen: a later change of ``tables.py`` is a migration of its own."""

import uuid

from sqlalchemy import Connection, text

_SQL = """
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) {options};
CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    number {int} NOT NULL UNIQUE,
    name TEXT NOT NULL,
    project TEXT NOT NULL,
    status TEXT NOT NULL,
    health TEXT NOT NULL,
    config {json},
    tags {json},
    notes TEXT NOT NULL,
    "group" TEXT,
    total_steps {int},
    host TEXT,
    pid {int},
    pid_start {real},
    attempt {int} NOT NULL,
    metric_definitions {json},
    reason TEXT,
    checkpoints_made {int} NOT NULL DEFAULT 0,
    start_time {int},
    end_time {int},
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL
) {options};
CREATE INDEX idx_runs_created ON runs (created_at, number);
CREATE INDEX idx_runs_project ON runs (project);
CREATE INDEX idx_runs_status ON runs (status);
CREATE TABLE deleted_runs (
    id TEXT NOT NULL PRIMARY KEY,
    time {int} NOT NULL
) {options};
CREATE TABLE checkpoints (
    id TEXT NOT NULL PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id),
    number {int} NOT NULL,
    filepath TEXT NOT NULL,
    step {real},
    metrics {json},
    metadata {json},
    is_best {int} NOT NULL DEFAULT 0,
    size {int},
    sha256 TEXT,
    verdict TEXT NOT NULL,
    created_at {int} NOT NULL
) {options};
CREATE UNIQUE INDEX idx_checkpoints_best ON checkpoints (run_id) WHERE is_best = 1;
CREATE INDEX idx_checkpoints_run ON checkpoints (run_id, number);
CREATE TABLE events (
    id {counter},
    run_id TEXT,
    time {int} NOT NULL,
    level TEXT NOT NULL,
    source TEXT NOT NULL,
    event TEXT NOT NULL,
    message TEXT NOT NULL,
    step {real},
    data {json}
) {options};
CREATE INDEX idx_events_run ON events (run_id, id);
CREATE TABLE commands (
    number {counter},
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL REFERENCES runs (id),
    command TEXT NOT NULL,
    args {json},
    state TEXT NOT NULL,
    step {real},
    message TEXT,
    time {int}
) {options};
CREATE INDEX idx_commands_run ON commands (run_id, number);
CREATE TABLE answers (
    "key" TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    status {int} NOT NULL,
    body {blob} NOT NULL,
    created_at {int} NOT NULL
) {options};
CREATE INDEX idx_answers_created ON answers (created_at);
CREATE TABLE dead_letters (
    number {counter},
    stream {int} NOT NULL,
    seq {int} NOT NULL,
    reason TEXT NOT NULL,
    body {blob} NOT NULL
) {options};
CREATE INDEX idx_dead_letters_stream ON dead_letters (stream);
CREATE TABLE source (
    number {counter},
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    first_time {int},
    names {int} NOT NULL DEFAULT 0
) {options};
CREATE TABLE stream (
    number {counter},
    source {int} NOT NULL REFERENCES source (number),
    writer_id TEXT NOT NULL,
    attempt {int} NOT NULL,
    rank {int} NOT NULL,
    high {int} NOT NULL DEFAULT 0,
    UNIQUE (source, writer_id)
) {options};
CREATE TABLE metric_set (
    number {counter},
    stream {int} NOT NULL REFERENCES stream (number),
    id {int} NOT NULL,
    names {json} NOT NULL,
    UNIQUE (stream, id)
) {options};
CREATE TABLE journal (
    number {counter},
    source {int} NOT NULL,
    stream {int} NOT NULL,
    first_seq {int} NOT NULL,
    n {int} NOT NULL,
    body {blob} NOT NULL
) {options};
CREATE INDEX idx_journal_source ON journal (source, number);
CREATE TABLE run_metric (
    source {int} NOT NULL REFERENCES source (number),
    name TEXT NOT NULL,
    count {int} NOT NULL,
    nonfinite {int} NOT NULL,
    first {real},
    last {real},
    last_step {real} NOT NULL,
    last_time {int} NOT NULL,
    min {real},
    min_step {real},
    max {real},
    max_step {real},
    PRIMARY KEY (source, name)
) {options};
CREATE INDEX idx_run_metric_last ON run_metric (name, last);
CREATE INDEX idx_run_metric_max ON run_metric (name, max);
CREATE INDEX idx_run_metric_min ON run_metric (name, min);
"""

_SQLITE = {
    "counter": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
    "int": "INTEGER",
    "real": "REAL",
    "blob": "BLOB",
    "json": "TEXT",
    "options": "STRICT",
}
_POSTGRESQL = {
    "counter": "BIGSERIAL NOT NULL PRIMARY KEY",
    "int": "BIGINT",
    "real": "DOUBLE PRECISION",
    "blob": "BYTEA",
    "json": "JSONB",
    "options": "",
}


def column_types(tx: Connection) -> dict[str, str]:
    """What this database calls the column types of ``tables.py``."""
    return _POSTGRESQL if tx.dialect.name == "postgresql" else _SQLITE


def m0001_initial(tx: Connection) -> None:
    """Make every table of the catalog and of the series, and the identity of this database."""
    for statement in _SQL.format(**column_types(tx)).split(";\n"):
        if statement.strip():
            tx.exec_driver_sql(statement)
    values = {"server_id": uuid.uuid4().hex, "last_run_number": "0", "summarised_through": "0"}
    for name, value in values.items():
        tx.execute(text("INSERT INTO meta (name, value) VALUES (:name, :value)"), {"name": name, "value": value})
