"""Which metrics a request names: ``keys`` with commas and globs, ``key`` once per name."""

from collections.abc import Sequence

from stepwire.server.hub import wanted


def pick(names: Sequence[str], keys: str | None, key: Sequence[str] | None) -> list[str]:
    """The names that ``keys`` (commas, globs) and ``key`` (one name each) ask for."""
    exact = set(key or ())
    globs = tuple(part for part in (keys or "").split(",") if part)
    return [name for name in names if name in exact or (globs and wanted(name, globs))]
