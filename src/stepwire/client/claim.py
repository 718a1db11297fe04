"""What this process says of itself when it claims a run, and what it does when the run is another's."""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stepwire.client.history import OnConflict
from stepwire.client.outbox import Outbox
from stepwire.client.refusal import RunOwnedError
from stepwire.client.sender import WARN_SECONDS, Sender
from stepwire.client.transport import Transport

if TYPE_CHECKING:
    from stepwire.protocol import Hello

_identity = (0, "")


def process_identity() -> str:
    """Return a random identity of this process, the same for all of its runs; a forked child has another."""
    global _identity  # noqa: PLW0603 - made when first asked for, and again after a fork
    if _identity[0] != os.getpid():
        _identity = os.getpid(), os.urandom(16).hex()
    return _identity[1]


class ClaimingSender(Sender):
    """A sender that is told when another process owns its run.

    Args:
        on_conflict: Called in the sender's thread; chooses what the next ``hello`` says, and returns a line for the
            log, or ``None`` to say nothing.
    """

    def __init__(
        self,
        outbox: Outbox,
        transport: Transport,
        introduce: "Callable[[str, int], Hello]",
        on_conflict: Callable[[RunOwnedError], str | None],
        **options: Any,
    ) -> None:
        super().__init__(outbox, transport, introduce, **options)
        self._on_conflict = on_conflict

    def turn(self) -> None:
        """Do what is due now, or wait for the next thing."""
        try:
            super().turn()
        except RunOwnedError as error:
            line = self._on_conflict(error)
            # Said at once, whatever was said within this minute; or not at all.
            self._warned_at = self._clock.monotonic() if line is None else -WARN_SECONDS
            raise ConnectionError(line or str(error)) from error


class Claim:
    """Whether this process may write its run as its own.

    Args:
        on_conflict: What to do when another process owns the run.
        fork: Has the run go on under an id of its own; returns a line for the log.
        is_awaited: Somebody waits for the server's answer and sees to a loss: until ``settle`` there is no fork.

    Attributes:
        takes: Whether the next ``hello`` takes the run from the process that owns it.
        is_lost: Whether another process owns the run that this one was to go on with.
    """

    def __init__(self, on_conflict: OnConflict, fork: Callable[[], str], *, is_awaited: bool) -> None:
        self._on_conflict = on_conflict
        self._fork = fork
        self._is_awaited = is_awaited
        self._lock = threading.Lock()
        self.takes = False
        self.is_lost = False

    def settle(self) -> bool:
        """Wait no more; return whether the run is another's."""
        with self._lock:
            self._is_awaited = self.is_lost
            return self.is_lost

    def refuse(self, error: RunOwnedError) -> str | None:
        """Choose what to do, in the sender's thread; return a line for the log."""
        if error.may_be_gone:
            return f"{error} Asking again"
        if self._on_conflict == "take":
            self.takes = True
            return f"{error} It is taken over"
        with self._lock:
            self.is_lost = True
            if self._is_awaited:
                return None
        return self._fork()
