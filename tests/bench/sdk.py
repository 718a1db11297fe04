"""What the SDK costs the training: a log call in good and bad times, a loop's slow-down, memory in an outage, its size."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from tests.bench.host import Host, milliseconds, watched
from tests.bench.machine import Figure, cpu_control
from tests.bench.server import get, server
from tests.faults import FaultProxy

CALLS = """
import array, json, sys, time
from stepwire import TrainingMonitor
url, calls, names = sys.argv[1], int(sys.argv[2]), [f"layer.{n}/norm" for n in range(int(sys.argv[3]))]
pause = float(sys.argv[5])
monitor = TrainingMonitor("calls", run_id="run_calls", dashboard_url=url, system_metrics_interval=3600)
def nothing(metrics, step): return None
log, clock = monitor.log_metrics, time.perf_counter_ns
bare, logged, late = array.array("q", bytes(8 * calls)), array.array("q", bytes(8 * calls)), []
assert time.get_clock_info("perf_counter").implementation == time.get_clock_info("monotonic").implementation
for step in range(calls):
    value = step * 0.5
    metrics = {name: value for name in names}
    began = clock()
    nothing(metrics, step)
    between = clock()
    log(metrics, step)
    after = clock()
    logged[step] = after - between
    bare[step] = between - began
    if after - between > 200_000:
        late.append((between / 1e9, after / 1e9))
    if pause and step % 10 == 0:
        time.sleep(pause)  # as a training loop, which lets other threads run while it computes
is_stored = monitor.flush(float(sys.argv[4]))
told = {"stored": is_stored, "dropped": monitor.dropped, "late": late, "count": calls}
for name, values in (("bare", bare), ("logged", logged)):
    ordered = sorted(values)
    told[name] = [ordered[min(int(share * calls), calls - 1)] / 1000 for share in (0.5, 0.99, 0.9999)]
print()
print(json.dumps(told))
"""

LOOP = """
import json, statistics, sys, time
from stepwire import TrainingMonitor
monitor = TrainingMonitor("loop", dashboard_url=sys.argv[1])
clock = time.perf_counter
def work():  # a millisecond of computing in this thread
    total = 0
    for number in range(count): total += number
count = 1000
while True:
    began = clock(); work(); took = clock() - began
    if took >= 0.00095: break
    count = int(count * min(max(0.001 / took, 1.05), 2))
def block(log, calls):
    began = clock()
    for step in range(200):
        work()
        ready = clock()
        log({"loss": 0.5, "accuracy": 0.25, "lr": 1e-3, "grad_norm": 2.0})
        calls.append(clock() - ready)
    return clock() - began
def nothing(metrics): return None
log = monitor.log_metrics
pairs, calls = [], {log: [], nothing: []}
for number in range(24):  # in turn, so that what the machine does else meets both
    order = (nothing, log) if number % 2 else (log, nothing)
    times = {one: block(one, calls[one]) for one in order}
    pairs.append(times[log] / times[nothing])
print()
told = {"call": statistics.median(calls[log]) * 1e6, "empty": statistics.median(calls[nothing]) * 1e6}
print(json.dumps({"ratio": statistics.median(pairs), "worst": max(pairs), **told}))
"""

OUTAGE = """
import json, sys, time
import psutil
from stepwire import TrainingMonitor
monitor = TrainingMonitor("outage", dashboard_url=sys.argv[1], system_metrics_interval=3600)
resident = lambda: psutil.Process().memory_info().rss
for step in range(2000): monitor.log_metrics({f"m{n}": 0.5 * step for n in range(10)})
time.sleep(1)
before, most, began = resident(), 0, time.monotonic()
for step in range(360_000):  # 3.6 million points: an hour at 1,000 a second
    monitor.log_metrics({f"m{n}": 0.5 * step for n in range(10)})
    if step % 600 == 0:
        most = max(most, resident())
        time.sleep(max(0.0, began + step / 6000 - time.monotonic()))
