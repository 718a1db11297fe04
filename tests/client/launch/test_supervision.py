"""Staying with a command: what its end means, and how it is stopped."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from stepwire.client.launch.channels import Channel
from stepwire.client.launch.child import Child, StartError
from stepwire.client.launch.ending import event, judge
from stepwire.client.launch.signals import Signals
from stepwire.client.launch.supervision import STOP_SECONDS, Supervision


def start(source: str) -> Child:
    """Run some Python that writes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    channel = Channel("stdout", -1, None, nowhere)
    try:
        return Child([sys.executable, "-c", source], os.environ, [channel])
    finally:
        os.close(nowhere)


def test_a_command_that_does_not_stop_is_terminated() -> None:
    """SIGINT first, and SIGTERM 30 s later."""
    now = 0.0
    source = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(60)"
    with Signals() as signals:
        child = start(source)
        asked: list[float] = []
        sent: list[int] = []
        send_group = child.send_group
        child.send_group = lambda number: (sent.append(number), send_group(number))[1]  # type: ignore[method-assign]

        def should_stop() -> bool:
            nonlocal now
            with Path(f"/proc/{child.pid}/status").open() as file:  # only once it ignores SIGINT
                ignored = next(int(line.split()[1], 16) for line in file if line.startswith("SigIgn"))
            if ignored & 1 << (signal.SIGINT - 1):
                asked.append(now)
                return True
            return False

        def clock() -> float:
            nonlocal now
            now += STOP_SECONDS / 2 if asked else 0.0
            return now

        supervision = Supervision(child, signals, [], clock)
        assert supervision.watch(should_stop) == 128 + signal.SIGTERM
    assert sent == [signal.SIGINT, signal.SIGTERM]
    assert len(asked) == 1
    assert supervision.was_stopped


def test_a_signal_that_comes_before_the_command_is_handed_on() -> None:
    """None is lost between the start and the first look."""
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        child = start("import time; time.sleep(60)")
        assert Supervision(child, signals, []).watch(lambda: False) == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_command_stopped_by_somebody_else_is_waited_for() -> None:
    """SIGSTOP from outside stops the command, not ``stepwire run``."""
    with Signals() as signals:
        child = start("import time; time.sleep(0.2)")
        os.kill(child.pid, signal.SIGSTOP)
        looks = 0

        def should_stop() -> bool:
            nonlocal looks
            looks += 1
            if looks == 3:
                assert child.stopped_by == signal.SIGSTOP
                os.kill(child.pid, signal.SIGCONT)
            return False

        assert Supervision(child, signals, []).watch(should_stop) == 0


@pytest.mark.parametrize(("argv", "code"), [(["no-such-program"], 127), (["/"], 126), (["a\0b"], 126)])
def test_what_cannot_be_started(argv: list[str], code: int) -> None:
    """With the exit code that a shell has for it."""
    with pytest.raises(StartError) as raised:
        Child(argv, os.environ, [Channel("stdout", -1, None, 1)])
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("code", "ended_by", "was_stopped", "status", "reason"),
    [
        (0, None, False, "completed", None),
        (0, None, True, "completed", None),
        (1, None, False, "failed", "exit code 1"),
        (1, None, True, "failed", "exit code 1"),
        (130, 2, False, "interrupted", "SIGINT"),
        (130, None, True, "interrupted", "stopped from the dashboard"),
        (143, 15, False, "interrupted", "preempted"),
        (129, 1, False, "interrupted", "SIGHUP"),
        (137, 9, False, "failed", "ended by SIGKILL"),
        (137, None, False, "failed", "exit code 137"),
        (255, None, False, "failed", "exit code 255"),
        (128 + 40, 40, False, "failed", "ended by signal 40"),
    ],
)
def test_what_an_end_means(code: int, ended_by: int | None, was_stopped: bool, status: str, reason: str | None) -> None:
    """Exit code and signal decide."""
    outcome = judge(code, ended_by, was_stopped=was_stopped)
    assert (outcome.status, outcome.reason, outcome.exit_code) == (status, reason, code)


def test_the_event_of_an_end() -> None:
    """It has the exit code, the signal and the last lines; its level is that of the status."""
    told: dict[str, Any] = event(judge(137, 9, was_stopped=False), 9, ["last"])
    assert told["level"] == "error"
    assert told["message"] == "the command was ended by SIGKILL, as the system does when memory is full"
    assert told["data"] == {"exit_code": 137, "signal": "SIGKILL", "last_lines": ["last"]}
    assert event(judge(0, None, was_stopped=False), None, ()) == {
        "level": "info",
        "event": "command_ended",
        "message": "the command ended with exit code 0",
        "data": {"exit_code": 0},
    }
