"""One run in this process: the parts of the SDK, wired, from the first record to the last."""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from stepwire.client.checkpoints import Checkpoints
from stepwire.client.clock import Clock
from stepwire.client.commands import Commands
from stepwire.client.document import CONFIG_BYTES, clean, document
from stepwire.client.environment import boot_id, describe
from stepwire.client.lifecycle import END_SECONDS, LIFECYCLE, Outcome, end_together
from stepwire.client.metrics import Metrics
from stepwire.client.outbox import MemoryOutbox, NullOutbox, Outbox
from stepwire.client.sampler import Sampler
from stepwire.client.sender import Sender
from stepwire.client.settings import ClientSettings
from stepwire.client.transport import NullTransport, Transport, WebSocketTransport
from stepwire.errors import InvalidError
from stepwire.protocol import CommandMessage, CommandResult, Hello
from stepwire.version import __version__

_CHECKPOINT_SECONDS = 1.0


class Run:
    """Wires the parts of one run and ends it once.

    Args:
        settings: Checked settings.
        config: The user's configuration; copied, never changed.
        transport: How frames travel; the server's WebSocket when left out.
    """

    def __init__(
        self, settings: ClientSettings, config: Mapping[str, Any] | None = None, transport: Transport | None = None
    ) -> None:
        self.settings = settings
        self._clock = Clock()
        self._owner_pid = 0 if settings.joins else os.getpid()
        self._final: Outcome | None = None
        self._ended = False
        self._last = 0
        self._settled: Callable[[], bool] = lambda: True
        fields = document(config, CONFIG_BYTES)
        self.outbox: Outbox = MemoryOutbox() if settings.enabled else NullOutbox()
        self.metrics = Metrics(self.outbox, self._clock)
        self.sender = Sender(
            self.outbox,
            transport or _transport(settings),
            self._introduce,
            where=settings.page_url,
            on_command=self._receive,
            on_start=LIFECYCLE.hook_exit,
        )
        self.commands = Commands(self.sender.reply, lambda: self.metrics.last_step)
        self.checkpoints = Checkpoints(self.outbox.put, lambda: self.metrics.last_step, self._clock)
        self._sampler = Sampler(settings.system_metrics_interval, settings.run_id, self.outbox.put, self._clock)
        if settings.enabled:
            self._begin(fields)

    @property
    def url(self) -> str:
        """Address of the run's page."""
        return f"{self.settings.page_url}/#/runs/{self.settings.run_id}"

    @property
    def owned(self) -> bool:
        """Whether this process decides the run's status: not in a forked child, nor with another rank 0."""
        return self._owner_pid == os.getpid()

    def record(self, kind: str, **fields: Any) -> None:
        """Keep a record that is not a point. Raises InvalidError once the run was finished."""
        self.require_open()
        self.outbox.put({"type": kind, "time": self._clock.now(), **fields})

    def require_open(self) -> None:
        """Raise InvalidError once the run was finished."""
        if self._ended:
            raise InvalidError("This run was finished; make a new TrainingMonitor.")

    def set_status(self, outcome: Outcome) -> None:
        """Say how the run ended, whatever the process does later."""
        self._final = outcome
        self.record("status", **_status(outcome))

    def _receive(self, command: CommandMessage) -> CommandResult | None:
        return self.commands.receive(command)

    # --- begin and end -------------------------------------------------------------------------------

    def _begin(self, config: dict[str, Any]) -> None:
        if self.owned:
            self._announce()
            self.record("config", **self._identity(), config=config)
        LIFECYCLE.watch(self)
        if self.owned:
            self._sampler.start()

    def _identity(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "name": settings.run_name,
            "project": settings.project,
            "group": settings.group,
            "tags": list(settings.tags),
            "notes": settings.notes,
            "total_steps": settings.total_steps,
            "start_time": self._clock.now(),
            "attempt": 1,
            "sdk": __version__,
            **describe(),
        }

    def _announce(self) -> None:
        """Print the run's link, the only line that the SDK ever prints."""
        name = "".join(character if character.isprintable() else "?" for character in self.settings.run_name)
        line = f"stepwire: {name} → {self.url}\n"
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        with suppress(AttributeError, OSError, ValueError):  # no stdout, a closed one, or a broken pipe
            sys.stdout.write(line.encode(encoding, "replace").decode(encoding))
            sys.stdout.flush()

    def end(self, outcome: Outcome) -> None:
        """Set the final status, deliver what is left within ``END_SECONDS``, and stop. Only the first call counts."""
        if not self._ended:
            end_together([(self, outcome)])

    def conclude(self, outcome: Outcome, deadline: float) -> None:
        """Set the final status and hurry what is left on its way.

        Args:
            deadline: When all is to be over, in monotonic seconds; files are measured no longer than 1 s of it.
        """
        LIFECYCLE.forget(self)
        self._sampler.stop()
        if self.owned:
            self._await_checkpoints(deadline - END_SECONDS + _CHECKPOINT_SECONDS)
            self._tell_end(outcome)
        self._ended = True
        self.metrics.close()
        self._hurry()

    def interrupt(self, outcome: Outcome) -> None:
        """Set a status and hurry what is left on its way; the run may go on."""
        if self.owned and self._final is None:
            self._final = outcome
            self.record("status", **_status(outcome))
        self._hurry()

    def _hurry(self) -> None:
        self._last = self.outbox.last
        self._settled = self.sender.hurry(leave_if_unreachable=True)

    def settled(self) -> bool:
        """Return whether all is stored that was logged before ``conclude`` or ``interrupt``, or nobody is there."""
        return self._settled()

    def calm(self) -> None:
        """End the hurry of ``interrupt``."""
        self.sender.calm()

    def close(self, deadline: float) -> None:
        """Stop sending, by ``deadline`` in monotonic seconds, and say so if records were not stored."""
        self.sender.close(deadline)
        if not self.sender.has_stored(self._last):
            self._tell_loss()

    def progress(self) -> object:
        """Return the time of the newest row: it changes when metrics are logged."""
        return self.metrics.last_time

    def after_fork(self) -> None:
        """Become a child process's own writer of the run: a stream of its own, without a say in the status."""
        self.outbox.after_fork()
        self.sender.after_fork()
        self.checkpoints.after_fork()

    def _tell_end(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            self._tell_error(outcome.error)
        if self._final is None:
            self.record("status", **_status(outcome))

    def _tell_error(self, error: BaseException) -> None:
        import traceback

        lines = traceback.format_exception(error)
        self.record(
            "event",
            level="error",
            event="traceback",
            message=clean(lines[-1].strip()),
            step=self.metrics.last_step,
            data={"traceback": clean("".join(lines))},
        )

    def _await_checkpoints(self, deadline: float) -> None:
        while self.checkpoints.busy and time.monotonic() < deadline:
            time.sleep(0.005)

    def _tell_loss(self) -> None:
        why = self.sender.stopped_by or "no server answered in time"
        logging.getLogger("stepwire").warning(
            "stepwire: %s records of run %s were not stored: %s.", f"{self.outbox.pending:,}", self.settings.run_id, why
        )

    def _introduce(self, writer_id: str, next_seq: int) -> Hello:
        return Hello(
            run_id=self.settings.run_id,
            writer_id=writer_id,
            sdk=f"stepwire-python/{__version__}",
            rank=self.settings.rank,
            world=self.settings.world_size,
            mode="own" if self.owned else "join",
            next_seq=next_seq,
            boot_id=boot_id(),
            mono_ns=time.monotonic_ns(),
            wall_ns=time.time_ns(),
            name=self.settings.run_name,
            project=self.settings.project,
        )


def _transport(settings: ClientSettings) -> Transport:
    return WebSocketTransport(settings.socket_url, settings.api_key) if settings.enabled else NullTransport()


def _status(outcome: Outcome) -> dict[str, Any]:
    fields = {"status": outcome.status, "reason": outcome.reason, "exit_code": outcome.exit_code}
    return {name: value for name, value in fields.items() if value is not None}
