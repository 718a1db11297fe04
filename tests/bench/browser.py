"""From the log call in the script to the drawn frame in a real browser."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bench.machine import Figure, cpu_control, quantile
from tests.bench.server import server

PACED = """
import json, sys, time
from stepwire import TrainingMonitor
monitor = TrainingMonitor("paced", run_id="run_paced", dashboard_url=sys.argv[1], system_metrics_interval=3600)
logged, until, step = {}, time.time() + float(sys.argv[2]), 0
while time.time() < until:
    logged[step] = time.time() * 1000
    monitor.log_metrics({"train/loss": 1 / (1 + step), "lr": 1e-3}, step=step)
    step += 1
    time.sleep(0.1)
monitor.finish()
print()
print(json.dumps(logged))
"""


def latency(seconds: float = 40) -> list[Figure]:
    """A script logs ten times a second; the page tells when each step was on the screen."""
    with server() as (url, _):
        watcher = subprocess.Popen(
            ["node", "tests/e2e/frames.mjs", url, str(seconds + 5)],
            cwd=Path("frontend"), stdout=subprocess.PIPE, text=True, env=os.environ,
        )  # fmt: skip
        assert watcher.stdout is not None
        watcher.stdout.readline()  # the page is open and waits for a run
        done = subprocess.run(
            [sys.executable, "-c", PACED, url, str(seconds)], capture_output=True, text=True, check=True
        )
        drawn = json.loads(watcher.stdout.readline())
        watcher.wait(30)
    logged = {int(step): at for step, at in json.loads(done.stdout.splitlines()[-1]).items()}
    spans = frames(logged, [(int(step), at) for step, at in drawn])
    note = f"{len(spans)} of {len(logged)} steps seen, worst {max(spans):.0f} ms"
    return [
        Figure("log call to drawn frame, p50", quantile(spans, 0.5), "ms", 150, "at most", cpu_control(), note),
        Figure("log call to drawn frame, p95", quantile(spans, 0.95), "ms", 300, "at most", cpu_control(), note),
    ]


def frames(logged: dict[int, float], drawn: list[tuple[int, float]]) -> list[float]:
    """Milliseconds from each log call to the first frame that showed its step or a later one."""
    spans = []
    for step, at in logged.items():
        first = next((when for shown, when in drawn if shown >= step), None)
        if first is not None:
            spans.append(first - at)
    if len(spans) < 0.95 * len(logged):
        raise AssertionError(f"only {len(spans)} of {len(logged)} steps were drawn")
    return spans
