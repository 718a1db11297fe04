"""What scripts keep on disk reaches the server, however they ended: killed, offline, on another machine's folder."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepwire.testing import RunningServer, running_server

KILLS = int(os.environ.get("STEPWIRE_KILLS", "6"))
PATIENCE_SECONDS = 30.0
TRAIN = """
import os, sys, time
from stepwire import TrainingMonitor
monitor = TrainingMonitor(sys.argv[1], run_id=sys.argv[1], system_metrics_interval=0)
for step in range(int(sys.argv[2])):
    monitor.log_metrics({"loss": step * 0.5, "twice": step * 2.0}, step=step)
    os.write(1, b"%d\\n" % step)
    time.sleep(float(sys.argv[3]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of spools that nothing else looks at."""
    return tmp_path / "spools"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    """A real server that does not look for spools by itself."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    with running_server(tmp_path / "data") as found:
        yield found


def train(root: Path, name: str, steps: int, pause: float = 0.0, **environment: str) -> subprocess.Popen[bytes]:
    """A real training script that tells each step after its log call has returned."""
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, name, str(steps), str(pause)],
        env={**os.environ, "STEPWIRE_DIR": str(root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def kill_after(script: subprocess.Popen[bytes], steps: int) -> int:
    """Kill a script when it has told so many steps; returns the last step that it told."""
    assert script.stdout is not None
    told = -1
    for line in script.stdout:
        if line.strip().isdigit():
            told = int(line)
        if told >= steps:
            break
    script.send_signal(signal.SIGKILL)
    rest = script.communicate()[0]
    return max([told, *[int(line) for line in rest.split() if line.isdigit()]])


def sync(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``stepwire sync``."""
    return subprocess.run(
        [sys.executable, "-m", "stepwire", "sync", *arguments],
        env={**os.environ, **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def get(server: RunningServer, path: str) -> dict[str, Any]:
    """GET as JSON; empty for what is not there."""
    try:
        with urllib.request.urlopen(f"{server.url}{path}", timeout=30) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return {}


def stored(server: RunningServer, run_id: str) -> list[float]:
    """The steps of a run's losses in the order of logging, each checked to have its own value."""
    keys = get(server, f"/api/runs/{run_id}/metrics?raw=true&key=loss&limit=100000").get("keys", {})
    steps = keys["loss"]["step"] if "loss" in keys else []
    assert [step * 0.5 for step in steps] == (keys["loss"]["value"] if steps else [])
    return list(steps)


def status(server: RunningServer, run_id: str) -> str | None:
    """A run's status, ``None`` before there is one."""
    return get(server, f"/api/runs/{run_id}").get("status")


def until(condition: Any) -> None:
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(60 + 10 * KILLS)
def test_a_killed_script_loses_nothing_that_it_was_told_is_kept(server: RunningServer, root: Path) -> None:
    """SIGKILL at random moments, with and without a server: ``stepwire sync`` brings every step, once, in order."""
    chance, told = random.Random(11), {}
    for number in range(KILLS):
        name = f"killed-{number}"
        url = server.url if number % 2 else "http://127.0.0.1:9"
        script = train(root, name, 10**6, chance.choice((0.0, 0.001)), STEPWIRE_URL=url)
        told[name] = kill_after(script, chance.choice((0, 3, 200, 4000)))
    assert sync("--dir", str(root), "--to", server.url).returncode == 0
    for name, last in told.items():
        steps = stored(server, name)
        assert steps == list(range(len(steps))), name
        assert len(steps) >= last + 1, name
        assert status(server, name) == "crashed"
    before = {name: len(stored(server, name)) for name in told}
    again = sync("--dir", str(root), "--to", server.url)
    assert "nothing to deliver" in again.stdout
    assert {name: len(stored(server, name)) for name in told} == before


def test_the_next_script_delivers_what_a_killed_one_left(server: RunningServer, root: Path) -> None:
    """Same user, same folder, same server: nobody has to do anything."""
    with running_server() as elsewhere:
        gone = elsewhere.url
    last = kill_after(train(root, "first", 10**6, 0.001, STEPWIRE_URL=server.url), 100)
    elsewhere_last = kill_after(train(root, "other", 10**6, 0.001, STEPWIRE_URL=gone), 20)
    script = train(root, "second", 10**6, 0.01, STEPWIRE_URL=server.url)
    try:
        until(lambda: len(stored(server, "first")) > last)
        until(lambda: status(server, "first") == "crashed")
        assert stored(server, "other") == []  # meant for another server
    finally:
        script.kill()
        script.communicate()
    assert elsewhere_last >= 20


def test_an_offline_run_is_synced_whenever_wanted(server: RunningServer, root: Path) -> None:
    """While it runs, and again at its end; what is there is not stored twice. Its end is its own."""
    script = train(root, "offline", 300, 0.01, STEPWIRE_MODE="offline")
    assert script.stdout is not None
    while script.stdout.readline().strip() != b"50":
        pass
    time.sleep(0.3)
    first = sync("--dir", str(root), "--to", server.url)
    assert first.returncode == 0, first.stderr
    some = stored(server, "offline")
    assert 50 <= len(some) < 300
    assert some == list(range(len(some)))
    assert status(server, "offline") == "running"
    _, errors = script.communicate(timeout=30)
    assert b"stepwire sync" in errors
    last = sync("--dir", str(root), "--to", server.url, "--json")
    assert json.loads(last.stdout)["left"] == 0
    assert stored(server, "offline") == list(range(300))
    assert status(server, "offline") == "completed"
    assert "nothing to deliver" in sync("--dir", str(root), "--to", server.url).stdout


def test_sync_without_a_server_says_so_and_keeps_everything(root: Path) -> None:
    """Exit code 1, and what is left can be delivered later."""
    train(root, "kept", 5, STEPWIRE_MODE="offline").communicate(timeout=30)
    script = (
        "import stepwire.cli.sync as s; s.SPOOL_SECONDS = 1.0; from stepwire.cli import main; raise SystemExit(main())"
    )
    command = [sys.executable, "-c", script, "sync", "--dir", str(root), "--to", "http://127.0.0.1:9"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 1
    assert "left: " in told.stdout and "refused" in told.stdout


@pytest.fixture
def follower(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    """A server that shows what jobs keep in ``root``."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    with running_server(tmp_path / "data", follow=(str(root),)) as found:
        yield found


@pytest.mark.slow
def test_a_followed_folder_is_shown_live(follower: RunningServer, root: Path) -> None:
    """Jobs without a port: their points appear while they run, a killed one is crashed, an ended one completed."""
    scripts = {f"job-{number}": train(root, f"job-{number}", 10**6, 0.02) for number in range(3)}
    short = train(root, "short", 40, 0.001)
    try:
        until(lambda: all(len(stored(follower, name)) > 10 for name in scripts))
        seen = {name: len(stored(follower, name)) for name in scripts}
        until(lambda: all(len(stored(follower, name)) > seen[name] for name in scripts))
        assert all(status(follower, name) == "running" for name in scripts)
        until(lambda: all(get(follower, f"/api/runs/{name}")["lamps"]["step"]["state"] == "moving" for name in scripts))
        until(
            lambda: all(get(follower, f"/api/runs/{name}")["lamps"]["process"]["state"] == "alive" for name in scripts)
        )
        until(lambda: status(follower, "short") == "completed")
        assert stored(follower, "short") == list(range(40))
        last = kill_after(scripts["job-0"], 50)
        until(lambda: status(follower, "job-0") == "crashed")
        steps = stored(follower, "job-0")
        assert steps == list(range(len(steps)))
        assert len(steps) > last
    finally:
        for script in [*scripts.values(), short]:
            script.kill()
            script.communicate()


@pytest.mark.slow
def test_many_spools_at_once(follower: RunningServer, root: Path) -> None:
    """Forty short jobs written by one process: all complete, none mixed up with another."""
    code = """
import sys
from stepwire import TrainingMonitor
for number in range(40):
    with TrainingMonitor(f"array-{number}", run_id=f"array-{number}", system_metrics_interval=0) as monitor:
        for step in range(25):
            monitor.log_metrics({"loss": step * 0.5}, step=step)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "STEPWIRE_DIR": str(root)}, timeout=60, check=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0
    until(lambda: all(status(follower, f"array-{number}") == "completed" for number in range(40)))
    for number in range(40):
        assert stored(follower, f"array-{number}") == list(range(25))


@pytest.mark.slow
def test_the_server_of_this_machine_sweeps_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script is killed and no other one starts: its server finds what it left."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("stepwire.server.jobs.SWEEP_FIRST_SECONDS", 0.1)
    monkeypatch.setattr("stepwire.server.jobs.SWEEP_SECONDS", 0.2)
    with running_server(tmp_path / "data") as server:
        environment = {name: value for name, value in os.environ.items() if name != "STEPWIRE_DIR"}
        script = subprocess.Popen(
            [sys.executable, "-c", TRAIN, "swept", str(10**6), "0.001"],
            env={**environment, "STEPWIRE_URL": server.url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        last = kill_after(script, 100)
        until(lambda: len(stored(server, "swept")) > last)
        until(lambda: status(server, "swept") == "crashed")
        assert stored(server, "swept") == list(range(len(stored(server, "swept"))))


@pytest.mark.slow
def test_a_followed_job_that_goes_on_after_it_was_told_to_end_is_read_to_its_end(
    follower: RunningServer, root: Path
) -> None:
    """Slurm warns by SIGTERM, the job takes note and trains on: its last points arrive, too."""
    code = """
import os, signal, sys, time
from stepwire import TrainingMonitor
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
monitor = TrainingMonitor("warned", run_id="warned", system_metrics_interval=0)
for step in range(10**6):
    monitor.log_metrics({"loss": step * 0.5}, step=step)
    os.write(1, b"%d\\n" % step)
    time.sleep(0.01)
    if told:
        told.append(1)
        if len(told) > 300:
            break
"""
    job = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "STEPWIRE_DIR": str(root)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    until(lambda: len(stored(follower, "warned")) > 10)
    job.send_signal(signal.SIGTERM)
    out, _ = job.communicate(timeout=60)
    last = int(out.split()[-1])
    until(lambda: len(stored(follower, "warned")) == last + 1)
    assert stored(follower, "warned") == list(range(last + 1))
    assert status(follower, "warned") == "interrupted"
