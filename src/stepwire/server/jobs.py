"""What the server does by itself: sample its host, judge runs that went silent, keep to the retention policy."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import structlog

from stepwire.formats.places import boot_id, spool_root
from stepwire.formats.spoolowner import Here
from stepwire.protocol import HostStatus, SystemUpdate
from stepwire.server.context import Context
from stepwire.server.follow import Follower, is_own_address
from stepwire.server.host import HostWatch
from stepwire.server.judge import Judge
from stepwire.server.records import now_us
from stepwire.storage.catalog.interface import Run
from stepwire.system import installation_id, process_space, process_start
from stepwire.system.gpu import lost_line

log = structlog.get_logger()
JUDGE_SECONDS = 2.0
RETENTION_SECONDS = 600.0
RETENTION_FIRST_SECONDS = 60.0
FOLLOW_SECONDS = 0.5
SWEEP_SECONDS = 30.0
SWEEP_FIRST_SECONDS = 3.0
SAMPLES_PER_WRITE = 5
HOST_SILENT_US = 600_000_000


class Jobs:
    """The background tasks of one server."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tasks: list[asyncio.Task[None]] = []
        settings = context.settings
        self._watch = HostWatch(str(settings.data_folder), context.host, settings.sample_seconds, self._sampled)
        self._lost: set[int] = set()
        self._runs: dict[str, list[str]] = {}
        self._unsaved: list[HostStatus] = []
        self._judgement = Judge(context)

    def start(self) -> None:
        """Begin; the first host sample is taken at once."""
        context = self._context
        context.ingest.on_command = context.liveness.deliver
        context.ingest.on_system = self._show
        self._tasks = [
            asyncio.create_task(self._every(context.settings.sample_seconds, self._save)),
            asyncio.create_task(self._every(JUDGE_SECONDS, self._judge)),
            *self._follow_spools(),
            asyncio.create_task(self._every(RETENTION_SECONDS, context.keeping.turn, first=RETENTION_FIRST_SECONDS)),
        ]
        self._watch.start(asyncio.get_running_loop())

    def _follow_spools(self) -> list[asyncio.Task[None]]:
        context = self._context
        settings = context.settings
        follower = Follower(
            context.ingest,
            [Path(folder).expanduser().absolute() for folder in settings.follow],
            spool_root() if settings.sweep else None,
            here=Here(process_start, boot_id(), process_space(), installation_id()),
            is_ours=lambda url: is_own_address(url, settings.port, context.host),
            hear=context.liveness.hear_in_folder,
            step=context.liveness.step,
        )
        tasks = []
        if settings.follow:
            tasks.append(asyncio.create_task(self._every(FOLLOW_SECONDS, follower.follow)))
        if settings.sweep:
            tasks.append(asyncio.create_task(self._every(SWEEP_SECONDS, follower.sweep, first=SWEEP_FIRST_SECONDS)))
        return tasks

    async def stop(self) -> None:
        """End the tasks, and store the samples that wait."""
        self._watch.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(RuntimeError):
            await self._store()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]], *, first: float = 0.0) -> None:
        await asyncio.sleep(first)
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - a job that failed once runs again; the log tells
                log.error("job_failed", job=work.__name__, error=repr(error))
            await asyncio.sleep(seconds)

    def _sampled(self, status: HostStatus) -> None:
        self._show(status)
        self._unsaved.append(status)

    async def _save(self) -> None:
        if len(self._unsaved) >= SAMPLES_PER_WRITE:
            await self._tell_lost(self._unsaved[-1])
            await self._store()

    async def _tell_lost(self, status: HostStatus) -> None:
        """An event for each GPU that fell off the bus, once."""
        for gpu in status.gpus:
            if gpu.lost and gpu.index not in self._lost:
                self._lost.add(gpu.index)
                line = lost_line(gpu.index, gpu.name)
                await self._context.ingest.add_event("error", "system", "gpu_lost", line, {"gpu": gpu.index})

    async def _store(self) -> None:
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
        await self._judgement.turn(running)

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
