"""Hugging Face Trainer."""

import textwrap
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

from stepwire import TrainingMonitor
from stepwire.integrations.transformers import StepwireCallback

pytestmark = pytest.mark.filterwarnings("ignore")
LINES = [{"input_ids": line, "labels": line} for line in torch.randint(0, 32, (64, 16))]


def trainer(callbacks, **arguments):
    """A trainer of two tiny layers on a list of lines."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=2, n_head=2))
    usual = {
        "output_dir": "out",
        "logging_steps": 2,
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "save_strategy": "no",
    }
    return Trainer(
        model, TrainingArguments(**usual | arguments), train_dataset=LINES, eval_dataset=LINES[:16], callbacks=callbacks
    )


class Presser(TrainerCallback):
    """Presses a button of the dashboard at a step."""

    def __init__(self, dashboard, stepwire, command, at=3):
        self.dashboard, self.stepwire, self.command, self.at = dashboard, stepwire, command, at
        self.sent = None

    def on_step_end(self, args, state, control, **_more):
        if state.global_step == self.at:
            self.sent = self.dashboard.press(self.stepwire.monitor.run_id, self.command)


def test_the_documented_program_works(example, dashboard):
    """The page's program: loss and learning rate each fifth step, checkpoints, arguments and model in the config."""
    (run,) = example("Hugging Face Trainer")
    assert (run["name"], run["status"], run["total_steps"]) == ("gpt2", "completed", 20)
    assert (run["config"]["max_steps"], run["config"]["model"]["n_embd"]) == (20, 16)
    assert list(dashboard.points(run["id"], "train/loss")) == [5, 10, 15, 20]
    assert list(dashboard.points(run["id"], "train/learning_rate")) == [5, 10, 15, 20]
    assert run["summary"]["epoch"]["last"] == 2.5
    assert [checkpoint["step"] for checkpoint in dashboard.checkpoints(run["id"])] == [10, 20]


def test_evaluations_and_the_best_checkpoint(dashboard, folder):
    """Metrics of an evaluation stand at its step and beside its checkpoint; the best is the trainer's."""
    stepwire = StepwireCallback("best", project="hf", tags=["tiny"])
    done = trainer(
        [stepwire],
        max_steps=12,
        eval_strategy="steps",
        eval_steps=4,
        save_strategy="steps",
        save_steps=4,
        load_best_model_at_end=True,
    )
    done.train()
    done.evaluate()
    stepwire.monitor.flush()
    run = dashboard.run("best")
    assert (run["status"], run["project"], run["tags"]) == ("completed", "hf", ["tiny"])
    history = {row["step"]: row["eval_loss"] for row in done.state.log_history if "eval_loss" in row}
    measured = dashboard.get(f"/api/runs/{run['id']}/metrics?key=eval/loss&raw=true")["keys"]["eval/loss"]
    assert measured["step"] == [4, 8, 12, 12]  # the last one by evaluate(), after the training
    saved = dashboard.checkpoints(run["id"])
    assert [checkpoint["metrics"]["eval_loss"] for checkpoint in saved] == [
        history[4],
        history[8],
        measured["value"][2],
    ]
    (best,) = [checkpoint for checkpoint in saved if checkpoint["is_best"]]
    assert Path(best["filepath"]) == Path(done.state.best_model_checkpoint).absolute()


@pytest.mark.parametrize("at", [3, 4])
def test_stop_ends_the_training(dashboard, folder, at):
    """STOP sets should_training_stop at the step; the run is interrupted, the command acknowledged."""
    stepwire = StepwireCallback(f"stopped at {at}")
    presser = Presser(dashboard, stepwire, "stop", at)
    done = trainer([presser, stepwire], max_steps=1000)
    done.train()
    assert done.state.global_step == at
    stepwire.monitor.flush()
    run = dashboard.run(f"stopped at {at}")
    assert run["status"] == "interrupted"
    dashboard.wait(lambda: dashboard.command(run["id"], presser.sent)["state"] == "acknowledged")


