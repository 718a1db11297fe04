"""Bytes of a source, per metric.

Imported lazily: the server listens before NumPy is loaded.
"""

from collections import defaultdict

from stepwire.storage.series.chunks import COLUMN_BITS
from stepwire.storage.series.interface import Usage
from stepwire.storage.series.snapshot import Snapshot


def measure(snapshot: Snapshot, source: str) -> Usage:
    """What a source takes on disk. Reads the sizes of all of its blocks."""
    directory = snapshot.directory(source)
    if directory is None:
        return Usage(0, 0, 0, 0, {})
    db = snapshot.db
    metrics: dict[str, int] = defaultdict(int)
    raw = levels = points = 0
    for entry in directory.sets.values():
        names = directory.shown_names(entry)
        chunks = db.execute("SELECT number, level, length(axis) FROM chunk WHERE metric_set = ?", (entry.number,))
        for number, level, axis in chunks.fetchall():
            start = number << COLUMN_BITS
            query = "SELECT id, length(body) FROM block WHERE id >= ? AND id < ?"
            for block, size in db.execute(query, (start, start + (1 << COLUMN_BITS))):
                metrics[names[block - start]] += size
                raw, levels = (raw + size, levels) if level == 0 else (raw, levels + size)
            levels += axis
    snapshot.prepare(directory, list(directory.sets))
    for entry in directory.sets.values():
        points += snapshot.reader(entry.number).total * len(entry.names)
    points -= sum(rows for (number, _), rows in directory.cuts.items() if number in directory.sets)
    query = "SELECT coalesce(sum(length(body)), 0) FROM journal WHERE source = ?"
    (journal,) = db.execute(query, (directory.number,)).fetchone()
    return Usage(points, raw, levels, journal, dict(metrics))
