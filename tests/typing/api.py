"""The public API as a type checker sees it: mypy reads this file, nothing runs it."""

from argparse import Namespace
from dataclasses import dataclass

from stepwire import TrainingMonitor
from stepwire.testing import MemoryTransport, running_server


def train(url: str) -> None:
    """Every public member with the types that users write."""
    with TrainingMonitor("typed", config={"lr": 1e-3}, dashboard_url=url, tags=("a",), total_steps=10) as monitor:
        monitor.define_metric("val/*", goal="min", rank="all")
        monitor.log_metrics({"loss": 0.5, "nested": {"acc": 1}}, step=1)
        checkpoint: str = monitor.save_checkpoint("model.npz", metrics={"loss": 0.5}, metadata={"epoch": 1}, step=1)
        monitor.mark_best_checkpoint(checkpoint)
        stop: bool = monitor.should_stop
        kept: bool = monitor.flush(5.0)
        address: str = monitor.url
        dropped: int = monitor.dropped
        if stop and kept and address and not dropped:
            monitor.update_config({"late": True})
            monitor.set_status("interrupted", "asked to")


def resume(url: str) -> None:
    """A run is taken up again."""
    monitor = TrainingMonitor.resume_or_create(
        "typed", "checkpoints", {"lr": 1e-3}, url, on_conflict="take", tags=("a",)
    )
    attempt: int = monitor.attempt
    path: str | None = monitor.last_checkpoint_path()
    if monitor.is_resumed and attempt > 1 and path is not None:
        monitor.rewind(monitor.get_last_checkpoint(trust=True)["step"])


@dataclass
class Options:
    """A config as a dataclass."""

    lr: float = 1e-3


def configure() -> None:
    """A config may be any object with attributes."""
    with TrainingMonitor("typed", Options()) as monitor:
        monitor.update_config(Namespace(lr=1e-3))
    TrainingMonitor.resume_or_create("typed", "checkpoints", Options())


def measure() -> None:
    """What a server in memory was told."""
    transport = MemoryTransport()
    with TrainingMonitor("typed", transport=transport):
        steps: list[float] = [step for step, _ in transport.points("loss")]
    assert steps == []


def check() -> None:
    """The server for tests."""
    with running_server() as server:
        train(server.url)
