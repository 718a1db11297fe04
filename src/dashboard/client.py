"""``from dashboard.client import TrainingMonitor``: the same class as ``stepwire.TrainingMonitor``."""

from stepwire.client.monitor import TrainingMonitor

__all__ = ["TrainingMonitor"]
