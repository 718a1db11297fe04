"""The server's own host, sampled in a thread that nobody waits for."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

import structlog

from stepwire.protocol import HostStatus
from stepwire.system.host import HostSampler

log = structlog.get_logger()
FIRST_SAMPLE_SECONDS = 0.2  # the load is counted over this long before the first sample


class HostWatch:
    """Samples this host again and again. A GPU driver that does not answer holds up this thread, not the server.

    Args:
        folder: A folder of the file system to watch.
        host: Name of this machine.
        seconds: Time between two samples.
        tell: Takes each sample, on the event loop.
    """

    def __init__(self, folder: str, host: str, seconds: float, tell: Callable[[HostStatus], None]) -> None:
        self._folder = folder
        self._host = host
        self._seconds = seconds
        self._tell = tell
        self._stopped = threading.Event()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; the first sample comes at once."""
        threading.Thread(target=self._run, args=(loop,), name="stepwire-sampler", daemon=True).start()

    def stop(self) -> None:
        """Tell no more samples. The thread ends by itself, or with the process."""
        self._stopped.set()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        # Made and used in the same thread: psutil tells the load since this thread's call before.
        sampler = HostSampler(self._folder, self._host)
        pause = FIRST_SAMPLE_SECONDS
        while not self._stopped.wait(pause):
            pause = self._seconds
            try:
                status = sampler.sample()
            except Exception as error:  # noqa: BLE001 - a sample that failed is followed by the next; the log tells
                log.error("job_failed", job="sample", error=repr(error))
                continue
            with suppress(RuntimeError):  # the loop has ended: nobody is left to be told
                loop.call_soon_threadsafe(self._told, status)

    def _told(self, status: HostStatus) -> None:
        if not self._stopped.is_set():
            self._tell(status)
