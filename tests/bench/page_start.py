"""From a cold browser to a terminal that can be used, with a thousand runs in it."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from tests.bench.engine_runs import ROWS, check_crowd, gather
from tests.bench.machine import Figure, cpu_control
from tests.bench.page import SLOWDOWNS, Page, PageError, slowed
from tests.bench.server import server

RUNS = 1000
ANSWER_MS = 100.0


def start(times: int = 5, slowdowns: Sequence[float] = SLOWDOWNS) -> list[Figure]:
    """Open the page in browsers that have never seen it."""
    figures = []
    with server() as (url, _), Page() as page:
        gather(url, 0, RUNS)
        check_crowd(url, RUNS)
        for slowdown in slowdowns:
            figures += times_of([opened(page, url, slowdown) for _ in range(times)], slowdown)
        figures.append(scripts(page, url))
    return figures


def opened(page: Page, url: str, slowdown: float) -> dict[str, Any]:
    """One cold start: milliseconds from the beginning of the navigation, and what the page shows then."""
    page.open(url, slowdown, watch="start")
    told: dict[str, Any] = page.do("started")
    if any(line["n"] != ROWS for line in told["points"]):
        raise PageError(f"the first chart does not have the {ROWS} points of each run: {told['points']}")
    told["paint"] = page.evaluate("window.troubles_.firstPaint")
    told["shift"] = page.evaluate("window.troubles_.shifts.reduce((sum, [, far]) => sum + far, 0)")
    told["long"] = page.evaluate("Math.max(0, ...window.troubles_.long.map(([, took]) => took))")
    told["rows"] = page.evaluate("document.querySelector('[role=grid][aria-label=Runs]').ariaRowCount - 1")
    return told


def times_of(found: list[dict[str, Any]], slowdown: float) -> list[Figure]:
    """First paint, and when the page can be used, each in the middle and at worst.

    It can be used when the run list has rows, the first chart has points, and a key is answered in time; if the key
    takes longer, its answer counts as that moment.
    """
    control = cpu_control()
    usable = [one["ready"] + (one["answered"] if one["answered"] > ANSWER_MS else 0.0) for one in found]
    first, answers = found[0], [one["answered"] for one in found]
    note = f"{len(found)} cold browsers; longest task {max(one['long'] for one in found):.0f} ms, "
    note += f"layout shift {max(one['shift'] for one in found):.3f}"
    keys = f"j answered in {median(answers):.0f}, at worst {max(answers):.0f} ms; {first['rows']} rows in the list, "
    keys += f"{len(first['points'])} lines in the first chart"
    figures = []
    for name, values, goal, told in (
        ("first paint", [one["paint"] for one in found], 1000, note),
        ("usable", usable, 1500, keys),
    ):
        for share, measured in (("median", median(values)), ("worst", max(values))):
            title = slowed(f"{name} with {RUNS:,} runs, cold, {share}", slowdown)
            figures.append(Figure(title, measured, "ms", goal, "at most", control, told))
    return figures


def scripts(page: Page, url: str) -> Figure:
    """JavaScript that the page has loaded by then."""
    told = opened(page, url, 1)
    note = f"{told['scripts']} files, as gzip -9 packs them"
    return Figure("JavaScript until usable, gzip", told["gzip"] / 1000, "kB", 180, "at most", "bytes loaded", note)
