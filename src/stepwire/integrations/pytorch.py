"""Plain PyTorch: the learning rates of an optimizer. The rest of a loop is ``log_metrics``.

>>> log_optimizer(monitor, optimizer, step)  # doctest: +SKIP
"""

from typing import Any, Protocol

from stepwire.client.monitor import TrainingMonitor


class Optimizer(Protocol):
    """An optimizer of torch, as far as it is read here."""

    param_groups: list[dict[str, Any]]


def learning_rates(*optimizers: Optimizer) -> dict[str, Any]:
    """Return ``learning_rate``; of several parameter groups ``learning_rate/0``, ``learning_rate/1`` …

    A group with a ``name`` is called by it. A rate that is a tensor is not fetched from its device.
    """
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    if len(groups) == 1:
        return {"learning_rate": groups[0]["lr"]}
    return {f"learning_rate/{group.get('name', place)}": group["lr"] for place, group in enumerate(groups)}


def log_optimizer(monitor: TrainingMonitor, optimizer: Optimizer, step: float) -> None:
    """Log the learning rates of ``optimizer`` at a step. Raises as ``log_metrics``."""
    monitor.log_metrics(learning_rates(optimizer), step=step)
