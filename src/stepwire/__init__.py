"""Stepwire: the live terminal for training runs.

>>> from stepwire import TrainingMonitor  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from stepwire.version import __version__

__all__ = ["TrainingMonitor", "__version__"]

if TYPE_CHECKING:
    from stepwire.client.monitor import TrainingMonitor


def __getattr__(name: str) -> Any:
    """Load ``TrainingMonitor`` on first use: ``import stepwire`` alone costs next to nothing."""
    if name == "TrainingMonitor":
        from stepwire.client.monitor import TrainingMonitor

        return TrainingMonitor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
