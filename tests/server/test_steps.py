"""When a run is stalled: its own points decide."""

import pytest

from stepwire.server.steps import KEPT, StepTimes


def us(*seconds: float) -> list[int]:
    """Seconds as µs, from some moment on."""
    return [1_700_000_000_000_000 + round(second * 1e6) for second in seconds]


def test_a_run_without_points_is_never_stalled() -> None:
    """There is nothing that could have stopped."""
    assert not StepTimes(60).is_stalled(1e9)


def test_a_fast_run_is_stalled_after_a_minute() -> None:
    """With ten points a second it is the least time that counts."""
    steps = StepTimes(60)
    steps.add(us(*(n / 10 for n in range(100))), now=1000)
    assert steps.usual == pytest.approx(0.1)
    assert not steps.is_stalled(1060) and steps.is_stalled(1060.1)


def test_a_slow_run_is_given_twenty_of_its_steps() -> None:
    """A point every 10 s: nothing is wrong for 200 s."""
    steps = StepTimes(60)
    for n in range(10):
        steps.add(us(n * 10), now=n * 10)
    assert steps.patience == 200
    assert not steps.is_stalled(90 + 200) and steps.is_stalled(90 + 201)


def test_a_run_that_pauses_now_and_then_is_given_three_of_its_longest_pauses() -> None:
    """An evaluation of 10 min in the midst of fast steps makes half an hour."""
    steps = StepTimes(60)
    steps.add(us(0, 0.1, 0.2, 600.2, 600.3), now=1000)
    assert steps.patience == pytest.approx(1800)


def test_it_moves_again_by_itself_and_has_learned() -> None:
    """The point that ends a stall says since when it moves, and how long its pauses may be."""
    steps = StepTimes(60)
    steps.add(us(0), now=1000)
    steps.add(us(1), now=1001)
    assert steps.since == 1000 and steps.is_stalled(1100)
    steps.add(us(101), now=1101)
    assert not steps.is_stalled(1101) and steps.since == 1101 and steps.patience == 300


def test_what_comes_late_counts_by_when_it_was_logged() -> None:
    """An hour's outage delivers a point per minute at once: the usual time is a minute, and no pause was longer."""
    steps = StepTimes(60)
    steps.add(us(*(n * 60 for n in range(61))), now=5000)
    assert steps.usual == 60 and steps.patience == 1200


def test_two_calls_per_step_and_points_out_of_order_say_nothing_wrong() -> None:
    """Of two metric sets with the same times the second one adds no time; neither does a time before the newest."""
    steps = StepTimes(60)
    for _ in range(2):
        steps.add(us(0, 10, 20, 30), now=1000)
    assert steps.usual == 10
    steps.add(us(5, 3), now=1000)
    assert steps.patience == 200


def test_another_process_that_goes_on_makes_no_pause() -> None:
    """A run that is resumed after a night was not slow."""
    steps = StepTimes(60)
    steps.add(us(0, 1, 2), now=1000)
    steps.interrupt()
    steps.add(us(40_000, 40_001), now=1001)
    assert steps.patience == 60


def test_what_was_logged_before_is_assumed() -> None:
    """After a restart of the server the run's mean time counts, from then on, until points come."""
    steps = StepTimes(60)
    steps.assume(30, at=1000)
    assert not steps.is_stalled(1600) and steps.is_stalled(1601)
    assert steps.since is None and steps.silent_since == 1000


def test_nothing_grows() -> None:
    """A million points keep as much as a hundred."""
    steps = StepTimes(60)
    for batch in range(100):
        steps.add(us(*(batch + n / 10_000 for n in range(10_000))), now=batch)
    assert len(steps._recent) == KEPT
