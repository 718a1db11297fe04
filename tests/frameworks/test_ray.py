"""Ray Tune."""

import time
from pathlib import Path

import pytest
import ray
from ray import tune

from stepwire.integrations.ray import StepwireCallback

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def cluster(dashboard):
    """Ray on this machine, with two workers."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def train(config):
    """Five reports; the middle one with a checkpoint; ``fail`` raises before the last."""
    import tempfile

    for step in range(config.get("steps", 5)):
        if config.get("fail") and step == 4:
            raise FloatingPointError("as planned")
        time.sleep(config.get("pause", 0))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "model.txt").write_text(str(step))
            checkpoint = tune.Checkpoint.from_directory(folder) if step == 2 else None
            tune.report({"loss": config["lr"] / (step + 1), "note": "text"}, checkpoint=checkpoint)


def tuner(callbacks, folder, **space):
    return tune.Tuner(
        train, param_space=space, run_config=tune.RunConfig(callbacks=callbacks, storage_path=str(folder), verbose=0)
    )


def test_the_documented_program_works(example, dashboard):
    """The page's program: two trials in one group, five losses each."""
    runs = example("Ray Tune")
    assert [(run["group"], run["status"]) for run in runs] == [("search", "completed")] * 2
    assert sorted(run["config"]["lr"] for run in runs) == [0.1, 0.5]
    assert all(list(dashboard.points(run["id"], "loss")) == [1, 2, 3, 4, 5] for run in runs)


def test_reports_checkpoints_and_failures_of_trials(dashboard, folder):
    """Numbers only, steps from 1, the checkpoint at its report; a trial that raises has failed."""
    grid = tune.grid_search([False, True])
    tuner([StepwireCallback("trials", project="tune", tags=["a"])], folder, lr=1.0, fail=grid).fit()
    runs = sorted(dashboard.runs(group="trials"), key=lambda run: run["config"]["fail"])
    assert [(run["status"], run["project"], run["tags"]) for run in runs] == [
        ("completed", "tune", ["a"]),
        ("failed", "tune", ["a"]),
    ]
    assert dashboard.points(runs[0]["id"], "loss") == {1: 1.0, 2: 0.5, 3: pytest.approx(1 / 3), 4: 0.25, 5: 0.2}
    assert dashboard.names(runs[0]["id"]) == {"loss"}
    (checkpoint,) = dashboard.checkpoints(runs[0]["id"])
    assert (checkpoint["step"], checkpoint["metrics"]) == (3, {"loss": pytest.approx(1 / 3)})
    assert (Path(checkpoint["filepath"]) / "model.txt").read_text() == "2"
    assert len(dashboard.points(runs[1]["id"], "loss")) == 4


def test_stop_ends_one_trial(dashboard, folder):
    """STOP on one trial's run ends it at a next report; the other goes on to its end."""

    class Presser(StepwireCallback):
        def log_trial_result(self, iteration, trial, result):
            super().log_trial_result(iteration, trial, result)
            if trial.config["steps"] == 1000 and result["training_iteration"] == 3:
                dashboard.press(self.run_id(trial), "stop")

    tuner([Presser("stopped")], folder, lr=1.0, pause=0.02, steps=tune.grid_search([5, 1000])).fit()
    short, long = sorted(dashboard.runs(group="stopped"), key=lambda run: run["config"]["steps"])
    assert (short["status"], long["status"]) == ("completed", "interrupted")
    assert list(dashboard.points(long["id"], "loss"))[-1] in (4, 5, 6)
    assert list(dashboard.points(short["id"], "loss")) == [1, 2, 3, 4, 5]


def test_a_broken_callback_harms_no_trial(dashboard, folder, caplog):
    """A run that was finished under the callback's feet: warnings, and the trial reports to its end."""
    stepwire = StepwireCallback("broken")

    class Breaker(tune.Callback):
        def on_trial_start(self, iteration, trials, trial, **_more):
            stepwire._trials[trial.trial_id].monitor.finish()

    (result,) = tuner([stepwire, Breaker()], folder, lr=1.0).fit()
    assert (result.error, result.metrics["training_iteration"]) == (None, 5)
    assert "training goes on" in caplog.text
