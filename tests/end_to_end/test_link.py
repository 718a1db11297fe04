"""The link is cut after the server has committed and before it could say so, again and again: nothing is doubled."""

import json
import os
import subprocess
import sys
import time
import urllib.request

import pytest
from tests.faults import FaultProxy

from stepwire.testing import running_server

CUTS = int(os.environ.get("STEPWIRE_KILLS", "8"))
SCRIPT = """
import select, sys, time
from stepwire import TrainingMonitor
from stepwire.client import backoff
backoff._LONGEST_SECONDS = 0.1  # a hundred cuts in a minute
monitor = TrainingMonitor("cut", run_id="run_cut", dashboard_url=sys.argv[1])
step = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    monitor.log_metrics({"loss": step * 0.5}, step=step)
    step += 1
    time.sleep(0.001)
print(step, monitor.flush(60), monitor.dropped)
"""


@pytest.mark.slow
@pytest.mark.timeout(60 + 5 * CUTS)
def test_lost_acknowledgements_double_nothing() -> None:
    """After each cut the script sends the same records again; the server has each exactly once, in order."""
    with running_server() as server, FaultProxy(int(server.url.rsplit(":", 1)[1])) as proxy:
        script = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, proxy.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            for number in range(1, CUTS + 1):
                proxy.cut_before_ack()
                deadline = time.monotonic() + 20
                while proxy.cuts < number:
                    assert time.monotonic() < deadline, "no acknowledgement came to cut off"
                    time.sleep(0.01)
            output, _ = script.communicate("stop\n", timeout=90)
        finally:
            script.kill()
            script.communicate()
        steps, is_stored, dropped = output.splitlines()[-1].split()
        assert (is_stored, dropped) == ("True", "0")
        path = f"{server.url}/api/runs/run_cut/metrics?raw=true&key=loss&limit=100000"
        with urllib.request.urlopen(path, timeout=30) as answer:
            found = json.load(answer)["keys"]["loss"]["step"]
        assert found == list(range(int(steps)))
