"""Numbers that are still on a device: their way to the host is begun without a wait, and read once they are there.

They are recognised by what they can do. Neither torch nor JAX is imported here: a value of theirs has brought its
library along.
"""

import os
import sys
import threading
from typing import Any, Protocol

_READ_AT_ONCE = frozenset({"meta", "xla", "lazy"})  # the last two compute only when they are asked
_SLOTS = 4096
_MARK = 0x7FFC_5374_6570_7765  # a NaN that no computation makes: this number has not come yet
_FREE_CHUNKS = 4


class Copy(Protocol):
    """Numbers of one log call on their way to the host, each with its place in the row."""

    places: tuple[int, ...]

    def has_come(self) -> bool:
        """Return whether ``read`` would not wait. Never waits."""

    def ask(self) -> None:
        """Ask the device. Raises whatever it says when the numbers will never come."""

    def read(self) -> list[float]:
        """Return the numbers, in the order of ``places``. Raises whatever the device says."""


def may_be_on_device(kind: type) -> bool:
    """Return whether a type is one whose values can be on a device."""
    return _is_tensor(kind) or _is_jax_array(kind)


def is_on_device(value: Any) -> bool:
    """Return whether a value is one real number that cannot be read without waiting for a device."""
    try:
        if _is_tensor(type(value)):
            if value.is_cpu or (not value.is_cuda and value.device.type in _READ_AT_ONCE):
                return False
            return bool(value.numel() == 1 and not value.is_complex())
        return bool(value.size == 1 and getattr(value.dtype, "kind", "c") != "c")
    except Exception:  # noqa: BLE001 - an oddity of a foreign library: whoever reads it will tell
        return False


def begin_copies(values: list[tuple[int, Any]]) -> list[Copy]:
    """Begin to copy numbers to the host on the current stream, those of one device and type together.

    Args:
        values: Each with its place in the row; ``is_on_device`` is true for all of them.
    """
    copies: list[Copy] = []
    together: dict[object, list[tuple[int, Any]]] = {}
    for place, value in values:
        if not _is_tensor(type(value)):
            copies.append(_JaxCopy(place, value))
        elif value.is_cuda:
            together.setdefault((value.device, value.dtype), []).append((place, value))
        else:
            copies.append(_LateCopy(place, value))
    return copies + [_begin_cuda(group) for group in together.values()]


def _is_tensor(kind: type) -> bool:
    return hasattr(kind, "is_cuda") and hasattr(kind, "detach")


def _is_jax_array(kind: type) -> bool:
    return hasattr(kind, "copy_to_host_async") and hasattr(kind, "is_ready") and hasattr(kind, "block_until_ready")


# --- JAX -------------------------------------------------------------------------------------------------


class _JaxCopy:
    """An array of JAX, which knows by itself whether it is ready."""

    __slots__ = ("_array", "places")
    copies_first = False  # whether this process gives arrays away (`donate_argnums`) before they were read

    def __init__(self, place: int, array: Any) -> None:
        self.places: tuple[int, ...] = (place,)
        local = array if array.is_fully_addressable else array.addressable_data(0)  # the same number on every host
        self._array = local.copy() if _JaxCopy.copies_first else local
        self._array.copy_to_host_async()

    def has_come(self) -> bool:
        """Return whether it is computed; deleted ones count, too."""
        return bool(self._array.is_deleted() or self._array.is_ready())

    def ask(self) -> None:
        """Do nothing: an array that failed is ready, and says so when it is read."""

    def read(self) -> list[float]:
        """Return the number. From the first one that was deleted on, copies are made, which nobody deletes."""
        if self._array.is_deleted():
            _JaxCopy.copies_first = True
            raise RuntimeError("its array was donated before it was read; from now on such arrays are copied first")
        return [float(self._array.item())]


# --- torch -----------------------------------------------------------------------------------------------


class _LateCopy:
    """A tensor on a device that is neither CUDA nor ROCm: a copy there, read by a thread that may wait."""

    __slots__ = ("_tensor", "places")

    def __init__(self, place: int, tensor: Any) -> None:
        self.places: tuple[int, ...] = (place,)
        self._tensor = tensor.detach().clone()

    def has_come(self) -> bool:
        """Return True: that it has come is found out by reading it."""
        return True

    def ask(self) -> None:
        """Do nothing: it is read at once."""

    def read(self) -> list[float]:
        """Wait for the device and return the number."""
        return [float(self._tensor.item())]


class _Unreadable:
    """Numbers that cannot be copied now."""

    def __init__(self, places: tuple[int, ...], why: str) -> None:
        self.places = places
        self._why = why

    def has_come(self) -> bool:
        """Return True."""
        return True

    def ask(self) -> None:
        """Do nothing."""

    def read(self) -> list[float]:
        """Raise RuntimeError."""
        raise RuntimeError(self._why)


