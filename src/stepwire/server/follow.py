"""Brings spools on disk into the database: a shared folder that jobs write to, and what dead scripts left here.

Files are only read: sizes tell what is new, no lock is taken on a network's folder, and nothing waits for a writer.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from stepwire.errors import GoneError
from stepwire.formats.batches import build_batch
from stepwire.formats.blocks import Part
from stepwire.formats.ring import read_ring
from stepwire.formats.salvage import remove_delivered, salvage_rings
from stepwire.formats.spool import NAMES, RECORD, Item, read_names, read_record, record_body, write_ack
from stepwire.formats.spoolfolder import (
    ACK_FILE,
    DONE_FILE,
    SegmentReader,
    all_names,
    last_status,
    read_acked,
    write_whole,
)
from stepwire.formats.spoolowner import Here, Hold, Owner, take_over
from stepwire.formats.spools import QUIET_SECONDS, FoundSpool, find_spools, last_words
from stepwire.protocol import Batch, Hello
from stepwire.server.ingest import Ingest
from stepwire.server.records import now_us
from stepwire.server.settings import LOOPBACK_NAMES
from stepwire.storage.series.interface import Appended, Stream

log = structlog.get_logger()
READ_BYTES = 1024 * 1024
READ_RECORDS = 4096


@dataclass(slots=True)
class _Followed:
    """One spool under way: where reading stands, and the records that only the ring has."""

    spool: FoundSpool
    owner: Owner
    hold: Hold
    reader: SegmentReader
    stream: Stream | None = None
    seq: int = 1
    names: dict[int, tuple[str, ...]] = field(default_factory=dict)
    rest: deque[Item] = field(default_factory=deque)
    ending: str | None = None
    changed: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes. Who was told to end may go on; a process that lives writes a heartbeat."""
        is_quiet = self.ending is not None and time.monotonic() - self.changed > QUIET_SECONDS
        return self.owner == "gone" or is_quiet


class Follower:
    """Reads the spools under some folders into the database, again and again.

    Args:
        ingest: Where records go.
        folders: Folders whose spools are read while their jobs still run.
        own: The folder of this user's spools on this machine, where only those of dead processes are read; ``None``
            for none.
        here: This machine, to tell which processes live.
        is_ours: Whether a spool in ``own`` was meant for this server, by the address of the page that it names.
        hear: Told of each run whose living script has written something, and of what its process ids count in.
        step: Told of the times of its points.
    """

    def __init__(
        self,
        ingest: Ingest,
        folders: Sequence[Path],
        own: Path | None,
        *,
        here: Here,
        is_ours: Callable[[str], bool],
        hear: Callable[[str, str | None], None],
        step: Callable[[str, Sequence[int]], None],
    ) -> None:
        self._ingest = ingest
        self._hear = hear
        self._step = step
        self._folders = tuple(folders)
        self._own = own
        self._here = here
        self._is_ours = is_ours
        self._followed: dict[str, _Followed] = {}

    async def follow(self) -> None:
        """Read what is new in the shared folders."""
        for folder in self._folders:
            for spool in await asyncio.to_thread(_list, folder):
                await self._take(spool, alive=True)

    async def sweep(self) -> None:
        """Read what dead processes of this machine left behind."""
        if self._own is None:
            return
        await asyncio.to_thread(salvage_rings, self._own)
        await asyncio.to_thread(remove_delivered, self._own)
        for spool in await asyncio.to_thread(_list, self._own):
            if self._is_ours(str(spool.identity.get("url", ""))) and not spool.identity.get("offline"):
                await self._take(spool, alive=False)

    async def _take(self, spool: FoundSpool, *, alive: bool) -> None:
        """Read one spool as far as it goes; one that fails is tried again the next time."""
        place = str(spool.folder)
        followed = self._followed.get(place)
        try:
            if followed is None:
                followed = await asyncio.to_thread(self._begin, spool)
                if followed.owner == "alive" and not alive:
                    return
                self._followed[place] = followed
            followed.spool = spool  # what it says of its process may be new
            if await self._deliver(followed):
                del self._followed[place]
        except GoneError as error:
            await asyncio.to_thread(self._mark_done, followed, error.message)
            self._followed.pop(place, None)
        except Exception as error:  # noqa: BLE001 - one damaged spool must not keep the others waiting
            log.warning("spool_not_read", folder=place, error=repr(error))

    def _begin(self, spool: FoundSpool) -> _Followed:
        owner, hold = take_over(spool.folder, spool.identity, self._here)
        followed = _Followed(spool, owner, hold, SegmentReader(spool.folder))
        if owner == "gone" and spool.ring is not None:
            with contextlib.suppress(FileNotFoundError):  # started anew since: what was in memory is gone
                followed.rest.extend(read_ring(spool.ring))
        return followed

    async def _deliver(self, followed: _Followed) -> bool:
        """Store what is new; whether the spool is over."""
        stream = followed.stream
        if stream is None:
            hello = _hello(followed.spool)
            stream = (await self._ingest.open(hello)).stream
            self._ingest.leave(hello, for_good=True)  # who reads a file is not the script
            followed.stream, followed.seq = stream, stream.high + 1
        while items := await asyncio.to_thread(_read, followed):
            if not await self._store(stream, followed, items):
                break
            await self._show_life(followed)
        if followed.owner == "alive" and not followed.is_over:
            return await asyncio.to_thread(self._has_died, followed)
        if followed.owner == "gone" and await asyncio.to_thread(_is_silent, followed):
            body = record_body(followed.seq, last_words(followed.spool.identity, now_us()))
            await self._store(stream, followed, [Item(followed.seq, RECORD, body)])
        if followed.is_over:
            await asyncio.to_thread(self._mark_done, followed, None)
            return True
        return False

    async def _store(self, stream: Stream, followed: _Followed, items: Sequence[Part]) -> bool:
        batch = await asyncio.to_thread(_batch, followed, items)
        if batch is None:
            return False
        for _, outcome in await self._ingest.record(stream, deque([batch])):
            if not isinstance(outcome, Appended):
                raise outcome
            if followed.owner != "gone" and followed.spool.identity.get("mode", "own") == "own":
                for columns in outcome.sets:
                    self._step(followed.spool.run_id, columns.times)
        followed.seq = batch.first_seq + batch.n
        followed.changed = time.monotonic()
        for item in items:
            if item.kind == RECORD:
                _note_ending(followed, read_record(item.body))
        return True

    async def _show_life(self, followed: _Followed) -> None:
        """A script that may still live has written: it is heard, and its run goes on if it was given up."""
        if followed.owner != "gone" and followed.ending is None:
            self._hear(followed.spool.run_id, followed.spool.identity.get("space"))
            await self._ingest.wake(followed.spool.run_id, "its records come again")

    def _has_died(self, followed: _Followed) -> bool:
        """Whether the process is gone by now: then its spool is begun anew, with the ring that it left."""
        spool = followed.spool
        owner, hold = take_over(spool.folder, spool.identity, self._here)
        hold.release()
        if owner == "alive":
            return False
        followed.reader.close()
        return True

    def _mark_done(self, followed: _Followed | None, why: str | None) -> None:
        """Nobody needs to look again. A folder that can't be written is only looked at more often."""
        if followed is None:
            return
        folder, seq = followed.spool.folder, followed.seq - 1
        followed.reader.close()
        if why is not None:
            log.info("spool_refused", folder=str(folder), reason=why)
        try:
            ring = followed.spool.ring
            has_let_go = followed.owner != "alive" or (ring is not None and not ring.exists())
            if folder.is_dir() and has_let_go:
                if seq > read_acked(folder):
                    write_whole(folder / ACK_FILE, write_ack(seq))
                write_whole(folder / DONE_FILE, b"")
            if followed.owner == "gone" and ring is not None:
                ring.unlink(missing_ok=True)
        except OSError as error:
            log.warning("spool_not_marked", folder=str(folder), error=str(error))
        finally:
            followed.hold.release()


