"""How far the points of sources reach: what an archive holds, and what is old enough to be dropped."""

import sqlite3
from typing import Literal

from stepwire.storage.series.interface import Extent
from stepwire.storage.series.journal import state_of


def read_extent(db: sqlite3.Connection, source: str) -> Extent:
    """The sealed points of a source that are not dropped."""
    row = db.execute("SELECT number FROM source WHERE id = ?", (source,)).fetchone()
    if row is None:
        return Extent([], [], 0, None, 0)
    sets = db.execute(
        "SELECT number, raw_from, rows, last_time FROM metric_set JOIN sealed ON metric_set = number "
        "WHERE source = ? ORDER BY number",
        row,
    ).fetchall()
    cuts = db.execute(
        'SELECT metric_set, "column", rows FROM metric_cut JOIN metric_set ON number = metric_set WHERE source = ?', row
    ).fetchall()
    state = state_of(db, row[0])
    assert state is not None
    return Extent(
        sets=[(number, first, rows) for number, first, rows, _ in sets if first < rows],
        cuts=cuts,
        records=state[1] or 0,
        state=state,
        last_time=max((time for *_, time in sets), default=0),
    )


def find_older(db: sqlite3.Connection, before: int) -> list[tuple[str, Literal["run", "host"]]]:
    """Runs and hosts with a metric set whose oldest chunk of points is all older than ``before`` (µs)."""
    query = (
        "SELECT DISTINCT source.id, source.kind FROM sealed JOIN metric_set ON metric_set.number = sealed.metric_set "
        "JOIN source ON source.number = metric_set.source WHERE source.kind IN ('run', 'host') AND ? > "
        "(SELECT t1 FROM chunk WHERE chunk.metric_set = sealed.metric_set AND level = 0 ORDER BY k LIMIT 1) "
        "ORDER BY source.number"
    )
    return db.execute(query, (before,)).fetchall()
