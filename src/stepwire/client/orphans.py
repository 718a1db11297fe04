"""Brings spools of other processes to a server: those of processes that are gone, and those in a shared folder."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stepwire.client.clock import Clock
from stepwire.client.imports import load
from stepwire.client.notice import warn
from stepwire.client.outbox_stored import StoredOutbox
from stepwire.client.sender import Sender
from stepwire.client.settings import ClientSettings
from stepwire.client.transport import Transport, WebSocketTransport
from stepwire.formats.places import boot_id
from stepwire.formats.salvage import remove_delivered, salvage_rings
from stepwire.formats.spoolfolder import read_identity
from stepwire.formats.spoolowner import Here, Hold, Owner, take_over
from stepwire.formats.spools import QUIET_SECONDS, FoundSpool, find_spools, last_words
from stepwire.version import __version__

if TYPE_CHECKING:
    from stepwire.protocol import Hello

_LOOK_SECONDS = 0.02
_NOTE_SECONDS = 1.0
_WAIT_SECONDS = 1.0
NO_SERVER_SECONDS = 10.0
_SWEPT: set[tuple[Path, str, int]] = set()


class Delivery(NamedTuple):
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
        self._changed = time.monotonic()
        if owner == "gone" and spool.identity.get("mode", "own") == "own" and not self.outbox.has_ended():
            self.outbox.put(last_words(spool.identity, self._clock.now()))
        where = getattr(transport, "url", "the server")
        meanwhile = f"run {spool.run_id} stays kept"
        self.sender = Sender(self.outbox, transport, self._introduce, where=where, meanwhile=meanwhile)

    def start(self) -> None:
        """Begin to deliver."""
        if self.outbox.pending:
            self.sender.hurry()

    def refresh(self) -> None:
        """Look for new records, and note what was delivered. Raises OSError."""
        now = time.monotonic()
        if self.outbox.refresh():
            self._changed = now
            self.sender.hurry()
        if now - self._noted_at >= _NOTE_SECONDS:
            self._noted_at = now
            self.outbox.note()

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come and all of it is stored."""
        # Who was told to end may go on for a while: a process that lives writes at least a heartbeat.
        is_quiet = self.outbox.ending is not None and time.monotonic() - self._changed > QUIET_SECONDS
        return (self.owner == "gone" or is_quiet) and self.outbox.pending == 0

    def wait(self, seconds: float) -> None:
        """Wait until all is stored, the server wants nothing of it, or time is up: early when no server is there."""
        began = time.monotonic()
        while self.outbox.pending and self.sender.stopped_by is None:
            if self.sender.failures:
                self.sender.calm()  # a server that is away is not asked four times a second
            waited = time.monotonic() - began
            if waited > seconds or (waited > NO_SERVER_SECONDS and not self.sender.reached):
                return
            time.sleep(_LOOK_SECONDS)

    def close(self) -> Delivery:
        """End; the spool is marked as delivered when it is and nothing more can come."""
        self.sender.close(time.monotonic() + 1.0)
        why = self.sender.reason if self.outbox.pending else self.sender.stopped_by
        is_refused = why is not None and "deleted" in why
        try:
            self.outbox.close(is_over=self.is_over or is_refused)
        except OSError as error:  # what was delivered is delivered; the next one asks the server again
            why = why or f"its folder can't be written: {error}"
        else:
            if self.owner == "gone" and self.outbox.pending == 0 and self.spool.ring is not None:
                self.spool.ring.unlink(missing_ok=True)
        finally:
            self._hold.release()
        delivered = self.outbox.acked - self._began
        return Delivery(self.spool, self.owner, delivered, self.outbox.pending, why)

    def _introduce(self, writer_id: str, next_seq: int) -> "Hello":
        from stepwire.protocol import Hello

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


