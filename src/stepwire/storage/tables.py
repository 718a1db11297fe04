"""The schema, once, for SQLite and PostgreSQL: what queries use. ``migrations/`` makes it.

Five column types and no others, because STRICT tables of SQLite know only these. Times are µs since 1970 UTC
and flags are 0 or 1, both in ``Int``. NaN is no value of SQLite: where one may stand, ``NULL`` means it.
"""

import json
import math
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

Int: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
Real: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")
Blob = LargeBinary()


class Json(TypeDecorator[Any]):
    """TEXT on SQLite, JSONB on PostgreSQL. NaN and ±Inf become the strings that the API uses for them."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of this database."""
        return JSONB() if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """From Python to the database."""
        if value is None:
            return None
        return speak_finite(value) if dialect.name == "postgresql" else to_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """From the database to Python."""
        return json.loads(value) if isinstance(value, str) else value


def to_json(value: Any) -> str:
    """``value`` as JSON text that SQLite can hold: a lone surrogate is kept as its escape."""
    written = json.dumps(speak_finite(value), ensure_ascii=False, separators=(",", ":"))
    return written if _is_unicode(written) else json.dumps(speak_finite(value), separators=(",", ":"))


def speak_finite(value: Any) -> Any:
    """``value`` with every NaN and ±Inf inside it as ``"NaN"``, ``"Infinity"`` or ``"-Infinity"``."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: speak_finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [speak_finite(item) for item in value]
    return value


def _is_unicode(written: str) -> bool:
    try:
        written.encode()
    except UnicodeEncodeError:
        return False
    return True


metadata = MetaData()


def _table(name: str, *parts: Any) -> Table:
    # AUTOINCREMENT: a number that was shown or cached never comes back for something else after a delete.
    counted = any(
        isinstance(part, Column) and part.primary_key and part.type is Int and part.autoincrement for part in parts
    )
    return Table(name, metadata, *parts, sqlite_strict=True, sqlite_autoincrement=counted)


def _number() -> Column[int]:
    return Column("number", Int, primary_key=True)


meta = _table("meta", Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

migration = _table("migration", Column("name", Text, primary_key=True), Column("applied_at", Int, nullable=False))

# --- catalog ---------------------------------------------------------------------------------------------

runs = _table(
    "runs",
    Column("id", Text, primary_key=True),
    Column("number", Int, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("health", Text, nullable=False),
    Column("config", Json),
    Column("tags", Json),
    Column("notes", Text, nullable=False),
    Column("group", Text),
    Column("total_steps", Int),
    Column("host", Text),
    Column("pid", Int),
    Column("pid_start", Real),
    Column("attempt", Int, nullable=False),
    Column("metric_definitions", Json),
    Column("reason", Text),
    Column("checkpoints_made", Int, nullable=False, server_default=text("0")),
    Column("start_time", Int),
    Column("end_time", Int),
    Column("created_at", Int, nullable=False),
    Column("updated_at", Int, nullable=False),
    # Since when it is in the trash.
    Column("deleted_at", Int),
    Index("idx_runs_created", "created_at", "number"),
    Index("idx_runs_project", "project"),
    Index("idx_runs_status", "status"),
    Index(
        "idx_runs_trash",
        "status",
        sqlite_where=text("deleted_at IS NOT NULL"),
        postgresql_where=text("deleted_at IS NOT NULL"),
    ),
)

# The processes that owned a run, one after the other; the greatest epoch counts. taken: it lived when it lost the run.
owners = _table(
    "owners",
    Column("run_id", Text, nullable=False),
    Column("epoch", Int, nullable=False),
    Column("writer_id", Text, nullable=False),
    Column("attempt", Int, nullable=False),
    Column("host", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("pid", Int),
    Column("pid_start", Real),
    Column("taken", Int, nullable=False, server_default=text("0")),
    Column("created_at", Int, nullable=False),
    PrimaryKeyConstraint("run_id", "epoch"),
)

# A script that goes on logging to a deleted run is told so.
deleted_runs = _table("deleted_runs", Column("id", Text, primary_key=True), Column("time", Int, nullable=False))

checkpoints = _table(
    "checkpoints",
    Column("id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("number", Int, nullable=False),
    Column("filepath", Text, nullable=False),
    Column("step", Real),
    Column("metrics", Json),
    Column("metadata", Json),
    Column("is_best", Int, nullable=False, server_default=text("0")),
    Column("size", Int),
    Column("sha256", Text),
    Column("verdict", Text, nullable=False),
    Column("created_at", Int, nullable=False),
    Index("idx_checkpoints_run", "run_id", "number"),
    Index(
        "idx_checkpoints_best",
        "run_id",
        unique=True,
        sqlite_where=text("is_best = 1"),
        postgresql_where=text("is_best = 1"),
    ),
)

events = _table(
    "events",
    Column("id", Int, primary_key=True),
    Column("run_id", Text),
    Column("time", Int, nullable=False),
    Column("level", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("step", Real),
    Column("data", Json),
    Index("idx_events_run", "run_id", "id"),
)

commands = _table(
    "commands",
    _number(),
    Column("id", Text, nullable=False, unique=True),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("command", Text, nullable=False),
    Column("args", Json),
    Column("state", Text, nullable=False),
    Column("step", Real),
    Column("message", Text),
    Column("time", Int),
    Index("idx_commands_run", "run_id", "number"),
)

# How far the console output of a run is in its file logs/<run_id>.log, which holds what is newer than <run_id>.log.1.
log_file = _table(
    "log_file",
    Column("run_id", Text, primary_key=True),
    # Of the file, on disk for sure. What is behind them is also in log_waiting.
    Column("bytes", Int, nullable=False),
    # Lines in these bytes.
    Column("lines", Int, nullable=False),
    Column("older_lines", Int, nullable=False),
    # Number of the first line that there is: so many are gone.
    Column("first_line", Int, nullable=False),
    # 1: the run was deleted, its files go.
    Column("is_gone", Int, nullable=False, server_default=text("0")),
)

# Lines that are committed and may not be on disk in their file yet.
log_waiting = _table(
    "log_waiting",
    _number(),
    Column("run_id", Text, nullable=False),
    Column("body", Blob, nullable=False),
    Index("idx_log_waiting_run", "run_id"),
)

# What an attempt ran in: code, packages, machine.
environments = _table(
    "environments",
    Column("run_id", Text, nullable=False),
    Column("attempt", Int, nullable=False),
    Column("time", Int, nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("run_id", "attempt"),
)

# How users laid out the page; body: in the page's own form.
layouts = _table(
    "layouts",
    Column("name", Text, primary_key=True),
    Column("body", Json, nullable=False),
    Column("updated_at", Int, nullable=False),
)

# Where the points of a run are that were moved out of the database; sets: [metric set, first row, end].
archive = _table(
    "archive",
    Column("run_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("bytes", Int, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("points", Int, nullable=False),
    # How many records the run's streams had then.
    Column("records", Int, nullable=False),
    Column("sets", Json),
    Column("created_at", Int, nullable=False),
    Column("updated_at", Int, nullable=False),
)

answers = _table(
    "answers",
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("status", Int, nullable=False),
    Column("body", Blob, nullable=False),
    Column("created_at", Int, nullable=False),
    Index("idx_answers_created", "created_at"),
)

dead_letters = _table(
    "dead_letters",
    _number(),
    Column("stream", Int, nullable=False),
    Column("seq", Int, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", Blob, nullable=False),
    Index("idx_dead_letters_stream", "stream"),
)

# --- series ----------------------------------------------------------------------------------------------

source = _table(
    "source",
    _number(),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("first_time", Int),
    # At least as many as it has metrics: the sizes of its metric sets, until somebody counts.
    Column("names", Int, nullable=False, server_default=text("0")),
    # Grows with its streams, metric sets, renames, deletions and rewinds: what memory knows of them is then old.
    Column("version", Int, nullable=False, server_default=text("0")),
    # Highest number of its journal rows that are sealed.
    Column("cursor", Int, nullable=False, server_default=text("0")),
    # 1: run_metric is behind its points.
    Column("stale", Int, nullable=False, server_default=text("0")),
    Index("idx_source_stale", "stale"),
)

stream = _table(
    "stream",
    _number(),
    Column("source", Int, ForeignKey("source.number"), nullable=False),
    Column("writer_id", Text, nullable=False),
    Column("attempt", Int, nullable=False),
    Column("rank", Int, nullable=False),
    Column("high", Int, nullable=False, server_default=text("0")),
    # Number of the last journal row that is sealed.
    Column("sealed_through", Int, nullable=False, server_default=text("0")),
    # A later attempt went on from here: points past it are superseded.
    Column("limit_step", Real),
    # The step that its attempt went on from.
    Column("rewound_to", Real),
    UniqueConstraint("source", "writer_id"),
)

metric_set = _table(
    "metric_set",
    _number(),
    Column("stream", Int, ForeignKey("stream.number"), nullable=False),
    Column("id", Int, nullable=False),
    Column("names", Json, nullable=False),
    Column("source", Int, nullable=False, server_default=text("0")),
    UniqueConstraint("stream", "id"),
    Index("idx_metric_set_source", "source", "number"),
)

# How far a metric set is in blocks. Beside metric_set, whose names may be long, because each seal rewrites it.
sealed = _table(
    "sealed",
    Column("metric_set", Int, ForeignKey("metric_set.number"), primary_key=True, autoincrement=False),
    Column("rows", Int, nullable=False),
    # Rows before this one are in no block any more; their cells are.
    Column("raw_from", Int, nullable=False, server_default=text("0")),
    # 1: steps (times) never fall from one row to the next.
    Column("step_sorted", Int, nullable=False),
    Column("time_sorted", Int, nullable=False),
    Column("last_step", Real, nullable=False),
    Column("last_time", Int, nullable=False),
    # Summary of every column, over the sealed rows.
    Column("summary", Blob, nullable=False),
)

# What block bodies have in common: which rows of which metric set, and where they lie on every axis.
chunk = _table(
    "chunk",
    _number(),
    Column("metric_set", Int, nullable=False),
    Column("level", Int, nullable=False),
    Column("k", Int, nullable=False),
    Column("rows", Int, nullable=False),
    Column("first_seq", Int, nullable=False),
    Column("s0", Real, nullable=False),
    Column("s1", Real, nullable=False),
    Column("t0", Int, nullable=False),
    Column("t1", Int, nullable=False),
    Column("axis", Blob, nullable=False),
    UniqueConstraint("metric_set", "level", "k"),
)

# One column of one chunk: id = chunk.number * 16384 + column.
block = _table("block", Column("id", Int, primary_key=True, autoincrement=False), Column("body", Blob, nullable=False))

# A metric that is shown under another name.
renamed = _table(
    "renamed",
    Column("source", Int, nullable=False),
    Column("name", Text, nullable=False),
    Column("shown", Text, nullable=False),
    PrimaryKeyConstraint("source", "name"),
)

# A metric that was deleted: the rows of its column before this one are gone.
metric_cut = _table(
    "metric_cut",
    Column("metric_set", Int, nullable=False),
    Column("column", Int, nullable=False),
    Column("rows", Int, nullable=False),
    PrimaryKeyConstraint("metric_set", "column"),
)

# What is kept of the rows before sealed.raw_from: where they end, and the summary of every column over those that
# are visible; step is the greatest step among these. archived = 1: those that an archive has, which may come back.
dropped = _table(
    "dropped",
    Column("metric_set", Int, nullable=False),
    Column("archived", Int, nullable=False),
    Column("rows", Int, nullable=False),
    Column("step", Real),
    Column("summary", Blob, nullable=False),
    PrimaryKeyConstraint("metric_set", "archived"),
)

# The records of sealed journal rows that are not points.
record = _table(
    "record",
    _number(),
    Column("source", Int, nullable=False),
    Column("stream", Int, nullable=False),
    Column("body", Blob, nullable=False),
    Index("idx_record_source", "source", "stream", "number"),
)

journal = _table(
    "journal",
    _number(),
    Column("source", Int, nullable=False),
    Column("stream", Int, nullable=False),
    Column("first_seq", Int, nullable=False),
    Column("n", Int, nullable=False),
    Column("body", Blob, nullable=False),
    Index("idx_journal_source", "source", "stream", "number"),
)

run_metric = _table(
    "run_metric",
    Column("source", Int, ForeignKey("source.number"), nullable=False),
    Column("name", Text, nullable=False),
    Column("count", Int, nullable=False),
    Column("nonfinite", Int, nullable=False),
    Column("first", Real),
    Column("last", Real),
    Column("last_step", Real, nullable=False),
    Column("last_time", Int, nullable=False),
    Column("min", Real),
    Column("min_step", Real),
    Column("max", Real),
    Column("max_step", Real),
    PrimaryKeyConstraint("source", "name"),
    Index("idx_run_metric_min", "name", "min", "source"),
    Index("idx_run_metric_max", "name", "max", "source"),
    Index("idx_run_metric_last", "name", "last", "source"),
)
