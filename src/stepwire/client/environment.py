"""Where a run runs: host, process and command line."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

from stepwire.client.document import clean
from stepwire.client.redaction import redact_arguments
from stepwire.system import process_start

_MAX_ARGUMENTS = 1000


def describe() -> dict[str, Any]:
    """Return the fields of the ``config`` record that tell about host and process.

    ``pid_start`` is when this process started, in seconds since 1970, or ``None`` where that is not known.
    """
    return {
        "host": clean(socket.gethostname()),
        "pid": os.getpid(),
        "pid_start": _process_start(),
        "python": sys.version.split()[0],
        "argv": [clean(argument) for argument in redact_arguments(_command_line()[:_MAX_ARGUMENTS])],
    }


def _process_start() -> float | None:
    try:
        return process_start()
    except OSError:  # no file descriptor is free
        return None


def _command_line() -> list[str]:
    return list(getattr(sys, "argv", []))


def boot_id() -> str:
    """Return the identity of this boot of the host, so that monotonic times compare; empty if unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip().decode()
    except OSError:
        return ""
