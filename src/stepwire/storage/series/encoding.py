"""How arrays stand in blocks: columns of numbers as bytes, and back. ``docs/storage.md`` is the format in words.

Pure functions over NumPy arrays, all little-endian. Imported lazily: the server listens before NumPy is loaded.
"""

import struct
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

Array = npt.NDArray[Any]

# Kinds of a column of values.
_F8 = 1  # float64, else float32
_PACKED = 2  # byte plane by byte plane, some of them zstd
_CONSTANT = 4  # one number for all rows
# Kinds of a column of whole numbers: the width of a difference, 0 for none, or one of these.
_FLOATS = 16
_PACKED_INTS = 64
_LEVEL = 1
_WORTH = 0.9  # compressed bytes are kept when they are this much smaller
_SMALLEST = 64
_PROBE = 64

_local = threading.local()


def pack(raw: bytes) -> bytes:
    """Compress with zstd, level 1."""
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False)
    packed: bytes = _local.compressor.compress(raw)
    return packed


def unpack(packed: bytes | memoryview, size: int) -> bytes:
    """Undo ``pack``; ``size`` is how many bytes went in."""
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    raw: bytes = _local.decompressor.decompress(packed, max_output_size=size)
    return raw


# --- values ----------------------------------------------------------------------------------------------


def fits_float32(columns: Array) -> Array:
    """For each row of a float64 matrix: whether float32 holds all of it bit for bit."""
    return _narrowed(columns)[1]


def _narrowed(columns: Array) -> tuple[Array, Array]:
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = columns.astype("<f4")
        back = narrow.astype("<f8")
    return narrow, (back.view("<i8") == columns.view("<i8")).all(axis=1)


def encode_values(columns: Array) -> list[bytes]:
    """One body for each row of a C-ordered float64 matrix (metrics × points)."""
    narrow, is_narrow = _narrowed(columns)
    bits = columns.view("<i8")
    maybe_same = bits[:, 0] == bits[:, -1]
    bodies = []
    for place, fits in enumerate(is_narrow.tolist()):
        if maybe_same[place] and bool((bits[place] == bits[place, 0]).all()):
            bodies.append(bytes((_F8 | _CONSTANT,)) + columns[place, :1].tobytes())
        elif fits:
            bodies.append(_encode_column(narrow[place], 4))
        else:
            bodies.append(_encode_column(columns[place], 8))
    return bodies


def decode_values(body: bytes, rows: int) -> Array:
    """The ``rows`` float64 values of one body."""
    return _decode_column(body, rows).astype("<f8", copy=False)


def decode_values_of(bodies: Sequence[bytes], rows: Sequence[int]) -> Array:
    """The values of several bodies, one after the other."""
    if len(bodies) == 1:
        return decode_values(bodies[0], rows[0])
    values, at = np.empty(sum(rows), "<f8"), 0
    for body, count in zip(bodies, rows, strict=True):
        values[at : at + count] = _decode_column(body, count)
        at += count
    return values


def _decode_column(body: bytes, rows: int) -> Array:
    """The values of one body as wide as they are stored."""
    kind = body[0]
    width = 8 if kind & _F8 else 4
    if kind & _CONSTANT:
        return np.full(rows, np.frombuffer(body, "<f8", 1, 1)[0])
    return _decode_planes(body, rows, width) if kind & _PACKED else np.frombuffer(body, f"<f{width}", rows, 1)


def _encode_column(numbers: Array, width: int) -> bytes:
    """A column, byte plane by byte plane where that is smaller: equal bytes then stand together.

    Signs and exponents (the last plane) nearly always shrink. The digits of noise never do, so the others are
    only tried when the lowest one looks as if it repeats.
    """
    wide = _F8 if width == 8 else 0
    planes = numbers.view(np.uint8).reshape(-1, width)
    if len(planes) < _SMALLEST:
        return bytes((wide,)) + numbers.tobytes()
    tried = range(width) if len(set(planes[:_PROBE, 0].tolist())) < _PROBE // 4 else (width - 1,)
    return _encode_planes(planes, tried, wide) or bytes((wide,)) + numbers.tobytes()


def _encode_planes(planes: Array, tried: Iterable[int], wide: int) -> bytes | None:
    rows, width = planes.shape
    bodies, sizes = [planes[:, place].tobytes() for place in range(width)], [0] * width
    for place in tried:
        packed = pack(bodies[place])
        if len(packed) < _WORTH * rows:
            bodies[place], sizes[place] = packed, len(packed)
    if not any(sizes):
        return None
    return struct.pack(f"<B{width}I", wide | _PACKED, *sizes) + b"".join(bodies)


