"""Live fan-out in this process: what was committed goes to everyone who watches, and nobody waits for anybody.

A viewer has a bounded queue of its own. Points are gathered per run for at most a tenth of a second, encoded
once for all viewers that want the same metrics, and dropped for a viewer that can't keep up, who is told to
read again (``resync``). Events are kept before points are.
"""

import asyncio
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from stepwire.protocol import MetricUpdate, Number, Points, Resync
from stepwire.server.values import is_system, to_json
from stepwire.server.wire import encode_text
from stepwire.storage.series.interface import AcceptedSet

ALL_RUNS = "*"
TICK_SECONDS = 0.1
LIST_TICK_SECONDS = 0.5
VIEWER_BYTES = 256 * 1024
MAX_POINTS_PER_UPDATE = 50_000

Keys = tuple[str, ...] | None
_Pending = tuple[int, tuple[AcceptedSet, ...]]


class Viewer:
    """One socket that watches: its subscriptions, and what waits to be sent to it."""

    def __init__(self) -> None:
        self.keys: dict[str, Keys] = {}
        self._waiting: deque[tuple[str, str | None]] = deque()
        self._bytes = 0
        self._missed: set[str] = set()
        self._wake = asyncio.Event()

    def offer(self, text: str, points_of: str | None = None) -> None:
        """Queue a message; ``points_of`` names the run whose points it holds, which may be left out."""
        if self._bytes + len(text) > VIEWER_BYTES:
            self._make_room(points_of)
        if points_of is None or points_of not in self._missed:
            self._waiting.append((text, points_of))
            self._bytes += len(text)
        self._wake.set()

    def _make_room(self, points_of: str | None) -> None:
        """Leave out points first, then the oldest events; each run left out is read again."""
        kept = deque(item for item in self._waiting if item[1] is None)
        self._missed |= {run for _, run in self._waiting if run is not None}
        if points_of is not None:
            self._missed.add(points_of)
        while kept and sum(len(text) for text, _ in kept) > VIEWER_BYTES:
            kept.popleft()
            self._missed.add(ALL_RUNS)
        self._waiting = kept
        self._bytes = sum(len(text) for text, _ in kept)

    async def take(self) -> list[str]:
        """Wait for messages and take all of them; runs that were left out end the list as ``resync``."""
        await self._wake.wait()
        self._wake.clear()
        taken = [text for text, _ in self._waiting]
        taken += [encode_text(Resync(run)) for run in sorted(self._missed)]
        self._waiting.clear()
        self._missed.clear()
        self._bytes = 0
        return taken


