"""Retention on a running server: one thread, one piece of work at a time, its events told to the viewers."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from stepwire.protocol import EventMessage
from stepwire.server.hub import Hub
from stepwire.server.records import now_us
from stepwire.server.settings import Settings
from stepwire.storage.archive import StoppedError
from stepwire.storage.catalog.interface import Archive
from stepwire.storage.open import Storage
from stepwire.storage.retention import Policy, Retention

T = TypeVar("T")
_DONE = object()


class Keeping:
    """Archives, restores and purges off the event loop. Methods are called on it.

    A call that waits for another keeps its place. Whoever asked may leave; the work goes on.
    """

    def __init__(self, storage: Storage, hub: Hub, settings: Settings) -> None:
        policy = Policy(settings.keep_raw_days, settings.archive_days, settings.trash_days)
        self._hub = hub
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stepwire-retention")
        self._retention = Retention(storage, policy, now_us, self._tell, self._proceed)

    async def turn(self) -> None:
        """Do what is due by the policy, and what a kill broke off. Who asks for something waits for one run at most."""
        steps = self._retention.steps()
        while await self._run(lambda: next(steps, _DONE)) is not _DONE:
            pass

    async def archive(self, run_id: str) -> Archive:
        """Move a run's points into a file; raises as :meth:`stepwire.storage.archive.Archives.archive`."""
        return await self._run(lambda: self._retention.archives.archive(run_id))

    async def restore(self, run_id: str) -> Archive:
        """Bring a run's points back; raises as :meth:`stepwire.storage.archive.Archives.restore`."""
        return await self._run(lambda: self._retention.archives.restore(run_id))

    async def purge(self, run_id: str) -> None:
        """Delete a run in the trash for good. Raises NotFoundError."""
        await self._run(lambda: self._retention.purge(run_id))

    async def empty_trash(self) -> int:
        """Delete every run in the trash for good; returns how many there were."""
        return await self._run(self._retention.empty_trash)

    async def stop(self) -> None:
        """End the work after the piece under way; it goes on after the next start."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        self._loop = asyncio.get_running_loop()
        under_way = self._loop.run_in_executor(self._thread, work)
        under_way.add_done_callback(_take_error)
        return await asyncio.shield(under_way)

    def _proceed(self) -> None:
        if self._stopping.is_set():
            raise StoppedError("The server is stopping; this goes on after the next start.")

    def _tell(self, event: EventMessage) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._hub.publish, event, event.run_id)


def _take_error(done: asyncio.Future[T]) -> None:
    """Whoever asked may be gone; an error that nobody waits for is none of asyncio's business."""
    if not done.cancelled():
        done.exception()
