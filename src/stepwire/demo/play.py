"""What ``stepwire demo`` does: a server, four trainings, a line every few seconds, a summary."""

import math
import os
import signal
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType

from stepwire.demo import leash
from stepwire.demo.configurations import CONFIGURATIONS
from stepwire.demo.run import DemoRun
from stepwire.demo.server import Server
from stepwire.errors import StepwireError

LINE_SECONDS = 5.0
STOP_SECONDS = 8.0
_LOOK_SECONDS = 0.2
_INTERRUPTED = 130


def play(seconds: float | None, port: int | None, data: Path | None, browser: bool, steps: int | None = None) -> int:
    """Play the demo and return the command's exit code: 0, or 130 for a Ctrl-C before the summary.

    Args:
        seconds: Stop the trainings after so many seconds and end; without it the server stays until Ctrl-C.
        port: TCP port of the server; a free one when left out.
        data: Keep everything in this folder; thrown away when left out.
        browser: Open the page.
        steps: Train for so many steps instead of about five minutes.

    Raises:
        StepwireError: The server did not start or did not stay, or a training failed that should not have.
    """
    began = time.monotonic()
    told = False
    try:
        with interrupted_by_signals(), data_folder(data) as folder, Server(folder, port or 0) as server:
            announce(server, seconds, browser=browser)
            with training(server, folder, steps) as runs:
                watch(runs, began, math.inf if seconds is None else seconds)
                stop(runs)
            say(summary(runs, time.monotonic() - began))
            told = True
            require_success(runs)
            if seconds is None:
                say("The page stays up until Ctrl-C.")
                server.wait()
    except KeyboardInterrupt:
        return 0 if told else _INTERRUPTED
    return 0


def announce(server: Server, seconds: float | None, *, browser: bool) -> None:
    """Print the link, and open it where there is a screen."""
    length = "of about five minutes" if seconds is None else f"that stop after {seconds:g} s"
    say(f"Stepwire demo: {server.url}  Four trainings {length}; Ctrl-C ends them.")
    for hint in server.hints:
        say(hint)
    if browser and sys.stdout.isatty() and not os.environ.get("SSH_CONNECTION"):
        threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()


@contextmanager
def training(server: Server, folder: Path, steps: int | None) -> Iterator[list[DemoRun]]:
    """Start the four trainings; none outlives the block."""
    # Each demo in one data folder has a folder of its own: checkpoints are never written over.
    own = folder / "demo" / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    own.mkdir(parents=True)
    runs: list[DemoRun] = []
    try:
        runs.extend(DemoRun(name, server, own, steps) for name in CONFIGURATIONS)
        yield runs
    finally:
        leash.end(run.process for run in runs)


def watch(runs: list[DemoRun], began: float, seconds: float) -> None:
    """Tell every few seconds how the trainings go, until they have ended or ``seconds`` have passed since ``began``."""
    line_due = time.monotonic()
    while any(run.is_alive for run in runs) and time.monotonic() - began < seconds:
        if time.monotonic() >= line_due:
            line_due += LINE_SECONDS
            look(runs)
            say(f"{_clock(time.monotonic() - began)}  " + " · ".join(run.line() for run in runs))
        time.sleep(_LOOK_SECONDS)


def stop(runs: list[DemoRun]) -> None:
    """Stop what still trains as the dashboard's Actions panel does, and wait at most ``STOP_SECONDS`` for it."""
    deadline = time.monotonic() + STOP_SECONDS
    while any(run.is_alive for run in runs) and time.monotonic() < deadline:
        for run in runs:
            run.ask_to_stop()
        time.sleep(_LOOK_SECONDS)
    for run in runs:
        run.is_overdue = run.is_alive
    look(runs)


def look(runs: list[DemoRun]) -> None:
    """Read all runs from the server."""
    for run in runs:
        run.look()


def summary(runs: list[DemoRun], seconds: float) -> str:
    """Return the line that says how it all ended."""
    good = runs[0].last("val/accuracy")
    accuracy = "not validated yet" if good is None else f"final validation accuracy {good:.2%}"
    return f"Stepwire demo: {_clock(seconds)}, good run: {accuracy} · " + " · ".join(run.line() for run in runs)


def require_success(runs: list[DemoRun]) -> None:
    """Raise StepwireError for a training that failed and should not have."""
    for complaint in filter(None, (run.complaint() for run in runs)):
        raise StepwireError(complaint)


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


@contextmanager
def data_folder(data: Path | None) -> Iterator[Path]:
    """Make the folder; one that was not asked for is thrown away at the end."""
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="stepwire-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, and each further signal wait until it has ended."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    wanted = [getattr(signal, name) for name in names if hasattr(signal, name)]
    previous = {each: signal.getsignal(each) for each in wanted}
    for each in wanted:
        signal.signal(each, interrupt)
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
