"""Whether a running run lives, by three lamps that are judged apart: its process, its link, its steps.

A run that was never opened by a training script (made by REST, or brought by ``stepwire sync``) is not judged.
"""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from stepwire.protocol import CommandMessage
from stepwire.server.steps import StepTimes

FRESH_SECONDS = 30.0
"""A script speaks every 15 s, whatever the training does: after twice that its link is silent."""


class ScriptLink(Protocol):
    """A connected training script, as far as others need it."""

    def offer(self, message: Any) -> None:
        """Queue a message for the script."""
        ...


@dataclass(frozen=True, slots=True)
class Lamp:
    """One lamp: its state, and since when it shows that, in seconds of ``Liveness``'s clock."""

    state: str
    since: float


@dataclass(frozen=True, slots=True)
class Lamps:
    """The three lamps of a run.

    Attributes:
        process: ``alive`` (seen on this host, or it spoke within 30 s), ``gone`` (seen on this host), ``unknown``.
        link: ``open`` (a socket), ``silent`` (a socket, not a word for 30 s), ``gone``.
        step: ``waiting`` (no point yet), ``moving``, ``stalled``.
    """

    process: Lamp
    link: Lamp
    step: Lamp


@dataclass(slots=True)
class _Life:
    """What is known of a run.

    Attributes:
        heard: When a script last spoke.
        changed: When the number of links last became one or zero.
        process: As last seen on this host; ``None`` when nobody looked.
        space: The owner's process space as its hello told it; ``None`` since this server started.
        writer: The stream of the process that owns the run.
        spoke: Whether a script spoke since this server started.
        expected_at: When this server started, for a run that was running before; its history is not known yet.
        given_up: It was called crashed, though its link was still there.
    """

    heard: float
    changed: float
    steps: StepTimes
    links: set[ScriptLink] = field(default_factory=set)
    process: Lamp | None = None
    space: str | None = None
    writer: str = ""
    is_notebook: bool = False
    spoke: bool = False
    expected_at: float | None = None
    given_up: bool = False


