"""Brings spools of other processes to a server: those of processes that are gone, and those in a shared folder."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stepwire.client.clock import Clock
from stepwire.client.outbox_stored import StoredOutbox
from stepwire.client.sender import Sender
from stepwire.client.settings import ClientSettings
from stepwire.client.transport import Transport, WebSocketTransport
from stepwire.formats.places import boot_id
from stepwire.formats.salvage import salvage_rings
from stepwire.formats.spoolowner import Hold, Owner, take_over
from stepwire.formats.spools import FoundSpool, find_spools, last_words
from stepwire.protocol import Hello
from stepwire.version import __version__

_LOOK_SECONDS = 0.02
_NOTE_SECONDS = 1.0
_WAIT_SECONDS = 1.0
_SWEPT: set[tuple[Path, str, int]] = set()


@dataclass(slots=True)
class Delivery:
    """What became of one spool: records that the server has now, those it has not, and why not."""

    spool: FoundSpool
    owner: Owner
    delivered: int = 0
    left: int = 0
    why: str | None = None


class Courier:
    """Delivers one spool over a connection of its own.

    Args:
        spool: What to deliver.
        transport: How frames travel.
        owner: What became of its process. When that is ``gone``, its ring is read, too, and a run that never said how
            it ended is told as crashed.
        hold: The right to deliver it; given back at the end.
    """

    def __init__(self, spool: FoundSpool, transport: Transport, owner: Owner, hold: Hold) -> None:
        self.spool = spool
        self.owner = owner
        self._hold = hold
        self._clock = Clock()
        ring = spool.ring if owner == "gone" else None
        self.outbox = StoredOutbox(spool.folder, spool.writer_id, ring)
        self._began = self.outbox.acked
        self._noted_at = 0.0
        if owner == "gone" and spool.identity.get("mode", "own") == "own" and not self.outbox.has_ended():
            self.outbox.put(last_words(spool.identity, self._clock.now()))
        self.sender = Sender(self.outbox, transport, self._introduce, where="the server")

    def start(self) -> None:
        """Begin to deliver."""
        if self.outbox.pending:
            self.sender.hurry()

    def refresh(self) -> None:
        """Look for new records, and note what was delivered. Raises OSError."""
        if self.outbox.refresh():
            self.sender.hurry()
        now = time.monotonic()
        if now - self._noted_at >= _NOTE_SECONDS:
            self._noted_at = now
            self.outbox.note()

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come and all of it is stored."""
        has_ended = self.owner == "gone" or self.outbox.ending is not None
        return has_ended and self.outbox.pending == 0

    def wait(self, seconds: float) -> None:
        """Wait until all is stored, the server wants nothing of it, or time is up."""
        deadline = time.monotonic() + seconds
        while self.outbox.pending and self.sender.stopped_by is None and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)

    def close(self) -> Delivery:
        """End; the spool is marked as delivered when it is and nothing more can come."""
        self.sender.close(time.monotonic() + 1.0)
        why = self.sender.stopped_by
        if self.outbox.pending and why is None:
            why = "no server answered in time"
        is_refused = why is not None and "deleted" in why
        try:
            self.outbox.close(is_over=self.is_over or is_refused)
            if self.owner == "gone" and self.outbox.pending == 0 and self.spool.ring is not None:
                self.spool.ring.unlink(missing_ok=True)
        finally:
            self._hold.release()
        delivered = self.outbox.acked - self._began
        return Delivery(self.spool, self.owner, delivered, self.outbox.pending, why)

    def _introduce(self, writer_id: str, next_seq: int) -> Hello:
        known = self.spool.identity
        return Hello(
            run_id=self.spool.run_id,
            writer_id=writer_id,
            sdk=f"stepwire-python/{__version__}",
            rank=int(known.get("rank") or 0),
            world=int(known.get("world") or 1),
            attempt=int(known.get("attempt") or 1),
            mode="sync",
            next_seq=next_seq,
            boot_id=boot_id(),
            mono_ns=time.monotonic_ns(),
            wall_ns=time.time_ns(),
            name=known.get("name"),
            project=known.get("project"),
        )


