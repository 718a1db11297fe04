"""Finds out what a run runs in, beside the training, and puts it into the run's record of its environment."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from stepwire.client.batch import Record
from stepwire.client.clock import Clock
from stepwire.client.document import clean
from stepwire.client.environment import describe
from stepwire.client.imports import load
from stepwire.client.notice import note

PARTS = ("git", "packages", "hardware", "variables")
_MODULES = tuple(f"stepwire.client.capture.{part}" for part in PARTS)


class Surroundings:
    """Puts ``environment`` records, each with what is known then; the server joins those of a run.

    A daemon thread finds out, once, and nobody waits for it. What it can't find out is left out.

    Args:
        put: Takes the records.
        parts: Which of ``git``, ``packages`` (with Python), ``hardware`` and ``variables``.
        secrets: Texts that are hidden wherever they stand, beside those of the environment.
        argv: The command line; this process's own when left out.
    """

    def __init__(
        self,
        put: Callable[[Record], None],
        clock: Clock,
        parts: Iterable[str],
        secrets: Iterable[str] = (),
        argv: list[str] | None = None,
    ) -> None:
        self._put = put
        self._clock = clock
        self._parts = frozenset(parts)
        self._secrets = tuple(secrets)
        self._argv = argv
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to find out."""
        if not self._parts:
            return
        thread = threading.Thread(target=self._run, name="stepwire-surroundings", daemon=True)
        with suppress(RuntimeError):  # the system has no more threads: the run goes without
            thread.start()
            self._thread = thread

    def wait(self, deadline: float) -> None:
        """Wait until all is found out, at most until ``deadline`` in monotonic seconds: the script was a short one."""
        if self._thread is not None:
            self._thread.join(max(deadline - time.monotonic(), 0.0))

    def after_fork(self) -> None:
        """The parent finds out."""
        self._thread = None

    def _run(self) -> None:
        try:
            load(*_MODULES)
            for found in self._find():
                self._put({"type": "environment", "time": self._clock.now(), **found})
        except Exception as error:  # noqa: BLE001 - machines have every oddity; the script must not hear of it
            note("the environment is not known in full: %r", error)

    def _find(self) -> Iterator[dict[str, Any]]:
        """What is quick to find out first."""
        from stepwire.client.capture.hardware import describe_hardware
        from stepwire.client.capture.packages import describe_python, list_packages
        from stepwire.client.capture.variables import describe_variables

        found: dict[str, Any] = {}
        if self._parts & {"git", "hardware", "variables"}:  # this is not the script inside of somebody else's run
            found["command"] = describe()["argv"] if self._argv is None else self._argv
            found["folder"] = _working_folder()
        if "packages" in self._parts:
            found |= {"python": describe_python(), "packages": list_packages()}
        if "variables" in self._parts:
            found["variables"] = describe_variables(os.environ)
        yield found
        if "git" in self._parts:
            yield {"git": self._describe_git()}
        if "hardware" in self._parts:
            yield {"hardware": describe_hardware()}

    def _describe_git(self) -> dict[str, Any] | None:
        from stepwire.client.capture.git import describe_git
        from stepwire.client.redaction import LineRedactor, environment_secrets

        redact = LineRedactor([*environment_secrets(os.environ), *self._secrets])
        for folder in _code_folders(self._argv):
            if (found := describe_git(folder, redact)) is not None:
                return found
        return None


def _working_folder() -> str | None:
    try:
        return clean(str(Path.cwd()), 4096)
    except OSError:  # it was removed
        return None


def _code_folders(argv: Sequence[str] | None) -> Iterator[Path]:
    """Where the code may be: in the working folder, else beside the script, be it this one or one of a command's."""
    with suppress(OSError):
        yield Path.cwd()
    named = getattr(sys, "argv", [])[:1] if argv is None else argv[1:]
    script = next((Path(one) for one in named if os.path.isfile(one)), None)  # noqa: PTH113 - any text is an argument
    if script is not None:
        yield script.resolve().parent
