"""Crash recovery with real processes and a real server: kill -9, two that resume one run, and the specification."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.test_kill_server import free_port, read, start_server

from stepwire.testing import RunningServer, running_server

SCRIPT = """
import json, os, sys, time
from stepwire import TrainingMonitor

def save(step):
    with open(f"checkpoints/{step}.json", "w") as file:
        json.dump({"step": step}, file)
    monitor.save_checkpoint(f"checkpoints/{step}.json", step=step)

def train(steps, source):
    for step in steps:
        monitor.log_metrics({"loss": step * 1.0, "source": source}, step=step)
        if step % 10 == 0:
            save(step)

def tell(flush=20, **more):
    monitor.flush(flush)
    while monitor._run._is_noting:
        time.sleep(0.01)
    more |= {"run": monitor.run_id, "attempt": monitor.attempt, "resumed": monitor.is_resumed}
    print(json.dumps(more), flush=True)

def resume(**more):
    return TrainingMonitor.resume_or_create("exp", "checkpoints", system_metrics_interval=0, **more)
"""
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A real server on a free port."""
    with running_server() as found:
        yield found


@pytest.fixture
def start(server: RunningServer, tmp_path: Path) -> Iterator[Start]:
    """Starts a training script of its own process in one folder, with one spool."""
    started: list[subprocess.Popen[str]] = []

    def run(source: str, folder: Path = tmp_path, **environment: str) -> subprocess.Popen[str]:
        known = {"STEPWIRE_URL": server.url, "STEPWIRE_DIR": str(folder / "spool"), "STEPWIRE_PROJECT": tmp_path.name}
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", SCRIPT + source], env=os.environ | known | environment, cwd=folder,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line of JSON that a script prints."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            return dict(json.loads(line))
    raise AssertionError(process.stderr.read() if process.stderr else "")


def points(server: RunningServer, run_id: str, key: str = "loss", *, ghost: bool = False) -> list[tuple[float, float]]:
    """Step and value of every point of a metric, or of those that a rewind superseded."""
    answer = read(f"{server.url}/api/runs/{run_id}/metrics?keys={key}&points=10000&superseded={str(ghost).lower()}")
    found: Any = answer["keys"]
    if key not in found:
        return []
    assert found[key]["exact"]
    return list(zip(found[key]["x"], found[key]["mean"], strict=True))


def test_after_kill_9_the_run_goes_on_from_its_checkpoint(server: RunningServer, start: Start) -> None:
    """Same run, next attempt, from the checkpoint's step; what the first one logged past it is its ghost, all of it."""
    first = start("monitor = resume()\ntrain(range(56), 1)\ntell()\nos.kill(os.getpid(), 9)")
    began = told(first)
    assert (first.wait(20), began["attempt"], began["resumed"]) == (-signal.SIGKILL, 1, False)
    second = start(
        "monitor = resume()\nassert monitor.is_resumed\nlast = monitor.get_last_checkpoint()\n"
        "train(range(last['step'] + 1, 80), 2)\ntell(last=last)\n"
    )
    went_on = told(second)
    assert second.wait(20) == 0
    assert went_on == {"run": began["run"], "attempt": 2, "resumed": True, "last": {"step": 50}}
    assert points(server, began["run"]) == [(step, step) for step in range(80)]
    assert points(server, began["run"], "source") == [(step, 1 if step <= 50 else 2) for step in range(80)]
    assert points(server, began["run"], "source", ghost=True) == [(step, 1) for step in range(51, 56)]
    run = read(f"{server.url}/api/runs/{began['run']}")
    assert (run["status"], run["attempt"]) == ("completed", 2)
    checkpoints: Any = read(f"{server.url}/api/runs/{began['run']}/checkpoints")["checkpoints"]
    assert [one["step"] for one in checkpoints] == [70, 60, 50, 40, 30, 20, 10, 0]


