"""``make bench``: every figure side by side with its goal; prints a table and writes ``docs/bench/bench.json``.

Everything is driven from outside: separate processes, the public SDK, HTTP, WebSocket and a real browser; what
was stored is read back and compared before a figure counts. ``make bench BENCH="ingest reading"`` measures these
groups and leaves the others' figures as they are. ``README.md`` beside this file lists the groups.
"""

import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import (
    browser,
    engine_growth,
    engine_ingest,
    engine_reading,
    engine_runs,
    engine_size,
    engine_sustained,
    ingest,
    page_charts,
    page_lag,
    page_list,
    page_start,
    peers,
    reading,
    results,
    sdk,
    starting,
)
from tests.bench.load import MIDDLE, SMALL, WIDE
from tests.bench.machine import Figure, commit, load

SECONDS = float(os.environ.get("BENCH_SECONDS", "8"))
MINUTES = float(os.environ.get("BENCH_MINUTES", "1"))
SIZES = [size for size in (10**6, 10**7, 10**8) if size <= float(os.environ.get("BENCH_POINTS", "1e8"))]
CALLS = int(os.environ.get("BENCH_CALLS", "1000000"))
RUNS = int(os.environ.get("BENCH_RUNS", "10000"))
PAGE_MINUTES = float(os.environ.get("BENCH_PAGE_MINUTES", "2"))

Measure = Callable[[], list[Figure]]
GROUPS: dict[str, list[Measure]] = {
    "ingest": [lambda: ingest.throughput(40_000), ingest.log_call],
    "reading": [lambda: reading.chart(40_000)],
    "starting": [starting.start, starting.importing, starting.page],
    "browser": [browser.latency],
    "page": [
        lambda: page_charts.charts(PAGE_MINUTES),
        page_start.start,
        page_lag.lag,
        lambda: page_list.listing(RUNS),
    ],
    "sdk": [lambda: sdk.calls(CALLS), sdk.wide, sdk.loop, sdk.outage, sdk.size],
    "engine_ingest": [
        engine_ingest.sdk,
        lambda: engine_ingest.raw(MIDDLE, SECONDS),
        lambda: engine_ingest.raw(WIDE, SECONDS),
        lambda: engine_ingest.raw(SMALL, SECONDS),
        engine_ingest.light,
    ],
    "engine_sustained": [lambda: engine_sustained.sustained(MINUTES)],
    "engine_reading": [lambda: engine_reading.reading(SIZES)],
    "engine_size": [lambda case=case: engine_size.size(case) for case in engine_size.CASES],
    "engine_runs": [lambda: engine_runs.listing(RUNS), engine_runs.many_metrics],
    "engine_growth": [
        lambda: engine_growth.points(SIZES),
        lambda: engine_growth.runs(sorted({1, min(100, RUNS), RUNS})),
    ],
}
ASKED_FOR: dict[str, list[Measure]] = {"peers": [peers.compare]}
"""Groups that only run when they are named."""


def main() -> int:
    """Measure the groups named, or all. Returns 0 whatever the figures are, 1 when one could not be measured."""
    known = GROUPS | ASKED_FOR
    asked = sys.argv[1:] or list(GROUPS)
    if unknown := [group for group in asked if group not in known]:
        sys.exit(f"no such group: {', '.join(unknown)}; there are {', '.join(known)}")
    failed = [group for group in asked if not measure(group, known[group])]
    if failed:
        print(f"could not be measured, and kept as before: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def measure(group: str, measures: list[Measure]) -> bool:
    """Show a group's figures and keep them, when all of them could be measured."""
    rows, complete = [], True
    for one in measures:
        try:
            figures = one()
        except Exception:  # noqa: BLE001 - the other groups still count
            traceback.print_exc()
            complete = False
            continue
        for figure in figures:
            show(figure)
            when = datetime.now(UTC).isoformat(timespec="seconds")
            rows.append(figure.row() | {"group": group, "load": load(), "commit": commit(), "time": when})
    if complete and rows:
        results.keep(group, rows, GROUPS | ASKED_FOR)
    return complete


def show(figure: Figure) -> None:
    """One line of the table."""
    goal = f"{'≥' if figure.sense == 'at least' else '≤'} {figure.goal:,g} {figure.unit}"
    print(
        f"{'met ' if figure.met else 'MISS'}  {figure.name:65} {figure.measured:>12,.2f} {figure.unit:9} goal {goal:18} "
        f"commit {commit()}  load {load()}  control: {figure.control}  {figure.note}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
