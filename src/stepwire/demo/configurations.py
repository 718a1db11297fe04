"""The four configurations that the demo trains."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that decides how a training goes; shown as the run's configuration.

    Attributes:
        name: Name of the run.
        lr: Highest learning rate.
        schedule: ``cosine`` falls to 0 at the last step, ``constant`` stays.
        warmup_steps: Steps over which the learning rate rises from 0.
        training_images: Images to learn from, at most 1,347.
        shift: Pixels by which an image is moved at random.
        dropout: Share of hidden values that is dropped while learning.
        weight_decay: Share of the learning rate by which Adam shrinks weights at each step.
        channels: Outputs of the two convolutions.
        hidden: Width of the hidden layer.
        steps: Batches to learn from.
        validate_every: Steps between two validations.
        checkpoint_every: Steps between two checkpoints.
        seed: Of first weights, order of images, shifts and dropout.
    """

    name: str
    lr: float
    optimizer: Literal["adam", "momentum"] = "adam"
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_steps: int = 500
    training_images: int = 1347
    shift: int = 1
    dropout: float = 0.5
    weight_decay: float = 0.02
    batch_size: int = 128
    channels: tuple[int, int] = (24, 48)
    hidden: int = 128
    steps: int = 5000
    validate_every: int = 25
    checkpoint_every: int = 250
    seed: int = 1

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, the first being 0."""
        if step < self.warmup_steps:
            return self.lr * (step + 1) / self.warmup_steps
        if self.schedule == "constant":
            return self.lr
        gone = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.lr * 0.5 * (1 + math.cos(math.pi * min(1.0, gone)))


GOOD = Configuration("good", lr=5e-4)
SLOW = Configuration("slow", lr=2e-5, schedule="constant", warmup_steps=0)
OVERFITTING = Configuration(
    "over-fitting",
    lr=5e-4,
    schedule="constant",
    warmup_steps=0,
    training_images=40,
    shift=0,
    dropout=0.0,
    weight_decay=0.0,
)
DIVERGING = Configuration(
    "diverging",
    lr=2.0,
    optimizer="momentum",
    schedule="constant",
    warmup_steps=1000,
    checkpoint_every=100,
)
CONFIGURATIONS = {each.name: each for each in (GOOD, SLOW, OVERFITTING, DIVERGING)}
