"""Fan-out: nobody waits for a slow viewer, and what he misses he is told to read again."""

import asyncio
import json
from array import array

from stepwire.protocol import EventMessage
from stepwire.server.hub import VIEWER_BYTES, Hub, Viewer
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