class Liveness:
    """The lamps of each run. Runs on the event loop.

    Args:
        clock: Monotonic seconds.
        silent_seconds: Without a frame for this long a run is disconnected.
        crashed_seconds: And this much later it is crashed.
        stalled_seconds: The shortest time without a point that can be a stall; see ``StepTimes``.
        space: This process's own process space.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        silent_seconds: float,
        crashed_seconds: float,
        stalled_seconds: float = 60.0,
        space: str = "",
    ) -> None:
        self._clock = clock
        self._silent = silent_seconds
        self._crashed = crashed_seconds
        self._stalled = stalled_seconds
        self._space = space
        self._lives: dict[str, _Life] = {}

    def _life(self, run_id: str) -> _Life:
        if run_id not in self._lives:
            now = self._clock()
            self._lives[run_id] = _Life(now, now, StepTimes(self._stalled))
        return self._lives[run_id]

    # --- what happens ----------------------------------------------------------------------------------

    def expect(self, run_ids: Iterable[str]) -> None:
        """Runs that were running before this server started: they get the full time to come back."""
        for run_id in run_ids:
            self._life(run_id).expected_at = self._clock()

    def join(
        self,
        run_id: str,
        link: ScriptLink,
        *,
        owner: str | None = None,
        space: str | None = None,
        is_notebook: bool = False,
    ) -> None:
        """A script connected.

        Args:
            owner: The writer id of the process that owns the run; ``None`` from a further process of it.
            space: The process space that the run's process id belongs to.
            is_notebook: The process is a notebook's kernel.
        """
        life = self._life(run_id)
        if not life.links:
            life.changed = self._clock()
        life.links.add(link)
        if owner is not None:
            if life.writer not in {"", owner}:
                life.steps.interrupt()
                life.process = None
            life.writer, life.space, life.is_notebook = owner, space, is_notebook
        self.hear(run_id)

    def leave(self, run_id: str, link: ScriptLink) -> None:
        """A script's socket is gone."""
        life = self._lives.get(run_id)
        if life is not None and link in life.links:
            life.links.discard(link)
            if not life.links:
                life.changed = self._clock()

    def hear(self, run_id: str) -> None:
        """A frame came."""
        life = self._life(run_id)
        life.heard, life.spoke = self._clock(), True

    def hear_in_folder(self, run_id: str, space: str | None) -> None:
        """Something was read that a script keeps in a folder; ``space`` is what its process id counts in, if known."""
        self.hear(run_id)
        self._life(run_id).space = space or self._life(run_id).space

    def step(self, run_id: str, times: Sequence[int]) -> None:
        """Points were stored, logged at these times (µs)."""
        if times:
            self._life(run_id).steps.add(times, self._clock())

    def see_process(self, run_id: str, state: Literal["alive", "gone"], ago: float = 0.0) -> None:
        """Somebody looked for the run's process on this host: it began or was seen to be gone so many seconds ago."""
        life = self._life(run_id)
        if life.process is None or life.process.state != state:
            life.process = Lamp(state, self._clock() - ago)

    def recall(self, run_id: str, seconds: float) -> None:
        """What it logged before this server started came every so many seconds."""
        life = self._life(run_id)
        if life.steps.came is None:
            life.steps.assume(seconds, life.changed)

    def give_up(self, run_id: str) -> None:
        """The run was called crashed; when its script speaks again it is among ``returned``."""
        self._life(run_id).given_up = True

    def returned(self) -> list[str]:
        """Runs that were given up and spoke since on a link that was there all the time; each is told once."""
        back = [run_id for run_id, life in self._lives.items() if life.given_up and not self.is_disconnected(run_id)]
        for run_id in back:
            self._lives[run_id].given_up = False
        return [run_id for run_id in back if self._lives[run_id].links]

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

    # --- what that means -------------------------------------------------------------------------------

    def lamps(self, run_id: str) -> Lamps | None:
        """The lamps of a run; ``None`` when no script ever opened it, as far as this server knows."""
        life = self._lives.get(run_id)
        if life is None:
            return None
        return Lamps(self._process(life), self._link(life), self._step(life))

    def ago(self, lamp: Lamp) -> float:
        """Seconds for which a lamp has shown its state."""
        return self._clock() - lamp.since

    def _is_fresh(self, life: _Life) -> bool:
        return bool(life.links) and self._clock() - life.heard <= min(FRESH_SECONDS, self._silent)

    def _process(self, life: _Life) -> Lamp:
        if life.process is not None:
            return life.process
        return Lamp("alive", life.changed) if self._is_fresh(life) else Lamp("unknown", life.heard)

    def _link(self, life: _Life) -> Lamp:
        if not life.links:
            return Lamp("gone", life.changed)
        return Lamp("open", life.changed) if self._is_fresh(life) else Lamp("silent", life.heard)

    def _step(self, life: _Life) -> Lamp:
        steps = life.steps
        if steps.silent_since is not None and steps.is_stalled(self._clock()):
            return Lamp("stalled", steps.silent_since)
        return Lamp("waiting", life.changed) if steps.since is None else Lamp("moving", steps.since)

    def usual_step(self, run_id: str) -> float | None:
        """Seconds that usually lie between two points of the run, ``None`` when that is not known."""
        return self._lives[run_id].steps.usual

    def wants_history(self, run_id: str) -> bool:
        """Whether it was running before this server started and logged nothing since, for long enough; told once."""
        life = self._lives[run_id]
        if life.expected_at is None or self._clock() - life.expected_at <= self._stalled:
            return False
        life.expected_at = None
        return life.steps.came is None

    def is_known(self, run_id: str) -> bool:
        """Whether a script ever opened this run, as far as this server knows."""
        return run_id in self._lives

    def has_spoken(self, run_id: str) -> bool:
        """A script spoke since this server started."""
        return self._lives[run_id].spoke

    def is_connected(self, run_id: str) -> bool:
        """A socket is open."""
        return bool(self._lives[run_id].links)

    def is_notebook(self, run_id: str) -> bool:
        """The run's process is a notebook's kernel."""
        return self._lives[run_id].is_notebook

    def shares_processes(self, run_id: str) -> bool | None:
        """Whether the run's process id means the same here; ``None`` when its script did not say."""
        space = self._lives[run_id].space
        return None if space is None else space == self._space

    def is_disconnected(self, run_id: str) -> bool:
        """Not a word for ``silent_seconds``, socket or not."""
        return self._clock() - self._lives[run_id].heard > self._silent

    def is_crashed(self, run_id: str) -> bool:
        """Disconnected for so long that nobody is expected any more."""
        return self._clock() - self._lives[run_id].heard > self._silent + self._crashed
