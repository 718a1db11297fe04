"""torchrun and ``torch.multiprocessing``: one run, all ranks joined."""

import os
import re
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

TRAIN = """
import os, sys
import torch
import torch.distributed as dist
from stepwire import TrainingMonitor

dist.init_process_group("gloo")
rank = dist.get_rank()
with TrainingMonitor(sys.argv[1], system_metrics_interval=0.2) as monitor:
    monitor.define_metric("seconds", unit="s", rank="all")
    for step in range(20):
        loss = torch.tensor(float(rank + step))
        dist.all_reduce(loss)
        monitor.log_metrics({"loss": loss, "seconds": 0.01 * rank}, step=step)
    torch.manual_seed(0)
    import time; time.sleep(1.5)  # some samples of the system
dist.destroy_process_group()
"""
FAIL_ONCE = """
import os, sys, time
from pathlib import Path
from stepwire import TrainingMonitor

attempt, rank = int(os.environ["TORCHELASTIC_RESTART_COUNT"]), os.environ["RANK"]
logged = Path(f"logged{attempt}")
with TrainingMonitor(sys.argv[1], system_metrics_interval=0) as monitor:
    for step in range(10):
        monitor.log_metrics({"loss": step, "attempt": attempt}, step=10 * attempt + step)
    assert monitor.flush(20)
    if rank == "0":
        logged.touch()
    while not logged.exists():  # no process group: gloo meets those of the attempt before
        time.sleep(0.01)
    if attempt == 0 and rank == "1":
        raise RuntimeError("a rank fails")
    if attempt == 0:
        time.sleep(60)  # until torchrun ends it
"""
SPAWN = """
import sys
import torch.multiprocessing as mp
from stepwire import TrainingMonitor

def train(rank, monitor):
    for step in range(20):
        monitor.log_metrics({f"loss/{rank}": step}, step=step)

if __name__ == "__main__":
    with TrainingMonitor(sys.argv[1], system_metrics_interval=0) as monitor:
        mp.spawn(train, args=(monitor,), nprocs=2)
"""
pytestmark = pytest.mark.usefixtures("dashboard")


@pytest.fixture
def launch(folder):
    """Runs a program with a run name by ``python ARGUMENTS program.py NAME``; returns what it printed."""

    def start(program, name, *arguments):
        file = folder / "program.py"
        file.write_text(program)
        environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, *arguments, str(file), name],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return start


TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node=2")
C10D = (*TORCHRUN, "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "--rdzv-id=100")


@pytest.mark.parametrize("arguments", [TORCHRUN, C10D], ids=["default", "c10d"])
def test_all_ranks_are_one_run(launch, dashboard, arguments):
    """Rank 0 logs; the other rank what all ranks are to log, and its process; the next launch is the next run."""
    name = f"ranks {len(arguments)}"
    for number in (1, 2):
        printed = launch(TRAIN, name, *arguments)
        assert len(re.findall(r"/runs/run_", printed)) == 1
        runs = dashboard.runs(name=name)
        assert len(runs) == number
        run = runs[-1]
        assert run["status"] == "completed"
        assert dashboard.points(run["id"], "loss") == {step: 1.0 + 2 * step for step in range(20)}
        assert dashboard.points(run["id"], "seconds") == dict.fromkeys(range(20), 0.0)
        assert dashboard.points(run["id"], "seconds/rank1") == dict.fromkeys(range(20), 0.01)
        assert dashboard.names(run["id"]) == {"loss", "seconds", "seconds/rank1"}
        names = dashboard.get(f"/api/runs/{run['id']}/metrics/names?limit=1000")["names"]
        assert any(name.startswith("system/") and "rank" in name for name in names)


def test_a_restart_by_torchrun_is_the_next_attempt(launch, dashboard):
    """A rank fails, torchrun starts all again: the same run goes on, and says what happened."""
    launch(FAIL_ONCE, "restarted", *TORCHRUN, "--max-restarts=1")
    run = dashboard.run("restarted")
    assert (run["status"], run["attempt"]) == ("completed", 2)
    assert list(dashboard.points(run["id"], "loss")) == list(range(20))
    assert [event["message"] for event in dashboard.events(run["id"], "traceback")] == [
        "rank 1: RuntimeError: a rank fails"
    ]


def test_a_monitor_given_to_spawned_processes_joins(launch, dashboard):
    """``torch.multiprocessing.spawn``: the processes write into the parent's run."""
    launch(SPAWN, "spawned")
    run = dashboard.run("spawned")
    assert run["status"] == "completed"
    for rank in range(2):
        assert dashboard.points(run["id"], f"loss/{rank}") == {step: float(step) for step in range(20)}
