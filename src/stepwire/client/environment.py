"""Where a run runs: host, process and command line."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from stepwire.client.document import clean
from stepwire.client.redaction import redact_arguments
from stepwire.system import host_name, process_start

_MAX_ARGUMENTS = 1000


def describe() -> dict[str, Any]:
    """Return the fields of the ``config`` record that tell about host and process.

    ``pid_start`` is when this process started, in seconds since 1970, or ``None`` where that is not known.
    """
    return {
        **whoami(),
        "python": sys.version.split()[0],
        "argv": arguments_of(_command_line()),
    }


def describe_command(argv: Sequence[str]) -> dict[str, Any]:
    """Return the same of a command that this process has started: its arguments, whatever language it is in."""
    return {**whoami(), "argv": arguments_of(argv)}


def arguments_of(argv: Sequence[str]) -> list[str]:
    """Return a command line as it may be told: without secrets, at most 1,000 arguments."""
    return [clean(argument) for argument in redact_arguments(argv[:_MAX_ARGUMENTS])]


def whoami() -> dict[str, Any]:
    """Return what names this process among all: ``host``, ``pid``, ``pid_start``."""
    return {"host": clean(host_name()), "pid": os.getpid(), "pid_start": _process_start()}


def _process_start() -> float | None:
    try:
        return process_start()
    except OSError:  # no file descriptor is free
        return None


def _command_line() -> list[str]:
    return list(getattr(sys, "argv", []))
