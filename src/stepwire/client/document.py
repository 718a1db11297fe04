"""A user's config, metadata or event data as a bounded JSON document."""

import math
import os
from collections.abc import Iterable, Mapping
from datetime import date, time
from enum import Enum
from typing import Any

from stepwire.client.redaction import redact

CONFIG_BYTES = 1024 * 1024
METADATA_BYTES = 256 * 1024
_MAX_DEPTH = 24  # the server takes 32 levels, some are the record's own
_TEXT_CHARACTERS = 64 * 1024
_FOREIGN_CHARACTERS = 1000
_MAX_INT = 2**63 - 1
_NODE_BYTES = 16
_CUT = "…"


def document(value: object, limit: int, field: str = "config") -> dict[str, Any]:
    """Return a JSON object of about ``limit`` bytes at most; the user's own is never changed.

    Values that JSON does not know are turned to text, NaN and ±Inf to ``"NaN"``, ``"Infinity"``,
    ``"-Infinity"``; what is too deep or too much is cut and marked by ``…``; secrets are replaced.

    Raises:
        TypeError: Neither a mapping nor an object with attributes.
    """
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return _Writer(limit).mapping(value, 1)
    attributes = _attributes(value)
    if attributes is None:
        raise TypeError(f"{field} must be a dict, not {type(value).__name__}")
    return _Writer(limit).mapping(attributes, 1)


def json_number(value: float) -> float | str:
    """Return a number as JSON has it: finite, or one of the three strings."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def clean(text: str, most: int = _TEXT_CHARACTERS) -> str:
    """Return text that can be stored as UTF-8: lone surrogates and NUL are written as escapes."""
    short = text if len(text) <= most else text[: most - 1] + _CUT
    return short.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _scalar(value: bool | float | None) -> bool | float | str | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -_MAX_INT <= value <= _MAX_INT else hex(value)[:_FOREIGN_CHARACTERS]
    return json_number(float(value))


def _attributes(value: object) -> dict[str, Any] | None:
    if isinstance(value, type | str | bytes | int | float | Iterable):
        return None
    if _is_dataclass(value):
        return {name: getattr(value, name) for name in _field_names(value)}
    return dict(vars(value)) if hasattr(value, "__dict__") else None


def _is_dataclass(value: object) -> bool:
    """Whether it is one's instance; told without the module, which the SDK's import would have to load."""
    return hasattr(type(value), "__dataclass_fields__")


def _field_names(value: Any) -> list[str]:
    from dataclasses import fields

    return [item.name for item in fields(value)]


class _Writer:
    """Walks a value with a budget, so that neither cycles nor tensors of a gigabyte get far."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, inner in list(value.items()):
            if self._left <= 0:
                result[_CUT] = _CUT
                break
            name = key if isinstance(key, str) else self._text(key)
            result[self._spend(clean(name))] = self.value(redact(name, inner), depth + 1)
        return result

    def value(self, value: Any, depth: int) -> Any:
        self._left -= _NODE_BYTES
        if self._left <= 0 or depth > _MAX_DEPTH:
            return _CUT
        try:
            return self._plain(value, depth)
        except Exception:  # noqa: BLE001 - a foreign __str__, items() or item() may raise anything
            return f"<{clean(type(value).__name__)}>"

    def _plain(self, value: Any, depth: int) -> Any:
        if isinstance(value, Enum):
            return self._plain(value.value, depth)
        if value is None or isinstance(value, bool | int | float):
            return _scalar(value)
        if isinstance(value, str):
            return self._spend(clean(str(value)))
        if isinstance(value, Mapping):
            return self.mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value, depth)
        return self._foreign(value, depth)

    def _sequence(self, value: Iterable[Any], depth: int) -> list[Any]:
        result: list[Any] = []
        for inner in list(value):
            result.append(self.value(redact("", inner), depth + 1))
            if self._left <= 0:
                break
        return result

    def _foreign(self, value: Any, depth: int) -> Any:
        if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
            return self._plain(value.item(), depth)
        if _is_dataclass(value):
            return self.mapping(_attributes(value) or {}, depth)
        if isinstance(value, date | time):
            return value.isoformat()
        return self._text(value)

    def _text(self, value: Any) -> str:
        try:
            text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
        except Exception:  # noqa: BLE001 - as above, for keys
            text = f"<{type(value).__name__}>"
        return self._spend(clean(str(redact("", str(text))), _FOREIGN_CHARACTERS))

    def _spend(self, text: str) -> str:
        self._left -= len(text) if text.isascii() else len(text.encode())
        return text
