"""scikit-learn, which has no callbacks: parameters of an estimator, results of a search.

>>> log_estimator(monitor, model)  # doctest: +SKIP
>>> log_search(monitor, search.fit(x, y))  # doctest: +SKIP

A ``partial_fit`` or ``warm_start`` loop logs by ``log_metrics``.
"""

from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator

from stepwire.client.monitor import TrainingMonitor
from stepwire.integrations.scalars import is_scalar


def log_estimator(monitor: TrainingMonitor, estimator: BaseEstimator) -> None:
    """Add an estimator's class and parameters, those of the steps of a pipeline too, to the run's config.

    Raises:
        TypeError: Not an estimator.
    """
    if not hasattr(estimator, "get_params"):
        raise TypeError(f"estimator must be an estimator of scikit-learn, not {type(estimator).__name__}")
    monitor.update_config({"estimator": type(estimator).__name__, "params": _plain(estimator.get_params(deep=True))})


def log_search(monitor: TrainingMonitor, search: Any) -> None:
    """Log the results of a fitted ``GridSearchCV``, ``RandomizedSearchCV`` or halving search.

    Each candidate is one point: its step is its place in ``cv_results_``, its metrics are the numbers there
    (``mean_test_score``, ``mean_fit_time``, ``param_C`` …). The best one's parameters go into the config.

    Raises:
        TypeError: The search has no ``cv_results_``: it was not fitted.
    """
    if not hasattr(search, "cv_results_"):
        raise TypeError(f"search must be a fitted search of scikit-learn; this {type(search).__name__} has no results")
    columns = {name: column for name, column in search.cv_results_.items() if name != "params"}
    for place in range(len(search.cv_results_["params"])):
        row = {name: column[place] for name, column in columns.items()}
        monitor.log_metrics({name: value for name, value in row.items() if _is_given(value)}, step=place)
    if hasattr(search, "best_index_"):
        best = search.cv_results_["params"][search.best_index_]
        monitor.update_config({"best_index": int(search.best_index_), "best_params": _plain(best)})


def _is_given(value: Any) -> bool:
    return is_scalar(value) and not getattr(value, "mask", False)  # masked: a parameter of other candidates


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: type(value).__name__ if hasattr(value, "get_params") else value for name, value in params.items()}
