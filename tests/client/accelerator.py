"""A device in memory, with values as torch and JAX have them, that notes which thread waited for it."""

import ctypes
import sys
import threading
from collections import deque
from types import ModuleType, SimpleNamespace
from typing import NamedTuple


class Device:
    """Does what was launched on it only when told to, or when somebody waits for it.

    Attributes:
        waits: (thread name, method) of each call that would wait for a real device.
        asks: Names of the threads that asked the driver something.
        error: What the device says from now on, in place of doing anything.
        is_capturing: Whether a CUDA graph is captured: then nothing may be asked or launched from elsewhere.
        launched: Names of what was launched.
    """

    def __init__(self):
        self._jobs = deque()
        self._lock = threading.RLock()
        self.waits, self.asks, self.launched = [], [], []
        self.error = None
        self.is_capturing = False

    def launch(self, name, job):
        """Queue some work."""
        assert not self.is_capturing, f"{name} would become part of the captured graph"
        self.launched.append(name)
        self._jobs.append(job)

    def run(self):
        """Do all that is queued."""
        with self._lock:
            while self._jobs and self.error is None:
                self._jobs.popleft()()

    def wait(self, method):
        """Do all that is queued, for a thread that waits for it."""
        self.waits.append((threading.current_thread().name, method))
        self.run()
        if self.error is not None:
            raise self.error

    def ask(self):
        """Say whether nothing is queued."""
        self.asks.append(threading.current_thread().name)
        assert not self.is_capturing, "this breaks the capture"
        if self.error is not None:
            raise self.error
        return not self._jobs


class Waiting:
    """The methods that wait."""

    def item(self):
        """Wait and return the number."""
        self.on.wait("item")
        return self.box[0]

    def __float__(self):
        self.on.wait("__float__")
        return float(self.box[0])

    def __bool__(self):
        self.on.wait("__bool__")
        return bool(self.box[0])

    def tolist(self):
        """Wait and return a list."""
        self.on.wait("tolist")
        return list(self.box)

    def numpy(self):
        """Wait for an array."""
        self.on.wait("numpy")
        raise NotImplementedError

    def cpu(self):
        """Wait for a copy."""
        self.on.wait("cpu")
        raise NotImplementedError


# --- torch -----------------------------------------------------------------------------------------------


class Where(NamedTuple):
    """``torch.device``."""

    type: str
    name: str


class Tensor(Waiting):
    """Numbers on the device: those of ``box`` when the device has come to it."""

    def __init__(self, on, box, dtype="float32", device="cuda:0"):
        self.on, self.box, self.dtype = on, box, dtype
        self.device = Where(device.partition(":")[0], device)

    @property
    def is_cuda(self):
        """Whether it is on a CUDA device."""
        return self.device.type == "cuda"

    @property
    def is_cpu(self):
        """Whether it is on the host."""
        return self.device.type == "cpu"

    def __len__(self):
        return len(self.box)

    def numel(self):
        """How many numbers."""
        return len(self.box)

    def is_complex(self):
        """Whether they are complex."""
        return self.dtype.startswith("complex")

    def detach(self):
        """The same numbers without a history."""
        return self

    def reshape(self, _size):
        """The same numbers in another shape."""
        return self

    def to(self, dtype):
        """A copy of another type."""
        return self._copy("to", dtype)

    def clone(self):
        """A copy."""
        return self._copy("clone", self.dtype)

    def _copy(self, name, dtype):
        box = [None] * len(self.box)
        self.on.launch(name, lambda: box.__setitem__(slice(None), [float(number) for number in self.box]))
        return Tensor(self.on, box, dtype, self.device.name)


class HostTensor:
    """float64 numbers in pinned memory."""

    def __init__(self, size, on):
        self._memory = (ctypes.c_double * size)()
        self._on = on

    def data_ptr(self):
        """Their address."""
        return ctypes.addressof(self._memory)

    def narrow(self, _dim, first, count):
        """A part of them."""
        return SimpleNamespace(copy_=lambda numbers, non_blocking: self._copy(first, count, numbers, non_blocking))

    def _copy(self, first, count, numbers, non_blocking):
        if not non_blocking:
            self._on.wait("copy_")
        assert numbers.dtype == "float64"
        self._on.launch("copy_", lambda: self._memory.__setitem__(slice(first, first + count), numbers.box))


class Guard:
    """``torch.inference_mode(False)``."""

    def __init__(self, mode):
        assert mode is False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def make_torch(on):
    """Return a module that does what Stepwire asks of torch."""
    torch = ModuleType("torch")

    def cat(tensors):
        assert len({(tensor.device, tensor.dtype) for tensor in tensors}) == 1
        box = [None] * len(tensors)
        on.launch("cat", lambda: box.__setitem__(slice(None), [tensor.box[0] for tensor in tensors]))
        return Tensor(on, box, tensors[0].dtype, tensors[0].device.name)

    def empty(size, *, dtype, device, pin_memory):
        assert (dtype, device, pin_memory) == ("float64", "cpu", True)
        return HostTensor(size, on)

    torch.float64 = "float64"
    torch.cat, torch.empty, torch.inference_mode = cat, empty, Guard
    torch.cuda = SimpleNamespace(
        is_current_stream_capturing=lambda: on.is_capturing,
        current_stream=lambda _device: SimpleNamespace(query=on.ask),
        synchronize=lambda: on.wait("synchronize"),
    )
    return torch


# --- JAX -------------------------------------------------------------------------------------------------


class Array(Waiting):
    """A number of JAX on the device."""

    is_fully_addressable = True
    size = 1
    dtype = SimpleNamespace(kind="f")

    def __init__(self, on, box):
        self.on, self.box = on, box
        self._deleted = False

    def copy_to_host_async(self):
        """Begin to copy it."""
        self._check()

    def copy(self):
        """Another array with this number."""
        self._check()
        box = [None]
        self.on.launch("copy", lambda: box.__setitem__(0, self.box[0]))
        return Array(self.on, box)

    def is_ready(self):
        """Whether it is computed."""
        self._check()
        return self.box[0] is not None or self.on.error is not None

    def is_deleted(self):
        """Whether it was donated."""
        return self._deleted

    def delete(self):
        """Be donated."""
        self._deleted = True

    def block_until_ready(self):
        """Wait for it."""
        self.on.wait("block_until_ready")
        return self

    def item(self):
        """Return the number; waits only while it is not computed."""
        self._check()
        if self.box[0] is None:
            self.on.wait("item")
        return self.box[0]

    def _check(self):
        if self._deleted:
            raise RuntimeError("Array has been deleted")


# --- values ----------------------------------------------------------------------------------------------

KINDS = ("cuda", "mps", "jax")


def value(on, number, kind="cuda"):
    """Launch a computation of ``number`` on the device and return its result."""
    box = [None]
    on.launch("compute", lambda: box.__setitem__(0, number))
    return Array(on, box) if kind == "jax" else Tensor(on, box, device={"cuda": "cuda:0"}.get(kind, kind))


def load(on):
    """Have the two libraries look loaded, with ``on`` as their device."""
    sys.modules["torch"] = make_torch(on)
    sys.modules["jax"] = ModuleType("jax")
