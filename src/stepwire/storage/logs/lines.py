"""One line of a run's log file, as it is written and read.

    2026-11-23T14:32:07.118000Z stdout epoch 3: loss 0.42
    2026-11-23T14:32:08.118000Z stderr/2@118 50%|█████     | 5/10

When, which stream, the rank when it is not 0, the number of the line whose place it takes, the text.
"""

import re
from datetime import datetime, timedelta
from typing import Literal

from stepwire.formats.terminal import strip_colours
from stepwire.protocol import Level, LogLine

_BEGIN = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC throughout; an aware one is three times slower to write
_HEAD = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})Z (stdout|stderr)(?:/(\d{1,10}))?(?:@(\d{1,18}))? ")
_LEVEL_CHARACTERS = 200
_LEVEL = re.compile(
    r"\b(DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL|EXCEPTION)\b"
    r"|^([DIWEF])\d{4} "  # absl, glog
    r"|^(?:\w+\.)*\w*(Error|Exception|Interrupt)\b(?=:|$)|^(Traceback) \(most recent call last\)"
    r"|\b\w*(Warning):|^\s*\[?((?i:debug|info|warn(?:ing)?|error|fatal))\]?:"
)
_LEVELS: dict[str, Level] = {"d": "debug", "i": "info", "w": "warning"}


def format_line(time: int, stream: str, rank: int, replaces: int | None, text: str) -> bytes:
    """Return a line of the file with its end. ``text`` has no line end in it, ``time`` is in µs since 1970."""
    when = (_BEGIN + timedelta(microseconds=time)).isoformat(timespec="microseconds")
    tag = stream + (f"/{rank}" if rank else "") + ("" if replaces is None else f"@{replaces}")
    return f"{when}Z {tag} {text}\n".encode()


def parse_line(number: int, raw: bytes) -> LogLine:
    """Return the line number ``number`` of a file. What is no line of ours, as after a change by hand, is text."""
    head = _HEAD.match(raw)
    text = raw[head.end() if head else 0 :].rstrip(b"\n").decode("utf-8", "replace")
    if head is None:
        return LogLine(number, 0, "stdout", text)
    stream: Literal["stdout", "stderr"] = "stdout" if head[2] == b"stdout" else "stderr"
    replaces = None if head[4] is None else int(head[4])
    return LogLine(number, _microseconds(head[1]), stream, text, level_of(text), int(head[3] or 0), replaces)


def text_of(raw: bytes) -> bytes:
    """The text of a line without what is in front of it."""
    head = _HEAD.match(raw)
    return raw[head.end() if head else 0 :]


def level_of(text: str) -> Level:
    """Return the level that a line tells by its own words; ``info`` when it tells none."""
    found = _LEVEL.search(strip_colours(text[:_LEVEL_CHARACTERS]))
    if found is None:
        return "info"
    word = next(word for word in found.groups() if word is not None)
    return "error" if word in ("Error", "Interrupt") else _LEVELS.get(word[0].lower(), "error")


def _microseconds(when: bytes) -> int:
    try:
        return (datetime.fromisoformat(when.decode()) - _BEGIN) // timedelta(microseconds=1)
    except ValueError:  # changed by hand
        return 0
