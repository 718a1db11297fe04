"""From a user's dict to a packed row: the part of the SDK that runs in the training loop."""

import itertools
import math
import struct
from collections.abc import Iterator, Mapping, ValuesView
from datetime import datetime
from sys import modules
from typing import Any

from stepwire.client.batch import MetricSet
from stepwire.client.clock import Clock
from stepwire.client.deferred import HOLE, Deferred, DeferredRow
from stepwire.client.device import Copy, begin_copies, is_on_device, may_be_on_device
from stepwire.client.outbox import NullOutbox, Outbox
from stepwire.client.shown import shown
from stepwire.errors import InvalidError
from stepwire.limits import MAX_NAME_BYTES, MAX_NAMES_PER_RECORD, MAX_STEP

_CACHE_BYTES = 32 * 1024 * 1024  # about 100,000 sets of one name
_SET_BYTES = 256  # what CPython needs for a set beside its names
_NAME_BYTES = 64  # and for a name beside its text
_MAX_SET_BYTES = 1024 * 1024
_MAX_DEPTH = 32
_MAX_TYPES = 1000
_FEW = 16
_EARLIEST_SECONDS = -62_135_596_800  # year 1
_LATEST_SECONDS = 253_402_300_799  # year 9999


class Metrics:
    """Checks, stamps and packs what is logged, and hands it to the outbox.

    Attributes:
        last_step: Step of the newest row, ``None`` before the first.
        last_time: Its time in µs, 0 before the first.
        deferred: The rows whose numbers are still on a device.
    """

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._put = outbox.put
        self._now = clock.now
        self._sets: dict[tuple[str, ...], MetricSet] = {}
        self._cached_bytes = 0
        self._ordinals = itertools.count()  # threads may meet new names at the same time
        self._plain: set[type] = {float, int, bool}
        self._known = self._plain.copy()  # those that may be on a device, too
        self._open = True
        self._keeps = not isinstance(outbox, NullOutbox)
        self.deferred = Deferred(outbox.put, clock)
        self.last_step: int | float | None = None
        self.last_time = 0

    def log(self, metrics: Mapping[str, Any], step: float | None, timestamp: float | datetime | None) -> None:
        """Log one row. See ``TrainingMonitor.log_metrics``."""
        packed: Any
        copies = None
        try:
            metric_set = self._sets[tuple(metrics)]
            values = metrics.values()
            if "torch" in modules or "jax" in modules:  # else nothing can be on a device
                if len(values) > _FEW:
                    self._check_plain(values)
                else:
                    for value in values:
                        if type(value) not in self._plain:
                            raise TypeError  # `pack` would wait for a device
            packed = metric_set.pack(*values)
        except (KeyError, TypeError, AttributeError, struct.error):
            metric_set, packed, copies = self._pack(metrics)
        if step is None:
            step = 0 if self.last_step is None else self.last_step + 1
        if type(step) is not int or not -MAX_STEP <= step <= MAX_STEP:
            step = read_step(step)
        time = self._now() if timestamp is None else read_time(timestamp)
        self.last_step = step
        self.last_time = time
        if copies:
            self.deferred.add(DeferredRow(metric_set, step, time, packed, copies))
        elif packed:
            self._put((metric_set, step, time, packed))

    def close(self) -> None:
        """Refuse every later ``log``: the run was finished."""
        self._open = False
        self._sets = {}
        self.deferred.close()

    def after_fork(self) -> None:
        """Leave what is still on a device to the parent process."""
        self.deferred.after_fork()

    def _pack(self, metrics: Mapping[str, Any]) -> tuple[MetricSet, Any, list[Copy]]:
        """The long way: new names, nested dicts, scalars of other libraries, numbers on devices, and every misuse.

        Returns:
            The set, and the packed values; instead of them the values with holes when copies are to fill these.
        """
        if not self._open:
            raise InvalidError("This run was finished; make a new TrainingMonitor to log more.")
        flat = metrics if self._is_flat(metrics) else spread(metrics)
        names = tuple(flat)
        metric_set = self._sets.get(names) or self._prepare(names)
        values, found = self._read(flat)
        copies = _begin(found, values, names) if found and self._keeps else []
        return metric_set, values if copies else metric_set.pack(*values), copies

    def _is_flat(self, metrics: Mapping[str, Any]) -> bool:
        """Whether these are known names with values of known types."""
        is_dict = type(metrics) is dict
        return is_dict and self._known.issuperset(map(type, metrics.values())) and tuple(metrics) in self._sets

    def _read(self, flat: Mapping[str, Any]) -> tuple[list[float], list[tuple[int, Any]]]:
        """Return the values with holes for those on a device, and these with their places."""
        values: list[float] = []
        found: list[tuple[int, Any]] = []
        for name, value in flat.items():
            if type(value) not in self._plain and self._is_on_device(value):
                found.append((len(values), value))
                values.append(HOLE)
            else:
                values.append(number(name, value))
        return values, found

    def _check_plain(self, values: ValuesView[Any]) -> None:
        """Raise TypeError when one of many values may be on a device."""
        import msgspec

        try:
            msgspec.msgpack.encode([*values])  # five times as fast as a look at each type
        except (TypeError, ValueError, OverflowError):
            for value in values:
                if type(value) not in self._plain:
                    raise TypeError from None

    def _is_on_device(self, value: Any) -> bool:
        kind = type(value)
        is_possible = may_be_on_device(kind)
        if len(self._known) < _MAX_TYPES:
            self._known.add(kind)
            if not is_possible:
                self._plain.add(kind)
        return is_possible and is_on_device(value)

    def _prepare(self, names: tuple[str, ...]) -> MetricSet:
        wire_bytes = _check_names(names)
        size = _SET_BYTES + _NAME_BYTES * len(names) + wire_bytes
        if self._cached_bytes + size > _CACHE_BYTES:
            # A loop that invents names: forget the old sets; those seen again get a new ordinal.
            self._sets = {}
            self._cached_bytes = 0
        metric_set = self._sets[names] = MetricSet(next(self._ordinals), names, wire_bytes)
        self._cached_bytes += size
        return metric_set


