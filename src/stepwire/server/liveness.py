"""Whether the process behind a running run is still there: links, silence, and the process itself.

A run that was never opened by a training script (made by REST) is not judged.
"""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

from stepwire.protocol import CommandMessage


class ScriptLink(Protocol):
    """A connected training script, as far as others need it."""

    def offer(self, message: Any) -> None:
        """Queue a message for the script."""
        ...


@dataclass(slots=True)
class _Life:
    heard: float
    links: set[ScriptLink] = field(default_factory=set)


class Liveness:
    """The links of each run, and when it was last heard. Runs on the event loop.

    Args:
        clock: Monotonic seconds.
        silent_seconds: Without a frame for this long a run is disconnected.
        crashed_seconds: And this much later it is crashed.
    """

    def __init__(self, clock: Callable[[], float], silent_seconds: float, crashed_seconds: float) -> None:
        self._clock = clock
        self._silent = silent_seconds
        self._crashed = crashed_seconds
        self._lives: dict[str, _Life] = {}

    def expect(self, run_ids: Iterable[str]) -> None:
        """Runs that were running before this server started: they get the full time to come back."""
        for run_id in run_ids:
            self._lives.setdefault(run_id, _Life(self._clock()))

    def join(self, run_id: str, link: ScriptLink) -> None:
        """A script connected."""
        self.hear(run_id)
        self._lives[run_id].links.add(link)

    def leave(self, run_id: str, link: ScriptLink) -> None:
        """A script's socket is gone."""
        if run_id in self._lives:
            self._lives[run_id].links.discard(link)

    def hear(self, run_id: str) -> None:
        """A frame came."""
        self._lives.setdefault(run_id, _Life(self._clock())).heard = self._clock()

    def keep(self, running: Set[str]) -> None:
        """Forget the runs that ended and whose scripts are gone."""
        for run_id in [run_id for run_id, life in self._lives.items() if run_id not in running and not life.links]:
            del self._lives[run_id]

    def deliver(self, command: CommandMessage) -> bool:
        """Hand a command to the run's scripts; ``False`` when none is connected."""
        life = self._lives.get(command.run_id)
        for link in life.links if life else ():
            link.offer(command)
        return bool(life and life.links)

    def is_known(self, run_id: str) -> bool:
        """Whether a script ever opened this run, as far as this server knows."""
        return run_id in self._lives

    def is_connected(self, run_id: str) -> bool:
        """A socket is open."""
        return bool(self._lives[run_id].links)

    def is_disconnected(self, run_id: str) -> bool:
        """Not a word for ``silent_seconds``, socket or not."""
        return self._clock() - self._lives[run_id].heard > self._silent

    def is_crashed(self, run_id: str) -> bool:
        """Disconnected for so long that nobody is expected any more."""
        return self._clock() - self._lives[run_id].heard > self._silent + self._crashed
