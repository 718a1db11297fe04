"""Stable-Baselines3."""

import pytest
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback, EvalCallback
from stable_baselines3.common.monitor import Monitor

from stepwire.integrations.stable_baselines3 import StepwireCallback

pytestmark = pytest.mark.filterwarnings("ignore")


def ppo(**more):
    return PPO(
        "MlpPolicy",
        "CartPole-v1",
        **{"n_steps": 64, "batch_size": 64, "n_epochs": 1, "device": "cpu", "seed": 0} | more,
    )


class Presser(BaseCallback):
    """Presses a button of the dashboard at a step."""

    def __init__(self, dashboard, stepwire, command, at=70):
        super().__init__()
        self.dashboard, self.stepwire, self.command, self.at = dashboard, stepwire, command, at
        self.sent = None

    def _on_step(self):
        if self.num_timesteps == self.at:
            self.sent = self.dashboard.press(self.stepwire.monitor.run_id, self.command)
        return True


def test_the_documented_program_works(example, dashboard):
    """The page's program: SB3's own metrics at its steps, each checkpoint with its step, the algorithm as config."""
    (run,) = example("Stable-Baselines3")
    assert (run["name"], run["status"], run["total_steps"]) == ("cartpole", "completed", 512)
    assert (run["config"]["algorithm"], run["config"]["n_steps"], run["config"]["learning_rate"]) == ("PPO", 64, 0.0003)
    assert list(dashboard.points(run["id"], "rollout/ep_rew_mean")) == [64 * at for at in range(1, 9)]
    assert set(dashboard.points(run["id"], "train/learning_rate").values()) == {0.0003}
    assert [checkpoint["step"] for checkpoint in dashboard.checkpoints(run["id"])] == [128, 256, 384, 512]


@pytest.mark.parametrize("is_first", [True, False])
def test_the_best_model_of_an_evaluation_is_marked(dashboard, folder, is_first):
    """EvalCallback's best_model.zip is registered when written, whoever of the two callbacks comes first."""
    name = f"evaluated, first {is_first}"
    stepwire = StepwireCallback(name)
    import gymnasium

    evaluation = EvalCallback(
        Monitor(gymnasium.make("CartPole-v1")), eval_freq=100, n_eval_episodes=1, best_model_save_path="best", verbose=0
    )
    ppo().learn(256, callback=[stepwire, evaluation] if is_first else [evaluation, stepwire])
    stepwire.monitor.flush()
    run = dashboard.run(name)
    saved = dashboard.checkpoints(run["id"])
    assert saved[0]["step"] in (100, 101)
    (best,) = [checkpoint for checkpoint in saved if checkpoint["is_best"]]
    assert best["id"] == saved[-1]["id"]
    assert best["metrics"] == {"eval/mean_reward": evaluation.best_mean_reward}
    assert "eval/mean_reward" in dashboard.names(run["id"])


@pytest.mark.parametrize("algorithm", ["PPO", "DQN"])
def test_stop_ends_the_training(dashboard, folder, algorithm):
    """STOP makes the callback return False: on-policy and off-policy training end at that step."""
    stepwire = StepwireCallback(f"stopped {algorithm}")
    presser = Presser(dashboard, stepwire, "stop")
    model = ppo() if algorithm == "PPO" else DQN("MlpPolicy", "CartPole-v1", device="cpu", seed=0)
    model.learn(100_000, callback=[presser, stepwire])
    assert model.num_timesteps == 70
    stepwire.monitor.flush()
    run = dashboard.run(f"stopped {algorithm}")
    assert run["status"] == "interrupted"
    dashboard.wait(lambda: dashboard.command(run["id"], presser.sent)["state"] == "acknowledged")


def test_a_checkpoint_is_written_when_asked(dashboard, folder):
    """The command saves the model beside those of CheckpointCallback, and registers it once."""
    stepwire = StepwireCallback("asked")
    presser = Presser(dashboard, stepwire, "save_checkpoint")
    saving = CheckpointCallback(save_freq=64, save_path="models")
    ppo().learn(128, callback=[presser, saving, stepwire])
    stepwire.monitor.flush()
    saved = dashboard.checkpoints(stepwire.monitor.run_id)
    assert [checkpoint["step"] for checkpoint in saved] == [64, 70, 128]
    assert PPO.load(saved[1]["filepath"], device="cpu").n_steps == 64


def test_without_a_folder_a_checkpoint_is_refused(dashboard, folder):
    """Nobody said where to: refused, and training goes on."""
    stepwire = StepwireCallback("no folder")
    presser = Presser(dashboard, stepwire, "save_checkpoint")
    model = ppo()
    model.learn(128, callback=[presser, stepwire])
    assert dashboard.command(stepwire.monitor.run_id, presser.sent)["state"] == "refused"
    assert model.num_timesteps == 128


def test_a_second_learn_is_a_second_run(dashboard, folder):
    """Each learn() is a run; nothing is written twice, although the model keeps its logger."""
    stepwire = StepwireCallback("learned twice")
    model = ppo()
    model.learn(64, callback=stepwire)
    model.learn(64, callback=stepwire, reset_num_timesteps=False)
    stepwire.monitor.flush()
    first, second = dashboard.runs(name="learned twice")
    assert list(dashboard.points(first["id"], "time/iterations")) == [64]
    assert list(dashboard.points(second["id"], "time/iterations")) == [128]


def test_a_broken_callback_harms_no_training(dashboard, folder, caplog):
    """A run that was finished under the callback's feet: warnings, and all steps are trained."""
    stepwire = StepwireCallback("broken")

    class Breaker(BaseCallback):
        def _on_training_start(self):
            stepwire.monitor.finish()

        def _on_step(self):
            return True

    model = ppo()
    model.learn(128, callback=[stepwire, Breaker()])
    assert model.num_timesteps == 128
    assert "training goes on" in caplog.text
