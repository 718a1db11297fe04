"""What the server does by itself, on a real server."""

import os
import subprocess
import sys
import time
from typing import Any

from tests.end_to_end.test_kill_server import read

from stepwire.testing import running_server

BUSY = """
from stepwire import TrainingMonitor
with TrainingMonitor("busy", run_id="run_busy") as monitor:
    while not monitor.should_stop:
        monitor.log_metrics({"loss": sum(i * i for i in range(20000))})
"""


def test_a_running_run_shows_on_its_host_and_the_load_is_real() -> None:
    """The host's samples name the run that is training there, and a busy machine is shown as busy, each time."""
    with running_server() as server:
        script = subprocess.Popen(
            [sys.executable, "-c", BUSY], env=os.environ | {"STEPWIRE_URL": server.url}, stdout=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 30
            samples: dict[int, Any] = {}
            while time.monotonic() < deadline and len(samples) < 3:
                host = read(f"{server.url}/api/system/status")["hosts"]
                if host and host[0]["runs"] == ["run_busy"]:  # type: ignore[index]
                    samples[host[0]["time"]] = host[0]  # type: ignore[index]
                time.sleep(0.1)
            assert len(samples) == 3
            assert all(sample["cpu_percent"] > 10 for sample in samples.values())
        finally:
            script.terminate()
            script.wait()
