"""When the machine itself was slow: a process beside a benchmark that does the same small work again and again.

A guest is not told when its host gives it less than a whole processor: it counts that time as its own. So the watch
compares the processor time of work that is always the same. Waiting for a processor that another process has does not
count: only work that took more of one.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median

PAUSE_SECONDS = 0.004
ADDITIONS = 3_000  # some 0.15 ms
SLOW = 2.5  # times the median


Span = tuple[float, float]
"""Begin and end in monotonic seconds, which all processes of a machine share."""


class Host:
    """The moments in which the machine was slow, known when the watch has ended."""

    def __init__(self) -> None:
        self.slow: list[Span] = []
        self.seconds = 0.0

    @property
    def share(self) -> float:
        """How much of the time it was slow, from 0 to 1."""
        return sum(end - begin for begin, end in self.slow) / self.seconds if self.seconds else 0.0

    def steady(self, spans: Sequence[Span]) -> list[Span]:
        """Those spans that touch no slow moment."""
        return [
            (begin, end)
            for begin, end in spans
            if not any(begin < slow_end and slow_begin < end for slow_begin, slow_end in self.slow)
        ]


@contextmanager
def watched() -> Iterator[Host]:
    """Watch the machine meanwhile."""
    host, began = Host(), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.host"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield host
        told, _ = process.communicate(timeout=30)
        host.slow = [(begin, end) for begin, end in json.loads(told)]
        host.seconds = time.monotonic() - began
    finally:
        process.kill()
        process.wait()


def milliseconds(spans: Sequence[Span]) -> list[float]:
    """How long each lasted."""
    return [(end - begin) * 1e3 for begin, end in spans]


def slow_moments(samples: Sequence[tuple[float, float, float]]) -> list[Span]:
    """The spans around samples (begin, end, processor seconds) that took far more of a processor than the usual one."""
    if not samples:
        return []
    usual = median(cpu for _, _, cpu in samples)
    found: list[Span] = []
    before = samples[0][0]
    for number, (_, end, cpu) in enumerate(samples):
        after = samples[number + 1][0] if number + 1 < len(samples) else end
        if cpu > SLOW * usual:  # it may have begun right after the sample before, and end right before the next
            if found and found[-1][1] >= before:
                found[-1] = (found[-1][0], after)
            else:
                found.append((before, after))
        before = end
    return found


def watch() -> list[tuple[float, float, float]]:
    """Sample until standard input ends."""
    import select

    samples = []
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        begin, cpu = time.monotonic(), time.thread_time()
        total = 0
        for number in range(ADDITIONS):
            total += number
        samples.append((begin, time.monotonic(), time.thread_time() - cpu))
    return samples


if __name__ == "__main__":
    print(json.dumps(slow_moments(watch())))
