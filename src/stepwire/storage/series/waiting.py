"""What of each stream is not sealed yet, and which of them is sealed next. Found without looking at all of them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

TAIL_BYTES = 24 * 1024 * 1024
FEW_BYTES = 64 * 1024
FEW_SECONDS = 15 * 60.0


@dataclass(slots=True)
class Unsealed:
    """What of a stream is not sealed, as far as this process knows."""

    source: int
    rows: dict[int, int] = field(default_factory=dict)
    full: bool = False
    nbytes: int = 0
    changed: float = field(default_factory=time.monotonic)
    finished: bool = False
    retry_at: float = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is worth a seal though more may come."""
        return self.full or self.nbytes > TAIL_BYTES


class Waiting:
    """The streams with something to seal, by number. The caller sees to it that one thread at a time changes it."""

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._streams: dict[int, Unsealed] = {}
        self._of_source: dict[int, set[int]] = {}
        self._due: dict[int, None] = {}
        self._finished: dict[int, None] = {}

    def __iter__(self) -> Iterator[Unsealed]:
        return iter(list(self._streams.values()))

    def __contains__(self, source: int) -> bool:
        return source in self._of_source

    def get(self, number: int) -> Unsealed | None:
        """One stream's, if it waits."""
        return self._streams.get(number)

    def add(self, number: int, source: int) -> Unsealed:
        """One stream's; it waits from here on."""
        if number not in self._streams:
            self._streams[number] = Unsealed(source)
            self._of_source.setdefault(source, set()).add(number)
        return self._streams[number]

    def sort(self, number: int) -> None:
        """Note what a stream has become."""
        stream = self._streams[number]
        if stream.is_due:
            self._due[number] = None
        if stream.finished:
            self._finished[number] = None

    def finish(self, source: int) -> None:
        """No more comes to a source: all of it is to be sealed."""
        for number in self._of_source.get(source, ()):
            self._streams[number].finished = True
            self._finished[number] = None

    def pop(self, number: int) -> Unsealed | None:
        """Take one out."""
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._due.pop(number, None)
            self._finished.pop(number, None)
            numbers = self._of_source[stream.source]
            numbers.discard(number)
            if not numbers:
                del self._of_source[stream.source]
        return stream

    def put_back(self, number: int, known: Unsealed) -> None:
        """One that was taken out waits again, together with what came meanwhile."""
        now = self.add(number, known.source)
        now.nbytes += known.nbytes
        for metric_set, count in known.rows.items():
            now.rows[metric_set] = now.rows.get(metric_set, 0) + count
        now.full = now.full or known.full
        now.finished = now.finished or known.finished
        now.retry_at = max(now.retry_at, known.retry_at)
        self.sort(number)

    def clear(self) -> None:
        """Forget all."""
        for known in (self._streams, self._of_source, self._due, self._finished):
            known.clear()

    def pick(self, now: float, *, due_first: bool) -> tuple[int, Unsealed, bool] | None:
        """The next stream to seal, and whether all of it; those that failed just now have to wait."""
        due = list(self._ready(self._due, now))
        if due and due_first:
            return (*max(due, key=lambda item: item[1].nbytes), False)
        whole = next(chain(self._ready(self._finished, now), self._idle(now)), None)
        if whole is not None:
            return (*whole, True)
        return (*max(due, key=lambda item: item[1].nbytes), False) if due else None

    def _ready(self, numbers: dict[int, None], now: float) -> Iterator[tuple[int, Unsealed]]:
        for number in list(numbers):
            stream = self._streams.get(number)
            if stream is not None and stream.retry_at <= now:
                yield number, stream

    def _idle(self, now: float) -> Iterator[tuple[int, Unsealed]]:
        for number, stream in list(self._streams.items()):
            idle = now - stream.changed
            # A few rows that come now and then stay in the journal: each seal writes the last chunk anew.
            few = stream.nbytes <= FEW_BYTES
            if stream.retry_at <= now and idle > (FEW_SECONDS if few else self._idle_seconds):
                yield number, stream