class Couriers:
    """Delivers all spools under a folder, once or for as long as runs go on.

    Args:
        root: Folder of spools.
        transport: Makes the way to the server for one spool.
        wanted: Whether a spool is to be delivered there.
    """

    def __init__(
        self,
        root: Path,
        transport: Callable[[FoundSpool], Transport],
        wanted: Callable[[FoundSpool], bool] = lambda spool: True,
    ) -> None:
        self.root = root
        self._transport = transport
        self._wanted = wanted
        self._active: dict[str, Courier] = {}

    def find(self, *, alive: bool) -> Iterator[Courier]:
        """Begin with one spool after the other that nobody delivers yet; with ``alive`` also with those of processes
        that live, or that nobody here can look for. One that can't be read is told and passed over."""
        here = _here()
        for spool in find_spools(self.root):
            if str(spool.folder) in self._active or not self._wanted(spool):
                continue
            owner, hold = take_over(spool.folder, spool.identity, here)
            if owner != "gone" and not alive:
                hold.release()
                continue
            try:
                courier = Courier(spool, self._transport(spool), owner, hold)
            except Exception as error:  # noqa: BLE001 - one damaged spool must not keep the others waiting
                hold.release()
                _warn(spool, error)
                continue
            self._active[str(spool.folder)] = courier
            yield courier

    def deliver(self, seconds: float, *, alive: bool = True, at_once: int = 8) -> list[Delivery]:
        """Deliver what is there by now, ``at_once`` spools side by side, each within ``seconds``."""
        deliveries: list[Delivery] = []
        waiting = self.find(alive=alive)
        while some := list(islice(waiting, at_once)):
            for courier in some:
                courier.start()
            for courier in some:
                courier.wait(seconds)
                deliveries.append(courier.close())
            if not any(courier.sender.reached or not courier.sender.failures for courier in some):
                seconds = 0.0  # no server is there: the rest is told as left
        self._active.clear()  # only now: what was delivered is not to be found again in the same turn
        return [one for one in deliveries if one.delivered or one.left or one.owner != "unknown"]

    def turn(self) -> list[Delivery]:
        """Go on with all spools, for who follows a folder; returns those that are over."""
        for courier in self.find(alive=True):
            courier.start()
        over = []
        for folder, courier in list(self._active.items()):
            try:
                courier.refresh()
                if courier.owner == "alive" and courier.outbox.pending == 0:
                    self._look_at_owner(courier)
            except OSError as error:
                _warn(courier.spool, error)
                continue
            if courier.is_over or courier.sender.stopped_by:
                over.append(courier.close())
                self._active.pop(folder, None)
        return over

    def _look_at_owner(self, courier: Courier) -> None:
        """Begin anew with a spool whose process is gone meanwhile, so that its last words are found."""
        spool = courier.spool
        owner, hold = take_over(spool.folder, read_identity(spool.folder) or spool.identity, _here())
        hold.release()
        if owner == "gone":
            courier.close()
            del self._active[str(spool.folder)]


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
        try:
            with suppress(ImportError):  # Windows has none
                load("fcntl")  # here a fork waits for it; in the middle of an import it would not
            salvage_rings(settings.spool)
            remove_delivered(settings.spool)
            while is_reached is not None and not is_reached():
                time.sleep(_WAIT_SECONDS)
            if is_reached is not None:
                deliver_orphans(settings)
        except OSError as error:
            where = settings.spool
            warn("what is left in %s can't be delivered: %s", where, error)
        finally:
            _SWEPT.discard(place)  # the next run of this process finds what this one leaves

    place = (settings.spool, settings.page_url, os.getpid())
    if place not in _SWEPT:
        _SWEPT.add(place)
        with suppress(RuntimeError):  # no more threads: the next start delivers
            threading.Thread(target=sweep, name="stepwire-sweep", daemon=True).start()


def _warn(spool: FoundSpool, error: Exception) -> None:
    text = "what is left in %s can't be delivered: %s"
    warn(text, spool.folder, error)


def _here() -> Here:
    from stepwire.system import installation_id, process_space, process_start

    return Here(process_start, boot_id(), process_space(), installation_id())
