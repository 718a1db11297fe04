"""Many runs in the run list, and one run with very many metrics."""

from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from tests.bench import crowd, wide
from tests.bench.charts import Reader
from tests.bench.engine_reading import first_chart
from tests.bench.load import CLIENTS
from tests.bench.machine import Figure, cpu_control, quantile
from tests.bench.noise import Noise
from tests.bench.processes import together
from tests.bench.server import data_folder, server
from tests.bench.stored import DifferentError, read_digest, sent_digest, settle

ROWS = 20
TOP = 50
UP_SECONDS = 1.0
BY_LEAST_LOSS = f"/api/runs?sort=min(loss)&limit={TOP}&keys={','.join(crowd.METRICS)}&config=optim.name:adam"


def listing(runs: int, times: int = 100) -> list[Figure]:
    """Fill the run list, then ask for its best 50: over HTTP with a filter, and in the engine."""
    with data_folder() as folder:
        with server(folder) as (url, _):
            took = gather(url, 0, runs)
            check_crowd(url, runs)
            settle(url)
            page = best_page(url, runs, times)
        told = together("inside", [{"folder": str(folder.absolute()), "rank": "loss", "count": TOP, "times": 200}])[0]
    if [tuple(one) for one in told["found"]] != best(runs, crowd.OPTIMIZERS):
        raise DifferentError("the engine ranks the runs otherwise")
    note = f"order checked; p99 {told['p99']:.2f}, first {told['first']:.1f} ms; {runs:,} runs came in {took:.0f} s"
    name = f"top {TOP} of {runs:,} runs by min, in the engine, p50"
    return [page, Figure(name, told["p50"], "ms", 1, "at most", cpu_control(), note)]


def gather(url: str, first: int, after: int) -> float:
    """Have the runs ``first …`` of the crowd made by four processes; seconds that it took."""
    orders = [{"url": url, "numbers": [first + at, after, CLIENTS], "rows": ROWS} for at in range(CLIENTS)]
    told = together("crowd", orders)
    return max(one["ended"] for one in told) - min(one["began"] for one in told)


def check_crowd(url: str, runs: int) -> None:
    """Raise unless the server lists every run of the crowd, with all of its points."""
    found: dict[str, int] = {}
    cursor = ""
    while cursor is not None:
        more = f"&cursor={quote(cursor)}" if cursor else ""
        page = Reader(url).json(f"/api/runs?project=crowd&limit=1000&keys={','.join(crowd.METRICS)}{more}")
        for run in page["runs"]:
            found[run["id"]] = sum(one["count"] for one in run["summary"].values())
        cursor = page["next_cursor"]
    if found != {crowd.run_id(number): ROWS * len(crowd.METRICS) for number in range(runs)}:
        raise DifferentError(f"{len(found)} of {runs} runs are there, or not all of their points")


def best(runs: int, optimizers: tuple[str, ...]) -> list[tuple[str, float]]:
    """The runs that the list has to begin with, and their least loss."""
    kept = [number for number in range(runs) if crowd.config(number)["optim"]["name"] in optimizers]
    ranked = sorted((crowd.least_loss(number, ROWS), crowd.run_id(number)) for number in kept)
    return [(run_id, loss) for loss, run_id in ranked[:TOP]]


def best_page(url: str, runs: int, times: int) -> Figure:
    """The page with five metric columns, sorted by one of them, of the runs with one optimizer."""
    reader = Reader(url)
    answer = reader.json(BY_LEAST_LOSS)
    if [(run["id"], run["summary"]["loss"]["min"]) for run in answer["runs"]] != best(runs, ("adam",)):
        raise DifferentError("the run list is in another order")
    found = reader.times([BY_LEAST_LOSS] * times)
    note = f"five columns, config filter; p99 {quantile(found, 0.99):.1f}, worst {max(found):.0f} ms; order checked"
    name = f"run list over HTTP, top {TOP} of {runs:,} by min, p50"
    return Figure(name, quantile(found, 0.5), "ms", 20, "at most", cpu_control(), note)


def many_metrics(sets: int = 10, rows: int = 100, times: int = 50) -> list[Figure]:
    """One run with ``sets`` times 10,000 metrics: searching its names, and its first chart after a start."""
    series = sets * wide.NAMES
    with data_folder() as folder:
        with server(folder) as (url, _):
            told = together("wide", [{"url": url, "sets": sets, "rows": rows}])[0]
            check_wide(url, sets, rows)
            sealed = settle(url)
        took = told["ended"] - told["began"]
        note = f"{series * rows:,} points came in {took:.1f} s, sealed {sealed:.0f} s later"
        figures = first_of_many(folder, series, note)
        with server(folder) as (url, _):
            figures += [searched(url, series, times)]
    return figures


def check_wide(url: str, sets: int, rows: int) -> None:
    """Raise unless every metric has all of its points, and one of each set the very values that were sent."""
    summary: dict[str, Any] = Reader(url).json(f"/api/runs/{wide.RUN_ID}?keys=*")["summary"]
    counts = {name: one["count"] for name, one in summary.items()}
    if counts != {wide.name(number): rows for number in range(sets * wide.NAMES)}:
        raise DifferentError(f"{len(counts)} metrics with {sum(counts.values())} points")
    for number in range(sets):
        name = wide.name(number * wide.NAMES + 77)
        if read_digest(url, wide.RUN_ID, name, rows) != sent_digest(Noise(number, wide.NAMES), 77, rows):
            raise DifferentError(f"{name} has other values")


def first_of_many(folder: Path, series: int, note: str, times: int = 3) -> list[Figure]:
    """The first chart of such a run: in a server that is up, and in one that has started this moment."""
    path = f"/api/series?runs={wide.RUN_ID}&key={quote(wide.name(series - 77))}&points=1000"
    name = f"first chart, run of {series:,} metrics"
    figures = []
    for more, pause, goal in (("", UP_SECONDS, 50), (", right after a start", 0.0, 100)):
        found = [first_chart(folder, path, pause) for _ in range(times)]
        told = f"cold file; median of {times}, worst {max(found):.0f} ms; {note}"
        figures.append(Figure(name + more, median(found), "ms", goal, "at most", cpu_control(), told))
    return figures


def searched(url: str, series: int, times: int) -> Figure:
    """A hundred names that hold a text."""
    reader = Reader(url)
    path = f"/api/runs/{wide.RUN_ID}/metrics/names?q=layer.77&limit=100"
    first, _ = reader.get(path)
    names = reader.json(path)["names"]
    if len(set(names)) != min(100, series // 100) or not all(".layer.77." in name for name in names):
        raise DifferentError(f"{len(names)} names: {names[:3]}")
    found = reader.times([path] * times)
    note = f"100 of {series // 100:,}; p99 {quantile(found, 0.99):.0f} ms, first after the start {first:.0f} ms"
    name = f"search in {series:,} metric names over HTTP, p50"
    return Figure(name, quantile(found, 0.5), "ms", 50, "at most", cpu_control(), note)
