"""Numbers among what frameworks hold."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from stepwire.integrations.scalars import is_scalar, scalars
from stepwire.testing import MemoryTransport


class DeviceScalar:
    """A number on a device: its shape is known, its value must be waited for."""

    shape = ()

    def __float__(self):
        raise AssertionError("waited for the device")

    item = __float__


TAKEN = [
    1,
    1.5,
    True,
    float("nan"),
    Decimal("1.5"),
    Fraction(1, 2),
    np.float32(1),
    np.int64(1),
    np.array(2.0),
    np.ones((1,)),
    DeviceScalar(),
]
LEFT = ["1", b"1", None, [1.0], np.ones(3), np.ones((0,)), 1j, np.str_("a"), object(), {}]


@pytest.mark.parametrize("value", TAKEN, ids=lambda value: type(value).__name__)
def test_numbers_are_taken_as_they_are(value):
    """A device's scalar is not waited for."""
    assert is_scalar(value)
    assert scalars({"a": value}) == {"a": value}


@pytest.mark.parametrize("value", LEFT, ids=lambda value: type(value).__name__)
def test_the_rest_is_left_out(value):
    """Text, arrays, None: log_metrics would refuse the row for them."""
    assert not is_scalar(value)
    assert scalars({"a": value, "b": 1}) == {"b": 1}


def test_what_is_taken_can_be_logged():
    """log_metrics takes all that is kept, nested and with names that are no text."""
    from stepwire import TrainingMonitor

    transport = MemoryTransport()
    with TrainingMonitor("scalars", transport=transport) as monitor:
        kept = scalars(
            {str(place): value for place, value in enumerate(TAKEN[:-1])} | {7: 1, "in": {"x": 2, "y": "no"}}, "p/"
        )
        monitor.log_metrics(kept)
    assert transport.metrics[0]["p/in/x"] == 2
    assert len(transport.metrics[0]) == len(TAKEN)
