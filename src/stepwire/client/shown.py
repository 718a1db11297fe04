"""A value as an error message shows it."""

import reprlib

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def shown(value: object) -> str:
    """A short ``repr``; of what has none, its type's name. Never raises."""
    try:
        return _short.repr(value)
    except Exception:  # noqa: BLE001 - a whole number of thousands of digits has no text, and others may refuse
        return f"<{type(value).__name__}>"
