"""Points per second from one SDK process to the disk, and what a log call costs the training loop."""

import hashlib
import struct

from tests.bench.machine import Figure, cpu_control, disk_control
from tests.bench.server import get, script, server

FLOOD = """
import hashlib, json, struct, sys, time
from stepwire import TrainingMonitor
url, rows = sys.argv[1], int(sys.argv[2])
names = [f"layer.{n}/grad_norm" for n in range(50)]
monitor = TrainingMonitor("flood", run_id="run_flood", dashboard_url=url, system_metrics_interval=3600)
monitor.flush(10)
digest, values = hashlib.sha256(), []
for step in range(rows):
    values.append({name: step + index * 0.1 for index, name in enumerate(names)})
started = time.perf_counter()
for step, metrics in enumerate(values):
    monitor.log_metrics(metrics, step=step)
called = time.perf_counter() - started
kept = monitor.flush(300)
elapsed = time.perf_counter() - started
for metrics in values:
    digest.update(struct.pack("<d", metrics[names[7]]))
print()
print(json.dumps({"elapsed": elapsed, "called": called, "kept": kept, "dropped": monitor.dropped, "digest": digest.hexdigest()}))
"""

CALLS = """
import json, sys, time
from stepwire import TrainingMonitor
monitor = TrainingMonitor("calls", dashboard_url=sys.argv[1], system_metrics_interval=3600)
clock, times, control = time.perf_counter_ns, [], []
def nothing(metrics, step): return None
for call, kept in ((nothing, control), (monitor.log_metrics, times)):
    for step in range(50_000):
        metrics = {"loss": step * 0.5, "accuracy": 0.25, "lr": 1e-3, "grad_norm": 2.0}
        started = clock()
        call(metrics, step)
        kept.append(clock() - started)
        if step % 10 == 0:
            time.sleep(0.0005)
monitor.flush(30)
at = lambda values, share: sorted(values)[int(share * len(values))] / 1000
print()
print(json.dumps({"p50": at(times, .5), "p99": at(times, .99), "p999": at(times, .999), "control50": at(control, .5), "control99": at(control, .99)}))
"""


def throughput(rows: int) -> list[Figure]:
    """One process logs 50 metrics per step as fast as it can; everything is read back."""
    with server() as (url, _):
        sent = script(FLOOD, url, str(rows))
        read, digest, cursor = 0, hashlib.sha256(), ""
        total = sum(
            metric["count"] for name, metric in get(f"{url}/api/runs/run_flood?keys=layer.*")["summary"].items()
        )
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = get(f"{url}/api/runs/run_flood/metrics?raw=true&limit=100000&key=layer.7/grad_norm{more}")
            values = page["keys"].get("layer.7/grad_norm", {"value": []})["value"]
            digest.update(struct.pack(f"<{len(values)}d", *values))
            read, cursor = read + len(values), page["next_cursor"]
    same = (
        read == rows
        and total == rows * 50
        and digest.hexdigest() == sent["digest"]
        and sent["kept"]
        and not sent["dropped"]
    )
    if not same:
        raise AssertionError(f"read back {read} of {rows} rows, {total} points; sent: {sent}")
    rate = rows * 50 / sent["elapsed"]
    note = f"{rows * 50:,} points, count and checksum equal; log calls alone {rows * 50 / sent['called']:,.0f}/s"
    return [
        Figure(
            "points/s, one process, 50 metrics per step, durable",
            rate,
            "points/s",
            50_000,
            "at least",
            disk_control(),
            note,
        )
    ]


def log_call() -> list[Figure]:
    """What ``log_metrics`` with 4 metrics costs the caller while a server takes the points."""
    with server() as (url, _):
        found = script(CALLS, url)
    control = f"empty call p50 {found['control50']:.2f} µs, p99 {found['control99']:.2f} µs"
    note = f"p99.9 {found['p999']:.0f} µs"
    return [
        Figure("log_metrics, 4 metrics, p50", found["p50"], "µs", 10, "at most", control, note),
        Figure("log_metrics, 4 metrics, p99", found["p99"], "µs", 100, "at most", control, cpu_control()),
    ]
