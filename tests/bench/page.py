"""The page in a real Chromium, driven from outside: ``frontend/tests/e2e/page.mjs`` does what it is told."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from tests.bench.host import Host, Span, milliseconds
from tests.bench.processes import ROOT

SLOWDOWNS = (1, 4)
"""The processor as it is, and four times slower."""
LONG_TASK_MS = 50.0
_LOOP = """(() => {
  const took = [];
  for (let time = 0; time < 9; time++) {
    const began = performance.now();
    let total = 0;
    for (let number = 0; number < 2e6; number++) total += number % 7;
    took.push(performance.now() - began + total * 0);
  }
  return took.sort((left, right) => left - right)[4];
})()"""


class PageError(AssertionError):
    """The page does not show what it has to."""


class Page:
    """One Chromium at a time; ``open`` starts one that has never seen the page."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "tests/e2e/page.mjs"],
            cwd=ROOT / "frontend", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # it closes its browser and ends
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait()

    def do(self, what: str, **more: Any) -> Any:
        """Have one of the orders in ``page.mjs`` done; what it told."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what} | more) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the driver has ended"}')
        if "error" in answer:
            raise PageError(f"{what}: {answer['error']}")
        return answer["told"]

    def open(self, url: str, slowdown: float, watch: str | None = None) -> str:
        """Go to an address; version of the browser."""
        return str(self.do("open", url=url, slowdown=slowdown, watch=watch))

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        return self.do("evaluate", expression=expression)

    def wait_until(self, true: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Ask again and again; raise with ``what`` when it does not become true."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                errors = sorted(set(self.do("errors")))
                raise PageError(f"{what}; the page's own errors: {'; '.join(errors[:3]) or 'none'}")
            time.sleep(0.1)

    def charts(self) -> list[list[dict[str, Any]]]:
        """What each chart on the screen says of its lines."""
        told = self.evaluate(
            "[...document.querySelectorAll('.metrics-chart')].filter((chart) => chart.checkVisibility())"
            ".map((chart) => chart.dataset.points)"
        )
        return [json.loads(points or "[]") for points in told]

    def control(self) -> str:
        """How fast the page's own thread is right now, slow-down included."""
        return f"2M rounds in the page {self.evaluate(_LOOP):.1f} ms"


class Troubles:
    """Long tasks and layout shifts of a page from ``begin`` to ``end``, in monotonic seconds."""

    def __init__(self, page: Page, begin: float, end: float) -> None:
        told = page.evaluate("({ ...window.troubles_, origin: performance.timeOrigin })")
        self._origin = told["origin"] / 1e3 - (time.time() - time.monotonic())
        long = [(self._origin + at / 1e3, self._origin + (at + took) / 1e3) for at, took in told["long"]]
        self.long: list[Span] = [span for span in long if span[1] > begin and span[0] < end]
        self.shift = sum(far for at, far in told["shifts"] if begin <= self._origin + at / 1e3 < end)

    def worst(self, host: Host | None = None) -> float:
        """Milliseconds of the longest task, 0 without any above 50; with ``host`` only of those in steady moments."""
        return max(milliseconds(self.long if host is None else host.steady(self.long)), default=0.0)


def slowed(name: str, slowdown: float) -> str:
    """The figure's name, with the slow-down where there is one."""
    return name if slowdown == 1 else f"{name}, CPU {slowdown:g}x slower"


def per_second(frames: list[float]) -> float:
    """Frames per second, from the times of frames in ms."""
    return (len(frames) - 1) / (frames[-1] - frames[0]) * 1e3 if len(frames) > 1 else 0.0


def longest_gap(frames: list[float]) -> float:
    """Milliseconds of the longest pause between two frames."""
    return max((after - before for before, after in pairwise(frames)), default=0.0)


def layout(rows: list[list[str]], metrics: dict[str, list[str]]) -> dict[str, Any]:
    """A layout as the page saves it: rows of equal height with panels of equal width."""
    stacks = [[{"panels": [panel], "active": panel} for panel in row] for row in rows]
    children = [
        {"direction": "row", "sizes": [1 / len(row)] * len(row), "children": row} if len(row) > 1 else row[0]
        for row in stacks
    ]
    tree = {"direction": "column", "sizes": [1 / len(rows)] * len(rows), "children": children}
    return {"version": 1, "tree": tree, "metrics": metrics}
