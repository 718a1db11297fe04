"""Whether a run's process is there: links and silence, by a clock that stands still."""

from typing import Any

from stepwire.protocol import CommandMessage
from stepwire.server.liveness import Liveness


class Link:
    """A script's socket that keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def offer(self, message: Any) -> None:
        """Keep a message."""
        self.sent.append(message)


class Clock:
    """Seconds that pass when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_silence_is_judged_in_two_steps() -> None:
    """After 45 s without a word a run is disconnected, 5 minutes later crashed; a word brings it back."""
    clock = Clock()
    liveness = Liveness(clock, 45, 300)
    liveness.join("r", Link())
    clock.now += 44
    assert not liveness.is_disconnected("r")
    clock.now += 2
    assert liveness.is_disconnected("r") and not liveness.is_crashed("r")
    clock.now += 300
    assert liveness.is_crashed("r")
    liveness.hear("r")
    assert not liveness.is_disconnected("r")


def test_runs_from_before_a_restart_get_the_full_time() -> None:
    """A server that starts anew judges nobody by its own absence."""
    clock = Clock()
    liveness = Liveness(clock, 45, 300)
    liveness.expect(["r"])
    clock.now += 40
    assert liveness.is_known("r") and not liveness.is_disconnected("r") and not liveness.is_connected("r")


def test_commands_go_to_the_connected_script() -> None:
    """A command is handed to each socket of its run, and it is told when there is none."""
    liveness, link = Liveness(Clock(), 45, 300), Link()
    command = CommandMessage("c", "r", "stop")
    assert not liveness.deliver(command)
    liveness.join("r", link)
    assert liveness.deliver(command) and link.sent == [command]
    liveness.leave("r", link)
    assert not liveness.deliver(command)


def test_ended_runs_are_forgotten_once_their_scripts_are_gone() -> None:
    """Nothing grows with the number of runs that ever were."""
    liveness, link = Liveness(Clock(), 45, 300), Link()
    liveness.join("a", link)
    liveness.hear("b")
    liveness.keep({"c"})
    assert liveness.is_known("a") and not liveness.is_known("b")
    liveness.leave("a", link)
    liveness.keep(set())
    assert not liveness.is_known("a")
