"""A process that makes many short runs over the socket, one connection each, as many scripts would."""

import random
import struct
import time
from typing import Any

from tests.bench.connection import Connection, RefusedError
from tests.bench.noise import ROW_MICROSECONDS, START
from tests.bench.processes import answer, order, ready
from tests.bench.tape import batch

METRICS = ("loss", "accuracy", "lr", "grad_norm", "throughput")
OPTIMIZERS = ("adam", "sgd", "lion")


def run_id(number: int) -> str:
    """Id of a run of the crowd."""
    return f"crowd_{number:06d}"


def config(number: int) -> dict[str, Any]:
    """A run's config: every third one trains with adam."""
    optimizer = {"name": OPTIMIZERS[number % len(OPTIMIZERS)], "lr": 10.0 ** -(number % 5)}
    return {"optim": optimizer, "model": {"depth": number % 24}, "seed": number}


def values(number: int, rows: int) -> list[list[float]]:
    """A run's rows of values."""
    chance = random.Random(number)
    return [[chance.uniform(0.01, 3.0) for _ in METRICS] for _ in range(rows)]


def least_loss(number: int, rows: int) -> float:
    """What the run list ranks by."""
    return min(row[0] for row in values(number, rows))


def frame(number: int, rows: int) -> bytes:
    """All that one run says, its end included."""
    columns = {
        "id": 0,
        "names": METRICS,
        "at": struct.pack(f"<{rows}I", *range(1, rows + 1)),
        "steps": struct.pack(f"<{rows}q", *range(rows)),
        "times": struct.pack(f"<{rows}q", *(START + row * ROW_MICROSECONDS for row in range(rows))),
        "values": struct.pack(f"<{rows * len(METRICS)}d", *(value for row in values(number, rows) for value in row)),
    }
    described = {"at": 0, "type": "config", "name": f"crowd {number}", "project": "crowd", "config": config(number)}
    ended = {"at": rows + 1, "type": "status", "status": "completed"}
    return batch(1, rows + 2, [columns], [described, ended])


def deliver(url: str, number: int, rows: int) -> None:
    """Make one run; returns when the server has acknowledged it."""
    connection = Connection(url)
    connection.hello(run_id(number), name=f"crowd {number}", project="crowd", sdk="bench")
    connection.send(frame(number, rows))
    acked = 0
    while acked < rows + 2:
        for message in connection.messages(60):
            if message["type"] != "ack":
                raise RefusedError(str(message))
            acked = message["acked_seq"]
    connection.leave(rows + 2)


def main() -> None:
    """Do one order: ``url``, ``numbers`` (first, after the last, stride), ``rows``."""
    given = order()
    ready()
    began = time.monotonic()
    for number in range(*given["numbers"]):
        deliver(given["url"], number, given["rows"])
    answer(began=began, ended=time.monotonic())


if __name__ == "__main__":
    main()