def test_what_the_killed_process_had_not_sent_is_its_ghost_too(start: Start, tmp_path: Path) -> None:
    """It never reached a server: the next start delivers its spool, behind the rewind, and its end ends nothing."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    first = start("monitor = resume()\ntrain(range(56), 1)\ntell(0)\nos.kill(os.getpid(), 9)", STEPWIRE_URL=address)
    began = told(first)
    first.wait(20)
    process = start_server(port, tmp_path / "data")
    server = RunningServer(address, "", tmp_path / "data", None)
    try:
        second = start(
            "monitor = resume()\ntrain(range(monitor.get_last_checkpoint()['step'] + 1, 80), 2)\ntell()\ninput()",
            STEPWIRE_URL=address,
        )
        assert told(second) == {"run": began["run"], "attempt": 2, "resumed": True}
        deadline = time.monotonic() + 30
        while len(points(server, began["run"], ghost=True)) < 5:
            assert time.monotonic() < deadline, "the spool was not delivered"
            time.sleep(0.1)
        assert points(server, began["run"]) == [(step, step) for step in range(80)]
        assert points(server, began["run"], "source", ghost=True) == [(step, 1) for step in range(51, 56)]
        assert read(f"{address}/api/runs/{began['run']}")["status"] == "running"
        second.communicate("\n", timeout=20)
        assert read(f"{address}/api/runs/{began['run']}")["status"] == "completed"
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("is_first_known", [True, False], ids=["owner in the file", "both at once"])
def test_of_two_that_resume_one_run_one_owns_it(
    server: RunningServer, start: Start, tmp_path: Path, is_first_known: bool
) -> None:
    """The other forks: both keep every point, nothing is overwritten, and each knows what it is."""
    crashed = start("monitor = resume()\ntrain(range(31), 0)\ntell()\nos.kill(os.getpid(), 9)")
    began = told(crashed)
    crashed.wait(20)
    source = (
        "print('{}', flush=True)\ninput()\nmonitor = resume()\nsource = int(sys.stdin.readline())\n"
        "last = monitor.get_last_checkpoint()['step']\ntell()\ninput()\n"  # the owner's next one would be newer
        "train(range(last + 1, 200), source)\ntell()\ninput()"
    )
    processes = [start(source) for _ in range(2)]
    for process in processes:
        told(process)
    resumed = []
    for number, process in enumerate(processes, 1):
        say(process, f"\n{number}\n")
        if is_first_known:
            resumed.append(told(process))
    if not is_first_known:
        resumed = [told(process) for process in processes]
    for process in processes:
        say(process, "\n")
    ended = [told(process) for process in processes]
    assert ended == resumed
    owners = [one for one in resumed if one["run"] == began["run"]]
    forks = [one for one in resumed if one["run"] != began["run"]]
    assert [one | {"run": ""} for one in owners + forks] == [
        {"run": "", "attempt": 2, "resumed": True}, {"run": "", "attempt": 1, "resumed": True},
    ]  # fmt: skip
    if is_first_known:
        assert resumed[0] == owners[0]
    for number, one in enumerate(resumed, 1):
        kept = [(step, 0) for step in range(31)] if one in owners else []
        assert points(server, one["run"], "source") == kept + [(step, number) for step in range(31, 200)]
        assert points(server, one["run"], "source", ghost=True) == []
    fork: Any = read(f"{server.url}/api/runs/{forks[0]['run']}")
    assert (fork["config"], fork["name"]) == ({"forked_from": began["run"]}, "exp")
    for process in processes:
        process.communicate("\n", timeout=20)
    statuses = [read(f"{server.url}/api/runs/{one['run']}")["status"] for one in resumed]
    assert statuses == ["completed", "completed"]
    file = json.loads((tmp_path / "checkpoints/.stepwire-run.json").read_text())
    assert (file["run_id"], file["attempt"], file["owner"]) == (began["run"], 2, None)


def test_one_that_takes_the_run_ends_the_other(server: RunningServer, start: Start) -> None:
    """The first is told, trains on and keeps what it logs to itself; all points of the second are stored."""
    first = start(
        "monitor = resume()\ntrain(range(21), 1)\ntell()\ninput()\ntrain(range(21, 60), 1)\n"
        "stored = monitor.flush(20)\ntell(stored=stored, why=monitor._run.sender.stopped_by)\ninput()"
    )
    began = told(first)
    second = start(
        "monitor = resume(on_conflict='take')\ntrain(range(monitor.get_last_checkpoint()['step'] + 1, 40), 2)\ntell()\ninput()"
    )
    assert told(second) == {"run": began["run"], "attempt": 2, "resumed": True}
    say(first, "\n")
    stopped = told(first)
    assert (stopped["stored"], stopped["why"]) == (False, "another process owns the run")
    first.communicate("\n", timeout=20)
    assert first.returncode == 0
    assert read(f"{server.url}/api/runs/{began['run']}")["status"] == "running"
    second.communicate("\n", timeout=20)
    assert points(server, began["run"], "source") == [(step, 1 if step <= 20 else 2) for step in range(40)]
    assert points(server, began["run"], "source", ghost=True) == []
    assert read(f"{server.url}/api/runs/{began['run']}")["status"] == "completed"


def test_without_the_file_the_server_names_the_run(server: RunningServer, start: Start, tmp_path: Path) -> None:
    """The newest of this name and project that is not completed, with its checkpoints; the file is then made anew."""
    first = start("monitor = resume()\ntrain(range(31), 1)\ntell()\nmonitor.set_status('failed')")
    began = told(first)
    first.communicate(timeout=20)
    (tmp_path / "checkpoints/.stepwire-run.json").unlink()
    second = start("monitor = resume()\ntrain(range(monitor.get_last_checkpoint()['step'] + 1, 40), 2)\ntell()")
    assert told(second) == {"run": began["run"], "attempt": 2, "resumed": True}
    second.communicate(timeout=20)
    assert points(server, began["run"], "source") == [(step, 1 if step <= 30 else 2) for step in range(40)]
    for forgotten in (True, False):  # it is completed now: not by its name, only by the file is it found
        if forgotten:
            (tmp_path / "checkpoints/.stepwire-run.json").rename(tmp_path / "kept")
        else:
            (tmp_path / "kept").rename(tmp_path / "checkpoints/.stepwire-run.json")
        third = start("monitor = resume()\ntell()")
        assert (told(third)["run"] == began["run"]) is not forgotten
        third.communicate(timeout=20)


def test_without_the_file_a_run_that_is_training_is_left_alone(start: Start, tmp_path: Path) -> None:
    """Two trainings of one name in folders of their own are two runs; the second has nothing to do with the first."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    first = start("monitor = resume()\ntrain(range(31), 1)\ntell()\ninput()", one)
    second = start("monitor = resume()\ntell()\ninput()", two) if told(first) else None
    assert second is not None
    began = json.loads((one / "checkpoints/.stepwire-run.json").read_text())["run_id"]
    other = told(second)
    assert (other["run"] != began, other["attempt"], other["resumed"]) == (True, 1, False)
    assert json.loads((two / "checkpoints/.stepwire-run.json").read_text())["run_id"] == other["run"]


