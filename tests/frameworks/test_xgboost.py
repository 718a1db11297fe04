"""XGBoost."""

import numpy as np
import pytest
import xgboost
from xgboost.callback import EarlyStopping, LearningRateScheduler, TrainingCallback, TrainingCheckPoint

from stepwire.integrations.xgboost import StepwireCallback

PARAMS = {"max_depth": 2, "learning_rate": 0.25, "objective": "reg:squarederror"}


@pytest.fixture(scope="module")
def data():
    """Features and targets."""
    x = np.random.default_rng(0).normal(size=(200, 4))
    return x, x.sum(axis=1)


@pytest.fixture
def matrices(data):
    """Training and validation set."""
    x, y = data
    train, valid = xgboost.DMatrix(x[:150], y[:150]), xgboost.DMatrix(x[150:], y[150:])
    return {"dtrain": train, "evals": [(train, "train"), (valid, "valid")], "verbose_eval": False}


class Presser(TrainingCallback):
    """Presses a button of the dashboard after a round."""

    def __init__(self, dashboard, stepwire, command, at=3):
        super().__init__()
        self.dashboard, self.stepwire, self.command, self.at = dashboard, stepwire, command, at
        self.sent = None

    def after_iteration(self, model, epoch, evals_log):
        if epoch == self.at:
            self.sent = self.dashboard.press(self.stepwire.monitor.run_id, self.command)
        return False


def test_the_documented_program_works(example, dashboard):
    """The page's program: both sets' metrics per round, the booster's parameters as config, completed."""
    (run,) = example("XGBoost")
    assert (run["name"], run["status"], run["total_steps"]) == ("xgboost", "completed", 50)
    assert (run["config"]["max_depth"], run["config"]["learning_rate"]) == (3, pytest.approx(0.1))
    assert dashboard.names(run["id"]) == {"train/rmse", "valid/rmse", "learning_rate"}
    assert list(dashboard.points(run["id"], "valid/rmse")) == list(range(50))


def test_rounds_and_a_changing_learning_rate_are_xgboosts(dashboard, matrices):
    """Values are those of evals_result; a schedule shows in the learning rate."""
    result = {}
    stepwire = StepwireCallback("schedule")
    schedule = LearningRateScheduler([0.5, 0.25, 0.125])
    xgboost.train(PARAMS, num_boost_round=3, evals_result=result, callbacks=[schedule, stepwire], **matrices)
    stepwire.monitor.flush()
    run_id = stepwire.monitor.run_id
    assert dashboard.points(run_id, "valid/rmse") == dict(enumerate(result["valid"]["rmse"]))
    assert dashboard.points(run_id, "learning_rate") == {0: 0.5, 1: 0.25, 2: 0.125}


def test_stop_ends_the_training(dashboard, matrices):
    """STOP makes the callback return True: the model has the rounds until then."""
    stepwire = StepwireCallback("stopped")
    presser = Presser(dashboard, stepwire, "stop")
    model = xgboost.train(PARAMS, num_boost_round=1000, callbacks=[presser, stepwire], **matrices)
    stepwire.monitor.flush()
    assert model.num_boosted_rounds() == 4
    assert dashboard.run("stopped")["status"] == "interrupted"
    answer = dashboard.command(stepwire.monitor.run_id, presser.sent)
    assert (answer["state"], answer["step"]) == ("acknowledged", 3)


def test_checkpoints_and_the_best_round(dashboard, matrices, folder):
    """Files of TrainingCheckPoint are registered at their round; after an early stop the best round's is marked."""
    stepwire = StepwireCallback("saved", checkpoint_dir=folder)
    callbacks = [TrainingCheckPoint(folder, interval=1), EarlyStopping(2, min_delta=10, data_name="valid"), stepwire]
    model = xgboost.train(PARAMS, num_boost_round=50, callbacks=callbacks, **matrices)
    stepwire.monitor.flush()
    saved = dashboard.checkpoints(stepwire.monitor.run_id)
    assert [checkpoint["step"] for checkpoint in saved] == [1]  # XGBoost writes the first after its second round
    assert model.best_iteration == 0
    assert not saved[0]["is_best"]
    again = StepwireCallback("saved again", checkpoint_dir=folder)
    callbacks = [
        TrainingCheckPoint(folder, name="again", interval=1),
        EarlyStopping(3, min_delta=0.2, data_name="valid"),
        again,
    ]
    model = xgboost.train(PARAMS, num_boost_round=50, callbacks=callbacks, **matrices)
    again.monitor.flush()
    (best,) = [checkpoint for checkpoint in dashboard.checkpoints(again.monitor.run_id) if checkpoint["is_best"]]
    assert best["step"] == model.best_iteration > 0
    assert best["metrics"].keys() == {"train/rmse", "valid/rmse"}


