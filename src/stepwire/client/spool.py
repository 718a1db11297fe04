"""What keeps the records of one stream: the ring, the segments behind it, and the thread between the two."""

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stepwire.client.ids import new_writer_id
from stepwire.client.notice import warn
from stepwire.client.ring import RING_BYTES, Ring
from stepwire.client.segments import Segments
from stepwire.client.share import MAX_BYTES, Share
from stepwire.formats.places import is_network, make_private, ring_folders
from stepwire.formats.spool import NAMES, read_items
from stepwire.formats.spoolfolder import (
    DONE_FILE,
    HEAD_FILE,
    LOCK_FILE,
    SegmentReader,
    all_names,
    note_acked,
    write_whole,
)

if TYPE_CHECKING:
    from stepwire.client.outbox_spool import SpoolOutbox

PAUSE_SECONDS = 0.1
KEPT_UP_SECONDS = 0.3
_LITTLE_BYTES = RING_BYTES // 32
PATIENCE_SECONDS = 0.003
SYNC_SECONDS = 1.0
RETRY_SECONDS = 5.0
WARN_SECONDS = 60.0
_JOIN_SECONDS = 1.0
ROOM_FACTOR = 8


class SpoolPlace(NamedTuple):
    """Where a spool lies and what it says of its stream.

    Attributes:
        root: Folder of all spools; ``None`` for memory only.
        identity: Fields of ``head.json``: at least ``run_id``.
        max_bytes: Bytes of unacknowledged records on disk, beside ``MAX_SHARE`` of the free space.
        heartbeat_seconds: Put a heartbeat after so long without a record, for who reads the folder; 0 for never.
        rings: Folders for the ring, the best first; those of this machine when left out.
    """

    root: Path | None
    identity: dict[str, Any]
    max_bytes: int = MAX_BYTES
    heartbeat_seconds: float = 0.0
    rings: tuple[Path, ...] | None = None