def say(process: subprocess.Popen[str], text: str) -> None:
    """Write to a script's standard input."""
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


SPECIFIED = """
import json
import sys
from dashboard.client import TrainingMonitor

class Stateful:
    def load_state_dict(self, state):
        self.state = state

model, optimizer = Stateful(), Stateful()

# Training script checks for existing run
monitor = TrainingMonitor.resume_or_create(
    run_name="my_experiment",
    checkpoint_dir="./checkpoints"
)

if monitor.is_resumed:
    last_checkpoint = monitor.get_last_checkpoint()
    model.load_state_dict(last_checkpoint['model'])
    optimizer.load_state_dict(last_checkpoint['optimizer'])
    start_step = last_checkpoint['step']
else:
    start_step = 0

for step in range(start_step, 3):
    monitor.log_metrics({"loss": 1 / (step + 1)}, step=step)
    checkpoint = {"model": {"w": step}, "optimizer": {"lr": 0.1}, "step": step + 1}
    name = f"./checkpoints/{step}.{sys.argv[1]}"
    if sys.argv[1] == "pt":
        import torch
        torch.save(checkpoint, name)
    else:
        with open(name, "w") as file:
            json.dump(checkpoint, file)
    monitor.save_checkpoint(name)
    if step == int(sys.argv[2]):
        monitor.flush(20)
        while monitor._run._is_noting:
            pass
        import os
        os.kill(os.getpid(), 9)
print(json.dumps({"start": start_step, "model": vars(model), "optimizer": vars(optimizer), "run": monitor.run_id}))
"""


@pytest.mark.parametrize("suffix", ["json", "pt"])
def test_the_specifications_snippet(server: RunningServer, tmp_path: Path, suffix: str) -> None:
    """Word for word: killed in the middle, also before its first checkpoint, it goes on where it was."""
    if suffix == "pt":
        pytest.importorskip("torch")
    environment = os.environ | {
        "STEPWIRE_URL": server.url,
        "STEPWIRE_DIR": str(tmp_path / "spool"),
        "STEPWIRE_MODE": "online",
    }

    def run(kill_at: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", SPECIFIED, suffix, str(kill_at)],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    assert run(0).returncode == -signal.SIGKILL
    assert run(1).returncode == -signal.SIGKILL
    done = run(9)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["start"], last["model"], last["optimizer"]) == (2, {"state": {"w": 1}}, {"state": {"lr": 0.1}})
    run_now = read(f"{server.url}/api/runs/{last['run']}")
    assert (run_now["attempt"], run_now["status"]) == (3, "completed")
    assert points(server, last["run"]) == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
