"""Whether the process that writes a spool still lives, told without waiting for anybody."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from stepwire.formats.spoolfolder import LOCK_FILE

Owner = Literal["alive", "gone", "unknown"]


class Hold:
    """The right to deliver a spool whose owner is gone: nobody else on this machine has it meanwhile."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    @property
    def is_of_a_file(self) -> bool:
        """Whether the locked file still has a name: another process may have deleted or replaced it meanwhile."""
        return self._fd is not None and os.fstat(self._fd).st_nlink > 0

    def release(self) -> None:
        """Give it back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Here(NamedTuple):
    """What this process sees of its machine.

    Attributes:
        started: Returns when a process started, in seconds since 1970; ``None`` when there is none of that id.
        boot_id: Identity of this boot of the machine.
        space: What process ids count in: the boot and the container.
        machine_id: Identity of this installation; empty if unknown.
    """

    started: Callable[[int], float | None]
    boot_id: str
    space: str = ""
    machine_id: str = ""


def take_over(folder: Path, identity: dict[str, Any], here: Here) -> tuple[Owner, Hold]:
    """Find out what became of a spool's owner; when it is gone, hold its spool.

    Args:
        folder: The stream's folder.
        identity: What ``head.json`` or the ring says.

    Returns:
        ``alive``; ``gone``; or ``unknown`` when it ran on another machine, or in a container that can't be looked into.
    """
    import socket

    if identity.get("host") != socket.gethostname():
        return "unknown", Hold(None)
    if identity.get("closed"):
        return "gone", _hold(folder / LOCK_FILE)
    if _differ(identity.get("boot_id"), here.boot_id):
        is_elsewhere = _differ(identity.get("machine_id"), here.machine_id)  # two machines of one name
        return ("unknown", Hold(None)) if is_elsewhere else ("gone", _hold(folder / LOCK_FILE))
    return _look_for(folder, identity, here)


def _look_for(folder: Path, identity: dict[str, Any], here: Here) -> tuple[Owner, Hold]:
    """The same for a process of this boot of this machine."""
    ring = identity.get("ring")
    for path in [Path(ring)] if ring else [folder / LOCK_FILE]:
        held = try_lock(path)
        if held == "busy":
            return "alive", Hold(None)
        if isinstance(held, Hold):
            return "gone", held
    if _differ(identity.get("space"), here.space):  # its process ids are not ours
        return "unknown", Hold(None)
    return ("alive" if _lives(identity, here.started) else "gone"), _hold(folder / LOCK_FILE)


def _differ(known: object, own: str) -> bool:
    return bool(known) and bool(own) and known != own


def try_lock(path: Path) -> "Hold | Literal['busy'] | None":
    """The lock, who else has it, or ``None`` when there is no such file or the file system knows no locks."""
    try:
        import fcntl

        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return "busy"
    except OSError:
        os.close(fd)
        return None
    return Hold(fd)


def _hold(path: Path) -> Hold:
    """Lock a file of the folder, so that two do not deliver at once; where that can't be, both may: it is harmless."""
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    held = try_lock(path)
    return held if isinstance(held, Hold) else Hold(None)


def _lives(identity: dict[str, Any], started: Callable[[int], float | None]) -> bool:
    pid, known = identity.get("pid"), identity.get("pid_start")
    if not isinstance(pid, int):
        return False
    found = started(pid)
    return found is not None and (not isinstance(known, int | float) or abs(found - known) < 2)
