"""Groups of runs that have a value in common: ``group_by=config.optim.name``."""

from collections.abc import Callable

from pydantic import BaseModel

from stepwire.errors import InvalidError
from stepwire.server.problems import encode_json
from stepwire.storage.catalog.config import read_path, value_at
from stepwire.storage.catalog.interface import Run

_FIELDS = ("group", "project", "status", "host", "name")


class Group(BaseModel):
    """A group: the value as text, ``null`` for the runs without one; and its runs."""

    group: str | None
    runs: list[str]


def read_group_by(group_by: str | None) -> Callable[[Run], str | None]:
    """What gives a run's group; without ``group_by`` all runs are one.

    Raises:
        InvalidError: It is neither a path into the config nor a field of a run.
    """
    if group_by is None:
        return lambda _run: None
    if group_by in _FIELDS:
        return lambda run: getattr(run, group_by)
    start, dot, path = group_by.partition(".")
    if start != "config" or not dot:
        raise InvalidError(f"group_by is config. and a path, or one of {', '.join(_FIELDS)}.", "group_by")
    keys = read_path(path, "group_by")
    return lambda run: _spoken(value_at(run.config, keys))


def _spoken(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else encode_json(value).decode()
