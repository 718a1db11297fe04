"""How long to wait before the next connection attempt."""

STABLE_SECONDS = 60.0
_LONGEST_SECONDS = 30.0


def delay(failures: int, chance: float) -> float:
    """Return the seconds to wait after so many failures in a row, with full jitter.

    The caps are 1, 2, 4, 8, 16 and then 30 s, so that many scripts do not come back in the same moment.

    Args:
        failures: Failures since the connection was last stable for ``STABLE_SECONDS``, at least 1.
        chance: A random number in [0, 1).
    """
    return chance * min(_LONGEST_SECONDS, 2.0 ** min(failures - 1, 5))
