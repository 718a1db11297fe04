"""Reading back what was sent: counts by the summaries, and one series point by point."""

import hashlib
import time
from urllib.error import HTTPError
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from tests.bench.noise import Noise
from tests.bench.server import get

MOST_DIGESTED = 2_000_000
_PAGE_ROWS = 100_000


class DifferentError(AssertionError):
    """What is stored is not what was sent."""


def check(url: str, run_id: str, noise: Noise, rows: int, metric: int | None = None) -> None:
    """Raise unless the server has exactly these rows: the count of each metric, and one metric's values bit for bit.

    Of a longer series the first ``MOST_DIGESTED`` values are compared.
    """
    expected = dict.fromkeys(noise.names, rows)
    found = {name: one["count"] for name, one in get(f"{url}/api/runs/{run_id}?keys=*")["summary"].items()}
    if found != expected:
        total = sum(found.values())
        raise DifferentError(f"{run_id}: {total} points in {len(found)} series, sent {rows * noise.metrics}")
    column = min(7, noise.metrics - 1) if metric is None else metric
    name, most = noise.names[column], min(rows, MOST_DIGESTED)
    if read_digest(url, run_id, name, most) != sent_digest(noise, column, most):
        raise DifferentError(f"{run_id}: the values of {name} are not those that were sent")


def read_digest(url: str, run_id: str, name: str, most: int) -> str:
    """SHA-256 of the first ``most`` values of a series, as the server gives them out."""
    digest, count, cursor = hashlib.sha256(), 0, ""
    while cursor is not None and count < most:
        more = f"&cursor={quote(cursor)}" if cursor else ""
        page = get(f"{url}/api/runs/{run_id}/metrics?raw=true&limit={_PAGE_ROWS}&key={quote(name)}{more}")
        values = page["keys"].get(name, {"value": []})["value"][: most - count]
        digest.update(as_bytes(np.array(values, dtype=np.float64)))
        count, cursor = count + len(values), page["next_cursor"]
    return digest.hexdigest()


def sent_digest(noise: Noise, metric: int, rows: int) -> str:
    """SHA-256 of the first ``rows`` values of a series, as they were sent."""
    digest = hashlib.sha256()
    for first in range(0, rows, _PAGE_ROWS):
        digest.update(as_bytes(noise.column(metric, first, min(_PAGE_ROWS, rows - first))))
    return digest.hexdigest()


def as_bytes(values: NDArray[np.float64]) -> bytes:
    """Little-endian float64."""
    return values.astype("<f8").tobytes()


def backlog(url: str) -> dict[str, int] | None:
    """What is committed and not yet sealed, as the server tells it; ``None`` when it does not."""
    try:
        return dict(get(f"{url}/api/storage"))
    except HTTPError as error:
        if error.code == 404:
            return None
        raise


HOST_POINTS = 2000  # samples of the host wait for company


def shrink(url: str, seconds: float = 120) -> None:
    """Wait until the server gave back what it freed: the free bytes of the database fall no more."""
    deadline, before = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        free = get(f"{url}/api/storage")["free_bytes"]
        if before is not None and free >= before and free < 32 * 2**20:
            return
        before = free
        time.sleep(3)


def settle(url: str, seconds: float = 60) -> float:
    """Wait until everything is sealed, at most ``seconds``; how long it took. A server that can't tell gets 2 s."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) < seconds:
        found = backlog(url)
        if found is None:
            time.sleep(2)
            return 2.0
        if found["unsealed_points"] < HOST_POINTS:
            return waited
        time.sleep(0.2)
    return seconds
