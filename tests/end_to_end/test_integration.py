"""The specification's integration test, and the whole way from a real script to what the API tells of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.conftest import Socket
from tests.end_to_end.test_kill_server import read

from stepwire.testing import RunningServer, running_server


@pytest.fixture
def websocket(client: TestClient) -> Iterator[Socket]:
    """A viewer that reads ``subscribed`` inside its ``send_json``, as the specification's test expects."""
    with client.websocket_connect("/ws") as session:
        yield Socket(session, swallow=True)


async def test_end_to_end_flow(client: TestClient, websocket: Any) -> None:
    """The specification's snippet: what is logged by REST arrives by the socket."""
    # Create run
    run = client.post("/api/runs", json={"name": "test"}).json()

    # Subscribe via websocket
    await websocket.send_json({"type": "subscribe", "run_id": run["id"]})

    # Log metrics via REST
    client.post(f"/api/runs/{run['id']}/metrics", json={
        "step": 1,
        "metrics": {"loss": 0.5}
    })  # fmt: skip

    # Receive via websocket
    msg = await websocket.receive_json()
    assert msg["type"] == "metric_update"
    assert msg["metrics"]["loss"] == 0.5


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """A real server on a free port."""
    with running_server() as found:
        yield found


def train(server: RunningServer, source: str, **popen: Any) -> subprocess.Popen[str]:
    """Start a training script in a process of its own."""
    start = "import sys, time\nfrom stepwire import TrainingMonitor\nmonitor = TrainingMonitor('script', run_id='run_script')\n"
    environment = os.environ | {"STEPWIRE_URL": server.url, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", start + source],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **popen,
    )


def wait_for(server: RunningServer, field: str, wanted: Any) -> dict[str, Any]:
    """Wait until a field of the run has a value."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            run = read(f"{server.url}/api/runs/run_script")
        except OSError:
            run = {}
        if run.get(field) == wanted:
            return run
        time.sleep(0.05)
    raise AssertionError(f"{field} is {run.get(field)!r}, not {wanted!r}")


ENDS = [
    ("monitor.log_metrics({'loss': 1})", "completed", 0),
    ("monitor.log_metrics({'loss': 1})\nraise ValueError('boom')", "failed", 1),
    ("monitor.log_metrics({'loss': 1})\nsys.exit(3)", "failed", 3),
    ("monitor.log_metrics({'loss': 1})\nraise KeyboardInterrupt", "interrupted", -signal.SIGINT),
    ("with monitor:\n  monitor.log_metrics({'loss': 1})", "completed", 0),
    ("monitor.log_metrics({'loss': 1})\nmonitor.set_status('interrupted')", "interrupted", 0),
]


@pytest.mark.parametrize(
    ("source", "status", "code"), ENDS, ids=[source.splitlines()[-1][:30] for source, _, _ in ENDS]
)
def test_how_a_script_ends_is_how_its_run_ends(server: RunningServer, source: str, status: str, code: int) -> None:
    """Without any finish(): the end of the script decides, and its own output and exit code stay as they were."""
    script = train(server, source)
    output, _ = script.communicate(timeout=30)
    assert script.returncode == code
    assert output == f"stepwire: script → {server.url}/#/runs/run_script\n"
    run = wait_for(server, "status", status)
    assert run["summary"]["loss"]["count"] == 1


def test_a_raise_leaves_its_traceback_in_the_event_log(server: RunningServer) -> None:
    """The last line and the whole traceback are an error event of the run."""
    train(server, "def deep(): raise ValueError('boom')\ndeep()").communicate(timeout=30)
    wait_for(server, "status", "failed")
    events = read(f"{server.url}/api/events?run_id=run_script&level=error")["events"]
    traceback = next(event for event in events if event["event"] == "traceback")  # type: ignore[attr-defined]
    assert "boom" in traceback["message"] and "in deep" in traceback["data"]["traceback"]


def test_sigterm_interrupts_and_keeps_the_exit_code(server: RunningServer) -> None:
    """Preemption: interrupted, reason preempted, killed by SIGTERM as without us."""
    script = train(server, "step = 0\nwhile True:\n  monitor.log_metrics({'loss': 1}); time.sleep(0.01)")
    wait_for(server, "status", "running")
    time.sleep(0.5)
    script.terminate()
    script.communicate(timeout=10)
    assert script.returncode == -signal.SIGTERM
    assert wait_for(server, "status", "interrupted")["reason"] == "preempted"


def test_a_killed_script_is_crashed_at_once_on_this_host(server: RunningServer) -> None:
    """The server sees that the process is gone, and keeps what it had sent."""
    script = train(server, "monitor.log_metrics({'loss': 1}); monitor.flush(5); time.sleep(60)")
    wait_for(server, "step", 0)
    script.kill()
    script.communicate()
    assert wait_for(server, "status", "crashed")["summary"]["loss"]["count"] == 1


def test_no_server_harms_nobody() -> None:
    """With nobody listening the script runs, prints its one line, and ends in time with its own exit code."""
    source = "from stepwire import TrainingMonitor\nm = TrainingMonitor('alone')\nfor s in range(1000): m.log_metrics({'loss': s})\n"
    done = subprocess.run(
        [sys.executable, "-c", source], env=os.environ | {"STEPWIRE_URL": "http://127.0.0.1:9"},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1


def test_a_stop_is_seen_by_should_stop(server: RunningServer) -> None:
    """The dashboard's Stop reaches the loop, and its acknowledgement carries the step of effect."""
    import json
    import urllib.request

    script = train(server, "while not monitor.should_stop:\n  monitor.log_metrics({'loss': 1}); time.sleep(0.01)")
    wait_for(server, "status", "running")
    request = urllib.request.Request(
        f"{server.url}/api/runs/run_script/commands",
        json.dumps({"command": "stop"}).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=5).close()
    script.communicate(timeout=20)
    commands = read(f"{server.url}/api/runs/run_script/commands")["commands"]
    assert commands[0]["state"] == "acknowledged" and commands[0]["step"] >= 0  # type: ignore[index]


def test_the_specifications_import_path_is_the_same_class() -> None:
    """``from dashboard.client import TrainingMonitor`` is the SDK's own class."""
    from dashboard.client import TrainingMonitor as Specified
    from stepwire import TrainingMonitor

    assert Specified is TrainingMonitor
