"""The network's derivatives and the optimizers."""

import numpy as np
import pytest

from stepwire.demo.network import Array, Network, cross_entropy
from stepwire.demo.optimizer import Adam, Momentum

CLOSE = 1e-6


def test_derivatives_agree_with_finite_differences() -> None:
    """Back-propagation gives, for weights and biases of each layer, what a small change of each does to the loss."""
    random = np.random.default_rng(3)
    network = Network((2, 3), 5, 0.4, random, np.float64)
    images, labels = random.random((4, 8, 8, 1)), np.array([0, 3, 3, 9])
    drops = random.bit_generator.state

    def loss() -> tuple[float, Array]:
        random.bit_generator.state = drops  # drops the same values each time
        return cross_entropy(network.forward(images, learning=True), labels)

    network.backward(loss()[1])
    for name, parameter in network.parameters().items():
        slope = network.slopes()[name].copy()
        for place in np.random.default_rng(0).permutation(parameter.size)[:30]:
            flat = parameter.reshape(-1)
            value = flat[place]
            flat[place] = value + CLOSE
            above = loss()[0]
            flat[place] = value - CLOSE
            below = loss()[0]
            flat[place] = value
            assert slope.reshape(-1)[place] == pytest.approx((above - below) / (2 * CLOSE), rel=1e-4, abs=1e-8), name


def test_the_length_of_a_derivative_counts_weights_and_biases() -> None:
    """A layer's gradient norm is the root of the sum of squares over all that it learns."""
    random = np.random.default_rng(0)
    network = Network((2, 3), 5, 0.0, random, np.float64)
    network.backward(cross_entropy(network.forward(random.random((4, 8, 8, 1)), learning=True), np.arange(4))[1])
    slopes = network.slopes()
    expected = np.linalg.norm(np.concatenate([slopes["conv2.weight"].ravel(), slopes["conv2.bias"]]))
    assert network.slope_norms()["conv2"] == pytest.approx(expected)
    assert set(network.slope_norms()) == {"conv1", "conv2", "dense1", "dense2"}


def test_cross_entropy_of_a_guess_is_the_logarithm_of_ten() -> None:
    """Equal scores give ln 10, and large scores neither overflow nor lose the derivative."""
    assert cross_entropy(np.zeros((3, 10)), np.array([0, 5, 9]))[0] == pytest.approx(np.log(10))
    sure = np.full((1, 10), -1e6)
    sure[0, 4] = 1e6
    loss, slope = cross_entropy(sure, np.array([4]))
    assert loss == 0.0
    assert np.all(slope == 0.0)


def test_dropout_is_for_learning_only() -> None:
    """The same images give the same scores when nothing is learned, others while learning."""
    random = np.random.default_rng(0)
    network = Network((2, 3), 32, 0.5, random)
    images = random.random((4, 8, 8, 1), np.float32)
    assert np.array_equal(network.forward(images), network.forward(images))
    assert not np.array_equal(network.forward(images, learning=True), network.forward(images, learning=True))


def test_momentum_moves_as_its_formula_says() -> None:
    """Two steps along one derivative: the second is 1.9 times the first."""
    parameters = {"a.weight": np.array([1.0])}
    optimizer = Momentum(parameters)
    optimizer.update(parameters, {"a.weight": np.array([2.0])}, 0.1)
    assert parameters["a.weight"] == pytest.approx([0.8])
    optimizer.update(parameters, {"a.weight": np.array([2.0])}, 0.1)
    assert parameters["a.weight"] == pytest.approx([0.8 - 0.38])


def test_adam_moves_by_the_learning_rate_and_shrinks_weights_only() -> None:
    """Adam's first step is the learning rate whatever the derivative's size; decay touches weights, not biases."""
    parameters = {"a.weight": np.array([1.0]), "a.bias": np.array([1.0])}
    Adam(parameters, decay=0.5).update(parameters, {name: np.array([1e-3]) for name in parameters}, 0.1)
    assert parameters["a.bias"] == pytest.approx([0.9], abs=1e-4)
    assert parameters["a.weight"] == pytest.approx([0.95 - 0.1], abs=1e-4)
