"""Ids are UUIDv7."""

import re
import uuid

from stepwire.client.ids import new_id


def test_an_id_is_a_prefix_and_a_version_7_uuid():
    """The standard library reads the digits as a UUID of version 7 and of RFC variant."""
    prefix, _, digits = new_id("run").partition("_")
    assert prefix == "run"
    assert re.fullmatch(r"[0-9a-f]{32}", digits)
    parsed = uuid.UUID(digits)
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122


def test_ids_sort_by_time():
    """A later millisecond gives a greater id."""
    ids = [new_id("ckpt", time_ms=moment) for moment in (0, 1, 2**32, 2**47, 2**48 - 1)]
    assert ids == sorted(ids)
    assert ids[3].removeprefix("ckpt_").startswith("800000000000")


def test_ids_of_one_moment_differ():
    """A thousand ids of one millisecond are a thousand ids."""
    assert len({new_id("run", time_ms=1) for _ in range(1000)}) == 1000
