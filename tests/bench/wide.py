"""A process that writes one run with very many metrics: sets of 10,000 names each."""

import time

from tests.bench.connection import Connection, RefusedError
from tests.bench.noise import Noise
from tests.bench.processes import answer, order, ready
from tests.bench.tape import FIRST_ROW_SEQ, batch, set_of

RUN_ID = "wide"
NAMES = 10_000
FRAME_ROWS = 10


def name(number: int) -> str:
    """Name of one of all metrics; a hundredth of them has the same layer."""
    return f"model.layer.{number % 100:02d}.block.{number}/grad_norm"


def frames(number: int, rows: int) -> "list[bytes]":
    """All frames of set ``number``; sets follow each other in the stream."""
    noise, found = Noise(number, NAMES), []
    for first in range(0, rows, FRAME_ROWS):
        columns = set_of(noise, first, FRAME_ROWS, number=number)
        if first:
            del columns["names"]
        else:
            columns["names"] = [name(number * NAMES + at) for at in range(NAMES)]
        found.append(batch(FIRST_ROW_SEQ + number * rows + first, FRAME_ROWS, [columns], []))
    return found


def main() -> None:
    """Do one order: ``url``, ``sets``, ``rows``."""
    given = order()
    connection = Connection(given["url"])
    connection.hello(RUN_ID, name=RUN_ID, sdk="bench")
    _deliver(connection, batch(1, 1, [], [{"at": 0, "type": "config", "name": RUN_ID}]))
    ready()
    began = time.monotonic()
    for number in range(given["sets"]):
        for one in frames(number, given["rows"]):
            _deliver(connection, one)
    ended = time.monotonic()
    last = FIRST_ROW_SEQ + given["sets"] * given["rows"]
    _deliver(connection, batch(last, 1, [], [{"at": 0, "type": "status", "status": "completed"}]))
    connection.leave(last)
    answer(began=began, ended=ended)


def _deliver(connection: Connection, one: bytes) -> None:
    connection.send(one)
    while not (found := connection.messages(60)):
        pass
    if found[-1]["type"] != "ack":
        raise RefusedError(str(found[-1]))


if __name__ == "__main__":
    main()
