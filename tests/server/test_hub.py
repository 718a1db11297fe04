"""Fan-out: nobody waits for a slow viewer, and what he misses he is told to read again."""

import asyncio
import json
from array import array

from stepwire.protocol import EventMessage, LogLine
from stepwire.server.hub import LINES_PER_SECOND, VIEWER_BYTES, Hub, LinesRoom, Viewer
from stepwire.storage.series.interface import AcceptedSet


def points(*steps: int, name: str = "loss") -> tuple[AcceptedSet, ...]:
    """Rows of one metric whose value is its step."""
    return (AcceptedSet((name,), list(steps), [step * 1000 for step in steps], array("d", steps).tobytes()),)


def event(text: str) -> EventMessage:
    """A line of the event log."""
    return EventMessage(1, 1, "info", "run", "e", text, "r")


async def test_a_tick_gathers_what_was_committed() -> None:
    """The first commit goes out at once; those of the next tenth of a second leave together, none left out."""
    hub, viewer = Hub(), Viewer()
    hub.subscribe(viewer, "r", None)
    for cursor in range(1, 30):
        hub.publish_points("r", points(cursor), cursor)
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.15)
    messages = [json.loads(text) for text in await viewer.take()]
    steps = [
        step
        for message in messages
        for step in message.get("series", {}).get("loss", {"step": [message["step"]]})["step"]
    ]
    assert steps == list(range(1, 30)) and 2 <= len(messages) <= 6
    assert [message["since"] for message in messages[1:]] == [message["cursor"] for message in messages[:-1]]


async def test_a_viewer_that_does_not_read_is_bounded_and_told_to_resync() -> None:
    """Its queue stays within 256 KiB; it gets its events and, for the points it missed, one resync."""
    hub, slow, quick = Hub(), Viewer(), Viewer()
    for viewer in (slow, quick):
        hub.subscribe(viewer, "r", None)
    seen: list[float] = []
    for cursor in range(1, 200):
        hub.publish_points("r", points(*range(cursor * 1000, cursor * 1000 + 500)), cursor)
        hub.flush("r")
        for text in await quick.take():
            seen += json.loads(text)["series"]["loss"]["step"]
    hub.publish(event("still told"), "r")
    waiting = [json.loads(text) for text in await slow.take()]
    assert len(seen) == 199 * 500
    assert sum(len(json.dumps(message)) for message in waiting) <= VIEWER_BYTES + 1000
    assert [message["type"] for message in waiting if message["type"] != "metric_update"] == ["event", "resync"]


async def test_events_are_kept_before_points() -> None:
    """When room is short points go first, however old the events are."""
    hub, viewer = Hub(), Viewer()
    hub.subscribe(viewer, "r", None)
    hub.publish(event("first"), "r")
    for cursor in range(1, 100):
        hub.publish_points("r", points(*range(500)), cursor)
        hub.flush("r")
    assert json.loads((await viewer.take())[0])["message"] == "first"


async def test_a_viewer_of_both_hears_an_event_once() -> None:
    """Watching a run and the run list at once doubles nothing."""
    hub, viewer = Hub(), Viewer()
    hub.subscribe(viewer, "r", None)
    hub.subscribe(viewer, "*", None)
    hub.publish(event("once"), "r")
    assert len(await viewer.take()) == 1


async def test_points_are_told_before_the_event_that_followed_them() -> None:
    """A status change never overtakes the points that were committed before it."""
    hub, viewer = Hub(), Viewer()
    hub.subscribe(viewer, "r", None)
    hub.publish_points("r", points(1), 1)
    hub.flush("r")
    hub.publish_points("r", points(2), 2)
    hub.publish(event("after"), "r")
    assert [json.loads(text)["type"] for text in await viewer.take()] == ["metric_update", "metric_update", "event"]


async def test_leaving_ends_everything() -> None:
    """A viewer that left is told nothing, and no channel stays behind."""
    hub, viewer = Hub(), Viewer()
    hub.subscribe(viewer, "r", None)
    hub.publish_points("r", points(1), 1)
    hub.leave(viewer)
    hub.flush("r")
    assert hub.viewers == 0 and not viewer.keys


