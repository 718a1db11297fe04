"""The training loop, on a network small enough to look at each step."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stepwire import TrainingMonitor
from stepwire.demo.configurations import CONFIGURATIONS, GOOD, SLOW, Configuration
from stepwire.demo.training import Training, train
from stepwire.testing import MemoryTransport

TINY = replace(
    GOOD, channels=(2, 4), hidden=16, batch_size=16, warmup_steps=5, steps=41, validate_every=10, checkpoint_every=10
)


def logged(configuration: Configuration, folder: Path, transport: MemoryTransport) -> None:
    with TrainingMonitor(configuration.name, transport=transport, system_metrics_interval=0) as monitor:
        train(configuration, monitor, folder)


def values(transport: MemoryTransport, name: str) -> list[float]:
    return [metrics[name] for metrics in transport.metrics if name in metrics]


def test_each_step_is_logged_with_all_that_the_page_shows(tmp_path: Path) -> None:
    """Loss, accuracy, learning rate and one gradient norm per layer at each step; validation and throughput between."""
    transport = MemoryTransport()
    logged(TINY, tmp_path, transport)
    points = transport.records("point")
    assert [point["step"] for point in points] == list(range(41))
    layers = {f"grad_norm/{layer}" for layer in ("conv1", "conv2", "dense1", "dense2")}
    assert all({"train/loss", "train/accuracy", "lr"} | layers <= set(point["metrics"]) for point in points)
    assert [point["step"] for point in points if "val/loss" in point["metrics"]] == [0, 10, 20, 30, 40]
    assert len(values(transport, "samples_per_second")) == 4
    assert min(values(transport, "samples_per_second")) > 0
    assert values(transport, "lr") == [TINY.rate(step) for step in range(41)]
    assert transport.records("status")[-1]["status"] == "completed"


def test_the_same_seed_gives_the_same_training() -> None:
    """Two trainings of one configuration agree in each loss; another seed gives others."""

    def losses(configuration: Configuration) -> list[float]:
        training = Training(configuration)
        return [training.learn(step).loss for step in range(8)]

    assert losses(TINY) == losses(TINY)
    assert losses(TINY) != losses(replace(TINY, seed=2))


def test_a_checkpoint_holds_the_network_that_its_metrics_tell_of(tmp_path: Path) -> None:
    """A saved file loads without pickle, and its weights give the validation loss registered with it."""
    transport = MemoryTransport()
    logged(TINY, tmp_path, transport)
    saved = {record["id"]: record for record in transport.records("checkpoint")}
    assert [record["step"] for record in saved.values()] == [10, 20, 30, 40]
    smallest = min(saved.values(), key=lambda record: record["metrics"]["val/loss"])
    assert transport.records("best")[-1]["checkpoint_id"] == smallest["id"]

    training = Training(TINY)
    with np.load(smallest["filepath"], allow_pickle=False) as arrays:
        assert arrays["step"] == smallest["step"]
        for name, parameter in training.network.parameters().items():
            parameter[...] = arrays[name]
    assert training.validate().loss == pytest.approx(smallest["metrics"]["val/loss"], rel=1e-6)


def test_the_dashboards_stop_ends_a_training(tmp_path: Path) -> None:
    """A stop is acknowledged at a step, leaves a checkpoint of it, and the run is interrupted."""
    transport = MemoryTransport()
    monitor = TrainingMonitor("stopped", transport=transport, system_metrics_interval=0)
    assert monitor.flush()
    transport.say({"type": "command", "id": "c1", "run_id": monitor.run_id, "command": "stop"})
    with monitor:
        train(replace(TINY, steps=100_000), monitor, tmp_path)
    answer = [frame for frame in transport.frames if frame["type"] == "command_result"][-1]
    last = transport.records("point")[-1]["step"]
    assert (answer["id"], answer["state"], answer["step"]) == ("c1", "acknowledged", last)
    assert last < 99_999
    assert transport.records("checkpoint")[-1]["step"] == last
    assert transport.records("status")[-1]["status"] == "interrupted"


def test_learning_rates_follow_their_schedule() -> None:
    """Warm-up rises to the highest rate, cosine falls to 0 at the end, constant stays; all names are their keys."""
    assert GOOD.rate(0) == GOOD.lr / GOOD.warmup_steps
    assert GOOD.rate(GOOD.warmup_steps) == GOOD.lr
    assert GOOD.rate(GOOD.steps) == pytest.approx(0, abs=1e-12)
    assert max(map(GOOD.rate, range(GOOD.steps))) == GOOD.lr
    assert {SLOW.rate(step) for step in range(SLOW.steps)} == {SLOW.lr}
    assert all(name == configuration.name for name, configuration in CONFIGURATIONS.items())
