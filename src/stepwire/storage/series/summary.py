"""Summaries: of the columns of a metric set as arrays, of a metric of a source as :class:`Summary`.

Imported lazily: the server listens before NumPy is loaded.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stepwire.storage.row import whole
from stepwire.storage.series.encoding import Array
from stepwire.storage.series.interface import Summary
from stepwire.storage.series.tail import Rows

# One record per column. ``*_seq``: the record number of the point meant. Steps are float64, times µs.
FIELDS = np.dtype(
    [
        (name, "<i8" if name in {"count", "odd", "last_time"} or name.endswith("_seq") else "<f8")
        for name in (
            "count", "odd", "first", "first_seq", "last", "last_seq", "last_step", "last_time",
            "min", "min_seq", "min_step", "max", "max_seq", "max_step",
        )
    ]
)  # fmt: skip


def summarise(rows: Rows, columns: Array) -> Array:
    """The summary of each column of some rows; ``columns`` are their values, metrics × points, C-ordered."""
    made = np.zeros(len(columns), FIELDS)
    made["count"] = len(rows)
    finite = None
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(columns.sum(axis=1)).all():
            finite = np.isfinite(columns)
    made["odd"] = 0 if finite is None else len(rows) - finite.sum(axis=1)
    made["first"], made["first_seq"] = columns[:, 0], rows.seqs[0]
    made["last"], made["last_seq"] = columns[:, -1], rows.seqs[-1]
    made["last_step"], made["last_time"] = rows.steps[-1], rows.times[-1]
    every = np.arange(len(columns))
    low = (columns if finite is None else np.where(finite, columns, np.inf)).argmin(axis=1)
    high = (columns if finite is None else np.where(finite, columns, -np.inf)).argmax(axis=1)
    for name, places in (("min", low), ("max", high)):
        made[name], made[f"{name}_seq"], made[f"{name}_step"] = (
            columns[every, places],
            rows.seqs[places],
            rows.steps[places],
        )
    return made


def extend(before: Array, after: Array) -> Array:
    """The summary of columns over their earlier and their later rows."""
    made = after.copy()
    made["count"] += before["count"]
    made["odd"] += before["odd"]
    some = before["count"] > 0
    for name in ("first", "first_seq"):
        made[name] = np.where(some, before[name], after[name])
    had, has = before["count"] > before["odd"], after["count"] > after["odd"]
    low = had & (~has | (before["min"] <= after["min"]))
    high = had & (~has | (before["max"] >= after["max"]))
    for name, keep in (("min", low), ("max", high)):
        for part in (name, f"{name}_seq", f"{name}_step"):
            made[part] = np.where(keep, before[part], after[part])
    return made


def from_bytes(body: bytes, width: int) -> Array:
    """The summaries of a set's columns as they are stored; all zero when there are none."""
    return np.frombuffer(body, FIELDS) if body else np.zeros(width, FIELDS)


@dataclass(slots=True)
class Share:
    """The part of a metric's summary that lies in one lane; ``order`` says which lanes come first."""

    order: tuple[int, int]
    figures: Any  # one record of FIELDS


def combine(name: str, shares: Sequence[Share]) -> Summary | None:
    """The summary of a metric over its lanes; ``None`` when it has no point."""
    filled = [share for share in shares if share.figures["count"] > 0]
    if not filled:
        return None
    count = sum(int(share.figures["count"]) for share in filled)
    odd = sum(int(share.figures["odd"]) for share in filled)
    first = min(filled, key=lambda share: (share.order, share.figures["first_seq"])).figures
    last = max(filled, key=lambda share: (share.order, share.figures["last_seq"])).figures
    finite = [share for share in filled if share.figures["count"] > share.figures["odd"]]
    low = min(finite, key=lambda share: (share.figures["min"], share.order, share.figures["min_seq"]), default=None)
    high = min(finite, key=lambda share: (-share.figures["max"], share.order, share.figures["max_seq"]), default=None)
    return Summary(
        name=name,
        count=count,
        nonfinite=odd,
        first=float(first["first"]) + 0.0,  # SQLite knows no -0.0, so a summary has none either
        last=float(last["last"]) + 0.0,
        last_step=_step(last["last_step"]),
        last_time=int(last["last_time"]),
        min=None if low is None else float(low.figures["min"]) + 0.0,
        min_step=None if low is None else _step(low.figures["min_step"]),
        max=None if high is None else float(high.figures["max"]) + 0.0,
        max_step=None if high is None else _step(high.figures["max_step"]),
    )


def _step(number: Any) -> float:
    step = float(number)
    return int(step) if step.is_integer() else step


# --- the table run_metric --------------------------------------------------------------------------------

COLUMNS = "name, count, nonfinite, first, last, last_step, last_time, min, min_step, max, max_step"
UPSERT = (
    f"INSERT INTO run_metric (source, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (source, name) DO UPDATE SET count = excluded.count, nonfinite = excluded.nonfinite, "
    "first = excluded.first, last = excluded.last, last_step = excluded.last_step, "
    "last_time = excluded.last_time, min = excluded.min, min_step = excluded.min_step, "
    "max = excluded.max, max_step = excluded.max_step"
)


def to_row(summary: Summary) -> tuple[Any, ...]:
    """A summary as columns; a NaN is no value of SQLite, NULL means it."""
    figures = (
        summary.name, summary.count, summary.nonfinite, summary.first, summary.last, summary.last_step,
        summary.last_time, summary.min, summary.min_step, summary.max, summary.max_step,
    )  # fmt: skip
    return tuple(None if isinstance(value, float) and math.isnan(value) else value for value in figures)


def from_row(columns: Sequence[Any]) -> Summary:
    """Undo ``to_row``."""
    name, count, nonfinite, first, last, last_step, last_time, low, min_step, high, max_step = columns
    return Summary(
        name=name,
        count=count,
        nonfinite=nonfinite,
        first=math.nan if first is None else first,
        last=math.nan if last is None else last,
        last_step=_step(last_step),
        last_time=last_time,
        min=low,
        min_step=whole(min_step),
        max=high,
        max_step=whole(max_step),
    )
