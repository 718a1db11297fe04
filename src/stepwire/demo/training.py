"""One training of the demo, as any user's script would do it: ``python -m stepwire.demo.training good``."""

import argparse
import math
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepwire import TrainingMonitor
from stepwire.demo.configurations import CONFIGURATIONS, Configuration
from stepwire.demo.digits import Digits, load_digits, shift, split
from stepwire.demo.network import Array, Network, cross_entropy
from stepwire.demo.optimizer import Adam, Momentum, Optimizer

PROJECT = "digits"
_THROUGHPUT_STEPS = 10


@dataclass(frozen=True, slots=True)
class Score:
    """How well a network knows some images: mean cross-entropy and share of right answers."""

    loss: float
    accuracy: float

    def metrics(self, prefix: str) -> dict[str, float]:
        """Return both by their metric names."""
        return {f"{prefix}/loss": self.loss, f"{prefix}/accuracy": self.accuracy}


class Training:
    """A network, its data and its optimizer.

    Args:
        configuration: What decides how it goes; the same one gives the same training on the same machine.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._random = np.random.default_rng(configuration.seed)
        self._training, self._validation = split(load_digits(), configuration.training_images)
        self.network = Network(configuration.channels, configuration.hidden, configuration.dropout, self._random)
        self._parameters = self.network.parameters()
        self._optimizer = _optimizer(configuration, self._parameters)
        self._order: NDArray[np.intp] = np.empty(0, np.intp)

    def learn(self, step: int) -> Score:
        """Learn from one batch."""
        batch = self._batch()
        # A training that diverges overflows on its way to NaN; whoever calls looks at the loss.
        with np.errstate(over="ignore", invalid="ignore"):
            scores = self.network.forward(shift(batch.images, self.configuration.shift, self._random), learning=True)
            score, slope = _judge(scores, batch.labels)
            self.network.backward(slope)
            self._optimizer.update(self._parameters, self.network.slopes(), self.configuration.rate(step))
        return score

    def validate(self) -> Score:
        """Judge by images that it never learns from."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _judge(self.network.forward(self._validation.images), self._validation.labels)[0]

    def slope_norms(self) -> dict[str, float]:
        """Return the length of each layer's derivative at the last step."""
        with np.errstate(over="ignore", invalid="ignore"):
            return {f"grad_norm/{layer}": norm for layer, norm in self.network.slope_norms().items()}

    def save(self, path: Path, step: int) -> None:
        """Write weights and the optimizer's memory as ``.npz``, whole or not at all."""
        half = path.with_suffix(".part.npz")
        arrays: dict[str, Any] = self._parameters | self._optimizer.state()
        np.savez(half, step=np.int64(step), **arrays)
        half.replace(path)

    def _batch(self) -> Digits:
        size = self.configuration.batch_size
        while len(self._order) < size:  # each image once per pass, passes joined
            self._order = np.concatenate([self._order, self._random.permutation(len(self._training))])
        places, self._order = self._order[:size], self._order[size:]
        return self._training.take(places)


def _optimizer(configuration: Configuration, parameters: dict[str, Array]) -> Optimizer:
    if configuration.optimizer == "adam":
        return Adam(parameters, configuration.weight_decay)
    return Momentum(parameters)


def _judge(scores: Array, labels: NDArray[np.intp]) -> tuple[Score, Array]:
    loss, slope = cross_entropy(scores, labels)
    return Score(loss, float(np.mean(scores.argmax(axis=1) == labels))), slope


class Keeper:
    """Writes checkpoints of a training and marks the one with the smallest validation loss."""

    def __init__(self, training: Training, monitor: TrainingMonitor, folder: Path) -> None:
        self._training = training
        self._monitor = monitor
        self._folder = folder
        self._smallest = math.inf

    def keep(self, step: int) -> None:
        """Write a checkpoint."""
        path = self._folder / f"step_{step:06d}.npz"
        self._training.save(path, step)
        score = self._training.validate()
        checkpoint = self._monitor.save_checkpoint(path, metrics=score.metrics("val"), step=step)
        if score.loss < self._smallest:
            self._smallest = score.loss
            self._monitor.mark_best_checkpoint(checkpoint)


def train(configuration: Configuration, monitor: TrainingMonitor, folder: Path) -> Score:
    """Train to the end, or until the dashboard says stop.

    Args:
        configuration: What to train.
        monitor: Where it is logged; told ``interrupted`` when the dashboard stopped it.
        folder: Where checkpoints go; made when it is not there.

    Returns:
        The last validation.

    Raises:
        FloatingPointError: The loss is not finite any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _describe(monitor)
    training = Training(configuration)
    keeper = Keeper(training, monitor, folder)
    began = time.perf_counter()
    for step in range(configuration.steps):
        metrics = learn_and_measure(training, step)
        if step and step % _THROUGHPUT_STEPS == 0:
            now = time.perf_counter()
            metrics["samples_per_second"] = _THROUGHPUT_STEPS * configuration.batch_size / (now - began)
            began = now
        monitor.log_metrics(metrics, step=step)
        if not math.isfinite(metrics["train/loss"]):
            raise FloatingPointError(
                f"train/loss is {metrics['train/loss']} at step {step}: "
                f"a learning rate of {metrics['lr']:.3g} is too high for {configuration.optimizer}"
            )
        is_last = monitor.should_stop or step == configuration.steps - 1
        if is_last or (step and step % configuration.checkpoint_every == 0):
            keeper.keep(step)
        if monitor.should_stop:
            monitor.set_status("interrupted")
            break
    return training.validate()


def learn_and_measure(training: Training, step: int) -> dict[str, float]:
    """Take one step and return its metrics, with a validation when one is due."""
    configuration = training.configuration
    metrics = training.learn(step).metrics("train")
    metrics |= {"lr": configuration.rate(step)} | training.slope_norms()
    if step % configuration.validate_every == 0 or step == configuration.steps - 1:
        metrics |= training.validate().metrics("val")
    return metrics


def _describe(monitor: TrainingMonitor) -> None:
    for images in ("train", "val"):
        monitor.define_metric(f"{images}/loss", goal="min", unit="nats")
        monitor.define_metric(f"{images}/accuracy", goal="max")
    monitor.define_metric("samples_per_second", goal="max", unit="images/s")


def main() -> None:
    """Train one configuration and log it to a server."""
    parser = argparse.ArgumentParser(prog="python -m stepwire.demo.training", description=__doc__)
    parser.add_argument("name", choices=CONFIGURATIONS)
    parser.add_argument("--url", help="the server (default: STEPWIRE_URL, else ws://localhost:8000)")
    parser.add_argument("--folder", type=Path, default=Path("checkpoints"), help="checkpoints (default: checkpoints)")
    parser.add_argument("--run-id", help="id of the run (default: a new one)")
    parser.add_argument("--steps", type=int, help="train for so many steps instead")
    given = parser.parse_args()
    configuration = CONFIGURATIONS[given.name]
    if given.steps is not None and given.steps < 1:
        parser.error("--steps must be at least 1")
    if given.steps is not None:
        configuration = replace(configuration, steps=given.steps)
    if hasattr(os, "nice"):
        os.nice(5)  # the page that shows it comes first
    with TrainingMonitor(
        configuration.name,
        config=asdict(configuration),
        dashboard_url=given.url,
        project=PROJECT,
        total_steps=configuration.steps,
        run_id=given.run_id,
    ) as monitor:
        score = train(configuration, monitor, given.folder)
    print(f"val/loss {score.loss:.4f}, val/accuracy {score.accuracy:.2%}")


if __name__ == "__main__":
    main()