class _Channel:
    """The viewers of one run, and the points that wait for the next tick."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.pending: list[_Pending] = []
        self.sent_cursor = 0
        self.due: asyncio.TimerHandle | None = None
        self.last_flush = 0.0


class Hub:
    """Who watches what. Everything runs on the event loop."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}
        self._latest: dict[str, tuple[int, float, int, dict[str, float]]] = {}
        self._list_due: asyncio.TimerHandle | None = None

    def subscribe(self, viewer: Viewer, run_id: str, keys: Keys) -> None:
        """Let the viewer have the messages of a run, or of the run list (``"*"``)."""
        viewer.keys[run_id] = keys
        self._channels.setdefault(run_id, _Channel()).viewers.add(viewer)

    def unsubscribe(self, viewer: Viewer, run_id: str) -> None:
        """End one subscription; harmless when there is none."""
        viewer.keys.pop(run_id, None)
        channel = self._channels.get(run_id)
        if channel is not None:
            channel.viewers.discard(viewer)
            if not channel.viewers:
                self._forget(run_id, channel)

    def leave(self, viewer: Viewer) -> None:
        """End all of a viewer's subscriptions."""
        for run_id in list(viewer.keys):
            self.unsubscribe(viewer, run_id)

    @property
    def viewers(self) -> int:
        """How many sockets watch something."""
        return len({viewer for channel in self._channels.values() for viewer in channel.viewers})

    def publish(self, message: Any, run_id: str | None = None) -> None:
        """Send a message to the viewers of a run and to those of the run list, once each."""
        channels = [self._channels.get(name) for name in {run_id, ALL_RUNS} if name is not None]
        viewers = {viewer for channel in channels if channel for viewer in channel.viewers}
        if viewers:
            if run_id is not None:
                self.flush(run_id)
            text = encode_text(message)
            for viewer in viewers:
                viewer.offer(text)

    def publish_points(self, run_id: str, sets: tuple[AcceptedSet, ...], cursor: int) -> None:
        """Tell of points that were committed as journal row ``cursor``."""
        if not sets:
            return
        if ALL_RUNS in self._channels:
            self._note_latest(run_id, sets, cursor)
        channel = self._channels.get(run_id)
        if channel is None:
            return
        channel.pending.append((cursor, sets))
        if channel.due is None:
            loop = asyncio.get_running_loop()
            wait = max(0.0, channel.last_flush + TICK_SECONDS - loop.time())
            channel.due = loop.call_later(wait, self.flush, run_id)

    def flush(self, run_id: str) -> None:
        """Send what waits for a run now."""
        channel = self._channels.get(run_id)
        if channel is None or not channel.pending:
            return
        if channel.due is not None:
            channel.due.cancel()
            channel.due = None
        channel.last_flush = asyncio.get_running_loop().time()
        pending, channel.pending = channel.pending, []
        since = channel.sent_cursor or pending[0][0] - 1
        channel.sent_cursor = pending[-1][0]
        texts: dict[Keys, str | None] = {}
        for viewer in channel.viewers:
            keys = viewer.keys[run_id]
            if keys not in texts:
                texts[keys] = _encode_points(run_id, pending, since, keys)
            if (text := texts[keys]) is not None:
                viewer.offer(text, points_of=run_id)

    def _note_latest(self, run_id: str, sets: Sequence[AcceptedSet], cursor: int) -> None:
        own = [columns for columns in sets if not _is_system(columns)]
        _, step, time, values = self._latest.get(run_id, (0, 0.0, 0, {}))
        for columns in own:
            step, time = columns.steps[-1], columns.times[-1]
            row = array("d", columns.values[-8 * len(columns.names) :])
            values.update(zip(columns.names, row, strict=True))
        if own:
            self._latest[run_id] = (cursor, step, time, values)
        if own and self._list_due is None:
            self._list_due = asyncio.get_running_loop().call_later(LIST_TICK_SECONDS, self._flush_list)

    def _flush_list(self) -> None:
        self._list_due = None
        latest, self._latest = self._latest, {}
        channel = self._channels.get(ALL_RUNS)
        if channel is None:
            return
        for keys in {viewer.keys[ALL_RUNS] for viewer in channel.viewers}:
            texts = [_encode_latest(run_id, *newest, keys) for run_id, newest in latest.items()]
            for viewer in channel.viewers:
                if viewer.keys[ALL_RUNS] == keys:
                    for text in texts:
                        viewer.offer(text, points_of=ALL_RUNS)

    def _forget(self, run_id: str, channel: _Channel) -> None:
        if channel.due is not None:
            channel.due.cancel()
        del self._channels[run_id]


def _encode_latest(run_id: str, cursor: int, step: float, time: int, values: dict[str, float], keys: Keys) -> str:
    metrics = {name: to_json(value) for name, value in values.items() if wanted(name, keys)}
    return encode_text(MetricUpdate(run_id, step, metrics, time=time, cursor=cursor))


def _encode_points(run_id: str, pending: Iterable[_Pending], since: int, keys: Keys) -> str | None:
    """One message with all that waits, or ``None`` when the viewer wants none of it."""
    series: dict[str, Points] = {}
    cursor, count = since, 0
    step: float | None = None
    time: int | None = None
    for cursor, sets in pending:  # noqa: B007 - the last one's cursor is the message's
        for columns in sets:
            count += _gather(series, columns, keys)
            if not _is_system(columns):
                step, time = columns.steps[-1], columns.times[-1]
    if not series:
        return None
    if count > MAX_POINTS_PER_UPDATE:
        return encode_text(Resync(run_id))
    metrics = {name: points.value[-1] for name, points in series.items()}
    single = (
        all(len(points.step) == 1 for points in series.values())
        and len({points.step[0] for points in series.values()}) == 1
    )
    return encode_text(
        MetricUpdate(run_id, step, metrics, time=time, cursor=cursor, since=since, series=None if single else series)
    )


def _is_system(columns: AcceptedSet) -> bool:
    return is_system(columns.names[0])


def _gather(series: dict[str, Points], columns: AcceptedSet, keys: Keys) -> int:
    width = len(columns.names)
    values = array("d", columns.values)
    taken = 0
    for index, name in enumerate(columns.names):
        if wanted(name, keys):
            points = series.setdefault(name, Points([], [], []))
            points.step.extend(columns.steps)
            points.time.extend(columns.times)
            points.value.extend(_column(values[index::width]))
            taken += len(columns.steps)
    return taken


def _column(values: Iterable[float]) -> list[Number]:
    return [to_json(value) for value in values]


def wanted(name: str, keys: Keys) -> bool:
    """Whether ``keys`` (names or globs; ``None``: all) ask for a metric."""
    return keys is None or any(name == key or ("*" in key and fnmatchcase(name, key)) for key in keys)
