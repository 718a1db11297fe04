"""The server is killed again and again while a script prints: each line is in the run's log file once, in order."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.end_to_end.test_kill_server import free_port, read, start_server, wait_for_points

KILLS = int(os.environ.get("STEPWIRE_KILLS", "8"))
SCRIPT = """
import select, sys, time
from stepwire import TrainingMonitor
from stepwire.client import backoff
backoff._LONGEST_SECONDS = 0.2
monitor = TrainingMonitor("killed", run_id="run_killed", dashboard_url=sys.argv[1])
step = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    monitor.log_metrics({"loss": step * 0.5}, step=step)
    print("line", step, file=sys.stderr)
    step += 1
    time.sleep(0.005)
print(step, monitor.flush(60), monitor.dropped)
"""


@pytest.mark.slow
@pytest.mark.timeout(100 + 10 * KILLS)
def test_kills_lose_and_double_no_line(tmp_path: Path) -> None:
    """After so many SIGKILLs of the server the log has all lines, once each, and so has the answer by REST."""
    port, chance = free_port(), random.Random(3)
    server = start_server(port, tmp_path)
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, f"http://127.0.0.1:{port}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    run = f"http://127.0.0.1:{port}/api/runs/run_killed"
    try:
        for _ in range(KILLS):
            wait_for_points(run)
            time.sleep(chance.uniform(0, 1.0))
            server.send_signal(signal.SIGKILL)
            server.communicate()
            assert script.poll() is None, "the training script ended"
            server = start_server(port, tmp_path)
        output, _ = script.communicate("stop\n", timeout=90)
        told, is_stored, dropped = output.splitlines()[-1].split()
        steps = int(told)
        assert steps > 200 and (is_stored, dropped) == ("True", "0")
        expected = [f"line {step}" for step in range(steps)]
        assert [text for text in read_lines(run, expected[-1]) if text.startswith("line ")] == expected
        kept = [line.split(" ", 2) for line in (tmp_path / "logs" / "run_killed.log").read_text().splitlines()]
        # Beside them stand the SDK's own warnings that no server is there.
        assert [text for _, stream, text in kept if stream == "stderr" and text.startswith("line ")] == expected
    finally:
        script.kill()
        script.communicate()
        server.terminate()
        server.communicate()


def read_lines(run: str, last: str) -> list[str]:
    """All lines, page by page, once the last one is there."""
    deadline = time.monotonic() + 30
    found: list[str] = []
    start = 0
    while last not in found:
        assert time.monotonic() < deadline, f"{last} is not there; the end is {found[-3:]}"
        page = read(f"{run}/logs?from={start}&limit=500")
        found += [line["text"] for line in page["lines"]]  # type: ignore[attr-defined]
        start = page["next"]  # type: ignore[assignment]
    return found
