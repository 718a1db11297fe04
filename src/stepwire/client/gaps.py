"""Gaps: the records that stand for points which had to leave, so that no loss is silent."""

from typing import Any

from stepwire.formats.blocks import Block, Part
from stepwire.formats.spool import FLOAT_ROW, GAP, NAMES, RECORD, ROW, Item, frame, gap_body, read_items, read_record

SPARED = frozenset({"config", "status", "checkpoint", "best", "define_metric", "total_steps", "gap", "rewind"})
"""Types of records that stay when points have to leave."""


def is_spared(item: Item) -> bool:
    """Whether a record is the last to go when there is no room: what a run's story can't be told without."""
    return item.kind in (NAMES, GAP) or (item.kind == RECORD and read_record(item.body).get("type") in SPARED)


def time_of(item: Part) -> int:
    """When a record was logged, in µs since 1970; of a block of rows the first."""
    if isinstance(item, Block):
        return item.time()
    if item.kind in (ROW, FLOAT_ROW):
        return int.from_bytes(item.body[21:29], "little", signed=True)
    return int(read_record(item.body).get("time", 0))


def gap_record(first: int, last: int, reason: str, time: int) -> dict[str, Any]:
    """What stands for the records ``first … last``."""
    return {"type": "gap", "time": time, "from": first, "to": last, "reason": reason, "count": last - first + 1}


def gap_item(first: int, last: int, reason: str, time: int = 0) -> Item:
    """The same as an item of a spool."""
    return Item(first, GAP, gap_body(first, gap_record(first, last, reason, time)), last - first + 1)


def widen_gap(gap: dict[str, Any] | None, item: Item, reason: str) -> dict[str, Any]:
    """The gap that also stands for ``item``, which follows what it stands for."""
    first = item.seq if gap is None else gap["from"]
    return gap_record(first, item.seq + item.span - 1, reason, time_of(item))


def without_holes(items: list[Part], expected: int) -> list[Part]:
    """The items with a gap wherever numbers are missing from ``expected`` on, as after a torn segment."""
    whole: list[Part] = []
    for item in items:
        if item.seq > expected:
            whole.append(gap_item(expected, item.seq - 1, "torn on disk", time_of(item)))
        whole.append(item)
        expected = item.seq + item.span
    return whole


def without_points(data: bytes, reason: str = "spool full") -> tuple[bytes, int]:
    """The records of a segment with gaps in place of its points, and how many records the gaps stand for."""
    kept: list[bytes] = []
    gap: dict[str, Any] | None = None
    lost = 0
    for _, item in read_items(data):
        if is_spared(item):
            kept += [] if gap is None else [frame(gap_body(gap["from"], gap))]
            gap = None
            kept.append(frame(item.body))
        else:
            gap = widen_gap(gap, item, reason)
            lost += item.span
    kept += [] if gap is None else [frame(gap_body(gap["from"], gap))]
    return b"".join(kept), lost
