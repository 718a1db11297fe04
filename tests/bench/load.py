"""Load from raw clients: which frames, how many processes, and whether all of it is stored afterwards."""

import os
from dataclasses import dataclass
from typing import Any

from tests.bench.noise import Noise
from tests.bench.processes import Crew, Order, together
from tests.bench.stored import check

CLIENTS = 4


@dataclass(frozen=True)
class Shape:
    """Frames of ``rows`` steps of ``metrics`` metrics, and the points per second that are expected of them."""

    metrics: int
    rows: int
    goal: float

    @property
    def points(self) -> int:
        """Points in a frame."""
        return self.metrics * self.rows

    def prepared(self, seconds: float) -> int:
        """Frames that one client builds before the clock runs, so that it needs no CPU for them later."""
        return max(64, int(1.25 * self.goal * seconds / CLIENTS / self.points))


MIDDLE = Shape(50, 20, 3_000_000)
WIDE = Shape(2000, 10, 8_000_000)
SMALL = Shape(4, 1, 4 * 30_000)


def orders(
    url: str, shape: Shape, seconds: float, *, clients: int = CLIENTS, salt: int = 0, **more: Any
) -> list[Order]:
    """What ``writer.py`` is told, for a run per client.

    Args:
        salt: Tells the runs of one call from those of another on the same server.
        more: ``window``, ``rate`` (rows per second and client), ``frames``, ``exact32``.
    """
    common = {"url": url, "metrics": shape.metrics, "rows": shape.rows, "seconds": seconds}
    common |= {"prepare": shape.prepared(seconds)} | more
    numbers = range(salt, salt + clients)
    return [common | {"run_id": f"raw_{shape.metrics}x{shape.rows}_{number}", "salt": number} for number in numbers]


def write(url: str, shape: Shape, seconds: float, **more: Any) -> list[dict[str, Any]]:
    """Have clients write at the same time; each one's order and what it did. Arguments as ``orders``."""
    given = orders(url, shape, seconds, **more)
    return [order | told for order, told in zip(given, together("writer", given), strict=True)]


class Background:
    """Clients that write while something else is measured; arguments as ``orders``."""

    def __init__(self, url: str, shape: Shape, seconds: float, **more: Any) -> None:
        self._orders = orders(url, shape, seconds, **more)
        self._crew = Crew("writer", self._orders)

    def __enter__(self) -> "Background":
        self._crew.begin()
        return self

    def __exit__(self, *error: Any) -> None:
        self._crew.__exit__(*error)

    @property
    def run_ids(self) -> list[str]:
        """The runs that they write."""
        return [order["run_id"] for order in self._orders]

    def told(self) -> list[dict[str, Any]]:
        """Wait for the end; each one's order and what it did."""
        return [order | told for order, told in zip(self._orders, self._crew.answers(), strict=True)]


def check_all(url: str, told: list[dict[str, Any]]) -> None:
    """Raise unless the server has what these clients sent, all of it and nothing else."""
    for one in told:
        check(url, one["run_id"], Noise(one["salt"], one["metrics"], one.get("exact32", True)), one["total"])


def rate(told: list[dict[str, Any]]) -> float:
    """Points per second of all clients, from the first frame to the last acknowledgement."""
    return sum(one["points"] for one in told) / span(told)


def span(told: list[dict[str, Any]]) -> float:
    """Seconds from the first frame to the last acknowledgement."""
    return max(one["ended"] for one in told) - min(one["began"] for one in told)


def share_of_cpu(told: list[dict[str, Any]]) -> str:
    """What the clients took of the CPU that they share with the server."""
    return f"clients took {sum(one['cpu'] for one in told) / span(told):.2f} of {os.cpu_count()} cores"


def worst(told: list[dict[str, Any]], share: str) -> float:
    """``p50``, ``p99`` or ``worst`` acknowledgement of the client that had it worst, in ms."""
    return max(one[share] for one in told)
