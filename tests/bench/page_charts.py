"""Twelve charts of ten live runs: the main thread, long tasks, layout shifts, frames under the mouse, the heap."""

import json
import os
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.bench.host import Host, watched
from tests.bench.machine import Figure, cpu_control
from tests.bench.page import (
    LONG_TASK_MS,
    SLOWDOWNS,
    Page,
    PageError,
    Troubles,
    layout,
    longest_gap,
    per_second,
    slowed,
)
from tests.bench.page_curves import Curves
from tests.bench.page_writer import Writing, run_id
from tests.bench.server import server
from tests.bench.stored import check

CHARTS = 12
RUNS = 10
POINTS = 1000
UPDATES = 20
IDLE_SECONDS = 10.0
HOVER_SECONDS = 5.0
HZ = float(os.environ.get("BENCH_PAGE_HZ", "1"))
"""Rows per second and run while the heap is watched; more than 1 is the same minutes in less time."""
LAYOUT = "page bench"

Counters = dict[str, float]


def charts(minutes: float, slowdowns: Sequence[float] = SLOWDOWNS) -> list[Figure]:
    """Open the charts with each slow-down and let rows come; once watch the heap over so many minutes' rows."""
    figures = []
    with server() as (url, _), Writing(url, RUNS, CHARTS, POINTS) as writing, Page() as page:
        save_layout(url, writing)
        for slowdown in slowdowns:
            with watched() as host:
                steady = look(page, url, writing, slowdown)
            figures += steady.figures(host)
            if slowdown == 1:
                figures.append(heap(page, writing, minutes))
        for number in range(RUNS):
            check(url, run_id(number), Curves(number, CHARTS), writing.rows)
    return figures


def save_layout(url: str, writing: Writing) -> None:
    """Have the server keep a layout of the run list, the event log and a chart for each metric."""
    names = Curves(0, writing.metrics).names
    panels = [f"chart-{number + 1}" for number in range(len(names))]
    rows = [["runs", "events"], *(panels[first : first + 4] for first in range(0, len(panels), 4))]
    shown = layout(rows, {panel: [name] for panel, name in zip(panels, names, strict=True)})
    request = urllib.request.Request(
        f"{url}/api/layouts/{quote(LAYOUT)}",
        json.dumps({"layout": shown}).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request, timeout=20).close()


def open_charts(page: Page, url: str, slowdown: float, writing: Writing) -> str:
    """Open the page with all charts on the screen; version of the browser. The one place that knows how."""
    others = ",".join(run_id(number) for number in range(1, RUNS))
    version = page.open(f"{url}/#/runs/{run_id(0)}?cmp={others}&w={POINTS}&layout={quote(LAYOUT)}", slowdown)
    try:
        wait_for_charts(page, writing)
    except PageError as error:
        complete = sum(len(lines) == RUNS for lines in page.charts())
        if complete == CHARTS:
            raise
        raise PageError(
            f"{complete} charts with points of all {RUNS} runs are on the screen, not {CHARTS}: {error}"
        ) from error
    return version


def wait_for_charts(page: Page, writing: Writing) -> None:
    """Wait until the charts say what was sent: of each run the number of points, the newest step, its value."""
    values = [Curves(number, CHARTS).values(writing.rows - 1, 1)[0] for number in range(RUNS)]
    sent = sorted(
        [(run_id(number), writing.rows, writing.rows - 1, float(values[number][metric])) for number in range(RUNS)]
        for metric in range(CHARTS)
    )
    page.wait_until(lambda: said(page) == sent, f"the charts do not say what was sent after {writing.rows} rows")


def said(page: Page) -> list[list[tuple[str, int, int, float]]]:
    """What the charts say, in the order of what was sent."""
    return sorted(
        sorted((line["run"], line["n"], line["lastStep"], line["lastValue"]) for line in lines)
        for lines in page.charts()
    )