print()
print(json.dumps({"grown": (max(most, resident()) - before) / 2**20, "dropped": monitor.dropped, "seconds": time.monotonic() - began}))
"""

PAUSE = "0.0005"
"""Seconds after each ten calls."""


def told(code: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """Run a script of its own; what its last line says, and how the machine was meanwhile, as ``host``."""
    with watched() as host:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return dict(json.loads(done.stdout.splitlines()[-1])) | {"host": host}


@contextmanager
def spool_folder() -> Iterator[str]:
    """A folder of spools for one measurement."""
    with tempfile.TemporaryDirectory(prefix="spool-", dir=".") as folder:
        yield str(Path(folder).absolute())


@contextmanager
def full_disk() -> Iterator[str]:
    """A folder on a file system of 2 MiB, which is full."""
    with spool_folder() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
        try:
            (Path(folder) / "filler").write_bytes(bytes(2 * 2**20 - 16384))
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)


def refusing_url() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"ws://127.0.0.1:{taken.getsockname()[1]}"


def calls(count: int) -> list[Figure]:
    """A call of four metrics while the server is there, away, slow, or silent, and while the disk is full."""
    figures: list[Figure] = []
    with server() as (url, _), spool_folder() as folder:
        figures += one_state("server up", told(CALLS, url, str(count), "4", "120", "0", STEPWIRE_DIR=folder))
        stored = sum(one["count"] for one in get(f"{url}/api/runs/run_calls?keys=layer.*")["summary"].values())
        if stored != count * 4:
            raise AssertionError(f"{stored} of {count * 4} points are stored")
    with spool_folder() as folder:
        down = told(CALLS, refusing_url(), str(count), "4", "0", "0", STEPWIRE_DIR=folder)
        figures += one_state("server down", down)
    for state, spoil in (
        ("slow server", lambda proxy: proxy.slow(0.2)),
        ("black hole", lambda proxy: proxy.black_hole()),
    ):
        with server() as (url, _), FaultProxy(int(url.rsplit(":", 1)[1])) as proxy, spool_folder() as folder:
            spoil(proxy)
            figures += one_state(state, told(CALLS, proxy.url, str(count), "4", "0", "0", STEPWIRE_DIR=folder))
    with server() as (url, _), spool_folder() as folder:
        found = told(CALLS, url, str(count), "4", "120", PAUSE, STEPWIRE_DIR=folder)
        figures += one_state("server up, a sleep after ten calls", found)
    with full_disk() as folder:
        full = told(CALLS, refusing_url(), str(count), "4", "0", "0", STEPWIRE_DIR=folder)
        figures += one_state("disk full, server down", full)
    return figures


def one_state(state: str, found: dict[str, Any]) -> list[Figure]:
    """Its figures above the control loop's."""
    figures = []
    for place, (share, goal) in enumerate((("p50", 5.0), ("p99", 25.0), ("p99.99", 1000.0))):
        above = found["logged"][place] - found["bare"][place]
        note = f"{found['logged'][place]:.1f}, control loop {found['bare'][place]:.1f}; {found['dropped']:,} dropped"
        name = f"log_metrics, 4 metrics, {state}, {share} above the control loop"
        figures.append(Figure(name, above, "µs", goal, "at most", cpu_control(), note))
    return [*figures, where_steady(figures[-1], found, found["count"])]


def where_steady(figure: Figure, found: dict[str, Any], count: int) -> Figure:
    """The p99.99 of the calls that met no moment in which the machine itself was slow."""
    host: Host = found["host"]
    late = sorted(milliseconds(host.steady(found["late"])), reverse=True)
    place = int(count * (1 - host.share) * 1e-4)
    measured = late[place] * 1e3 - found["bare"][2] if place < len(late) else 200.0
    note = f"{len(found['late']) - len(late)} of {len(found['late'])} calls above 200 µs left out: "
    note += f"the machine was slow {host.share:.1%} of the time" + ("" if place < len(late) else "; at most 200 µs")
    name = f"{figure.name}, where the machine was not slow"
    return replace(figure, name=name, measured=max(measured, 0.0), note=note)


def wide() -> list[Figure]:
    """Calls of many metrics."""
    figures = []
    for names, count, goal in ((100, 50_000, 30.0), (2000, 3000, 400.0)):
        with server() as (url, _), spool_folder() as folder:
            found = told(CALLS, url, str(count), str(names), "120", PAUSE, STEPWIRE_DIR=folder)
        above = found["logged"][0] - found["bare"][0]
        note = f"p99 {found['logged'][1]:.1f}; {count:,} calls, all stored: {found['stored']}"
        figures.append(
            Figure(f"log_metrics, {names:,} metrics, p50", above, "µs", goal, "at most", cpu_control(), note)
        )
    return figures


def loop() -> list[Figure]:
    """How much longer steps of a millisecond take with a log call and all that runs behind it."""
    with server() as (url, _), spool_folder() as folder:
        found = told(LOOP, url, STEPWIRE_DIR=folder)
    percent = (found["ratio"] - 1) * 100
    calls = f"log call {found['call']:.1f} µs, empty function {found['empty']:.1f} µs"
    note = f"24 pairs of 200 steps in turn; worst pair {(found['worst'] - 1) * 100:.1f} %; p50 after the work: {calls}"
    return [Figure("slow-down of a 1 ms loop", percent, "%", 1.0, "at most", cpu_control(), note)]


def outage() -> list[Figure]:
    """Memory over an hour's points without a server, sixty times as fast."""
    with spool_folder() as folder:
        found = told(OUTAGE, refusing_url(), STEPWIRE_DIR=folder)
    note = f"3.6 million points in {found['seconds']:.0f} s, {found['dropped']} dropped"
    return [Figure("memory growth in an hour's outage", found["grown"], "MiB", 64, "at most", cpu_control(), note)]


def size() -> list[Figure]:
    """What a training machine installs."""
    needed = ("msgspec", "websockets", "psutil", "nvidia-ml-py")
    megabytes = sum(_bytes(name) for name in needed) / 1e6
    own = sum(path.stat().st_size for path in Path("src/stepwire").rglob("*.py")) / 1e6
    note = f"{len(needed)} dependencies {megabytes:.1f} MB, own Python {own:.1f} MB, without the page"
    return [Figure("SDK installed", megabytes + own, "MB", 15, "at most", cpu_control(), note)]


def _bytes(name: str) -> int:
    files = [Path(str(file.locate())) for file in distribution(name).files or []]
    return sum(path.stat().st_size for path in files if path.exists() and path.suffix != ".pyc")
