"""Live fan-out in this process: what was committed goes to everyone who watches, and nobody waits for anybody.

A viewer has a bounded queue of its own. Points are gathered per run for at most a tenth of a second, encoded
once for all viewers that want the same metrics, and dropped for a viewer that can't keep up, who is told to
read again (``resync``). Events are kept before points are.
"""

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from stepwire.protocol import LogLine, LogMessage, MetricUpdate, Number, Points, Resync
from stepwire.server.values import is_system, to_json
from stepwire.server.wire import encode_text
from stepwire.storage.series.interface import AcceptedSet

ALL_RUNS = "*"
TICK_SECONDS = 0.1
LIST_TICK_SECONDS = 0.5
VIEWER_BYTES = 256 * 1024
MAX_POINTS_PER_UPDATE = 50_000
LINES_TICK_SECONDS = 0.25
LINES_PER_SECOND = 200
LONG_LINE_CHARACTERS = 512  # a line counts once for each

Keys = tuple[str, ...] | None
_Pending = tuple[int, tuple[AcceptedSet, ...]]


class LinesRoom:
    """How many lines a viewer is told: so many a second. Of what is more it is told where to read it by REST.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._room = float(LINES_PER_SECOND)
        self._at = clock()
        self._missed: dict[str, int] = {}
        self._told_at: dict[str, float] = {}

    @property
    def has_missed(self) -> bool:
        """Whether there are lines that the viewer was not told of yet."""
        return bool(self._missed)

    def admit(self, run_id: str, first: int, count: int) -> bool:
        """Return whether the viewer is told lines from number ``first`` on, which count as so many, or misses them."""
        now = self._clock()
        self._room = min(self._room + (now - self._at) * LINES_PER_SECOND, LINES_PER_SECOND)
        self._at = now
        if count <= self._room and run_id not in self._missed:
            self._room -= count
            return True
        self._missed.setdefault(run_id, first)
        return False

    def take_missed(self, run_id: str) -> int | None:
        """Return from which line on a run is to be read; at most once a second."""
        now = self._clock()
        if run_id not in self._missed or now < self._told_at.get(run_id, now - 1) + 1:
            return None
        self._told_at[run_id] = now
        return self._missed.pop(run_id)

    def forget(self, run_id: str) -> None:
        """The viewer does not watch the run any more."""
        self._missed.pop(run_id, None)
        self._told_at.pop(run_id, None)


class Viewer:
    """One socket that watches: its subscriptions, and what waits to be sent to it."""

    def __init__(self) -> None:
        self.keys: dict[str, Keys] = {}
        self.logs: set[str] = set()
        self.lines = LinesRoom()
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
        self.lines: list[LogLine] = []
        self.lines_due: asyncio.TimerHandle | None = None


class Hub:
    """Who watches what. Everything runs on the event loop."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}
        self._latest: dict[str, tuple[int, float, int, dict[str, float]]] = {}
        self._list_due: asyncio.TimerHandle | None = None
        self._wanted_lines: Counter[str] = Counter()

    def subscribe(self, viewer: Viewer, run_id: str, keys: Keys, *, logs: bool = False) -> None:
        """Let the viewer have the messages of a run, or of the run list (``"*"``), with ``logs`` also its lines."""
        viewer.keys[run_id] = keys
        self._want_lines(viewer, run_id, wanted=logs and run_id != ALL_RUNS)
        self._channels.setdefault(run_id, _Channel()).viewers.add(viewer)

    def unsubscribe(self, viewer: Viewer, run_id: str) -> None:
        """End one subscription; harmless when there is none."""
        viewer.keys.pop(run_id, None)
        self._want_lines(viewer, run_id, wanted=False)
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

    # --- lines of console output -----------------------------------------------------------------------

    def wants_lines(self, run_id: str) -> bool:
        """Whether anybody wants to be told what a run prints. Any thread may ask."""
        return self._wanted_lines.get(run_id, 0) > 0

    def publish_lines(self, run_id: str, lines: Sequence[LogLine]) -> None:
        """Tell of lines that a run printed, in their order, several times a second."""
        channel = self._channels.get(run_id)
        if channel is None or not self.wants_lines(run_id):
            return
        channel.lines += lines
        # What nobody will be told of is not kept: the first one says where to read on, the last one how many they are.
        del channel.lines[LINES_PER_SECOND + 1 : -1]
        self._await_lines(run_id, channel)

    def _await_lines(self, run_id: str, channel: _Channel) -> None:
        if channel.lines_due is None:
            loop = asyncio.get_running_loop()
            channel.lines_due = loop.call_later(LINES_TICK_SECONDS, self._flush_lines, run_id)

    def _flush_lines(self, run_id: str) -> None:
        channel = self._channels.get(run_id)
        if channel is None:
            return
        channel.lines_due = None
        lines, channel.lines = channel.lines, []
        viewers = [viewer for viewer in channel.viewers if run_id in viewer.logs]
        cost = sum(1 + len(line.text) // LONG_LINE_CHARACTERS for line in lines)
        text = None
        for viewer in viewers:
            if lines and viewer.lines.admit(run_id, lines[0].line, cost):
                text = text or encode_text(LogMessage(run_id, lines))
                viewer.offer(text, points_of=run_id)
            elif (missed := viewer.lines.take_missed(run_id)) is not None:
                viewer.offer(encode_text(Resync(run_id, from_line=missed)))
        if any(viewer.lines.has_missed for viewer in viewers):
            self._await_lines(run_id, channel)

    def _want_lines(self, viewer: Viewer, run_id: str, *, wanted: bool) -> None:
        if wanted == (run_id in viewer.logs):
            return
        if wanted:
            viewer.logs.add(run_id)
            self._wanted_lines[run_id] += 1
            return
        viewer.logs.discard(run_id)
        viewer.lines.forget(run_id)
        self._wanted_lines[run_id] -= 1
        if self._wanted_lines[run_id] <= 0:
            del self._wanted_lines[run_id]

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
        for timer in (channel.due, channel.lines_due):
            if timer is not None:
                timer.cancel()
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
