"""``docs/bench/bench.json``: the last figures of every group, each with the commit that it was measured at."""

import json
import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.machine import commit

FILE = Path("docs/bench/bench.json")

Row = dict[str, Any]


def keep(group: str, rows: list[Row], groups: Iterable[str], file: Path = FILE) -> None:
    """Put ``rows`` in the place of what the file has of this group; forget groups that are no longer there."""
    known = json.loads(file.read_text()) if file.exists() else {"figures": []}
    order = list(groups)
    others = [_dated(row, known) for row in known["figures"] if row["group"] in order and row["group"] != group]
    figures = sorted([*others, *rows], key=lambda row: order.index(row["group"]))
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    when = datetime.now(UTC).isoformat(timespec="seconds")
    file.parent.mkdir(exist_ok=True)
    told = {"commit": commit(), "time": when, "machine": machine, "figures": figures}
    file.write_text(json.dumps(told, indent=1) + "\n")


def _dated(row: Row, known: Row) -> Row:
    """A row of a file that told commit and time only once."""
    return {"commit": known["commit"], "time": known["time"]} | row
