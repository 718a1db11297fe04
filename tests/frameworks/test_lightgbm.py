"""LightGBM."""

import lightgbm
import numpy as np
import pytest

from stepwire.integrations.lightgbm import StepwireCallback

PARAMS = {"objective": "regression", "metric": "l2", "learning_rate": 0.25, "verbosity": -1, "min_data_in_leaf": 5}


@pytest.fixture(scope="module")
def data():
    """Features and targets."""
    x = np.random.default_rng(0).normal(size=(200, 4))
    return x, x.sum(axis=1)


@pytest.fixture
def sets(data):
    """Training and validation set."""
    x, y = data
    train = lightgbm.Dataset(x[:150], y[:150])
    return {"train_set": train, "valid_sets": [train.create_valid(x[150:], y[150:])]}


def press(dashboard, stepwire, command, sent, at=3):
    """A callback that presses a button of the dashboard after an iteration."""

    def callback(env):
        if env.iteration == at:
            sent.append(dashboard.press(stepwire.monitor.run_id, command))

    callback.order = 20
    return callback


def test_the_documented_program_works(example, dashboard):
    """The page's program: the metric per iteration, parameters as config, the goal that LightGBM tells, completed."""
    (run,) = example("LightGBM")
    assert (run["name"], run["status"], run["total_steps"]) == ("lightgbm", "completed", 50)
    assert (run["config"]["learning_rate"], run["config"]["objective"]) == (0.1, "regression")
    assert list(dashboard.points(run["id"], "valid_0/l2")) == list(range(50))
    assert run["metric_definitions"]["valid_0/l2"]["goal"] == "min"


def test_iterations_and_a_changing_learning_rate_are_lightgbms(dashboard, sets):
    """Values are those of record_evaluation; reset_parameter shows in the learning rate."""
    result = {}
    stepwire = StepwireCallback("schedule")
    callbacks = [
        lightgbm.record_evaluation(result),
        lightgbm.reset_parameter(learning_rate=[0.5, 0.25, 0.125]),
        stepwire,
    ]
    lightgbm.train(PARAMS, num_boost_round=3, callbacks=callbacks, **sets)
    stepwire.monitor.flush()
    run_id = stepwire.monitor.run_id
    assert dashboard.points(run_id, "valid_0/l2") == dict(enumerate(result["valid_0"]["l2"]))
    assert dashboard.points(run_id, "learning_rate") == {0: 0.5, 1: 0.25, 2: 0.125}
    assert dashboard.run("schedule")["status"] == "completed"


def test_an_early_stop_keeps_its_last_iteration(dashboard, sets):
    """early_stopping ends the training; all iterations are there, and finish completes the run."""
    result = {}
    stepwire = StepwireCallback("early")
    callbacks = [
        lightgbm.record_evaluation(result),
        lightgbm.early_stopping(3, verbose=False, min_delta=0.05),
        stepwire,
    ]
    lightgbm.train(PARAMS, num_boost_round=500, callbacks=callbacks, **sets)
    stepwire.finish()
    run = dashboard.run("early")
    assert dashboard.points(run["id"], "valid_0/l2") == dict(enumerate(result["valid_0"]["l2"]))
    assert 3 < len(result["valid_0"]["l2"]) < 500
    assert run["status"] == "completed"


def test_stop_ends_the_training(dashboard, sets):
    """STOP raises LightGBM's EarlyStopException: the model has the iterations until then."""
    sent = []
    stepwire = StepwireCallback("stopped")
    model = lightgbm.train(
        PARAMS, num_boost_round=1000, callbacks=[press(dashboard, stepwire, "stop", sent), stepwire], **sets
    )
    stepwire.monitor.flush()
    assert model.num_trees() == model.best_iteration == 4
    assert dashboard.run("stopped")["status"] == "interrupted"
    answer = dashboard.command(stepwire.monitor.run_id, sent[0])
    assert (answer["state"], answer["step"]) == ("acknowledged", 3)


def test_a_checkpoint_is_written_when_asked(dashboard, sets, folder):
    """The command writes the model into the folder, and registers it with the metrics of its iteration."""
    sent = []
    stepwire = StepwireCallback("asked", checkpoint_dir=folder / "new")
    lightgbm.train(
        PARAMS, num_boost_round=6, callbacks=[press(dashboard, stepwire, "save_checkpoint", sent), stepwire], **sets
    )
    stepwire.monitor.flush()
    (checkpoint,) = dashboard.checkpoints(stepwire.monitor.run_id)
    assert (checkpoint["step"], checkpoint["metrics"].keys()) == (3, {"valid_0/l2"})
    assert lightgbm.Booster(model_file=checkpoint["filepath"]).num_trees() == 4


def test_evaluate_is_refused(dashboard, sets):
    """LightGBM evaluates each iteration: there is nothing to ask for."""
    sent = []
    stepwire = StepwireCallback("refused")
    lightgbm.train(
        PARAMS, num_boost_round=6, callbacks=[press(dashboard, stepwire, "evaluate", sent), stepwire], **sets
    )
    assert dashboard.command(stepwire.monitor.run_id, sent[0])["state"] == "refused"


def test_the_scikit_learn_interface(dashboard, data):
    """LGBMRegressor.fit takes the callback; each fit is a run."""
    stepwire = StepwireCallback("regressor")
    for _ in range(2):
        lightgbm.LGBMRegressor(n_estimators=5, verbosity=-1).fit(*data, eval_set=[data], callbacks=[stepwire])
    stepwire.monitor.flush()
    assert [run["status"] for run in dashboard.runs(name="regressor")] == ["completed", "completed"]


def test_a_cross_validation_logs_means_and_deviations(dashboard, data):
    """lightgbm.cv: mean over the folds, and the standard deviation beside it."""
    stepwire = StepwireCallback("folds")
    table = lightgbm.cv(
        PARAMS, lightgbm.Dataset(*data), num_boost_round=3, nfold=3, stratified=False, callbacks=[stepwire]
    )
    stepwire.monitor.flush()
    assert dashboard.points(stepwire.monitor.run_id, "valid/l2") == dict(enumerate(table["valid l2-mean"]))
    assert dashboard.points(stepwire.monitor.run_id, "valid/l2/std") == dict(enumerate(table["valid l2-stdv"]))


def test_a_broken_callback_harms_no_training(dashboard, sets, caplog):
    """A run that was finished under the callback's feet: warnings, and all iterations are boosted."""
    stepwire = StepwireCallback("broken")

    def breaker(env):
        if env.iteration == 1:
            stepwire.monitor.finish()

    breaker.order = 20
    assert lightgbm.train(PARAMS, num_boost_round=5, callbacks=[breaker, stepwire], **sets).num_trees() == 5
    assert "training goes on" in caplog.text
