"""Judges the running runs by their lamps: which are stalled, which are lost, which have crashed, which are back."""

import os
import time
from collections.abc import Sequence
from typing import Any

import psutil
import structlog

from stepwire.protocol import Health, RunStatus
from stepwire.server.context import Context
from stepwire.server.liveness import Lamps
from stepwire.server.values import SYSTEM, is_system
from stepwire.storage.catalog.interface import Run

log = structlog.get_logger()
LAST_LINES = 20
BACK = "the training script is back"
_Verdict = tuple[RunStatus, Health, str | None]


class Judge:
    """Looks at each running run that a training script opened, and has what is wrong with it told.

    * Its process is gone from this host, and no link is open: crashed at once; a notebook's kernel: interrupted.
    * Not a word for ``silent_seconds``: disconnected. For ``crashed_seconds`` more: crashed.
    * Its points stopped: stalled; see ``StepTimes``.
    * None of these any more: ok, and a crashed run whose script speaks again is running.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._liveness = context.liveness

    async def turn(self, running: Sequence[Run]) -> None:
        """Judge once.

        Args:
            running: All runs that are running.
        """
        known = [run for run in running if self._liveness.is_known(run.id)]
        await self._look_for_processes([run for run in known if self._may_look(run)])
        for run in known:
            try:
                await self._recall_steps(run)
                await self._judge(run)
            except Exception as error:  # noqa: BLE001 - one run that can't be judged must not keep the others waiting
                log.error("run_not_judged", run_id=run.id, error=repr(error))
        for run_id in self._liveness.returned():
            await self._context.ingest.wake(run_id, BACK)

    # --- looking ---------------------------------------------------------------------------------------

    def _may_look(self, run: Run) -> bool:
        """Whether the run's process id means something here: on this host, and in this container."""
        if run.host != self._context.host or run.pid is None or run.pid <= 0:
            return False
        shared = self._liveness.shares_processes(run.id)
        if shared is None:  # this server is new: the script may be in a container, it gets the time to say so
            return self._liveness.is_disconnected(run.id)
        return shared

    async def _look_for_processes(self, runs: list[Run]) -> None:
        starts = await self._context.reads(lambda: [_started(run) for run in runs]) if runs else []
        for run, started in zip(runs, starts, strict=True):
            if started is None:
                self._liveness.see_process(run.id, "gone")
            else:
                self._liveness.see_process(run.id, "alive", max(time.time() - started, 0.0))

    async def _recall_steps(self, run: Run) -> None:
        """After a restart of this server a run that says nothing of steps is judged by what it logged before."""
        if not self._liveness.wants_history(run.id):
            return
        seconds = await self._context.reads(self._mean_seconds, run.id)
        if seconds is not None:
            self._liveness.recall(run.id, seconds)

    def _mean_seconds(self, run_id: str) -> float | None:
        """Mean time between the run's points; ``None`` when it has fewer than two."""
        series = self._context.storage.series
        counts = [one.count for one in series.summaries([run_id])[run_id] if not is_system(one.name)]
        newest, first = series.newest([run_id], but=SYSTEM).get(run_id), series.start_time(run_id)
        if newest is None or first is None or max(counts, default=0) < 2:
            return None
        return max(newest[1] - first, 0) / 1e6 / (max(counts) - 1)

    # --- judging ---------------------------------------------------------------------------------------

    async def _judge(self, run: Run) -> None:
        lamps = self._liveness.lamps(run.id)
        assert lamps is not None
        status, health, reason = self._verdict(run, lamps)
        if (status, health) == (run.status, run.health):
            return
        data = await self._last_words(run.id, lamps) if status == "crashed" else {}
        await self._context.ingest.set_status(run.id, status, health=health, reason=reason, data=data)
        if status == "crashed":
            self._liveness.give_up(run.id)

    def _verdict(self, run: Run, lamps: Lamps) -> _Verdict:
        ending = self._ending(run, lamps)
        if ending is not None:
            return ending[0], "ok", ending[1]
        return "running", *self._health(run, lamps)

    def _ending(self, run: Run, lamps: Lamps) -> tuple[RunStatus, str] | None:
        """How the run ended, and how that is known; ``None`` while it may live."""
        if lamps.process.state == "gone" and not self._liveness.is_connected(run.id):
            if self._liveness.is_notebook(run.id):
                return "interrupted", "the notebook's kernel is gone"
            return "crashed", "the process is gone without a word"
        if self._liveness.is_crashed(run.id):
            there = ", though its process is there" if lamps.process.state == "alive" else ""
            return "crashed", f"no word for minutes{there}"
        return None

    def _health(self, run: Run, lamps: Lamps) -> tuple[Health, str | None]:
        if self._liveness.is_disconnected(run.id):
            return "disconnected", "no word from the training script"
        if lamps.step.state == "stalled" and self._had_time(lamps):
            return "stalled", self._tell_stall(run.id, lamps)
        if run.health == "disconnected" and self._liveness.has_spoken(run.id):
            return "ok", BACK
        if run.health == "stalled" and lamps.step.state == "moving":
            return "ok", "points come again"
        return run.health, None

    def _had_time(self, lamps: Lamps) -> bool:
        """Whether what was logged without a link would have come by now."""
        return self._liveness.ago(lamps.link) > self._context.settings.stalled_seconds

    def _tell_stall(self, run_id: str, lamps: Lamps) -> str:
        usual = self._liveness.usual_step(run_id)
        often = "" if usual is None else f"; usually one comes every {_spoken(usual)}"
        return f"no point for {_spoken(self._liveness.ago(lamps.step))}{often}"

    async def _last_words(self, run_id: str, lamps: Lamps) -> dict[str, Any]:
        """What the event of a crash tells: the lamps, and the last lines that the script printed."""
        told: dict[str, Any] = {"process": lamps.process.state, "link": lamps.link.state, "steps": lamps.step.state}
        logs = getattr(self._context, "logs", None)
        lines = await self._context.reads(logs.tail, run_id, LAST_LINES) if logs is not None else []
        return told | ({"log": lines} if lines else {})


def _started(run: Run) -> float | None:
    """When the run's process started, in seconds since 1970; ``None`` when it is gone.

    One with the same id that started at another time is another. What has ended and was not yet waited for is gone.
    """
    try:
        process = psutil.Process(run.pid)
        started = process.create_time()
        is_dead = process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return (run.pid_start or time.time()) if _is_hidden(run.pid) else None
    except (psutil.Error, OSError, ValueError, OverflowError):  # it is there, and another user's; or it can't be told
        return run.pid_start or time.time()
    is_other = run.pid_start is not None and abs(started - run.pid_start) >= 2
    return None if is_dead or is_other else float(started)


def _is_hidden(pid: int | None) -> bool:
    """Whether another user's process is there that the system does not show: ``/proc`` mounted with ``hidepid``."""
    try:
        os.kill(pid or 0, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _spoken(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    if seconds < 0.001:
        return "millisecond"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
