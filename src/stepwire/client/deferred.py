"""Log calls with numbers that are still on a device: kept in order as soon as the numbers have come."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from stepwire.client.batch import MetricSet, Record, Row
from stepwire.client.clock import Clock
from stepwire.client.device import Copy
from stepwire.client.document import clean

HOLE = math.nan
"""What stands in a row for a number that has not come."""
MAX_ROWS = 10_000
MAX_BYTES = 16 * 1024 * 1024
_ROW_BYTES = 512  # what CPython needs for a row beside its values
_COPY_BYTES = 256
_LOOK_SECONDS = 0.005
_HURRIED_LOOK_SECONDS = 0.001
_STUCK_SECONDS = 10.0
_IDLE_LOOKS = 200  # a thread that is woken by each call costs the training more than its looks


class DeferredRow:
    """One log call: ``values`` has a hole wherever one of ``copies`` has its place."""

    __slots__ = ("copies", "is_kept", "metric_set", "since", "size", "step", "time", "values")

    def __init__(
        self, metric_set: MetricSet, step: int | float, time_us: int, values: list[float], copies: list[Copy]
    ) -> None:
        self.metric_set = metric_set
        self.step = step
        self.time = time_us
        self.values = values
        self.copies = copies
        self.size = _ROW_BYTES + _COPY_BYTES * len(copies) + 32 * len(values)
        self.since = time.monotonic()
        self.is_kept = False


class Deferred:
    """A bounded queue of such calls, and the thread that looks whether their numbers have come.

    The thread is its own, since the sender's may wait for a server. It is started with the first call.

    Args:
        put: Keeps a row or record for good; never blocks.

    Attributes:
        dropped: Calls lost because the device was too far behind, each told in a ``gap`` record.
    """

    def __init__(self, put: Callable[[Row | Record], None], clock: Clock) -> None:
        self._put = put
        self._clock = clock
        self._inherited: list[object] = []
        self._reset()

    def _reset(self) -> None:
        self._rows: deque[DeferredRow] = deque()
        self._size = 0
        self._in_hand: DeferredRow | None = None
        self._gap: Record | None = None
        self._lock = threading.RLock()  # a signal handler may log while it interrupts `add`
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_asleep = self._is_hurried = self._is_closing = False
        self._has_told = False
        self.dropped = 0

    @property
    def pending(self) -> bool:
        """Whether a call is not kept yet."""
        return bool(self._rows) or self._in_hand is not None

    # --- the side of the training ----------------------------------------------------------------------

    def add(self, row: DeferredRow) -> None:
        """Keep a call as soon as its numbers have come; when there are too many, the oldest leave. Never blocks."""
        with self._lock:
            self._rows.append(row)
            self._size += row.size
            while len(self._rows) > MAX_ROWS or (self._size > MAX_BYTES and len(self._rows) > 1):
                self._drop_oldest()
        if self._thread is None:
            self._start()
        elif self._is_asleep:
            self._is_asleep = False
            self._bell.put(None)

    def _drop_oldest(self) -> None:
        row = self._rows.popleft()
        self._size -= row.size
        self.dropped += 1
        gap = self._gap or {
            "type": "gap",
            "reason": "the device was too far behind",
            "count": 0,
            "from_step": row.step,
        }
        self._gap = gap | {"count": gap["count"] + 1, "to_step": row.step, "time": row.time}

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            thread = self._thread = threading.Thread(target=self._run, name="stepwire-device", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is shutting down: the next call tries again
            self._thread = None

    # --- the end ---------------------------------------------------------------------------------------

    def settle(self, deadline: float) -> bool:
        """Wait until all calls are kept, until ``deadline`` in monotonic seconds; return whether they are."""
        self._is_hurried = True
        while self.pending and time.monotonic() < deadline:
            if self._thread is None:
                self.resolve()
            time.sleep(_HURRIED_LOOK_SECONDS)
        self._is_hurried = False
        return not self.pending

    def give_up(self) -> None:
        """Keep what is left with NaN in the holes."""
        with self._lock:
            left = [row for row in (self._in_hand, *self._rows) if row is not None]
            self._rows.clear()
            self._in_hand = None
            self._size = 0
        for row in left:
            self._fail(row, "the device had not computed it when the run ended")
            self._keep(row)
        self._tell_gap()

    def close(self) -> None:
        """End the thread."""
        self._is_closing = True
        self._bell.put(None)

    def after_fork(self) -> None:
        """Leave all calls to the parent process; what they refer to must not be freed here, see ``device``."""
        self._inherited.append(self._rows)
        self._inherited.append(self._in_hand)
        self._reset()

    # --- the thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        idle_looks = 0
        while not self._is_closing:
            try:
                idle_looks = idle_looks + 1 if self.resolve() else 0
            except Exception as error:  # noqa: BLE001 - told; this thread must live as long as its run
                self._tell(None, error)
            if idle_looks > _IDLE_LOOKS:
                self._sleep()
                idle_looks = 0
            else:
                time.sleep(_HURRIED_LOOK_SECONDS if self._is_hurried else _LOOK_SECONDS)

    def _sleep(self) -> None:
        self._is_asleep = True
        # Set first, looked at second: an `add` in between either sees that nobody looks or is seen here.
        if not self._rows and not self._is_closing:
            self._bell.get()
        self._is_asleep = False

    def resolve(self) -> bool:
        """Keep the calls whose numbers have come, oldest first; return whether none is left. One thread at a time."""
        self._tell_gap()
        while (row := self._take_ready()) is not None:
            try:
                for copy in row.copies:
                    self._fill(row, copy)
                self._keep(row)
            finally:
                self._in_hand = None
        return not self._rows

    def _take_ready(self) -> DeferredRow | None:
        while self._rows:
            row = self._rows[0]
            looks = [_has_come(copy) for copy in row.copies]
            if not all(looks) and not self._will_never(row):
                return None
            with self._lock:
                if self._rows and self._rows[0] is row:  # else it was dropped meanwhile
                    self._size -= row.size
                    self._in_hand = self._rows.popleft()
                    return row
        return None

    def _will_never(self, row: DeferredRow) -> bool:
        """Ask the device about numbers that are late, or waited for."""
        if not self._is_hurried and time.monotonic() < row.since + _STUCK_SECONDS:
            return False
        try:
            for copy in row.copies:
                copy.ask()
        except Exception as error:  # noqa: BLE001 - whatever the device says; it is told
            self._fail(row, error)
            return True
        return False

    def _fill(self, row: DeferredRow, copy: Copy) -> None:
        try:
            numbers = copy.read()
        except Exception as error:  # noqa: BLE001 - whatever the device says; it is told
            self._tell(row.metric_set.names[copy.places[0]], error, row.step)
            return
        for place, number in zip(copy.places, numbers, strict=True):
            row.values[place] = number

    def _fail(self, row: DeferredRow, why: object) -> None:
        """Leave NaN in the holes."""
        if row.copies:
            self._tell(row.metric_set.names[row.copies[0].places[0]], why, row.step)
        row.copies = []

    def _keep(self, row: DeferredRow) -> None:
        with self._lock:
            if row.is_kept:
                return
            row.is_kept = True
        self._put((row.metric_set, row.step, row.time, row.metric_set.pack(*row.values)))

    # --- what is told ----------------------------------------------------------------------------------

    def _tell_gap(self) -> None:
        with self._lock:
            gap, self._gap = self._gap, None
        if gap is not None:
            self._put(gap)

    def _tell(self, name: str | None, why: object, step: float | None = None) -> None:
        """Tell, once for a run, that a number could not be read."""
        if self._has_told:
            return
        self._has_told = True
        reason = f"{type(why).__name__}: {why}" if isinstance(why, Exception) else str(why)
        message = f"{name or 'a metric'} could not be read from its device ({reason}); NaN stands for such values"
        event: dict[str, Any] = {"type": "event", "level": "warning", "event": "device_value_lost"}
        self._put({**event, "time": self._clock.now(), "message": clean(message, 1000), "step": step})


def _has_come(copy: Copy) -> bool:
    try:
        return copy.has_come()
    except Exception:  # noqa: BLE001 - then there is nothing to wait for, and reading it tells why
        return True
