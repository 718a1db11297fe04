"""What the server does by itself: sample its host, judge runs that went silent, keep to the retention policy."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import structlog

from stepwire.protocol import HostStatus, SystemUpdate
from stepwire.server.context import Context
from stepwire.server.records import now_us
from stepwire.storage.catalog.interface import Run
from stepwire.system import HostSampler

log = structlog.get_logger()
JUDGE_SECONDS = 2.0
RETENTION_SECONDS = 600.0
RETENTION_FIRST_SECONDS = 60.0
SAMPLES_PER_WRITE = 5
HOST_SILENT_US = 600_000_000
FIRST_SAMPLE_SECONDS = 0.2  # the load is counted over this long before the first sample


class Jobs:
    """The background tasks of one server."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tasks: list[asyncio.Task[None]] = []
        # One thread for all samples: psutil tells the load since the same thread's call before.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stepwire-sampler")
        self._sampler: HostSampler | None = None
        self._runs: dict[str, list[str]] = {}
        self._unsaved: list[HostStatus] = []

    def start(self) -> None:
        """Begin; the first host sample is taken at once."""
        context = self._context
        context.ingest.on_command = context.liveness.deliver
        context.ingest.on_system = self._show
        self._tasks = [
            asyncio.create_task(self._every(context.settings.sample_seconds, self._sample)),
            asyncio.create_task(self._every(JUDGE_SECONDS, self._judge)),
            asyncio.create_task(self._every(RETENTION_SECONDS, context.keeping.turn, first=RETENTION_FIRST_SECONDS)),
        ]

    async def stop(self) -> None:
        """End the tasks, and store the samples that wait."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)
        with contextlib.suppress(RuntimeError):
            await self._save()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]], *, first: float = 0.0) -> None:
        await asyncio.sleep(first)
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - a job that failed once runs again; the log tells
                log.error("job_failed", job=work.__name__, error=repr(error))
            await asyncio.sleep(seconds)

    async def _sample(self) -> None:
        status = await asyncio.get_running_loop().run_in_executor(self._thread, self._take)
        self._show(status)
        self._unsaved.append(status)
        if len(self._unsaved) >= SAMPLES_PER_WRITE:
            await self._save()

    def _take(self) -> HostStatus:
        if self._sampler is None:
            self._sampler = HostSampler(str(self._context.settings.data_folder), self._context.host)
            time.sleep(FIRST_SAMPLE_SECONDS)
        return self._sampler.sample()

    async def _save(self) -> None:
        samples, self._unsaved = self._unsaved, []
        if samples:
            await self._context.ingest.add_host_samples(samples)

    def _show(self, status: HostStatus) -> None:
        known = replace(status, runs=self._runs.get(status.host, []))
        self._context.hosts[status.host] = known
        self._context.hub.publish(SystemUpdate(known))

    async def _judge(self) -> None:
        running = await self._context.reads(self._context.storage.catalog.running_runs)
        self._forget_hosts()
        self._note_runs(running)
        self._context.liveness.keep({run.id for run in running})
        for run in running:
            if self._context.liveness.is_known(run.id):
                await self._judge_run(run)

    def _note_runs(self, running: list[Run]) -> None:
        """Remember which runs are on which host."""
        self._runs = {}
        for run in running:
            if run.host is not None:
                self._runs.setdefault(run.host, []).append(run.id)

    def _forget_hosts(self) -> None:
        """A host that nobody told of for ten minutes is not shown any more; its history stays."""
        since = now_us() - HOST_SILENT_US
        hosts = self._context.hosts
        for host in [host for host, status in hosts.items() if status.time < since and host != self._context.host]:
            del hosts[host]

    async def _judge_run(self, run: Run) -> None:
        liveness, ingest = self._context.liveness, self._context.ingest
        if run.host == self._context.host and not liveness.is_connected(run.id) and not _process_lives(run):
            await ingest.set_status(run.id, "crashed", reason="the process is gone without a word")
        elif liveness.is_crashed(run.id):
            await ingest.set_status(run.id, "crashed", reason="no word for minutes")
        elif liveness.is_disconnected(run.id) and run.health == "ok":
            await ingest.set_status(run.id, "running", health="disconnected", reason="no word from the training script")


def _process_lives(run: Run) -> bool:
    """Whether the run's process still exists; one with the same pid that started later is another."""
    if run.pid is None:
        return True
    try:
        started = psutil.Process(run.pid).create_time()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return run.pid_start is None or abs(started - run.pid_start) < 2
