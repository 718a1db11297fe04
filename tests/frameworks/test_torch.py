"""Plain PyTorch."""

import math

import pytest
import torch

from stepwire import TrainingMonitor
from stepwire.integrations.pytorch import learning_rates, log_optimizer
from stepwire.testing import MemoryTransport


def test_the_documented_loop_logs_loss_and_learning_rate(example, dashboard):
    """The page's program: 200 steps of both, the optimizer's defaults as config, completed."""
    (run,) = example("PyTorch")
    assert (run["status"], run["config"]["lr"], run["total_steps"]) == ("completed", 0.1, 200)
    assert list(dashboard.points(run["id"], "loss")) == list(range(200))
    rates = dashboard.points(run["id"], "learning_rate")
    assert rates[199] == pytest.approx(0.1 * 0.99**199)


def test_parameter_groups_are_told_apart():
    """Several groups are numbered, and named where they have a name; rates that are tensors stay tensors."""
    a, b = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    groups = [{"params": a.parameters(), "lr": torch.tensor(0.5)}, {"params": b.parameters(), "name": "head"}]
    optimizer = torch.optim.Adam(groups, lr=0.25)
    rates = learning_rates(optimizer)
    assert rates["learning_rate/0"] is groups[0]["lr"]
    assert rates["learning_rate/head"] == 0.25
    transport = MemoryTransport()
    monitor = TrainingMonitor("groups", transport=transport)
    log_optimizer(monitor, optimizer, 3)
    monitor.finish()
    assert transport.metrics == [{"learning_rate/0": 0.5, "learning_rate/head": 0.25}]
    assert math.isclose(sum(transport.metrics[0].values()), 0.75)
