"""scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from stepwire import TrainingMonitor
from stepwire.integrations.sklearn import log_estimator, log_search

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X.sum(axis=1) > 0).astype(int)


def test_the_documented_program_works(example, dashboard):
    """The page's program: a partial_fit loop with the estimator's parameters, and a search with its best ones."""
    loop, search = example("scikit-learn")
    assert (loop["status"], loop["config"]["estimator"], loop["config"]["params"]["eta0"]) == (
        "completed",
        "SGDRegressor",
        0.001,
    )
    assert list(dashboard.points(loop["id"], "val/r2")) == list(range(20))
    assert search["config"]["best_params"] in ({"eta0": 0.0001}, {"eta0": 0.001}, {"eta0": 0.01})
    assert dashboard.points(search["id"], "param_eta0") == {0: 0.0001, 1: 0.001, 2: 0.01}
    assert set(dashboard.points(search["id"], "rank_test_score").values()) == {1, 2, 3}


def test_a_pipelines_parameters_are_told_step_by_step(dashboard):
    """Nested estimators are named; their parameters stand by scikit-learn's names; the config of the start stays."""
    with TrainingMonitor("pipeline", config={"mine": 1}) as monitor:
        log_estimator(monitor, make_pipeline(StandardScaler(), SGDClassifier(alpha=0.5)))
    config = dashboard.run("pipeline")["config"]
    assert (config["mine"], config["estimator"]) == (1, "Pipeline")
    assert (config["params"]["sgdclassifier"], config["params"]["sgdclassifier__alpha"]) == ("SGDClassifier", 0.5)


def test_a_search_over_different_parameters_leaves_gaps(dashboard):
    """A parameter that a candidate does not have is no point; text parameters are left out."""
    search = GridSearchCV(SVC(), [{"kernel": ["linear"], "C": [1, 10]}, {"kernel": ["rbf"], "gamma": [0.1]}], cv=3).fit(
        X, Y
    )
    with TrainingMonitor("search") as monitor:
        log_search(monitor, search)
    run = dashboard.run("search")
    assert dashboard.points(run["id"], "param_C") == {0: 1, 1: 10}
    assert dashboard.points(run["id"], "param_gamma") == {2: 0.1}
    assert dashboard.points(run["id"], "mean_test_score") == dict(enumerate(search.cv_results_["mean_test_score"]))
    assert run["config"]["best_params"] == search.best_params_
    assert run["config"]["best_index"] == search.best_index_


def test_wrong_arguments_raise():
    """No estimator, and a search that was not fitted."""
    monitor = TrainingMonitor("wrong", mode="disabled")
    with pytest.raises(TypeError, match="estimator"):
        log_estimator(monitor, {"alpha": 1})
    with pytest.raises(TypeError, match="fitted"):
        log_search(monitor, GridSearchCV(SVC(), {"C": [1]}))
