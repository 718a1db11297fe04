"""Sampling of host and process, for the SDK and for the server. psutil and NVML are loaded on first use."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stepwire.protocol import DiskStatus, GpuStatus, HostStatus, NetStatus


def process_start(pid: int | None = None) -> float | None:
    """Return when a process started, in seconds since 1970; ``None`` when there is no such process.

    With the process id it names a process for good: ids are used again. Compare with 2 s of tolerance, since
    the kernel's idea of the boot time moves with the clock.
    """
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One sample of a process. ``cpu_percent`` is 100 per busy core; memory is resident bytes."""

    cpu_percent: float
    memory_used: int
    threads: int


class ProcessSampler:
    """Samples this process. Load counts from the sample before, at first from the making of the sampler."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._process.cpu_percent()

    def sample(self) -> ProcessStatus:
        """Return what the process uses now."""
        with self._process.oneshot():
            return ProcessStatus(
                cpu_percent=self._process.cpu_percent(),
                memory_used=self._process.memory_info().rss,
                threads=self._process.num_threads(),
            )


class HostSampler:
    """Samples this host: processor, memory, disk, network, and its GPUs where NVML is there.

    Load and rates count from the sample before, at first from the making of the sampler. Not thread-safe.

    Args:
        folder: A folder of the file system to watch.
        host: Name to report; the host's own when left out.
    """

    def __init__(self, folder: str = ".", host: str | None = None) -> None:
        import psutil

        self._psutil = psutil
        self._folder = folder
        self._host = host or _host_name()
        self._gpus = _Gpus()
        self._traffic = _traffic(psutil)
        psutil.cpu_percent(percpu=True)  # primes it: each call tells the load since the call before

    def sample(self, runs: tuple[str, ...] = ()) -> HostStatus:
        """Return the host's state now; ``runs`` are the ids of the runs on it."""
        cores = self._psutil.cpu_percent(percpu=True)
        memory = self._psutil.virtual_memory()
        now = time.time()
        return HostStatus(
            host=self._host,
            time=int(now * 1_000_000),
            cpu_percent=round(sum(cores) / max(len(cores), 1), 1),
            memory_percent=memory.percent,
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            cores=cores,
            disk=self._disk(),
            net=self._net(),
            gpus=self._gpus.sample(),
            runs=list(runs),
            uptime_seconds=round(now - self._psutil.boot_time(), 1),
            load=_load(),
        )

    def _disk(self) -> DiskStatus | None:
        try:
            usage = self._psutil.disk_usage(self._folder)
        except OSError:  # the folder was removed, or may not be read
            return None
        return DiskStatus(used=usage.used, total=usage.total, percent=usage.percent)

    def _net(self) -> NetStatus | None:
        before, self._traffic = self._traffic, _traffic(self._psutil)
        if before is None or self._traffic is None:
            return None
        seconds = max(self._traffic[0] - before[0], 1e-3)
        sent, received = (max(new - old, 0) / seconds for new, old in zip(self._traffic[1:], before[1:], strict=True))
        return NetStatus(sent=round(sent, 1), received=round(received, 1))


def _host_name() -> str:
    import socket

    return socket.gethostname()


def _load() -> float | None:
    with suppress(AttributeError, OSError):  # Windows has none
        return round(os.getloadavg()[0], 2)
    return None


def _traffic(psutil: Any) -> tuple[float, int, int] | None:
    """Return the monotonic moment and the bytes sent and received so far, without loopback."""
    try:
        counters = psutil.net_io_counters(pernic=True)
    except (OSError, psutil.Error):  # a sandbox may hide /proc/net
        return None
    nics = [
        counter for name, counter in counters.items() if name not in {"lo", "lo0"} and not name.startswith("Loopback")
    ]
    return time.monotonic(), sum(nic.bytes_sent for nic in nics), sum(nic.bytes_recv for nic in nics)


class _Gpus:
    """The GPUs as NVML sees them; none where NVML or its driver is missing."""

    def __init__(self) -> None:
        self._handles: list[tuple[Any, str]] = []
        try:
            import pynvml

            self._nvml = pynvml
            pynvml.nvmlInit()
            for index in range(pynvml.nvmlDeviceGetCount()):
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                self._handles.append((handle, _gpu_name(pynvml.nvmlDeviceGetName(handle))))
        except (ImportError, OSError):
            return
        except pynvml.NVMLError:  # no driver, or no right to use it
            return

    def sample(self) -> list[GpuStatus]:
        return [self._gpu(index, handle, name) for index, (handle, name) in enumerate(self._handles)]

    def _gpu(self, index: int, handle: Any, name: str) -> GpuStatus:
        nvml = self._nvml
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        power = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)  # milliwatts
        return GpuStatus(
            index=index,
            name=name,
            utilization=None if rates is None else float(rates.gpu),
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            temperature=self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            power=None if power is None else power / 1000,
        )

    def _ask(self, question: Any, *arguments: Any) -> Any:
        try:
            return question(*arguments)
        except self._nvml.NVMLError:  # each GPU answers only part of the questions
            return None


def _gpu_name(name: str | bytes) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name
