"""NVIDIA's GPUs, as NVML tells of them. A sick driver may answer late or never: ask from a thread nobody waits for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwire.protocol import GpuProcess, GpuStatus
from stepwire.system import bindings

_REASONS = {
    0x02: "application_clocks",
    0x04: "power_cap",
    0x08: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal",
    0x40: "hw_thermal",
    0x80: "power_brake",
    0x100: "display_clocks",
}
"""Bits of NVML's clock event reasons. An idle GPU (0x01) is not held back by anything."""
_USERS = (
    "nvmlDeviceGetComputeRunningProcesses",
    "nvmlDeviceGetMPSComputeRunningProcesses",
    "nvmlDeviceGetGraphicsRunningProcesses",
)


@dataclass(slots=True)
class _Gpu:
    """A GPU with its handle, and those of the MIG devices that it is split into."""

    handle: Any
    name: str
    uuid: str = ""
    mig: list[Any] = field(default_factory=list)
    mig_uuids: list[str] = field(default_factory=list)
    lost: bool = False

    @property
    def handles(self) -> list[Any]:
        """All that may be asked for processes."""
        return [self.handle, *self.mig]


class Nvml:
    """The NVIDIA GPUs of this host, in the order of their bus addresses. Not thread-safe.

    Args:
        nvml: The module ``pynvml``, initialised.
    """

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        # The second one is no NVMLError: a driver too old for this version of the bindings.
        self._errors = (nvml.NVMLError, getattr(nvml, "NVMLLibraryMismatchError", nvml.NVMLError), UnicodeDecodeError)
        self._gpus = [self._open(position) for position in range(nvml.nvmlDeviceGetCount())]

    @property
    def count(self) -> int:
        """How many there are, those included that were lost."""
        return len(self._gpus)

    def name(self, position: int) -> str:
        """Return a GPU's model."""
        return self._gpus[position].name

    def is_lost(self, position: int) -> bool:
        """Return whether a GPU was found to have fallen off the bus."""
        return self._gpus[position].lost

    def status(self, position: int, index: int) -> GpuStatus:
        """Ask a GPU for all that is shown; ``index`` is its number on this host."""
        gpu, nvml = self._gpus[position], self._nvml
        memory = self._ask(gpu, "nvmlDeviceGetMemoryInfo")
        rates = self._ask(gpu, "nvmlDeviceGetUtilizationRates")
        ecc = "nvmlDeviceGetTotalEccErrors"
        return GpuStatus(
            index=index,
            name=gpu.name,
            utilization=None if rates is None else float(rates.gpu),
            memory_utilization=None if rates is None else float(rates.memory),
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            temperature=self._temperature(gpu),
            power=_watts(self._ask(gpu, "nvmlDeviceGetPowerUsage")),
            power_limit=_watts(self._ask(gpu, "nvmlDeviceGetEnforcedPowerLimit")),
            sm_clock=self._ask(gpu, "nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
            memory_clock=self._ask(gpu, "nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM),
            throttle=self._throttle(gpu),
            ecc_corrected=self._ask(gpu, ecc, nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED, nvml.NVML_VOLATILE_ECC),
            ecc_uncorrected=self._ask(gpu, ecc, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC),
            processes=self.processes(position),
            mig=bool(gpu.mig),
            lost=gpu.lost,
        )

    def processes(self, position: int) -> list[GpuProcess] | None:
        """Return who uses a GPU, the largest first. A process that does several things with it is told once."""
        gpu = self._gpus[position]
        answers = [self._ask_handle(gpu, handle, question) for handle in gpu.handles for question in _USERS]
        if gpu.lost or all(answer is None for answer in answers):
            return None
        found: dict[int, int | None] = {}
        for user in (user for answer in answers for user in answer or ()):
            found[user.pid] = _most(found.get(user.pid), user.usedGpuMemory)
        users = [GpuProcess(pid, memory) for pid, memory in found.items()]
        return sorted(users, key=lambda user: user.memory or 0, reverse=True)

    def visible(self, environment: Mapping[str, str]) -> set[int] | None:
        """Return the positions that ``CUDA_VISIBLE_DEVICES`` lets a process use; ``None`` when it is not set.

        Numbers are taken for positions on the bus, which they are on machines with one model of GPU.
        """
        chosen = environment.get("CUDA_VISIBLE_DEVICES")
        if chosen is None:
            return None
        found: set[int] = set()
        for word in chosen.split(","):
            position = self._position(word.strip())
            if position is None:  # CUDA looks no further than that either
                break
            found.add(position)
        return found

    def _position(self, word: str) -> int | None:
        if word.isdigit():
            return int(word) if int(word) < len(self._gpus) else None
        if not word.startswith(("GPU-", "MIG-")):
            return None
        for position, gpu in enumerate(self._gpus):
            if gpu.uuid.startswith(word) or any(uuid.startswith(word) for uuid in gpu.mig_uuids):
                return position
            if gpu.uuid and word.startswith(f"MIG-{gpu.uuid}/"):  # how MIG devices were named before 2021
                return position
        return None

    def _open(self, position: int) -> _Gpu:
        gpu = _Gpu(None, f"GPU {position}")
        try:
            gpu.handle = self._nvml.nvmlDeviceGetHandleByIndex(position)
        except self._errors:
            gpu.lost = True
            return gpu
        gpu.name = _text(self._ask(gpu, "nvmlDeviceGetName")) or gpu.name
        gpu.uuid = _text(self._ask(gpu, "nvmlDeviceGetUUID"))
        gpu.mig = list(self._mig_devices(gpu))
        gpu.mig_uuids = [_text(self._ask_handle(gpu, device, "nvmlDeviceGetUUID")) for device in gpu.mig]
        return gpu

    def _mig_devices(self, gpu: _Gpu) -> Iterator[Any]:
        mode = self._ask(gpu, "nvmlDeviceGetMigMode")
        if mode and mode[0] == self._nvml.NVML_DEVICE_MIG_ENABLE:
            for index in range(self._ask(gpu, "nvmlDeviceGetMaxMigDeviceCount") or 0):
                device = self._ask(gpu, "nvmlDeviceGetMigDeviceHandleByIndex", index)
                if device is not None:  # not all places are taken
                    yield device

    def _temperature(self, gpu: _Gpu) -> float | None:
        sensor = self._nvml.NVML_TEMPERATURE_GPU
        now = self._ask(gpu, "nvmlDeviceGetTemperatureV", sensor)
        if now is None:  # an older driver
            now = self._ask(gpu, "nvmlDeviceGetTemperature", sensor)
        return None if now is None else float(now)

    def _throttle(self, gpu: _Gpu) -> list[str] | None:
        bits = self._ask(gpu, "nvmlDeviceGetCurrentClocksEventReasons")
        if bits is None:  # an older driver
            bits = self._ask(gpu, "nvmlDeviceGetCurrentClocksThrottleReasons")
        return None if bits is None else [reason for bit, reason in _REASONS.items() if bits & bit]

    def _ask(self, gpu: _Gpu, question: str, *arguments: Any) -> Any:
        return self._ask_handle(gpu, gpu.handle, question, *arguments)

    def _ask_handle(self, gpu: _Gpu, handle: Any, question: str, *arguments: Any) -> Any:
        """The answer; ``None`` when this GPU, driver or version of the bindings has none."""
        ask = getattr(self._nvml, question, None)
        if gpu.lost or ask is None:
            return None
        try:
            return ask(handle, *arguments)
        except self._errors as error:
            gpu.lost = getattr(error, "value", None) == self._nvml.NVML_ERROR_GPU_IS_LOST
            return None


def open_nvml() -> Nvml | None:
    """Open NVML; ``None`` without its bindings, a driver, or the right to use it. May take a second."""
    nvml = bindings.pynvml
    if nvml is None:
        return None
    try:
        nvml.nvmlInit()
        return Nvml(nvml)
    except (nvml.NVMLError, OSError):
        return None


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000


def _most(known: int | None, memory: int | None) -> int | None:
    return memory if known is None else max(known, memory or 0)


def _text(found: str | bytes | None) -> str:
    return found.decode(errors="replace") if isinstance(found, bytes) else found or ""
