"""What the unit relies on: the log file, the reload that opens it anew, and the clean end."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.sync.client import connect

HELLO = {"type": "hello", "run_id": "run_1", "writer_id": "writer"}


class Service:
    """A running ``stepwire up`` with a log file."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log/stepwire.log"
        command = [
            sys.executable,
            "-m",
            "stepwire",
            "up",
            "--port",
            "0",
            "--data",
            str(folder / "data"),
            "--no-browser",
        ]
        command += ["--log-file", str(self.log), "--log-level", "debug"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split("http://")[1].strip()

    def log_step(self, step: int) -> None:
        """Log one step as a training script does, and wait for its acknowledgement."""
        rows = {
            "id": 0,
            "names": ["loss", "lr"],
            "at": [0],
            "steps": [step],
            "times": [1_000_000],
            "values": [[0.5, 0.1]],
        }
        with connect(f"ws://{self.address}/ws") as socket:
            socket.send(json.dumps(HELLO))
            acked = json.loads(socket.recv(20))["acked_seq"]
            socket.send(json.dumps({"type": "batch", "first_seq": acked + 1, "n": 1, "sets": [rows]}))
            assert json.loads(socket.recv(20)) == {"type": "ack", "acked_seq": acked + 1}

    def logged(self, event: str) -> dict[str, Any]:
        """Wait until the log file holds a line with that event; returns the line."""
        while True:
            text = self.log.read_text() if self.log.exists() else ""
            for line in map(json.loads, text.splitlines()):
                if line["event"] == event:
                    return dict(line)
            time.sleep(0.02)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service of its own for each test."""
    running = Service(tmp_path)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


def test_the_log_has_the_event_of_the_specification(service: Service) -> None:
    """A batch is logged as ``metric_logged`` with run_id, step and metric_count."""
    service.log_step(7)
    line = service.logged("metric_logged")
    assert (line["run_id"], line["step"], line["metric_count"]) == ("run_1", 7, 2)


def test_a_reload_opens_the_log_anew(service: Service) -> None:
    """After a rotation and SIGHUP what comes next is in the new file, and nothing of it in the old one."""
    service.log_step(1)
    service.logged("metric_logged")
    rotated = service.log.rename(service.log.with_suffix(".log.1"))
    before = rotated.read_text()
    service.process.send_signal(signal.SIGHUP)
    while not service.log.exists():
        time.sleep(0.02)
    service.log_step(2)
    service.logged("metric_logged")
    assert rotated.read_text() == before


def test_sigterm_ends_the_service_cleanly(service: Service) -> None:
    """What systemd sends at a stop ends the server, and a connected viewer gets a close frame."""
    with connect(f"ws://{service.address}/ws") as viewer:
        viewer.send(json.dumps({"type": "subscribe", "run_id": "*"}))
        viewer.recv(20)
        service.process.terminate()
        with pytest.raises((ConnectionClosedOK, ConnectionClosedError)) as closed:
            while True:
                viewer.recv(20)
    assert closed.value.rcvd is not None
    # systemd counts an end by SIGTERM itself as clean, like 0.
    assert service.process.wait(20) in {0, -signal.SIGTERM}
