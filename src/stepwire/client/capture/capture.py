"""All that a run captures, begun and ended together."""

import time

from stepwire.client.capture.console import CONSOLE
from stepwire.client.capture.surroundings import PARTS, Surroundings
from stepwire.client.clock import Clock
from stepwire.client.environment import arguments_of
from stepwire.client.outbox import Outbox
from stepwire.client.settings import ClientSettings
from stepwire.client.subject import Subject

SURROUNDINGS_SECONDS = 0.5  # that a script which ends at once waits for what is still being found out


class Capture:
    """What the script prints and what it runs in, put into the outbox of its run.

    Of a command that ``stepwire run`` has started, that knows the output, and what the command runs in but for Python
    and its packages; a monitor in the command adds these.

    Args:
        subject: What the run is about; this process when left out.
    """

    def __init__(self, outbox: Outbox, clock: Clock, settings: ClientSettings, subject: Subject | None) -> None:
        self._put = outbox.put
        self._secrets = () if settings.api_key is None else (settings.api_key,)
        is_hearing = subject is None and not settings.of_command and "console" in settings.captures
        self._is_hearing = is_hearing and settings.enabled
        argv = None if subject is None else arguments_of(subject.argv)
        self._surroundings = Surroundings(self._put, clock, _parts(settings, subject), self._secrets, argv)

    def start(self) -> None:
        """Begin, once the run is described."""
        self._surroundings.start()
        if self._is_hearing:
            CONSOLE.join(self._put, self._secrets)

    def drain(self) -> None:
        """Put what was printed until now."""
        if self._is_hearing:
            CONSOLE.drain()

    def finish(self) -> None:
        """Put what was printed until now, and what is found out within half a second, and end."""
        self._surroundings.wait(time.monotonic() + SURROUNDINGS_SECONDS)
        self.leave()

    def leave(self) -> None:
        """End at once. What was printed is put all the same."""
        if self._is_hearing:
            CONSOLE.leave(self._put)

    def after_fork(self) -> None:
        """In a child process: nothing of it is captured."""
        self._surroundings.after_fork()
        if self._is_hearing:
            CONSOLE.after_fork()
            self._is_hearing = False


def _parts(settings: ClientSettings, subject: Subject | None) -> frozenset[str]:
    """What of the surroundings is to be found out by this process."""
    if not settings.enabled or settings.rank > 0:
        return frozenset()
    if settings.of_command:
        return settings.captures & {"packages"}
    if settings.joins:
        return frozenset()
    return settings.captures & (frozenset(PARTS) - ({"packages"} if subject is not None else set()))
