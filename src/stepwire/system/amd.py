"""AMD's GPUs, through the package ``amdsmi`` where ROCm has installed it."""

from collections.abc import Mapping
from typing import Any

from stepwire.protocol import GpuProcess, GpuStatus
from stepwire.system import bindings

_MEGABYTE = 2**20


class Amd:
    """The AMD GPUs of this host. Not thread-safe.

    Args:
        smi: The module ``amdsmi``, initialised.
    """

    def __init__(self, smi: Any) -> None:
        self._smi = smi
        self._handles = list(smi.amdsmi_get_processor_handles())
        self._names = [self._model(position) for position in range(len(self._handles))]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._handles)

    def name(self, position: int) -> str:
        """Return a GPU's model."""
        return self._names[position]

    def is_lost(self, position: int) -> bool:
        """Return False: the library does not tell a lost GPU from one that answers nothing."""
        return False

    def status(self, position: int, index: int) -> GpuStatus:
        """Ask a GPU for all that is shown; ``index`` is its number on this host."""
        activity = self._ask(position, "amdsmi_get_gpu_activity")
        memory = self._ask(position, "amdsmi_get_gpu_vram_usage")
        ecc = self._ask(position, "amdsmi_get_gpu_total_ecc_count")
        limit = _number(self._ask(position, "amdsmi_get_power_cap_info"), "power_cap")  # microwatts
        return GpuStatus(
            index=index,
            name=self._names[position],
            utilization=_number(activity, "gfx_activity"),
            memory_utilization=_number(activity, "umc_activity"),
            memory_used=_bytes(memory, "vram_used"),
            memory_total=_bytes(memory, "vram_total"),
            temperature=self._temperature(position),
            power=self._power(position),
            power_limit=None if limit is None else limit / 1_000_000,
            sm_clock=self._clock(position, "GFX"),
            memory_clock=self._clock(position, "MEM"),
            ecc_corrected=_whole(ecc, "correctable_count"),
            ecc_uncorrected=_whole(ecc, "uncorrectable_count"),
            processes=self.processes(position),
        )

    def processes(self, position: int) -> list[GpuProcess] | None:
        """Return who uses a GPU, the largest first."""
        listed = self._ask(position, "amdsmi_get_gpu_process_list")
        if listed is None:
            return None
        users = [
            GpuProcess(pid, _whole(entry.get("memory_usage"), "vram_mem"))
            for entry in listed
            if (pid := _whole(entry, "pid")) is not None
        ]
        return sorted(users, key=lambda user: user.memory or 0, reverse=True)

    def visible(self, environment: Mapping[str, str]) -> set[int] | None:
        """Return the positions that a process may use; ``None`` when no variable says so.

        ``HIP_VISIBLE_DEVICES`` counts among what ``ROCR_VISIBLE_DEVICES`` leaves.
        """
        left = list(range(self.count))
        given = False
        for variable in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
            if variable in environment:
                given = True
                words = [word.strip() for word in environment[variable].split(",")]
                left = [left[int(word)] for word in words if word.isdigit() and int(word) < len(left)]
        return set(left) if given else None

    def _model(self, position: int) -> str:
        known = self._ask(position, "amdsmi_get_gpu_asic_info")
        name = known.get("market_name") if isinstance(known, dict) else None
        return name if isinstance(name, str) and name != "N/A" else f"AMD GPU {position}"

    def _temperature(self, position: int) -> float | None:
        """At the edge of the chip, else at its hottest spot: accelerators have only that."""
        for place in ("EDGE", "HOTSPOT"):
            kind = getattr(self._smi.AmdSmiTemperatureType, place)
            found = self._ask(position, "amdsmi_get_temp_metric", kind, self._smi.AmdSmiTemperatureMetric.CURRENT)
            if isinstance(found, int | float):
                return float(found)
        return None

    def _power(self, position: int) -> float | None:
        """Watts now, else averaged: each generation tells one of them."""
        told = self._ask(position, "amdsmi_get_power_info")
        now = _number(told, "current_socket_power")
        return now if now else _number(told, "average_socket_power")

    def _clock(self, position: int, kind: str) -> int | None:
        return _whole(self._ask(position, "amdsmi_get_clock_info", getattr(self._smi.AmdSmiClkType, kind)), "clk")

    def _ask(self, position: int, question: str, *arguments: Any) -> Any:
        """The answer; ``None`` when this GPU, driver or version of the library has none."""
        try:
            return getattr(self._smi, question)(self._handles[position], *arguments)
        except (self._smi.AmdSmiException, AttributeError, TypeError, ValueError):  # its signatures change
            return None


def open_amd() -> Amd | None:
    """Open AMD's library; ``None`` where it, its driver, or the right to use it is missing."""
    smi = bindings.amdsmi
    if smi is None:
        return None
    try:
        smi.amdsmi_init()
        return Amd(smi)
    except (smi.AmdSmiException, OSError):
        return None


def _number(answer: Any, name: str) -> float | None:
    """A number of an answer; what is not known is ``N/A`` there."""
    value = answer.get(name) if isinstance(answer, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(answer: Any, name: str) -> int | None:
    value = _number(answer, name)
    return None if value is None else int(value)


def _bytes(answer: Any, name: str) -> int | None:
    megabytes = _number(answer, name)
    return None if megabytes is None else int(megabytes * _MEGABYTE)
