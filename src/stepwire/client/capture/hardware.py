"""The machine that a script runs on, and what of it the script's libraries were built for."""

import os
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from stepwire.client.document import clean
from stepwire.client.imports import load

GPU_SECONDS = 5.0
_MODEL = "model name"


def describe_hardware(gpu_seconds: float = GPU_SECONDS) -> dict[str, Any]:
    """Return processor, cores, memory in bytes, GPUs with model, memory and driver; what is not known is left out.

    Args:
        gpu_seconds: How long the GPUs' driver may take. One that does not answer is left behind.
    """
    found = _processor() | _gpus(gpu_seconds) | _frameworks()
    return {name: value for name, value in found.items() if value is not None}


def _processor() -> dict[str, Any]:
    found: dict[str, Any] = {"cpu": _processor_model(), "logical_cores": os.cpu_count()}
    with suppress(ImportError, OSError, RuntimeError, ValueError):  # /proc may be hidden, or look like no other
        load("psutil")
        import psutil

        found["cores"] = psutil.cpu_count(logical=False)
        found["memory"] = psutil.virtual_memory().total
    if hasattr(os, "sched_getaffinity"):
        found["usable_cores"] = len(os.sched_getaffinity(0))
    return found


def _processor_model() -> str | None:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == _MODEL:
                return clean(value.strip(), 256)
    return None


def _gpus(seconds: float) -> dict[str, Any]:
    """The GPUs, asked for in a thread of its own: a sick driver answers late or never."""
    found: dict[str, Any] = {}

    def ask() -> None:
        found.update(_ask_gpus())

    thread = threading.Thread(target=ask, name="stepwire-gpus", daemon=True)
    thread.start()
    thread.join(seconds)
    return dict(found)


def _ask_gpus() -> dict[str, Any]:
    load("stepwire.system.gpu")
    from stepwire.system.gpu import Gpus

    gpus = [{"name": clean(gpu.name, 256), "memory": gpu.memory_total} for gpu in Gpus().sample()]
    return {"gpus": gpus} | (_nvidia_driver() if gpus else {})


def _nvidia_driver() -> dict[str, Any]:
    with suppress(ImportError, OSError):
        pynvml: Any = import_module("pynvml")
        with suppress(pynvml.NVMLError):
            driver = pynvml.nvmlSystemGetDriverVersion()
            cuda = pynvml.nvmlSystemGetCudaDriverVersion_v2()
            told = driver.decode() if isinstance(driver, bytes) else str(driver)
            return {"nvidia_driver": told, "nvidia_driver_cuda": f"{cuda // 1000}.{cuda % 1000 // 10}"}
    return {}


def _frameworks() -> dict[str, Any]:
    """Versions that frameworks tell of themselves. One that is not imported by now is not: that would take seconds."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    version = getattr(torch, "version", None)
    told = {
        "torch": getattr(torch, "__version__", None),
        "torch_cuda": getattr(version, "cuda", None),
        "torch_hip": getattr(version, "hip", None),
        "jax": getattr(jax, "__version__", None),
    }
    return {name: clean(str(value), 128) for name, value in told.items() if value is not None}
