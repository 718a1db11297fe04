"""Stored points unchanged, page by page. A cursor is a place in the journal: (row, rows of it already given)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from stepwire.storage.row import write_cursor
from stepwire.storage.series import journal
from stepwire.storage.series.columns import Joined, join_frames
from stepwire.storage.series.interface import RawPage
from stepwire.storage.series.journal import MetricSet


class RawPager:
    """Collects one page of at most ``limit`` log rows that carry one of ``names``."""

    def __init__(self, names: Sequence[str], limit: int) -> None:
        self._parts: dict[str, list[Joined]] = {name: [] for name in names}
        self._left = limit
        self._order = 0
        self.ended_at: tuple[int, int] | None = None

    def read(self, connection: Connection, source_number: int, after: tuple[int, int]) -> None:
        """Collect from the place ``after`` on; ``ended_at`` is where the page is full and more rows follow."""
        sets = journal.metric_sets(connection, source_number)
        row, given = after
        for number, frame in journal.frames(connection, source_number, row - 1):
            joined, self._order = join_frames([frame], sets, self._order)
            if not self._add(joined, sets, number, given if number == row else 0):
                return

    def page(self) -> RawPage:
        """What was collected."""
        keys = {name: _columns(parts) for name, parts in self._parts.items()}
        return RawPage(keys, None if self.ended_at is None else write_cursor(*self.ended_at))

    def _add(self, joined: Mapping[int, Joined], sets: Mapping[int, MetricSet], number: int, given: int) -> bool:
        """Take what fits of one journal row; false when the page ended in it."""
        wanted = {key: rows for key, rows in joined.items() if not self._parts.keys().isdisjoint(sets[key].names)}
        if not wanted:
            return True
        place = _places(joined)
        # Every row of the frame has a place, asked for or not: the next page may ask for other names.
        waiting = np.sort(np.concatenate([place[key] for key in wanted]))
        waiting = waiting[waiting >= given]
        stop = int(waiting[self._left]) if len(waiting) > self._left else None
        for key, rows in wanted.items():
            chosen = (place[key] >= given) if stop is None else (place[key] >= given) & (place[key] < stop)
            self._take(rows, sets[key].names, chosen)
        if stop is not None:
            self.ended_at = (number, stop)
            return False
        self._left -= len(waiting)
        return True

    def _take(self, rows: Joined, names: Sequence[str], chosen: Any) -> None:
        steps, times, order = rows.steps[chosen], rows.times[chosen], rows.order[chosen]
        values = rows.values[chosen]
        for column, name in enumerate(names):
            if name in self._parts and len(order):
                self._parts[name].append(Joined(steps, times, order, values[:, column]))


def _places(joined: Mapping[int, Joined]) -> dict[int, Any]:
    """The place of each row among all rows of its frame, by record and then by metric set."""
    order = np.concatenate([rows.order for rows in joined.values()])
    place = np.empty(len(order), np.int64)
    place[np.argsort(order, kind="stable")] = np.arange(len(order))
    ends = np.cumsum([len(rows.order) for rows in joined.values()])
    return dict(zip(joined, np.split(place, ends[:-1]), strict=True))


def _columns(parts: Sequence[Joined]) -> tuple[list[float], list[int], list[float]]:
    if not parts:
        return [], [], []
    # A metric may stand in several sets of one frame.
    sort = np.argsort(np.concatenate([part.order for part in parts]), kind="stable")
    steps = np.concatenate([part.steps for part in parts])[sort]
    times = np.concatenate([part.times for part in parts])[sort]
    values = np.concatenate([part.values for part in parts])[sort]
    return steps.tolist(), times.tolist(), values.tolist()
