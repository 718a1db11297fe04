"""The series engine under a steady load for minutes: it keeps up, stays small, and charts stay quick."""

import threading
import time
from statistics import median
from typing import Any

import psutil

from tests.bench.charts import Reader, Series
from tests.bench.load import CLIENTS, MIDDLE, Background, check_all, rate, share_of_cpu, worst
from tests.bench.machine import Figure, cpu_control, quantile, sync_control
from tests.bench.noise import Noise
from tests.bench.server import server
from tests.bench.stored import backlog

RATE = 500_000
OFFERED = 1.01  # a little more, so that a server that keeps up reaches the goal
CHARTS_PER_SECOND = 2
MEGABYTES = 400


class Watch(threading.Thread):
    """Once a second: the memory of the server's processes, and what is not sealed yet where the server tells it."""

    def __init__(self, url: str, pid: int) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self.megabytes: list[float] = []
        self.backlogs: list[dict[str, Any]] = []

    def run(self) -> None:
        """Look until ``stop``."""
        while not self._done.wait(1):
            family = [self._process, *self._process.children(recursive=True)]
            self.megabytes.append(sum(one.memory_info().rss for one in family) / 1e6)
            if (found := backlog(self._url)) is not None:
                self.backlogs.append(found)

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self.join()


def sustained(minutes: float) -> list[Figure]:
    """Four paced clients and a reader of their growing charts."""
    control, seconds = f"{sync_control()}; {cpu_control()}", minutes * 60
    with server() as (url, process):
        watch = Watch(url, process.pid)
        with Background(url, MIDDLE, seconds, rate=RATE * OFFERED / CLIENTS / MIDDLE.metrics) as writers:
            watch.start()
            charts = read_growing(url, writers.run_ids, seconds)
            told = writers.told()
        watch.stop()
        check_all(url, told)
    name = f"{minutes:g} min at {RATE:,} points/s"
    points = sum(one["points"] for one in told)
    note = f"{points:,} points, read back; {share_of_cpu(told)}"
    acks = f"worst client; p50 {worst(told, 'p50'):.1f}, worst {worst(told, 'worst'):.0f} ms"
    read = f"{len(charts)} charts of growing runs, p50 {quantile(charts, 0.5):.1f}, worst {max(charts):.0f} ms"
    memory = f"from {watch.megabytes[0]:.0f} MB, median {median(watch.megabytes):.0f} MB"
    return [
        Figure(f"{name}, achieved", rate(told), "points/s", RATE, "at least", control, note),
        Figure(f"{name}, acknowledgement p99", worst(told, "p99"), "ms", 250, "at most", control, acks),
        Figure(f"{name}, chart p99", quantile(charts, 0.99), "ms", 25, "at most", control, read),
        Figure(f"{name}, server memory, most", max(watch.megabytes), "MB", MEGABYTES, "at most", control, memory),
        *growth(name, watch.backlogs, control),
    ]


def read_growing(url: str, run_ids: list[str], seconds: float) -> list[float]:
    """Milliseconds of random zooms into what the runs must have by now, a few per second."""
    reader, found, began = Reader(url), [], time.monotonic()
    number = 0
    while (now := time.monotonic() - began) < seconds:
        rows = max(1000, int(now * RATE / CLIENTS / MIDDLE.metrics))
        series = Series(run_ids[number % len(run_ids)], Noise(0, MIDDLE.metrics), rows, number % MIDDLE.metrics)
        found.append(reader.get(series.path(series.zooms(1, seed=number)[0]))[0])
        number += 1
        time.sleep(max(0.0, began + number / CHARTS_PER_SECOND - time.monotonic()))
    return found


def growth(name: str, backlogs: list[dict[str, Any]], control: str) -> list[Figure]:
    """How the backlog of the last third stands to that of the second; nothing when the server does not tell."""
    third = len(backlogs) // 3
    if not third:
        return []
    figures = []
    for what in ("unsealed_points", "journal_rows", "journal_bytes"):
        found = [one[what] for one in backlogs]
        middle, last = median(found[third : 2 * third]), median(found[2 * third :])
        note = f"median {middle:,.0f}, then {last:,.0f}; most {max(found):,.0f}"
        ratio = last / middle if middle else float(last > 0)
        figures.append(Figure(f"{name}, {what}, last third over second", ratio, "x", 1.25, "at most", control, note))
    return figures
