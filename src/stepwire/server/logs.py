"""Console output on its way in and out: what a ``log`` record may hold, and who is told of its lines."""

import asyncio
from contextlib import suppress
from typing import Any

from stepwire.errors import InvalidError
from stepwire.formats.terminal import clean_terminal
from stepwire.protocol import EventMessage, LogLine
from stepwire.server.hub import Hub
from stepwire.server.values import MAX_TIME_US
from stepwire.storage.logs.keeper import NewLine, RunLogs

MAX_LINE_CHARACTERS = 64 * 1024
_MAX_BACK = 1000


def read_log(record: dict[str, Any], now: int) -> tuple[str, list[NewLine]]:
    """Return the stream and the lines of a ``log`` record, with nothing in them that acts on a terminal but colours.

    Raises:
        InvalidError: It is none; nothing of it is kept.
    """
    stream, lines = record.get("stream"), record.get("lines")
    if stream not in ("stdout", "stderr"):
        raise InvalidError("stream must be stdout or stderr.", "stream")
    if not isinstance(lines, list):
        raise InvalidError("lines must be a list.", "lines")
    return str(stream), [_line(line, now, f"lines[{place}]") for place, line in enumerate(lines)]


def _line(line: Any, now: int, field: str) -> NewLine:
    if not isinstance(line, list) or not 2 <= len(line) <= 3 or not isinstance(line[1], str):
        raise InvalidError(f"{field} must be [time, text] or [time, text, back].", field)
    time, back = line[0], line[2] if len(line) == 3 else 0
    has_time = isinstance(time, int) and not isinstance(time, bool) and 0 <= time <= MAX_TIME_US
    is_back = isinstance(back, int) and not isinstance(back, bool) and 0 <= back <= _MAX_BACK
    text = line[1]
    short = text if len(text) <= MAX_LINE_CHARACTERS else text[: MAX_LINE_CHARACTERS - 1] + "…"
    return (time if has_time else now, clean_terminal(short), back if is_back else 0)


def tell_viewers(logs: RunLogs, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
    """Have the viewers on ``loop`` told of each line, once it can be read."""

    def tell(run_id: str, lines: list[LogLine]) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody is left to be told
            loop.call_soon_threadsafe(hub.publish_lines, run_id, lines)

    def tell_event(event: EventMessage) -> None:
        with suppress(RuntimeError):  # as above
            loop.call_soon_threadsafe(hub.publish, event, event.run_id)

    logs.is_watched = hub.wants_lines
    logs.on_lines = tell
    logs.on_event = tell_event
