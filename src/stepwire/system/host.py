"""What a host does: processor, memory, disks, network, GPUs."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from stepwire.protocol import DiskStatus, HostStatus, NetStatus
from stepwire.system.cgroup import ControlGroups
from stepwire.system.gpu import Gpus
from stepwire.system.rates import Rates


class HostSampler:
    """Samples this host: processor, memory, disk, network, and its GPUs where their driver is there.

    Inside a container memory and processor time are those that its control group allows. Load and rates count from
    the sample before, at first from the making of the sampler. Not thread-safe; GPU drivers may take long.

    Args:
        folder: A folder of the file system to watch.
        host: Name to report; the host's own when left out.
        gpus: Its GPUs; looked for when left out.
        groups: The control groups of this process; looked for when left out.
    """

    def __init__(
        self,
        folder: str = ".",
        host: str | None = None,
        *,
        gpus: Gpus | None = None,
        groups: ControlGroups | None = None,
    ) -> None:
        import psutil

        self._psutil = psutil
        self._folder = folder
        self._host = host or _host_name()
        self._gpus = gpus or Gpus()
        groups = groups or ControlGroups()
        self._container = groups if groups.is_container else None
        is_disk = cache(_is_disk)
        self._traffic = Rates(lambda: _traffic(psutil))
        self._disks = Rates(lambda: _disks(psutil, is_disk))
        self._spent = Rates(self._cpu_seconds)
        psutil.cpu_percent(percpu=True)  # primes it: each call tells the load since the call before

    def sample(self, runs: tuple[str, ...] = ()) -> HostStatus:
        """Return the host's state now; ``runs`` are the ids of the runs on it."""
        cores = self._cores()
        count, percent = self._load(cores)
        memory_used, memory_total = self._memory()
        swap = _swap(self._psutil)
        now = time.time()
        return HostStatus(
            host=self._host,
            time=int(now * 1_000_000),
            cpu_percent=round(percent, 1),
            memory_percent=round(100 * memory_used / max(memory_total, 1), 1),
            memory_used=memory_used,
            memory_total=memory_total,
            cores=cores,
            disk=self._disk(),
            net=self._net(),
            gpus=self._gpus.sample(),
            runs=list(runs),
            uptime_seconds=round(now - self._psutil.boot_time(), 1),
            load=_waiting(),
            swap_used=None if swap is None else swap[0],
            swap_total=None if swap is None else swap[1],
            cpu_count=count,
            container=self._container is not None,
        )

    def _cores(self) -> list[float]:
        """The load of each core that may be used, in percent."""
        cores = self._psutil.cpu_percent(percpu=True)
        allowed = self._container.cpus() if self._container else None
        return [load for core, load in enumerate(cores) if not allowed or core in allowed]

    def _load(self, cores: list[float]) -> tuple[float, float]:
        """How many cores count, and how busy they were in percent."""
        count = float(max(len(cores), 1))
        quota = self._container.cores() if self._container else None
        spent = self._spent.take()
        if quota is None or quota >= count or spent is None:
            return count, sum(cores) / count
        return quota, min(100 * spent[0] / quota, 100.0)

    def _cpu_seconds(self) -> tuple[float] | None:
        seconds = self._container.cpu_seconds() if self._container else None
        return None if seconds is None else (seconds,)

    def _memory(self) -> tuple[int, int]:
        """Bytes in use and in all; those of the container's limit where that is the tighter one."""
        memory = self._psutil.virtual_memory()
        limit = self._container.memory() if self._container else None
        if limit is not None and limit.limit < memory.total:
            return limit.used, limit.limit
        return memory.total - memory.available, memory.total

    def _disk(self) -> DiskStatus | None:
        rates = self._disks.take()
        try:
            usage = self._psutil.disk_usage(self._folder)
        except OSError:  # the folder was removed, or may not be read
            return None
        read, written = rates or (None, None)
        return DiskStatus(used=usage.used, total=usage.total, percent=usage.percent, read=read, written=written)

    def _net(self) -> NetStatus | None:
        rates = self._traffic.take()
        return None if rates is None else NetStatus(sent=rates[0], received=rates[1])


def _host_name() -> str:
    import socket

    return socket.gethostname()


def _waiting() -> float | None:
    with suppress(AttributeError, OSError):  # Windows has none
        return round(os.getloadavg()[0], 2)
    return None


def _swap(psutil: Any) -> tuple[int, int] | None:
    """Bytes of swap in use and in all. Read by hand where that is possible: psutil warns on some kernels."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:  # another system, or a sandbox that hides it
        with suppress(OSError, RuntimeError, psutil.Error):
            swap = psutil.swap_memory()
            return swap.used, swap.total
        return None
    found = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if rest}
    total = found.get("SwapTotal", 0)
    return total - found.get("SwapFree", 0), total


def _traffic(psutil: Any) -> tuple[float, ...] | None:
    """Bytes sent and received so far, without loopback."""
    try:
        counters = psutil.net_io_counters(pernic=True)
    except (OSError, psutil.Error):  # a sandbox may hide /proc/net
        return None
    nics = [
        counter for name, counter in counters.items() if name not in {"lo", "lo0"} and not name.startswith("Loopback")
    ]
    return sum(nic.bytes_sent for nic in nics), sum(nic.bytes_recv for nic in nics)


def _disks(psutil: Any, is_disk: Callable[[str], bool]) -> tuple[float, ...] | None:
    """Bytes read and written so far on all disks."""
    try:
        counters = psutil.disk_io_counters(perdisk=True)
    except (OSError, RuntimeError, psutil.Error):  # a sandbox may hide /proc/diskstats
        return None
    disks = [disk for name, disk in counters.items() if is_disk(name)]
    return (sum(disk.read_bytes for disk in disks), sum(disk.write_bytes for disk in disks)) if disks else None


def _is_disk(name: str) -> bool:
    """Whether it is a disk itself: what lies upon one (partition, volume, RAID, loop) would count a second time."""
    blocks = Path("/sys/block")
    return not blocks.is_dir() or (blocks / name.replace("/", "!") / "device").exists()
