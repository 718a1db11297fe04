"""What each of the four configurations is there to show, by real trainings on a real server."""

import math

import pytest
from tests.demo.conftest import Trainer

# Real computing: on a busy machine it takes a multiple of its 10 to 25 s.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_good_run_reaches_97_percent(trainer: Trainer) -> None:
    """A seventh of the good run's steps, by the same schedule, already gives 97 % of unseen images right."""
    trained = trainer.train("good", "--steps", "700")
    assert (trained.code, trained.run["status"]) == (0, "completed"), trained.errors
    assert trained.run["summary"]["val/accuracy"]["last"] >= 0.97
    assert trained.run["step"] == 699


def test_the_over_fitting_run_gets_worse_at_what_it_has_not_seen(trainer: Trainer) -> None:
    """Its training loss vanishes while its validation loss rises from its minimum."""
    trained = trainer.train("over-fitting", "--steps", "500")
    seen, unseen = trained.values("train/loss"), trained.values("val/loss")
    assert seen[-1] < 0.01
    assert unseen[-1] > 1.03 * min(unseen)
    assert unseen[-1] > unseen[len(unseen) // 2]


def test_the_slow_run_still_learns_when_the_good_one_is_done(trainer: Trainer) -> None:
    """After 300 steps its validation loss has fallen, and is far from the good run's."""
    unseen = trainer.train("slow", "--steps", "300").values("val/loss")
    assert 0.5 < unseen[-1] < 0.95 * unseen[0]


def test_the_diverging_run_fails_by_its_own_learning_rate(trainer: Trainer) -> None:
    """It learns, then its loss grows to NaN, and the run fails with a traceback that names the learning rate."""
    trained = trainer.train("diverging")
    assert trained.code == 1
    assert "FloatingPointError: train/loss is" in trained.errors
    losses = trained.values("train/loss")
    assert 50 < len(losses) < 600
    assert min(losses) < 0.5
    assert all(math.isfinite(loss) for loss in losses[:-1])
    assert not math.isfinite(losses[-1])
    assert trained.run["status"] == "failed"
