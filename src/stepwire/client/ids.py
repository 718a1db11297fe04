"""Ids made by the script, so that a run can start while no server is reachable."""

import os
import time


def new_id(prefix: str, time_ms: int | None = None) -> str:
    """Return ``prefix`` + ``_`` + 32 hex digits of a UUIDv7 (RFC 9562): ids sort by the time they were made.

    Args:
        prefix: ``run`` or ``ckpt``.
        time_ms: Milliseconds since 1970; the present when left out.
    """
    moment = (time.time_ns() // 1_000_000 if time_ms is None else time_ms) & (1 << 48) - 1
    chance = int.from_bytes(os.urandom(10), "big")
    high, low = chance >> 68, chance & (1 << 62) - 1
    return f"{prefix}_{moment << 80 | 7 << 76 | high << 64 | 2 << 62 | low:032x}"


def new_writer_id() -> str:
    """Return a UUIDv4 as text, without loading ``uuid``: there may be no file descriptor to do so."""
    chance = int.from_bytes(os.urandom(16), "big") & ~(0xF << 76 | 0x3 << 62) | 4 << 76 | 2 << 62
    digits = f"{chance:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
