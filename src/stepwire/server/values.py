"""Numbers as they cross the border: JSON has no NaN, a float64 column does.

The rules are those of ``docs/http-api.md``: a value that is not finite is one of three strings.
"""

import math
from typing import Any

from stepwire.errors import InvalidError
from stepwire.limits import MAX_JSON_DEPTH, MAX_NAME_BYTES, MAX_NAMES_PER_RECORD, MAX_STEP
from stepwire.protocol import Number

_FROM_TEXT = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
SYSTEM = "system/"
MAX_TIME_US = 253_402_300_799_000_000  # 9999-12-31, the last day that RFC 3339 can write


def is_system(name: str) -> bool:
    """Whether a metric is a sample of the run's process: its steps are seconds, not the training's."""
    return name.startswith(SYSTEM)


def to_json(value: float) -> Number:
    """A float as JSON may hold it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def from_json(value: Any, field: str) -> float:
    """A number or one of the three strings, as float.

    Raises:
        InvalidError: Anything else.
    """
    if isinstance(value, str):
        if value in _FROM_TEXT:
            return _FROM_TEXT[value]
    elif isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            raise InvalidError(f"{field} is beyond a 64-bit float.", field) from None
    raise InvalidError(f'{field} must be a number, or "NaN", "Infinity" or "-Infinity".', field)


def check_step(value: Any, field: str) -> float:
    """A finite step with |step| ≤ 2⁵³; whole numbers stay ``int``.

    Raises:
        InvalidError: It isn't.
    """
    number = not isinstance(value, bool) and isinstance(value, int | float)
    # Compared as it is: a whole number may be beyond every float.
    if not number or not -MAX_STEP <= value <= MAX_STEP:
        raise InvalidError(f"{field} must be a finite number between -2^53 and 2^53.", field)
    return int(value) if value == int(value) else float(value)


def spoken(step: float) -> str:
    """A step as people write it: ``14,812``."""
    return f"{int(step):,}" if step == int(step) else f"{step:,}"


def check_metrics(metrics: dict[str, Any], field: str) -> tuple[tuple[str, ...], list[float]]:
    """Names and values of one record.

    Raises:
        InvalidError: No name, too many, a name too long, a value that is no number.
    """
    if not 0 < len(metrics) <= MAX_NAMES_PER_RECORD:
        raise InvalidError(f"{field} must hold 1 to {MAX_NAMES_PER_RECORD:,} metrics.", field)
    for name in metrics:
        check_name(name, field)
    return tuple(metrics), [from_json(value, f"{field}.{name[:80]}") for name, value in metrics.items()]


def check_name(name: str, field: str) -> str:
    """A metric name of 1 to 512 bytes without NUL, which PostgreSQL can't hold.

    Raises:
        InvalidError: It isn't.
    """
    if not 0 < len(name.encode("utf-8", "replace")) <= MAX_NAME_BYTES or "\0" in name:
        raise InvalidError(f"{field}: a metric's name has 1 to {MAX_NAME_BYTES} bytes, none of them NUL.", field)
    return name


def check_seconds(seconds: float, field: str) -> int:
    """Float seconds since 1970 as µs.

    Raises:
        InvalidError: Not finite, or outside the years 1 to 9999.
    """
    if not math.isfinite(seconds) or not -62_135_596_800 <= seconds <= MAX_TIME_US / 1e6:
        raise InvalidError(f"{field} must be seconds since 1970 within the years 1 to 9999.", field)
    return round(seconds * 1e6)


def check_depth(value: Any, field: str = "body") -> None:
    """Refuse JSON nested deeper than 32.

    Raises:
        InvalidError: It is.
    """
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        level = [
            item
            for box in level
            if isinstance(box, dict | list)
            for item in (box.values() if isinstance(box, dict) else box)
        ]
        if not level:
            return
    raise InvalidError(f"{field} is nested deeper than {MAX_JSON_DEPTH}.", field)
