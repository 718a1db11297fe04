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
    assert not liveness.has_spoken("r")


def states(liveness: Liveness) -> tuple[str, str, str]:
    """What the lamps of ``r`` show: process, link, step."""
    lamps = liveness.lamps("r")
    assert lamps is not None
    return lamps.process.state, lamps.link.state, lamps.step.state


def us(second: float) -> int:
    """A moment in µs."""
    return 1_700_000_000_000_000 + round(second * 1e6)


def test_the_link_is_open_silent_or_gone() -> None:
    """A script speaks every 15 s; a process that speaks is alive, of one that does not nothing is known."""
    clock, link = Clock(), Link()
    liveness = Liveness(clock, 45, 300)
    liveness.join("r", link)
    assert states(liveness) == ("alive", "open", "waiting")
    clock.now += 31
    assert states(liveness) == ("unknown", "silent", "waiting")
    liveness.hear("r")
    assert states(liveness) == ("alive", "open", "waiting")
    liveness.leave("r", link)
    assert states(liveness) == ("unknown", "gone", "waiting")


def test_a_process_seen_on_this_host_is_what_it_was_seen_to_be() -> None:
    """A stopped process is silent and alive; a gone one is gone since somebody looked."""
    clock = Clock()
    liveness = Liveness(clock, 45, 300)
    liveness.join("r", Link())
    liveness.see_process("r", "alive", ago=100)
    clock.now += 31
    lamps = liveness.lamps("r")
    assert lamps is not None
    assert (lamps.process.state, lamps.process.since) == ("alive", 900) and lamps.link.state == "silent"
    liveness.see_process("r", "gone")
    clock.now += 5
    lamps = liveness.lamps("r")
    assert lamps is not None
    assert lamps.process.state == "gone" and liveness.ago(lamps.process) == 5


def test_steps_move_and_stall() -> None:
    """Points that come no more stall the run, on an open link of a live process."""
    clock = Clock()
    liveness = Liveness(clock, 45, 300)
    liveness.join("r", Link())
    liveness.step("r", [us(0), us(1)])
    assert states(liveness) == ("alive", "open", "moving")
    clock.now += 61
    liveness.hear("r")
    assert states(liveness) == ("alive", "open", "stalled")
    liveness.step("r", [us(62)])
    assert states(liveness) == ("alive", "open", "moving")


def test_a_resumed_run_belongs_to_its_new_process() -> None:
    """The process before it is not asked for any more, and the night between them is no pause."""
    liveness = Liveness(Clock(), 45, 300)
    liveness.join("r", Link(), owner="a", space="here")
    liveness.step("r", [us(0), us(1)])
    liveness.see_process("r", "gone")
    liveness.join("r", Link(), owner="b", space="there")
    liveness.step("r", [us(40_000)])
    assert states(liveness) == ("alive", "open", "moving")
    assert liveness.shares_processes("r") is False and liveness.usual_step("r") == 1


def test_only_who_says_where_its_process_is_can_be_looked_for() -> None:
    """A process id means something in its own container; before a script said so nobody knows."""
    liveness = Liveness(Clock(), 45, 300, space="here")
    liveness.expect(["r"])
    assert liveness.shares_processes("r") is None
    liveness.join("r", Link(), owner="a", space="here")
    assert liveness.shares_processes("r")


def test_a_run_that_was_given_up_returns_by_a_word_on_its_link() -> None:
    """Each return is told once; a run that only left its link behind is not among them."""
    clock, link = Clock(), Link()
    liveness = Liveness(clock, 45, 300)
    liveness.join("r", link)
    clock.now += 346
    liveness.give_up("r")
    assert liveness.returned() == []
    liveness.hear("r")
    assert liveness.returned() == ["r"] and liveness.returned() == []
    liveness.give_up("r")
    liveness.leave("r", link)
    assert liveness.returned() == []


def test_the_history_of_a_quiet_run_is_asked_for_once() -> None:
    """Of one that was running before this server started and says nothing of steps."""
    clock = Clock()
    liveness = Liveness(clock, 45, 300)
    liveness.expect(["r", "s"])
    assert not liveness.wants_history("r")
    clock.now += 61
    liveness.step("s", [us(0)])
    assert liveness.wants_history("r") and not liveness.wants_history("r") and not liveness.wants_history("s")


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
