"""Migrations: from nothing to the schema that the queries use, each recorded with its effect."""

import sqlite3

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql, sqlite

from stepwire.errors import StepwireError
from stepwire.storage import migrations
from stepwire.storage.database import open_database
from stepwire.storage.tables import metadata


def shape(connection):
    """Tables with their columns, references, indexes and strictness, as SQLite sees them."""
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    return {
        name: {
            "strict": strict,
            "counted": "AUTOINCREMENT"
            in connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0],
            "columns": connection.execute(f"SELECT * FROM pragma_table_info('{name}')").fetchall(),
            "references": sorted(connection.execute(f"SELECT * FROM pragma_foreign_key_list('{name}')").fetchall()),
            "indexes": sorted(
                (
                    unique,
                    partial,
                    origin,
                    key if origin == "c" else "",
                    tuple(connection.execute(f"SELECT name FROM pragma_index_info('{key}')").fetchall()),
                )
                for _, key, unique, origin, partial in connection.execute(
                    f"SELECT * FROM pragma_index_list('{name}')"
                ).fetchall()
            ),
        }
        for name, strict in tables
        if not name.startswith("sqlite_")
    }


def test_migrations_make_the_schema_of_the_tables(tmp_path):
    """A migrated database has exactly the tables that the queries are written for."""
    open_database(tmp_path).close()
    migrated = sqlite3.connect(tmp_path / "dashboard.db")
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(declared)
    declared.dispose()
    wanted = sqlite3.connect(tmp_path / "declared.db")
    found = shape(migrated)
    assert found == shape(wanted)
    assert {table["strict"] for table in found.values()} == {1}
    migrated.close()
    wanted.close()


def test_the_tables_of_the_specification_have_its_columns():
    """Names of the specification are kept; ours stand beside them."""
    columns = {name: set(table.columns.keys()) for name, table in metadata.tables.items()}
    assert {"id", "name", "status", "config", "start_time", "end_time", "created_at"} <= columns["runs"]
    assert {"id", "run_id", "filepath", "metrics", "metadata", "is_best", "created_at"} <= columns["checkpoints"]
    assert "idx_checkpoints_run" in {index.name for index in metadata.tables["checkpoints"].indexes}


def test_the_schema_has_five_types_in_both_databases():
    """STRICT tables of SQLite know no others, and each has its counterpart in PostgreSQL."""
    types = [column.type for table in metadata.sorted_tables for column in table.columns]
    known = {
        ("TEXT", "TEXT"),
        ("INTEGER", "BIGINT"),
        ("REAL", "DOUBLE PRECISION"),
        ("BLOB", "BYTEA"),
        ("TEXT", "JSONB"),
    }
    assert {(kind.compile(sqlite.dialect()), kind.compile(postgresql.dialect())) for kind in types} == known


def test_migrations_are_applied_once(tmp_path):
    """The second start applies nothing and keeps what is stored."""
    database = open_database(tmp_path)
    with database.writer.begin() as tx:
        assert migrations.pending(tx) == []
        assert migrations.migrate(tx) == []
        applied = tx.exec_driver_sql("SELECT name FROM migration").scalars().all()
    assert applied == [step.__name__ for step in migrations.MIGRATIONS]
    database.close()


def test_a_newer_database_is_refused_in_one_line_and_left_alone(tmp_path):
    """An older Stepwire names the migration that it does not know, and changes nothing."""
    database = open_database(tmp_path)
    with database.writer.begin() as tx:
        tx.exec_driver_sql("INSERT INTO migration VALUES ('m9999_future', 1)")
    database.close()
    before = (tmp_path / "dashboard.db").read_bytes()
    with pytest.raises(StepwireError, match="m9999_future") as caught:
        open_database(tmp_path)
    assert "\n" not in caught.value.message
    assert (tmp_path / "dashboard.db").read_bytes() == before


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    """Its effect and its record are one transaction: the next start begins where the last good one ended."""

    def m0002_broken(tx):
        tx.exec_driver_sql("CREATE TABLE half (a INTEGER) STRICT")
        raise ZeroDivisionError

    open_database(tmp_path).close()
    known = migrations.MIGRATIONS
    monkeypatch.setattr(migrations, "MIGRATIONS", (*known, m0002_broken))
    with pytest.raises(ZeroDivisionError):
        open_database(tmp_path)
    monkeypatch.setattr(migrations, "MIGRATIONS", known)
    database = open_database(tmp_path)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name = 'half'").scalar_one() == 0
    database.close()
