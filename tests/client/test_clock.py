"""Wall time that does not jump."""

import time

from stepwire.client.clock import Clock

HALF_A_SECOND = 500_000_000


def pass_half_a_second(monkeypatch):
    """Let half a second pass, after which the system clock is looked at again."""
    steady, wall = time.monotonic_ns, time.time_ns
    monkeypatch.setattr(time, "monotonic_ns", lambda: steady() + HALF_A_SECOND)
    monkeypatch.setattr(time, "time_ns", lambda: wall() + HALF_A_SECOND)


def test_small_steps_of_the_system_clock_are_ignored(monkeypatch):
    """A correction of one second does not reach the points."""
    clock = Clock()
    before = clock.now()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 1_000_000_000)
    pass_half_a_second(monkeypatch)
    assert 500_000 <= clock.now() - before < 1_000_000


def test_large_steps_move_the_anchor(monkeypatch):
    """After a jump of a day the stored time follows the system's."""
    clock = Clock()
    before = clock.now()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 86_400_000_000_000)
    pass_half_a_second(monkeypatch)
    assert 500_000 <= clock.now() - before - 86_400_000_000 < 1_000_000
    assert 500_000 <= clock.now() - before - 86_400_000_000 < 1_000_000
