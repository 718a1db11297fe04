"""Promises that no single fault can break: any value, any call, any trouble of link and disk, any clock and zone."""

import errno
import math
import os
import random
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest
from tests.faults import FaultProxy

from stepwire import TrainingMonitor
from stepwire.errors import InvalidError, NotFoundError
from stepwire.testing import MemoryTransport

CALLS = int(os.environ.get("STEPWIRE_FAULTS", "10000"))
MISUSE = (TypeError, InvalidError, NotFoundError)
ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Marquesas")
DAY = 86_400


class Spiteful:
    """An object that raises whatever is asked of it."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __float__ = __int__ = __index__ = __str__

    def item(self):
        raise RuntimeError("no number")


def cycle():
    found = {}
    found["self"] = found
    return found


VALUES = (
    0.5, math.nan, -math.inf, 10**400, 2**63, -1, True, None, "text", "\ud800", "x" * 10_000_000, b"bytes", 1j,
    Decimal("0.1"), [1.0], (), {"deeper": 0.5}, {"deeper": {"deeper": None}}, {}, Spiteful(), object(), cycle(),
)  # fmt: skip
NAMES = ("loss", "val/loss", "", "ü" * 300, "\ud800", 7, None, "a\x00b", "_system/cpu")


def calls(monitor, chance):
    """One random call of a random method with arguments of any kind."""
    value, name = chance.choice(VALUES), chance.choice(NAMES)
    step = chance.choice((None, None, chance.randrange(10**6), value))
    return chance.choice(
        (
            lambda: monitor.log_metrics({"loss": 0.5, "lr": 1e-3}),
            lambda: monitor.log_metrics({name: value}, step=step),
            lambda: monitor.log_metrics(value, step=step, timestamp=chance.choice((None, value))),
            lambda: monitor.save_checkpoint(value if chance.random() < 0.5 else "gone.pt", step=step),
            lambda: monitor.mark_best_checkpoint(value),
            lambda: monitor.update_config(value if chance.random() < 0.5 else {"given": value}),
            lambda: monitor.define_metric(name, unit=value),
            lambda: monitor.set_total_steps(value),
            lambda: monitor.set_status(value, reason=value),
            lambda: monitor.on(value, value),
            lambda: monitor.should_stop,
            lambda: monitor.poll(),
            lambda: monitor.flush(0),
            lambda: monitor.dropped,
        )
    )


def spoil(proxy, disk, chance):
    """Some trouble, or the end of all trouble."""
    chance.choice(
        (
            proxy.drop, proxy.reset, proxy.black_hole, proxy.stall, lambda: proxy.slow(0.01), proxy.cut_before_ack,
            proxy.heal, proxy.heal, lambda: disk.update(full=True), lambda: disk.update(full=False),
        )
    )()  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(120 + CALLS // 20)
def test_nothing_but_misuse_is_ever_raised(mock_server, monkeypatch, tmp_path):
    """10,000 calls with values of any kind, while links break and disks fill up: TypeError and InvalidError at most,
    no exception in any thread, and of the good points not one is stored twice or out of order."""
    monkeypatch.setenv("STEPWIRE_DIR", str(tmp_path))
    disk, true_write, raised = {"full": False}, os.write, []

    def write(fd, data):
        if disk["full"] and fd > 2 and str(Path(f"/proc/self/fd/{fd}").readlink()).startswith(str(tmp_path)):
            raise OSError(errno.ENOSPC, "No space left on device")
        return true_write(fd, data)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(threading, "excepthook", raised.append)
    chance = random.Random(2026)
    with FaultProxy(int(mock_server.url.rsplit(":", 1)[1])) as proxy:
        monitor = TrainingMonitor("any", dashboard_url=proxy.url, system_metrics_interval=0)
        good = 0
        for number in range(CALLS):
            if number % 97 == 0:
                spoil(proxy, disk, chance)
            if number % 10 == 0:
                monitor.log_metrics({"good": float(good)})
                good += 1
            try:
                calls(monitor, chance)()
            except MISUSE:
                continue
        proxy.heal()
        disk["full"] = False
        assert monitor.flush(60)
        assert monitor.dropped == 0
        monitor.finish()
    kept = [point["metrics"]["good"] for point in mock_server.records("point") if "good" in point["metrics"]]
    assert kept == [float(number) for number in range(good)]
    assert raised == []


@pytest.mark.parametrize("jump", [-DAY, DAY, -3600, 3600, -1, 1])
def test_a_clock_that_jumps_loses_and_reorders_nothing(monkeypatch, jump):
    """A day, an hour (as of daylight saving set by hand), a leap second: order is that of logging, and half a second
    later times are within a second of the clock's."""
    transport, true = MemoryTransport(), time.time_ns
    shift = {"by": 0}
    monkeypatch.setattr(time, "time_ns", lambda: true() + shift["by"] * 10**9)
    with TrainingMonitor("clock", transport=transport, system_metrics_interval=0) as monitor:
        for step in range(30):
            if step == 10:
                shift["by"] = jump
            monitor.log_metrics({"loss": float(step)}, step=step)
            time.sleep(0.03)
        assert monitor.flush(10)
        assert abs(transport.records("point")[-1]["time"] - time.time_ns() / 1000) < 1.1e6
    assert [point["step"] for point in transport.records("point")] == list(range(30))


def test_a_moment_is_the_same_in_every_zone():
    """Aware times, plain seconds and the clock's own: what is stored does not depend on the machine's zone."""
    script = """
import sys, time
from datetime import datetime, timezone, timedelta
from stepwire import TrainingMonitor
from stepwire.testing import MemoryTransport
transport = MemoryTransport()
with TrainingMonitor("zone", transport=transport, system_metrics_interval=0) as monitor:
    monitor.log_metrics({"loss": 1.0}, timestamp=1_763_905_927.125)
    for hours in (-9.5, 0, 5.5, 14):
        zone = timezone(timedelta(hours=hours))
        monitor.log_metrics({"loss": 1.0}, timestamp=datetime.fromtimestamp(1_763_905_927.125, zone))
    monitor.log_metrics({"loss": 1.0})
    now = time.time()
    monitor.flush(5)
found = [point["time"] for point in transport.records("point")]
assert abs(found.pop() / 1e6 - now) < 5
print(*found)
"""
    told = [
        subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True
        )
        .stdout.splitlines()[-1]
        .split()
        for zone in ZONES
    ]
    assert told == [["1763905927125000"] * 5] * len(ZONES)