def test_a_checkpoint_is_written_when_asked(dashboard, matrices, folder):
    """The command writes the model into the folder, and registers it; without a folder it is refused."""
    stepwire = StepwireCallback("asked", checkpoint_dir=folder / "new")
    presser = Presser(dashboard, stepwire, "save_checkpoint")
    xgboost.train(PARAMS, num_boost_round=6, callbacks=[presser, stepwire], **matrices)
    stepwire.monitor.flush()
    (checkpoint,) = dashboard.checkpoints(stepwire.monitor.run_id)
    assert checkpoint["step"] == 3
    assert xgboost.Booster(model_file=checkpoint["filepath"]).num_boosted_rounds() == 4
    stepwire = StepwireCallback("nowhere")
    presser = Presser(dashboard, stepwire, "save_checkpoint")
    xgboost.train(PARAMS, num_boost_round=6, callbacks=[presser, stepwire], **matrices)
    assert dashboard.command(stepwire.monitor.run_id, presser.sent)["state"] == "refused"


def test_the_scikit_learn_interface(dashboard, data):
    """XGBRegressor takes the callback; each fit is a run."""
    stepwire = StepwireCallback("regressor")
    model = xgboost.XGBRegressor(n_estimators=5, callbacks=[stepwire])
    for _ in range(2):
        model.fit(*data, eval_set=[data], verbose=False)
    stepwire.monitor.flush()
    runs = dashboard.runs(name="regressor")
    assert [run["status"] for run in runs] == ["completed", "completed"]
    assert all(list(dashboard.points(run["id"], "validation_0/rmse")) == list(range(5)) for run in runs)


def test_a_cross_validation_logs_means_and_deviations(dashboard, data):
    """xgboost.cv: mean over the folds, and the standard deviation beside it."""
    stepwire = StepwireCallback("folds")
    table = xgboost.cv(
        PARAMS, xgboost.DMatrix(*data), num_boost_round=3, nfold=3, callbacks=[stepwire], as_pandas=False
    )
    stepwire.monitor.flush()
    assert dashboard.points(stepwire.monitor.run_id, "test/rmse") == dict(enumerate(table["test-rmse-mean"]))
    assert dashboard.points(stepwire.monitor.run_id, "test/rmse/std") == dict(enumerate(table["test-rmse-std"]))


def test_a_broken_callback_harms_no_training(dashboard, matrices, caplog):
    """A run that was finished under the callback's feet: warnings, and all rounds are boosted."""
    stepwire = StepwireCallback("broken")

    class Breaker(TrainingCallback):
        def before_training(self, model):
            stepwire.monitor.finish()
            return model

    model = xgboost.train(PARAMS, num_boost_round=5, callbacks=[stepwire, Breaker()], **matrices)
    assert model.num_boosted_rounds() == 5
    assert "training goes on" in caplog.text


def test_only_worker_0_logs_and_all_stop(script, dashboard):
    """Two workers under a tracker: one run, and STOP ends both after the same round."""
    program = """
import multiprocessing
import numpy as np
import xgboost
from xgboost.tracker import RabitTracker
from stepwire.integrations.xgboost import StepwireCallback
from stepwire.protocol import CommandMessage


class Press(xgboost.callback.TrainingCallback):
    def __init__(self, stepwire):
        self.stepwire = stepwire

    def after_iteration(self, model, epoch, evals_log):
        if epoch == 2 and self.stepwire.monitor:
            self.stepwire.monitor._run.commands.receive(CommandMessage("c1", "r", "stop"))
        return False


def work(arguments, queue):
    with xgboost.collective.CommunicatorContext(**arguments):
        rank = xgboost.collective.get_rank()
        x = np.random.default_rng(rank).normal(size=(100, 4))
        data = xgboost.DMatrix(x, x.sum(axis=1))
        stepwire = StepwireCallback("two workers")
        model = xgboost.train({"nthread": 1}, data, 500, evals=[(data, "train")], verbose_eval=False, callbacks=[Press(stepwire), stepwire])
        queue.put((rank, model.num_boosted_rounds(), stepwire.monitor is not None))


if __name__ == "__main__":
    tracker = RabitTracker(host_ip="127.0.0.1", n_workers=2)
    tracker.start()
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=work, args=(tracker.worker_args(), queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = sorted(queue.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    assert found == [(0, 3, True), (1, 3, False)], found
"""
    (run,) = script(program)
    assert run["status"] == "interrupted"
    assert list(dashboard.points(run["id"], "train/rmse")) == [0, 1, 2]
