"""The run behind a callback."""

import pytest

from stepwire import TrainingMonitor
from stepwire.errors import InvalidError
from stepwire.integrations.recording import Recording
from stepwire.protocol import CommandMessage
from stepwire.testing import MemoryTransport


@pytest.fixture
def transport():
    """Where runs are stored."""
    return MemoryTransport()


@pytest.fixture
def recording(transport):
    """A recording that makes its runs."""
    made = Recording("made", {"transport": transport, "config": {"mine": 1, "lr": 2}, "system_metrics_interval": 0})
    yield made
    made.finish()


def press(monitor, command, key="c1"):
    """Have a command arrive."""
    return monitor._run.commands.receive(CommandMessage(key, monitor.run_id, command))


def statuses(transport):
    """How runs ended, in order."""
    return [(record["status"], record.get("reason")) for record in transport.records("status")]


@pytest.mark.parametrize(
    ("run", "options", "error"),
    [
        (3, {}, TypeError),
        ("", {}, InvalidError),
        ("a", {"projekt": "b"}, TypeError),
        ("a", {"run_name": "b"}, TypeError),
        ("a", {"project": 3}, TypeError),
        ("a", {"total_steps": 0}, InvalidError),
        ("a", {"config": "lr=1"}, TypeError),
    ],
)
def test_wrong_arguments_raise_before_any_training(run, options, error):
    """Misuse is told where it is made."""
    with pytest.raises(error):
        Recording(run, options)


def test_the_users_config_wins_over_the_frameworks(recording, transport):
    """Both are there; of the same name the user's."""
    recording.begin({"lr": 1, "epochs": 3}, 30)
    assert recording.monitor.flush()
    (record,) = transport.records("config")
    assert (record["config"], record["total_steps"]) == ({"lr": 2, "epochs": 3, "mine": 1}, 30)


def test_after_its_end_a_run_takes_more_and_the_next_training_is_another(recording, transport):
    """Completed, then a test's metrics; begin makes a new run. A begin without an end goes on in the same."""
    first = recording.begin({})
    recording.end()
    recording.end()
    recording.log({"test": 1}, 5)
    second = recording.begin({})
    assert second is not first
    assert recording.begin({"again": 1}, 7) is second
    recording.finish()
    assert recording.monitor is None
    assert transport.metrics == [{"test": 1}]
    assert statuses(transport) == [("completed", None), ("completed", None)]
    assert transport.records("config_update")[0]["config"] == {"again": 1}
    assert transport.records("total_steps")[0]["total_steps"] == 7


def test_a_stop_makes_the_end_interrupted(recording, transport):
    """STOP is seen by poll."""
    monitor = recording.begin({})
    assert recording.poll() is False
    press(monitor, "stop")
    assert recording.poll() is True
    recording.finish()
    assert statuses(transport) == [("interrupted", None)]


def test_an_error_ends_the_run_as_failed(recording, transport):
    """With its traceback; the next training is a new run."""
    monitor = recording.begin({})
    try:
        raise FloatingPointError("as planned")
    except FloatingPointError as error:
        recording.fail(error)
    assert statuses(transport) == [("failed", "FloatingPointError")]
    assert "as planned" in transport.records("event")[0]["message"]
    assert recording.begin({}) is not monitor


def test_a_monitor_that_was_given_stays_the_users(transport):
    """It gets config, points and checkpoints; no end, whatever happens."""
    with TrainingMonitor("given", transport=transport, system_metrics_interval=0) as monitor:
        recording = Recording(monitor, {})
        assert (recording.begin({"lr": 1}), recording.name) == (monitor, "given")
        recording.log({"loss": 1, "text": "no"}, 3)
        recording.end()
        recording.fail(ValueError())
        recording.finish()
        assert recording.monitor is monitor
        assert monitor.flush()
        assert statuses(transport) == []
    assert transport.metrics == [{"loss": 1}]
    assert transport.records("config_update")[0]["config"] == {"lr": 1}


def test_options_beside_a_monitor_are_misuse():
    """They could do nothing."""
    with pytest.raises(TypeError, match="project"):
        Recording(TrainingMonitor("given", mode="disabled"), {"project": "a"})


def test_the_users_handler_stays_and_a_callbacks_is_replaced(transport):
    """Two callbacks on one monitor: the later one's handler counts; the user's own is never replaced."""
    calls = []
    monitor = TrainingMonitor("given", transport=transport, system_metrics_interval=0)
    monitor.on("evaluate", lambda _args: calls.append("the user's"))
    for name in ("first", "second"):
        recording = Recording(monitor, {})
        for command in ("evaluate", "save_checkpoint"):
            recording.accept(command, lambda name=name: calls.append(name))
    press(monitor, "evaluate", "c1")
    press(monitor, "save_checkpoint", "c2")
    recording.poll()
    monitor.finish()
    assert calls == ["the user's", "second"]


def test_a_checkpoint_is_registered_and_marked(recording, transport, tmp_path):
    """With the numbers among its values; before a training there is nothing to register with."""
    assert recording.save_checkpoint(tmp_path, {}, 1) is None
    recording.begin({})
    saved = recording.save_checkpoint(tmp_path, {"loss": 1, "text": "no"}, 4, is_best=True)
    recording.finish()
    record = transport.records("checkpoint")[0]
    assert (record["id"], record["step"], record["metrics"]) == (saved, 4, {"loss": 1})
    assert [best["checkpoint_id"] for best in transport.records("best")] == [saved]


def test_without_a_training_nothing_happens(recording):
    """Other ranks have no run: all is silent."""
    recording.log({"loss": 1}, 0)
    recording.accept("evaluate", print)
    recording.end()
    assert recording.poll() is False
    assert recording.monitor is None
