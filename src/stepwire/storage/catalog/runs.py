"""Runs in the catalog."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, get_args

from sqlalchemy import (
    Boolean,
    Connection,
    Row,
    Select,
    Text,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from stepwire.errors import ConflictError, InvalidError, NotFoundError
from stepwire.protocol import Health, RunStatus
from stepwire.storage.catalog.answers import delete_answers
from stepwire.storage.catalog.config import config_is
from stepwire.storage.catalog.ids import new_id
from stepwire.storage.catalog.interface import NewRun, Run, RunFilter
from stepwire.storage.database import Database
from stepwire.storage.logs.state import mark_gone
from stepwire.storage.row import check_text, checked, read_cursor, write_cursor
from stepwire.storage.tables import (
    checkpoints,
    commands,
    deleted_runs,
    environments,
    events,
    meta,
    owners,
    runs,
    to_json,
)

_FIELDS = tuple(field.name for field in fields(Run))
_FIXED = frozenset({"id", "number", "created_at", "updated_at"})
_CHOICES = {"status": get_args(RunStatus), "health": get_args(Health)}
_IDENTITY = ("name", "project", "config")
_KEPT = runs.c.deleted_at.is_(None)  # not in the trash
# A page continues after its last row by the sorted column and the number, so neither may be NULL.
_SORTS: dict[str, tuple[ColumnElement[Any], type]] = {
    "created_at": (runs.c.created_at, int),
    "updated_at": (runs.c.updated_at, int),
    "start_time": (func.coalesce(runs.c.start_time, 0), int),
    "number": (runs.c.number, int),
    "name": (runs.c.name, str),
    "status": (runs.c.status, str),
}


class RunRows:
    """The run methods of the catalog."""

    _database: Database

    def create_run(self, tx: Connection, new: NewRun, now: int) -> tuple[Run, bool]:
        """Make a run; see the interface."""
        known = self.find_run(tx, new.id) if new.id is not None else None
        if known is not None:
            _check_same(known, new)
            return known, False
        if new.id is not None and is_trashed(tx, new.id):
            raise ConflictError(f"Run {new.id} is in the trash: undelete it, or empty the trash.", "id")
        values = _row(asdict(new)) | {
            "id": new.id or new_id("run_"),
            "number": _next_number(tx),
            "health": "ok",
            "metric_definitions": {},
            "created_at": now,
            "updated_at": now,
        }
        _check_choices(values)
        tx.execute(insert(runs).values(values))
        tx.execute(delete(deleted_runs).where(deleted_runs.c.id == values["id"]))
        return _require(tx, values["id"]), True

    def get_run(self, run_id: str) -> Run:
        """The run; raises NotFoundError."""
        with self._database.read() as connection:
            return _require(connection, run_id)

    def find_run(self, tx: Connection, run_id: str) -> Run | None:
        """The run as this transaction sees it, or ``None``."""
        check_text("run_id", run_id)
        row = tx.execute(select(runs).where(runs.c.id == run_id, _KEPT)).one_or_none()
        return None if row is None else read_run(row)

    def list_runs(self, where: RunFilter) -> tuple[list[Run], str | None]:
        """A page of runs and the cursor of the next; see the interface."""
        descending = where.sort.startswith("-")
        key = where.sort.removeprefix("-")
        if key not in _SORTS:
            raise InvalidError(f"sort must be one of {', '.join(_SORTS)}, with - in front or not.", "sort")
        column, kind = _SORTS[key]
        query = _filtered(select(runs, column.label("sort_key")), where)
        place = tuple_(column, runs.c.number)
        if where.cursor is not None:
            begun, *last = read_cursor(where.cursor, str, kind, int)
            if begun != where.sort:
                raise InvalidError("cursor belongs to another sort.", "cursor")
            query = query.where(place < tuple_(*last) if descending else place > tuple_(*last))
        order = [column.desc(), runs.c.number.desc()] if descending else [column, runs.c.number]
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(*order).limit(where.limit + 1)).all()
        page = rows[: where.limit]
        more = len(rows) > where.limit and page
        return [read_run(row) for row in page], write_cursor(
            where.sort, page[-1].sort_key, page[-1].number
        ) if more else None

    def matching(self, where: RunFilter, among: Sequence[str] | None = None) -> set[str]:
        """Which of some runs, or of all, the filter lets through."""
        query = _filtered(select(runs.c.id), where)
        if among is not None:
            query = query.where(runs.c.id.in_(among))
        with self._database.read() as connection:
            return set(connection.scalars(query))

    def newest_first(self, where: RunFilter, before: tuple[int, int] | None = None) -> Iterator[tuple[str, int, int]]:
        """Ids of the runs that the filter lets through, one by one; see the interface."""
        query = _filtered(select(runs.c.id, runs.c.created_at, runs.c.number), where)
        if before is not None:
            query = query.where(tuple_(runs.c.created_at, runs.c.number) < tuple_(*before))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(runs.c.created_at.desc(), runs.c.number.desc()))
            yield from ((row[0], row[1], row[2]) for row in rows)

    def find_runs(self, run_ids: Sequence[str]) -> list[Run]:
        """These runs in this order."""
        query = select(runs).where(runs.c.id.in_(run_ids), _KEPT)
        with self._database.read() as connection:
            found = {row.id: read_run(row) for row in connection.execute(query)}
        return [found[run_id] for run_id in run_ids if run_id in found]

    def running_runs(self) -> list[Run]:
        """Every run that is running, by number."""
        query = select(runs).where(runs.c.status == "running", _KEPT).order_by(runs.c.number)
        with self._database.read() as connection:
            return [read_run(row) for row in connection.execute(query)]

    def count_runs(self) -> dict[str, int]:
        """Number of runs by status."""
        query = select(runs.c.status, func.count()).group_by(runs.c.status)
        with self._database.read() as connection:
            # Two counts out of two indexes: one over the rows would read all of them.
            counts = {row[0]: row[1] for row in connection.execute(query)}
            for status, trashed in connection.execute(query.where(runs.c.deleted_at.is_not(None))):
                counts[status] -= trashed
        return {status: count for status, count in counts.items() if count}

    def update_run(self, tx: Connection, run_id: str, changes: Mapping[str, Any], now: int) -> tuple[Run, Run]:
        """Change fields by name; returns (before, after); see the interface."""
        for field in changes:
            if field not in _FIELDS or field in _FIXED:
                raise InvalidError(f"{field} is not a field of a run that can be changed.", field)
        values = _row(changes)
        _check_choices(values)
        before = _require(tx, run_id)
        tx.execute(update(runs).where(runs.c.id == run_id).values(values | {"updated_at": now}))
        return before, _require(tx, run_id)

    def delete_run(self, tx: Connection, run_id: str) -> None:
        """Forget a run with what belongs to it; see the interface."""
        check_text("run_id", run_id)
        if tx.execute(select(runs.c.id).where(runs.c.id == run_id)).one_or_none() is None:
            raise NotFoundError(f"There is no run {run_id}.", "run_id")
        for table in (checkpoints, events, commands, owners, environments):
            tx.execute(delete(table).where(table.c.run_id == run_id))
        mark_gone(tx, run_id)
        delete_answers(tx, run_id)
        tx.execute(delete(runs).where(runs.c.id == run_id))
        tx.execute(insert(deleted_runs).values(id=run_id, time=time.time_ns() // 1000))

    def was_deleted(self, tx: Connection, run_id: str) -> bool:
        """Was the last run with this id deleted?"""
        check_text("run_id", run_id)
        query = select(deleted_runs.c.id).where(deleted_runs.c.id == run_id)
        return tx.execute(query).one_or_none() is not None or is_trashed(tx, run_id)


def is_trashed(tx: Connection, run_id: str) -> bool:
    """Whether the run of this id is in the trash."""
    query = select(runs.c.id).where(runs.c.id == run_id, runs.c.deleted_at.is_not(None))
    return tx.execute(query).one_or_none() is not None


def require_run(tx: Connection, run_id: str) -> None:
    """Raises NotFoundError when there is no such run."""
    check_text("run_id", run_id)
    if tx.execute(select(runs.c.id).where(runs.c.id == run_id, _KEPT)).one_or_none() is None:
        raise NotFoundError(f"There is no run {run_id}.", "run_id")


def _require(tx: Connection, run_id: str) -> Run:
    require_run(tx, run_id)
    return read_run(tx.execute(select(runs).where(runs.c.id == run_id)).one())


def read_run(row: Row[Any]) -> Run:
    """A row of ``runs`` as a run."""
    values = {field: row._mapping[field] for field in _FIELDS}
    for field in ("config", "metric_definitions"):
        values[field] = values[field] or {}
    values["tags"] = tuple(values["tags"] or ())
    return Run(**values)


def _next_number(tx: Connection) -> int:
    # A counter, not max() + 1: the number of a deleted run must not come back for another.
    counter = meta.c.name == "last_run_number"
    number = int(tx.scalars(select(meta.c.value).where(counter)).one()) + 1
    tx.execute(update(meta).where(counter).values(value=str(number)))
    return number


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    tags = values.get("tags", ())
    if not isinstance(tags, list | tuple):
        raise InvalidError("tags must be a list of text.", "tags")
    for index, tag in enumerate(tags):
        check_text(f"tags[{index}]", tag)
    for field in ("config", "metric_definitions"):
        if not isinstance(values.get(field, {}), dict):
            raise InvalidError(f"{field} must be an object.", field)
    # The id may be left for the server to make.
    return checked(runs, {field: value for field, value in values.items() if (field, value) != ("id", None)})


def _check_same(known: Run, new: NewRun) -> None:
    for field in _IDENTITY:
        # By way of JSON, because so the known one went through the database.
        if getattr(known, field) != json.loads(to_json(getattr(new, field))):
            raise ConflictError(f"Run {known.id} exists already with another {field}.", field)


def _check_choices(values: Mapping[str, Any]) -> None:
    for field, choices in _CHOICES.items():
        if field in values and values[field] not in choices:
            raise InvalidError(f"{field} must be one of {', '.join(choices)}.", field)


def _filtered(query: Select[Any], where: RunFilter) -> Select[Any]:
    for field in ("project", "status", "tag", "text"):
        if (text := getattr(where, field)) is not None:
            check_text(field, text)
    query = query.where(_KEPT)
    if where.project is not None:
        query = query.where(runs.c.project == where.project)
    if where.status is not None:
        query = query.where(runs.c.status == where.status)
    if where.tag is not None:
        query = query.where(_HasTag(runs.c.tags, literal(where.tag, Text())))
    if where.text:
        query = query.where(
            or_(*(column.icontains(where.text, autoescape=True) for column in (runs.c.name, runs.c.id, _tags())))
        )
    return query.where(*map(config_is, where.config))


def _tags() -> ColumnElement[str]:
    return runs.c.tags.cast(runs.c.name.type)


class _HasTag(FunctionElement[bool]):
    """Is this one of the tags? Here, and in ``config.py``, the two databases need different SQL."""

    type = Boolean()
    inherit_cache = True


@compiles(_HasTag)
def _has_tag(element: _HasTag, compiler: SQLCompiler, **options: Any) -> str:
    tags, tag = (compiler.process(clause, **options) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({tags}) WHERE value = {tag})"


@compiles(_HasTag, "postgresql")
def _has_tag_postgresql(element: _HasTag, compiler: SQLCompiler, **options: Any) -> str:
    return f"jsonb_exists({compiler.process(element.clauses, **options)})"
