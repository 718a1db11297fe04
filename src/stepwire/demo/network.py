"""A small convolutional network with back-propagation written out. Arrays are ``(images, height, width, channels)``."""

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]
_REACH = 3  # a convolution looks at 3×3 pixels
_LEAK = 0.1


class Linear:
    """``inputs @ weight + bias``, the part of a network that learns.

    Attributes:
        weight: ``(inputs, outputs)``.
        bias: ``(outputs,)``.
        weight_slope: Derivative of the loss by ``weight``, after ``backward``.
        bias_slope: Derivative of the loss by ``bias``, after ``backward``.
    """

    def __init__(self, inputs: int, outputs: int, random: np.random.Generator, dtype: DTypeLike) -> None:
        # He et al. 2015: keeps the variance of activations through layers that end in ReLU.
        self.weight: Array = (random.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)).astype(dtype)
        self.bias: Array = np.zeros(outputs, dtype)
        self.weight_slope: Array = np.zeros_like(self.weight)
        self.bias_slope: Array = np.zeros_like(self.bias)
        self._inputs: Array = np.empty((0, inputs), dtype)

    def forward(self, inputs: Array) -> Array:
        """Map ``(n, inputs)`` to ``(n, outputs)``."""
        self._inputs = inputs
        outputs: Array = inputs @ self.weight
        outputs += self.bias
        return outputs

    def backward(self, slope: Array) -> Array:
        """Take the loss's derivative by the outputs, keep those by weight and bias, return that by the inputs."""
        np.matmul(self._inputs.T, slope, out=self.weight_slope)
        np.sum(slope, axis=0, out=self.bias_slope)
        inputs_slope: Array = slope @ self.weight.T
        return inputs_slope


class Convolution:
    """A 3×3 convolution that keeps height and width: a ``Linear`` over each pixel's neighbourhood."""

    def __init__(self, inputs: int, outputs: int, random: np.random.Generator, dtype: DTypeLike) -> None:
        self.linear = Linear(_REACH * _REACH * inputs, outputs, random, dtype)
        self._channels = inputs
        self._shape: tuple[int, int, int] = (0, 0, 0)

    def forward(self, images: Array) -> Array:
        """Map ``(n, h, w, inputs)`` to ``(n, h, w, outputs)``."""
        self._shape = n, h, w = images.shape[:3]
        padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
        near = np.concatenate([padded[:, y : y + h, x : x + w] for y in range(_REACH) for x in range(_REACH)], axis=3)
        return self.linear.forward(near.reshape(n * h * w, -1)).reshape(n, h, w, -1)

    def backward(self, slope: Array) -> Array:
        """As ``Linear.backward``."""
        n, h, w = self._shape
        near = self.linear.backward(slope.reshape(n * h * w, -1)).reshape(n, h, w, _REACH, _REACH, self._channels)
        padded = np.zeros((n, h + 2, w + 2, self._channels), near.dtype)
        for y in range(_REACH):
            for x in range(_REACH):
                padded[:, y : y + h, x : x + w] += near[:, :, :, y, x]
        return padded[:, 1:-1, 1:-1]


class LeakyRelu:
    """Negative values shrink to a tenth.

    With plain ReLU a divergence would hide: every unit dies, and the loss stands still instead of growing.
    """

    def __init__(self) -> None:
        self._factor: Array = np.ones(1)

    def forward(self, values: Array) -> Array:
        """Shrink below 0."""
        self._factor = np.where(values > 0, values.dtype.type(1), values.dtype.type(_LEAK))
        shrunk: Array = values * self._factor
        return shrunk

    def backward(self, slope: Array) -> Array:
        """Shrink the derivative where the value was shrunk."""
        shrunk: Array = slope * self._factor
        return shrunk


