"""What the dashboard asks of a running training script."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from stepwire.client.settings import text

if TYPE_CHECKING:
    from stepwire.protocol import CommandMessage, CommandResult

_REMEMBERED = 1000


class Commands:
    """Takes commands in the sender's thread and acts on them where the training code chooses to look.

    Args:
        reply: Sends what became of a command.
        step: Returns the current step.
    """

    def __init__(self, reply: "Callable[[CommandResult], None]", step: Callable[[], float | None]) -> None:
        self._reply = reply
        self._step = step
        self._handlers: dict[str, Callable[[dict[str, Any]], object]] = {}
        self._waiting: deque[CommandMessage] = deque(maxlen=_REMEMBERED)
        self._answers: dict[str, CommandResult] = {}
        self._stops: deque[str] = deque(maxlen=_REMEMBERED)
        self._stopping = False

    @property
    def should_stop(self) -> bool:
        """Whether the dashboard asked to stop; the first look that finds it acknowledges the command."""
        if self._stops:
            while self._stops:
                self._answer(_result(self._stops.popleft(), "acknowledged", step=self._step()))
        return self._stopping

    def receive(self, command: "CommandMessage") -> "CommandResult":
        """Take a command and return the answer to send at once; one that came before is answered as before."""
        if command.id in self._answers:
            return self._answers[command.id]
        if command.command == "stop":
            self._stops.append(command.id)
            self._stopping = True
        elif command.command not in self._handlers:
            return self._remember(_result(command.id, "refused", message=f"no handler for {command.command!r}"))
        if command.command in self._handlers:
            self._waiting.append(command)
        return self._remember(_result(command.id, "delivered"))

    def on(self, command: str, handler: Callable[[dict[str, Any]], object]) -> None:
        """Have ``poll`` call ``handler`` with the arguments of each such command."""
        text("command", command, most=128)
        if not callable(handler):
            raise TypeError(f"handler must be callable, not {type(handler).__name__}")
        self._handlers[command] = handler

    def handler(self, command: str) -> Callable[[dict[str, Any]], object] | None:
        """Return who handles a command, ``None`` if nobody does."""
        return self._handlers.get(command)

    def poll(self) -> int:
        """Run the handlers of the commands that came; return how many. A handler's error is the caller's."""
        count = 0
        while self._waiting:
            self._run(self._waiting.popleft())
            count += 1
        return count

    def _run(self, command: "CommandMessage") -> None:
        try:
            outcome = self._handlers[command.command](dict(command.args))
        except BaseException as error:
            self._answer(_result(command.id, "refused", step=self._step(), message=repr(error)[:500]))
            raise
        message = outcome[:500] if isinstance(outcome, str) else None
        if command.id not in self._stops:
            self._answer(_result(command.id, "acknowledged", step=self._step(), message=message))

    def _answer(self, result: "CommandResult") -> None:
        self._reply(self._remember(result))

    def _remember(self, result: "CommandResult") -> "CommandResult":
        if len(self._answers) >= _REMEMBERED:
            self._answers.pop(next(iter(self._answers)))
        self._answers[result.id] = result
        return result


def _result(command_id: str, state: Literal["delivered", "acknowledged", "refused"], **more: Any) -> "CommandResult":
    from stepwire.protocol import CommandResult

    return CommandResult(command_id, state, **more)
