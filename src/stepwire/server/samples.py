"""What training scripts tell of their process and their host."""

from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection

from stepwire.errors import InvalidError
from stepwire.protocol import HostStatus
from stepwire.server.points import Points, append_points
from stepwire.server.values import from_json
from stepwire.storage.series.interface import Appended, SeriesStore, Stream

SILENT_US = 15_000_000
MAX_HOSTS = 10_000
NO_ATTEMPT = 2**31 - 1  # its steps are seconds: no rewind of the training supersedes it


class Samples:
    """Stores the process as series of the run and the host as series of the host, which one script tells for all.

    Args:
        series: Where they go.
        own_host: Name of this machine: it is sampled by the server itself.
    """

    def __init__(self, series: SeriesStore, own_host: str) -> None:
        self._series = series
        self._own_host = own_host
        self._samplers: dict[str, tuple[str, int]] = {}

    def keep(self, tx: Connection, stream: Stream, record: dict[str, Any], now: int) -> list[Appended]:
        """Store one ``system`` record; returns what was stored for the run itself.

        Raises:
            InvalidError: It can't be used; nothing was stored.
        """
        when = record.get("time") or now
        if not isinstance(when, int) or abs(when) > 2**62:
            raise InvalidError("time must be whole microseconds.", "time")
        values = process_columns(record.get("process"))
        status = read_host(record["host"]) if record.get("host") is not None else None
        stored = []
        if values:
            points: Points = [(when // 1_000_000, when, values)]
            writer_id = f"{stream.writer_id}/system"
            stored = [append_points(self._series, tx, stream.source, writer_id, points, attempt=NO_ATTEMPT)]
        if status is not None and self._is_sampler(status.host, stream.writer_id, now):
            points = [(when // 1_000_000, when, host_columns(status))]
            append_points(self._series, tx, host_source(status.host), stream.writer_id, points, kind="host")
        return stored

    def _is_sampler(self, host: str, writer_id: str, now: int) -> bool:
        """One script per host is listened to; another takes over when it has been silent for 15 s."""
        known, heard = self._samplers.get(host, (writer_id, 0))
        if host == self._own_host or (known != writer_id and now - heard < SILENT_US):
            return False
        if len(self._samplers) >= MAX_HOSTS:
            self._samplers = {name: found for name, found in self._samplers.items() if now - found[1] < SILENT_US}
        self._samplers[host] = (writer_id, now)
        return True


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


def process_columns(process: Any) -> dict[str, float]:
    """A process's sample as series of its run: ``system/process/cpu_percent`` …

    Raises:
        InvalidError: It isn't one.
    """
    if process is None:
        return {}
    if not isinstance(process, dict):
        raise InvalidError("process must be an object.", "process")
    return {f"system/process/{name}": from_json(value, f"process.{name}") for name, value in process.items()}


def host_columns(status: HostStatus) -> dict[str, float]:
    """A host's sample as series: ``cpu_percent``, ``disk/percent``, ``gpu/0/utilization`` …"""
    names = ("cpu_percent", "memory_percent", "memory_used", "load")
    series: dict[str, Any] = {name: getattr(status, name) for name in names}
    for part in ("disk", "net"):
        found = getattr(status, part)
        series |= {f"{part}/{name}": value for name, value in asdict(found).items()} if found else {}
    for gpu in status.gpus:
        named = {name: value for name, value in asdict(gpu).items() if name not in {"index", "name"}}
        series |= {f"gpu/{gpu.index}/{name}": value for name, value in named.items()}
    return {name: float(value) for name, value in series.items() if value is not None}
