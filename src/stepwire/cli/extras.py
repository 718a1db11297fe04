"""What several commands need: missing packages are told in one line, ports and times are checked."""

import argparse
import math
from collections.abc import Iterator
from contextlib import contextmanager

from stepwire.errors import MissingExtraError

SERVER_PACKAGES = {
    "fastapi",
    "httptools",
    "numpy",
    "platformdirs",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
    "uvloop",
    "zstandard",
}


def port_number(text: str) -> int:
    """A TCP port. Raises ArgumentTypeError, which argparse tells."""
    if not text.isdecimal() or int(text) >= 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; take one from 0 to 65535")
    return int(text)


def positive_seconds(text: str) -> float:
    """A time of more than 0 s. Raises ArgumentTypeError, which argparse tells."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; take a number of seconds above 0")
    return seconds


@contextmanager
def server_extra(command: str) -> Iterator[None]:
    """Turn a missing server package into the line with the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in SERVER_PACKAGES:
            raise
        raise MissingExtraError(
            f"{command} needs the server's packages ({error.name} is missing): pip install 'stepwire[server]'"
        ) from None
