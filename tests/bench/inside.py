"""A process that opens a stopped server's data folder and times the engine itself, without HTTP."""

import time
from itertools import islice
from pathlib import Path
from typing import Any

from stepwire.storage.open import Storage, open_storage
from tests.bench.charts import Series, interleaved
from tests.bench.host import Span
from tests.bench.machine import quantile
from tests.bench.noise import Noise
from tests.bench.processes import Order, answer, order, ready


def main() -> None:
    """Do one order: ``folder`` and either ``series`` (run_id, salt, metrics, rows, metric) with ``count``, or ``rank``
    (a metric) with ``count`` and ``times``."""
    given = order()
    storage = open_storage(Path(given["folder"]))
    ready()
    told = _ranked(storage, given) if "rank" in given else _zooms(storage, given)
    storage.close()
    answer(**told)


def _zooms(storage: Storage, given: Order) -> dict[str, Any]:
    series = [
        Series(one["run_id"], Noise(one["salt"], one["metrics"]), one["rows"], one["metric"]) for one in given["series"]
    ]
    for one in series:
        _check(storage, one)
    for one, window in interleaved(series, 20, seed=77):
        _window(storage, one, window)
    spans: dict[str, list[Span]] = {one.run_id: [] for one in series}
    for one, window in interleaved(series, given["count"]):
        began = time.monotonic()
        _window(storage, one, window)
        spans[one.run_id].append((began, time.monotonic()))
    return dict(spans)


def _window(storage: Storage, series: Series, window: tuple[int, int]) -> Any:
    return storage.series.window(series.run_id, series.name, x="step", start=window[0], stop=window[1], points=1000)


def _check(storage: Storage, series: Series) -> None:
    for window in series.revealing():
        found = _window(storage, series, window)
        low = min(value for value in found.min if value is not None)
        high = max(value for value in found.max if value is not None)
        series.check(window, low, high, sum(found.count))


def _ranked(storage: Storage, given: Order) -> dict[str, Any]:
    times = []
    for _ in range(given["times"]):
        began = time.perf_counter()
        found = list(islice(storage.series.ranked(given["rank"], "min"), given["count"]))
        times.append((time.perf_counter() - began) * 1e3)
    return {"p50": quantile(times, 0.5), "p99": quantile(times, 0.99), "first": times[0], "found": found}


if __name__ == "__main__":
    main()
