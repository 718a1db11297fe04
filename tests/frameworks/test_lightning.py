"""Lightning: logger and callback."""

import textwrap

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from stepwire import TrainingMonitor
from stepwire.errors import InvalidError
from stepwire.integrations.lightning import StepwireCallback, StepwireLogger

pytestmark = pytest.mark.filterwarnings("ignore")
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False}


class Line(lightning.LightningModule):
    """Fits a line; ``fail_at`` raises in that batch."""

    def __init__(self, lr=0.1, fail_at=None):
        super().__init__()
        self.save_hyperparameters("lr")
        self.fail_at = fail_at
        self.layer = torch.nn.Linear(4, 1)

    def loss(self, batch):
        return (self.layer(batch) - batch.sum(1, keepdim=True)).square().mean()

    def training_step(self, batch, index):
        if index == self.fail_at:
            raise FloatingPointError("as planned")
        loss = self.loss(batch)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch, _index):
        self.log("val/loss", self.loss(batch))

    def test_step(self, batch, _index):
        self.log("test/loss", self.loss(batch))

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
        return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)]


def batches(count=16):
    return torch.utils.data.DataLoader(torch.randn(count * 8, 4), batch_size=8)


class Presser(lightning.Callback):
    """Presses a button of the dashboard in one batch."""

    def __init__(self, dashboard, logger, command, at=5):
        self.dashboard, self.logger, self.command, self.at = dashboard, logger, command, at
        self.sent = None

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        if trainer.global_step == self.at:
            self.sent = self.dashboard.press(self.logger.version, self.command)


def test_the_documented_program_works(example, dashboard):
    """The page's program: hyperparameters, loss, learning rate, a checkpoint, planned steps, completed."""
    (run,) = example("Lightning")
    assert (run["name"], run["status"], run["config"], run["total_steps"]) == (
        "lightning",
        "completed",
        {"lr": 0.1},
        32,
    )
    assert list(dashboard.points(run["id"], "train/loss")) == [3, 7, 11, 15, 19, 23, 27, 31]
    assert set(dashboard.points(run["id"], "learning_rate").values()) == {0.1}
    saved = dashboard.checkpoints(run["id"])
    assert [(checkpoint["step"], checkpoint["is_best"]) for checkpoint in saved] == [(16, False), (32, False)]
    assert saved[-1]["verdict"] == "registered"


def test_epochs_validation_best_checkpoint_and_test(dashboard, folder):
    """Steps and epochs are Lightning's, the best checkpoint is its best one, and a test goes to the same run."""
    logger = StepwireLogger("fit and test", config={"mine": 1})
    saving = ModelCheckpoint(folder, monitor="val/loss", save_top_k=-1, save_last=True)
    trainer = lightning.Trainer(
        max_epochs=3, logger=logger, callbacks=[saving, StepwireCallback()], log_every_n_steps=8, **QUIET
    )
    trainer.fit(Line(lr=0.02), batches(), batches(2))
    trainer.test(trainer.lightning_module, batches(2), verbose=False)
    logger.experiment.flush()
    run = dashboard.run("fit and test")
    assert (run["status"], run["config"], run["total_steps"]) == ("completed", {"mine": 1, "lr": 0.02}, 48)
    assert list(dashboard.points(run["id"], "train/loss")) == [7, 15, 23, 31, 39, 47]
    assert dashboard.points(run["id"], "learning_rate")[39] == pytest.approx(0.005)
    assert set(dashboard.points(run["id"], "test/loss")) == {48}
    saved = dashboard.checkpoints(run["id"])
    assert [checkpoint["step"] for checkpoint in saved] == [16, 32, 48]
    (best,) = [checkpoint for checkpoint in saved if checkpoint["is_best"]]
    assert best["filepath"] == saving.best_model_path
    assert best["metrics"] == {"val/loss": pytest.approx(saving.best_model_score.item())}


