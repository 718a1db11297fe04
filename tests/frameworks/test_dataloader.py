"""PyTorch's DataLoader: its workers are forked or spawned while the training logs."""

import pytest

torch = pytest.importorskip("torch")

TRAIN = """
import sys
import torch
from stepwire import TrainingMonitor

class Squares(torch.utils.data.Dataset):
    def __init__(self, monitor=None):
        self.monitor = monitor

    def __len__(self):
        return 64

    def __getitem__(self, place):
        if self.monitor is not None:
            self.monitor.log_metrics({"loaded": place}, step=place)
        return torch.tensor([float(place), float(place) ** 2])

if __name__ == "__main__":
    monitor = TrainingMonitor(METHOD, system_metrics_interval=0.1)
    data = Squares(monitor if LOGGING else None)
    step = 0
    for epoch in range(3):
        loader = torch.utils.data.DataLoader(data, batch_size=8, num_workers=2, multiprocessing_context=METHOD)
        for batch in loader:
            monitor.log_metrics({"loss": batch.mean()}, step=step)
            step += 1
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_do_not_disturb_a_run(script, dashboard, method):
    """Three epochs with new workers each: every point is there, one run, completed, one link."""
    (run,) = script(TRAIN.replace("METHOD", repr(method)).replace("LOGGING", "False"))
    assert run["status"] == "completed"
    points = dashboard.points(run["id"], "loss")
    assert list(points) == list(range(24))
    assert points[0] == torch.tensor([[n, n**2] for n in range(8)]).float().mean()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_log_join_the_run(script, dashboard, method):
    """Each worker writes into the same run; PyTorch's hard end of a worker costs it nothing that was kept."""
    program = TRAIN.replace("METHOD", repr(method)).replace("LOGGING", "True").replace("range(3)", "range(1)")
    (run,) = script(program)
    assert run["status"] == "completed"
    assert list(dashboard.points(run["id"], "loss")) == list(range(8))
    dashboard.wait(lambda: len(dashboard.points(run["id"], "loaded")) == 64)
    assert dashboard.points(run["id"], "loaded") == {place: float(place) for place in range(64)}
