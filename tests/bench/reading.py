"""How long a chart takes."""

import json
import time
import urllib.request

from tests.bench.ingest import FLOOD
from tests.bench.machine import Figure, cpu_control, quantile
from tests.bench.server import get, script, server


def chart(rows: int) -> list[Figure]:
    """``/api/series`` of one metric at 1,000 points, over HTTP, from a history of ``rows`` x 50 points."""
    with server() as (url, _):
        script(FLOOD, url, str(rows))
        address = f"{url}/api/series?runs=run_flood&keys=layer.7/grad_norm&points=1000"
        answer = get(address)
        if answer["stored"] != rows or max(answer["series"][0]["max"]) != rows - 1 + 0.7:
            raise AssertionError("the chart does not hold every point")
        cold = timed(address)
        times = [timed(address) for _ in range(50)]
    note = f"one metric of {rows:,} steps beside 49 others; worst {max(times):.0f} ms, first {cold:.0f} ms"
    return [
        Figure(
            "chart read, 1,000 points of a history, p95",
            quantile(times, 0.95),
            "ms",
            250,
            "at most",
            cpu_control(),
            note,
        )
    ]


def timed(address: str) -> float:
    """Milliseconds for one answer, read and parsed."""
    started = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as answer:
        json.load(answer)
    return (time.perf_counter() - started) * 1e3
