"""Rows on their way in and out: what the database can't hold is refused with the field's name."""

import base64
import binascii
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Column, Table, Text

from stepwire.errors import InvalidError
from stepwire.limits import MAX_JSON_DEPTH
from stepwire.storage.tables import Int, Json, Real, to_json

MAX_INT = 2**63 - 1


def checked(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` as columns of a row of ``table``.

    Raises:
        InvalidError: A value is missing, of another type, or none that the column can hold; ``field`` names it.
    """
    for field, value in values.items():
        _check(field, value, table.c[field])
    return dict(values)


def _check(field: str, value: Any, column: Column[Any]) -> None:
    if value is None:
        if not column.nullable:
            raise InvalidError(f"{field} must be given.", field)
    elif isinstance(column.type, Text):
        check_text(field, value)
    elif column.type is Int:
        _check_int(field, value)
    elif column.type is Real:
        _check_real(field, value)
    elif isinstance(column.type, Json):
        _check_json(field, value)


def _check_int(field: str, value: Any) -> None:
    if not isinstance(value, int):
        raise InvalidError(f"{field} must be a whole number.", field)
    if not -MAX_INT <= value <= MAX_INT:
        raise InvalidError(f"{field} must fit into 64 bits.", field)


def _check_real(field: str, value: Any) -> None:
    try:
        fits = isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        fits = False
    if not fits:
        raise InvalidError(f"{field} must be a finite number.", field)


def _check_json(field: str, value: Any) -> None:
    check_depth(field, value)
    try:
        to_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidError(f"{field} can't be written as JSON: {error}.", field) from error


def check_depth(field: str, value: Any) -> None:
    """Refuse JSON that few readers can take.

    Raises:
        InvalidError: ``value`` is nested deeper than 32.
    """
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        level = [item for box in level for item in _items(box)]
        if not level:
            return
    raise InvalidError(f"{field} is nested deeper than {MAX_JSON_DEPTH}.", field)


def _items(box: Any) -> Iterable[Any]:
    if isinstance(box, dict):
        return box.values()
    return box if isinstance(box, list | tuple) else ()


def check_text(field: str, text: Any) -> None:
    """Refuse what no database holds unchanged as text.

    Raises:
        InvalidError: It is no text, has a NUL character or a lone surrogate.
    """
    if not isinstance(text, str):
        raise InvalidError(f"{field} must be text.", field)
    if "\0" in text:
        raise InvalidError(f"{field} must not contain a NUL character.", field)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidError(f"{field} must be valid Unicode; it has a lone surrogate.", field) from error


def whole(number: float | None) -> float | None:
    """``number`` as an ``int`` when it is whole, so that step 1480 is not written 1480.0."""
    return int(number) if number is not None and number.is_integer() else number


def write_cursor(*parts: Any) -> str:
    """Where a page ended, opaque to the client."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def read_cursor(cursor: str, *kinds: type) -> list[Any]:
    """The parts that ``write_cursor`` was given, each of its kind: ``int`` or ``str``.

    Raises:
        InvalidError: ``cursor`` is not one of ours.
    """
    try:
        parts = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise InvalidError("cursor is not one that this server gave out.", "cursor") from error
    # Exactly these types: a bool is an int to isinstance.
    if not isinstance(parts, list) or tuple(map(type, parts)) != kinds:
        raise InvalidError("cursor is not one that this server gave out.", "cursor")
    for part in parts:
        if isinstance(part, str):
            check_text("cursor", part)
        else:
            _check_int("cursor", part)
    return parts
