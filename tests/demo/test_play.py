"""``stepwire demo`` from the first line to the last process."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.demo.conftest import get

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PLAY = "import sys; from pathlib import Path; from stepwire.demo.play import play; sys.exit(play({}))"
Demo = subprocess.Popen[str]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts Python with some arguments, throw-away folders going below ``tmp_path``; ends it with the test."""
    started: list[Demo] = []

    def start(*arguments: str) -> Demo:
        environment = os.environ | {"TMPDIR": str(tmp_path), "STEPWIRE_MODE": "disabled"}
        started.append(
            subprocess.Popen(
                [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
        return started[-1]

    yield start
    for demo in started:
        demo.kill()
        demo.communicate()


def line_with(demo: Demo, word: str) -> str:
    """The next line that holds a word."""
    assert demo.stdout is not None
    for line in demo.stdout:
        if word in line:
            return line
    raise AssertionError(f"no line with {word!r}: {demo.stderr.read() if demo.stderr else ''}")


def remaining(folder: Path) -> list[str]:
    """Processes that were started for a demo below this folder, once they had 30 s to end."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
        found = [line for line in lines if str(folder) in line and "stepwire.demo.leash" in line]
        if not found:
            return []
        time.sleep(0.1)
    return found


def test_the_demo_stops_its_runs_after_the_seconds_and_leaves_nothing(
    start: Callable[..., Demo], tmp_path: Path
) -> None:
    """Link on the first line, alive lines, every run stopped by the dashboard's Stop, one line at the end, code 0."""
    demo = start("-m", "stepwire", "demo", "--seconds", "8", "--no-browser")
    output, errors = demo.communicate()
    assert (demo.returncode, errors) == (0, "")
    first, *alive, last = output.splitlines()
    assert re.match(r"Stepwire demo: http://127\.0\.0\.1:\d+ ", first)
    assert all(name in alive[-1] for name in ("good", "slow", "over-fitting", "diverging"))
    assert re.search(r"good run: final validation accuracy \d+\.\d\d%", last)
    assert len(re.findall(r"(good|slow|over-fitting) interrupted \d", last)) == 3
    assert re.search(r"diverging (interrupted|failed) \d", last)
    assert remaining(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_runs_that_end_by_themselves_stay_to_be_looked_at(start: Callable[..., Demo], tmp_path: Path) -> None:
    """With no time given the server outlives the runs, with their checkpoints, until Ctrl-C; the named folder is kept."""
    data = tmp_path / "data"
    demo = start("-c", PLAY.format(f"None, None, Path({str(data)!r}), False, 30"))
    url = line_with(demo, "Stepwire demo: ").split()[2]
    assert "good completed 29/30" in line_with(demo, "final validation accuracy")
    line_with(demo, "until Ctrl-C")
    runs = get(f"{url}/api/runs?project=digits")["runs"]
    assert {run["name"]: run["status"] for run in runs} == dict.fromkeys(
        ("good", "slow", "over-fitting", "diverging"), "completed"
    )
    for run in runs:
        checkpoints = get(f"{url}/api/runs/{run['id']}/checkpoints")["checkpoints"]
        assert [checkpoint["is_best"] for checkpoint in checkpoints] == [True]
        assert Path(checkpoints[0]["filepath"]).stat().st_size == checkpoints[0]["size"]
    demo.send_signal(signal.SIGINT)
    assert demo.wait() == 0
    assert remaining(tmp_path) == []
    assert (data / "dashboard.db").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_early_end_leaves_nothing(start: Callable[..., Demo], tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM in the middle of training end every process and throw the folder away, without a traceback."""
    demo = start("-m", "stepwire", "demo", "--no-browser")
    line_with(demo, "good running")
    demo.send_signal(number)
    _, errors = demo.communicate()
    assert (demo.returncode, errors) == (130, "")
    assert remaining(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_no_process_outlives_a_demo_that_was_killed(start: Callable[..., Demo], tmp_path: Path) -> None:
    """After ``kill -9`` of the command, trainings and server end by themselves."""
    demo = start("-m", "stepwire", "demo", "--no-browser")
    line_with(demo, "good running")
    demo.kill()
    assert remaining(tmp_path) == []


def test_a_port_that_is_taken_is_said_in_one_line(start: Callable[..., Demo], tmp_path: Path) -> None:
    """The server's own reason reaches the user, with exit code 1 and nothing left."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        demo = start("-m", "stepwire", "demo", "--no-browser", "--port", str(taken.getsockname()[1]))
        output, errors = demo.communicate()
    assert (demo.returncode, output) == (1, "")
    assert len(errors.splitlines()) == 1
    assert "Can't listen on 127.0.0.1" in errors
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_fails_unexpectedly_fails_the_demo(start: Callable[..., Demo]) -> None:
    """A training that can't even start is named with its own last words."""
    demo = start("-c", PLAY.format("None, None, None, False, 0"))
    _, errors = demo.communicate()
    assert demo.returncode == 1
    assert "StepwireError: the training 'good' failed" in errors
    assert "--steps must be at least 1" in errors
