"""Frees the shared memory of processes that are gone: what only their rings hold goes to their spools on disk.

A ring survives its process, and so would its 4 MiB of memory until the machine is started anew.
"""

import json
import struct
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from stepwire.formats.places import ring_folders
from stepwire.formats.ring import (
    HEAD_PAGE_BYTES,
    IDENTITY_PLACE,
    RING_MAGIC,
    TAIL_PLACES,
    RingError,
    read_records,
    read_ring_identity,
)
from stepwire.formats.spool import NAMES, Item, frame, names_body, segment_head
from stepwire.formats.spoolfolder import (
    ACK_FILE,
    DONE_FILE,
    HEAD_FILE,
    LOCK_FILE,
    NAMES_FILE,
    SEGMENT_GLOB,
    all_names,
    last_seq,
    newest_number,
    segment_path,
    write_whole,
)
from stepwire.formats.spoolowner import Hold, try_lock

KEEP_SECONDS = 7 * 86400.0
UNFINISHED_SECONDS = 60.0
PAUSE_SECONDS = 0.01
_BURST, _BURST_PAUSE_SECONDS = 100, 0.001  # some 0.3 ms of reading
_SMALL = "small"  # in the identity of a ring that was made as small as what it holds
_FILES = (ACK_FILE, HEAD_FILE, NAMES_FILE, LOCK_FILE, DONE_FILE)  # the mark that it is delivered last


def salvage_rings(root: Path, folders: Iterable[Path] | None = None) -> int:
    """Move what dead processes of this user left in rings to their spools; returns how many rings were freed.

    A ring whose folder of spools is not there (deleted, or not mounted now) is made as small as what it holds, and
    deleted after a week. One that can't be moved now is left as it is.

    Args:
        root: Folder of spools, beside which rings may lie.
        folders: Where to look; the places of this machine when left out.
    """
    freed = 0
    for place in ring_folders(root) if folders is None else folders:
        for path in sorted(place.glob("*.ring")):
            with suppress(OSError):  # its disk is full or away: the next one tries again
                if _salvage(path):
                    freed += 1
                    time.sleep(PAUSE_SECONDS)  # this may be a training script's process
    return freed


def remove_delivered(root: Path) -> int:
    """Delete spools that were delivered a week ago; returns how many. Until then a restored server may want them."""
    removed = 0
    for done in root.glob(f"*/*/{DONE_FILE}"):
        with suppress(OSError):  # somebody else is at it, or the folder is read-only
            if time.time() - done.stat().st_mtime > KEEP_SECONDS:
                for path in (*done.parent.glob(SEGMENT_GLOB), *(done.parent / name for name in _FILES)):
                    path.unlink(missing_ok=True)
                done.parent.rmdir()
                removed += 1
                with suppress(OSError):  # other streams of the run
                    done.parent.parent.rmdir()
    return removed


def _salvage(path: Path) -> bool:
    held = try_lock(path)
    if not isinstance(held, Hold):
        return False  # its process lives, or somebody delivers it
    try:
        return held.is_of_a_file and _free(path)
    finally:
        held.release()


def _free(path: Path) -> bool:
    """Free the ring of a process that is gone; whether that gave memory back."""
    try:
        identity = read_ring_identity(path)
        folder = Path(str(identity.get("folder", "")))
        if (folder / DONE_FILE).exists():
            path.unlink()
            return True
        is_there = folder.is_absolute() and folder.parent.parent.is_dir()
        return _free_read(path, identity, folder if is_there else None)
    except RingError:  # its process was killed while it made it, or makes it just now
        return _delete_older(path, UNFINISHED_SECONDS)


def _free_read(path: Path, identity: dict[str, Any], folder: Path | None) -> bool:
    """Free it by what it holds; ``folder`` is where that goes to, ``None`` while it is away."""
    if folder is None and _delete_older(path, KEEP_SECONDS):
        return True
    if folder is None and identity.get(_SMALL):
        return False
    items = list(_gently(read_records(path)))
    if items and folder is None:
        return _shrink(path, items, identity)
    if items and folder is not None:
        identity.pop(_SMALL, None)
        _move(items, folder, {**identity, "ring": None})
    path.unlink()
    return True


def _gently(items: Iterator[Item]) -> Iterator[Item]:
    """The same, leaving the interpreter to other threads in between: a training's, or one that answers requests."""
    for number, item in enumerate(items, 1):
        yield item
        if number % _BURST == 0:
            time.sleep(_BURST_PAUSE_SECONDS)


def _delete_older(path: Path, seconds: float) -> bool:
    is_old = time.time() - path.stat().st_mtime > seconds
    if is_old:
        path.unlink()
    return is_old


def _move(items: list[Item], folder: Path, identity: dict[str, object]) -> None:
    """Write the records that the folder lacks as one more segment; readers see all of it or nothing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / HEAD_FILE).exists():
        write_whole(folder / HEAD_FILE, json.dumps(identity).encode())
    stored = last_seq(folder)
    later = [item for item in items if item.seq + item.span - 1 > stored or item.kind == NAMES]
    numbered = [item for item in later if item.kind != NAMES]
    if not numbered:
        return
    names = [frame(item.body) for item in later if item.kind == NAMES]
    if names:
        known = [frame(names_body(0, ordinal, named)) for ordinal, named in all_names(folder)]
        write_whole(folder / NAMES_FILE, b"".join([*known, *names]))
    records = b"".join(frame(item.body) for item in later)
    write_whole(segment_path(folder, newest_number(folder) + 1), segment_head(numbered[0].seq) + records)


def _shrink(path: Path, items: list[Item], identity: dict[str, Any]) -> bool:
    """Put a ring of just its records in its place, and note that; whether that is smaller."""
    told = json.dumps({**identity, _SMALL: True}).encode()
    records = b"".join(frame(item.body) for item in items) + bytes(8)
    if len(told) > HEAD_PAGE_BYTES - IDENTITY_PLACE:
        return False
    first = next((item.seq for item in items if item.kind != NAMES), items[0].seq + 1)
    tail = struct.pack("<QQ", 0, first)
    page = bytearray(HEAD_PAGE_BYTES)
    page[:8] = RING_MAGIC
    page[TAIL_PLACES[0] : TAIL_PLACES[0] + 20] = tail + struct.pack("<I", zlib.crc32(tail))
    page[IDENTITY_PLACE : IDENTITY_PLACE + len(told)] = told
    before = path.stat().st_size
    write_whole(path, bytes(page) + records)
    return HEAD_PAGE_BYTES + len(records) < before
