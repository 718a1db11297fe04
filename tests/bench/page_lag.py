"""From the log call to the drawn frame while twenty scripts log."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from tests.bench.host import Host, Span, milliseconds, watched
from tests.bench.machine import Figure, beside_host, cpu_control, quantile
from tests.bench.page import SLOWDOWNS, Page, PageError, slowed
from tests.bench.server import server

PROCESSES = 4
RUNS = 20
DRAWN = 10
HZ = 10
SETTLE_SECONDS = 3.0

SCRIPTS = """
import json, sys, threading, time
from stepwire import TrainingMonitor
url, names, hz = sys.argv[1], sys.argv[2].split(","), float(sys.argv[3])
monitors = [TrainingMonitor(name, run_id=name, dashboard_url=url, project="lag", system_metrics_interval=3600)
            for name in names]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
logged, began, call = [], time.monotonic(), 0
while not ended.is_set():  # one run after the other, evenly
    time.sleep(max(0.0, began + call / (hz * len(monitors)) - time.monotonic()))
    step, number = divmod(call, len(monitors))
    logged.append((names[number], step, time.time() * 1000))
    monitors[number].log_metrics({"train/loss": 1 + 1 / (1 + step), "lr": 1e-3}, step=step)
    call += 1
for monitor in monitors:
    monitor.finish()
print()
print(json.dumps(logged))
"""
Logged = dict[tuple[str, int], float]
"""When each step of each run was logged, in ms since 1970."""


def lag(seconds: float = 30, slowdowns: Sequence[float] = SLOWDOWNS) -> list[Figure]:
    """The page draws ten of twenty live runs and tells when each step was on the screen."""
    figures = []
    for slowdown in slowdowns:
        with server() as (url, _), Page() as page, watched() as host:
            control = cpu_control()
            with scripts(url) as crew:
                page.open(address(url), slowdown, watch="frames")
                page.wait_until(lambda: drawn_runs(page) == DRAWN, f"the first chart does not draw {DRAWN} runs")
                time.sleep(SETTLE_SECONDS)
                begin = time.time() * 1000
                time.sleep(seconds)
                end = time.time() * 1000
                time.sleep(SETTLE_SECONDS)
                frames = page.evaluate("window.frames_")
            logged = {key: at for key, at in crew.logged.items() if key[0] in names()[:DRAWN] and begin <= at < end}
        figures += shown(spans(logged, frames), host, slowdown, control)
    return figures


def names() -> list[str]:
    """Ids of all runs."""
    return [f"lag_{number:02d}" for number in range(RUNS)]


def address(url: str) -> str:
    """The page with the first runs in its charts."""
    first, *others = names()[:DRAWN]
    return f"{url}/#/runs/{first}?cmp={','.join(others)}"


def drawn_runs(page: Page) -> int:
    """How many lines the first chart has."""
    return len(next(iter(page.charts()), []))


class Crew:
    """What the scripts logged, known when they have ended."""

    def __init__(self) -> None:
        self.logged: Logged = {}


@contextmanager
def scripts(url: str) -> Iterator[Crew]:
    """Scripts in a few processes, each with every so many-th run, until the end."""
    crew = Crew()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPTS, url, ",".join(names()[first::PROCESSES]), str(HZ)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for first in range(PROCESSES)
    ]  # fmt: skip
    try:
        yield crew
        for process in processes:
            told, _ = process.communicate(timeout=60)
            crew.logged |= {(name, step): at for name, step, at in json.loads(told.splitlines()[-1])}
    finally:
        for process in processes:
            process.kill()
            process.wait()


def spans(logged: Logged, frames: list[tuple[str, int, float]]) -> list[Span]:
    """From each log call to the first frame that showed its step or a later one, in monotonic seconds."""
    ahead = time.time() - time.monotonic()
    by_run: dict[str, list[tuple[int, float]]] = {}
    for name, step, at in frames:
        by_run.setdefault(name, []).append((step, at))
    found = []
    for (name, step), at in logged.items():
        when = next((when for shown, when in by_run.get(name, ()) if shown >= step), None)
        if when is None:
            raise PageError(f"step {step} of {name} was not drawn")
        found.append((at / 1e3 - ahead, when / 1e3 - ahead))
    return found


def shown(found: list[Span], host: Host, slowdown: float, control: str) -> list[Figure]:
    """Median and p95, the latter without the machine's slow moments too."""
    took = milliseconds(found)
    note = f"{len(found):,} steps of {DRAWN} runs drawn, worst {max(took):.0f} ms"
    title = slowed(f"log call to drawn frame, {RUNS} live runs", slowdown)
    middle = Figure(f"{title}, p50", quantile(took, 0.5), "ms", 120, "at most", control, note)
    late = replace(middle, name=f"{title}, p95", measured=quantile(took, 0.95), goal=250)
    return [middle, *beside_host(late, host, found, 0.95)]
