"""What training scripts tell of their process and their host."""

from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from stepwire.errors import InvalidError
from stepwire.protocol import GpuStatus, HostStatus
from stepwire.server.points import Points, append_points
from stepwire.server.values import SYSTEM, from_json
from stepwire.storage.series.interface import Appended, SeriesStore, Stream

SILENT_US = 15_000_000
SILENT_INTERVALS = 3
MAX_SILENT_US = 3_600_000_000
MAX_HOSTS = 10_000
MAX_GPUS = 64
_GPU_NUMBERS = (
    "utilization",
    "memory_utilization",
    "memory_used",
    "memory_total",
    "temperature",
    "power",
    "power_limit",
    "sm_clock",
    "memory_clock",
    "ecc_corrected",
    "ecc_uncorrected",
)
NO_ATTEMPT = 2**31 - 1  # its steps are seconds: no rewind of the training supersedes it


@dataclass(frozen=True, slots=True)
class _Seat:
    """Who samples a host: a lock that one script at a time holds, or a script without one.

    ``heard`` is the time of its newest sample in µs; after ``silent`` µs more another may take the seat.
    """

    holder: str
    heard: int
    silent: int


class Samples:
    """Stores the process as series of the run and the host as series of the host, which one script tells for all.

    Scripts that share a lock take turns by themselves. Others, as those of two users, are told apart here: one is
    listened to until it has been silent for three of its intervals, at least 15 s.

    Args:
        series: Where they go.
        own_host: Name of this machine: it is sampled by the server itself.
    """

    def __init__(self, series: SeriesStore, own_host: str) -> None:
        self._series = series
        self._own_host = own_host
        self._seats: dict[str, _Seat] = {}

    def keep(self, tx: Connection, stream: Stream, record: dict[str, Any], now: int) -> list[Appended]:
        """Store one ``system`` record; returns what was stored for the run itself.

        Raises:
            InvalidError: It can't be used; nothing was stored.
        """
        when = record.get("time") or now
        if not isinstance(when, int) or abs(when) > 2**62:
            raise InvalidError("time must be whole microseconds.", "time")
        silent = _silent_us(record.get("interval"))
        prefix = _prefix(record.get("rank"))
        values = process_columns(record.get("process"), prefix) | gpu_columns(record.get("gpu_memory"), prefix)
        status = read_host(record["host"]) if record.get("host") is not None else None
        stored = []
        if values:
            points: Points = [(when // 1_000_000, when, values)]
            writer_id = f"{stream.writer_id}/system"
            stored = [append_points(self._series, tx, stream.source, writer_id, points, attempt=NO_ATTEMPT)]
        if status is not None and self._seat(status.host, _holder(record, stream), when, silent):
            points = [(when // 1_000_000, when, host_columns(status))]
            append_points(self._series, tx, host_source(status.host), stream.writer_id, points, kind="host")
        return stored

    def is_heard(self, host: str, stream: Stream, record: dict[str, Any]) -> bool:
        """Whether the host's samples come from whom this record is from."""
        seat = self._seats.get(host)
        return seat is not None and seat.holder == _holder(record, stream)

    def _seat(self, host: str, holder: str, when: int, silent: int) -> bool:
        """Whether this one is listened to: it has the seat, or takes it from one who fell silent."""
        known = self._seats.get(host)
        if host == self._own_host:
            return False
        if known is not None and known.holder != holder and abs(when - known.heard) < known.silent:
            return False
        if len(self._seats) >= MAX_HOSTS and host not in self._seats:
            del self._seats[min(self._seats, key=lambda name: self._seats[name].heard)]
        self._seats[host] = _Seat(holder, when, silent)
        return True


def _holder(record: dict[str, Any], stream: Stream) -> str:
    lease = record.get("lease")
    return lease[:64] if isinstance(lease, str) and lease else stream.writer_id


def _silent_us(interval: Any) -> int:
    if interval is None:
        return SILENT_US
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval < 2**40:
        raise InvalidError("interval must be seconds.", "interval")
    return min(max(int(SILENT_INTERVALS * interval * 1e6), SILENT_US), MAX_SILENT_US)


def host_source(host: str) -> str:
    """Id of a host's series."""
    return f"host:{host[:200]}"


def read_host(sample: Any) -> HostStatus:
    """A host's sample as a script sent it.

    Raises:
        InvalidError: It isn't one.
    """
    try:
        return msgspec.convert(sample, HostStatus, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidError(f"host: {error}", "host") from None


def process_columns(process: Any, prefix: str = SYSTEM) -> dict[str, float]:
    """A process's sample as series of its run: ``system/process/cpu_percent`` … What is ``null`` was not told.

    Raises:
        InvalidError: It isn't one.
    """
    if process is None:
        return {}
    if not isinstance(process, dict):
        raise InvalidError("process must be an object.", "process")
    return {
        f"{prefix}process/{name}": from_json(value, f"process.{name}")
        for name, value in process.items()
        if value is not None
    }


def gpu_columns(memory: Any, prefix: str = SYSTEM) -> dict[str, float]:
    """Bytes by number of GPU that a run's processes hold, as series of the run: ``system/gpu/0/memory`` …

    Raises:
        InvalidError: It isn't that.
    """
    if memory is None:
        return {}
    if not isinstance(memory, dict) or len(memory) > MAX_GPUS or not all(_is_index(index) for index in memory):
        raise InvalidError("gpu_memory must be an object of bytes by number of GPU.", "gpu_memory")
    return {f"{prefix}gpu/{index}/memory": from_json(size, f"gpu_memory.{index}") for index, size in memory.items()}


def host_columns(status: HostStatus) -> dict[str, float]:
    """A host's sample as series: ``cpu_percent``, ``disk/percent``, ``gpu/0/utilization`` …"""
    names = ("cpu_percent", "memory_percent", "memory_used", "load", "swap_used")
    series: dict[str, Any] = {name: getattr(status, name) for name in names}
    for part in ("disk", "net"):
        found = getattr(status, part)
        series |= {f"{part}/{name}": value for name, value in asdict(found).items()} if found else {}
    for gpu in status.gpus[:MAX_GPUS]:
        series |= {f"gpu/{gpu.index}/{name}": value for name, value in _numbers(gpu).items()}
    return {name: float(value) for name, value in series.items() if value is not None}


def _numbers(gpu: GpuStatus) -> dict[str, float | None]:
    """What of a GPU is a series. ``throttled`` is 1 while its clocks are held back, whatever the reason."""
    told = {name: getattr(gpu, name) for name in _GPU_NUMBERS}
    return told | {"throttled": None if gpu.throttle is None else float(bool(gpu.throttle))}


def _prefix(rank: Any) -> str:
    """``system/``; of others than the first process of a distributed run ``system/rank/3/``."""
    if rank is None or rank == 0:
        return SYSTEM
    if isinstance(rank, bool) or not isinstance(rank, int) or not 0 < rank < 2**31:
        raise InvalidError("rank must be a whole number.", "rank")
    return f"{SYSTEM}rank/{rank}/"


def _is_index(index: Any) -> bool:
    return isinstance(index, str) and index.isascii() and index.isdigit() and len(index) <= 3
