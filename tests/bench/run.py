"""``make bench``: every figure side by side with its goal; prints a table and writes ``docs/bench/bench.json``.

Everything is driven from outside: separate processes, the public SDK, HTTP, WebSocket and a real browser; what
was stored is read back and compared before a figure counts. ``python tests/bench/run.py ingest`` runs one group.
"""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import browser, ingest, reading, starting
from tests.bench.machine import Figure, commit, load

OUT = Path("docs/bench/bench.json")
GROUPS: dict[str, list[Callable[[], list[Figure]]]] = {
    "ingest": [lambda: ingest.throughput(40_000), ingest.log_call],
    "reading": [lambda: reading.chart(40_000)],
    "starting": [starting.start, starting.importing, starting.page],
    "browser": [browser.latency],
}


def main() -> int:
    """Measure the groups named, or all; returns 0 whatever the figures are."""
    figures = []
    for group in sys.argv[1:] or GROUPS:
        for measure in GROUPS[group]:
            for figure in measure():
                show(figure)
                figures.append(figure.row() | {"group": group, "load": load()})
    if not sys.argv[1:]:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        when = datetime.now(UTC).isoformat(timespec="seconds")
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(
            json.dumps({"commit": commit(), "time": when, "machine": machine, "figures": figures}, indent=1) + "\n"
        )
    return 0


def show(figure: Figure) -> None:
    """One line of the table."""
    goal = f"{'≥' if figure.sense == 'at least' else '≤'} {figure.goal:,g} {figure.unit}"
    print(
        f"{'met ' if figure.met else 'MISS'}  {figure.name:55} {figure.measured:>12,.2f} {figure.unit:9} goal {goal:18} "
        f"commit {commit()}  load {load()}  control: {figure.control}  {figure.note}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
