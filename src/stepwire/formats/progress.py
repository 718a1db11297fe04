"""Which step a log line belongs to, told by its own words, by progress bars and by the lines before it."""

import re
from dataclasses import dataclass

from stepwire.formats.lines import Count, Line
from stepwire.formats.vocabulary import PHASES

EVALUATIONS = ("val", "test", "eval")
_MAX_COUNTERS = 100


@dataclass(slots=True)
class _Counter:
    """Something that counts from 0 or 1 up to a total, and often again for each epoch."""

    total: int | None
    last: int = 0
    base: int = 0
    epoch: float | None = None
    first_epoch: float | None = None

    @property
    def value(self) -> int:
        """Where it is, all earlier rounds included."""
        return self.base + self.last

    @property
    def is_complete(self) -> bool:
        return self.total is not None and self.last >= self.total

    def move(self, value: int, epoch: float | None, *, is_batch: bool) -> None:
        """Go to a value; where it fell far, a new round has begun, unless it counts without a total or epochs."""
        is_next_epoch = epoch is not None and self.epoch is not None and epoch > self.epoch
        has_fallen = value < self.last and value <= max(self.last // 2, 1)
        if (has_fallen and (is_batch or self.total is not None)) or (is_next_epoch and value <= self.last):
            self.base += self.total or self.last + 1
        self.last = value
        self.epoch = self.epoch if epoch is None else epoch
        self.first_epoch = self.epoch if self.first_epoch is None else self.first_epoch


def _is_evaluation(line: Line) -> bool:
    phases = {PHASES.get(re.split(r"[_/]", name)[0].lower()) for name in line.metrics if name != "epoch"}
    return line.phase in EVALUATIONS or (bool(phases) and phases <= set(EVALUATIONS))


class Progress:
    """Follows the steps of a training through its log.

    Attributes:
        total: Planned number of steps, once the log has told it.
    """

    def __init__(self) -> None:
        self.total: int | None = None
        self._counters: dict[tuple[str, int | None], _Counter] = {}
        self._main: _Counter | None = None
        self._told: float | None = None
        self._epoch: Count | None = None
        self._begins_at_0 = False
        self._has_bar = False

    def follow(self, line: Line) -> float | None:
        """Take in a line; return the step of its metrics, ``None`` when nothing has told any."""
        if line.epoch is not None:
            self._begins_at_0 = self._begins_at_0 or line.epoch.value == 0
            self._epoch = line.epoch
        epoch = None if self._epoch is None else self._epoch.value
        if line.step is not None:
            counter = self._move("step", line.step, epoch, is_batch=line.is_batch)
            self._plan(counter)
            self._told = counter.value
            return self._told
        if line.position is not None and self._counts(line):
            return self._follow_position(line, line.position, epoch)
        return self.place(line)

    def place(self, line: Line) -> float | None:
        """Return the step of a line that has none of its own, from what is known now."""
        if self._told is not None:
            return self._told
        main = self._find_main(line)
        if main is None:
            return None if self._epoch is None else self._epoch.value
        if line.is_strong:
            self._main = main
            self._plan(main)
        return main.value

    def floats(self, line: Line) -> bool:
        """Whether a line's step is that of a progress bar, which is drawn a moment later."""
        has_own = line.step is not None or line.position is not None
        return bool(line.metrics) and not has_own and self._told is None and self._has_bar

    def is_main(self, line: Line) -> bool:
        """Whether a line draws the bar of the training."""
        if line.position is None or line.phase in EVALUATIONS or not line.is_bar:
            return False
        return self._main is None or (line.position.total or 0) >= (self._main.total or 0)

    def tell(self, step: float) -> None:
        """Say a step that stands in a line in another form."""
        self._told = step

    @staticmethod
    def _counts(line: Line) -> bool:
        """Whether a position is that of a training: ``(1/3)`` in any other line is not."""
        return line.is_bar or bool(line.metrics) or line.epoch is not None or line.phase is not None

    def _follow_position(self, line: Line, position: Count, epoch: float | None) -> float:
        if line.phase in EVALUATIONS:
            main = self._find_main(line)
            known = self._told if main is None else main.value
            if known is not None:
                return known
            return self._move(f"{line.phase} position", position, epoch, is_batch=True).value
        counter = self._move("position", position, epoch, is_batch=True)
        self._has_bar = self._has_bar or line.is_bar
        if line.is_strong or line.epoch is not None:
            self._plan(counter)
        return counter.value

    def _move(self, kind: str, count: Count, epoch: float | None, *, is_batch: bool) -> _Counter:
        key = (kind, count.total)
        counter = self._counters.pop(key, None) or _Counter(count.total)
        self._counters[key] = counter
        if len(self._counters) > _MAX_COUNTERS:
            self._counters.pop(next(iter(self._counters)))
        counter.move(int(count.value), epoch, is_batch=is_batch)
        return counter

    def _bars(self) -> list[_Counter]:
        return [counter for (kind, _), counter in self._counters.items() if kind == "position"]

    def _find_main(self, line: Line) -> _Counter | None:
        """Return the bar of the training: the longest one that is under way.

        One that is under way when a line tells of an evaluation may be the evaluation's own.
        """
        if self._main is not None and _is_evaluation(line):
            return self._main
        bars = self._bars()
        open_bars = [counter for counter in bars if not counter.is_complete]
        if not open_bars and self._main is not None:
            return self._main
        return max(open_bars or bars, key=lambda counter: counter.total or 0, default=None)

    @property
    def _epochs(self) -> int:
        """How many epochs there will be; 0 when nothing tells. Lightning counts 0/2, 1/2, 2/2."""
        total = None if self._epoch is None else self._epoch.total
        return 0 if total is None else total + self._begins_at_0

    def _plan(self, counter: _Counter) -> None:
        """Work out how many steps there will be, once it is clear whether they are counted anew in each epoch."""
        if counter.total is None:
            return
        if counter.base:
            self.total = counter.total * self._epochs if self._epochs else None
        elif counter.epoch is None or counter.epoch != counter.first_epoch:
            self.total = counter.total
