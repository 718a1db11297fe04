"""The lock of a data folder: one process at a time owns it."""

import contextlib
import fcntl
import json
import os
from pathlib import Path

from stepwire.errors import DataFolderInUseError


class FolderLock:
    """Holds ``flock`` on ``<folder>/stepwire.lock`` until closed; the kernel frees it when the process dies.

    The file names the owner, as JSON: ``{"pid": 4711, "url": "http://127.0.0.1:8000"}``.

    Raises:
        DataFolderInUseError: Another process, or another part of this one, holds it.
    """

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder / "stepwire.lock", os.O_RDWR | os.O_CREAT, 0o600)
        # A file object, because closing that twice can't close somebody else's descriptor.
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = _owner(self._file.read())
            self._file.close()
            raise DataFolderInUseError(
                f"The data folder {folder} is in use by {owner}. Stop that server, or name another folder with --data."
            ) from error
        self.write_url(None)

    def write_url(self, url: str | None) -> None:
        """Tell others at which address this server answers."""
        # Cut and write in place: a new file would have a new inode, and the lock is on this one.
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps({"pid": os.getpid(), "url": url}).encode())

    def close(self) -> None:
        """Give the folder back. Harmless when done already."""
        self._file.close()


def require_free(folder: Path) -> None:
    """Raise DataFolderInUseError when another process owns the folder."""
    with contextlib.suppress(OSError):  # not ours to open: nothing is known of an owner
        if (folder / "stepwire.lock").exists():
            FolderLock(folder).close()


def _owner(written: bytes) -> str:
    try:
        owner = json.loads(written)
        address = f" at {owner['url']}" if owner["url"] else ""
        return f"process {owner['pid']}{address}"
    except (ValueError, KeyError, TypeError):  # read between the owner's cut and write
        return "another process"
