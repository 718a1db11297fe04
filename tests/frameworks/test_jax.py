"""A loop of JAX, and one of Flax."""

import jax
import jax.numpy as jnp
import optax
import pytest
from flax import nnx

from stepwire import TrainingMonitor


def test_the_documented_program_works(example, dashboard):
    """The page's program: device scalars of 200 steps, the schedule as learning rate."""
    (run,) = example("JAX and Flax")
    assert (run["name"], run["status"], run["total_steps"]) == ("jax", "completed", 200)
    losses = dashboard.points(run["id"], "loss")
    assert list(losses) == list(range(200))
    assert losses[199] < losses[0]
    assert dashboard.points(run["id"], "learning_rate")[100] == pytest.approx(0.09)


def test_a_flax_loop_logs_device_scalars(dashboard):
    """A train step of nnx under jit: its loss and its count go to the run as they come from the device."""
    model = nnx.Linear(4, 1, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.sgd(0.1), wrt=nnx.Param)
    x = jax.random.normal(jax.random.key(0), (32, 4))

    @nnx.jit
    def train_step(model, optimizer):
        loss, slope = nnx.value_and_grad(lambda m: jnp.mean((m(x) - x.sum(1, keepdims=True)) ** 2))(model)
        optimizer.update(model, slope)
        return {"loss": loss, "slope": optax.global_norm(slope)}

    expected = []
    with TrainingMonitor("flax") as monitor:
        for step in range(10):
            metrics = train_step(model, optimizer)
            monitor.log_metrics(metrics, step=step)
            expected.append(metrics)
    run = dashboard.run("flax")
    assert dashboard.points(run["id"], "loss") == {at: float(row["loss"]) for at, row in enumerate(expected)}
    assert dashboard.points(run["id"], "slope") == {at: float(row["slope"]) for at, row in enumerate(expected)}
