"""Python's tracebacks in the output: what they quote of the source and of messages tells no metrics."""

import re

from stepwire.formats.tokens import strip_ansi

_HEADER = "Traceback (most recent call last):"
_OF_GROUP = "Exception Group "
_MARGIN = " \t|+"
_FRAME = re.compile(r'[\s|]+File "')
_RULE = re.compile(r"\+-+")
_NUMBERED_RULE = re.compile(r"\+[+-]* (\d+|\.\.\.) -+")
_MAX_LABEL_CHARACTERS = 200
_MAX_OPEN = 64  # ranks of one machine that fail together


class Tracebacks:
    """Cuts the tracebacks out of the lines of one stream.

    A traceback is its header, the indented lines of its frames, and the exception's line: the first that is not
    indented. Of an exception group it is all lines that begin with ``|`` or ``+``.

    What stands before the header is its label. Lines of a traceback either all have it, as ``[rank0]:``, which keeps
    several that are written at the same time apart, or only the first has, as where it was logged.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Traceback] = {}
        self._undecided: str | None = None

    def cut(self, line: str) -> str:
        """Return what of a line is not of a traceback: all, nothing, or what stands before the header."""
        if not self._open and _HEADER not in line:
            return line
        text = strip_ansi(line).rstrip()
        if self._is_inside(text):
            return ""
        return self._begin(text.removesuffix(_HEADER)) if text.endswith(_HEADER) else line

    def _begin(self, before: str) -> str:
        """Begin a traceback; returns the label."""
        is_group = before.endswith(_OF_GROUP)
        before = before.removesuffix(_OF_GROUP)
        label = before.rstrip(_MARGIN)
        key = label[:_MAX_LABEL_CHARACTERS]
        self._open.pop(key, None)
        self._open[key] = _Traceback(before[len(label) :], is_group=is_group)
        self._undecided = key or None
        if len(self._open) > _MAX_OPEN:
            del self._open[next(iter(self._open))]
        return label

    def _is_inside(self, text: str) -> bool:
        label = max(filter(text.startswith, self._open), key=len, default=None)
        if label is None:
            return self._is_frame_without_label(text)
        if label == self._undecided:
            self._undecided = None
        belongs = self._open[label].take(text[len(label) :])
        if self._open[label].is_over:
            del self._open[label]
        return belongs

    def _is_frame_without_label(self, text: str) -> bool:
        """Whether it is the first frame below a header that alone had its label."""
        frame = _FRAME.match(text)
        if frame is None or self._undecided is None:
            return False
        self._open.pop(self._undecided, None)
        self._undecided = None
        self._open[""] = _Traceback("", is_group="|" in frame[0])
        return True


class _Traceback:
    """A traceback that goes on.

    Args:
        margin: What stands between label and header.

    Attributes:
        is_over: Its last line was taken, or the last one given was none of it.
    """

    def __init__(self, margin: str, *, is_group: bool) -> None:
        self._margin = margin
        self._is_group = is_group
        self._is_ruled_off = False
        self.is_over = False

    def take(self, text: str) -> bool:
        """Take a line without its label; whether it belongs to the traceback."""
        if self._is_group:
            return self._take_of_group(text.lstrip())
        if text.endswith(_HEADER):  # another begins, before the exception's line was seen
            self.is_over = True
            return False
        if text.strip():
            self.is_over = not (text.startswith(self._margin) and text[len(self._margin) :][:1].isspace())
        return True

    def _take_of_group(self, text: str) -> bool:
        """Below the rule at its end only the next one with a number goes on: a table may follow."""
        goes_on = _NUMBERED_RULE.fullmatch(text) if self._is_ruled_off else text.startswith(("|", "+"))
        self.is_over = not goes_on
        self._is_ruled_off = bool(_RULE.fullmatch(text))
        return not self.is_over
