"""Keras 3, on JAX."""

import keras
import numpy as np
import pytest

from stepwire import TrainingMonitor
from stepwire.integrations.keras import StepwireCallback

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


@pytest.fixture
def model():
    """A line, compiled with a decaying learning rate."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=8, decay_rate=0.5, staircase=True)
    model.compile(optimizer=keras.optimizers.SGD(schedule), loss="mse")
    return model


class Presser(keras.callbacks.Callback):
    """Presses a button of the dashboard after a batch; alone, it makes Keras tell batches one by one."""

    def __init__(self, dashboard, stepwire, command, at=5):
        super().__init__()
        self.dashboard, self.stepwire, self.command, self.at = dashboard, stepwire, command, at
        self.batches, self.sent = 0, None

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        if self.batches == self.at:
            self.sent = self.dashboard.press(self.stepwire.monitor.run_id, self.command)


def test_the_documented_program_works(example, dashboard):
    """The page's program: batches, epochs, validation, learning rate, checkpoints of which the last is best."""
    (run,) = example("Keras")
    assert (run["name"], run["status"], run["total_steps"]) == ("keras", "completed", 21)
    assert (run["config"]["optimizer"]["name"], run["config"]["epochs"], run["config"]["loss"]) == ("adam", 3, "mse")
    assert list(dashboard.points(run["id"], "batch/loss")) == list(range(1, 22))
    assert dashboard.points(run["id"], "epoch") == {7: 0, 14: 1, 21: 2}
    assert list(dashboard.points(run["id"], "val_loss")) == [7, 14, 21]
    assert dashboard.points(run["id"], "learning_rate")[21] == pytest.approx(0.001)
    saved = dashboard.checkpoints(run["id"])
    assert [checkpoint["step"] for checkpoint in saved] == [7, 14, 21]
    assert [checkpoint["is_best"] for checkpoint in saved] == [False, False, True]
    assert saved[2]["metrics"].keys() == {"loss", "val_loss"}


def test_values_are_kerases_own(dashboard, model):
    """What is logged after each epoch is what Keras' history has; the learning rate is the schedule's."""
    stepwire = StepwireCallback("history", log_batches=4)
    history = model.fit(X, Y, batch_size=8, epochs=3, verbose=0, validation_split=0.25, callbacks=[stepwire]).history
    stepwire.monitor.flush()
    run_id = stepwire.monitor.run_id
    assert dashboard.points(run_id, "loss") == dict(zip([6, 12, 18], history["loss"], strict=True))
    assert dashboard.points(run_id, "val_loss") == dict(zip([6, 12, 18], history["val_loss"], strict=True))
    assert list(dashboard.points(run_id, "batch/loss")) == [4, 10, 16]
    rates = dashboard.points(run_id, "learning_rate")
    assert [rates[6], rates[12], rates[18]] == pytest.approx([0.1, 0.05, 0.025])


def test_stop_ends_the_training_within_the_epoch(dashboard, model):
    """STOP sets stop_training after the batch; the run is interrupted."""
    stepwire = StepwireCallback("stopped")
    presser = Presser(dashboard, stepwire, "stop")
    model.fit(X, Y, batch_size=8, epochs=1000, verbose=0, callbacks=[presser, stepwire])
    assert (presser.batches, int(model.optimizer.iterations)) == (5, 5)
    stepwire.monitor.flush()
    assert dashboard.run("stopped")["status"] == "interrupted"
    dashboard.wait(lambda: dashboard.command(stepwire.monitor.run_id, presser.sent)["state"] == "acknowledged")


def test_stop_is_seen_where_keras_tells_batches_in_other_threads(dashboard, model):
    """Alone with async-safe callbacks Keras does not wait for ours; STOP ends the training all the same."""
    stepwire = StepwireCallback("stopped from a thread")

    class Presser(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                dashboard.press(stepwire.monitor.run_id, "stop")

    model.fit(X, Y, batch_size=8, epochs=1000, verbose=0, callbacks=[stepwire, Presser()])
    stepwire.monitor.flush()
    run = dashboard.run("stopped from a thread")
    assert run["status"] == "interrupted"
    assert 16 < int(model.optimizer.iterations) <= 24
    assert dashboard.points(run["id"], "batch/loss").keys() >= set(range(1, 17))
    assert list(dashboard.points(run["id"], "loss")) == [8, 16, int(model.optimizer.iterations)]


def test_a_checkpoint_is_written_when_asked(dashboard, model, folder):
    """The command saves the model at the end of the epoch, and registers it."""
    stepwire = StepwireCallback("asked")
    presser = Presser(dashboard, stepwire, "save_checkpoint")
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[presser, stepwire])
    stepwire.monitor.flush()
    (checkpoint,) = dashboard.checkpoints(stepwire.monitor.run_id)
    assert (checkpoint["step"], checkpoint["metrics"].keys()) == (8, {"loss"})
    assert keras.models.load_model(checkpoint["filepath"]).count_params() == 5


def test_each_fit_is_a_run_and_steps_go_on(dashboard, model):
    """A second fit makes a second run, whose steps continue the optimizer's."""
    stepwire = StepwireCallback("fitted twice")
    for _ in range(2):
        model.fit(X, Y, batch_size=8, epochs=1, verbose=0, callbacks=[stepwire])
    stepwire.monitor.flush()
    first, second = dashboard.runs(name="fitted twice")
    assert (first["status"], second["status"]) == ("completed", "completed")
    assert list(dashboard.points(second["id"], "batch/loss")) == list(range(9, 17))
    assert second["total_steps"] == 16


def test_a_monitor_of_the_users_own_is_left_to_them(dashboard, model):
    """Config and points go to it; its end is the user's."""
    with TrainingMonitor("my own", config={"mine": 1}) as monitor:
        model.fit(X, Y, batch_size=8, epochs=1, verbose=0, callbacks=[StepwireCallback(monitor)])
        monitor.flush()
        run = dashboard.run("my own")
        assert (run["status"], run["config"]["mine"], run["config"]["epochs"]) == ("running", 1, 1)
    assert dashboard.run("my own")["status"] == "completed"


def test_a_broken_callback_harms_no_training(dashboard, model, caplog):
    """A run that was finished under the callback's feet: warnings, and all batches are trained."""
    monitor = TrainingMonitor("broken")
    monitor.finish()
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[StepwireCallback(monitor)])
    assert int(model.optimizer.iterations) == 16
    assert "training goes on" in caplog.text
