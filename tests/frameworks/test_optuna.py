"""Optuna."""

import optuna

from stepwire.integrations.optuna import StepwireCallback

optuna.logging.set_verbosity(optuna.logging.WARNING)


def objective(trial):
    """A parabola in five reported steps; trial 2 is pruned, trial 3 fails."""
    x = trial.suggest_float("x", -1, 1)
    for step in range(5):
        trial.report(x * x + 1 / (step + 1), step)
        if trial.number == 2 and step == 2:
            raise optuna.TrialPruned
    if trial.number == 3:
        raise FloatingPointError
    return x * x


def test_the_documented_program_works(example, dashboard):
    """The page's program: a study of six trials in one group, each trial live, the best value falling."""
    study, *trials = example("Optuna")
    assert (study["name"], study["status"], study["group"]) == ("search", "completed", "search")
    assert [run["name"] for run in trials] == [f"search {at}" for at in range(6)]
    assert {run["group"] for run in trials} == {"search"}
    assert {run["status"] for run in trials} <= {"completed", "interrupted"}
    best = list(dashboard.points(study["id"], "best_value").values())
    assert len(best) == 6
    assert best == sorted(best, reverse=True)
    assert all("lr" in run["config"]["params"] and dashboard.points(run["id"], "loss") for run in trials)


def test_each_trial_is_told_afterwards_with_its_end(dashboard):
    """Without a live monitor: reported values, result, parameters and the state of each trial."""
    stepwire = StepwireCallback("told", project="hpo", config={"data": "none"})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=5, callbacks=[stepwire], catch=(FloatingPointError,))
    stepwire.finish()
    trials = [dashboard.run(f"told {at}") for at in range(5)]
    assert [(run["status"], run["reason"]) for run in trials] == [
        ("completed", None),
        ("completed", None),
        ("interrupted", "pruned"),
        ("failed", "the trial failed"),
        ("completed", None),
    ]
    assert dashboard.points(trials[2]["id"], "intermediate") == study.trials[2].intermediate_values
    assert dashboard.points(trials[0]["id"], "value") == {4: study.trials[0].value}
    assert trials[1]["config"] == {"data": "none", "trial": 1, "params": study.trials[1].params}
    run = dashboard.run("told")
    assert (run["project"], run["config"]["sampler"], run["config"]["directions"]) == (
        "hpo",
        "RandomSampler",
        ["minimize"],
    )
    assert dashboard.points(run["id"], "value") == {at: study.trials[at].value for at in (0, 1, 4)}
    assert dashboard.points(run["id"], "params/x") == {trial.number: trial.params["x"] for trial in study.trials}
    assert dashboard.points(run["id"], "best_value")[4] == study.best_value


def test_stop_on_the_study_ends_it(dashboard):
    """STOP on the study's run calls study.stop(): the running trial is the last."""
    stepwire = StepwireCallback("stopped")

    def press(study, trial):
        if trial.number == 1:
            dashboard.press(stepwire.study_monitor.run_id, "stop")

    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1000, callbacks=[stepwire, press])
    stepwire.finish()
    assert len(study.trials) == 3
    assert dashboard.run("stopped")["status"] == "interrupted"


def test_stop_on_a_trial_ends_that_trial(dashboard):
    """The trial's own monitor sees STOP; the study goes on with the next trial."""
    stepwire = StepwireCallback("one stopped")

    def objective(trial):
        monitor = stepwire.monitor(trial)
        assert stepwire.monitor(trial) is monitor
        for step in range(100):
            monitor.log_metrics({"loss": 1 / (step + 1)}, step)
            if trial.number == 0 and step == 3:
                dashboard.press(monitor.run_id, "stop")
            if monitor.should_stop:
                raise optuna.TrialPruned
        return trial.suggest_float("late", 0, 1)

    study = optuna.create_study()
    study.optimize(objective, n_trials=2, callbacks=[stepwire])
    stepwire.finish()
    first, second = dashboard.run("one stopped 0"), dashboard.run("one stopped 1")
    assert (first["status"], list(dashboard.points(first["id"], "loss"))) == ("interrupted", [0, 1, 2, 3])
    assert (second["status"], second["config"]["params"]) == ("completed", study.trials[1].params)


def test_several_objectives_and_threads(dashboard):
    """Values have the study's names or numbers; trials of several threads do not mix."""
    stepwire = StepwireCallback("pareto")
    study = optuna.create_study(directions=["minimize", "maximize"])

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        stepwire.monitor(trial).log_metrics({"x": x}, step=trial.number)
        return x, 1 - x

    study.optimize(objective, n_trials=8, n_jobs=4, callbacks=[stepwire])
    stepwire.finish()
    run = dashboard.run("pareto")
    assert dashboard.points(run["id"], "values/1") == {trial.number: trial.values[1] for trial in study.trials}
    for trial in study.trials:
        own = dashboard.run(f"pareto {trial.number}")
        assert dashboard.points(own["id"], "x") == {trial.number: trial.params["x"]}


def test_a_broken_callback_harms_no_study(dashboard, caplog):
    """Parameters that nobody can store harm no trial: the study is optimized to its end."""
    stepwire = StepwireCallback("broken")

    def breaker(study, trial):
        if trial.number == 0:
            stepwire.study_monitor.finish()

    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3, callbacks=[stepwire, breaker])
    assert len(study.trials) == 3
    assert "training goes on" in caplog.text
