"""The wire format of Protocol Buffers, as far as reading known fields of a message needs it."""

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Give the fields of a message: number, wire type, value; fixed-size values as their bytes.

    Raises:
        ValueError: This is no message.
    """
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(data, place)
            yield key >> 3, kind, value
            continue
        if kind == BYTES:
            size, place = _varint(data, place)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError(f"wire type {kind} at byte {place}")
        if place + size > len(data):
            raise ValueError("a field is cut off")
        yield key >> 3, kind, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return an unsigned number and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise ValueError("a number is cut off")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
    raise ValueError("a number has more than 64 bits")


def varints(data: bytes) -> list[int]:
    """Return the numbers of a packed field. Raises ValueError when it is cut off."""
    numbers = []
    place = 0
    while place < len(data):
        number, place = _varint(data, place)
        numbers.append(number)
    return numbers


def signed(number: int) -> int:
    """Return an int32 or int64 that was read as unsigned."""
    return number - (1 << 64) if number >= 1 << 63 else number


def float32(data: bytes) -> float:
    """Return the number of a fixed 32-bit field."""
    return float(struct.unpack("<f", data)[0])


def float64(data: bytes) -> float:
    """Return the number of a fixed 64-bit field."""
    return float(struct.unpack("<d", data)[0])