def test_stop_ends_the_training(dashboard, folder):
    """STOP sets the trainer's should_stop after the batch; the run is interrupted."""
    logger = StepwireLogger("stopped")
    presser = Presser(dashboard, logger, "stop")
    trainer = lightning.Trainer(
        max_epochs=1000, logger=logger, callbacks=[presser, StepwireCallback()], enable_checkpointing=False, **QUIET
    )
    trainer.fit(Line(), batches())
    assert (trainer.global_step, trainer.should_stop) == (5, True)
    logger.experiment.flush()
    run = dashboard.run("stopped")
    assert run["status"] == "interrupted"
    dashboard.wait(lambda: dashboard.command(run["id"], presser.sent)["state"] == "acknowledged")


def test_a_checkpoint_is_written_when_asked(dashboard, folder):
    """The command writes a checkpoint that Lightning can load, and registers it."""
    logger = StepwireLogger("asked")
    presser = Presser(dashboard, logger, "save_checkpoint")
    trainer = lightning.Trainer(
        max_epochs=1, logger=logger, callbacks=[presser, StepwireCallback(folder)], enable_checkpointing=False, **QUIET
    )
    trainer.fit(Line(), batches())
    logger.experiment.flush()
    (checkpoint,) = dashboard.checkpoints(logger.version)
    assert checkpoint["step"] == 5
    assert Line.load_from_checkpoint(checkpoint["filepath"]).hparams.lr == 0.1


def test_evaluate_is_refused_with_a_reason(dashboard, folder):
    """Lightning has no hook for an evaluation: the command is refused, and training goes on."""
    logger = StepwireLogger("refused")
    presser = Presser(dashboard, logger, "evaluate")
    trainer = lightning.Trainer(
        max_epochs=1, logger=logger, callbacks=[presser, StepwireCallback()], enable_checkpointing=False, **QUIET
    )
    trainer.fit(Line(), batches())
    answer = dashboard.command(logger.version, presser.sent)
    assert (answer["state"], trainer.global_step) == ("refused", 16)
    assert "evaluate" in answer["message"]


def test_what_the_training_raises_is_the_runs_end(dashboard, folder):
    """The run has failed, with the traceback, and the exception reaches the user; the next fit is a new run."""
    logger = StepwireLogger("raised")
    trainer = lightning.Trainer(
        max_epochs=1, logger=logger, callbacks=[StepwireCallback()], enable_checkpointing=False, **QUIET
    )
    with pytest.raises(FloatingPointError, match="as planned"):
        trainer.fit(Line(fail_at=3), batches())
    run = dashboard.run("raised")
    assert (run["status"], run["reason"]) == ("failed", "FloatingPointError")
    assert "as planned" in dashboard.events(run["id"], "traceback")[0]["message"]
    trainer = lightning.Trainer(
        max_epochs=1, logger=logger, callbacks=[StepwireCallback()], enable_checkpointing=False, **QUIET
    )
    trainer.fit(Line(), batches())
    logger.experiment.flush()
    assert [found["status"] for found in dashboard.runs(name="raised")] == ["failed", "completed"]


def test_a_monitor_of_the_users_own_is_left_to_them(dashboard, folder):
    """Config and points go to it, its end is the user's; its own handler for a command stays."""
    with TrainingMonitor("my own") as monitor:
        monitor.on("save_checkpoint", lambda _args: "mine")
        logger = StepwireLogger(monitor, prefix="pl")
        presser = Presser(dashboard, logger, "save_checkpoint")
        trainer = lightning.Trainer(
            max_epochs=1,
            logger=logger,
            callbacks=[presser, StepwireCallback(folder)],
            enable_checkpointing=False,
            log_every_n_steps=4,
            **QUIET,
        )
        trainer.fit(Line(), batches())
        monitor.flush()
        run = dashboard.run("my own")
        assert (run["status"], run["config"], run["total_steps"]) == ("running", {"lr": 0.1}, 16)
        assert "pl/train/loss" in dashboard.names(run["id"])
        dashboard.wait(lambda: dashboard.command(run["id"], presser.sent)["message"] == "mine")
    assert list(folder.glob("*.ckpt")) == []


