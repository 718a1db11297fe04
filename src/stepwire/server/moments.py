"""Single moments as the API writes them."""

from datetime import datetime, timedelta

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC; an aware one takes ten times as long to write


def moment(micros: int | None) -> str | None:
    """µs since 1970 as RFC 3339 UTC with ``Z``; ``None`` outside the years 1 to 9999."""
    if micros is None:
        return None
    try:
        return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds") + "Z"
    except OverflowError:
        return None
