"""A process that writes raw frames of one run: as fast as the server acknowledges them, or at a given rate."""

import time
from collections import deque
from typing import Any

import numpy as np

from tests.bench.connection import Connection, RefusedError
from tests.bench.noise import Noise
from tests.bench.processes import answer, order, ready
from tests.bench.tape import FIRST_ROW_SEQ, Tape, batch, set_of

FOR_EVER = 2**62
LATEST_SECONDS = 120.0
PACED_PIECE = 64


class Writer:
    """One stream: frames go out while the window has room, acknowledgements come in.

    Args:
        window: Most frames without an acknowledgement; less when the server's window in bytes is smaller.
        prepare: Frames that are built before the clock runs.
        rate: Rows per second; 0 for as many as go.
    """

    def __init__(
        self, connection: Connection, run_id: str, noise: Noise, rows: int, *, window: int, prepare: int, rate: float
    ) -> None:
        self._connection = connection
        self._noise = noise
        self._rows = rows
        self._interval = rows / rate if rate else 0.0
        welcome = connection.hello(run_id, name=run_id, sdk="bench")
        self._tape = Tape(noise, rows, PACED_PIECE if rate else prepare)
        self._tape.fill(1)
        self._window = max(1, min(window, welcome["window_bytes"] // self._tape.frame_bytes))
        self._under_way: deque[tuple[int, float]] = deque()  # (frame after the last of a piece, when it was sent)
        self.latencies: list[float] = []
        self.arrivals: list[float] = []
        self.sent = self.acked = 0

    def open(self) -> None:
        """Send the config and frame 0, which has the names, and wait for the acknowledgement."""
        config = {"at": 0, "type": "config", "name": "bench", "project": "bench"}
        n = self._rows + 1
        self._connection.send(batch(1, n, [set_of(self._noise, 0, self._rows, at=1)], [config]))
        self.sent = 1
        self._wait_for_all()
        self.latencies.clear()
        self.arrivals.clear()

    def write(self, seconds: float, frames: int) -> tuple[float, float]:
        """Write for ``seconds`` or up to ``frames`` in all, and wait for all acknowledgements.

        Returns:
            Begin and end, on the clock that all processes of a machine share.
        """
        began = time.monotonic()
        until = began + seconds
        offset = self.sent
        while self.sent < frames and (now := time.monotonic()) < until:
            due = offset + int((now - began) / self._interval) + 1 if self._interval else FOR_EVER
            room = min(due, self.acked + self._window, frames) - self.sent
            if room > 0:
                self._send(room)
            self._take(0.0 if room > 0 and self.sent < self.acked + self._window else self._patience(began, offset))
        self._wait_for_all()
        return began, time.monotonic()

    def close(self) -> None:
        """End the run as completed."""
        seq = FIRST_ROW_SEQ + self.sent * self._rows
        self._connection.send(batch(seq, 1, [], [{"at": 0, "type": "status", "status": "completed"}]))
        self._wait_for(seq)
        self._connection.leave(seq)

    def _patience(self, began: float, offset: int) -> float:
        """Seconds until the next frame is due; when the window is full an acknowledgement comes before that."""
        if not self._interval or self.sent >= self.acked + self._window:
            return 1.0
        return max(began + (self.sent - offset) * self._interval - time.monotonic(), 0.0)

    def _send(self, count: int) -> None:
        piece = self._tape.piece(self.sent, count)
        self._under_way.append((self.sent + len(piece) // self._tape.frame_bytes, time.monotonic()))
        self.sent = self._under_way[-1][0]
        self._connection.send(piece)

    def _take(self, seconds: float) -> int:
        """Take what has arrived; returns the last record acknowledged."""
        seq = 0
        for message in self._connection.messages(seconds):
            if message["type"] != "ack":
                raise RefusedError(str(message))
            seq = message["acked_seq"]
            self._note((seq + 1 - FIRST_ROW_SEQ) // self._rows)
        return seq

    def _note(self, acked: int) -> None:
        now = time.monotonic()
        while self._under_way and self.acked < acked:
            end, when = self._under_way[0]
            upto = min(end, acked)
            self.latencies += [now - when] * (upto - self.acked)
            self.arrivals += [now] * (upto - self.acked)
            self.acked = upto
            if upto == end:
                self._under_way.popleft()
        self.acked = max(self.acked, min(acked, self.sent))

    def _wait_for_all(self) -> None:
        self._wait_for(FIRST_ROW_SEQ + self.sent * self._rows - 1)

    def _wait_for(self, seq: int) -> None:
        deadline, reached = time.monotonic() + LATEST_SECONDS, FIRST_ROW_SEQ + self.acked * self._rows - 1
        while reached < seq:
            if time.monotonic() > deadline:
                raise RefusedError(f"record {seq} was not acknowledged in {LATEST_SECONDS:.0f} s")
            reached = max(reached, self._take(1.0))


def main() -> None:
    """Do one order: ``url``, ``run_id``, ``salt``, ``metrics``, ``rows`` per frame, and whichever of ``exact32``,
    ``seconds``, ``frames`` (in all), ``window``, ``rate`` (rows per second), ``prepare`` (frames), ``leave_open``,
    ``spans`` (tell when each frame was on its way, in monotonic seconds)."""
    given = order()
    noise = Noise(given["salt"], given["metrics"], given.get("exact32", True))
    writer = Writer(
        Connection(given["url"]),
        given["run_id"],
        noise,
        given["rows"],
        window=given.get("window", 64),
        prepare=given.get("prepare", PACED_PIECE),
        rate=given.get("rate", 0),
    )
    writer.open()
    ready()
    cpu = time.process_time()
    began, ended = writer.write(given.get("seconds", FOR_EVER), given.get("frames", FOR_EVER))
    told = _latencies(writer.latencies) | {"cpu": time.process_time() - cpu}
    if given.get("spans"):
        told["spans"] = [(now - took, now) for now, took in zip(writer.arrivals, writer.latencies, strict=True)]
    if not given.get("leave_open"):
        writer.close()
    rows = writer.acked * given["rows"]
    first = given["rows"]  # before the clock
    answer(began=began, ended=ended, total=rows, points=(rows - first) * noise.metrics, frames=writer.acked - 1, **told)


def _latencies(seconds: list[float]) -> dict[str, Any]:
    if not seconds:
        return {"p50": 0.0, "p99": 0.0, "worst": 0.0}
    p50, p99, worst = np.quantile(np.array(seconds) * 1e3, [0.5, 0.99, 1.0])
    return {"p50": float(p50), "p99": float(p99), "worst": float(worst)}


if __name__ == "__main__":
    main()
