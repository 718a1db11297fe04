"""The series engine takes points: from SDK processes, as raw frames over the socket, and how soon it acknowledges."""

from tests.bench.host import watched
from tests.bench.load import CLIENTS, MIDDLE, SMALL, Shape, check_all, rate, share_of_cpu, worst, write
from tests.bench.machine import Figure, beside_host, cpu_control, quantile, sync_control, sync_milliseconds
from tests.bench.noise import Noise
from tests.bench.processes import together
from tests.bench.server import server
from tests.bench.stored import backlog, check


def sdk(rows: int = 60_000, metrics: int = 50) -> list[Figure]:
    """Four training scripts log ``rows`` steps each at the same time, from the first call to the last flush."""
    orders = [
        {"run_id": f"sdk_{number}", "salt": number, "metrics": metrics, "rows": rows} for number in range(CLIENTS)
    ]
    control = sync_control()
    with server() as (url, _):
        told = together("flood", [order | {"url": url} for order in orders])
        left = unsealed(url)
        if not all(one["kept"] and not one["dropped"] for one in told):
            raise AssertionError(f"not all was kept: {told}")
        for order in orders:
            check(url, str(order["run_id"]), Noise(int(order["salt"]), metrics), rows)
    points, began = CLIENTS * rows * metrics, min(one["began"] for one in told)
    span, calls = (max(one[end] for one in told) - began for end in ("ended", "called"))
    note = f"{points:,} points in {span:.1f} s, read back; log calls alone {calls:.1f} s; {left}"
    name = f"points/s, {CLIENTS} SDK processes, {metrics} metrics per step"
    return [Figure(name, points / span, "points/s", 1_000_000, "at least", control, note)]


def raw(shape: Shape, seconds: float = 8) -> list[Figure]:
    """Four clients send ready frames, at most 64 unacknowledged each, and wait for the last acknowledgement."""
    control = sync_control()
    with server() as (url, _):
        told = write(url, shape, seconds)
        left = unsealed(url)
        check_all(url, told)
    p50, p99 = worst(told, "p50"), worst(told, "p99")
    kind = f"{CLIENTS} clients, frames of {shape.metrics:,} x {shape.rows}"
    note = f"{sum(one['points'] for one in told):,} points, read back; {left}; {share_of_cpu(told)}; ack p50 {p50:.1f}, p99 {p99:.1f} ms"
    unit, size = ("frames/s", shape.points) if shape is SMALL else ("points/s", 1)
    figures = [Figure(f"{unit}, {kind}", rate(told) / size, unit, shape.goal / size, "at least", control, note)]
    if shape is MIDDLE:
        note = f"worst client; p50 {p50:.1f} ms, worst {worst(told, 'worst'):.0f} ms"
        figures.append(Figure(f"acknowledgement, saturated, {kind}, p99", p99, "ms", 250, "at most", control, note))
    return figures


def light(seconds: float = 20, frames_per_second: float = 50) -> list[Figure]:
    """One client waits for each acknowledgement before its next frame."""
    disk = sync_milliseconds()
    with server() as (url, _):
        with watched() as host:
            told = write(url, MIDDLE, seconds, clients=1, window=1, rate=frames_per_second * MIDDLE.rows, spans=True)
        check_all(url, told)
    disk += sync_milliseconds()
    p50, p99 = quantile(disk, 0.5), quantile(disk, 0.99)
    control = f"fdatasync p50 {p50:.2f} ms, p99 {p99:.2f} ms before and after; {cpu_control()}"
    note = f"{told[0]['frames']:,} frames of 50 x 20, one at a time; worst {told[0]['worst']:.1f} ms"
    note += f"; goal of p99: 5 ms, or fdatasync p99 + 2 ms = {p99 + 2:.1f} ms"
    name = "acknowledgement, light load"
    middle = Figure(f"{name}, p50", told[0]["p50"], "ms", 2, "at most", control, note)
    late = Figure(f"{name}, p99", told[0]["p99"], "ms", max(5, round(p99 + 2, 1)), "at most", control, note)
    spans = told[0]["spans"]
    return [*beside_host(middle, host, spans, 0.5), *beside_host(late, host, spans, 0.99)]


def unsealed(url: str) -> str:
    """How much is not sealed yet, in words."""
    left = backlog(url)
    return "backlog not told" if left is None else f"{left['unsealed_points']:,} points unsealed at the end"
