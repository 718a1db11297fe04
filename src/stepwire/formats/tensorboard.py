"""TensorBoard's event files: their scalars, read as they are written, without TensorFlow."""

import math
import os
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from stepwire.formats.crc32c import masked_crc32c
from stepwire.formats.points import MAX_STEP, Point, is_name
from stepwire.formats.protowire import BYTES, FIXED32, FIXED64, VARINT, fields, float32, float64, signed, varints
from stepwire.formats.tfrecord import RecordFile

MAX_FILES = 1000
_MARK = "events.out.tfevents."
_CHECKED_BYTES = 64 * 1024
_PROFILE = ".profile-empty"

# Field numbers of event.proto, summary.proto, tensor.proto, tensor_shape.proto
_WALL_TIME, _STEP, _SUMMARY = 1, 2, 5
_VALUE = 1
_TAG, _SIMPLE_VALUE, _TENSOR = 1, 2, 8
_DTYPE, _SHAPE, _CONTENT = 1, 2, 4
_DIMENSION, _SIZE = 2, 1

_HALF, _BFLOAT16 = 19, 14
_DTYPES = {1: "<f", 2: "<d", 3: "<i", 4: "<B", 5: "<h", 6: "<b", 9: "<q", 10: "<?", 17: "<H", 22: "<I", 23: "<Q"}
_DTYPES |= {_HALF: "<e", _BFLOAT16: "<H"}
_FLOATS, _DOUBLES, _HALVES = 5, 6, 13
_INTEGERS = {7, 10, 11, 16, 17}  # int_val, int64_val, bool_val, uint32_val, uint64_val


def is_event_file(name: str) -> bool:
    """Whether a file's name is one that TensorBoard would read."""
    return _MARK in name and not name.endswith(_PROFILE)


def find_event_files(folder: Path) -> list[Path]:
    """Return the event files in a folder and below, at most 1,000; links to folders are not followed."""
    found = (Path(at) / name for at, _, names in os.walk(folder) for name in sorted(names) if is_event_file(name))
    return list(islice(found, MAX_FILES))


class EventFile:
    """Reads the scalars of an event file that still grows.

    Histograms, images, text and whatever else is in it are passed over.

    Args:
        path: The file; it need not be there yet.
        start: Events that end at this byte or before are passed over: what was there before the run.

    Attributes:
        warning: What is wrong with the file, once something is.
        damaged: Events that were passed over because their checksum was wrong.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self._records = RecordFile(path, start)
        self.damaged = 0

    @property
    def warning(self) -> str | None:
        """What is wrong with the file, once something is."""
        if self._records.warning:
            return f"{self._records.warning}; what follows is not read"
        return f"{self.damaged:,} damaged events were passed over" if self.damaged else None

    @property
    def is_behind(self) -> bool:
        """Whether the last reading left something."""
        return self._records.tail.is_behind and not self._records.warning

    def read(self, *, is_over: bool = False) -> list[Point]:
        """Return the scalars added since the last reading, in the order of writing."""
        points = []
        for data, crc in self._records.read():
            try:
                point = read_event(data)
                # The checksum of an image costs more than all the rest, and without scalars nothing is lost by it.
                is_whole = (point is None and len(data) > _CHECKED_BYTES) or masked_crc32c(data) == crc
            except ValueError:
                point, is_whole = None, False
            if not is_whole:
                self.damaged += 1
            elif point is not None:
                points.append(point)
        return points


def read_event(data: bytes) -> Point | None:
    """Return the scalars of an ``Event`` message; ``None`` when it has none.

    Raises:
        ValueError: This is no such message.
    """
    wall_time, step = math.nan, 0
    scalars: dict[str, float] = {}
    for number, kind, value in fields(data):
        if number == _WALL_TIME and kind == FIXED64:
            wall_time = float64(_bytes(value))
        elif number == _STEP and kind == VARINT:
            step = signed(_int(value))
        elif number == _SUMMARY and kind == BYTES:
            scalars.update(_read_summary(_bytes(value)))
    if not scalars:
        return None
    time = round(wall_time * 1_000_000) if 0 < wall_time < 1e11 else None
    return Point(scalars, step if abs(step) <= MAX_STEP else None, time)


def _read_summary(data: bytes) -> Iterator[tuple[str, float]]:
    for number, kind, value in fields(data):
        if number == _VALUE and kind == BYTES:
            tag, scalar = _read_value(_bytes(value))
            if scalar is not None and is_name(tag):
                yield tag, scalar


def _read_value(data: bytes) -> tuple[str, float | None]:
    tag, scalar = "", None
    for number, kind, value in fields(data):
        if number == _TAG and kind == BYTES:
            tag = _bytes(value).decode("utf-8", "replace")
        elif number == _SIMPLE_VALUE and kind == FIXED32:
            scalar = float32(_bytes(value))
        elif number == _TENSOR and kind == BYTES:
            scalar = _read_tensor(_bytes(value))
    return tag, scalar


def _read_tensor(data: bytes) -> float | None:
    """Return the number of a tensor that holds exactly one; its values stand in ``tensor_content`` or one by one."""
    dtype, size, content = 0, 1, b""
    values: list[float] = []
    for number, kind, value in fields(data):
        if number == _DTYPE and kind == VARINT:
            dtype = _int(value)
        elif number == _SHAPE and kind == BYTES:
            size = _size_of(_bytes(value))
        elif number == _CONTENT and kind == BYTES:
            content = _bytes(value)
        else:
            values += _read_values(number, kind, value)
    form = _DTYPES.get(dtype)
    if form is None or size != 1:
        return None
    if len(content) == struct.calcsize(form):
        (number,) = struct.unpack(form, content)
        return _bfloat16(number) if dtype == _BFLOAT16 else float(number)
    if len(values) != 1:
        return None
    return _from_bits(dtype, values[0])


def _read_values(number: int, kind: int, value: int | bytes) -> list[float]:
    """Return the values of a field of ``TensorProto``, whether packed or one by one; of others none."""
    if number in _INTEGERS or number == _HALVES:
        numbers = varints(value) if isinstance(value, bytes) else [value]
        return [signed(one) if number != 17 else one for one in numbers]
    if number == _FLOATS and kind in (BYTES, FIXED32):
        return _unpack("f", 4, _bytes(value))
    if number == _DOUBLES and kind in (BYTES, FIXED64):
        return _unpack("d", 8, _bytes(value))
    return []


def _unpack(letter: str, size: int, data: bytes) -> list[float]:
    if len(data) % size:
        raise ValueError("packed numbers are cut off")
    return list(struct.unpack(f"<{len(data) // size}{letter}", data))


def _from_bits(dtype: int, value: float) -> float:
    """16-bit floats stand as their bits in an integer."""
    if dtype == _HALF:
        return float(struct.unpack("<e", struct.pack("<H", int(value) & 0xFFFF))[0])
    return _bfloat16(int(value)) if dtype == _BFLOAT16 else float(value)


def _bfloat16(bits: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", (bits & 0xFFFF) << 16))[0])


def _size_of(shape: bytes) -> int:
    """Return the number of elements of a ``TensorShapeProto``."""
    size = 1
    for number, kind, dimension in fields(shape):
        if number == _DIMENSION and kind == BYTES:
            length = 0
            for inner, inner_kind, value in fields(_bytes(dimension)):
                if inner == _SIZE and inner_kind == VARINT:
                    length = signed(_int(value))
            size *= length
    return size


def _bytes(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value


def _int(value: int | bytes) -> int:
    assert isinstance(value, int)
    return value