@dataclass(frozen=True)
class Steady:
    """What one look at the charts found.

    Attributes:
        idle: Share of the main thread that is busy while no row comes.
        together: Counters of the updates in which all runs log at the same moment.
        spread: Counters of rows that come one run after the other.
    """

    slowdown: float
    version: str
    idle: float
    together: Counters
    spread: Counters
    troubles: Troubles
    hover: dict[str, Any]
    crosshairs: int
    empty: dict[str, Any]
    control: str

    def figures(self, host: Host) -> list[Figure]:
        """Beside their goals."""
        return [*self._threads(), *self._long_tasks(host), self._shift(), self._hover()]

    def _figure(self, name: str, measured: float, unit: str, goal: float, note: str, least: bool = False) -> Figure:
        sense = "at least" if least else "at most"
        return Figure(slowed(name, self.slowdown), measured, unit, goal, sense, self.control, note)  # type: ignore[arg-type]

    def _threads(self) -> list[Figure]:
        what = f"{CHARTS} charts x {RUNS} runs x {POINTS:,} points"
        figures = []
        for name, counters, times in (
            (f"{what}, main thread per update, runs in step", self.together, UPDATES),
            (f"{what}, main thread per row, runs one after the other", self.spread, UPDATES * RUNS),
        ):
            busy = (counters["TaskDuration"] - self.idle * counters["Timestamp"]) / times * 1e3
            parts = ", ".join(
                f"{part} {counters[key] / times * 1e3:.1f}"
                for part, key in (
                    ("CPU", "ThreadTime"),
                    ("script", "ScriptDuration"),
                    ("style", "RecalcStyleDuration"),
                    ("layout", "LayoutDuration"),
                )
            )
            share = counters["TaskDuration"] / counters["Timestamp"]
            note = (
                f"{times} in {counters['Timestamp']:.0f} s; {parts} ms; thread busy {share:.1%}, idle {self.idle:.1%}"
            )
            figures.append(self._figure(name, busy, "ms", 40, note))
        return figures

    def _long_tasks(self, host: Host) -> list[Figure]:
        troubles = self.troubles
        steady = len(host.steady(troubles.long))
        note = f"{len(troubles.long)} above {LONG_TASK_MS:g} ms"
        calm = f"{steady} of {len(troubles.long)}; the machine was slow {host.share:.1%} of the time"
        return [
            self._figure(f"{CHARTS} charts, longest task", troubles.worst(), "ms", LONG_TASK_MS, note),
            self._figure(
                f"{CHARTS} charts, longest task, where the machine was not slow",
                troubles.worst(host), "ms", LONG_TASK_MS, calm,
            ),
        ]  # fmt: skip

    def _shift(self) -> Figure:
        return self._figure(f"{CHARTS} charts, layout shift", self.troubles.shift, "", 0, "sum of all, hover included")

    def _hover(self) -> Figure:
        frames, empty = self.hover["frames"], self.empty["frames"]
        note = f"{self.hover['moves']} moves, crosshair on {self.crosshairs} charts, rows at 1 Hz; "
        note += f"longest pause {longest_gap(frames):.0f} ms; "
        note += f"an empty page {per_second(empty):.1f}, longest {longest_gap(empty):.0f} ms; Chromium {self.version}"
        return self._figure(
            f"{CHARTS} charts, frames under the mouse", per_second(frames), "per s", 58, note, least=True
        )


def look(page: Page, url: str, writing: Writing, slowdown: float) -> Steady:
    """Open the charts, and let rows come: together, one after the other, and under the mouse."""
    version = open_charts(page, url, slowdown, writing)
    control = f"{page.control()}; {cpu_control()}"
    time.sleep(3)
    begin = time.monotonic()
    resting = spent(page, lambda: time.sleep(IDLE_SECONDS))
    together = spent(page, lambda: writing.write(UPDATES, 1))
    spread = spent(page, lambda: writing.write(UPDATES, 1, spread=True))
    writing.begin(int(HOVER_SECONDS) + 1, 1, spread=False)
    hover = page.do("hover", selector=".metrics-chart .u-over", at=CHARTS // 2, seconds=HOVER_SECONDS)
    crosshairs = page.evaluate("document.querySelectorAll('.u-cursor-x:not(.u-off)').length")
    writing.wait()
    end = time.monotonic()
    if not crosshairs:
        raise PageError("no chart shows a crosshair under the mouse")
    wait_for_charts(page, writing)
    troubles = Troubles(page, begin, end)
    return Steady(
        slowdown=slowdown,
        version=version,
        idle=resting["TaskDuration"] / resting["Timestamp"],
        together=together,
        spread=spread,
        troubles=troubles,
        hover=hover,
        crosshairs=crosshairs,
        empty=page.do("control", seconds=HOVER_SECONDS),
        control=control,
    )


def spent(page: Page, meanwhile: Any) -> Counters:
    """How much each counter of the page grew meanwhile."""
    before = page.do("counters")
    meanwhile()
    return {name: value - before[name] for name, value in page.do("counters").items() if name in before}


def heap(page: Page, writing: Writing, minutes: float) -> Figure:
    """How much more is in use after the rows of so many minutes."""
    control, rows = cpu_control(), int(minutes * 60)
    before = page.do("heap")
    began = time.monotonic()
    writing.write(rows, HZ)
    took = time.monotonic() - began
    wait_for_charts(page, writing)
    after = page.do("heap")
    grown = {name: (after[name] - before[name]) / 1e6 for name in after}
    note = f"{rows} rows a run at {HZ:g} Hz in {took / 60:.1f} min; from {before['usedSize'] / 1e6:.1f} MB; "
    note += f"buffers, which hold at most 4,096 points a line, {grown['backingStorageSize']:+.1f} MB; "
    note += f"nodes {after['nodes'] - before['nodes']:+d}, listeners "
    note += f"{after['jsEventListeners'] - before['jsEventListeners']:+d}"
    name = f"{CHARTS} charts, growth of the JavaScript heap in {minutes:g} min of rows"
    return Figure(name, grown["usedSize"], "MB", 10, "at most", control, note)