def test_save_and_evaluate_when_asked(dashboard, folder):
    """The commands set should_save and should_evaluate: a checkpoint and an evaluation at that very step."""
    stepwire = StepwireCallback("asked")
    pressers = [Presser(dashboard, stepwire, command) for command in ("save_checkpoint", "evaluate")]
    trainer([*pressers, stepwire], max_steps=5, eval_strategy="steps", eval_steps=1000).train()
    stepwire.monitor.flush()
    run = dashboard.run("asked")
    assert list(dashboard.points(run["id"], "eval/loss")) == [3, 5]  # the trainer evaluates at its end anyway
    (checkpoint,) = dashboard.checkpoints(run["id"])
    assert (checkpoint["step"], Path(checkpoint["filepath"]).name) == (3, "checkpoint-3")
    assert (Path(checkpoint["filepath"]) / "model.safetensors").exists()


def test_evaluate_without_an_evaluation_is_refused(dashboard, folder):
    """A trainer that never evaluates may have no data for it: refused with a reason, training goes on."""
    stepwire = StepwireCallback("nothing to evaluate")
    presser = Presser(dashboard, stepwire, "evaluate")
    done = trainer([presser, stepwire], max_steps=5)
    done.train()
    answer = dashboard.command(stepwire.monitor.run_id, presser.sent)
    assert (answer["state"], done.state.global_step) == ("refused", 5)
    assert "evaluate" in answer["message"]


def test_each_training_is_a_run_of_its_own(dashboard, folder):
    """A second train() with the same callback makes a second run; the first stays as it ended."""
    stepwire = StepwireCallback("twice")
    done = trainer([stepwire], max_steps=2)
    done.train()
    done.train()
    stepwire.monitor.flush()
    assert [run["status"] for run in dashboard.runs(name="twice")] == ["completed", "completed"]


def test_a_resumed_training_goes_on_counting(dashboard, folder):
    """With a monitor of the user's own, train(resume_from_checkpoint) continues at the trainer's step."""
    with TrainingMonitor("resumed") as monitor:
        trainer([StepwireCallback(monitor)], max_steps=4, save_strategy="steps", save_steps=4).train()
        trainer([StepwireCallback(monitor)], max_steps=8).train(resume_from_checkpoint=True)
    run = dashboard.run("resumed")
    assert list(dashboard.points(run["id"], "train/loss")) == [2, 4, 6, 8]
    assert (run["total_steps"], run["config"]["max_steps"]) == (8, 8)


def test_a_broken_callback_harms_no_training(dashboard, folder, caplog):
    """Metrics that nobody can store: a warning, and all steps are trained."""
    stepwire = StepwireCallback("broken")

    class Breaker(TrainerCallback):
        def on_train_begin(self, args, state, control, **_more):
            stepwire.monitor.finish()

    done = trainer([stepwire, Breaker()], max_steps=4)
    done.train()
    assert done.state.global_step == 4
    assert "training goes on" in caplog.text


def test_only_the_main_process_logs_and_both_stop(script, dashboard, folder):
    """Two processes by torchrun: one run, each step once, and STOP ends both at the next logged step."""
    program = textwrap.dedent("""
        import torch
        from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments
        from stepwire.integrations.transformers import StepwireCallback
        from stepwire.protocol import CommandMessage

        class Press(TrainerCallback):
            def on_step_end(self, args, state, control, **more):
                if state.global_step == 3 and stepwire.monitor:
                    stepwire.monitor._run.commands.receive(CommandMessage("c1", "r", "stop"))

        stepwire = StepwireCallback("two processes")
        lines = [{"input_ids": line, "labels": line} for line in torch.randint(0, 32, (256, 16))]
        model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=1, n_head=2))
        arguments = TrainingArguments("out", max_steps=500, logging_steps=2, report_to="none", use_cpu=True, save_strategy="no", ddp_backend="gloo")
        trainer = Trainer(model, arguments, train_dataset=lines, callbacks=[Press(), stepwire])
        trainer.train()
        assert trainer.args.world_size == 2
        assert trainer.state.global_step == 4, trainer.state.global_step
        assert (stepwire.monitor is None) == (trainer.args.process_index == 1)
    """)
    (folder / "program.py").write_text(program)
    (run,) = script(program, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "program.py")
    assert (run["name"], run["status"]) == ("two processes", "interrupted")
    assert list(dashboard.points(run["id"], "train/loss")) == [2, 4]
    assert len(dashboard.runs(name="two processes")) == 1
