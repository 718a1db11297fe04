"""A process that writes the runs that a page draws: one socket a run, as scripts would, row by row when it is told.

It reads orders line by line and answers each when all of its rows are acknowledged: ``{"rows": 20, "hz": 1,
"spread": false}`` writes 20 rows to every run, a second apart, to all runs at once or one after the other.
"""

import json
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Any, Self

import numpy as np

from tests.bench.connection import Connection, RefusedError
from tests.bench.page_curves import Curves
from tests.bench.processes import ROOT, order
from tests.bench.tape import FIRST_ROW_SEQ, batch, set_of


class Run:
    """One run's socket, and how far it is."""

    def __init__(self, url: str, number: int, metrics: int) -> None:
        self.noise = Curves(number, metrics)
        self.rows = 0
        self._acked = 0
        self._connection = Connection(url)
        self._connection.hello(run_id(number), name=f"page {number}", project="page", sdk="bench")
        described = {"at": 0, "type": "config", "name": f"page {number}", "project": "page"}
        self._connection.send(batch(1, 1, [], [described]))

    def write(self, rows: int, seconds_apart: float = 0.0) -> None:
        """Send the next rows, the newest of them logged now."""
        columns = set_of(self.noise, self.rows, rows)
        if self.rows:
            del columns["names"]
        now = time.time_ns() // 1000
        times = now - np.arange(rows - 1, -1, -1) * int(seconds_apart * 1e6)
        columns["times"] = times.astype("<i8").tobytes()
        self._connection.send(batch(FIRST_ROW_SEQ + self.rows, rows, [columns], []))
        self.rows += rows

    def listen(self, seconds: float = 0.0) -> None:
        """Take acknowledgements, and answer the server's pings."""
        for message in self._connection.messages(seconds):
            if message["type"] == "ack":
                self._acked = message["acked_seq"]
            elif message["type"] in {"nack", "error"}:
                raise RefusedError(str(message))

    def settle(self) -> None:
        """Wait until all that was sent is acknowledged."""
        deadline = time.monotonic() + 60
        while self._acked < FIRST_ROW_SEQ + self.rows - 1:
            if time.monotonic() > deadline:
                raise RefusedError(f"only {self._acked} records were acknowledged")
            self.listen(1.0)


def run_id(number: int) -> str:
    """Id of one of the runs."""
    return f"page_{number:02d}"


class Writing:
    """The process, from outside. All runs have a history of ``history`` rows when it is there."""

    def __init__(self, url: str, runs: int, metrics: int, history: int) -> None:
        given = {"url": url, "runs": runs, "metrics": metrics, "history": history}
        self.runs, self.metrics, self.rows = runs, metrics, history
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.page_writer", json.dumps(given)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self._told()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def begin(self, rows: int, hz: float, *, spread: bool) -> None:
        """Have rows written to every run; ``wait`` tells when they are stored."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"rows": rows, "hz": hz, "spread": spread}) + "\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Wait until all rows that were begun are stored."""
        self.rows = self._told()["rows"]

    def write(self, rows: int, hz: float, *, spread: bool = False) -> None:
        """Both, one after the other."""
        self.begin(rows, hz, spread=spread)
        self.wait()

    def _told(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the writer ended with {self._process.wait()}")
        return dict(json.loads(line))


def main() -> None:
    """Do one order (``url``, ``runs``, ``metrics``, ``history``), then those on standard input, until it ends."""
    given = order()
    runs = [Run(given["url"], number, given["metrics"]) for number in range(given["runs"])]
    for run in runs:
        run.write(given["history"], seconds_apart=1.0)
    tell(runs)
    while (line := next_line(runs)) is not None:
        wanted = json.loads(line)
        write(runs, wanted["rows"], wanted["hz"], spread=wanted["spread"])
        tell(runs)


def write(runs: list[Run], rows: int, hz: float, *, spread: bool) -> None:
    """Write rows at a pace: to all runs at the same moment, or to one after the other within each turn."""
    began = time.monotonic()
    for row in range(rows):
        for number, run in enumerate(runs):
            due = began + (row + (number / len(runs) if spread else 0)) / hz
            time.sleep(max(0.0, due - time.monotonic()))
            run.write(1)
        for run in runs:
            run.listen()
    time.sleep(max(0.0, began + rows / hz - time.monotonic()))


def tell(runs: list[Run]) -> None:
    """Say how many rows every run has, once they are acknowledged."""
    for run in runs:
        run.settle()
    print(json.dumps({"rows": runs[0].rows}), flush=True)


def next_line(runs: list[Run]) -> str | None:
    """The next order; ``None`` when there is none to come. The sockets are kept alive meanwhile."""
    while not select.select([sys.stdin], [], [], 1.0)[0]:
        for run in runs:
            run.listen()
    return sys.stdin.readline() or None


if __name__ == "__main__":
    main()
