"""The libraries of GPU makers, as far as they are there; ``None`` for one that is not.

They are imported with this module and never again, so that who imports it decides when.
"""

from importlib import import_module
from typing import Any


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except Exception:  # noqa: BLE001 - not installed, or broken in its own way, as AMD's is without its C library
        return None


pynvml = _library("pynvml")
amdsmi = _library("amdsmi")