def _begin(found: list[tuple[int, Any]], values: list[float], names: tuple[str, ...]) -> list[Copy]:
    """Begin to copy numbers from a device; read them at once into ``values`` where that is not possible."""
    try:
        return begin_copies(found)
    except Exception:  # noqa: BLE001 - oddities of foreign libraries; a number that can't be read raises here
        for place, value in found:
            values[place] = number(names[place], value)
        return []


def flatten(metrics: Mapping[str, Any], field: str = "metrics") -> dict[str, float]:
    """Return name → value, nested dicts joined by ``/``.

    Raises:
        TypeError: Not a mapping, a name that is not a string, or a value that is not a number.
        InvalidError: A name twice, or a number too large for a float.
    """
    return {name: number(name, value) for name, value in spread(metrics, field).items()}


def spread(metrics: Mapping[str, Any], field: str = "metrics") -> dict[str, Any]:
    """Return name → value as it is, nested dicts joined by ``/``.

    Raises:
        TypeError: Not a mapping, or a name that is not a string.
        InvalidError: A name twice.
    """
    if not isinstance(metrics, Mapping):
        raise TypeError(f"{field} must be a dict of name to number, not {type(metrics).__name__}")
    flat: dict[str, Any] = {}
    for name, value in _leaves(metrics, "", 1):
        if name in flat:
            raise InvalidError(f"metric {shown(name)} is given twice.", field=name)
        flat[name] = value
    return flat


def _leaves(metrics: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _MAX_DEPTH:
        raise InvalidError(f"metric {prefix[:80]!r} is nested deeper than {_MAX_DEPTH} dicts.", field=prefix[:80])
    for key, value in metrics.items():
        if not isinstance(key, str):
            raise TypeError(f"metric name {shown(key)} must be a string, not {type(key).__name__}")
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}/", depth + 1)
        else:
            yield prefix + key, value


def number(name: str, value: Any) -> float:
    """Return a metric's value as float: an int, float, bool, or a scalar of NumPy, torch, JAX.

    NaN and ±Inf are values like others.

    Raises:
        TypeError: Not a number, or more than one.
        InvalidError: A number too large for a float.
    """
    try:
        if hasattr(value, "item"):  # of an array or tensor: fails unless it holds exactly one number
            value = value.item()
        if hasattr(value, "__float__") or hasattr(value, "__index__"):
            return float(value)
    except OverflowError as error:
        raise InvalidError(f"metric {shown(name)} is too large for a 64-bit float.", field=name) from error
    except Exception as error:
        raise TypeError(f"metric {shown(name)} cannot be read as one number: {type(value).__name__}") from error
    raise TypeError(f"metric {shown(name)} must be a number, not {type(value).__name__}")


def read_step(step: Any) -> int | float:
    """Return a step as int when it is whole, else as float.

    Raises:
        TypeError: Not a number.
        InvalidError: Not finite, or beyond ±2**53.
    """
    if isinstance(step, bool | str | bytes):
        raise TypeError(f"step must be a number, not {type(step).__name__}")
    try:
        value = number("step", step)
    except TypeError as error:
        raise TypeError(f"step must be a number, not {type(step).__name__}") from error
    except InvalidError as error:
        raise InvalidError("step must lie within ±2**53.", field="step") from error
    if not math.isfinite(value) or abs(value) > MAX_STEP or (type(step) is int and abs(step) > MAX_STEP):
        raise InvalidError(f"step must be a finite number within ±2**53, not {shown(value)}.", field="step")
    return int(value) if value.is_integer() else value


def read_time(timestamp: Any) -> int:
    """Return µs since 1970 of float seconds or an aware ``datetime``.

    Raises:
        TypeError: Neither.
        InvalidError: A ``datetime`` without time zone, or a moment outside the years 1 to 9999.
    """
    if isinstance(timestamp, datetime):
        if timestamp.utcoffset() is None:
            raise InvalidError("timestamp has no time zone; use datetime.now(UTC).", field="timestamp")
        timestamp = timestamp.timestamp()
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        raise TypeError(f"timestamp must be seconds or a datetime, not {type(timestamp).__name__}")
    if not _EARLIEST_SECONDS <= timestamp <= _LATEST_SECONDS:
        raise InvalidError("timestamp must be seconds since 1970, between the years 1 and 9999.", field="timestamp")
    return round(timestamp * 1_000_000)


def _check_names(names: tuple[str, ...]) -> int:
    """Return the bytes that the names need on the wire, or raise for the first that cannot be stored."""
    if len(names) > MAX_NAMES_PER_RECORD:
        raise InvalidError(f"{len(names)} metrics in one call; {MAX_NAMES_PER_RECORD} are allowed.", field="metrics")
    size = sum(_check_name(name) for name in names)
    if size > _MAX_SET_BYTES:
        raise InvalidError("The names of one call are longer than 1 MiB together.", field="metrics")
    return size


def _check_name(name: str) -> int:
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise InvalidError(f"metric name {shown(name)} is not valid Unicode.", field="metrics") from error
    if not 1 <= size <= MAX_NAME_BYTES or "\0" in name:
        raise InvalidError(
            f"metric name {name[:80]!r} must have 1 to {MAX_NAME_BYTES} bytes, none of them NUL.", field="metrics"
        )
    return size + 3
