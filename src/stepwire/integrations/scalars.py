"""What of a framework's own dicts can be logged: they hold text, arrays and ``None`` among the numbers."""

import math
from collections.abc import Mapping
from typing import Any


def scalars(values: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return the numbers of a dict, as they are: a device's scalar is not fetched.

    Args:
        values: Name → anything; nested dicts keep their numbers.
        prefix: Put before each name.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            if inner := scalars(value):
                found[f"{prefix}{name}"] = inner
        elif is_scalar(value):
            found[f"{prefix}{name}"] = value
    return found


def is_scalar(value: object) -> bool:
    """Return whether ``log_metrics`` takes this value."""
    if isinstance(value, bool | int | float):
        return True
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        return False
    return math.prod(getattr(value, "shape", ())) == 1
