"""A driver below NVIDIA's own Python bindings: what ``libnvidia-ml.so.1`` answers, without a GPU."""

import ctypes
from collections import Counter
from dataclasses import dataclass, field

OK, UNKNOWN_FUNCTION, NOT_SUPPORTED, TOO_SMALL, DRIVER_NOT_LOADED, LOST = 0, 13, 3, 7, 9, 15
NOT_AVAILABLE = 2**64 - 1


@dataclass
class Card:
    """A GPU: its answers by name of the question; what is not there it does not support.

    ``mig`` are the devices that it is split into; ``processes`` are by kind, each (pid, bytes).
    """

    name: str = "NVIDIA H100 80GB HBM3"
    uuid: str = "GPU-00000000-0000-0000-0000-000000000000"
    answers: dict = field(default_factory=dict)
    processes: dict = field(default_factory=dict)
    mig: list = field(default_factory=list)
    lost: bool = False


FULL = {
    "utilization": (87, 41),
    "memory": (10 * 2**30, 80 * 2**30),
    "temperature": 61,
    "power": 652_300,
    "power_limit": 700_000,
    "clocks": {1: 1755, 2: 2619},
    "reasons": 0x04 | 0x40,
    "ecc": {0: 12, 1: 0},
    "mig_mode": 0,
}


class Driver:
    """Stands in for the C library; every function takes what ctypes hands to it and returns a code.

    ``missing`` are functions that this driver is too old to have, ``asked`` counts the calls.
    """

    def __init__(self, *cards, missing=(), init=OK):
        self._cards = list(cards)
        self._handles = [*self._cards, *(device for card in cards for device in card.mig)]
        self._missing = set(missing)
        self._init = init
        self.asked = Counter()

    def __getattr__(self, name):
        function = None if name in self._missing else FUNCTIONS.get(name)
        if function is None:
            raise AttributeError(name)

        def call(*arguments):
            self.asked[name] += 1
            return function(self, *arguments)

        return call

    def _card(self, handle):
        return self._handles[ctypes.cast(handle, ctypes.c_void_p).value - 1000]

    def _tell(self, handle, name, reference, pick=lambda answer: answer):
        card = self._card(handle)
        if card.lost:
            return LOST
        if name not in card.answers:
            return NOT_SUPPORTED
        reference._obj.value = pick(card.answers[name])
        return OK

    def _point(self, reference, card):
        address = ctypes.c_void_p(1000 + self._handles.index(card))
        ctypes.memmove(ctypes.addressof(reference._obj), ctypes.byref(address), ctypes.sizeof(address))
        return OK

    def _handle(self, index, reference):
        card = self._cards[index.value]
        return LOST if card.answers.get("no_handle") else self._point(reference, card)

    def _count(self, reference):
        reference._obj.value = len(self._cards)
        return OK

    def _fill(self, handle, name, reference, fields):
        card = self._card(handle)
        if card.lost:
            return LOST
        if name not in card.answers:
            return NOT_SUPPORTED
        for attribute, value in zip(fields, card.answers[name], strict=True):
            setattr(reference._obj, attribute, value)
        return OK

    def _text(self, handle, buffer, what):
        card = self._card(handle)
        buffer.value = getattr(card, what).encode()
        return LOST if card.lost else OK

    def _temperature(self, handle, reference):
        card = self._card(handle)
        if card.lost or "temperature" not in card.answers:
            return LOST if card.lost else NOT_SUPPORTED
        reference._obj.temperature = card.answers["temperature"]
        return OK

    def _users(self, handle, kind, count, array):
        card = self._card(handle)
        if card.lost:
            return LOST
        if kind not in card.processes:
            return NOT_SUPPORTED
        users = card.processes[kind]
        if array is None:
            count._obj.value = len(users)
            return TOO_SMALL if users else OK
        for place, (pid, memory) in enumerate(users):
            array[place].pid, array[place].usedGpuMemory = pid, NOT_AVAILABLE if memory is None else memory
        count._obj.value = len(users)
        return OK

    def _mig_device(self, handle, index, reference):
        devices = self._card(handle).mig
        return self._point(reference, devices[index.value]) if index.value < len(devices) else 6

    def _mig_mode(self, handle, now, after):
        return self._tell(handle, "mig_mode", now) or self._tell(handle, "mig_mode", after)


FUNCTIONS = {
    "nvmlInitWithFlags": lambda self, _flags: self._init,
    "nvmlDeviceGetCount_v2": Driver._count,
    "nvmlDeviceGetHandleByIndex_v2": Driver._handle,
    "nvmlDeviceGetName": lambda self, handle, buffer, _size: self._text(handle, buffer, "name"),
    "nvmlDeviceGetUUID": lambda self, handle, buffer, _size: self._text(handle, buffer, "uuid"),
    "nvmlDeviceGetUtilizationRates": lambda self, handle, out: self._fill(
        handle, "utilization", out, ("gpu", "memory")
    ),
    "nvmlDeviceGetMemoryInfo": lambda self, handle, out: self._fill(handle, "memory", out, ("used", "total")),
    "nvmlDeviceGetTemperatureV": Driver._temperature,
    "nvmlDeviceGetTemperature": lambda self, handle, _sensor, out: self._tell(handle, "temperature", out),
    "nvmlDeviceGetPowerUsage": lambda self, handle, out: self._tell(handle, "power", out),
    "nvmlDeviceGetEnforcedPowerLimit": lambda self, handle, out: self._tell(handle, "power_limit", out),
    "nvmlDeviceGetClockInfo": lambda self, handle, kind, out: self._tell(
        handle, "clocks", out, lambda all_: all_[kind.value]
    ),
    "nvmlDeviceGetCurrentClocksEventReasons": lambda self, handle, out: self._tell(handle, "reasons", out),
    "nvmlDeviceGetCurrentClocksThrottleReasons": lambda self, handle, out: self._tell(handle, "reasons", out),
    "nvmlDeviceGetTotalEccErrors": lambda self, handle, kind, _since, out: self._tell(
        handle, "ecc", out, lambda all_: all_[kind.value]
    ),
    "nvmlDeviceGetMigMode": Driver._mig_mode,
    "nvmlDeviceGetMaxMigDeviceCount": lambda self, handle, out: setattr(out._obj, "value", 7) or OK,
    "nvmlDeviceGetMigDeviceHandleByIndex": Driver._mig_device,
    "nvmlDeviceGetComputeRunningProcesses_v3": lambda self, handle, count, array: self._users(
        handle, "compute", count, array
    ),
    "nvmlDeviceGetMPSComputeRunningProcesses_v3": lambda self, handle, count, array: self._users(
        handle, "mps", count, array
    ),
    "nvmlDeviceGetGraphicsRunningProcesses_v3": lambda self, handle, count, array: self._users(
        handle, "graphics", count, array
    ),
}


def plug_in(monkeypatch, driver):
    """Have ``pynvml`` talk to ``driver``."""
    import pynvml

    monkeypatch.setattr(pynvml, "nvmlLib", driver)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    return driver
