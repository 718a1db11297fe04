"""Where what goes wrong in a callback of ours ends: the training goes on without it."""

import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")
_WARN_SECONDS = 60.0
_warned_at: dict[str, float] = {}


def contained(hook: Callable[P, None]) -> Callable[P, None]:
    """Have ``hook`` never raise: what it raises is told to the logger ``stepwire``, once a minute at most."""

    @functools.wraps(hook)
    def safe(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(*args, **kwargs)
        except Exception:  # noqa: BLE001 - a training is worth more than its record
            _warn(f"{hook.__module__}.{hook.__qualname__}")

    return safe


def _warn(name: str) -> None:
    now = time.monotonic()
    if now - _warned_at.get(name, -_WARN_SECONDS) >= _WARN_SECONDS:
        _warned_at[name] = now
        logging.getLogger("stepwire").warning("stepwire: %s failed; training goes on.", name, exc_info=True)