class Bell:
    """Wakes one waiting thread; ringing never waits, also in a signal handler."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """End a wait, or the next one."""
        with suppress(RuntimeError):  # it was rung already
            self._lock.release()

    def wait(self, seconds: float | None) -> None:
        """Wait to be rung, at most ``seconds``."""
        self._lock.acquire(timeout=-1 if seconds is None else seconds)


def _has_room(folder: Path) -> bool:
    """Whether a ring takes little of what is free there: a container has 64 MiB, which others need, too."""
    if not hasattr(os, "statvfs"):
        return True
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= ROOM_FACTOR * RING_BYTES


class Spool:
    """Ring and segments of one stream, and the daemon thread that moves records from one to the other.

    Args:
        place: Where it lies.
        clock: Monotonic seconds.

    Raises:
        OSError: There is no memory even for a ring of this process alone.

    Attributes:
        writer_id: Id of the stream, a UUIDv4.
        folder: The stream's folder; ``None`` for memory only.
        new_names: Metric sets that are not yet in the file ``names``.
        introduction: What a metric set holds whose names stand in the ring or on disk; a new one once they had to leave
            the ring unwritten.
        acked: The last record that a server has stored.
        dropped: Records that left because the disk's share was used up.
        is_idle: Whether the thread waits to be woken.
    """

    def __init__(self, place: SpoolPlace, clock: Callable[[], float] = time.monotonic) -> None:
        self.writer_id = new_writer_id()
        self._place = place
        self._clock = clock
        self.folder = None if place.root is None else place.root / place.identity["run_id"] / self.writer_id
        self._identity = {"format": 1, "writer_id": self.writer_id, **place.identity}
        self.ring = self._make_ring()
        self._segments = Segments(self.folder) if self.folder else None
        self.reader = SegmentReader(self.folder or Path())
        self.new_names: dict[int, tuple[str, ...]] = {}
        self.introduction = object()
        self.acked = self._acked_noted = 0
        self.dropped = 0
        self.is_idle = True
        self._share = Share(self._segments, place.max_bytes) if self._segments else None
        self._outbox: SpoolOutbox | None = None
        self._drain_lock = threading.Lock()
        self._bell = Bell()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._lock_fd: int | None = None
        self._has_head = False
        self._retry_at = self._upkeep_at = 0.0
        self._warned_at = -WARN_SECONDS
        self._beaten = (clock(), 0)
        self._seen = (0, 0)

    def _make_ring(self) -> Ring:
        if self._place.root is not None:
            folders = self._place.rings if self._place.rings is not None else tuple(ring_folders(self._place.root))
            for folder in folders:
                with suppress(OSError):  # no room, or no shared memory: the next place
                    if make_private(folder) and _has_room(folder):
                        identity = self._identity | {"folder": str(self.folder)}
                        return Ring(folder / f"{self.writer_id}.ring", identity)
        return Ring(None, {})

    def attach(self, outbox: "SpoolOutbox") -> None:
        """Have what waits in the outbox's memory moved on when there is room."""
        self._outbox = outbox

    # --- from other threads -----------------------------------------------------------------------------

    def wake(self) -> None:
        """Have the thread work soon; starts it. Never waits."""
        self.is_idle = False
        if self._thread is None:
            self._start()
        self._bell.ring()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="stepwire-spool", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is shutting down: the last drain is `close`'s
            self.is_idle = True
            return
        self._thread = thread

    def acknowledged(self, seq: int) -> None:
        """The server has stored all records up to ``seq``."""
        self.acked = seq
        if self.is_idle and self.folder is not None:
            self.wake()

    def drain_now(self) -> bool:
        """Write the ring to the disk in this thread; whether there is room in it now.

        Waits at most ``PATIENCE_SECONDS`` for the thread that may be doing it, and not at all for a failing disk.
        """
        if self._segments is None or self._clock() < self._retry_at:
            return False
        if not self._drain_lock.acquire(timeout=PATIENCE_SECONDS):
            return False
        try:
            self._drain(self._segments)
        except OSError as error:
            self._fail(error)
            return False
        finally:
            self._drain_lock.release()
        return True

    def sync(self) -> bool:
        """Write what is in the ring to the disk and have it stay there; whether it does. Waits for the disk."""
        if self._segments is None:
            return False
        try:
            with self._drain_lock:
                self._drain(self._segments)
            self._sync_all(self._segments)
        except OSError as error:
            self._fail(error)
            return False
        return True

    def _sync_all(self, segments: Segments) -> None:
        """Have the disk keep what is written; not under the lock, for who logs must not wait for it."""
        fd: int | None = -1
        while fd is not None:
            with self._drain_lock:
                fd = segments.begin_sync()
            segments.end_sync(fd)

    def relabel(self, changes: dict[str, Any]) -> None:
        """Change what the spool says of its run; whoever finds it later goes by that. Waits for the disk."""
        with self._drain_lock:
            self._identity |= changes
            self.ring.relabel(self._identity | {"folder": str(self.folder)})
            if self._has_head:
                try:
                    self._write_head()
                except OSError as error:
                    self._fail(error)

    def oldest_seq(self) -> int:
        """The first record that is still kept somewhere."""
        index = self._segments.index if self._segments else []
        return index[0].first_seq if index else self.ring.kept[1]

    def stored_names(self) -> dict[int, tuple[str, ...]]:
        """Every metric set of the stream."""
        stored = dict(all_names(self.folder)) if self.folder else {}
        return stored | self.new_names

    def close(self, *, is_over: bool) -> bool:
        """Write what is left and let go of the stream; ``is_over`` when nobody needs to deliver it any more.

        Returns:
            Whether all of the ring is on the disk.
        """
        self._is_closing = True
        self._bell.ring()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)
        is_written = self._close_disk(is_over=is_over) if self._segments else False
        self.ring.close(remove=is_written or is_over or self._segments is None)
        self.reader.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None
        return is_written

    def _close_disk(self, *, is_over: bool) -> bool:
        if not self._drain_lock.acquire(timeout=_JOIN_SECONDS):
            return False  # the disk hangs; the ring stays for who comes next
        try:
            assert self._segments is not None
            assert self.folder is not None
            self._drain(self._segments)
            self._segments.close()
            if self._has_head and self.acked > self._acked_noted:
                note_acked(self.folder, self.acked)
            if self._has_head and is_over:
                write_whole(self.folder / DONE_FILE, b"")
            elif self._has_head:
                self._identity["closed"] = True  # though the process may live on, as a notebook's does
                self._write_head()
        except OSError as error:
            self._fail(error)
            return self.ring.kept[0] == self.ring.mark[0]
        finally:
            self._drain_lock.release()
        return True

    def abandon(self) -> None:
        """Let go of a parent's stream in a forked child, without a trace in it."""
        self._is_closing = True
        self.ring.close(remove=False)
        self.reader.close()
        if self._segments:
            self._segments.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)

    # --- the thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_closing:
            self._bell.wait(self._patience())
            try:
                self._beat()
                self._work()
            except Exception as error:  # noqa: BLE001 - told; this thread must live as long as its process
                self._fail(error)
                time.sleep(PAUSE_SECONDS)

    def _patience(self) -> float | None:
        """Seconds until the ring is looked at again.

        Longer while a server stores at once what comes and it is little: the disk then has it for nothing, and each
        look takes the interpreter from the training.
        """
        if self.is_idle:
            return self._place.heartbeat_seconds or None
        before, self._seen = self._seen, self.ring.mark
        keeps_up = 0 < before[1] <= self.acked and self._seen[0] - before[0] < _LITTLE_BYTES
        may_wait = self.ring.path is not None and not self._place.heartbeat_seconds
        return KEPT_UP_SECONDS if keeps_up and may_wait else PAUSE_SECONDS

    def _beat(self) -> None:
        """Say that the process lives when nothing else does."""
        now, last = self._clock(), self.ring.mark[1]
        if last != self._beaten[1]:
            self._beaten = (now, last)
        seconds = self._place.heartbeat_seconds
        if seconds and self._outbox is not None and now - self._beaten[0] >= seconds and not self._is_closing:
            self._outbox.put({"type": "heartbeat", "time": time.time_ns() // 1000})

    def _work(self) -> None:
        now = self._clock()
        if self._segments is not None and now >= self._retry_at:
            try:
                with self._drain_lock:
                    self._drain(self._segments)
                self._upkeep(self._segments, now)
            except OSError as error:
                self._fail(error)
        if self._segments is None or now < self._retry_at:
            with self._drain_lock:
                self._release_acked()
        if self._outbox is not None:
            self._outbox.refill()
        self.is_idle = self._is_done()
        if self.is_idle and not self._is_done():  # a put in between saw that nobody sleeps
            self.is_idle = False

    def _is_done(self) -> bool:
        is_behind = self._outbox is not None and self._outbox.overflows
        is_noted = self._segments is None or (self._acked_noted == self.acked and not self._segments.is_dirty)
        is_drained = self.ring.mark[0] == self.ring.kept[0] or self._segments is None
        return is_drained and is_noted and not is_behind

    def _drain(self, segments: Segments) -> None:
        """Write all that is in the ring to the newest segment."""
        head, last = self.ring.mark
        at, seq = max(self.ring.kept, segments.drained)  # an exception may have come between the write and the release
        if segments.is_gone(looks_twice=self._clock() >= self._upkeep_at):
            self._begin_anew(segments)
        names = list(self.new_names.items())
        if head == at and not names:
            self.ring.release(at, seq)
            return
        if not self._has_head:
            self._write_head()
        if head == at:
            segments.write_names(names)
        else:
            pieces = [piece for _, piece in self.ring.views(at, head)]
            try:
                segments.write(seq, pieces, names, (head, last + 1))
            finally:
                for piece in pieces:
                    piece.release()
        for ordinal, _ in names:
            self.new_names.pop(ordinal, None)
        self.ring.release(head, last + 1)

    def _write_head(self) -> None:
        assert self.folder is not None
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ring = None if self.ring.path is None else str(self.ring.path)
        write_whole(self.folder / HEAD_FILE, json.dumps(self._identity | {"ring": ring}).encode())
        if ring is None and self._lock_fd is None and not is_network(self.folder):
            self._hold(self.folder / LOCK_FILE)
        self._has_head = True

    def _hold(self, path: Path) -> None:
        """Lock a file for as long as this process lives: without a ring it tells that the owner is alive."""
        from stepwire.client.ring import lock

        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # no locks here: the process id tells
            lock(fd)
        self._lock_fd = fd

    def _upkeep(self, segments: Segments, now: float) -> None:
        if now < self._upkeep_at or not self._has_head:
            return
        assert self.folder is not None
        assert self._share is not None
        self._upkeep_at = now + SYNC_SECONDS
        self._sync_all(segments)
        acked = self.acked
        if acked != self._acked_noted:
            note_acked(self.folder, acked)
            self._acked_noted = acked
        read = self._outbox.read_seq if self._outbox is not None else 0
        with self._drain_lock:
            self._share.forget_acked(acked)
            lost = self._share.keep_to_share(acked, read)
        if lost:
            self.dropped += lost
            self._warn(f"the spool is full; {self.dropped:,} points had to leave")

    def _begin_anew(self, segments: Segments) -> None:
        """Somebody has deleted the folder: what comes from here on is kept in a new one."""
        segments.begin_anew()
        self._has_head = False
        if self._outbox is not None:
            self.new_names.update(self._outbox.known_names())
        self._warn(f"{self.folder} was deleted; what was in it and not delivered is lost")

    def _release_acked(self) -> None:
        """While the disk takes nothing: what the server has needs no place in the ring."""
        at, seq = self.ring.kept
        if self.acked < seq:
            return
        for start, piece in self.ring.copy(at, self.ring.mark[0]):
            for after, item in read_items(piece):
                if item.kind == NAMES and self.new_names:
                    self.introduction = object()  # only memory has these names now: the next rows tell them again
                if item.seq + item.span - 1 > self.acked:
                    self.ring.release(at, seq)
                    return
                at, seq = start + after, max(seq, item.seq + item.span)
        self.ring.release(at, seq)

    def _fail(self, error: Exception) -> None:
        self._retry_at = self._clock() + RETRY_SECONDS
        self._warn(f"the spool can't be written ({error}); records wait in memory and are sent from there")

    def _warn(self, text: str) -> None:
        now = self._clock()
        if now - self._warned_at >= WARN_SECONDS:
            self._warned_at = now
            warn("%s; training goes on.", text)
