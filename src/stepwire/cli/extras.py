"""Commands that need packages beyond the SDK's say so in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from stepwire.errors import MissingExtraError


@contextmanager
def server_extra(command: str) -> Iterator[None]:
    """Turn a missing server package into the line with the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "stepwire":
            raise
        raise MissingExtraError(
            f"{command} needs the server's packages ({error.name} is missing): pip install 'stepwire[server]'"
        ) from None
