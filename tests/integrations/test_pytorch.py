"""Learning rates of an optimizer."""

from types import SimpleNamespace

from stepwire.integrations.pytorch import learning_rates, log_optimizer
from stepwire.testing import MemoryTransport


def optimizer(*groups):
    """An optimizer, as far as it is read."""
    return SimpleNamespace(param_groups=[dict(group) for group in groups])


def test_one_group_has_no_number():
    """The usual case has the plain name."""
    assert learning_rates(optimizer({"lr": 0.1})) == {"learning_rate": 0.1}


def test_groups_of_several_optimizers_are_counted_through():
    """As with a generator and a discriminator; no optimizer, no rate."""
    rates = learning_rates(optimizer({"lr": 0.1}, {"lr": 0.2, "name": "head"}), optimizer({"lr": 0.3}))
    assert rates == {"learning_rate/0": 0.1, "learning_rate/head": 0.2, "learning_rate/2": 0.3}
    assert learning_rates() == {}


def test_the_rate_is_logged_at_the_step():
    """One row, at the step that was given."""
    from stepwire import TrainingMonitor

    transport = MemoryTransport()
    with TrainingMonitor("rates", transport=transport, system_metrics_interval=0) as monitor:
        log_optimizer(monitor, optimizer({"lr": 0.5}), 7)
    (point,) = transport.records("point")
    assert (point["step"], point["metrics"]) == (7, {"learning_rate": 0.5})
