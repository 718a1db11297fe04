"""Numbers out of log lines. ``docs/run.md`` has the table of what is read and what is not."""

import re
import time as clock
from collections.abc import Iterator, Sequence

from stepwire.errors import InvalidError
from stepwire.formats import jsonlines
from stepwire.formats.lines import MAX_CHARACTERS, Count, Line, is_strong_name, read_line
from stepwire.formats.points import STEP_KEYS, Point, is_name, is_step, point_of, whole
from stepwire.formats.progress import Progress
from stepwire.formats.tokens import strip_ansi

MAX_NAMES = 500
_MAX_PENDING = 1000
_MAX_HELD = 100
_MAX_OBJECT_CHARACTERS = 64 * 1024
_SLOW_SECONDS = 0.05
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+|nan|NaN|inf|Infinity)"
_HAS_NUMBER = re.compile(r"[0-9]|nan|inf", re.IGNORECASE)
_PAIR = re.compile(
    rf"""['"]([^'"{{}}]{{1,128}})['"]\s{{0,4}}:\s{{0,4}}(?:[A-Za-z_.]{{1,16}}[0-9]{{0,3}}\()?['"]?({_NUMBER})(?=['"),}}\s])"""
)


class Patterns:
    """Reads numbers out of the lines of a log, one after the other.

    A name that is surely a metric's, such as ``loss``, counts at once, and with it all others of its line. Any other
    name counts from the second line on where its value or step is another one: what is told once, as a port or a
    seed, is none. Its first value is given then, too. The time for a line grows with its length and nothing else.

    Args:
        custom: Patterns that are tried before the built-in ones; see ``compile_pattern``.
        most_names: So many names at most; what comes under others is passed over.

    Attributes:
        warning: What is wrong, once something is.
    """

    def __init__(self, custom: Sequence[re.Pattern[str]] = (), most_names: int = MAX_NAMES) -> None:
        self._custom = list(custom)
        self._most_names = most_names
        self._progress = Progress()
        self._names: set[str] = set()
        self._pending: dict[str, Point] = {}
        self._last: dict[tuple[str, ...], Point] = {}
        self._count = 0
        self._held: list[tuple[Line, int | None]] = []
        self._units: dict[str, str] = {}
        self.warning: str | None = None

    @property
    def total_steps(self) -> int | None:
        """Planned number of steps, once the log has told it."""
        return self._progress.total

    @property
    def units(self) -> dict[str, str]:
        """Units of the metrics so far, where a line has told one."""
        return {name: unit for name, unit in self._units.items() if name in self._names}

    def read(self, line: str, time: int | None = None) -> list[Point]:
        """Return the numbers of a line, most often as one point or none.

        Args:
            line: Without its end; escape sequences are allowed.
            time: When it was written, in µs since 1970.
        """
        text = strip_ansi(line[:_MAX_OBJECT_CHARACTERS]).strip()
        if not _HAS_NUMBER.search(text):
            return []
        custom = self._read_custom(text)
        if custom is not None:
            return self._give(custom, time, is_sure=True)
        told = self._read_object(text) or read_line(text)
        if self._progress.floats(told):
            self._held.append((told, time))
            return self.flush() if len(self._held) > _MAX_HELD else []
        step = self._progress.follow(told)
        before = self.flush() if self._progress.is_main(told) else []
        return before + self._give(_point(told, step), time, is_sure=told.is_strong, told=told)

    @property
    def is_holding(self) -> bool:
        """Whether ``flush`` would return something."""
        return bool(self._held)

    def flush(self) -> list[Point]:
        """Return the points of lines that have waited for the next state of a progress bar, which has their step.

        A bar is drawn again after a line was printed through it. Call this when none came for half a second.
        """
        held, self._held = self._held, []
        points = []
        for told, time in held:
            step = self._progress.place(told)
            points += self._give(_point(told, step), time, is_sure=told.is_strong, told=told)
        return points

    def _give(self, found: Point, time: int | None, *, is_sure: bool, told: Line | None = None) -> list[Point]:
        if told is not None and len(self._units) < self._most_names:
            self._units |= told.units
        return [point for point in self._admit(found, time, is_sure=is_sure) if self._is_new(point)]

    # --- objects -----------------------------------------------------------------------------------------

    def _read_object(self, text: str) -> Line | None:
        """Read a JSON object or a Python dict in a line; words before it may tell step and phase."""
        start, end = text.find("{"), text.rfind("}")
        if start < 0 or end < start:
            return None
        point = jsonlines.read_line(text[start : end + 1]) or _read_dict(text[start : end + 1])
        if point is None:
            return None
        line = read_line(text[:start])
        line.metrics, line.time = dict(point.metrics), point.time
        line.is_strong = any(map(is_strong_name, line.metrics))
        if point.step is not None and _is_epoch_only(text):
            line.epoch = line.epoch or Count(point.step)
        elif point.step is not None:
            self._progress.tell(point.step)
        return line

    # --- the user's patterns ----------------------------------------------------------------------------

    def _read_custom(self, text: str) -> Point | None:
        for pattern in list(self._custom):
            began = clock.perf_counter()
            fields = _match(pattern, text[:MAX_CHARACTERS])
            if clock.perf_counter() - began > _SLOW_SECONDS:
                self._custom.remove(pattern)
                self.warning = f"the pattern {pattern.pattern!r} takes too long and is not used any more"
            if fields:
                point = point_of(fields)
                if point is not None and point.step is not None:
                    self._progress.tell(point.step)
                    return point
                return None if point is None else Point(point.metrics, self._progress.follow(read_line(text)))
        return None

    # --- what counts -------------------------------------------------------------------------------------

    def _admit(self, found: Point, time: int | None, *, is_sure: bool) -> Iterator[Point]:
        """Give what counts of a line, before it what was held back until now."""
        counted: dict[str, float] = {}
        at = found.time or time
        for name, value in found.metrics.items():
            if name in self._names or is_sure:
                if self._accept(name):
                    counted[name] = value
                continue
            now = Point({name: value}, found.step, at)
            before = self._pending.pop(name, None)
            if before is not None and (before.metrics != now.metrics or before.step != now.step) and self._accept(name):
                yield self._numbered(before)
                counted[name] = value
            elif len(self._pending) < _MAX_PENDING:
                self._pending[name] = before or now
        if counted:
            yield self._numbered(Point(counted, found.step, at))

    def _accept(self, name: str) -> bool:
        if name in self._names:
            return True
        if not is_name(name):
            return False
        if len(self._names) >= self._most_names:
            self.warning = self.warning or f"more than {self._most_names} names in the log; others are passed over"
            return False
        self._pending.pop(name, None)
        self._names.add(name)
        return True

    def _numbered(self, point: Point) -> Point:
        if point.step is not None and is_step(point.step):
            return Point(point.metrics, whole(point.step), point.time)
        self._count += 1
        return Point(point.metrics, self._count - 1, point.time)

    def _is_new(self, point: Point) -> bool:
        """Whether it says something else than the last of these names: bars are drawn again and again."""
        names = tuple(point.metrics)
        last = self._last.get(names)
        if len(self._last) > self._most_names:
            self._last.clear()
        self._last[names] = point
        return last is None or last.step != point.step or repr(last.metrics) != repr(point.metrics)


