"""What is known of rows whose points were dropped: the summary that they had, else what their cells tell.

Imported lazily: the server listens before NumPy is loaded.
"""

import numpy as np

from stepwire.storage.series import summary
from stepwire.storage.series.directory import Lane
from stepwire.storage.series.encoding import Array
from stepwire.storage.series.lanes import SetReader, Stretch
from stepwire.storage.series.levels import CELL_ROWS


def dropped_share(lane: Lane, reader: SetReader) -> Array:
    """The summary of one column over its visible rows before ``raw_from``, as an array of one record."""
    figures = np.zeros(1, summary.FIELDS)
    limit = lane.stream.limit_step
    query = "SELECT rows, step, summary FROM dropped WHERE metric_set = ? ORDER BY archived"
    for rows, step, body in reader.db.execute(query, (reader.number,)):
        if limit is not None and step is not None and step > limit:
            return _cells_share(lane, reader, limit)  # the run was rewound since, to before them
        known = summary.from_bytes(body, reader.width)[lane.column : lane.column + 1]
        if lane.cut < rows and known["count"][0]:
            figures = summary.extend(figures, known)
    return figures


def _cells_share(lane: Lane, reader: SetReader, limit: float) -> Array:
    """Out of the cells: extremes and counts to a cell's edge, their steps to the first of their cell."""
    made = np.zeros(1, summary.FIELDS)
    stretch = Stretch(1, lane.cut // CELL_ROWS, -(-reader.state.raw_from // CELL_ROWS))
    ends = reader.axes(stretch)
    (cells,) = reader.read([stretch], lane.column, "step")
    shown = np.flatnonzero(ends.s_min <= limit)
    if not len(shown):
        return made
    cells = cells.take(shown)
    steps, last = ends.s_first[shown], shown[-1]
    made["count"], made["odd"] = cells.count.sum(), cells.odd.sum()
    made["first"], made["last"] = cells.first[0], cells.last[-1]
    made["last_step"], made["last_time"] = ends.s_last[last], ends.t_last[last]
    low, high = cells.min.argmin(), cells.max.argmax()
    made["min"], made["min_step"] = cells.min[low], steps[low]
    made["max"], made["max_step"] = cells.max[high], steps[high]
    return made
