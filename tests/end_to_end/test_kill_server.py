"""The server is killed again and again during a run: nothing is lost, nothing doubled, the script never notices."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

KILLS = int(os.environ.get("STEPWIRE_KILLS", "20"))
SCRIPT = """
import select, sys, time
from stepwire import TrainingMonitor
from stepwire.client import backoff
backoff._LONGEST_SECONDS = 0.2  # many kills in a minute, not in ten
monitor = TrainingMonitor("killed", run_id="run_killed", dashboard_url=sys.argv[1])
step = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    monitor.log_metrics({"loss": step * 0.5, "twice": step * 2}, step=step)
    step += 1
    time.sleep(0.002)
kept = monitor.flush(60)
print(step, kept, monitor.dropped)
"""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def start_server(port: int, data: Path) -> subprocess.Popen[bytes]:
    """A real server; it takes requests when this returns."""
    command = [sys.executable, "-m", "stepwire", "up", "--port", str(port), "--data", str(data), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert b" at http://" in server.stdout.readline()
    return server


def read(url: str) -> dict[str, object]:
    """GET as JSON."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return dict(json.load(answer))


@pytest.mark.slow
@pytest.mark.timeout(100 + 10 * KILLS)
def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """After so many SIGKILLs every logged point is stored exactly once, in order, and the database is sound."""
    port, chance = free_port(), random.Random(7)
    server = start_server(port, tmp_path)
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, f"http://127.0.0.1:{port}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for _ in range(KILLS):
            wait_for_points(f"http://127.0.0.1:{port}/api/runs/run_killed")
            time.sleep(chance.uniform(0, 0.3))
            server.send_signal(signal.SIGKILL)
            server.wait()
            assert server.stdout is not None
            server.stdout.close()
            assert script.poll() is None, "the training script ended"
            server = start_server(port, tmp_path)
        output, _ = script.communicate("stop\n", timeout=90)
        steps, kept, dropped = output.splitlines()[-1].split()
        assert (kept, dropped) == ("True", "0") and int(steps) > 500
        check(f"http://127.0.0.1:{port}/api/runs/run_killed", int(steps))
    finally:
        script.kill()
        script.communicate()
        server.terminate()
        server.communicate()


def wait_for_points(run: str) -> None:
    """Wait until new points arrive: the script is connected again."""
    first, deadline = None, time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            step = read(run)["step"]
        except urllib.error.HTTPError:
            step = None  # the run is not there yet
        if first is not None and step != first:
            return
        first = step
        time.sleep(0.02)
    raise AssertionError("no points for 30 s")


def check(run: str, steps: int) -> None:
    """Read everything back and compare it with what was sent."""
    found: dict[str, tuple[list[float], list[float]]] = {"loss": ([], []), "twice": ([], [])}
    cursor = ""
    while cursor is not None:
        page = read(f"{run}/metrics?raw=true&keys=loss,twice&limit=100000" + (f"&cursor={cursor}" if cursor else ""))
        for name, columns in page["keys"].items():  # type: ignore[attr-defined]
            found[name][0].extend(columns["step"])
            found[name][1].extend(columns["value"])
        cursor = page["next_cursor"]  # type: ignore[assignment]
    assert found["loss"] == (list(range(steps)), [step * 0.5 for step in range(steps)])
    assert found["twice"] == (list(range(steps)), [step * 2 for step in range(steps)])
    summary = read(run)["summary"]["loss"]  # type: ignore[index]
    assert (summary["count"], summary["last_step"], summary["max"]) == (steps, steps - 1, (steps - 1) * 0.5)
