"""The GPUs of a host, whoever made them. No GPU, no driver and no library are no error: there are none then."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from stepwire.protocol import GpuProcess, GpuStatus
from stepwire.system.amd import open_amd
from stepwire.system.identity import sees_all_processes
from stepwire.system.nvml import open_nvml

_MAX_PROCESSES = 64  # told of each GPU


class Driver(Protocol):
    """The GPUs of one maker. A position counts among these; what a GPU does not answer is ``None``."""

    @property
    def count(self) -> int:
        """How many there are."""

    def name(self, position: int) -> str:
        """Return a GPU's model."""

    def status(self, position: int, index: int) -> GpuStatus:
        """Ask a GPU for all that is shown; ``index`` is its number on this host."""

    def processes(self, position: int) -> list[GpuProcess] | None:
        """Return who uses a GPU, the largest first; ``None`` where its driver does not tell."""

    def is_lost(self, position: int) -> bool:
        """Return whether a GPU was found to have fallen off the bus."""

    def visible(self, environment: Mapping[str, str]) -> set[int] | None:
        """Return the positions that the environment lets a process use; ``None`` when it does not say."""


class Gpus:
    """All GPUs of this host, numbered NVIDIA's first. Not thread-safe; each call may take long.

    Args:
        drivers: Who tells of them; those that this machine has when left out.
    """

    def __init__(self, drivers: Iterable[Driver] | None = None) -> None:
        found = (open_nvml(), open_amd()) if drivers is None else drivers
        self._sees_all = sees_all_processes()
        self._places = [
            (driver, position) for driver in found if driver is not None for position in range(driver.count)
        ]

    def sample(self) -> list[GpuStatus]:
        """Ask each GPU for all that is shown."""
        return [_bounded(driver.status(position, index)) for index, driver, position in self._numbered()]

    def memory_of(
        self, pids: Collection[int], environment: Mapping[str, str], known: Iterable[GpuStatus] | None = None
    ) -> dict[int, int]:
        """Return how many bytes of each GPU some processes hold together.

        A GPU that the environment gives them by name is told even if they hold nothing; others that they do not
        use are left out. Inside a container that numbers processes by itself, what a driver tells may be about
        other processes' numbers: there nothing found means nothing known.

        Args:
            pids: The processes.
            environment: Where ``CUDA_VISIBLE_DEVICES`` and the like are.
            known: What ``sample`` told just now, so that no GPU is asked twice.
        """
        users = self._users() if known is None else {gpu.index: gpu.processes for gpu in known}
        chosen = self._given(environment)
        held: dict[int, int] = {}
        for index, processes in users.items():
            mine = [user.memory for user in processes or () if user.pid in pids and user.memory is not None]
            if mine or (processes is not None and index in chosen):
                held[index] = sum(mine)
        return held

    def lost(self) -> dict[int, str]:
        """Return number and model of the GPUs that were found to have fallen off the bus."""
        return {
            index: driver.name(position) for index, driver, position in self._numbered() if driver.is_lost(position)
        }

    def is_visible(self, index: int, environment: Mapping[str, str]) -> bool:
        """Return whether a process with this environment may use a GPU."""
        driver, position = self._places[index]
        visible = driver.visible(environment)
        return visible is None or position in visible

    def _users(self) -> dict[int, list[GpuProcess] | None]:
        return {index: driver.processes(position) for index, driver, position in self._numbered()}

    def _given(self, environment: Mapping[str, str]) -> set[int]:
        if not self._sees_all:
            return set()
        return {
            index for index, driver, position in self._numbered() if position in (driver.visible(environment) or ())
        }

    def _numbered(self) -> Iterator[tuple[int, Driver, int]]:
        for index, (driver, position) in enumerate(self._places):
            yield index, driver, position


def lost_line(index: int, name: str) -> str:
    """Return the event's line that tells of a GPU that fell off the bus."""
    return f"GPU {index} ({name}) fell off the bus: the driver can't reach it any more. The kernel log has the Xid."


def _bounded(status: GpuStatus) -> GpuStatus:
    return replace(status, processes=status.processes[:_MAX_PROCESSES]) if status.processes else status