def _decode_planes(body: bytes, rows: int, width: int) -> Array:
    sizes = struct.unpack_from(f"<{width}I", body, 1)
    at, planes = 1 + 4 * width, np.empty((rows, width), np.uint8)
    view = memoryview(body)
    for place, size in enumerate(sizes):
        plane = unpack(view[at : at + size], rows) if size else view[at : at + rows]
        planes[:, place] = np.frombuffer(plane, np.uint8)
        at += size or rows
    return planes.view(f"<f{width}").reshape(rows)


def _by_plane(numbers: Array, width: int) -> bytes:
    return numbers.view(np.uint8).reshape(-1, width).T.tobytes()


def _from_planes(planes: bytes, width: int, kind: str) -> Array:
    apart = np.frombuffer(planes, np.uint8).reshape(width, -1)
    numbers: Array = np.ascontiguousarray(apart.T).view(kind).reshape(-1)
    return numbers


# --- whole numbers ---------------------------------------------------------------------------------------


def encode_numbers(numbers: Array) -> bytes:
    """A column of int64 (as differences), or of float64 (as they are, or as int64 when all are whole)."""
    if numbers.dtype.kind == "f":
        return bytes((_FLOATS,)) + numbers.astype("<f8").tobytes()
    if len(numbers) < 2:
        return struct.pack("<Bqq", 0, int(numbers[0]) if len(numbers) else 0, 0)
    differences = np.diff(numbers)
    low, high = int(differences.min()), int(differences.max())
    head = struct.pack("<qq", int(numbers[0]), low)
    if low == high:
        return b"\0" + head
    width = next(size for size in (1, 2, 4, 8) if high - low < 1 << (8 * size))
    raised = (differences - low).astype(f"<u{width}")
    packed = pack(_by_plane(raised, width)) if raised.nbytes > _SMALLEST else b""
    if packed and len(packed) < _WORTH * raised.nbytes:
        return bytes((width | _PACKED_INTS,)) + head + packed
    return bytes((width,)) + head + raised.tobytes()


def decode_numbers(body: bytes | memoryview, rows: int) -> Array:
    """Undo ``encode_numbers``: int64 or float64."""
    kind = body[0]
    if kind == _FLOATS:
        return np.frombuffer(body, "<f8", rows, 1)
    first, low = struct.unpack_from("<qq", body, 1)
    if kind == 0:
        even: Array = np.arange(rows, dtype=np.int64) * low + first
        return even
    numbers = np.empty(rows, np.int64)
    numbers[0] = first
    numbers[1:] = _differences(memoryview(body)[17:], kind, rows - 1)
    numbers[1:] += low
    return np.cumsum(numbers, out=numbers)


def _differences(body: memoryview, kind: int, count: int) -> Array:
    width = kind & ~_PACKED_INTS
    if not kind & _PACKED_INTS:
        return np.frombuffer(body, f"<u{width}", count)
    return _from_planes(unpack(body, count * width), width, f"<u{width}")


def encode_columns(columns: list[Array]) -> bytes:
    """Several columns one after the other, each with its length in front."""
    bodies = [encode_numbers(column) for column in columns]
    return struct.pack(f"<B{len(bodies)}I", len(bodies), *map(len, bodies)) + b"".join(bodies)


def decode_columns(body: bytes, rows: int) -> list[Array]:
    """Undo ``encode_columns``."""
    return [decode_column(body, rows, at) for at in range(body[0])]


def decode_column(body: bytes, rows: int, index: int) -> Array:
    """One column of what ``encode_columns`` made."""
    count = body[0]
    sizes = struct.unpack_from(f"<{count}I", body, 1)
    start = 1 + 4 * count + sum(sizes[:index])
    return decode_numbers(memoryview(body)[start : start + sizes[index]], rows)


def decode_column_of(bodies: Sequence[bytes], rows: Sequence[int], indexes: Sequence[int]) -> Array:
    """One column out of several bodies, one after the other."""
    if len(bodies) == 1:
        return decode_column(bodies[0], rows[0], indexes[0])
    heads = [_head(body, index) for body, index in zip(bodies, indexes, strict=True)]
    if len(set(rows)) == 1 and all(head is not None for head in heads):  # all even: many at the price of one
        numbers = np.array(heads, np.int64)
        even: Array = numbers[:, :1] + numbers[:, 1:] * np.arange(rows[0], dtype=np.int64)
        return even.reshape(-1)
    return np.concatenate([decode_column(*one) for one in zip(bodies, rows, indexes, strict=True)])


def _head(body: bytes, index: int) -> tuple[int, int] | None:
    """First number and difference of a column whose numbers come evenly."""
    count = body[0]
    start = 1 + 4 * count + sum(struct.unpack_from(f"<{index}I", body, 1))
    return struct.unpack_from("<qq", body, start + 1) if body[start] == 0 else None


def as_whole(numbers: Array) -> Array:
    """float64 numbers as int64 when every one is whole."""
    if numbers.dtype.kind == "f" and bool((numbers == np.rint(numbers)).all()):
        return numbers.astype("<i8")
    return numbers
