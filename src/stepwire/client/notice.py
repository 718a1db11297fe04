"""What the SDK tells its user, through the logger ``stepwire``."""

import logging

_LOGGER = logging.getLogger("stepwire")


def warn(text: str, *arguments: object) -> None:
    """Log a warning; ``text`` has ``%`` places for ``arguments``, as in :mod:`logging`."""
    _LOGGER.warning("stepwire: %s", text % arguments, stacklevel=2)


def note(text: str, *arguments: object) -> None:
    """The same for who looks for the cause of something: of level DEBUG."""
    _LOGGER.debug("stepwire: %s", text % arguments, stacklevel=2)
