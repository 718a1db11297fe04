"""Does it stay as quick when there is more? Points per second, chart and run list at growing numbers of points and runs."""

from tests.bench.charts import Reader, Series
from tests.bench.engine_reading import timed
from tests.bench.engine_runs import check_crowd, gather
from tests.bench.load import CLIENTS, MIDDLE, check_all, rate, span, write
from tests.bench.machine import Figure, cpu_control, quantile, sync_control
from tests.bench.noise import Noise
from tests.bench.server import server
from tests.bench.stored import settle

LOAD_SECONDS = 240.0
BURST_SECONDS = 3.0
PAGE = "/api/runs?limit=100"


def points(sizes: list[int], zooms: int = 100) -> list[Figure]:
    """Four clients add runs until the database has each number of points; the last stretch is timed, then charts."""
    figures, there = [], 0
    with server() as (url, _):
        for size in sizes:
            control = sync_control()
            frames = max(2, (size - there) // CLIENTS // MIDDLE.points)
            told = write(url, MIDDLE, LOAD_SECONDS, salt=size, frames=frames, prepare=min(frames, 2000))
            there += sum(one["total"] for one in told) * MIDDLE.metrics
            check_all(url, told)
            sealed = settle(url)
            what = f"at {size:,} points"
            note = f"{CLIENTS} clients, frames of 50 x 20, the last {span(told):.1f} s; {there:,} points read back; "
            note += f"sealed {sealed:.0f} s later"
            figures.append(Figure(f"points/s, {what}", rate(told), "points/s", MIDDLE.goal, "at least", control, note))
            newest = Series(told[0]["run_id"], Noise(size, MIDDLE.metrics), told[0]["total"], 7)
            figures.append(chart(url, newest, what, zooms))
    return figures


def runs(counts: list[int], zooms: int = 100) -> list[Figure]:
    """The same beside growing numbers of runs."""
    figures, there = [], 0
    with server() as (url, _):
        for count in counts:
            took = gather(url, there, count)
            check_crowd(url, count)
            settle(url)
            what, control = f"beside {count:,} runs", sync_control()
            told = write(url, MIDDLE, BURST_SECONDS, salt=10 * count)
            check_all(url, told)
            note = f"{CLIENTS} clients, frames of 50 x 20, read back; {(count - there) / took:,.0f} runs/s came"
            figures.append(Figure(f"points/s, {what}", rate(told), "points/s", MIDDLE.goal, "at least", control, note))
            settle(url)
            newest = Series(told[0]["run_id"], Noise(10 * count, MIDDLE.metrics), told[0]["total"], 7)
            figures += [chart(url, newest, what, zooms), listed(url, what)]
            there = count
    return figures


def chart(url: str, series: Series, what: str, zooms: int) -> Figure:
    """Random zooms into one series."""
    reader = Reader(url)
    reader.check(series)
    found = timed(reader, [series], zooms)[series.run_id]
    note = f"{zooms} random zooms in {series.rows:,} steps, p99 {quantile(found, 0.99):.1f} ms; extremes checked"
    return Figure(f"chart over HTTP, {what}, p50", quantile(found, 0.5), "ms", 8, "at most", cpu_control(), note)


def listed(url: str, what: str, times: int = 50) -> Figure:
    """The first page of the run list, as the page asks for it."""
    found = Reader(url).times([PAGE] * times)
    note = f"{PAGE}; p99 {quantile(found, 0.99):.0f} ms"
    return Figure(f"run list over HTTP, {what}, p50", quantile(found, 0.5), "ms", 20, "at most", cpu_control(), note)
