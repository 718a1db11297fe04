"""Wall time that does not jump."""

import time

from stepwire.client.clock import Clock


def test_small_steps_of_the_system_clock_are_ignored(monkeypatch):
    """A correction of one second does not reach the points."""
    clock = Clock()
    before = clock.now()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 1_000_000_000)
    assert 0 <= clock.now() - before < 500_000


def test_large_steps_move_the_anchor(monkeypatch):
    """After a jump of a day the stored time follows the system's."""
    clock = Clock()
    before = clock.now()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 86_400_000_000_000)
    assert 0 <= clock.now() - before - 86_400_000_000 < 500_000
    assert 0 <= clock.now() - before - 86_400_000_000 < 500_000
