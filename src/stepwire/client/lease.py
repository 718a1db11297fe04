"""Who samples a machine: of all the scripts that train on it, one."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from stepwire.system.identity import machine_id

_MODE = 0o700


class HostLease:
    """The right to sample this host for one destination, held by one script at a time.

    It is a lock on a file of this user, which the kernel takes away from a process that ends, however it ends.
    Where there is no such lock every script holds the right, and the server listens to one of them.

    Args:
        destination: Address of the server, or the folder, that the samples go to.
        folders: Where the file may be; the user's runtime folder, else one below ``/tmp``, when left out.
    """

    def __init__(self, destination: str, folders: tuple[Path, ...] | None = None) -> None:
        self._destination = destination
        self._folders = _runtime_folders() if folders is None else folders
        self._path: Path | None = None
        self._file = -1
        self.seat: str | None = None
        """Names the lock that is held, the same for whoever holds it next; ``None`` without a lock."""

    def take(self) -> bool:
        """Take the right unless another script has it; return whether this one has it now. Never waits."""
        if self._file >= 0 and self._is_in_place():
            return True
        self.release()
        try:
            return self._lock()
        except (ImportError, OSError):  # no locks on this system or file system, or no file to be had
            self.release()
            return True

    def release(self) -> None:
        """Give the right back. In a forked child: forget that its parent has it, who keeps it."""
        file, self._file, self.seat = self._file, -1, None
        if file >= 0:
            with suppress(OSError):  # closing is all there is to do
                os.close(file)

    def _lock(self) -> bool:
        import fcntl

        path = self._place()
        if path is None:
            return True
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        if not self._is_in_place():  # someone cleaned up between the two calls
            self.release()
            return False
        locked = os.fstat(self._file)
        self.seat = _digest(path.name, f"{locked.st_dev}:{locked.st_ino}")
        return True

    def _is_in_place(self) -> bool:
        """Whether others would meet the file that is locked: cleaners of ``/tmp`` take what looks old."""
        with suppress(OSError):
            return self._path is not None and os.path.samestat(os.fstat(self._file), self._path.stat())
        return False

    def _place(self) -> Path | None:
        """The file of this machine and server, in the first folder that is this user's alone."""
        name = f"host-{_digest(machine_id(), _host_name(), self._destination)}.lock"
        return next((folder / name for folder in self._folders if _is_private(folder)), None)


def _runtime_folders() -> tuple[Path, ...]:
    if not hasattr(os, "getuid"):  # Windows
        return ()
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    below_tmp = Path(f"/tmp/stepwire-{os.getuid()}")  # used only if it belongs to this user alone
    return (Path(runtime) / "stepwire", below_tmp) if runtime else (below_tmp,)


def _is_private(folder: Path) -> bool:
    """Make a folder; return whether it is one that only this user can write to, and no link to another."""
    with suppress(OSError):  # its parent is not there or may not be written
        folder.mkdir(_MODE, exist_ok=True)
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return False


def _host_name() -> str:
    import socket

    return socket.gethostname()


def _digest(*parts: str) -> str:
    from hashlib import blake2b

    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()
