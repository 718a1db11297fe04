"""The four configurations that the demo trains."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that decides how a training goes; shown as the run's configuration.

    Attributes:
        name: Name of the run.
        seed: Of first weights, order of images, shifts and dropout.
        lr: Highest learning rate.
        schedule: ``cosine`` falls to 0 at the last step, ``constant`` stays.
        warmup_steps: Steps over which the learning rate rises from 0.
        training_images: Images to learn from, at most 1,347.
        shift: Pixels by which an image is moved at random.
        dropout: Share of hidden values that is dropped while learning.
        weight_decay: Share of the learning rate by which weights shrink at each step.
        checkpoint_every: Steps between two checkpoints.
        validate_every: Steps between two validations.
    """

    name: str
    lr: float
    optimizer: Literal["adam", "momentum"] = "adam"
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_steps: int = 200
    training_images: int = 1347
    shift: int = 1
    dropout: float = 0.3
    weight_decay: float = 0.02
    batch_size: int = 128
    channels: tuple[int, int] = (24, 48)
    hidden: int = 128
    steps: int = 6500
    checkpoint_every: int = 500
    validate_every: int = 25
    seed: int = 8

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, the first being 0."""
        if step < self.warmup_steps:
            return self.lr * (step + 1) / self.warmup_steps
        if self.schedule == "constant":
            return self.lr
        gone = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.lr * 0.5 * (1 + math.cos(math.pi * min(1.0, gone)))


GOOD = Configuration(name="good", lr=2e-3)
SLOW = Configuration(name="slow", lr=2e-5, schedule="constant")
OVERFITTING = Configuration(
    name="over-fitting",
    lr=5e-4,
    schedule="constant",
    training_images=120,
    shift=0,
    dropout=0.0,
    weight_decay=0.0,
)
DIVERGING = Configuration(
    name="diverging",
    lr=2.0,
    optimizer="momentum",
    schedule="constant",
    warmup_steps=1000,
    weight_decay=0.0,
    checkpoint_every=100,
)
CONFIGURATIONS = {each.name: each for each in (GOOD, SLOW, OVERFITTING, DIVERGING)}