def compile_pattern(text: str) -> re.Pattern[str]:
    """Return a pattern of the user's.

    Its named groups are metrics, ``step`` and ``epoch`` are steps, ``__`` in a group's name is a ``/``. With groups
    ``name`` and ``value`` every match in a line is a metric of that name.

    Raises:
        InvalidError: It is no regular expression, or has no named group.
    """
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise InvalidError(f"{text!r} is no regular expression: {error}.", field="pattern") from None
    if not pattern.groupindex:
        raise InvalidError(f"{text!r} names no group; write (?P<loss>…) around the number.", field="pattern")
    return pattern


def _match(pattern: re.Pattern[str], text: str) -> dict[str, float]:
    fields: dict[str, float] = {}
    has_names = {"name", "value"} <= pattern.groupindex.keys()
    for match in pattern.finditer(text):
        groups = match.groupdict()
        if has_names:
            groups[groups.pop("name") or ""] = groups.pop("value")
        fields |= {
            name.replace("__", "/"): number for name, text in groups.items() if (number := _number(text)) is not None
        }
        if not has_names:
            break
    return fields


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text.replace(",", ""))
    except ValueError:
        return None


def _point(told: Line, step: float | None) -> Point:
    """The numbers of a line; the epoch is one of them where it is not the step."""
    has_steps = told.step is not None or told.position is not None
    if told.metrics and told.epoch is not None and (has_steps or step != told.epoch.value):
        return Point({**told.metrics, "epoch": told.metrics.get("epoch", told.epoch.value)}, step, told.time)
    return Point(told.metrics, step, told.time)


def _read_dict(text: str) -> Point | None:
    """Read the numbers of a printed Python dict, without evaluating anything."""
    return point_of({name: float(number) for name, number in _PAIR.findall(text)})


def _is_epoch_only(text: str) -> bool:
    return not any(f"'{key}'" in text or f'"{key}"' in text for key in STEP_KEYS if key != "epoch")
