"""A batch on its way in: checked whole, and cut where the stream has it already. No NumPy: frames are small."""

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stepwire.errors import InvalidError
from stepwire.limits import MAX_NAME_BYTES, MAX_NAMES_PER_RECORD, MAX_STEP
from stepwire.protocol import Batch, SetColumns

# Years 1 to 9999, so that every stored time can be written as a date.
MIN_TIME = -62_135_596_800_000_000
MAX_TIME = 253_402_300_799_999_999
_MAX_SEQ = 2**63 - 1
MAX_RECORDS = 2**30


@dataclass(slots=True)
class Rows:
    """The rows of one metric set in a batch: the columns as sent and, decoded, all but the values."""

    sent: SetColumns
    at: tuple[int, ...]
    steps: tuple[int, ...] | tuple[float, ...]
    times: tuple[int, ...]


def check_batch(batch: Batch) -> list[Rows]:
    """The rows of ``batch``, set by set; their width is not known here.

    Raises:
        InvalidError: A number, a buffer or a name is wrong; ``field`` names it.
    """
    if batch.first_seq < 1 or batch.n < 1 or batch.first_seq + batch.n - 1 > _MAX_SEQ:
        raise InvalidError("first_seq and n must be at least 1 and together fit into 63 bits.", "first_seq")
    if batch.n > MAX_RECORDS:
        raise InvalidError(f"n must be at most {MAX_RECORDS:,}: at has 32 bits.", "n")
    _check_crc(batch)
    rows = [_rows(sent, batch.n, f"sets[{index}]") for index, sent in enumerate(batch.sets)]
    for index, record in enumerate(batch.records):
        _check_record(record, batch.n, f"records[{index}]")
    return rows


def check_names(names: Sequence[str], field: str) -> None:
    """Refuse names that no metric set can have.

    Raises:
        InvalidError: Too many, or one is empty, twice there, too long, or no text that can be stored.
    """
    if not 1 <= len(names) <= MAX_NAMES_PER_RECORD:
        raise InvalidError(f"{field} must hold 1 to {MAX_NAMES_PER_RECORD:,} names.", field)
    if len(set(names)) != len(names):
        raise InvalidError(f"{field} names a metric twice.", field)
    for index, name in enumerate(names):
        _check_name(name, f"{field}[{index}]")


def check_width(rows: Rows, width: int, field: str) -> None:
    """Refuse values that are not one for each row and name.

    Raises:
        InvalidError: The buffer has another length.
    """
    expected = 8 * len(rows.at) * width
    if len(rows.sent.values) != expected:
        raise InvalidError(
            f"{field} has {len(rows.sent.values)} bytes; {len(rows.at)} rows of {width} names need {expected}.", field
        )


def cut_rows(rows: Rows, skip: int, width: int) -> Rows:
    """Only the rows of records past the first ``skip``, numbered from there."""
    keep = [index for index, at in enumerate(rows.at) if at >= skip]
    at = tuple(rows.at[index] - skip for index in keep)
    steps: Any = tuple(rows.steps[index] for index in keep)
    times = tuple(rows.times[index] for index in keep)
    values, size = rows.sent.values, 8 * width
    sent = SetColumns(
        id=rows.sent.id,
        names=rows.sent.names,
        step_type=rows.sent.step_type,
        at=struct.pack(f"<{len(keep)}I", *at),
        steps=struct.pack(f"<{len(keep)}{_code(rows.sent)}", *steps),
        times=struct.pack(f"<{len(keep)}q", *times),
        values=b"".join(values[index * size : (index + 1) * size] for index in keep),
    )
    return Rows(sent, at, steps, times)


def moved_rows(rows: Rows, by: int) -> Rows:
    """The same rows, their records numbered ``by`` higher."""
    return rows if not by else Rows(rows.sent, tuple(at + by for at in rows.at), rows.steps, rows.times)


def join_sets(rows: Sequence[Rows]) -> list[Rows]:
    """Rows of the same metric set and step type as one; the columns as bytes fit the numbers then."""
    found: dict[tuple[int, str], list[Rows]] = {}
    for one in rows:
        found.setdefault((one.sent.id, one.sent.step_type), []).append(one)
    return [_joined(parts) for parts in found.values()]


