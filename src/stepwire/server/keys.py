"""Which metrics a request names: ``keys`` with commas and globs, ``key`` once per name, or those that ``q`` finds."""

import fnmatch
import re
from collections.abc import Sequence

from stepwire.server.hub import wanted


def pick(names: Sequence[str], keys: str | None, key: Sequence[str] | None) -> list[str]:
    """The names that ``keys`` (commas, globs) and ``key`` (one name each) ask for."""
    exact = set(key or ())
    globs = tuple(part for part in (keys or "").split(",") if part)
    return [name for name in names if name in exact or (globs and wanted(name, globs))]


def search(names: Sequence[str], q: str) -> list[str]:
    """The names that hold ``q`` in any case; with ``*`` (any text) or ``?`` (one character) it is a pattern of all."""
    wanted = q.casefold()
    if not any(mark in wanted for mark in "*?"):
        return [name for name in names if wanted in name.casefold()]
    # Nothing but these two marks is special: names have brackets in them.
    fits = re.compile(fnmatch.translate(wanted.replace("[", "[[]"))).match
    literal = max(re.split(r"[*?]", wanted), key=len)  # looked for first: that is quick
    return [name for name in names if literal in (folded := name.casefold()) and fits(folded)]