class _CudaCopy:
    """Tensors of one device, copied into pinned memory on the current stream.

    Whether they have come is seen in that memory, where each number takes the place of a mark. No driver is called
    for it: a query of an event, in any thread, would break the capture of a CUDA graph that the training is at.
    """

    __slots__ = ("_chunk", "_first", "_stream", "places")

    def __init__(self, places: tuple[int, ...], numbers: Any, stream: Any) -> None:
        self.places = places
        self._stream = stream
        self._chunk, self._first = _pool.take(len(places))
        self._chunk.receive(self._first, numbers)

    def has_come(self) -> bool:
        """Return whether all are there, and two looks agree: so none is only half written."""
        bits = self._chunk.bits(self._first, len(self.places))
        return _MARK not in bits and bits == self._chunk.bits(self._first, len(self.places))

    def ask(self) -> None:
        """Raise when the stream is done or broken and a number is still not there."""
        if self._stream.query() and _MARK in self._chunk.bits(self._first, len(self.places)):
            raise RuntimeError("the device never wrote it")

    def read(self) -> list[float]:
        """Return the numbers and give their memory back."""
        numbers = self._chunk.numbers(self._first, len(self.places))
        _pool.give_back(self._chunk, len(self.places))
        return numbers


def _begin_cuda(group: list[tuple[int, Any]]) -> Copy:
    torch: Any = sys.modules["torch"]
    places = tuple(place for place, _ in group)
    if torch.cuda.is_current_stream_capturing():
        return _Unreadable(places, "it was logged while a CUDA graph was captured, which must not be read")
    flat = [tensor.detach().reshape(1) for _, tensor in group]
    numbers = (flat[0] if len(flat) == 1 else torch.cat(flat)).to(torch.float64)
    return _CudaCopy(places, numbers, torch.cuda.current_stream(numbers.device))


class _Chunk:
    """Pinned memory for numbers, used from its begin to its end, and again once all of them were read."""

    def __init__(self, size: int) -> None:
        import ctypes

        torch: Any = sys.modules["torch"]
        with torch.inference_mode(False):  # else it could only be written in that mode
            self._tensor = torch.empty(size, dtype=torch.float64, device="cpu", pin_memory=True)
        address = self._tensor.data_ptr()
        self._bits = (ctypes.c_uint64 * size).from_address(address)
        self._numbers = (ctypes.c_double * size).from_address(address)
        self.size = size
        self.used = self.unread = 0

    def receive(self, first: int, numbers: Any) -> None:
        """Have the current stream write numbers from place ``first`` on."""
        count = len(numbers)
        self._bits[first : first + count] = [_MARK] * count
        self._tensor.narrow(0, first, count).copy_(numbers, non_blocking=True)

    def bits(self, first: int, count: int) -> list[int]:
        """Return what stands there, as bits."""
        return self._bits[first : first + count]

    def numbers(self, first: int, count: int) -> list[float]:
        """Return what stands there; NaN for a number that has not come."""
        return self._numbers[first : first + count]


class _Pool:
    """The chunks of this process: one, as long as the device keeps up."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may log while it interrupts `take`
        self._current: _Chunk | None = None
        self._free: list[_Chunk] = []

    def take(self, count: int) -> tuple[_Chunk, int]:
        """Return a chunk and the first of ``count`` places in it."""
        with self._lock:
            chunk = self._current
            if chunk is None or chunk.used + count > chunk.size:
                chunk = self._current = self._next(count)
            first = chunk.used
            chunk.used += count
            chunk.unread += count
            return chunk, first

    def _next(self, count: int) -> _Chunk:
        return self._free.pop() if self._free and count <= _SLOTS else _Chunk(max(count, _SLOTS))

    def give_back(self, chunk: _Chunk, count: int) -> None:
        """Note that ``count`` places were read. Those of rows that were given up never are: a copy may be under way."""
        with self._lock:
            chunk.unread -= count
            if chunk.unread:
                return
            chunk.used = 0
            if chunk is not self._current and chunk.size == _SLOTS and len(self._free) < _FREE_CHUNKS:
                self._free.append(chunk)


_pool = _Pool()
_inherited: list[_Pool] = []


def _after_fork_in_child() -> None:
    """Begin with memory of its own. The parent's is kept: to free it would call CUDA, which a forked child must not."""
    global _pool  # noqa: PLW0603 - the parent's pool, with a lock that may belong to a thread that is not here
    _inherited.append(_pool)
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
