"""Places in a run's config: ``optim.lr`` is the value of ``lr`` in the object ``optim``."""

import json
import math
from typing import Any

from sqlalchemy import Boolean, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from stepwire.errors import InvalidError
from stepwire.storage.row import MAX_INT, check_text
from stepwire.storage.tables import runs

Scalar = str | float | bool | None
_NONE = object()


def read_path(path: str, field: str) -> tuple[str, ...]:
    """The keys along a dotted path.

    Raises:
        InvalidError: A key is empty, or has a quote or a backslash, which paths of databases can't have.
    """
    check_text(field, path)
    keys = tuple(path.split("."))
    if not all(keys) or any(mark in path for mark in '"\\'):
        raise InvalidError(f"{field}: a path into the config is keys joined by dots, without quotes.", field)
    return keys


def value_at(config: dict[str, Any], keys: tuple[str, ...], default: Any = None) -> Any:
    """What stands at the end of ``keys``; ``default`` when the config does not go there."""
    value: Any = config
    for key in keys:
        value = value.get(key, _NONE) if isinstance(value, dict) else _NONE
    return default if value is _NONE else value


def config_is(condition: str, field: str = "config") -> ColumnElement[bool]:
    """Whether a run's config has the value that ``path:value`` names.

    ``value`` is a number, ``true``, ``false``, ``null`` or a quoted text as JSON writes them, else itself a text.

    Raises:
        InvalidError: It is not of this form.
    """
    path, colon, text = condition.partition(":")
    if not colon:
        raise InvalidError(f"{field} must be path:value, as in optim.lr:0.001.", field)
    keys = read_path(path, field)
    value = _scalar(text)
    if isinstance(value, str):
        check_text(field, value)
    # Both databases write a path so.
    quoted = "$" + "".join(f'."{key}"' for key in keys)
    written = json.dumps(value, ensure_ascii=False)
    return _ConfigIs(runs.c.config, literal(quoted, Text()), literal(written, Text()))


def _scalar(text: str) -> Scalar:
    """The scalar that JSON reads in ``text``, else the text itself."""
    try:
        value = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, dict | list):
        return text
    if isinstance(value, int | float) and not isinstance(value, bool) and not _fits(value):
        return text
    return value  # type: ignore[no-any-return]


def _fits(number: float) -> bool:
    return -MAX_INT <= number <= MAX_INT if isinstance(number, int) else math.isfinite(number)


class _ConfigIs(FunctionElement[bool]):
    """Is the value at this path of the config this one? Arguments: config, path, value as JSON."""

    type = Boolean()
    inherit_cache = True


@compiles(_ConfigIs)
def _config_is(element: _ConfigIs, compiler: SQLCompiler, **options: Any) -> str:
    config, path, value = (compiler.process(clause, **options) for clause in element.clauses)
    # 1 and 1.0 are the same number, but true is no number, though SQLite extracts 1.
    kind, expected = (
        f"replace({text}, 'integer', 'real')" for text in (f"json_type({config}, {path})", f"json_type({value})")
    )
    return f"(json_extract({config}, {path}) IS json_extract({value}, '$') AND {kind} = {expected})"


@compiles(_ConfigIs, "postgresql")
def _config_is_postgresql(element: _ConfigIs, compiler: SQLCompiler, **options: Any) -> str:
    config, path, value = (compiler.process(clause, **options) for clause in element.clauses)
    found = f"jsonb_path_query_first({config}, CAST({path} AS jsonpath), '{{}}', true)"
    return f"({found} = CAST({value} AS jsonb))"
