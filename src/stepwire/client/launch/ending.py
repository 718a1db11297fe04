"""What the end of a command means for its run."""

import signal
from collections.abc import Sequence
from typing import Any

from stepwire.client.launch.child import name_of
from stepwire.client.lifecycle import COMPLETED, Outcome

STOPPED = "stopped from the dashboard"
_INTERRUPTS = {signal.SIGINT: "SIGINT", signal.SIGTERM: "preempted", signal.SIGHUP: "SIGHUP"}
_SIGNALLED = 128


def judge(code: int, ended_by: int | None, *, was_stopped: bool) -> Outcome:
    """Return the outcome of a command.

    Args:
        code: Its exit code, 128 + n for signal n, also when it took the signal itself and then left with that.
        ended_by: The signal that ended it.
        was_stopped: The dashboard asked it to stop.
    """
    number = ended_by or (code - _SIGNALLED if code > _SIGNALLED else None)
    if code == 0:
        return COMPLETED
    if number in _INTERRUPTS:
        reason = STOPPED if was_stopped else _INTERRUPTS[signal.Signals(number)]
        return Outcome("interrupted", exit_code=code, reason=reason)
    if ended_by is not None:
        return Outcome("failed", exit_code=code, reason=f"ended by {name_of(ended_by)}")
    return Outcome("failed", exit_code=code, reason=f"exit code {code}")


def event(outcome: Outcome, ended_by: int | None, last_lines: Sequence[str]) -> dict[str, Any]:
    """Return the fields of the event that tells the end, with the last lines of the output."""
    message = f"the command ended with exit code {outcome.exit_code}"
    if ended_by is not None:
        message = f"the command was ended by {name_of(ended_by)}"
        if ended_by == signal.SIGKILL:
            message += ", as the system does when memory is full"
    data: dict[str, Any] = {"exit_code": outcome.exit_code}
    if ended_by is not None:
        data["signal"] = name_of(ended_by)
    if last_lines:
        data["last_lines"] = list(last_lines)
    level = {"completed": "info", "interrupted": "warning"}.get(outcome.status, "error")
    return {"level": level, "event": "command_ended", "message": message, "data": data}