@dataclass(slots=True)
class Couriers:
    """Delivers all spools under a folder, once or for as long as runs go on.

    Args:
        root: Folder of spools.
        transport: Makes the way to the server for one spool.
        wanted: Whether a spool is to be delivered there.
    """

    root: Path
    transport: Callable[[FoundSpool], Transport]
    wanted: Callable[[FoundSpool], bool] = lambda spool: True
    active: dict[str, Courier] = field(default_factory=dict)

    def find(self, *, alive: bool) -> list[Courier]:
        """Begin with the spools that nobody delivers yet; those of living processes only with ``alive``."""
        begun = []
        for spool in find_spools(self.root):
            if str(spool.folder) in self.active or not self.wanted(spool):
                continue
            owner, hold = take_over(spool.folder, spool.identity, started=_started, boot_id=boot_id())
            if owner == "alive" and not alive:
                continue
            courier = Courier(spool, self.transport(spool), owner, hold)
            self.active[str(spool.folder)] = courier
            begun.append(courier)
        return begun

    def deliver(self, seconds: float, *, alive: bool = True, at_once: int = 8) -> list[Delivery]:
        """Deliver what is there by now, ``at_once`` spools side by side, each within ``seconds``."""
        deliveries: list[Delivery] = []
        waiting = self.find(alive=alive)
        while waiting:
            some, waiting = waiting[:at_once], waiting[at_once:]
            for courier in some:
                courier.start()
            for courier in some:
                courier.wait(seconds)
                deliveries.append(courier.close())
                del self.active[str(courier.spool.folder)]
        return deliveries

    def turn(self) -> list[Delivery]:
        """Go on with all spools, for who follows a folder; returns those that are over."""
        for courier in self.find(alive=True):
            courier.start()
        over = []
        for folder, courier in list(self.active.items()):
            courier.refresh()
            if courier.owner == "alive" and courier.outbox.pending == 0:
                self._look_at_owner(courier)
            if courier.is_over or courier.sender.stopped_by:
                over.append(courier.close())
                del self.active[folder]
        return over

    def _look_at_owner(self, courier: Courier) -> None:
        """Begin anew with a spool whose process is gone meanwhile, so that its last words are found."""
        spool = courier.spool
        owner, hold = take_over(spool.folder, spool.identity, started=_started, boot_id=boot_id())
        hold.release()
        if owner == "gone":
            courier.close()
            del self.active[str(spool.folder)]


def deliver_orphans(settings: ClientSettings, seconds: float = 60.0) -> list[Delivery]:
    """Deliver what processes that are gone left behind for the server of ``settings``.

    What was logged offline waits for who wants it delivered. Raises OSError.
    """

    def is_wanted(spool: FoundSpool) -> bool:
        return spool.identity.get("url") == settings.page_url and not spool.identity.get("offline")

    def transport(_spool: FoundSpool) -> Transport:
        return WebSocketTransport(settings.socket_url, settings.api_key)

    return Couriers(settings.spool, transport, is_wanted).deliver(seconds, alive=False)


def start_sweep(settings: ClientSettings, is_reached: Callable[[], bool] | None) -> None:
    """In the background, free the memory of earlier processes and deliver what they left behind for the server.

    Args:
        is_reached: Whether the server is there; ``None`` to deliver nothing.
    """

    def sweep() -> None:
        salvage_rings(settings.spool)
        if is_reached is None:
            return
        while not is_reached():
            time.sleep(_WAIT_SECONDS)
        try:
            deliver_orphans(settings)
        except OSError as error:
            where = settings.spool
            logging.getLogger("stepwire").warning("stepwire: what is left in %s can't be delivered: %s", where, error)

    place = (settings.spool, settings.page_url, os.getpid())
    if place not in _SWEPT:
        _SWEPT.add(place)
        with suppress(RuntimeError):  # no more threads: the next start delivers
            threading.Thread(target=sweep, name="stepwire-sweep", daemon=True).start()


def _started(pid: int) -> float | None:
    from stepwire.system import process_start

    return process_start(pid)
