"""The command as a process: started in a group of its own, told signals, looked at until it ends."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from stepwire.client.launch.channels import Channel

NOT_FOUND, NOT_RUNNABLE = 127, 126
_SIGNALLED = 128


class StartError(Exception):
    """The command could not be started. ``code`` is what a shell would end with."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Child:
    """A running command.

    Standard input is ours, unchanged. All else that is open here stays here.

    Args:
        argv: Program and arguments.
        environment: Its environment.
        channels: Where it writes to.

    Raises:
        StartError: There is no such program, or it can't be run.

    Attributes:
        code: Its exit code, 128 + n when signal n ended it; ``None`` while it lives.
        signal: The signal that ended it, ``None`` if none did.
        stopped_by: The signal that stopped it, ``None`` while it runs.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], channels: Sequence[Channel]) -> None:
        self.code: int | None = None
        self.signal: int | None = None
        self.stopped_by: int | None = None
        try:
            self._process = subprocess.Popen(
                argv,
                stdout=channels[0].handed,
                stderr=channels[-1].handed,
                env=environment,
                process_group=0,
            )
        except FileNotFoundError:
            raise StartError(f"{argv[0]}: there is no such program", NOT_FOUND) from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise StartError(f"{argv[0]}: {why}", NOT_RUNNABLE) from None
        self.pid = self._process.pid

    def send(self, number: int) -> None:
        """Send it a signal."""
        if self.code is None:
            with suppress(OSError):  # it has just ended, or belongs to another user now
                os.kill(self.pid, number)

    def send_group(self, number: int) -> None:
        """Send a signal to it and to those of its descendants that did not leave its group."""
        if self.code is None:
            with suppress(OSError):
                os.killpg(self.pid, number)

    def look(self) -> None:
        """See what became of it."""
        while self.code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            except ChildProcessError:  # SIGCHLD was ignored when we began: nobody can tell
                pid, status = self.pid, 0
            if pid == 0:
                return
            self._note(status)

    def _note(self, status: int) -> None:
        if os.WIFSTOPPED(status):
            self.stopped_by = os.WSTOPSIG(status)
        elif os.WIFCONTINUED(status):
            self.stopped_by = None
        else:
            self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            self.code = _SIGNALLED + self.signal if self.signal else os.WEXITSTATUS(status)
            self._process.returncode = self.code  # so that nobody waits for it again


def name_of(number: int) -> str:
    """Return a signal's name, as ``SIGTERM``."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
