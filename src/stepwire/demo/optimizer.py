"""How derivatives move parameters: SGD with momentum, and Adam."""

from typing import Protocol

import numpy as np

from stepwire.demo.network import Array

_MOMENTUM = 0.9
_ADAM_SLOW, _ADAM_FLOOR = 0.999, 1e-8


class Optimizer(Protocol):
    """Moves parameters in place and remembers what it needs from step to step."""

    def update(self, parameters: dict[str, Array], slopes: dict[str, Array], rate: float) -> None:
        """Take one step of learning rate ``rate`` against the derivatives."""

    def state(self) -> dict[str, Array]:
        """Return what it remembers, by name, for a checkpoint."""


class Momentum:
    """Stochastic gradient descent with a momentum of 0.9."""

    def __init__(self, parameters: dict[str, Array]) -> None:
        self._speeds = {name: np.zeros_like(parameter) for name, parameter in parameters.items()}

    def update(self, parameters: dict[str, Array], slopes: dict[str, Array], rate: float) -> None:
        """Take one step."""
        for name, parameter in parameters.items():
            speed = self._speeds[name]
            speed *= _MOMENTUM
            speed -= rate * slopes[name]
            np.add(parameter, speed, out=parameter)

    def state(self) -> dict[str, Array]:
        """Return the speeds."""
        return {f"{name}.speed": speed for name, speed in self._speeds.items()}


class Adam:
    """Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019).

    Args:
        parameters: What it will move.
        decay: Share of the learning rate by which weights shrink at each step.
    """

    def __init__(self, parameters: dict[str, Array], decay: float) -> None:
        self._means = {name: np.zeros_like(parameter) for name, parameter in parameters.items()}
        self._squares = {name: np.zeros_like(parameter) for name, parameter in parameters.items()}
        self._decay = decay
        self._steps = 0

    def update(self, parameters: dict[str, Array], slopes: dict[str, Array], rate: float) -> None:
        """Take one step."""
        self._steps += 1
        scale = rate * np.sqrt(1 - _ADAM_SLOW**self._steps) / (1 - _MOMENTUM**self._steps)
        for name, parameter in parameters.items():
            mean, square, slope = self._means[name], self._squares[name], slopes[name]
            mean += (1 - _MOMENTUM) * (slope - mean)
            square += (1 - _ADAM_SLOW) * (slope * slope - square)
            kept = 1 - rate * self._decay if name.endswith(".weight") else 1.0
            np.subtract(parameter * kept, scale * mean / (np.sqrt(square) + _ADAM_FLOOR), out=parameter)

    def state(self) -> dict[str, Array]:
        """Return the running means of the derivatives and of their squares."""
        means = {f"{name}.mean": mean for name, mean in self._means.items()}
        return means | {f"{name}.square": square for name, square in self._squares.items()}
