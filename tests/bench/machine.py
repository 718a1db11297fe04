"""What every figure is read beside: the commit, the load, and two control loops of this very minute."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from tests.bench.host import Host, Span, milliseconds


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    ``sense`` says which side of ``goal`` is good. ``control`` is this machine's own speed beside it.
    """

    name: str
    measured: float
    unit: str
    goal: float
    sense: Literal["at least", "at most"]
    control: str
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.measured >= self.goal if self.sense == "at least" else self.measured <= self.goal

    def row(self) -> dict[str, object]:
        """All of it, for bench.json."""
        return asdict(self) | {"met": self.met}


def quantile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def beside_host(figure: Figure, host: Host, spans: Sequence[Span], share: float) -> list[Figure]:
    """The figure, and the same one without what met a moment in which the machine itself was slow."""
    steady = milliseconds(host.steady(spans))
    note = f"{len(spans) - len(steady)} of {len(spans)} left out: the machine was slow {host.share:.1%} of the time"
    name = f"{figure.name}, where the machine was not slow"
    return [figure, replace(figure, name=name, measured=quantile(steady, share), note=note)]


def commit() -> str:
    """The checked-out commit, with + when the tree differs from it in more than the figures kept in docs/bench."""
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", ".", ":!docs/bench"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return (head or "unknown") + ("+" if changed else "")


def load() -> str:
    """Load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def cpu_control() -> str:
    """Fixed Python loops: how fast this machine is right now, and how long it takes the processor away.

    The second figure is the p99 of a loop that takes a millisecond or two; no latency's p99 can be below that one.
    """
    median, _ = _spun(5, 200_000)
    short, worst = _spun(300, 40_000)
    return f"200k additions {median:.1f} ms; 40k p50 {short:.1f}, p99 {worst:.1f} ms"


def paced_control(pause: float, times: int = 250, additions: int = 100_000) -> str:
    """The same loop, begun every ``pause`` seconds, as requests at that pace are: how much longer its p99 is than its p50.

    A host that slows the machine down for a tenth of a second now and then does so to one beginning in ten.
    """
    median, worst = _spun(times, additions, pause)
    return f"a loop every {pause * 1e3:.0f} ms p50 {median:.1f}, p99 {worst:.1f} ms"


def _spun(times: int, additions: int, pause: float = 0) -> tuple[float, float]:
    """Median and p99 of the milliseconds that so many additions take."""
    spans = []
    for _ in range(times):
        started = time.perf_counter()
        total = 0
        for number in range(additions):
            total += number
        spans.append((time.perf_counter() - started) * 1e3)
        time.sleep(max(0.0, pause - spans[-1] / 1e3))
    return statistics.median(spans), quantile(spans, 0.99)


def disk_control() -> str:
    """fdatasync of 4 KiB: how fast this machine's disk is right now."""
    times = []
    with tempfile.NamedTemporaryFile(dir=".") as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return f"fdatasync p50 {statistics.median(times) * 1e3:.2f} ms, p99 {quantile(times, 0.99) * 1e3:.2f} ms"


def sync_control() -> str:
    """The disk's answer to small commits, right now."""
    times = sync_milliseconds(2)
    return f"fdatasync p50 {quantile(times, 0.5):.2f} ms, p99 {quantile(times, 0.99):.2f} ms"


def sync_milliseconds(seconds: float = 5, per_second: float = 100) -> list[float]:
    """What a small commit of a write-ahead log waits for: 12 KiB over older ones, then fdatasync."""
    times: list[float] = []
    size, places = 12 * 1024, 400
    with tempfile.NamedTemporaryFile(dir=".") as file:
        file.write(bytes(size * places))
        file.flush()
        os.fsync(file.fileno())
        for number in range(int(seconds * per_second)):
            started = time.perf_counter()
            os.pwrite(file.fileno(), os.urandom(size), number % places * size)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1e3)
            time.sleep(max(0.0, 1 / per_second - times[-1] / 1e3))
    return times