class Pool:
    """The largest of each 2×2 pixels."""

    def __init__(self) -> None:
        self._largest: NDArray[np.intp] = np.empty(0, np.intp)

    def forward(self, images: Array) -> Array:
        """Map ``(n, h, w, c)`` to ``(n, h/2, w/2, c)``."""
        n, h, w, c = images.shape
        fours = images.reshape(n, h // 2, 2, w // 2, 2, c).swapaxes(2, 3).reshape(n, h // 2, w // 2, 4, c)
        self._largest = fours.argmax(axis=3, keepdims=True)
        return np.take_along_axis(fours, self._largest, axis=3)[:, :, :, 0]

    def backward(self, slope: Array) -> Array:
        """Give each derivative to the pixel that was the largest."""
        n, h, w, c = slope.shape
        fours = np.zeros((n, h, w, 4, c), slope.dtype)
        np.put_along_axis(fours, self._largest, slope[:, :, :, np.newaxis], axis=3)
        return fours.reshape(n, h, w, 2, 2, c).swapaxes(2, 3).reshape(n, 2 * h, 2 * w, c)


class Dropout:
    """Sets a random ``share`` of the values to 0 while learning and scales the others up."""

    def __init__(self, share: float, random: np.random.Generator) -> None:
        self._share = share
        self._random = random
        self._kept: Array = np.ones(1)

    def forward(self, values: Array) -> Array:
        """Drop some."""
        kept = self._random.random(values.shape, np.float32) >= self._share
        self._kept = kept.astype(values.dtype) / values.dtype.type(1 - self._share)
        dropped: Array = values * self._kept
        return dropped

    def backward(self, slope: Array) -> Array:
        """Drop the same."""
        dropped: Array = slope * self._kept
        return dropped


class Network:
    """Two convolutions, a pool, a hidden layer and ten outputs, one for each digit.

    Args:
        channels: Outputs of the two convolutions.
        hidden: Width of the hidden layer.
        dropout: Share of the hidden layer's values that is dropped while learning.
        random: Draws the first weights and what is dropped.
        dtype: Of all arrays; ``float64`` to compare derivatives.

    Attributes:
        layers: What learns, by name.
    """

    def __init__(
        self,
        channels: tuple[int, int],
        hidden: int,
        dropout: float,
        random: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self._conv1 = Convolution(1, channels[0], random, dtype)
        self._conv2 = Convolution(channels[0], channels[1], random, dtype)
        self._dense1 = Linear(4 * 4 * channels[1], hidden, random, dtype)
        self._dense2 = Linear(hidden, 10, random, dtype)
        self._relus = [LeakyRelu(), LeakyRelu(), LeakyRelu()]
        self._pool = Pool()
        self._dropout = Dropout(dropout, random)
        self._width = channels[1]
        self.layers = {
            "conv1": self._conv1.linear,
            "conv2": self._conv2.linear,
            "dense1": self._dense1,
            "dense2": self._dense2,
        }

    def forward(self, images: Array, *, learning: bool = False) -> Array:
        """Map ``(n, 8, 8, 1)`` to one score per digit, ``(n, 10)``."""
        first = self._relus[0].forward(self._conv1.forward(images))
        second = self._relus[1].forward(self._conv2.forward(first))
        hidden = self._relus[2].forward(self._dense1.forward(self._pool.forward(second).reshape(len(images), -1)))
        return self._dense2.forward(self._dropout.forward(hidden) if learning else hidden)

    def backward(self, slope: Array) -> None:
        """Find every layer's derivatives from that of the loss by the scores, after ``forward(learning=True)``."""
        hidden = self._relus[2].backward(self._dropout.backward(self._dense2.backward(slope)))
        pooled = self._dense1.backward(hidden).reshape(-1, 4, 4, self._width)
        second = self._conv2.backward(self._relus[1].backward(self._pool.backward(pooled)))
        self._conv1.backward(self._relus[0].backward(second))

    def parameters(self) -> dict[str, Array]:
        """Return the weights and biases themselves, by name."""
        return {
            f"{name}.{part}": getattr(layer, part) for name, layer in self.layers.items() for part in ("weight", "bias")
        }

    def slopes(self) -> dict[str, Array]:
        """Return the derivatives of the last ``backward``, by the same names."""
        return {
            f"{name}.{part}": getattr(layer, f"{part}_slope")
            for name, layer in self.layers.items()
            for part in ("weight", "bias")
        }

    def slope_norms(self) -> dict[str, float]:
        """Return the length of each layer's derivative."""
        return {
            name: float(np.sqrt(np.sum(layer.weight_slope**2) + np.sum(layer.bias_slope**2)))
            for name, layer in self.layers.items()
        }


def cross_entropy(scores: Array, labels: NDArray[np.intp]) -> tuple[float, Array]:
    """Return the mean softmax cross-entropy (natural logarithm) and its derivative by the scores."""
    rows = np.arange(len(labels))
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    slope = np.exp(logs)
    slope[rows, labels] -= 1
    slope /= len(labels)
    return float(-logs[rows, labels].mean()), slope