def _joined(parts: list[Rows]) -> Rows:
    first = parts[0].sent
    at = parts[0].at if len(parts) == 1 else tuple(at for part in parts for at in part.at)
    sent = SetColumns(
        id=first.id,
        names=first.names,
        step_type=first.step_type,
        at=struct.pack(f"<{len(at)}I", *at),
        steps=first.steps if len(parts) == 1 else b"".join([part.sent.steps for part in parts]),
        times=first.times if len(parts) == 1 else b"".join([part.sent.times for part in parts]),
        values=first.values if len(parts) == 1 else b"".join([part.sent.values for part in parts]),
    )
    if len(parts) == 1:
        return Rows(sent, at, parts[0].steps, parts[0].times)
    steps: Any = tuple(step for part in parts for step in part.steps)
    return Rows(sent, at, steps, tuple(time for part in parts for time in part.times))


def _rows(sent: SetColumns, n: int, field: str) -> Rows:
    if sent.step_type not in ("i8", "f8"):
        raise InvalidError(f'{field}.step_type must be "i8" or "f8".', f"{field}.step_type")
    if not 0 <= sent.id <= _MAX_SEQ:
        raise InvalidError(f"{field}.id must be 0 or more.", f"{field}.id")
    if sent.names is not None:
        check_names(sent.names, f"{field}.names")
    if len(sent.at) % 4:
        raise InvalidError(f"{field}.at must have 4 bytes per row.", f"{field}.at")
    count = len(sent.at) // 4
    for name, column in (("steps", sent.steps), ("times", sent.times)):
        if len(column) != 8 * count:
            raise InvalidError(f"{field}.{name} must have 8 bytes for each of the {count} rows.", f"{field}.{name}")
    rows = Rows(
        sent,
        struct.unpack(f"<{count}I", sent.at),
        struct.unpack(f"<{count}{_code(sent)}", sent.steps),
        struct.unpack(f"<{count}q", sent.times),
    )
    if count:
        _check_ranges(rows, n, field)
    return rows


def _check_ranges(rows: Rows, n: int, field: str) -> None:
    if max(rows.at) >= n:
        raise InvalidError(f"{field}.at must lie inside the batch's {n} records.", f"{field}.at")
    # all(), because NaN hides from min() and max().
    if rows.sent.step_type == "f8" and not all(map(math.isfinite, rows.steps)):
        raise InvalidError(f"{field}.steps must be finite.", f"{field}.steps")
    if max(rows.steps) > MAX_STEP or min(rows.steps) < -MAX_STEP:
        raise InvalidError(f"{field}.steps must lie within ±2^53.", f"{field}.steps")
    if max(rows.times) > MAX_TIME or min(rows.times) < MIN_TIME:
        raise InvalidError(f"{field}.times must be microseconds since 1970 of the years 1 to 9999.", f"{field}.times")


def _check_record(record: dict[str, Any], n: int, field: str) -> None:
    at = record.get("at")
    if type(at) is not int or not 0 <= at < n:
        raise InvalidError(f"{field}.at must be a whole number inside the batch's {n} records.", f"{field}.at")
    if not isinstance(record.get("type"), str):
        raise InvalidError(f"{field}.type must be text.", f"{field}.type")


def _check_name(name: str, field: str) -> None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise InvalidError(f"{field} must be valid Unicode; it has a lone surrogate.", field) from error
    if not 1 <= size <= MAX_NAME_BYTES:
        raise InvalidError(f"{field} must have 1 to {MAX_NAME_BYTES} bytes of UTF-8.", field)
    if "\0" in name:
        raise InvalidError(f"{field} must not contain a NUL character.", field)


def _check_crc(batch: Batch) -> None:
    if not batch.crc:
        return
    crc = 0
    for sent in batch.sets:
        for column in (sent.at, sent.steps, sent.times, sent.values):
            crc = zlib.crc32(column, crc)
    if crc != batch.crc:
        raise InvalidError("crc does not match the columns: the batch was damaged on its way. Send it again.", "crc")


def _code(sent: SetColumns) -> str:
    return "q" if sent.step_type == "i8" else "d"
