"""Waiting between connection attempts."""

import pytest

from stepwire.client.backoff import delay


@pytest.mark.parametrize(("failures", "cap"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (10_000, 30)])
def test_the_caps_double_up_to_thirty_seconds(failures, cap):
    """The longest wait after n failures is 1, 2, 4, 8, 16, then always 30 s."""
    assert delay(failures, 1.0) == cap


def test_jitter_is_full():
    """The wait is the given share of the cap, from nothing upwards."""
    assert delay(3, 0.0) == 0.0
    assert delay(3, 0.25) == 1.0
