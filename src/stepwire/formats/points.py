"""What a metric file or a log line says: names with numbers, a step, a time."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MAX_NAME_BYTES = 512
MAX_STEP = 2**53
STEP_KEYS = ("global_step", "step", "_step", "trainer/global_step", "iteration", "iter", "num_updates", "epoch")
TIME_KEYS = ("_timestamp", "timestamp", "time", "wall_time", "wall time", "ts", "datetime", "date")
_MAX_DEPTH = 8
_MAX_NAMES = 1000
_EARLIEST, _LATEST = 10**8, 4 * 10**9  # 1973 to 2096 in seconds: smaller numbers named "time" are durations
SPELLED = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}


@dataclass(frozen=True, slots=True)
class Point:
    """Numbers that belong together.

    Attributes:
        metrics: Name → value, never empty.
        step: ``None`` when nothing tells it.
        time: In µs since 1970; ``None`` when nothing tells it.
    """

    metrics: dict[str, float]
    step: float | None = None
    time: int | None = None


def point_of(fields: Mapping[str, Any]) -> Point | None:
    """Return the numbers of an object, those in nested objects under names joined by ``/``; ``None`` without any.

    The first of ``STEP_KEYS`` that holds a number is the step, the first of ``TIME_KEYS`` that holds a moment the
    time, in lower or upper case; they are no metrics then.
    """
    numbers = dict(_numbers(fields, "", 1))
    names = {name.lower(): name for name in numbers}
    step_name = next((names[key] for key in STEP_KEYS if key in names and is_step(numbers[names[key]])), None)
    step = numbers.pop(step_name) if step_name else None
    time = _take_time(fields, numbers)
    if not numbers or len(numbers) > _MAX_NAMES:
        return None
    return Point(numbers, step if step is None else whole(step), time)


def _take_time(fields: Mapping[str, Any], numbers: dict[str, float]) -> int | None:
    names = {name.lower(): name for name in fields}
    for key in TIME_KEYS:
        if key in names and (time := read_time(fields[names[key]])) is not None:
            numbers.pop(names[key], None)
            return time
    return None


def _numbers(fields: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, float]]:
    for key, value in fields.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            if depth < _MAX_DEPTH:
                yield from _numbers(value, f"{name}/", depth + 1)
        elif (number := read_number(value)) is not None and is_name(name):
            yield name, number


def read_number(value: Any) -> float | None:
    """Return a number as float, ``None`` for anything else; NaN and infinities may be spelled as text."""
    if isinstance(value, str):
        sign = -1 if value.startswith("-") else 1
        spelled = SPELLED.get(value.lstrip("+-").lower()) if len(value) <= 9 else None
        return None if spelled is None else sign * spelled
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def is_step(value: Any) -> bool:
    """Whether a number can be a step: finite and within ±2**53."""
    return isinstance(value, int | float) and math.isfinite(value) and abs(value) <= MAX_STEP


def whole(number: float) -> float:
    """Return the number as int where it is whole."""
    return int(number) if float(number).is_integer() else number


def is_name(name: str) -> bool:
    """Whether a metric can have this name: 1 to 512 bytes of UTF-8 without NUL."""
    try:
        return 1 <= len(name.encode()) <= MAX_NAME_BYTES and "\0" not in name
    except UnicodeEncodeError:  # half a UTF-16 pair, which JSON can spell
        return False


def read_time(value: Any) -> int | None:
    """Return a moment in µs since 1970: of seconds, ms, µs or ns since then, or of ISO 8601 text; else ``None``.

    Text without a time zone is in this machine's.
    """
    if isinstance(value, str):
        try:
            return round(datetime.fromisoformat(value).astimezone().timestamp() * 1_000_000)
        except (ValueError, OverflowError, OSError):
            return None
    number = read_number(value)
    if number is None:
        return None
    for scale in (1, 10**3, 10**6, 10**9):
        if _EARLIEST * scale <= number < _LATEST * scale:
            return round(number / scale * 1_000_000)
    return None
