"""Charts over HTTP, as the page asks for them: how long they take, and whether they hold every extreme."""

import http.client
import json
import math
import random
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from tests.bench.host import Span
from tests.bench.noise import DIP_AT, PEAK_AT, SPIKE_EVERY, Noise
from tests.bench.stored import DifferentError

NARROWEST = 100

Window = tuple[int, int]
"""First and last step, both included."""


@dataclass(frozen=True)
class Series:
    """A series whose values are known: metric ``metric`` of ``noise``, steps 0 to ``rows`` - 1."""

    run_id: str
    noise: Noise
    rows: int
    metric: int = 0

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.noise.names[self.metric]

    def path(self, window: Window | None = None, points: int = 1000) -> str:
        """Where its chart is."""
        cut = f"&from={window[0]}&to={window[1]}" if window else ""
        return f"/api/series?runs={self.run_id}&key={quote(self.name)}&points={points}{cut}"

    def zooms(self, count: int, seed: int = 1) -> list[Window]:
        """Random windows, their width log-uniform from ``NARROWEST`` steps to all of them."""
        chance, found = random.Random(seed), []
        for _ in range(count):
            width = int(math.exp(chance.uniform(math.log(min(NARROWEST, self.rows)), math.log(self.rows))))
            first = chance.randint(0, self.rows - width)
            found.append((first, first + width - 1))
        return found

    def revealing(self) -> list[Window]:
        """All of it; and narrow and wide windows that begin or end at a spike, or just miss one."""
        windows = [(0, self.rows - 1)]
        turn = self.rows // SPIKE_EVERY // 2 * SPIKE_EVERY
        for spike in (turn + PEAK_AT, turn + DIP_AT):
            windows += [
                (spike - 5000, spike),
                (spike, spike + 70_000),
                (spike + 1, spike + 9000),
                (spike - 9, spike + 9),
            ]
        return [(max(first, 0), last) for first, last in windows if last < self.rows]

    def check(self, window: Window, low: float, high: float, count: int) -> None:
        """Raise unless this is what looking at every value finds."""
        first, last = window
        rows = last - first + 1
        expected = (*self.noise.extremes(self.metric, first, rows), rows)
        if (low, high, count) != expected:
            raise DifferentError(f"{self.run_id} {window}: min, max, count {low}, {high}, {count}, not {expected}")


class Reader:
    """One HTTP connection that stays open, as a browser's."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)

    def get(self, path: str) -> tuple[float, bytes]:
        """Milliseconds to the last byte, and the body."""
        began = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1e3
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} for {path}: {body[:300].decode(errors='replace')}")
        return took, body

    def json(self, path: str) -> Any:
        """The answer, parsed."""
        return json.loads(self.get(path)[1])

    def span(self, path: str) -> Span:
        """When the request began and when its last byte came."""
        began = time.monotonic()
        self.get(path)
        return began, time.monotonic()

    def times(self, paths: "list[str]") -> list[float]:
        """Milliseconds of each."""
        return [self.get(path)[0] for path in paths]

    def check(self, series: Series) -> None:
        """Raise unless the charts of some windows hold the smallest and largest value and count every point."""
        for window in series.revealing():
            chart = self.json(series.path(window))
            line = chart["series"][0]
            low = min(value for value in line["min"] if value is not None)
            high = max(value for value in line["max"] if value is not None)
            series.check(window, low, high, sum(line["count"]))
            if chart["stored"] != window[1] - window[0] + 1:
                raise DifferentError(f"{series.run_id} {window}: stored {chart['stored']}")


def interleaved(series: "list[Series]", count: int, seed: int = 1) -> "list[tuple[Series, Window]]":
    """``count`` zooms of each, in turns, so that none is measured in a better minute."""
    zooms = [[(one, window) for window in one.zooms(count, seed + at)] for at, one in enumerate(series)]
    return [zoom for turn in zip(*zooms, strict=True) for zoom in turn]
