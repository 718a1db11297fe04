"""The checkpoints that a run has: those of its earlier attempts, and those that this process registered."""

from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from stepwire.client.document import clean
from stepwire.client.identity import MAX_CHECKPOINTS, SavedCheckpoint
from stepwire.client.loading import DamagedCheckpointError, check_whole, load_checkpoint
from stepwire.client.metrics import read_step
from stepwire.client.notice import warn
from stepwire.errors import NotFoundError

_STEPS = ("step", "global_step")
OnConflict = Literal["fork", "take"]


class Origin(NamedTuple):
    """What a run goes on from.

    Attributes:
        attempt: 1 for a new run, one more for each process that takes it up again.
        goes_on: Whether it is a run that there was before.
        forked_from: The run that another process owns and that this one continues under an id of its own.
        checkpoints: Those of the attempts before, oldest first.
        step: The step to go on from, where the caller named it.
        on_conflict: What to do when another process owns the run.
    """

    attempt: int = 1
    goes_on: bool = False
    forked_from: str | None = None
    checkpoints: tuple[SavedCheckpoint, ...] = ()
    step: float | None = None
    on_conflict: OnConflict = "fork"


class History:
    """Finds the newest checkpoint that is whole.

    Args:
        origin: What the run goes on from.
        tell: Takes an event: its name, a line, and data.
        rewind: Called with the step of a checkpoint of an earlier attempt once that was loaded.
    """

    def __init__(
        self, origin: Origin, tell: Callable[[str, str, dict[str, Any]], None], rewind: Callable[[float], None]
    ) -> None:
        self._earlier = origin.checkpoints
        self._own: deque[SavedCheckpoint] = deque(maxlen=MAX_CHECKPOINTS)
        self._tell = tell
        self._rewind = rewind
        self.is_resumed = bool(self._earlier) and self.last_path() is not None

    def add(self, saved: SavedCheckpoint) -> None:
        """This process registered a checkpoint."""
        self._own.append(saved)

    def last_path(self) -> str | None:
        """Return the path of the newest checkpoint that looks whole from outside; ``None`` when there is none."""
        for saved in self._newest_first():
            try:
                check_whole(Path(saved.path))
            except DamagedCheckpointError:
                continue
            return saved.path
        return None

    def load_last(self, *, trust: bool) -> Any:
        """Load the newest checkpoint that is whole; see ``TrainingMonitor.get_last_checkpoint``."""
        reasons = []
        for saved in self._newest_first():
            try:
                loaded = load_checkpoint(Path(saved.path), trust=trust)
            except DamagedCheckpointError as error:
                reasons.append(str(error))
                self._tell_damage(saved, clean(str(error)))
                continue
            self._go_on_from(saved, loaded)
            return loaded
        why = "; ".join(reasons[:3]) if reasons else "none was registered"
        raise NotFoundError(f"There is no checkpoint that can be loaded: {why}. Look at is_resumed before.")

    def _newest_first(self) -> list[SavedCheckpoint]:
        return [*self._earlier, *self._own][::-1]

    def _tell_damage(self, saved: SavedCheckpoint, reason: str) -> None:
        warn("%s; trying the checkpoint before it.", reason)
        self._tell("checkpoint_validation_failed", reason, {"checkpoint_id": saved.id, "error": reason})

    def _go_on_from(self, saved: SavedCheckpoint, loaded: Any) -> None:
        if saved not in self._earlier:
            return
        step = saved.step if saved.step is not None else _step_within(loaded)
        if step is not None:
            self._rewind(step)


def _step_within(loaded: Any) -> float | None:
    """Return the step that a checkpoint holds by one of the usual names."""
    if not isinstance(loaded, Mapping):
        return None
    for name in _STEPS:
        try:
            return read_step(loaded[name])
        except (KeyError, TypeError, ValueError):  # not there, or none
            continue
    return None
