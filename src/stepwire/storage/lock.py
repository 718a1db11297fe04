"""The lock of a data folder: one process at a time owns it."""

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
        self._path = folder / "stepwire.lock"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = self._owner()
            os.close(self._file)
            raise DataFolderInUseError(
                f"The data folder {folder} is in use by {owner}. Stop that server, or name another folder with --data."
            ) from error
        self.write_url(None)

    def write_url(self, url: str | None) -> None:
        """Tell others at which address this server answers."""
        # Cut and write in place: a new file would have a new inode, and the lock is on this one.
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)

    def close(self) -> None:
        """Give the folder back."""
        os.close(self._file)

    def _owner(self) -> str:
        try:
            owner = json.loads(os.pread(self._file, 4096, 0))
            address = f" at {owner['url']}" if owner["url"] else ""
            return f"process {owner['pid']}{address}"
        except (ValueError, KeyError, TypeError):  # read between the owner's cut and write
            return "another process"
