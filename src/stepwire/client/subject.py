"""What a run is about where that is not this process."""

from typing import NamedTuple


class Subject(NamedTuple):
    """A command that this process started and watches: the run's system metrics are its own, and it decides the end.

    Attributes:
        pid: Its process; its descendants count too.
        argv: Program and arguments.
    """

    pid: int
    argv: tuple[str, ...]
