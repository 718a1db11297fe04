"""The run list with ten thousand runs: to its end and back."""

import time
from collections.abc import Sequence

from tests.bench.engine_runs import check_crowd, gather
from tests.bench.host import watched
from tests.bench.machine import Figure, cpu_control
from tests.bench.page import LONG_TASK_MS, SLOWDOWNS, Page, PageError, Troubles, slowed
from tests.bench.server import server
from tests.bench.stored import settle

TURNS = 5
_FOCUSED = "document.activeElement?.closest('[data-run-id]')?.ariaRowIndex ?? ''"
_ROWS = "document.querySelector('[role=grid][aria-label=Runs]')?.ariaRowCount ?? ''"


def listing(runs: int, slowdowns: Sequence[float] = SLOWDOWNS) -> list[Figure]:
    """Fill the list, open it, press End and Home in turn."""
    figures = []
    with server() as (url, _), Page() as page:
        gather(url, 0, runs)
        check_crowd(url, runs)
        settle(url)
        for slowdown in slowdowns:
            figures += walked(page, url, runs, slowdown)
    return figures


def walked(page: Page, url: str, runs: int, slowdown: float) -> list[Figure]:
    """Open the list and go to its end and back, a few times."""
    opened = time.monotonic()
    page.open(url, slowdown)
    reached = rows_of(page, runs)
    loading = Troubles(page, opened, time.monotonic())
    control = f"{page.control()}; {cpu_control()}"
    page.evaluate("document.querySelector(\"[role=row][data-run-id][tabindex='0']\").focus()")
    with watched() as host:
        begin = time.monotonic()
        took = [pressed(page, key, row) for _ in range(TURNS) for key, row in (("End", reached), ("Home", 1))]
        end = time.monotonic()
    walking = Troubles(page, begin, end)
    heap = page.do("heap")
    name = f"run list of {runs:,}"
    note = f"{len(walking.long)} above {LONG_TASK_MS:g} ms in {TURNS} times End and Home; a key shown after at most "
    note += f"{max(took):.0f} ms; while it loaded {loading.worst():.0f} ms"
    calm = f"the machine was slow {host.share:.1%} of the time"
    memory = f"{heap['nodes']} nodes, buffers {heap['backingStorageSize'] / 1e6:.1f} MB"
    return [
        Figure(slowed(f"{name}, rows that End reaches", slowdown), reached, "rows", runs, "at least", control),
        *(
            Figure(slowed(f"{name}, {what}", slowdown), measured, unit, goal, "at most", control, told)
            for what, measured, unit, goal, told in (
                ("longest task from end to end", walking.worst(), "ms", 200, note),
                ("the same where the machine was not slow", walking.worst(host), "ms", 200, calm),
                ("JavaScript heap", heap["usedSize"] / 1e6, "MB", 100, memory),
            )
        ),
    ]


def rows_of(page: Page, runs: int, patience: float = 20) -> int:
    """How many rows the list has, once all runs are in it or it has grown no more for a while."""
    page.wait_until(lambda: page.evaluate(_ROWS).isdigit(), "there is no run list")
    rows, since = 0, time.monotonic()
    while rows < runs and time.monotonic() < since + patience:
        now = int(page.evaluate(_ROWS)) - 1  # without the heading
        if now != rows:
            rows, since = now, time.monotonic()
        time.sleep(0.2)
    if rows < 1:
        raise PageError("the run list is empty")
    return rows


def pressed(page: Page, key: str, row: int) -> float:
    """Press a key and wait for the row that it leads to, in ms as the driver sees it."""
    began = time.monotonic()
    page.do("press", key=key)
    wanted = str(row + 1)  # the heading is the first
    page.wait_until(lambda: page.evaluate(_FOCUSED) == wanted, f"{key} does not lead to row {row}")
    return (time.monotonic() - began) * 1e3
