"""Ids that the server makes when the client brought none."""

import secrets
import time


def new_id(prefix: str) -> str:
    """``prefix`` + the 32 hex digits of a UUIDv7: unique, and in the order of making."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    value = milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return f"{prefix}{value:032x}"
