"""TFRecord files: ``length u64 | masked CRC-32C of it | data | masked CRC-32C of that``, all little-endian."""

import struct
from collections.abc import Iterator
from pathlib import Path

from stepwire.formats.crc32c import masked_crc32c
from stepwire.formats.tail import Tail

MAX_RECORD_BYTES = 64 * 1024 * 1024
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CRC.size
_NOT_WRITTEN = bytes(_HEADER_BYTES)  # what stands where a network's file system has not put the data yet


class RecordFile:
    """Reads the records of a TFRecord file that still grows.

    A record that is not yet whole waits. One over 64 MiB is passed over. A damaged length ends the file: nobody can
    tell where the next record begins.

    Args:
        path: The file; it need not be there yet.
        start: Records that end at this byte or before are passed over.

    Attributes:
        tail: The file.
        warning: Why nothing more is read, once that is so.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.tail = Tail(path)
        self.warning: str | None = None
        self._start = start
        self._clear()

    def _clear(self) -> None:
        self._restarts = self.tail.restarts
        self._buffer = bytearray()
        self._position = 0  # of the buffer in the file
        self._to_skip = 0

    def read(self) -> Iterator[tuple[bytes, int]]:
        """Give what was added since the last reading, from at most 1 MiB: a record's data and its masked CRC.

        The CRC of the data is not checked here: it costs more than all the rest, and most data is not looked at.
        """
        if self.warning:
            return
        data = self.tail.read()
        if self.tail.restarts != self._restarts:
            self._start = 0
            self._clear()
        self._buffer += data
        self._skip()
        while (record := self._take()) is not None:
            if self._position > self._start:
                yield record

    def _take(self) -> tuple[bytes, int] | None:
        length = self._length()
        if length is not None and length > MAX_RECORD_BYTES:
            self._to_skip = _HEADER_BYTES + length + _CRC.size
            self._skip()
            length = self._length()
        if length is None or len(self._buffer) < _HEADER_BYTES + length + _CRC.size:
            return None
        end = _HEADER_BYTES + length
        data = bytes(self._buffer[_HEADER_BYTES:end])
        (crc,) = _CRC.unpack_from(self._buffer, end)
        self._drop(end + _CRC.size)
        return data, crc

    def _length(self) -> int | None:
        """Return the length of the record that begins here; ``None`` while its header is not whole or is damaged."""
        header = bytes(self._buffer[:_HEADER_BYTES])
        if len(header) < _HEADER_BYTES or header == _NOT_WRITTEN:
            return None
        (length,) = _LENGTH.unpack_from(header)
        if masked_crc32c(header[: _LENGTH.size]) != _CRC.unpack_from(header, _LENGTH.size)[0]:
            self.warning = f"it is damaged at byte {self._position:,}"
            return None
        return int(length)

    def _skip(self) -> None:
        dropped = min(self._to_skip, len(self._buffer))
        self._to_skip -= dropped
        self._drop(dropped)

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._position += size


def frame(data: bytes) -> bytes:
    """Return a record as it stands in a file."""
    length = _LENGTH.pack(len(data))
    return length + _CRC.pack(masked_crc32c(length)) + data + _CRC.pack(masked_crc32c(data))
