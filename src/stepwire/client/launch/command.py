"""One command from its start to its exit code, and the run that tells of it."""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stepwire.client.joining import invitation
from stepwire.client.launch.arguments import config_of, name_of
from stepwire.client.launch.backlog import Backlog
from stepwire.client.launch.channels import Channel, open_channels
from stepwire.client.launch.child import NOT_RUNNABLE, Child, StartError
from stepwire.client.launch.ending import event, judge
from stepwire.client.launch.files import Files
from stepwire.client.launch.log import Log
from stepwire.client.launch.output import Numbers, Output, Reader
from stepwire.client.launch.signals import Signals
from stepwire.client.launch.sink import Sink
from stepwire.client.launch.snapshot import Snapshot
from stepwire.client.launch.supervision import Supervision
from stepwire.client.lifecycle import end_together
from stepwire.client.redaction import environment_secrets
from stepwire.client.settings import ClientSettings, read_settings
from stepwire.client.subject import Subject

if TYPE_CHECKING:
    from stepwire.client.run import Run

# Together at most 5 s between the end of the command and ours:
_OUTPUT_SECONDS = 1.0  # for what processes that outlive the command still write
_READ_SECONDS = 1.5
_DELIVER_SECONDS = 2.5
_LOOK_SECONDS = 0.2
_SWITCH_SECONDS = 0.001  # so long a thread that copies waits at most for one that reads


@dataclass(frozen=True, slots=True)
class Options:
    """What ``stepwire run`` was told.

    Attributes:
        name: Name of the run; the script's when left out.
        captures: Whether the output becomes the run's log.
        reads_lines: Whether numbers are read out of log lines.
        patterns: The user's patterns for that.
        finds_files: Whether metric files are looked for.
        tensorboard: Folders in which event files are looked for.
        watch: Metric files; ``*`` and ``**`` match many.
    """

    name: str | None = None
    project: str | None = None
    group: str | None = None
    tags: tuple[str, ...] = ()
    captures: bool = True
    reads_lines: bool = True
    patterns: tuple[re.Pattern[str], ...] = ()
    finds_files: bool = True
    tensorboard: tuple[Path, ...] = ()
    watch: tuple[str, ...] = ()


def run_command(argv: Sequence[str], options: Options) -> int:
    """Run a command as a run; returns its exit code, 127 or 126 when it can't be started.

    This thread does nothing but stay with the command: whatever becomes of the run, of disks and networks, neither the
    command nor its output waits for it.

    Raises:
        InvalidError: A setting can't be used; nothing was started.
    """
    settings = read_settings(
        options.name or name_of(argv),
        {"project": options.project, "group": options.group, "tags": options.tags},
    )
    snapshot = Snapshot(Path.cwd(), options.tensorboard, options.watch)
    with Signals() as signals:
        try:
            channels = open_channels()
            child = _start(argv, settings, channels)
        except (StartError, OSError) as error:
            print(f"stepwire: {error}", file=sys.stderr)  # noqa: T201 - as a shell says it
            return getattr(error, "code", NOT_RUNNABLE)
        _announce(settings)
        sys.setswitchinterval(_SWITCH_SECONDS)
        backlog = Backlog()
        for channel in channels:
            channel.start(backlog.put)
        supervision = Supervision(child, signals, channels)
        observation = Observation(argv, settings, options, child, snapshot, backlog)
        code = supervision.watch(lambda: observation.should_stop)
        is_hurried = threading.Event()
        signals.deliver_to(lambda _number: is_hurried.set())
        observation.end(channels, was_stopped=supervision.was_stopped, when_over=signals.wake)
        while not is_hurried.is_set() and (observation.is_ending or any(one.is_busy for one in channels)):
            signals.wait(_LOOK_SECONDS)
        _tell_lost(channels)
        return code


def _start(argv: Sequence[str], settings: ClientSettings, channels: Sequence[Channel]) -> Child:
    try:
        return Child(argv, _environment(os.environ, settings, channels), channels)
    except StartError:
        for channel in channels:
            channel.close()
        raise


def _environment(
    environment: Mapping[str, str], settings: ClientSettings, channels: Sequence[Channel]
) -> dict[str, str]:
    """The command's environment: a ``TrainingMonitor`` in it joins the run, and Python shows its lines at once."""
    told = {"STEPWIRE_PROJECT": settings.project} | (invitation(settings.run_id) if settings.enabled else {})
    unbuffered = {} if channels[0].is_terminal else {"PYTHONUNBUFFERED": "1"}
    found = unbuffered | dict(environment) | told
    found.pop("STEPWIRE_RUN_ID", None)  # that is the run itself, and a script in it does not own it
    return found