def test_a_broken_callback_harms_no_training(dashboard, folder, caplog):
    """A run that was finished under the logger's feet: warnings, no exception, all steps trained."""
    monitor = TrainingMonitor("finished too early")
    logger = StepwireLogger(monitor)
    monitor.finish()
    trainer = lightning.Trainer(
        max_epochs=1,
        logger=logger,
        callbacks=[StepwireCallback()],
        enable_checkpointing=False,
        log_every_n_steps=1,
        **QUIET,
    )
    trainer.fit(Line(), batches())
    assert trainer.global_step == 16
    assert "training goes on" in caplog.text


@pytest.mark.parametrize(
    ("options", "error"),
    [({"projekt": "x"}, TypeError), ({"project": 3}, TypeError), ({"run_id": "a b"}, InvalidError)],
)
def test_wrong_arguments_raise_at_once(options, error):
    """Misuse is told where it is made, not in the first batch."""
    with pytest.raises(error):
        StepwireLogger("wrong", **options)


def test_only_rank_0_logs_and_all_ranks_stop_and_save_together(script, dashboard, folder):
    """Two processes: one run, a checkpoint asked for, a stop in both, and each step once."""
    program = textwrap.dedent("""
        import lightning, torch
        from lightning.pytorch.strategies import DDPStrategy
        from stepwire.integrations.lightning import StepwireCallback, StepwireLogger

        class Line(lightning.LightningModule):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(4, 1)
            def training_step(self, batch, index):
                loss = self.layer(batch).square().mean()
                self.log("loss", loss)
                return loss
            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=0.1)

        class Press(lightning.Callback):
            def on_train_batch_end(self, trainer, module, outputs, batch, index):
                if trainer.global_step == 3 and trainer.is_global_zero:
                    commands = logger.experiment._run.commands
                    from stepwire.protocol import CommandMessage
                    commands.receive(CommandMessage("c1", "r", "save_checkpoint"))
                    commands.receive(CommandMessage("c2", "r", "stop"))

        logger = StepwireLogger("two ranks")
        data = torch.utils.data.DataLoader(torch.randn(800, 4), batch_size=4)
        trainer = lightning.Trainer(
            max_epochs=50, logger=logger, callbacks=[Press(), StepwireCallback("saved")], log_every_n_steps=4,
            accelerator="cpu", devices=2, strategy=DDPStrategy(process_group_backend="gloo"),
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        )
        trainer.fit(Line(), data)
        assert trainer.global_step == 4, trainer.global_step
        assert trainer.is_global_zero == (logger.version is not None)
    """)
    (run,) = script(program)
    assert run["status"] == "interrupted"
    assert list(dashboard.points(run["id"], "loss")) == [3]
    (checkpoint,) = dashboard.checkpoints(run["id"])
    assert (checkpoint["step"], checkpoint["verdict"]) == (4, "registered")
    assert len(dashboard.runs(name="two ranks")) == 1


def test_the_last_checkpoint_counts_where_it_is_the_only_one(dashboard, folder):
    """With save_last alone there is no other file: it is registered when Lightning writes it, at the end."""
    logger = StepwireLogger("last only")
    saving = ModelCheckpoint(folder, save_top_k=0, save_last=True)
    trainer = lightning.Trainer(max_epochs=2, logger=logger, callbacks=[saving, StepwireCallback()], **QUIET)
    trainer.fit(Line(), batches())
    logger.experiment.flush()
    saved = dashboard.checkpoints(logger.version)
    assert [(checkpoint["step"], checkpoint["filepath"]) for checkpoint in saved] == [(32, saving.last_model_path)]


def test_a_checkpoint_saved_on_an_exception_belongs_to_the_run(dashboard, folder):
    """ModelCheckpoint saves when training raises, after the callbacks were told: it is registered, the run has failed."""
    logger = StepwireLogger("saved while failing")
    saving = ModelCheckpoint(folder, save_on_exception=True)
    trainer = lightning.Trainer(max_epochs=1, logger=logger, callbacks=[saving, StepwireCallback()], **QUIET)
    with pytest.raises(FloatingPointError):
        trainer.fit(Line(fail_at=3), batches())
    run = dashboard.run("saved while failing")
    (checkpoint,) = dashboard.checkpoints(run["id"])
    assert (run["status"], checkpoint["step"], checkpoint["verdict"]) == ("failed", 3, "registered")