async def test_samples_of_the_process_do_not_move_the_step() -> None:
    """The newest step and the run list are the training's, not the sampler's clock."""
    hub, viewer = Hub(), Viewer()
    hub.subscribe(viewer, "r", None)
    hub.subscribe(viewer, "*", None)
    hub.publish_points("r", (*points(7), *points(1_700_000_000, name="system/process/cpu_percent")), 1)
    await asyncio.sleep(0.6)
    messages = [json.loads(text) for text in await viewer.take()]
    assert [message["step"] for message in messages] == [7, 7]
    assert set(messages[0]["metrics"]) == {"loss", "system/process/cpu_percent"} and set(messages[1]["metrics"]) == {
        "loss"
    }


def lines(first: int, count: int) -> list[LogLine]:
    """Lines that a run printed."""
    return [LogLine(number, 0, "stdout", str(number)) for number in range(first, first + count)]


async def test_lines_are_gathered_for_those_who_want_them() -> None:
    """Several times a second one message with all lines since; nobody else gets any."""
    hub, wants, other = Hub(), Viewer(), Viewer()
    hub.subscribe(wants, "r", None, logs=True)
    hub.subscribe(other, "r", None)
    assert hub.wants_lines("r") and not hub.wants_lines("s")
    for number in range(10):
        hub.publish_lines("r", lines(number, 1))
    [message] = [json.loads(text) for text in await wants.take()]
    assert (message["type"], [line["line"] for line in message["lines"]]) == ("log", list(range(10)))
    hub.publish(event("x"), "r")
    assert [json.loads(text)["type"] for text in await other.take()] == ["event"]


async def test_lines_are_wanted_until_the_last_one_leaves() -> None:
    """Each way to leave counts: to unsubscribe, to subscribe without them, to go away."""
    hub, viewers = Hub(), [Viewer(), Viewer(), Viewer()]
    for viewer in viewers:
        hub.subscribe(viewer, "r", None, logs=True)
        hub.subscribe(viewer, "r", None, logs=True)
    hub.unsubscribe(viewers[0], "r")
    hub.subscribe(viewers[1], "r", None)
    assert hub.wants_lines("r")
    hub.leave(viewers[2])
    assert not hub.wants_lines("r")
    hub.subscribe(viewers[0], "*", None, logs=True)
    assert not hub.wants_lines("*")


async def test_a_flood_of_lines_is_not_kept_for_viewers() -> None:
    """A hundred thousand lines cost the memory of some hundred, and one message that says where to read."""
    hub, viewer = Hub(), Viewer()
    hub.subscribe(viewer, "r", None, logs=True)
    for first in range(0, 100_000, 1000):
        hub.publish_lines("r", lines(first, 1000))
        assert len(hub._channels["r"].lines) <= LINES_PER_SECOND + 2
    [message] = [json.loads(text) for text in await viewer.take()]
    assert message == {"type": "resync", "run_id": "r", "from_line": 0}


async def test_long_lines_count_more() -> None:
    """A few lines of 64 KiB are as many as a viewer gets in a second; more are for REST, and points stay with him."""
    hub, viewer = Hub(), Viewer()
    hub.subscribe(viewer, "r", None, logs=True)
    hub.publish_lines("r", [LogLine(number, 0, "stdout", "x" * 65_536) for number in range(5)])
    assert [json.loads(text) for text in await viewer.take()] == [{"type": "resync", "run_id": "r", "from_line": 0}]


def test_a_viewer_is_told_so_many_lines_a_second() -> None:
    """What is more is missed, told once a second, and then lines come again."""
    now = 0.0
    room = LinesRoom(lambda: now)
    assert room.admit("r", 0, 150)
    assert not room.admit("r", 150, 100)
    assert room.take_missed("r") == 150
    assert room.take_missed("r") is None
    now = 0.5
    assert not room.admit("r", 250, 300)
    assert not room.admit("r", 550, 1)  # what follows is missed, too: lines are told in order
    assert room.has_missed
    assert room.take_missed("r") is None
    now = 1.0
    assert room.take_missed("r") == 250
    assert not room.has_missed
    assert room.admit("r", 551, LINES_PER_SECOND)
    assert room.admit("other", 0, 0)


def test_a_viewer_of_several_runs_has_one_room_for_all() -> None:
    """Ten noisy runs are no ten times as many lines."""
    room = LinesRoom(lambda: 0.0)
    assert room.admit("a", 0, LINES_PER_SECOND)
    assert not room.admit("b", 0, 1)
    assert room.take_missed("b") == 0
    room.forget("b")
    assert room.admit("b", 1, 0)