def _announce(settings: ClientSettings) -> None:
    """Print the run's link to standard error: standard output is the command's."""
    if settings.enabled and not settings.joins:
        where = f"kept in {settings.spool}" if settings.offline else f"{settings.page_url}/#/runs/{settings.run_id}"
        with suppress(OSError, ValueError):  # no stderr, or a closed one
            print(f"stepwire: {settings.run_name} → {where}", file=sys.stderr, flush=True)  # noqa: T201


def _tell_lost(channels: Sequence[Channel]) -> None:
    lost = sum(channel.lost for channel in channels)
    if lost:
        with suppress(OSError, ValueError):  # no stderr, or a closed one
            text = f"stepwire: {lost:,} bytes of output could not be written where they go"
            print(text, file=sys.stderr, flush=True)  # noqa: T201


class Observation:
    """What is seen of a command, told to its run. All of it in other threads than the one that stays with it."""

    def __init__(
        self,
        argv: Sequence[str],
        settings: ClientSettings,
        options: Options,
        child: Child,
        snapshot: Snapshot,
        backlog: Backlog,
    ) -> None:
        self._argv = tuple(argv)
        self._settings = settings
        self._options = options
        self._child = child
        self._snapshot = snapshot
        self._backlog = backlog
        self._run: Run | None = None
        self._log: Log | None = None
        self._output: Output | None = None
        self._files: Files | None = None
        self._beginning = threading.Thread(target=self._begin, name="stepwire-begin", daemon=True)
        self._ending: threading.Thread | None = None
        if settings.enabled:
            self._beginning.start()

    @property
    def should_stop(self) -> bool:
        """Whether the dashboard asked the command to stop."""
        return self._run is not None and self._run.commands.should_stop

    @property
    def is_ending(self) -> bool:
        """Whether there is something left to tell."""
        return self._ending is not None and self._ending.is_alive()

    def _begin(self) -> None:
        from stepwire.client.run import Run  # here: the command need not wait until it is loaded

        options = self._options
        subject = Subject(self._child.pid, self._argv)
        self._run = run = Run(self._settings, config_of(self._argv), subject=subject)
        sink = Sink(run)
        readers: list[Reader] = []
        if options.captures:
            secrets = [*environment_secrets(os.environ), *filter(None, [self._settings.api_key])]
            self._log = Log(sink.keep, secrets=secrets)
            readers.append(self._log)
        if options.reads_lines:
            readers.append(Numbers(sink, options.patterns))
        self._output = Output(self._backlog, readers, sink)
        self._output.start()
        self._files = Files(
            self._child.pid,
            self._snapshot,
            sink,
            folders=options.tensorboard,
            names=options.watch,
            is_searching=options.finds_files,
        )
        self._files.start()

    def end(self, channels: Sequence[Channel], *, was_stopped: bool, when_over: Callable[[], None]) -> None:
        """Begin to tell the end, in a thread that takes at most some seconds; ``when_over`` is called by it."""
        if not self._settings.enabled:
            return

        def tell() -> None:
            self._tell_end(channels, was_stopped=was_stopped)
            when_over()

        self._ending = threading.Thread(target=tell, name="stepwire-end", daemon=True)
        self._ending.start()

    def _tell_end(self, channels: Sequence[Channel], *, was_stopped: bool) -> None:
        deadline = time.monotonic() + _OUTPUT_SECONDS
        for channel in channels:
            channel.join(deadline - time.monotonic())
        self._beginning.join(_READ_SECONDS)
        if self._run is None or self._output is None or self._files is None:
            return  # a disk does not answer; what was kept of the run is delivered later
        self._files.stop(_READ_SECONDS)
        self._output.finish(_READ_SECONDS)
        self._files.join()
        code, ended_by = self._child.code or 0, self._child.signal
        outcome = judge(code, ended_by, was_stopped=was_stopped)
        if self._run.owned:
            self._run.record("event", **event(outcome, ended_by, self._log.last if self._log else ()))
        if lost := sum(channel.lost for channel in channels):
            message = f"{lost:,} bytes of output could not be written where they go: the disk is full."
            self._run.record("event", level="warning", event="output_lost", message=message)
        end_together([(self._run, outcome)], _DELIVER_SECONDS)
