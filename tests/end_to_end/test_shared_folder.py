"""Spools in folders that are shared, full or seen from elsewhere: mounts and host names are real, so these need root."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.end_to_end.test_kept import get, kill_after, status, stored, train, until

from stepwire.testing import running_server

needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounts need root"
)
pytestmark = [pytest.mark.slow, needs_root]
SMALL_BYTES = 2 * 2**20
ELSEWHERE = 'hostname "$0"; exec "$@"'
ARRAY = """
import os
from stepwire import TrainingMonitor
for task in range(200):
    os.environ |= {"SLURM_JOB_ID": str(9000 + task), "SLURM_ARRAY_JOB_ID": "9000", "SLURM_ARRAY_TASK_ID": str(task)}
    with TrainingMonitor("sweep", system_metrics_interval=0) as monitor:
        for step in range(5):
            monitor.log_metrics({"loss": step * 0.5 + task}, step=step)
"""
PACED = """
import sys, time
from stepwire import TrainingMonitor
with TrainingMonitor(sys.argv[1], run_id=sys.argv[1], system_metrics_interval=0) as monitor:
    for step in range(int(sys.argv[2])):
        monitor.log_metrics({"loss": step * 0.5}, step=step)
        if step % 20 == 0:
            time.sleep(0.001)
    monitor.flush(30)
print(monitor.dropped)
"""


@contextmanager
def mounted(path: Path, *options: str) -> Iterator[Path]:
    """A mount that is gone afterwards."""
    path.mkdir(exist_ok=True)
    made = subprocess.run(["mount", *options, str(path)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no mounts here: {made.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def full(path: Path) -> Path:
    """Fill a file system up to some kilobytes; returns what fills it."""
    filler = path / "filler"
    with filler.open("wb") as file:
        file.write(bytes(SMALL_BYTES - 16384))
    return filler


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own sweep finds nothing."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))


def train_elsewhere(root: Path, host: str, name: str, steps: int, pause: float) -> subprocess.Popen[bytes]:
    """A script on a machine of another name."""
    script = train.__globals__["TRAIN"]
    return subprocess.Popen(
        ["unshare", "--uts", "sh", "-c", ELSEWHERE, host, sys.executable, "-c", script, name, str(steps), str(pause)],
        env={**os.environ, "STEPWIRE_DIR": str(root)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.usefixtures("home")
def test_a_node_writes_one_view_and_the_login_node_follows_another(tmp_path: Path) -> None:
    """Two mounts of one folder: points are seen while the job runs, an ended job is completed, and what ``kill -9``
    caught in a node's memory comes with the next job on that node."""
    shared = tmp_path / "shared"
    shared.mkdir()
    with (
        mounted(tmp_path / "node", "--bind", str(shared)) as node,
        mounted(tmp_path / "login", "--bind", str(shared)) as login,
        running_server(tmp_path / "data", follow=(str(login),)) as server,
    ):
        job = train_elsewhere(node, "node7", "job", 10**6, 0.01)
        ended = train_elsewhere(node, "node8", "ended", 60, 0.001)
        try:
            until(lambda: len(stored(server, "job")) > 20)
            until(lambda: status(server, "ended") == "completed")
            assert stored(server, "ended") == list(range(60))
            last = kill_after(job, 100)
            until(lambda: len(stored(server, "job")) > 80)
            next_job = train_elsewhere(node, "node7", "next", 200, 0.01)
            until(lambda: len(stored(server, "job")) > last)
            assert stored(server, "job") == list(range(len(stored(server, "job"))))
            next_job.communicate(timeout=30)
            until(lambda: status(server, "next") == "completed")
        finally:
            for script in (job, ended):
                script.kill()
                script.communicate()


@pytest.mark.usefixtures("home")
def test_a_full_folder_raises_nothing_and_the_run_ends_as_it_did(tmp_path: Path) -> None:
    """Nothing can be written, then there is room again: what memory held arrives, in order, and nothing is counted
    as lost that is there."""
    with (
        mounted(tmp_path / "small", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs") as folder,
        running_server(tmp_path / "data", follow=(str(folder),)) as server,
    ):
        filler = full(folder)
        job = subprocess.Popen(
            [sys.executable, "-c", PACED.replace("0.001)", "0.02)"), "full", "3000"],
            env={**os.environ, "STEPWIRE_DIR": str(folder)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        time.sleep(2)
        filler.unlink()
        out, errors = job.communicate(timeout=60)
        assert job.returncode == 0, errors
        assert b"Traceback" not in errors
        until(lambda: status(server, "full") == "completed")
        steps = stored(server, "full")
        assert steps == sorted(set(steps))
        assert steps[-1] == 2999
        assert len(steps) + int(out.split()[-1]) >= 3000


@pytest.mark.usefixtures("home")
def test_with_a_full_disk_a_server_gets_every_point_from_memory(tmp_path: Path) -> None:
    """The spool takes nothing all the while; nothing is lost or doubled while the server is there."""
    with (
        mounted(tmp_path / "small", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs") as folder,
        running_server(tmp_path / "data") as server,
    ):
        full(folder)
        job = subprocess.run(
            [sys.executable, "-c", PACED, "direct", "20000"],
            env={**os.environ, "STEPWIRE_DIR": str(folder), "STEPWIRE_URL": server.url},
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert job.returncode == 0, job.stderr
        assert int(job.stdout.split()[-1]) == 0
        assert stored(server, "direct") == list(range(20000))
        assert status(server, "direct") == "completed"


@pytest.mark.usefixtures("home")
def test_two_hundred_spools_of_one_array_are_runs_of_one_group(tmp_path: Path) -> None:
    """A Slurm array under one name, all of it there at once before the server looks: a run per task, none mixed up."""
    root = tmp_path / "spools"
    subprocess.run(
        [sys.executable, "-c", ARRAY], env={**os.environ, "STEPWIRE_DIR": str(root)}, timeout=120, check=True,
        capture_output=True,
    )  # fmt: skip
    assert len(list(root.glob("*/*/head.json"))) == 200
    with running_server(tmp_path / "data", follow=(str(root),)) as server:

        def listed() -> list[dict[str, object]]:
            found: list[dict[str, object]] = get(server, "/api/runs?limit=500&keys=loss")["runs"]
            return found

        until(lambda: sum(run["status"] == "completed" for run in listed()) == 200)
        runs = listed()
        assert len({run["group"] for run in runs}) == 1
        assert {run["name"] for run in runs} == {"sweep"}
        assert sorted(run["summary"]["loss"]["first"] for run in runs) == list(range(200))  # type: ignore[index]
        assert {run["summary"]["loss"]["count"] for run in runs} == {5}  # type: ignore[index]
        one = get(server, f"/api/runs/{runs[0]['id']}")["config"]
        assert one["slurm"]["job_id"].isdigit(), one
