"""The folder of a spool, as one reads it who did not write it: segments, names, acknowledgement, identity."""

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from stepwire.formats.blocks import Block, Part, read_parts
from stepwire.formats.spool import (
    NAMES,
    RECORD,
    SEGMENT_HEAD_BYTES,
    read_ack,
    read_items,
    read_names,
    read_record,
    read_segment_head,
    write_ack,
)

SEGMENT_GLOB = "[0-9]*.seg"
HEAD_FILE, ACK_FILE, NAMES_FILE, DONE_FILE, LOCK_FILE = "head.json", "ack", "names", "done", "owner.lock"
CHUNK_BYTES = 256 * 1024
USUAL_BYTES = 128  # of a record


class Segment(NamedTuple):
    """One file of records: its number, the number of its first record, and its size in bytes."""

    number: int
    first_seq: int
    path: Path
    size: int


def segment_path(folder: Path, number: int) -> Path:
    """The file of a segment."""
    return folder / f"{number:08d}.seg"


def list_segments(folder: Path) -> list[Segment]:
    """The segments of a folder, oldest first; a file whose first bytes are not there yet is left out."""
    found = []
    for path in sorted(folder.glob(SEGMENT_GLOB)):
        try:
            with path.open("rb") as file:
                first_seq = read_segment_head(file.read(SEGMENT_HEAD_BYTES))
                size = os.fstat(file.fileno()).st_size
        except FileNotFoundError:  # its owner has deleted it meanwhile
            continue
        if first_seq is not None and path.stem.isdigit():
            found.append(Segment(int(path.stem), first_seq, path, size))
    return found


def newest_number(folder: Path) -> int:
    """The highest number of a segment's file, 0 without any; it may be torn."""
    return max((int(path.stem) for path in folder.glob(SEGMENT_GLOB) if path.stem.isdigit()), default=0)


def last_seq(folder: Path) -> int:
    """Number of the newest record that a folder holds, or that a server has; 0 when there is none. Raises OSError."""
    for segment in reversed(list_segments(folder)):
        last = 0
        for _, item in read_items(segment.path.read_bytes(), SEGMENT_HEAD_BYTES):
            last = max(last, item.seq + item.span - 1)
        if last:
            return max(last, read_acked(folder))
    return read_acked(folder)


def read_identity(folder: Path) -> dict[str, Any] | None:
    """What ``head.json`` tells of the stream's run and process; ``None`` when it isn't there or damaged."""
    import json

    try:
        found = json.loads((folder / HEAD_FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_whole(path: Path, data: bytes) -> None:
    """Write a small private file in one step: readers see the old or the new one. Raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        if os.write(fd, data) < len(data):
            raise OSError(f"{path} could not be written: no room")
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    draft.replace(path)


def read_acked(folder: Path) -> int:
    """The last record that a server has stored, as far as the folder knows; 0 when it knows nothing."""
    try:
        return read_ack((folder / ACK_FILE).read_bytes())
    except FileNotFoundError:
        return 0


def note_acked(folder: Path, seq: int) -> None:
    """Note the last record that a server has stored. Raises OSError."""
    write_whole(folder / ACK_FILE, write_ack(seq))


def all_names(folder: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The metric sets in the folder's ``names``."""
    try:
        data = (folder / NAMES_FILE).read_bytes()
    except FileNotFoundError:
        return
    for _, item in read_items(data):
        if item.kind == NAMES:
            yield read_names(item.body)


def last_status(folder: Path, rest: Iterable[Part] = ()) -> str | None:
    """The status that a run's process wrote as its last word, ``None`` when it wrote none or went on after it.

    Reads all of the spool. Raises OSError.

    Args:
        rest: Records that are not on the disk.
    """
    found: str | None = None
    reader, seq = SegmentReader(folder), 1
    try:
        while items := [item for item in reader.read(seq, CHUNK_BYTES, 4096) if item.kind != NAMES]:
            seq = items[-1].seq + items[-1].span
            found = _status_in(items, found)
    finally:
        reader.close()
    return _status_in(rest, found)


def _status_in(items: Iterable[Part], before: str | None) -> str | None:
    for item in items:
        if item.kind == RECORD and (record := read_record(item.body)).get("type") == "status":
            before = None if record.get("status") == "running" else str(record.get("status"))
    return before


class SegmentReader:
    """Reads a folder's records in order, also while its owner still writes. Opens one file at a time, takes no lock.

    Args:
        folder: The stream's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segment: Segment | None = None
        self._fd: int | None = None
        self._at = 0
        self._next = 0

    def read(self, seq: int, limit: int, most: int) -> list[Part]:
        """Records from number ``seq`` on: about ``limit`` bytes, at most ``most`` of them; names come along.

        Rows of one metric set that stand together come as one block.

        What stands between may be missing: a first item of a higher number tells that the records before it are
        gone. Raises OSError.
        """
        if self._segment is None or self._next != seq:
            self._seek(seq)
        items: list[Part] = []
        size = count = 0
        while self._segment is not None and count < most and (size < limit or not count):
            found = self._read_some(max(limit - size, 1), most - count, seq)
            if not found:
                later = self._later()
                if later is None:
                    break
                # Its owner may have written here between the look and the list; a network tells it at the next open.
                self._open_again()
                found = self._read_some(max(limit - size, 1), most - count, seq)
                if not found:
                    self._open(later)  # what is torn at the end stands there again, or is gone
            for item in found:
                if item.seq + item.span > seq or item.kind == NAMES:
                    wanted = item.after(seq - 1) if isinstance(item, Block) and item.seq < seq else item
                    items.append(wanted)
                    size += len(wanted.body)
                    count += wanted.span if isinstance(wanted, Block) else wanted.kind != NAMES
        return items

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
        self._segment = self._fd = None

    def _seek(self, seq: int) -> None:
        """Open the segment that holds record ``seq``; without one, the first after it."""
        self.close()
        segments = list_segments(self._folder)
        before = [one for one in segments if one.first_seq <= seq]
        if before or segments:
            self._open(before[-1] if before else segments[0])

    def _open(self, segment: Segment) -> None:
        self.close()
        self._fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        self._segment, self._at, self._next = segment, SEGMENT_HEAD_BYTES, segment.first_seq

    def _read_some(self, limit: int, most: int, first: int) -> list[Part]:
        assert self._fd is not None
        data = os.pread(self._fd, max(min(limit, CHUNK_BYTES, most * USUAL_BYTES), 4096), self._at)
        if len(data) >= 4 and (needed := 8 + struct.unpack_from("<I", data)[0]) > len(data):
            data = os.pread(self._fd, min(needed, 2**25), self._at)
        items, place = [], 0
        for after, item in read_parts(data, 0, most, first, checks=True):
            items.append(item)
            place = after
        self._at += place
        if items:
            self._next = items[-1].seq + (items[-1].span or 1)
        return items

    def _later(self) -> Segment | None:
        """The segment after this one."""
        assert self._segment is not None
        number = self._segment.number
        return next((one for one in list_segments(self._folder) if one.number > number), None)

    def _open_again(self) -> None:
        assert self._segment is not None
        assert self._fd is not None
        with suppress(FileNotFoundError):  # deleted: what was open goes on
            fd = os.open(self._segment.path, os.O_RDONLY | os.O_CLOEXEC)
            os.close(self._fd)
            self._fd = fd
