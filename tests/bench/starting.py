"""What it costs to start: the server, the import, the page."""

import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench.machine import Figure, cpu_control
from tests.bench.server import CACHE, server, wait_until_ready

WEB = Path("src/stepwire/server/web")


def start(times: int = 7) -> list[Figure]:
    """From the command to the first 200 of /health, with a warm file cache; then memory after 10 s of rest."""
    spans, memory = [], 0.0
    for attempt in range(times):
        started = time.perf_counter()
        with server() as (url, process):
            wait_until_ready(url)
            spans.append(time.perf_counter() - started)
            if attempt == times - 1:
                time.sleep(10)
                memory = psutil.Process(process.pid).memory_info().rss / 2**20
    bare = statistics.median(span([sys.executable, "-c", "pass"]) for _ in range(10))
    return [
        Figure(
            "server ready after start, warm, median",
            statistics.median(spans[1:]),
            "s",
            1.5,
            "at most",
            f"bare python {bare * 1e3:.0f} ms; {cpu_control()}",
        ),
        Figure("server memory, idle", memory, "MiB", 120, "at most", "resident set after 10 s"),
    ]


def importing(times: int = 15) -> list[Figure]:
    """The import over a bare Python, from bytecode, as of every start but the first."""
    cached = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(CACHE.absolute() / "bytecode")}
    medians = []
    for code in ("pass", "import stepwire", "from stepwire import TrainingMonitor"):
        command = [sys.executable, "-c", code]
        span(command, cached)
        medians.append(statistics.median(span(command, cached) for _ in range(times)))
    bare, plain, monitor = (median * 1e3 for median in medians)
    note = f"import stepwire alone, which loads it later, {plain - bare:.0f} ms"
    name = "import of TrainingMonitor over bare Python"
    return [Figure(name, monitor - bare, "ms", 60, "at most", f"bare {bare:.0f} ms", note)]


def page() -> list[Figure]:
    """JavaScript that the first screen loads, gzipped."""
    html = (WEB / "index.html").read_text()
    first = [path for path in (WEB / "assets").glob("*.js") if path.name in html]
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in first) / 1000
    return [Figure("initial JavaScript, gzip", size, "kB", 200, "at most", "bytes of the built files")]


def span(command: list[str], environment: dict[str, str] | None = None) -> float:
    """Seconds that a command takes."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=folder, env=environment)
        return time.perf_counter() - started
