"""Commands of the dashboard."""

import pytest

from stepwire.client.commands import Commands
from stepwire.protocol import CommandMessage


@pytest.fixture
def replies():
    """What was answered after the first answer."""
    return []


@pytest.fixture
def commands(replies):
    """Commands of a run at step 12."""
    return Commands(replies.append, lambda: 12)


def command(name, key="c1", **args):
    """A command as it arrives."""
    return CommandMessage(key, "run_1", name, args)


def test_stop_is_delivered_then_acknowledged_once_at_the_step_it_is_seen(commands, replies):
    """The first look at should_stop acknowledges with the step; later looks only say True."""
    assert commands.should_stop is False
    assert commands.receive(command("stop")).state == "delivered"
    assert [commands.should_stop for _ in range(3)] == [True, True, True]
    assert [(reply.id, reply.state, reply.step) for reply in replies] == [("c1", "acknowledged", 12)]


def test_a_command_that_comes_again_is_answered_as_before(commands, replies):
    """A server that lost the answer asks again: same answer, handler not run twice."""
    calls = []
    commands.on("save", calls.append)
    assert commands.receive(command("save", path="x")).state == "delivered"
    assert commands.receive(command("save", path="x")).state == "delivered"
    assert commands.poll() == 1
    assert calls == [{"path": "x"}]
    assert commands.receive(command("save")).state == "acknowledged"
    assert commands.poll() == 0


def test_an_unknown_command_is_refused(commands):
    """Nobody handles it: refused at once, with the reason."""
    answer = commands.receive(command("dance"))
    assert answer.state == "refused"
    assert "dance" in answer.message


def test_a_handlers_text_is_its_outcome(commands, replies):
    """What a handler returns as text goes to the dashboard."""
    commands.on("save", lambda args: f"saved {args['n']}")
    commands.receive(command("save", n=3))
    commands.poll()
    assert (replies[0].state, replies[0].message, replies[0].step) == ("acknowledged", "saved 3", 12)


def test_a_handler_that_raises_refuses_and_raises(commands, replies):
    """The dashboard sees the error, and so does the training code that called poll."""
    commands.on("save", lambda args: args["missing"])
    commands.receive(command("save"))
    with pytest.raises(KeyError):
        commands.poll()
    assert (replies[0].state, replies[0].message) == ("refused", "KeyError('missing')")


def test_a_stop_with_a_handler_does_both(commands, replies):
    """on("stop") is called by poll, and should_stop still acknowledges."""
    calls = []
    commands.on("stop", calls.append)
    commands.receive(command("stop"))
    assert commands.poll() == 1
    assert commands.should_stop
    assert calls == [{}]
    assert [reply.state for reply in replies] == ["acknowledged"]


@pytest.mark.parametrize(("name", "handler"), [(3, print), ("save", "print")])
def test_on_takes_a_name_and_a_callable(commands, name, handler):
    """Anything else is misuse."""
    with pytest.raises(TypeError):
        commands.on(name, handler)


def test_answers_are_remembered_within_bounds(commands):
    """A server that sends commands for ever does not fill the memory."""
    for place in range(5000):
        commands.receive(command("stop", key=f"c{place}"))
    assert len(commands._answers) <= 1000
