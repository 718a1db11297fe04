"""Blocks, pyramid and summaries beside the journal. Frozen: a later change is a migration of its own.

Journal rows stay as they are; the points in them move into blocks in the background afterwards.
"""

from sqlalchemy import Connection

from stepwire.storage.migrations.m0001_initial import column_types

_SQL = """
ALTER TABLE source ADD COLUMN version {int} NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN cursor {int} NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN stale {int} NOT NULL DEFAULT 0;
CREATE INDEX idx_source_stale ON source (stale);
ALTER TABLE stream ADD COLUMN sealed_through {int} NOT NULL DEFAULT 0;
ALTER TABLE stream ADD COLUMN limit_step {real};
ALTER TABLE metric_set ADD COLUMN source {int} NOT NULL DEFAULT 0;
UPDATE metric_set SET source = (SELECT stream.source FROM stream WHERE stream.number = metric_set.stream);
CREATE INDEX idx_metric_set_source ON metric_set (source, number);
CREATE TABLE sealed (
    metric_set {int} NOT NULL PRIMARY KEY REFERENCES metric_set (number),
    rows {int} NOT NULL,
    raw_from {int} NOT NULL DEFAULT 0,
    step_sorted {int} NOT NULL,
    time_sorted {int} NOT NULL,
    last_step {real} NOT NULL,
    last_time {int} NOT NULL,
    summary {blob} NOT NULL
) {options};
CREATE TABLE chunk (
    number {counter},
    metric_set {int} NOT NULL,
    level {int} NOT NULL,
    k {int} NOT NULL,
    rows {int} NOT NULL,
    first_seq {int} NOT NULL,
    s0 {real} NOT NULL,
    s1 {real} NOT NULL,
    t0 {int} NOT NULL,
    t1 {int} NOT NULL,
    axis {blob} NOT NULL,
    UNIQUE (metric_set, level, k)
) {options};
CREATE TABLE block (
    id {int} NOT NULL PRIMARY KEY,
    body {blob} NOT NULL
) {options};
CREATE TABLE renamed (
    source {int} NOT NULL,
    name TEXT NOT NULL,
    shown TEXT NOT NULL,
    PRIMARY KEY (source, name)
) {options};
CREATE TABLE metric_cut (
    metric_set {int} NOT NULL,
    "column" {int} NOT NULL,
    rows {int} NOT NULL,
    PRIMARY KEY (metric_set, "column")
) {options};
CREATE TABLE record (
    number {counter},
    source {int} NOT NULL,
    stream {int} NOT NULL,
    body {blob} NOT NULL
) {options};
CREATE INDEX idx_record_source ON record (source, stream, number);
DROP INDEX idx_journal_source;
CREATE INDEX idx_journal_source ON journal (source, stream, number);
UPDATE source SET stale = 1 WHERE number IN (SELECT DISTINCT source FROM journal);
DELETE FROM meta WHERE name = 'summarised_through';
DROP INDEX idx_run_metric_last;
DROP INDEX idx_run_metric_max;
DROP INDEX idx_run_metric_min;
CREATE INDEX idx_run_metric_last ON run_metric (name, last, source);
CREATE INDEX idx_run_metric_max ON run_metric (name, max, source);
CREATE INDEX idx_run_metric_min ON run_metric (name, min, source);
"""


def m0002_blocks(tx: Connection) -> None:
    """Make the tables of blocks, and mark every source whose points are in the journal."""
    for statement in _SQL.format(**column_types(tx)).split(";\n"):
        if statement.strip():
            tx.exec_driver_sql(statement)
