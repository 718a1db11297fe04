"""The thread that samples host and process while a run trains."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from stepwire.client.batch import Record
from stepwire.client.clock import Clock
from stepwire.client.imports import load

if TYPE_CHECKING:
    from stepwire.system import HostSampler, ProcessSampler

_FIRST_SECONDS = 1.0


class Sampler:
    """Puts a ``system`` record every ``interval`` seconds, the first one sooner.

    Args:
        interval: Seconds; 0 for never.
        put: Takes the record.
    """

    def __init__(self, interval: float, run_id: str, put: Callable[[Record], None], clock: Clock) -> None:
        self._interval = interval
        self._run_id = run_id
        self._put = put
        self._clock = clock
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start sampling, in a daemon thread."""
        if self._interval <= 0:
            return
        with suppress(RuntimeError):  # the system has no more threads: the run goes without samples
            threading.Thread(target=self._run, name="stepwire-sampler", daemon=True).start()

    def stop(self) -> None:
        """Sample no more."""
        self._stopped.set()

    def _run(self) -> None:
        pause = min(self._interval, _FIRST_SECONDS)
        while (samplers := _prepare()) is None:
            if self._stopped.wait(pause):
                return
        import psutil

        host, process = samplers
        while not self._stopped.wait(pause):
            pause = self._interval
            try:
                sample = {"host": asdict(host.sample((self._run_id,))), "process": asdict(process.sample())}
            except (psutil.Error, OSError):  # /proc may be hidden or change under our feet: next time
                continue
            self._put({"type": "system", "time": self._clock.now(), **sample})


def _prepare() -> "tuple[HostSampler, ProcessSampler] | None":
    """Load what samples host and process; return None when no file descriptor is free for that."""
    try:
        load("psutil", "stepwire.system")
        with suppress(ImportError):  # the sampler knows how to do without GPUs
            load("pynvml")
        from stepwire.system import HostSampler, ProcessSampler

        return HostSampler(), ProcessSampler()
    except OSError:
        return None