def _is_silent(followed: _Followed) -> bool:
    """Whether the process that decides how its run ended never did."""
    is_owner = followed.spool.identity.get("mode", "own") == "own"
    return is_owner and followed.ending is None and last_status(followed.spool.folder, followed.rest) is None


def is_own_address(url: str, port: int, host: str) -> bool:
    """Whether the page's address that a spool names is this server's: its port, by a name of this machine."""
    try:
        parts = urlsplit(url)
        return parts.port == port and (parts.hostname or "") in {*LOOPBACK_NAMES, host.lower()}
    except ValueError:  # no usable port
        return False


def _list(folder: Path) -> list[FoundSpool]:
    return list(find_spools(folder))


def _read(followed: _Followed) -> Sequence[Part]:
    found = followed.reader.read(followed.seq, READ_BYTES, READ_RECORDS)
    followed.reader.close()  # opened anew each time: a network's file system tells of growth when a file is opened
    if any(item.kind != NAMES for item in found):
        return found
    return [item for item in followed.rest if item.kind == NAMES or item.seq + item.span > followed.seq]


def _batch(followed: _Followed, items: Sequence[Part]) -> Batch | None:
    rows = []
    for item in items:
        if item.kind == NAMES:
            ordinal, names = read_names(item.body)
            followed.names[ordinal] = names
        else:
            rows.append(item)
    if not rows:
        followed.rest.clear()
        return None
    if rows[0].seq > followed.seq:
        raise OSError(f"records {followed.seq} to {rows[0].seq - 1} are missing in {followed.spool.folder}")
    known = _Names(followed)
    return build_batch(rows, known, lambda _set: True)


class _Names(dict[int, tuple[str, ...]]):
    def __init__(self, followed: _Followed) -> None:
        super().__init__()
        self._followed = followed

    def __missing__(self, ordinal: int) -> tuple[str, ...]:
        if ordinal not in self._followed.names:
            self._followed.names |= dict(all_names(self._followed.spool.folder))
        return self._followed.names[ordinal]


def _note_ending(followed: _Followed, record: dict[str, object]) -> None:
    if record.get("type") == "status":
        status = str(record.get("status"))
        followed.ending = None if status == "running" else status


def _hello(spool: FoundSpool) -> Hello:
    known = spool.identity
    return Hello(
        run_id=spool.run_id,
        writer_id=spool.writer_id,
        sdk="stepwire-spool",
        rank=int(known.get("rank") or 0),
        world=int(known.get("world") or 1),
        attempt=int(known.get("attempt") or 1),
        mode="sync",
        name=known.get("name"),
        project=known.get("project"),
    )
