"""Hugging Face Accelerate."""

import accelerate

from stepwire.integrations.accelerate import StepwireTracker


def test_the_documented_program_works(example, dashboard):
    """The page's program: 100 losses, the tracker's config, completed by end_training."""
    (run,) = example("Accelerate")
    assert (run["name"], run["status"], run["config"]) == ("accelerate", "completed", {"lr": 0.1})
    assert list(dashboard.points(run["id"], "loss")) == list(range(100))


def test_numbers_are_kept_and_stop_is_seen(dashboard):
    """Text among the values is left out; STOP shows in should_stop and makes the run interrupted."""
    tracker = StepwireTracker("tracked", project="acc")
    accelerator = accelerate.Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers("ignored")
    for step in range(1000):
        accelerator.log({"loss": 1.0 / (step + 1), "note": "text", "nested": {"a": step}}, step=step)
        if step == 5:
            dashboard.press(tracker.tracker.run_id, "stop")
        if tracker.should_stop:
            accelerator.set_trigger()
        if accelerator.check_trigger():
            break
    accelerator.end_training()
    run = dashboard.run("tracked")
    assert (run["status"], run["project"]) == ("interrupted", "acc")
    assert list(dashboard.points(run["id"], "nested/a")) == [0, 1, 2, 3, 4, 5]
    assert dashboard.names(run["id"]) == {"loss", "nested/a"}


def test_only_the_main_process_logs_and_both_stop(script, dashboard, folder):
    """Two processes by torchrun: one run, each step once, and STOP ends both at the same step."""
    program = """
import accelerate
from stepwire.integrations.accelerate import StepwireTracker
from stepwire.protocol import CommandMessage

tracker = StepwireTracker("two accelerated")
accelerator = accelerate.Accelerator(cpu=True, log_with=tracker)
accelerator.init_trackers("ignored", config={"lr": 1})
assert accelerator.num_processes == 2
assert (tracker.tracker is not None) == accelerator.is_main_process
for step in range(1000):
    accelerator.log({"loss": 1.0}, step=step)
    if step == 4 and accelerator.is_main_process:
        tracker.tracker._run.commands.receive(CommandMessage("c1", "r", "stop"))
    if tracker.should_stop:
        accelerator.set_trigger()
    if accelerator.check_trigger():
        break
assert step == 4, step
accelerator.end_training()
"""
    (run,) = script(program, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "program.py")
    assert (run["status"], run["config"]) == ("interrupted", {"lr": 1})
    assert list(dashboard.points(run["id"], "loss")) == [0, 1, 2, 3, 4]
    assert len(dashboard.runs(name="two accelerated")) == 1
