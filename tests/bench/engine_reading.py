"""Charts of short and long series: over HTTP idle and under load, from a cold file, and in the engine itself."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.charts import Reader, Series, interleaved
from tests.bench.host import Span, milliseconds, watched
from tests.bench.load import MIDDLE, Background, Shape, check_all, rate, write
from tests.bench.machine import Figure, beside_host, cpu_control, paced_control, quantile
from tests.bench.noise import Noise
from tests.bench.processes import together
from tests.bench.server import data_folder, forget_cached, server, wait_until_ready
from tests.bench.stored import settle

SINGLE = Shape(1, 20_000, 3_000_000)
TWELVE = Shape(12, 500, 3_000_000)
LOAD_SECONDS = 300.0
WRITTEN_MEANWHILE = 300_000
PAUSE_SECONDS = 0.04


@dataclass(frozen=True)
class Loaded:
    """What there is to read: series of growing length, and runs with a dozen metrics."""

    series: list[Series]
    runs: list[str]


def reading(sizes: list[int], zooms: int = 300) -> list[Figure]:
    """Load a series of each size, then read it in every way."""
    with data_folder() as folder:
        with server(folder) as (url, _):
            loaded = Loaded([one_series(url, size) for size in sizes], dozens(url))
            sealed = settle(url)
            figures = idle(url, loaded.series, zooms, f"sealed {sealed:.0f} s after the last point")
            figures += many(url, loaded.runs)
            figures += busy(url, loaded.series, zooms)
        figures += inside(folder, loaded.series, zooms)
        figures += cold(folder, loaded.series)
    return figures


def one_series(url: str, size: int) -> Series:
    """A run with one metric of ``size`` points; fewer when loading takes too long."""
    frames = max(1, size // SINGLE.rows)
    told = write(url, SINGLE, LOAD_SECONDS, clients=1, salt=size, frames=frames, prepare=8)
    check_all(url, told)
    return Series(told[0]["run_id"], Noise(size, 1), told[0]["total"])


def dozens(url: str, runs: int = 10, frames: int = 100) -> list[str]:
    """Runs of 12 metrics."""
    told = write(url, TWELVE, LOAD_SECONDS, clients=runs, salt=1, frames=frames, prepare=8)
    check_all(url, told)
    return [one["run_id"] for one in told]


def idle(url: str, series: list[Series], zooms: int, note: str) -> list[Figure]:
    """Random zooms while nothing else happens."""
    reader = Reader(url)
    for one in series:
        reader.check(one)
        reader.times([one.path(window) for window in one.zooms(20, seed=77)])
    times = timed(reader, series, zooms)
    figures = []
    for one in series:
        found = milliseconds(times[one.run_id])
        more = f"{zooms} random zooms, p99 {quantile(found, 0.99):.1f}, worst {max(found):.0f} ms; extremes checked; {note}"
        name = f"chart over HTTP, {one.rows:,} points, idle, p50"
        figures.append(Figure(name, quantile(found, 0.5), "ms", 8, "at most", cpu_control(), more))
    return figures


def busy(url: str, series: list[Series], zooms: int) -> list[Figure]:
    """The same zooms at a steady pace while other runs are written and sealed."""
    seconds = 5 + zooms * len(series) * PAUSE_SECONDS
    control = f"{cpu_control()}; {paced_control(PAUSE_SECONDS)}"
    with Background(url, MIDDLE, seconds, salt=1000, rate=WRITTEN_MEANWHILE / 4 / 50) as writers:
        time.sleep(3)
        with watched() as host:
            times = timed(Reader(url), series, zooms, PAUSE_SECONDS)
        told = writers.told()
    check_all(url, told)
    note = f"{rate(told):,.0f} points/s written meanwhile, read back"
    figures = []
    for one in series:
        found = milliseconds(times[one.run_id])
        more = f"{zooms} random zooms, p50 {quantile(found, 0.5):.1f}, worst {max(found):.0f} ms; {note}"
        name = f"chart over HTTP, {one.rows:,} points, while writing, p99"
        figure = Figure(name, quantile(found, 0.99), "ms", 25, "at most", control, more)
        figures += beside_host(figure, host, times[one.run_id], 0.99)
    return figures


def timed(reader: Reader, series: list[Series], zooms: int, pause: float = 0) -> dict[str, list[Span]]:
    """When each zoom began and ended, by run; one begins every ``pause`` seconds."""
    times: dict[str, list[Span]] = {one.run_id: [] for one in series}
    began = time.monotonic()
    for number, (one, window) in enumerate(interleaved(series, zooms)):
        time.sleep(max(0.0, began + number * pause - time.monotonic()))
        times[one.run_id].append(reader.span(one.path(window)))
    return times


def many(url: str, runs: list[str], times: int = 80) -> list[Figure]:
    """One request for all metrics of ten runs."""
    reader = Reader(url)
    path = f"/api/series?runs={','.join(runs)}&keys=layer.*&points=1000"
    chart = reader.json(path)
    if len(chart["series"]) != len(runs) * TWELVE.metrics:
        raise AssertionError(f"{len(chart['series'])} lines")
    size = len(reader.get(path)[1])
    reader.times([path] * 3)
    with watched() as host:
        spans = [reader.span(path) for _ in range(times)]
    found = milliseconds(spans)
    note = f"{chart['stored']:,} points behind it, {size / 1e6:.1f} MB of JSON; p50 {median(found):.0f}, worst {max(found):.0f} ms"
    name = f"chart over HTTP, {len(runs)} runs x {TWELVE.metrics} metrics, p95"
    figure = Figure(name, quantile(found, 0.95), "ms", 150, "at most", cpu_control(), note)
    return beside_host(figure, host, spans, 0.95)


def inside(folder: Path, series: list[Series], zooms: int) -> list[Figure]:
    """Random zooms in a process that has the stopped server's folder open."""
    known = [
        {"run_id": one.run_id, "salt": one.noise.salt, "metrics": 1, "rows": one.rows, "metric": 0} for one in series
    ]
    with watched() as host:
        told = together("inside", [{"folder": str(folder.absolute()), "series": known, "count": zooms}])[0]
    figures = []
    for one in series:
        spans = [(begin, end) for begin, end in told[one.run_id]]
        found = milliseconds(spans)
        note = f"{zooms} random zooms, worst {max(found):.1f} ms; extremes checked"
        name = f"chart in the engine, {one.rows:,} points"
        figures.append(Figure(f"{name}, p50", quantile(found, 0.5), "ms", 4, "at most", cpu_control(), note))
        late = Figure(f"{name}, p99", quantile(found, 0.99), "ms", 8, "at most", cpu_control(), note)
        figures += beside_host(late, host, spans, 0.99)
    return figures


def cold(folder: Path, series: list[Series], times: int = 3) -> list[Figure]:
    """The first chart after a restart, with nothing of the file in the kernel's cache."""
    figures = []
    for one in series:
        found = [first_chart(folder, one.path()) for _ in range(times)]
        note = f"all of the run; median of {times}, worst {max(found):.0f} ms"
        name = f"first chart after a restart, {one.rows:,} points, cold file"
        figures.append(Figure(name, median(found), "ms", 100, "at most", cpu_control(), note))
    return figures


def first_chart(folder: Path, path: str, pause: float = 0.0) -> float:
    """Milliseconds of the first request of a server that has started ``pause`` seconds ago; the file is cold."""
    forget_cached(folder)
    with server(folder) as (url, _):
        wait_until_ready(url)
        time.sleep(pause)
        return Reader(url).get(path)[0]
